//! Yesterday's state, put back: the whole database, or the whole of Notion. Rows and pages agree again, and no row has two pages.

use notion_sim::{Options, Server};
use sqlx::postgres::PgPoolOptions;
use tempfile::TempDir;

use crate::stage::{Stage, eventually, plenty};

const TABLE: &str = "
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

/// What happened since yesterday: rows came, changed and went.
const TODAY: &str = "
INSERT INTO item SELECT n, 'Today ' || n FROM generate_series(21, 30) n;
UPDATE item SET name = 'Changed today ' || id WHERE id <= 5;
DELETE FROM item WHERE id BETWEEN 6 AND 10;
";

/// The daemon at work until all is on the board and its start has moved the ledger's mark.
async fn a_day(stage: &Stage) {
    let before = stage.mark().await;
    let mut daemon = stage.run();
    stage.await_clean().await;
    eventually("the mark moves", async || stage.mark().await > before).await;
    daemon.kill().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_restored_to_yesterday_agrees_again() {
    let mut stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    a_day(&stage).await;
    let yesterday = stage.back_up().await;
    stage.execute(TODAY).await;
    a_day(&stage).await;
    assert_eq!(stage.notion.stats().page_creates, 30);

    stage.restore(&yesterday).await;
    a_day(&stage).await;
    stage.assert_clean().await;
    assert_eq!(stage.pages("Items").await.len(), 20);
    // The five rows that were deleted and stand again may come back to their pages or get new ones.
    assert!(stage.notion.stats().page_creates <= 35);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notion_restored_to_yesterday_agrees_again() {
    let folder = TempDir::new().expect("a folder");
    let (today, yesterday) = (folder.path().join("today"), folder.path().join("yesterday"));
    let kept = |data: &std::path::Path| Options {
        data: Some(data.to_owned()),
        ..plenty()
    };
    let mut stage = Stage::bare(TABLE, &[("items.toml", ITEMS)], kept(&today)).await;
    assert_eq!(stage.daemon(&["setup"]).await.code, 0);
    a_day(&stage).await;
    std::fs::copy(&today, &yesterday).expect("a backup");
    stage.execute(TODAY).await;
    // Each start moves the ledger's mark; yesterday is further back than one move.
    a_day(&stage).await;
    a_day(&stage).await;

    let restored = Server::start(kept(&yesterday))
        .await
        .expect("yesterday's Notion");
    std::mem::replace(&mut stage.notion, restored)
        .shutdown()
        .await;
    assert_eq!(stage.pages("Items").await.len(), 20, "yesterday's pages");
    a_day(&stage).await;
    stage.assert_clean().await;
    assert_eq!(stage.pages("Items").await.len(), 25);
    assert_eq!(
        stage.notion.stats().page_creates,
        10,
        "only what was not there is made"
    );
}

impl Stage {
    async fn mark(&self) -> i64 {
        sqlx::query_scalar("SELECT mark FROM sync.ledger")
            .fetch_one(&self.pool)
            .await
            .expect("a ledger")
    }

    /// A copy of the whole database as it stands.
    async fn back_up(&mut self) -> String {
        let copy = format!("{}_yesterday", self.database());
        self.pool.close().await;
        self.close_database(true).await;
        self.administer(&format!(
            "CREATE DATABASE {copy} TEMPLATE {}",
            self.database()
        ))
        .await;
        self.close_database(false).await;
        self.reopen().await;
        copy
    }

    /// Puts a copy in the database's place.
    async fn restore(&mut self, copy: &str) {
        self.pool.close().await;
        self.administer(&format!("DROP DATABASE {} WITH (FORCE)", self.database()))
            .await;
        self.administer(&format!(
            "ALTER DATABASE {copy} RENAME TO {}",
            self.database()
        ))
        .await;
        self.reopen().await;
    }

    async fn reopen(&mut self) {
        self.pool = PgPoolOptions::new()
            .max_connections(8)
            .connect(&self.url)
            .await
            .expect("a connection");
    }
}
