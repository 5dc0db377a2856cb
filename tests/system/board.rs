//! The main job: boards are created once, filled, and follow.

use serde_json::json;

use crate::stage::{Stage, eventually, text};

const TABLES: &str = "
CREATE TABLE project (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE task (
    id int PRIMARY KEY, title text NOT NULL, status text, due date, at timestamptz, hours numeric, done bool,
    tags text[], link text, project_id int REFERENCES project, parent_id int REFERENCES task
);
INSERT INTO project SELECT n, 'Project ' || n FROM generate_series(1, 7) n;
INSERT INTO task SELECT n, 'Task ' || n, CASE WHEN n % 3 = 0 THEN 'done' ELSE 'open' END,
    date '2026-01-01' + n, timestamptz '2026-01-01 10:00:30+02' + n * interval '1 minute', n / 4.0, n % 2 = 0,
    CASE WHEN n % 5 > 0 THEN ARRAY['a', 'b ' || n % 5] END, 'https://example.org/' || n,
    CASE WHEN n % 4 > 0 THEN n % 7 + 1 END, CASE WHEN n > 10 THEN n - 10 END
FROM generate_series(1, 60) n;
";

const PROJECTS: &str = r#"
name = "Works"
source = "project"
key = "id"
cadence = "2s"
[[property]]
name = "Name"
type = "title"
column = "name"
"#;

const TASKS: &str = r#"
name = "Steps"
icon = "🪜"
source = "task"
key = "id"
cadence = "2s"
[[property]]
name = "Title"
type = "title"
column = "title"
[[property]]
name = "Status"
type = "select"
column = "status"
options = [{ value = "open", name = "Open", color = "blue" }, { value = "done", name = "Done", color = "green" }]
[[property]]
name = "Due"
type = "date"
column = "due"
[[property]]
name = "At"
type = "date"
column = "at"
[[property]]
name = "Hours"
type = "number"
column = "hours"
[[property]]
name = "Finished"
type = "checkbox"
column = "done"
[[property]]
name = "Tags"
type = "multi_select"
column = "tags"
[[property]]
name = "Link"
type = "url"
column = "link"
[[property]]
name = "Work"
type = "relation"
column = "project_id"
to = "Works"
[[property]]
name = "Parent"
type = "relation"
column = "parent_id"
to = "Steps"
[[property]]
name = "Age"
type = "formula"
expression = 'format(dateBetween(now(), prop("At"), "days")) + " days"'
"#;

async fn stage() -> Stage {
    Stage::set(TABLES, &[("works.toml", PROJECTS), ("steps.toml", TASKS)]).await
}

#[tokio::test]
async fn every_row_becomes_one_page_and_a_second_run_writes_nothing() {
    let stage = stage().await;
    stage.once().await;
    assert_eq!(
        stage.notion.stats().queries,
        0,
        "nothing was in doubt, so nothing is looked up"
    );
    stage.assert_clean().await;
    assert_eq!(stage.pages("Works").await.len(), 7);
    let written = stage.notion.stats();
    assert_eq!(stage.once().await["written"], 0);
    let again = stage.notion.stats();
    assert_eq!(written.page_creates, again.page_creates);
    assert_eq!(written.page_updates, again.page_updates);
    let once = (written.page_creates, written.page_updates);
    assert_eq!(
        once,
        (67, 0),
        "children wait for their parents, so that each page is written once"
    );
}

#[tokio::test]
async fn relations_point_to_the_pages_of_their_rows() {
    let stage = stage().await;
    stage.once().await;
    let works = stage.pages("Works").await;
    let steps = stage.pages("Steps").await;
    let step = steps
        .iter()
        .find(|page| text(page, "Title") == "Task 23")
        .expect("task 23");
    let work = works
        .iter()
        .find(|page| text(page, "Name") == "Project 3")
        .expect("project 3");
    assert_eq!(
        step["properties"]["Work"]["relation"],
        json!([{"id": work["id"]}])
    );
    let parent = steps
        .iter()
        .find(|page| text(page, "Title") == "Task 13")
        .expect("task 13");
    assert_eq!(
        step["properties"]["Parent"]["relation"],
        json!([{"id": parent["id"]}])
    );
}

#[tokio::test]
async fn setup_twice_changes_nothing() {
    let stage = stage().await;
    let before = stage.notion.stats().requests;
    let said = stage.daemon(&["--setup", "--json"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let actions: Vec<_> = said.json()["dashboards"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["action"].clone())
        .collect();
    assert!(
        actions.iter().all(|action| action == "unchanged"),
        "{actions:?}"
    );
    let reads = stage.notion.stats().requests - before;
    assert_eq!(
        reads,
        2 * actions.len() as u64 + 2,
        "a dashboard's data source, whether it is locked, two of the parent page, and no write"
    );
}

#[tokio::test]
async fn a_lost_ledger_is_rebuilt_from_notion_without_a_second_database_or_page() {
    let stage = stage().await;
    stage.once().await;
    let before = stage.notion.stats();
    stage.execute("DROP SCHEMA sync CASCADE").await;
    let said = stage.daemon(&["setup", "--json"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("adopted"), "{}", said.stdout);
    assert_eq!(
        stage.once().await["written"],
        0,
        "nothing differs, so nothing is written"
    );
    let after = stage.notion.stats();
    assert_eq!(
        (before.page_creates, before.page_updates),
        (after.page_creates, after.page_updates)
    );
    stage.assert_clean().await;
}

#[tokio::test]
async fn a_running_daemon_follows_inserts_updates_and_deletes() {
    let stage = stage().await;
    let mut daemon = stage.run();
    stage.await_clean().await;
    stage
        .execute(
            "INSERT INTO task (id, title, status) VALUES (100, 'New', 'open');
             UPDATE task SET status = 'done', title = 'Renamed' WHERE id = 5;
             DELETE FROM task WHERE id = 60;",
        )
        .await;
    eventually("the new row has a page", async || {
        stage
            .pages("Steps")
            .await
            .iter()
            .any(|page| text(page, "Title") == "New")
    })
    .await;
    stage.await_clean().await;
    let before = stage.notion.stats();
    stage
        .execute("UPDATE task SET at = at + interval '1 second' WHERE id = 5")
        .await;
    stage
        .execute("INSERT INTO task (id, title) VALUES (60, 'Back again')")
        .await;
    stage.await_clean().await;
    let after = stage.notion.stats();
    assert_eq!(
        after.page_creates, before.page_creates,
        "a row that comes back gets its old page"
    );
    assert_eq!(after.page_restores, before.page_restores + 1);
    assert_eq!(
        after.page_updates, before.page_updates,
        "a change that no page shows costs no write"
    );
    daemon.kill().await.expect("it ran");
}

#[tokio::test]
async fn plan_shows_what_once_writes() {
    let stage = stage().await;
    let plan = stage.daemon(&["plan", "--json"]).await.json();
    assert_eq!(plan["requests"], 67);
    stage.once().await;
    stage
        .execute("UPDATE task SET status = 'done' WHERE id = 1")
        .await;
    let plan = stage.daemon(&["plan", "--json"]).await.json();
    let writes = plan["writes"].as_array().expect("a list");
    assert_eq!(writes.len(), 1, "{plan}");
    assert_eq!(writes[0]["key"], "1");
    assert_eq!(writes[0]["kind"], "update");
    assert_eq!(writes[0]["properties"], json!(["Status"]));
    assert!(writes[0]["values"]["Status"].is_object(), "{plan}");
    assert_eq!(stage.once().await["written"], 1);
    let plan = stage.daemon(&["plan"]).await;
    assert_eq!(plan.stdout.trim(), "nothing to write");
}

#[tokio::test]
async fn verify_names_every_kind_of_difference() {
    let stage = stage().await;
    stage.once().await;
    let works = stage.pages("Works").await;
    let id = |index: usize| works[index]["id"].as_str().expect("an id").to_owned();
    let retitle = json!({"properties": {"Name": {"title": [{"text": {"content": "By hand"}}]}}});
    stage
        .notion_request("PATCH", &format!("v1/pages/{}", id(0)), retitle)
        .await;
    stage
        .notion_request(
            "PATCH",
            &format!("v1/pages/{}", id(1)),
            json!({"in_trash": true}),
        )
        .await;
    let copy = json!({
        "parent": works[2]["parent"],
        "properties": {"Claimboard Key": {"rich_text": [{"text": {"content": "99"}}]}},
    });
    stage.notion_request("POST", "v1/pages", copy).await;
    let said = stage.daemon(&["verify", "--json"]).await;
    assert_eq!(said.code, 3);
    let verdict = said.json();
    let works = verdict["dashboards"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "Works")
        .unwrap();
    assert_eq!(
        (&works["missing"], &works["extra"], &works["different"]),
        (&json!(1), &json!(1), &json!(1))
    );
}

#[tokio::test]
async fn status_counts_rows_and_pages_while_no_daemon_runs() {
    let stage = stage().await;
    stage.once().await;
    let status = stage.daemon(&["status", "--json"]).await.json();
    let steps = status["dashboards"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "Steps")
        .unwrap();
    assert_eq!(
        (&steps["rows"], &steps["pages"], &steps["in_doubt"]),
        (&json!(60), &json!(60), &json!(0))
    );
}

#[tokio::test]
async fn a_seventh_dashboard_is_one_more_file() {
    let stage = stage().await;
    stage.once().await;
    let file = "name = \"Doors\"\nquery = \"select id, name from project where id > 5\"\nkey = \"id\"\ncadence = \"5s\"\n\
                [[property]]\nname = \"Door\"\ntype = \"title\"\ncolumn = \"name\"\n";
    std::fs::write(stage.schemas.path().join("doors.toml"), file).expect("written");
    let said = stage.daemon(&["once"]).await;
    assert_eq!(said.code, 2);
    assert!(
        said.stderr
            .contains("\"Doors\" has no Notion database yet; run `claimboard-sync setup`"),
        "{}",
        said.stderr
    );
    assert_eq!(stage.daemon(&["setup"]).await.code, 0);
    stage.once().await;
    assert_eq!(stage.pages("Doors").await.len(), 2);
    stage.assert_clean().await;
}

#[tokio::test]
async fn a_property_that_a_person_deleted_is_made_and_filled_again() {
    let stage = stage().await;
    stage.once().await;
    let source = stage.pages("Works").await[0]["parent"]["data_source_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let delete = json!({"act": "delete_property", "data_source": source, "property": "Sync Note"});
    stage.people(delete).await;
    let said = stage.daemon(&["setup"]).await;
    assert!(
        said.code == 0 && said.stdout.contains("changed"),
        "{said:?}"
    );
    stage.once().await;
    stage.assert_clean().await;
}

#[tokio::test]
async fn a_database_in_the_trash_is_said_and_restored_by_setup() {
    let stage = stage().await;
    stage.once().await;
    let database: sqlx::types::Uuid =
        sqlx::query_scalar("SELECT database_id FROM sync.dashboards WHERE name = 'Works'")
            .fetch_one(&stage.pool)
            .await
            .expect("set up");
    stage.people(json!({"act": "trash", "id": database})).await;
    stage
        .execute("INSERT INTO project VALUES (8, 'Eighth')")
        .await;
    let said = stage.daemon(&["once"]).await;
    assert_eq!(said.code, 3, "{said:?}");
    let status = stage.daemon(&["status"]).await;
    assert!(status.stdout.contains("stands still"), "{}", status.stdout);
    let said = stage.daemon(&["setup"]).await;
    assert!(
        said.code == 0 && said.stdout.contains("restored"),
        "{said:?}"
    );
    stage.once().await;
    stage.assert_clean().await;
}

#[tokio::test]
async fn a_renamed_title_is_followed() {
    let stage = stage().await;
    stage.once().await;
    let renamed = TASKS.replace("name = \"Title\"", "name = \"Step\"");
    std::fs::write(stage.schemas.path().join("steps.toml"), renamed).expect("written");
    let said = stage.daemon(&["setup"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    stage.once().await;
    stage.assert_clean().await;
    assert!(
        stage
            .pages("Steps")
            .await
            .iter()
            .any(|page| text(page, "Step") == "Task 23")
    );
}
