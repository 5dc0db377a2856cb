//! Services away, tokens refused, limits met: retried, said once, nothing lost.

use std::process::Stdio;
use std::time::Duration;

use local_postgres::{Cluster, Settings};
use notion_sim::Options;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::stage::{Stage, eventually, plenty, said};

const LOOSE: &str = "
CREATE TABLE item (id int, name text NOT NULL);
INSERT INTO item VALUES (1, 'One'), (2, 'Two'), (2, 'Two again');
";

const TABLE: &str = "
CREATE TABLE other (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO item SELECT n, 'Item ' || n FROM generate_series(1, 20) n;
";

const ITEMS: &str = r#"
name = "Items"
source = "item"
key = "id"
cadence = "1s"
trash_limit = "off"
change_limit = "off"
[[property]]
name = "Name"
type = "title"
column = "name"
"#;

/// A running daemon, and its log lines as they come.
fn listen(stage: &Stage) -> (Child, mpsc::UnboundedReceiver<String>) {
    start(stage.command(&["run"]))
}

fn start(mut command: Command) -> (Child, mpsc::UnboundedReceiver<String>) {
    let mut daemon = command
        .stderr(Stdio::piped())
        .spawn()
        .expect("the daemon starts");
    let mut lines = BufReader::new(daemon.stderr.take().expect("piped")).lines();
    let (say, said) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            if say.send(line).is_err() {
                break;
            }
        }
    });
    (daemon, said)
}

/// Reads on to the line that contains `text`; returns all lines until then.
async fn hear(said: &mut mpsc::UnboundedReceiver<String>, text: &str) -> Vec<String> {
    let mut heard = Vec::new();
    let found = async {
        while let Some(line) = said.recv().await {
            let found = line.contains(text);
            heard.push(line);
            if found {
                return true;
            }
        }
        false
    };
    let found = tokio::time::timeout(Duration::from_secs(60), found).await;
    assert_eq!(found, Ok(true), "never said {text:?}: {heard:#?}");
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_named_once_and_everything_arrives_when_it_is_renewed() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    stage.fault(json!({"kind": "unauthorized"})).await;
    let (_daemon, mut said) = listen(&stage);
    let heard = hear(&mut said, "renew NOTION_TOKEN").await;
    assert!(
        heard
            .iter()
            .all(|line| !line.contains(stage.notion.token())),
        "the token is in the log"
    );
    let refused = stage.notion.stats().refused;
    eventually("it tries on", async || {
        stage.notion.stats().refused > refused + 1
    })
    .await;
    stage.clear_faults().await;
    let heard = hear(&mut said, "Notion is back").await;
    let again = heard
        .iter()
        .filter(|line| line.contains("renew NOTION_TOKEN"))
        .count();
    assert_eq!(again, 0, "said again: {heard:#?}");
    stage.await_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_is_read_again_when_notion_refuses() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let file = stage.schemas.path().join("token");
    std::fs::write(&file, "ntn_old").expect("written");
    let mut command = stage.command(&["run"]);
    command
        .env_remove("NOTION_TOKEN")
        .env("NOTION_TOKEN_FILE", &file);
    let (_daemon, mut said) = start(command);
    hear(&mut said, "NOTION_TOKEN_FILE").await;
    std::fs::write(&file, stage.notion.token()).expect("written");
    hear(&mut said, "Notion is back").await;
    stage.await_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_workspace_is_explained() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    stage
        .fault(json!({"kind": "block_limit", "method": "POST", "path": "/v1/pages"}))
        .await;
    let (_daemon, mut said) = listen(&stage);
    hear(
        &mut said,
        "a Free workspace with several members holds 1,000 blocks",
    )
    .await;
    stage.clear_faults().await;
    stage.await_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_somebody_else_spends_is_waited_for() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    stage
        .fault(json!({"kind": "rate_limited", "retry_after": 2, "count": 3}))
        .await;
    let _daemon = stage.run();
    stage.await_clean().await;
    assert_eq!(stage.notion.stats().page_creates, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_away_is_said_once_and_waited_for() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let (_daemon, mut said) = listen(&stage);
    stage.await_clean().await;
    stage.close_database(true).await;
    hear(&mut said, "Postgres is away").await;
    stage.close_database(false).await;
    let heard = hear(&mut said, "Postgres is back").await;
    assert!(
        heard.iter().all(|line| !line.contains("Postgres is away")),
        "said again: {heard:#?}"
    );
    stage
        .execute("UPDATE item SET name = name || ' again'")
        .await;
    stage.await_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_is_never_exceeded_not_even_across_processes() {
    let options = Options {
        requests_per_minute: 24,
        ..Options::default()
    };
    let stage = Stage::bare(TABLE, &[("items.toml", ITEMS)], options).await;
    for command in ["setup", "once"] {
        let mut command = stage.command(&[command]);
        command.env("NOTION_REQUESTS_PER_MINUTE", "24");
        assert_eq!(said(command).await.code, 0);
    }
    let stats = stage.notion.stats();
    assert_eq!(
        (stats.page_creates, stats.rate_limited),
        (20, 0),
        "{stats:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_what_is_in_flight() {
    let options = Options {
        latency_ms: 300,
        ..plenty()
    };
    let stage = Stage::bare(TABLE, &[("items.toml", ITEMS)], options).await;
    assert_eq!(stage.daemon(&["setup"]).await.code, 0);
    let (mut daemon, mut heard) = listen(&stage);
    hear(&mut heard, "create of a page written").await;
    let pid = daemon.id().expect("it runs").to_string();
    Command::new("kill")
        .args(["-TERM", &pid])
        .status()
        .await
        .expect("a signal");
    assert_eq!(daemon.wait().await.expect("it stops").code(), Some(0));
    let doubts: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sync.pages WHERE state = 'in_doubt'")
            .fetch_one(&stage.pool)
            .await
            .expect("the ledger");
    assert_eq!(doubts, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_holds_up_its_own_board_alone() {
    let others = ITEMS
        .replace("\"Items\"", "\"Others\"")
        .replace("\"item\"", "\"other\"");
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS), ("others.toml", &others)]).await;
    stage.execute("INSERT INTO other VALUES (1, 'First')").await;
    let _daemon = stage.run();
    stage.await_clean().await;
    let mut locker = stage.pool.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE item IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *locker)
        .await
        .expect("locked");
    stage
        .execute("INSERT INTO other VALUES (2, 'Second')")
        .await;
    eventually("the other board follows", async || {
        stage.pages("Others").await.len() == 2
    })
    .await;
    locker.commit().await.expect("unlocked");
    stage
        .execute("INSERT INTO item VALUES (21, 'After the lock')")
        .await;
    eventually("the locked board follows again", async || {
        stage.pages("Items").await.len() == 21
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_shown_is_said_once_and_lets_the_daemon_rest() {
    let cluster = Cluster::temporary(&Settings::default()).expect("a cluster without neighbours");
    let stage = Stage::on(&cluster, LOOSE, &[("items.toml", ITEMS)], plenty()).await;
    assert_eq!(stage.daemon(&["setup"]).await.code, 0);
    let (_daemon, mut said) = listen(&stage);
    hear(&mut said, "a row cannot be shown").await;
    stage
        .execute("UPDATE item SET name = 'Changed' WHERE id = 1")
        .await;
    let heard = hear(&mut said, "update of a page written").await;
    assert!(
        heard.iter().all(|line| !line.contains("cannot be shown")),
        "said again: {heard:#?}"
    );
    let snapshot = async || -> String {
        sqlx::query_scalar("SELECT pg_current_snapshot()::text")
            .fetch_one(&stage.pool)
            .await
            .expect("a snapshot")
    };
    eventually("nothing is written any more", async || {
        let before = snapshot().await;
        // Longer than a cadence: a pass that writes would show.
        tokio::time::sleep(Duration::from_secs(3)).await;
        before == snapshot().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_seen_long_before_its_cadence() {
    let cluster = Cluster::temporary(&Settings::default()).expect("a cluster without neighbours");
    let patient = ITEMS.replace("cadence = \"1s\"", "cadence = \"1h\"");
    let stage = Stage::on(&cluster, TABLE, &[("items.toml", &patient)], plenty()).await;
    assert_eq!(stage.daemon(&["setup"]).await.code, 0);
    let _daemon = stage.run();
    eventually("the first load is over", async || {
        stage.pages("Items").await.len() == 20
    })
    .await;
    stage
        .execute("INSERT INTO item VALUES (21, 'Unannounced')")
        .await;
    eventually("the new row has a page", async || {
        stage.pages("Items").await.len() == 21
    })
    .await;
}
