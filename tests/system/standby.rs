//! Two daemons on one ledger: one writes, the other waits, whatever happens to the first.

use std::time::Duration;

use serde_json::json;
use tokio::process::{Child, Command};

use crate::stage::{Stage, eventually, eventually_within};

const TABLE: &str = "
CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO item SELECT n, 'Item ' || n FROM generate_series(1, 40) n;
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

async fn signal(daemon: &Child, signal: &str) {
    let pid = daemon.id().expect("it runs").to_string();
    let sent = Command::new("kill").args([signal, &pid]).status().await;
    assert!(sent.expect("a signal").success());
}

/// The process that holds the claim now, if any.
async fn holder(stage: &Stage) -> Option<u32> {
    let reason: Option<String> = sqlx::query_scalar(
        "SELECT reason FROM coordination.claims
         WHERE resource = 'daemon:claimboard-sync' AND released_at IS NULL AND expires_at > clock_timestamp()",
    )
    .fetch_optional(&stage.pool)
    .await
    .expect("the claims");
    let (_, rest) = reason.as_deref()?.split_once("process ")?;
    rest.split(',').next()?.parse().ok()
}

async fn holds(stage: &Stage, daemon: &Child) -> bool {
    holder(stage).await == daemon.id()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_at_once_from_one_that_was_killed_or_stopped() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let mut first = stage.run();
    eventually("the first mirrors", async || holds(&stage, &first).await).await;
    let mut second = stage.run();
    stage.await_clean().await;
    let refused = stage.daemon(&["once"]).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused.stderr.contains("another process mirrors"),
        "{refused:?}"
    );
    assert!(holds(&stage, &first).await);

    first.kill().await.expect("kill -9");
    eventually("the second mirrors", async || holds(&stage, &second).await).await;
    stage.execute("UPDATE item SET name = 'Changed'").await;
    stage.await_clean().await;

    let third = stage.run();
    signal(&second, "-TERM").await;
    assert_eq!(second.wait().await.expect("it stops").code(), Some(0));
    eventually("the third mirrors", async || holds(&stage, &third).await).await;
    assert_eq!(stage.notion.stats().page_creates, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_paused_writes_nothing_when_it_wakes() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    // Its first four writes are committed and their answers wait: as many as it has in flight at a time.
    stage
        .fault(json!({"method": "POST", "path": "/v1/pages", "kind": "delay", "millis": 20_000, "count": 4}))
        .await;
    let first = stage.run();
    eventually("it is in the middle of its work", async || {
        stage.notion.stats().page_creates == 4
    })
    .await;
    signal(&first, "-STOP").await;
    let mut second = stage.run();
    // The first is not dead, only silent: its lease is waited for.
    eventually_within(Duration::from_secs(90), "the second mirrors", async || {
        holds(&stage, &second).await
    })
    .await;
    stage.await_clean_for(Duration::from_secs(120)).await;
    stage.execute("UPDATE item SET name = 'Changed'").await;
    stage.await_clean().await;

    signal(&first, "-CONT").await;
    stage
        .execute("UPDATE item SET name = 'Changed again' WHERE id <= 10")
        .await;
    stage.await_clean().await;
    assert!(holds(&stage, &second).await);
    let stats = stage.notion.stats();
    assert_eq!(stats.page_creates, 40, "the sleeper made a page");
    assert_eq!(stats.page_updates, 50, "the sleeper wrote");

    second.kill().await.expect("kill -9");
    eventually_within(
        Duration::from_secs(90),
        "the first mirrors again",
        async || holds(&stage, &first).await,
    )
    .await;
    stage.execute("INSERT INTO item VALUES (41, 'New')").await;
    stage.await_clean().await;
}
