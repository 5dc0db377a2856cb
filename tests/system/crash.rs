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
trash_limit = "off"
change_limit = "off"
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

/// Faults and kills of the test below; `CLAIMBOARD_FAULTS` asks for more.
fn faults_wanted() -> u64 {
    std::env::var("CLAIMBOARD_FAULTS").map_or(1_000, |faults| faults.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_faults_and_kills_at_every_step_leave_one_page_a_row() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let before_commit = [
        "drop",
        "internal_error",
        "bad_gateway",
        "unavailable",
        "gateway_timeout",
        "conflict",
    ];
    let after_commit = ["drop_after_commit", "unavailable_after_commit"];
    let mut faults = Vec::new();
    for (method, path) in [
        ("PATCH", "/v1/pages"),
        ("POST", "/v1/pages"),
        ("POST", "/v1/data_sources"),
    ] {
        for kind in before_commit.iter().chain(&after_commit) {
            let probability = if after_commit.contains(kind) {
                0.08
            } else {
                0.04
            };
            faults.push(
                json!({"method": method, "path": path, "kind": kind, "probability": probability}),
            );
        }
        faults.push(json!({"method": method, "path": path, "kind": "rate_limited", "retry_after": 0, "probability": 0.02}));
    }
    let seed = rand::rng().random::<u32>();
    stage.fault(json!({"seed": seed, "faults": faults})).await;

    let writes = || {
        let stats = stage.notion.stats();
        stats.page_creates + stats.page_updates + stats.page_trashes + stats.page_restores
    };
    let mut kills = 0;
    while stage.notion.stats().faults + kills < faults_wanted() {
        stage
            .execute(
                "UPDATE item SET version = version + 1 WHERE random() < 0.8;
                 DELETE FROM item WHERE random() < 0.1;
                 INSERT INTO item SELECT n, 'Item ' || n, 0 FROM generate_series(1, 120) n WHERE random() < 0.1
                 ON CONFLICT DO NOTHING",
            )
            .await;
        let until = writes() + rand::rng().random_range(1..60);
        let mut daemon = stage.run();
        eventually("it is in the middle of its work", async || {
            writes() >= until
        })
        .await;
        daemon.kill().await.expect("kill -9");
        kills += 1;
    }
    let met = stage.notion.stats().faults;
    assert!(
        met + kills >= faults_wanted(),
        "{met} faults, {kills} kills"
    );
    stage.clear_faults().await;
    let _daemon = stage.run();
    stage.await_clean_for(Duration::from_secs(180)).await;
    assert!(
        stage.notion.stats().page_creates <= 120,
        "a second page was made; seed {seed}"
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
