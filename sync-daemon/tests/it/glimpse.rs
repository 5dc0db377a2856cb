//! Glimpses: no committed row is missed between two looks, however long its transaction took.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::Connection as _;
use sync_daemon::dashboard::Dashboard;
use sync_daemon::source::Snapshot;

use crate::database::{Database, database};
use crate::source::{board, dashboard};

const WRITERS: usize = 4;
const COMMITS: usize = 150;

async fn glimpse(database: &Database, dashboard: &Dashboard, horizon: &mut String) -> Vec<String> {
    let mut snapshot = Snapshot::begin(&database.pool).await.unwrap();
    let rows = snapshot
        .written_since(dashboard, horizon, 1_000_000)
        .await
        .unwrap()
        .expect("a table tells");
    snapshot.horizon().clone_into(horizon);
    rows.into_iter().map(|row| row.key).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_commit_is_missed_however_long_its_transaction_ran() {
    let database = database(
        "CREATE TABLE item (id int PRIMARY KEY, name text) PARTITION BY RANGE (id);
         CREATE TABLE low PARTITION OF item FOR VALUES FROM (0) TO (200);
         CREATE TABLE high PARTITION OF item FOR VALUES FROM (200) TO (100000);
         INSERT INTO item SELECT n, 'old' FROM generate_series(0, 99) n",
    )
    .await;
    let boards = dashboard("source = \"item\"\nkey = \"id\"", "name", "");
    let dashboard = board(&boards);
    let snapshot = Snapshot::begin(&database.pool).await.unwrap();
    let mut horizon = snapshot.horizon().to_owned();
    snapshot.finish().await.unwrap();

    let finished = AtomicUsize::new(0);
    let write = async |writer: usize| {
        let mut connection = sqlx::PgConnection::connect_with(&database.pool.connect_options())
            .await
            .unwrap();
        for commit in 0..COMMITS {
            let id = i32::try_from(100 + writer * COMMITS + commit).unwrap();
            let mut outer = connection.begin().await.unwrap();
            // In a savepoint, so that the row carries the number of a transaction within another one.
            let mut inner = outer.begin().await.unwrap();
            sqlx::query("INSERT INTO item VALUES ($1, 'new')")
                .bind(id)
                .execute(&mut *inner)
                .await
                .unwrap();
            inner.commit().await.unwrap();
            if commit % 10 == writer {
                tokio::time::sleep(Duration::from_millis(60)).await;
            }
            outer.commit().await.unwrap();
        }
        finished.fetch_add(1, Ordering::SeqCst);
    };
    let mut seen = HashSet::new();
    let look = async {
        while finished.load(Ordering::SeqCst) < WRITERS {
            seen.extend(glimpse(&database, dashboard, &mut horizon).await);
        }
        seen.extend(glimpse(&database, dashboard, &mut horizon).await);
    };
    tokio::join!(look, write(0), write(1), write(2), write(3));
    let missed: Vec<_> = (100..100 + WRITERS * COMMITS)
        .filter(|id| !seen.contains(&id.to_string()))
        .collect();
    assert_eq!(missed, Vec::<usize>::new());

    // Where nothing was written, rows are read again only until the transactions of before are over. Those of other
    // databases hold the horizon as well, and other tests use this server.
    let quiet = async {
        while !glimpse(&database, dashboard, &mut horizon).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let quiet = tokio::time::timeout(Duration::from_mins(1), quiet);
    quiet.await.expect("what is long committed was read again");
    sqlx::query("UPDATE item SET name = 'changed' WHERE id = 7")
        .execute(&database.pool)
        .await
        .unwrap();
    let again = glimpse(&database, dashboard, &mut horizon).await;
    assert!(again.contains(&"7".to_owned()), "{again:?}");
}

#[tokio::test]
async fn a_view_does_not_tell() {
    let database = database(
        "CREATE TABLE item (id int PRIMARY KEY, name text); CREATE VIEW shown AS SELECT * FROM item",
    )
    .await;
    let boards = dashboard("source = \"shown\"\nkey = \"id\"", "name", "");
    let mut snapshot = Snapshot::begin(&database.pool).await.unwrap();
    let seen = snapshot.written_since(board(&boards), "1", 10).await;
    assert!(seen.unwrap().is_none());
}
