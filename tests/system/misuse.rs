//! Wrong configuration, wrong schema files, rows that Notion cannot hold: a clear answer, and nothing lost.

use crate::stage::{Stage, plenty, said, text};

const BOARD: &str = r#"
name = "Things"
source = "thing"
key = "id"
cadence = "1s"
[[property]]
name = "Name"
type = "title"
column = "name"
[[property]]
name = "Kind"
type = "select"
column = "kind"
[[property]]
name = "Notes"
type = "text"
column = "notes"
[[property]]
name = "Link"
type = "url"
column = "link"
"#;

const TABLE: &str = "CREATE TABLE thing (id text, name text, kind text, notes text, link text)";

#[tokio::test]
async fn everything_missing_is_named_at_once_with_an_example() {
    let stage = Stage::bare("", &[], plenty()).await;
    let mut command = stage.command(&["run"]);
    for variable in ["DATABASE_URL", "NOTION_TOKEN", "NOTION_PARENT_PAGE"] {
        command.env_remove(variable);
    }
    let said = said(command).await;
    assert_eq!(said.code, 2, "{said:?}");
    for variable in ["DATABASE_URL", "NOTION_TOKEN", "NOTION_PARENT_PAGE"] {
        assert!(
            said.stderr.contains(&format!("for example {variable}=")),
            "{}",
            said.stderr
        );
    }
}

#[tokio::test]
async fn a_wrong_schema_file_is_named_with_line_and_cure_and_nothing_starts() {
    let wrong = BOARD
        .replace("column = \"kind\"", "column = \"knd\"")
        .replace("cadence", "cadense");
    let stage = Stage::bare(TABLE, &[("things.toml", &wrong)], plenty()).await;
    let said = stage.daemon(&["setup"]).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("things.toml:5"), "{}", said.stderr);
    assert!(said.stderr.contains("cadence"), "{}", said.stderr);
    assert_eq!(
        stage.notion.stats().requests,
        0,
        "not even half a dashboard"
    );

    let wrong = BOARD.replace("column = \"kind\"", "column = \"knd\"");
    std::fs::write(stage.schemas.path().join("things.toml"), wrong).expect("written");
    let said = stage.daemon(&["setup"]).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.stderr.contains("things.toml:13") && said.stderr.contains("\"kind\""),
        "{}",
        said.stderr
    );
    assert_eq!(
        stage.notion.stats().requests,
        0,
        "not even half a dashboard"
    );
}

#[tokio::test]
async fn rows_that_notion_cannot_hold_are_shown_as_well_as_can_be_and_hold_up_nobody() {
    let stage = Stage::set(TABLE, &[("things.toml", BOARD)]).await;
    stage
        .execute(
            "INSERT INTO thing VALUES
                 ('long', repeat('n', 5000), 'a', repeat('🦀', 150000), 'https://example.org'),
                 ('comma', 'Comma', 'red, green and ' || repeat('x', 200), NULL, NULL),
                 ('link', 'Link', '', E'tab\\tand \\x07 bell', 'not a url at all'),
                 ('plain', 'Plain', 'b', 'fine', NULL),
                 ('twice', 'One of two', 'b', NULL, NULL),
                 ('twice', 'Two of two', 'b', NULL, NULL),
                 (NULL, 'No key', 'b', NULL, NULL)",
        )
        .await;
    let said = stage.daemon(&["once", "--json"]).await;
    assert_eq!(said.code, 3, "two rows have a problem: {said:?}");
    let pages = stage.pages("Things").await;
    assert_eq!(pages.len(), 4);
    let note = |name: &str| {
        let page = pages
            .iter()
            .find(|page| text(page, "Name").starts_with(name))
            .expect("a page");
        text(page, "Sync Note")
    };
    assert!(note("nnnn").contains("Notes"), "{:?}", note("nnnn"));
    assert!(note("Comma").contains("Kind"), "{:?}", note("Comma"));
    assert!(note("Link").contains("Link"), "{:?}", note("Link"));
    assert_eq!(note("Plain"), "");

    let status = stage.daemon(&["status", "--json"]).await;
    assert_eq!(status.code, 3);
    assert_eq!(
        status.json()["problems"].as_array().map(Vec::len),
        Some(2),
        "{}",
        status.stdout
    );
    stage
        .execute("DELETE FROM thing WHERE id IS NULL OR id = 'twice'")
        .await;
    stage.once().await;
    stage.assert_clean().await;
    assert_eq!(
        stage.daemon(&["status"]).await.code,
        0,
        "the problems are gone"
    );
}

#[tokio::test]
async fn an_hidden_empty_database_never_reaches_a_board() {
    let stage = Stage::bare("", &[], plenty()).await;
    let mut command = stage.command(&["run"]);
    command.env_remove("DATABASE_URL");
    assert_eq!(said(command).await.code, 2);
    assert_eq!(stage.notion.stats().requests, 0);
}

#[tokio::test]
async fn commands_before_setup_say_so() {
    let stage = Stage::bare("", &[], plenty()).await;
    for command in ["run", "once", "plan", "verify", "status"] {
        let said = stage.daemon(&[command]).await;
        assert_eq!(said.code, 2, "{command}: {said:?}");
        assert!(
            said.stderr.contains("claimboard-sync setup"),
            "{command}: {}",
            said.stderr
        );
    }
}
