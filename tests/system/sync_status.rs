//! Board Sync Status: how the mirroring goes, in Notion itself.

use serde_json::{Value, json};

use crate::stage::{NO_STATUS, Stage, eventually, plenty, text};

const TABLE: &str = "
CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item SELECT n, 'Item ' || n FROM generate_series(1, 30) n;
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
"#;

async fn row(stage: &Stage, board: &str) -> Option<Value> {
    let pages = stage.pages("Sync Status").await;
    pages.into_iter().find(|page| text(page, "Board") == board)
}

async fn state(stage: &Stage, board: &str) -> Option<String> {
    let row = row(stage, board).await?;
    let state = &row["properties"]["State"]["select"]["name"];
    state.as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_shows_how_each_board_goes_and_whether_the_daemon_lives() {
    let stage = Stage::bare(TABLE, &[("items.toml", ITEMS)], plenty()).await;
    std::fs::remove_file(stage.schemas.path().join(NO_STATUS.0)).expect("removed");
    assert_eq!(stage.daemon(&["setup"]).await.code, 0);
    let daemon = stage.run();
    eventually("the board says that all is well", async || {
        state(&stage, "Items").await.as_deref() == Some("🟢 Live")
    })
    .await;
    let items = row(&stage, "Items").await.expect("a row");
    assert_eq!(items["properties"]["Rows"]["number"], json!(30));
    assert!(
        row(&stage, "Sync Status").await.is_none(),
        "it leaves itself out"
    );
    eventually("the heart beats", async || {
        row(&stage, "Heartbeat")
            .await
            .is_some_and(|page| page["properties"]["Daemon"]["formula"]["string"] == "🟢 alive")
    })
    .await;

    // Two rows more are within the band: their pages are made, and the board's row stays as it was.
    let edits = stage.notion.stats().page_updates;
    stage
        .execute("INSERT INTO item VALUES (31, 'One more'), (32, 'And one')")
        .await;
    eventually("they are there", async || {
        stage.pages("Items").await.len() == 32
    })
    .await;
    assert!(
        stage.notion.stats().page_updates <= edits + 1,
        "nothing but the heartbeat was rewritten"
    );

    assert_eq!(stage.daemon(&["pause", "Items"]).await.code, 0);
    eventually("the board says that somebody paused it", async || {
        state(&stage, "Items").await.as_deref() == Some("⏸️ Paused")
    })
    .await;

    drop(daemon);
    stage
        .notion_request("POST", "_sim/time", json!({"advance_seconds": 900}))
        .await;
    let heart = row(&stage, "Heartbeat").await.expect("a row");
    let says = &heart["properties"]["Daemon"]["formula"]["string"];
    assert!(
        says.as_str()
            .is_some_and(|says| says.starts_with("🔴 silent for 1")),
        "{says}"
    );
}
