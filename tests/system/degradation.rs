//! What the daemon does while something is wrong: one test a row of the table in docs/how-to/troubleshooting.md.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use local_postgres::{Cluster, Settings};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::Child;

use crate::stage::{Stage, eventually, eventually_within, plenty, said};

const TABLE: &str = "
CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO item SELECT n, 'Item ' || n FROM generate_series(1, 20) n;
";

const ITEMS: &str = r#"
name = "Items"
source = "item"
key = "id"
cadence = "1s"
change_limit = "off"
[[property]]
name = "Name"
type = "title"
column = "name"
"#;

/// A way to Postgres that can fall silent without closing, as a network does.
struct Line {
    folder: TempDir,
    dead: Arc<AtomicBool>,
}

impl Line {
    fn to(socket: PathBuf) -> Self {
        let folder = TempDir::new().expect("a folder");
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).expect("a socket");
        let dead = Arc::new(AtomicBool::new(false));
        let now_dead = Arc::clone(&dead);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = UnixStream::connect(&socket).await else {
                    continue;
                };
                // A connection that was open when the line went dead stays dead; later ones are well.
                let dead = if now_dead.load(Ordering::Relaxed) {
                    Arc::default()
                } else {
                    Arc::clone(&now_dead)
                };
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(carry(from_client, to_server, Arc::clone(&dead)));
                tokio::spawn(carry(from_server, to_client, dead));
            }
        });
        Self { folder, dead }
    }
}

async fn carry(
    mut from: tokio::net::unix::OwnedReadHalf,
    mut to: tokio::net::unix::OwnedWriteHalf,
    dead: Arc<AtomicBool>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length) = from.read(&mut buffer).await {
        if length == 0 {
            break;
        }
        if dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_fall_silent_are_given_up_and_opened_anew() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let line = Line::to(stage.socket());
    let mut command = stage.command(&["run"]);
    command.env("DATABASE_URL", stage.url_by(line.folder.path()));
    let _daemon = command.stderr(Stdio::null()).spawn().expect("it starts");
    stage.await_clean().await;
    line.dead.store(true, Ordering::Relaxed);
    stage
        .execute("INSERT INTO item VALUES (21, 'On a dead line')")
        .await;
    eventually_within(Duration::from_secs(180), "it mirrors again", async || {
        stage.pages("Items").await.len() == 21
    })
    .await;
    stage.await_clean().await;
}

/// Resident memory in kilobytes.
fn memory(daemon: &Child) -> u64 {
    let pid = daemon.id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

/// An hour in which every row changes each few minutes, with the pauses left out.
#[tokio::test(flavor = "multi_thread")]
async fn while_notion_is_away_changes_coalesce_and_memory_stays_flat() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let daemon = stage.run();
    stage.await_clean().await;
    let before = stage.notion.stats().page_updates;
    stage.fault(json!({"kind": "drop"})).await;
    let rounds = async |from: u32, to: u32| {
        for round in from..to {
            let change = format!("UPDATE item SET name = 'Round {round} of ' || id");
            sqlx::query(sqlx::AssertSqlSafe(change))
                .execute(&stage.pool)
                .await
                .expect("changed");
            // Long enough for a look at each change.
            tokio::time::sleep(Duration::from_millis(1_100)).await;
        }
    };
    rounds(0, 4).await;
    let early = memory(&daemon);
    rounds(4, 16).await;
    let late = memory(&daemon);
    assert!(late < early + 8 * 1024, "{early} kB grew to {late} kB");
    stage.clear_faults().await;
    stage.await_clean_for(Duration::from_secs(150)).await;
    let updates = stage.notion.stats().page_updates - before;
    assert!(updates <= 40, "{updates} writes for 20 rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_waited_out() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let _daemon = stage.run();
    stage.await_clean().await;
    // What Postgres answers when it cannot extend a file.
    stage
        .execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
             END $$;
             CREATE TRIGGER full_disk BEFORE INSERT ON sync.writes EXECUTE FUNCTION full_disk();
             UPDATE item SET name = name || ' while full'",
        )
        .await;
    let requests = stage.notion.stats().page_updates;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        stage.notion.stats().page_updates,
        requests,
        "a write left whose doubt could not be recorded"
    );
    stage.execute("DROP TRIGGER full_disk ON sync.writes").await;
    stage.await_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_does_not_resolve_is_said_and_waited_for() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let mut command = stage.command(&["run"]);
    command
        .env("NOTION_BASE_URL", "https://notion.invalid")
        .env("CLAIMBOARD_LISTEN", "127.0.0.1:0");
    let (_daemon, page) = stage.run_with_page(command).await;
    eventually("it says that Notion is away", async || {
        let status = page.status().await;
        status["sync"]["notion"]["problem"]
            .as_str()
            .is_some_and(|problem| problem.contains("reached") || problem.contains("dns"))
    })
    .await;
    let (ready, _) = page.get("readyz").await;
    assert_eq!(ready, 503);
    let (alive, _) = page.get("healthz").await;
    assert_eq!(alive, 200);
}

/// Steps the process's wall clock by faketime.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs faketime: make conformance"]
async fn a_clock_that_is_an_hour_off_harms_nothing() {
    let library = [
        "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
        "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    ]
    .into_iter()
    .find(|path| Path::new(path).exists())
    .expect("faketime: scripts/install conformance");
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let step = stage.schemas.path().join("clock");
    std::fs::write(&step, "+0").expect("written");
    let mut command = stage.command(&["run"]);
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", &step)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let _daemon = command.stderr(Stdio::null()).spawn().expect("it starts");
    stage.await_clean().await;
    for (round, offset) in ["+1h", "-1h"].into_iter().enumerate() {
        std::fs::write(&step, offset).expect("written");
        let change = format!("UPDATE item SET name = 'Round {round} of ' || id");
        sqlx::query(sqlx::AssertSqlSafe(change))
            .execute(&stage.pool)
            .await
            .expect("changed");
        let changed = Instant::now();
        stage.await_clean().await;
        assert!(changed.elapsed() < Duration::from_secs(60));
    }
    assert_eq!(stage.notion.stats().page_creates, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_every_second_it_gets_there_all_the_same() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    for round in 0..10 {
        let mut daemon = stage.run();
        let change = format!("UPDATE item SET name = 'Round {round} of ' || id");
        sqlx::query(sqlx::AssertSqlSafe(change))
            .execute(&stage.pool)
            .await
            .expect("changed");
        tokio::time::sleep(Duration::from_secs(1)).await;
        daemon.kill().await.expect("kill -9");
    }
    let _daemon = stage.run();
    stage.await_clean_for(Duration::from_secs(150)).await;
    assert_eq!(stage.notion.stats().page_creates, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_needs_four_connections_and_says_when_there_are_none() {
    let cluster = Cluster::temporary(&Settings::default()).expect("a cluster of its own");
    let stage = Stage::on(&cluster, TABLE, &[("items.toml", ITEMS)], plenty()).await;
    assert_eq!(stage.daemon(&["setup"]).await.code, 0);
    let mut command = stage.command(&["run"]);
    command.env("CLAIMBOARD_LISTEN", "127.0.0.1:0");
    let (_daemon, page) = stage.run_with_page(command).await;
    for round in 0..5 {
        let change = format!("UPDATE item SET name = 'Round {round} of ' || id");
        sqlx::query(sqlx::AssertSqlSafe(change))
            .execute(&stage.pool)
            .await
            .expect("changed");
        let _ = page.status().await;
        let held: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'claimboard-sync'",
        )
        .fetch_one(&stage.pool)
        .await
        .expect("counted");
        assert!(held <= 4, "{held} connections");
    }
    stage.await_clean().await;

    let name: String = sqlx::query_scalar("SELECT current_database()::text")
        .fetch_one(&stage.pool)
        .await
        .expect("a name");
    let limit = format!("ALTER DATABASE {name} CONNECTION LIMIT 0");
    sqlx::raw_sql(sqlx::AssertSqlSafe(limit))
        .execute(&stage.pool)
        .await
        .expect("limited");
    let role = "CREATE ROLE mirror LOGIN; GRANT ALL ON SCHEMA sync, coordination TO mirror; GRANT ALL ON ALL TABLES IN SCHEMA sync, coordination, public TO mirror";
    stage.execute(role).await;
    let mut command = stage.command(&["status"]);
    command.env("DATABASE_URL", stage.url_as("mirror"));
    let refused = said(command).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused.stderr.contains("too many connections"),
        "{refused:?}"
    );
}
