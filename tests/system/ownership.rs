//! Only what the daemon made is touched, and what is lost is told apart.

use serde_json::{Value, json};
use sqlx::types::Uuid;

use crate::stage::{Stage, eventually, text};

const TABLE: &str = "
CREATE TABLE item (id int PRIMARY KEY, name text, note text);
INSERT INTO item SELECT n, 'Item ' || n, 'as it is' FROM generate_series(1, 12) n;
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
name = "Note"
type = "text"
column = "note"
heal = "report"
"#;

async fn mirrored() -> Stage {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    stage.once().await;
    stage
}

async fn database(stage: &Stage) -> Uuid {
    sqlx::query_scalar("SELECT database_id FROM sync.dashboards WHERE name = 'Items'")
        .fetch_one(&stage.pool)
        .await
        .expect("set up")
}

async fn problem(stage: &Stage) -> String {
    let problem: Option<String> =
        sqlx::query_scalar("SELECT problem FROM sync.dashboards WHERE name = 'Items'")
            .fetch_one(&stage.pool)
            .await
            .expect("set up");
    problem.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_copy_of_a_page_is_theirs_whatever_key_it_carries() {
    let stage = mirrored().await;
    let page = stage.pages("Items").await.remove(0);
    let copied = stage
        .people(json!({"act": "duplicate_page", "page": page["id"]}))
        .await;
    let copy = copied["id"].as_str().expect("an id").to_owned();
    stage.assert_clean().await;
    assert_eq!(stage.daemon(&["rebuild", "--merge"]).await.code, 0);
    // The row goes, and with it the page; the copy stays.
    sqlx::query("DELETE FROM item WHERE id = $1::int")
        .bind(text(&page, "Claimboard Key"))
        .execute(&stage.pool)
        .await
        .expect("deleted");
    stage.once().await;
    stage.assert_clean().await;
    let left: Vec<Value> = stage.pages("Items").await;
    assert_eq!(left.len(), 12, "eleven of ours, and the copy");
    assert!(left.iter().any(|page| page["id"] == copy.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_property_may_be_left_to_people_while_the_others_are_healed() {
    let stage = mirrored().await;
    let page = stage.pages("Items").await.remove(0);
    let word = |word: &str| json!([{"type": "text", "text": {"content": word}}]);
    let theirs = json!({"Name": {"title": word("Scribble")}, "Note": {"rich_text": word("Mine")}});
    stage
        .people(json!({"act": "edit_cells", "page": page["id"], "properties": theirs}))
        .await;
    let _daemon = stage.run();
    eventually("the name is healed, and the note left", async || {
        let pages = stage.pages("Items").await;
        let now = pages.iter().find(|one| one["id"] == page["id"]);
        now.is_some_and(|now| {
            text(now, "Name") == text(&page, "Name") && text(now, "Note") == "Mine"
        })
    })
    .await;
    let seen: Vec<(String, bool)> =
        sqlx::query_as("SELECT property, healed FROM sync.drift ORDER BY property")
            .fetch_all(&stage.pool)
            .await
            .expect("the ledger");
    assert_eq!(
        seen,
        [("Name".to_owned(), true), ("Note".to_owned(), false)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_are_locked_and_setup_locks_them_again() {
    let stage = mirrored().await;
    let path = format!("v1/databases/{}", database(&stage).await);
    let locked =
        async || stage.notion_request("GET", &path, Value::Null).await["is_locked"] == true;
    assert!(locked().await);
    stage
        .people(json!({"act": "unlock", "id": database(&stage).await}))
        .await;
    assert!(!locked().await);
    assert_eq!(stage.daemon(&["setup"]).await.code, 0);
    assert!(locked().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_found_is_told_apart_and_only_a_page_is_made_again() {
    let stage = mirrored().await;
    let id = database(&stage).await;
    let _daemon = stage.run();
    let made = stage.notion.stats().page_creates;

    stage.people(json!({"act": "trash", "id": id})).await;
    stage
        .execute("UPDATE item SET name = name || '!'  WHERE id = 3")
        .await;
    eventually("the trash is named", async || {
        problem(&stage).await.contains("lies in Notion's trash")
    })
    .await;
    stage.people(json!({"act": "restore", "id": id})).await;
    stage
        .await_clean_for(std::time::Duration::from_secs(150))
        .await;

    stage.people(json!({"act": "unshare", "id": id})).await;
    stage
        .execute("UPDATE item SET name = name || '!'  WHERE id = 4")
        .await;
    eventually("the access is named", async || {
        problem(&stage).await.contains("under Connections")
    })
    .await;
    stage.people(json!({"act": "share", "id": id})).await;
    stage
        .await_clean_for(std::time::Duration::from_secs(150))
        .await;
    assert_eq!(
        stage.notion.stats().page_creates,
        made,
        "no page was made again"
    );
}
