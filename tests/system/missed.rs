//! Ten thousand commits by many writers at once, and every row that stands at the end is on the board.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::RngExt;
use sqlx::types::chrono::{DateTime, Utc};
use sqlx::{Acquire, PgPool};

use crate::stage::Stage;

const TABLE: &str = "
CREATE TABLE entry (id int PRIMARY KEY, version int NOT NULL, updated_at timestamptz NOT NULL);
INSERT INTO entry SELECT n, 0, now() FROM generate_series(1, 300) n;
";

const ENTRIES: &str = r#"
name = "Entries"
source = "entry"
key = "id"
cadence = "1s"
trash_limit = "off"
change_limit = "off"
[[property]]
name = "Id"
type = "title"
column = "id"
[[property]]
name = "Version"
type = "number"
column = "version"
"#;

const WRITERS: i32 = 8;
const COMMITS: i32 = 1_250;

/// Rows come, change and go, in transactions short and long, with savepoints, and stamped by clocks that differ.
async fn write(pool: &PgPool, writer: i32) -> sqlx::Result<()> {
    let mut connection = pool.acquire().await?;
    for commit in 0..COMMITS {
        let (id, kind) = {
            let mut rng = rand::rng();
            (rng.random_range(1..=400), rng.random_range(0..20))
        };
        let version = commit * WRITERS + writer;
        let mut tx = connection.begin().await?;
        match kind {
            0 => {
                sqlx::query("DELETE FROM entry WHERE id = $1")
                    .bind(id)
                    .execute(&mut *tx)
                    .await?;
            }
            1 => {
                let mut savepoint = tx.begin().await?;
                sqlx::query("UPDATE entry SET version = -1 WHERE id = $1")
                    .bind(id)
                    .execute(&mut *savepoint)
                    .await?;
                savepoint.rollback().await?;
                upsert(&mut tx, id, version).await?;
            }
            _ => upsert(&mut tx, id, version).await?,
        }
        if commit % 25 == 0 {
            // What commits now was stamped before what others committed meanwhile.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tx.commit().await?;
    }
    Ok(())
}

async fn upsert(tx: &mut sqlx::PgConnection, id: i32, version: i32) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO entry VALUES ($1, $2, now() + $3 * interval '1 ms')
         ON CONFLICT (id) DO UPDATE SET (version, updated_at) = (EXCLUDED.version, EXCLUDED.updated_at)",
    )
    .bind(id)
    .bind(version)
    .bind(id % 3 * 40 - 40)
    .execute(tx)
    .await?;
    Ok(())
}

/// The straightforward reader: whatever is younger than the youngest that it has seen.
async fn tail(pool: &PgPool, stop: &AtomicBool) -> sqlx::Result<HashMap<i32, i32>> {
    let (mut seen, mut mark) = (HashMap::new(), None::<DateTime<Utc>>);
    loop {
        let last = stop.load(Ordering::Relaxed);
        let rows: Vec<(i32, i32, DateTime<Utc>)> = sqlx::query_as(
            "SELECT id, version, updated_at FROM entry WHERE $1 IS NULL OR updated_at > $1",
        )
        .bind(mark)
        .fetch_all(pool)
        .await?;
        for (id, version, at) in rows {
            seen.insert(id, version);
            mark = mark.max(Some(at));
        }
        if last {
            return Ok(seen);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_thousand_commits_none_is_missed() {
    let stage = Stage::set(TABLE, &[("entries.toml", ENTRIES)]).await;
    let _daemon = stage.run();
    let writers_pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(10)
        .connect_with((*stage.pool.connect_options()).clone())
        .await
        .expect("connections");
    let stop = AtomicBool::new(false);
    let writing = async {
        let mut tasks = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let pool = writers_pool.clone();
            tasks.spawn(async move { write(&pool, writer).await });
        }
        for done in tasks.join_all().await {
            done.expect("the writer ends well");
        }
        stop.store(true, Ordering::Relaxed);
    };
    let ((), tailed) = tokio::join!(writing, tail(&writers_pool, &stop));
    let tailed = tailed.expect("the reader ends well");

    stage.await_clean_for(Duration::from_secs(180)).await;
    let rows: Vec<(i32, i32)> = sqlx::query_as("SELECT id, version FROM entry")
        .fetch_all(&stage.pool)
        .await
        .expect("the rows");
    let missed = rows
        .iter()
        .filter(|(id, version)| tailed.get(id) != Some(version))
        .count();
    assert!(
        missed > 0,
        "the commits were too tame: even updated_at missed none of them"
    );
}
