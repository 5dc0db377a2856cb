//! What waits for a person's word, and what people can ask.

use std::process::Stdio;

use serde_json::json;

use crate::stage::{Stage, eventually};

const TABLE: &str = "
CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL, due timestamptz NOT NULL DEFAULT now());
INSERT INTO item SELECT n, 'Item ' || n FROM generate_series(1, 40) n;
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
name = "Due"
type = "date"
column = "due"
"#;

async fn mirrored() -> Stage {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    stage.once().await;
    stage
}

/// The checksum that `plan` shows for the one dashboard that is refused.
async fn checksum(stage: &Stage) -> String {
    let plan = stage.daemon(&["plan", "--json"]).await.json();
    let refused = plan["refused"].as_array().expect("a list");
    assert_eq!(refused.len(), 1, "{plan}");
    refused[0]["checksum"]
        .as_str()
        .expect("a checksum")
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_source_wipes_no_board_until_somebody_confirms_it() {
    let stage = mirrored().await;
    stage.execute("DELETE FROM item").await;
    let held = stage.daemon(&["once", "--json"]).await;
    assert_eq!((held.code, held.json()["frozen"].as_u64()), (3, Some(1)));
    assert_eq!(stage.notion.stats().page_trashes, 0);
    let status = stage.daemon(&["status"]).await;
    assert!(status.stdout.contains("safety limit"), "{status:?}");

    let shown = checksum(&stage).await;
    let other = stage.daemon(&["apply", "--confirm", "0123"]).await;
    assert_eq!(other.code, 3, "{other:?}");
    // Somebody adds a row meanwhile: the plan that was shown is not the plan any more.
    stage.execute("INSERT INTO item VALUES (1, 'Item 1')").await;
    let stale = stage.daemon(&["apply", "--confirm", &shown]).await;
    assert_eq!(stale.code, 3, "{stale:?}");
    assert_eq!(stage.daemon(&["once"]).await.code, 3);
    assert_eq!(stage.notion.stats().page_trashes, 0);

    let shown = checksum(&stage).await;
    let applied = stage.daemon(&["apply", "--confirm", &shown]).await;
    assert_eq!(applied.code, 0, "{applied:?}");
    stage.once().await;
    assert_eq!(stage.notion.stats().page_trashes, 39);
    stage.assert_clean().await;
}

async fn held_up(stage: &Stage) {
    eventually("the limit holds it up", async || {
        stage
            .daemon(&["status"])
            .await
            .stdout
            .contains("Due would change")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_everything_waits_for_a_word_and_the_daemon_hears_it() {
    let stage = mirrored().await;
    let _daemon = stage.run();
    stage
        .execute("UPDATE item SET due = due + interval '2 hours'")
        .await;
    held_up(&stage).await;
    assert_eq!(stage.notion.stats().page_updates, 0);
    let shown = checksum(&stage).await;
    let applied = stage.daemon(&["apply", "--confirm", &shown]).await;
    assert_eq!(applied.code, 0, "{applied:?}");
    stage.await_clean().await;
    assert_eq!(stage.notion.stats().page_updates, 40);

    // The word was for that change, not for the next one.
    eventually("the word is kept", async || {
        let words: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM sync.dashboards WHERE confirmed_changes <> '{}'",
        )
        .fetch_one(&stage.pool)
        .await
        .expect("the ledger");
        words == 0
    })
    .await;
    stage
        .execute("UPDATE item SET due = due + interval '2 hours'")
        .await;
    held_up(&stage).await;
    assert_eq!(stage.notion.stats().page_updates, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_dashboard_is_left_alone_and_goes_on_afterwards() {
    let stage = mirrored().await;
    assert_eq!(stage.daemon(&["pause", "items"]).await.code, 0);
    stage
        .execute("UPDATE item SET name = 'Renamed' WHERE id = 3")
        .await;
    assert_eq!(stage.daemon(&["once"]).await.code, 3);
    assert_eq!(stage.notion.stats().page_updates, 0);
    assert_eq!(stage.daemon(&["resume", "Items"]).await.code, 0);
    stage.once().await;
    stage.assert_clean().await;
    let nobody = stage.daemon(&["pause", "Nobody"]).await;
    assert!(nobody.stderr.contains("there are"), "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn why_explains_a_page_by_its_key_and_by_its_link() {
    let stage = mirrored().await;
    let why = stage.daemon(&["why", "Items", "7", "--json"]).await.json();
    assert_eq!(why["because"], "the page shows the row");
    assert_eq!(why["history"][0]["kind"], "create");
    stage
        .execute("UPDATE item SET name = 'Seven' WHERE id = 7")
        .await;
    let link = format!(
        "https://www.notion.so/Item-{}",
        why["page"].as_str().expect("an id").replace('-', "")
    );
    let why = stage.daemon(&["why", &link, "--json"]).await.json();
    assert_eq!(why["key"], "7");
    assert_eq!(why["differing"], json!(["Name"]));
    assert_ne!(why["row_version"], why["shown_version"]);
    let none = stage.daemon(&["why", "Items", "700"]).await;
    assert!(none.stdout.contains("no row of this key"), "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ledger_is_rebuilt_by_reads_and_second_pages_are_merged() {
    let stage = mirrored().await;
    let page = &stage.pages("Items").await[0];
    let second = json!({
        "parent": page["parent"],
        "properties": {
            "Name": {"title": [{"text": {"content": crate::stage::text(page, "Name")}}]},
            "Due": {"date": page["properties"]["Due"]["date"]},
            "Claimboard Key": {"rich_text": [{"text": {"content": crate::stage::text(page, "Claimboard Key")}}]},
        },
    });
    stage.notion_request("POST", "v1/pages", second).await;
    stage.execute("DELETE FROM sync.pages").await;
    let before = stage.notion.stats();
    let rebuilt = stage.daemon(&["rebuild", "--json"]).await;
    assert_eq!(rebuilt.code, 3, "{rebuilt:?}");
    let after = stage.notion.stats();
    assert_eq!(rebuilt.json()["extra"], 1);
    // One request for each hundred pages of each of the three boards.
    assert_eq!(after.requests - before.requests, 3);
    assert_eq!(stage.once().await["written"], 0);
    assert_eq!(stage.daemon(&["rebuild", "--merge"]).await.code, 0);
    assert_eq!(stage.notion.stats().page_creates, before.page_creates);
    stage.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_lists_what_cannot_be_written_and_teardown_asks_first() {
    let stage = Stage::set(
        "CREATE TABLE item (id int, name text, due timestamptz); INSERT INTO item VALUES (1, 'a'), (1, 'b'), (2, 'c')",
        &[("items.toml", ITEMS)],
    )
    .await;
    assert_eq!(stage.daemon(&["errors"]).await.code, 0);
    assert_eq!(stage.daemon(&["once"]).await.code, 3);
    let errors = stage.daemon(&["errors"]).await;
    assert_eq!(errors.code, 3);
    assert!(errors.stdout.contains("2 rows have the key"), "{errors:?}");

    let asked = stage.daemon(&["teardown"]).await;
    assert_eq!(asked.code, 3, "{asked:?}");
    assert!(asked.stdout.contains("Items"), "{asked:?}");
    let done = stage.daemon(&["teardown", "--confirm"]).await;
    assert_eq!(done.code, 0, "{done:?}");
    let run = stage
        .command(&["once"])
        .stdout(Stdio::null())
        .output()
        .await;
    assert_eq!(run.expect("it runs").status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_change_in_mirrored_cells_is_seen_by_the_next_write_and_healed() {
    let stage = mirrored().await;
    let page = stage.pages("Items").await.remove(0);
    let key = crate::stage::text(&page, "Claimboard Key");
    let theirs =
        json!({"Name": {"title": [{"type": "text", "text": {"content": "Scribbled over"}}]}});
    stage
        .people(json!({"act": "edit_cells", "page": page["id"], "properties": theirs}))
        .await;
    // The row changes in another column: Notion's answer shows the scribble.
    sqlx::query("UPDATE item SET due = due + interval '1 day' WHERE id = $1::int")
        .bind(&key)
        .execute(&stage.pool)
        .await
        .expect("the row changes");
    stage.once().await;
    stage.assert_clean().await;
    let seen: Vec<(String, String, bool)> =
        sqlx::query_as("SELECT key, property, healed FROM sync.drift")
            .fetch_all(&stage.pool)
            .await
            .expect("the ledger");
    assert_eq!(seen, [(key, "Name".to_owned(), true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_change_is_found_by_asking_and_only_reported_where_that_is_wanted() {
    let reported = ITEMS
        .replace("\"Items\"", "\"Reported\"")
        .replace("cadence = \"1s\"", "cadence = \"1s\"\nheal = \"report\"");
    let stage = Stage::set(
        TABLE,
        &[("items.toml", ITEMS), ("reported.toml", &reported)],
    )
    .await;
    stage.once().await;
    for board in ["Items", "Reported"] {
        let page = stage.pages(board).await.remove(0);
        let theirs =
            json!({"Name": {"title": [{"type": "text", "text": {"content": "Scribbled over"}}]}});
        stage
            .people(json!({"act": "edit_cells", "page": page["id"], "properties": theirs}))
            .await;
    }
    let _daemon = stage.run();
    eventually(
        "both are recorded, with who it was, and one is healed",
        async || {
            let seen: Vec<(String, bool, bool)> = sqlx::query_as(
            "SELECT dashboard, healed, edited_by IS NOT NULL FROM sync.drift ORDER BY dashboard",
        )
        .fetch_all(&stage.pool)
        .await
        .expect("the ledger");
            let verdict = stage.daemon(&["verify", "--json"]).await.json();
            seen == [
                ("Items".to_owned(), true, true),
                ("Reported".to_owned(), false, true),
            ] && verdict["different"] == 1
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_restored_from_an_old_backup_makes_no_second_page() {
    let stage = mirrored().await;
    stage
        .execute(
            "CREATE TABLE backup_pages AS TABLE sync.pages; CREATE TABLE backup_ledger AS TABLE sync.ledger;
             INSERT INTO item SELECT n, 'Later ' || n FROM generate_series(41, 60) n",
        )
        .await;
    stage.once().await;
    stage
        .execute(
            "DELETE FROM sync.pages; INSERT INTO sync.pages TABLE backup_pages;
             DELETE FROM sync.ledger; INSERT INTO sync.ledger TABLE backup_ledger",
        )
        .await;
    assert_eq!(stage.once().await["written"], 0);
    assert_eq!(stage.notion.stats().page_creates, 60);
    stage.assert_clean().await;
}
