//! kill -9 and faults around the commit: never a second page, never a lost row.

use std::time::Duration;

use rand::RngExt;
use serde_json::json;

use crate::stage::{Stage, eventually};

const TABLE: &str = "
CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL, version int NOT NULL);
INSERT INTO item SELECT n, 'Item ' || n, 0 FROM generate_series(1, 120) n;
";

const ITEMS: &str = r#"
name = "Items"
source = "item"
key = "id"
cadence = "1s"
[[property]]
name = "Name"
type = "title"
column = "name"
[[property]]
name = "Version"
type = "number"
column = "version"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_goes_on_without_duplicates() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let writes = || {
        let stats = stage.notion.stats();
        stats.page_creates + stats.page_updates + stats.page_trashes
    };
    for round in 0..12 {
        stage
            .execute("UPDATE item SET version = version + 1 WHERE random() < 0.3")
            .await;
        let until = writes() + rand::rng().random_range(1..25);
        let mut daemon = stage.run();
        eventually("it is in the middle of its work", async || {
            writes() >= until
        })
        .await;
        daemon.kill().await.expect("kill -9");
        if round % 4 == 0 {
            stage
                .execute("DELETE FROM item WHERE id = (SELECT max(id) FROM item)")
                .await;
        }
    }
    let _daemon = stage.run();
    // What was in flight is looked up; what was never committed is made a minute after it was sent.
    stage.await_clean_for(Duration::from_secs(120)).await;
    assert!(
        stage.notion.stats().page_creates <= 120,
        "a second page was made"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_lost_after_the_commit_make_no_second_page() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    for kind in [
        "drop_after_commit",
        "unavailable_after_commit",
        "conflict",
        "unavailable",
        "rate_limited",
        "bad_gateway",
    ] {
        stage
            .fault(json!({"method": "POST", "path": "/v1/pages", "kind": kind, "count": 3}))
            .await;
    }
    let _daemon = stage.run();
    stage.await_clean_for(Duration::from_secs(120)).await;
    assert_eq!(stage.notion.stats().page_creates, 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_trashing_or_restoring_is_in_doubt_stands_again_when_its_row_does() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    stage.once().await;
    // The trashing is committed, and its answer lost; the row comes back before anybody looks.
    stage
        .fault(json!({"method": "PATCH", "path": "/v1/pages", "kind": "drop_after_commit"}))
        .await;
    stage.execute("DELETE FROM item WHERE id = 5").await;
    let mut daemon = stage.run();
    eventually("the page is trashed", async || {
        stage.notion.stats().page_trashes == 1
    })
    .await;
    daemon.kill().await.expect("kill -9");
    stage.clear_faults().await;
    stage
        .execute("INSERT INTO item VALUES (5, 'Item 5', 0)")
        .await;
    stage.once().await;
    stage.assert_clean().await;

    // The restoring is refused with an error that says nothing.
    stage.execute("DELETE FROM item WHERE id = 6").await;
    stage.once().await;
    stage
        .fault(
            json!({"method": "PATCH", "path": "/v1/pages", "kind": "internal_error", "count": 1}),
        )
        .await;
    stage
        .execute("INSERT INTO item VALUES (6, 'Item 6', 0)")
        .await;
    stage.once().await;
    stage.assert_clean().await;
    assert_eq!(
        stage.notion.stats().page_creates,
        120,
        "the old pages were used"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn once_ends_only_when_no_create_is_in_doubt() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    stage.fault(json!({"method": "POST", "path": "/v1/pages", "kind": "unavailable_after_commit", "count": 1})).await;
    stage
        .fault(
            json!({"method": "POST", "path": "/v1/pages", "kind": "drop_after_commit", "count": 2}),
        )
        .await;
    stage.once().await;
    stage.assert_clean().await;
    assert_eq!(stage.notion.stats().page_creates, 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_daemons_on_one_ledger_make_one_page_a_row() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let (_one, _two) = (stage.run(), stage.run());
    stage.await_clean().await;
    stage
        .execute("INSERT INTO item SELECT n, 'Item ' || n, 0 FROM generate_series(200, 260) n")
        .await;
    stage.await_clean().await;
    assert_eq!(stage.notion.stats().page_creates, 181);
}
