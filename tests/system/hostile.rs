//! Text that somebody wrote into a row, a name or a message to do harm: it is shown as text, in Notion, in a terminal, in a log.

use std::fs::File;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::stage::{Stage, binary, eventually, said, text};

/// Clears the screen, names a window, colours, rings, goes up a line, turns what follows round; and C1's way to say CSI.
const ESCAPES: &str =
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{1b}[31mred\u{8}\u{1b}[1A\u{202e}dnuor\u{9b}0m";

/// What a spreadsheet, a chat or a wiki would take for more than text.
const MARKUP: [&str; 8] = [
    "=1+1",
    "@everyone",
    "<@00000000-0000-4000-8000-000000000000>",
    "**bold** _italic_ `code`",
    "[link](javascript:alert(1))",
    "<script>alert(1)</script>",
    "{{ prop(\"Name\") }}",
    "$$\\frac{1}{2}$$",
];

const TABLE: &str = "
CREATE TABLE item (id text PRIMARY KEY, name text NOT NULL, site text, note text);
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
name = "Site"
type = "url"
column = "site"
[[property]]
name = "Note"
type = "text"
column = "note"
"#;

async fn with_rows(rows: &[&str]) -> Stage {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    for row in rows {
        sqlx::query("INSERT INTO item VALUES ($1, $1, $1, $1)")
            .bind(row)
            .execute(&stage.pool)
            .await
            .expect("a row");
    }
    stage
}

/// Anything that a terminal would obey, but for the ends of lines and the tabs of tables.
fn obeyed(text: &str) -> Option<char> {
    text.chars().find(|character| {
        character.is_control() && !matches!(character, '\n' | '\t')
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_rows_is_text_in_notion() {
    let stage = with_rows(&MARKUP).await;
    stage.once().await;
    let pages = stage.pages("Items").await;
    assert_eq!(pages.len(), MARKUP.len());
    for page in &pages {
        let shown = text(page, "Name");
        assert!(MARKUP.contains(&shown.as_str()), "{shown}");
        assert_eq!(text(page, "Note"), shown);
        for property in ["Name", "Note"] {
            let value = &page["properties"][property];
            let runs = value.get("title").or_else(|| value.get("rich_text"));
            for run in runs.and_then(Value::as_array).expect("runs") {
                assert_eq!(
                    run["type"], "text",
                    "neither a mention nor an equation: {run}"
                );
                assert_eq!(run["text"]["link"], Value::Null, "{run}");
                for mark in ["bold", "italic", "code", "strikethrough", "underline"] {
                    assert_ne!(run["annotations"][mark], true, "{run}");
                }
            }
        }
        // What is no address of the web is no link.
        let site = page["properties"]["Site"]["url"]
            .as_str()
            .unwrap_or_default();
        assert!(!site.to_lowercase().contains("javascript:"), "{page}");
    }
}

/// Every command that shows what rows and agents say, and the daemon's log.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_terminal_obeys_reaches_it() {
    let stage = with_rows(&[ESCAPES, &format!("second {ESCAPES}")]).await;
    let name = format!("agent {ESCAPES}").replace('\u{202e}', "");
    // Names are checked by the protocol; what cannot be refused are reasons and messages.
    sqlx::query("SELECT * FROM coordination.claim('docs/guide', 'alpha', reason => $1)")
        .bind(&name)
        .execute(&stage.pool)
        .await
        .expect("a claim");
    sqlx::query("SELECT * FROM coordination.log('alpha', 'help', 'blocked', $1, metadata => $2)")
        .bind(&name)
        .bind(json!({"task": name, "needed_from": name}))
        .execute(&stage.pool)
        .await
        .expect("a row of the log");

    let mut heard = Vec::new();
    for format in ["text", "json"] {
        let file = stage.schemas.path().join(format!("log.{format}"));
        let mut command = stage.command(&["run"]);
        command
            .env("CLAIMBOARD_LOG", "debug")
            .env("CLAIMBOARD_LOG_FORMAT", format)
            .stderr(File::create(&file).expect("a log"));
        let mut daemon = command.spawn().expect("the daemon starts");
        stage.await_clean().await;
        sqlx::query("UPDATE item SET note = note || ' again' WHERE id LIKE 'second%'")
            .execute(&stage.pool)
            .await
            .expect("changed");
        stage.await_clean().await;
        daemon.kill().await.expect("stopped");
        let log = std::fs::read_to_string(&file).expect("text");
        assert!(log.contains("second"), "{log}");
        heard.push((format!("log as {format}"), log));
    }
    // A row that cannot be shown is named; a page that a person changed differs.
    stage
        .execute("INSERT INTO item VALUES ('dup', 'x', null, null)")
        .await;
    let page = stage.pages("Items").await[0]["id"].clone();
    let theirs =
        json!({"Note": {"rich_text": [{"text": {"content": ESCAPES.replace('\u{8}', "")}}]}});
    stage
        .people(json!({"act": "edit_cells", "page": page, "properties": theirs}))
        .await;
    for arguments in [
        &["status"][..],
        &["plan"],
        &["verify"],
        &["errors"],
        &["doctor"],
        &["why", "Items", ESCAPES],
        &["why", ESCAPES, "key"],
        &["once"],
    ] {
        let answer = stage.daemon(arguments).await;
        heard.push((
            format!("claimboard-sync {arguments:?}"),
            answer.stdout + &answer.stderr,
        ));
    }
    for arguments in [
        &["claims"][..],
        &["agents"],
        &["summary", "--agent", "alpha"],
        &["who", "docs/guide"],
        &["history", "docs/guide"],
        &["claim", "docs/guide", "--agent", "beta"],
        &["inbox", "--agent", "beta"],
        &["tail"],
        &["claims", "--json"],
        &["agents", "--json"],
        &["who", "docs/guide", "--json"],
        &["tail", "--json"],
    ] {
        let mut command = Command::new(binary("claimboard"));
        command
            .args(arguments)
            .env_clear()
            .env("DATABASE_URL", &stage.url)
            .env("HOME", stage.schemas.path())
            .current_dir(stage.schemas.path());
        let answer = said(command).await;
        assert!(
            !answer.stdout.is_empty() || !answer.stderr.is_empty(),
            "{arguments:?}"
        );
        assert_ne!(answer.code, 2, "{arguments:?}: {answer:?}");
        heard.push((
            format!("claimboard {arguments:?}"),
            answer.stdout + &answer.stderr,
        ));
    }
    for (who, text) in heard {
        let found = obeyed(&text);
        assert!(found.is_none(), "{who} says {found:?}: {text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_pass_is_a_span_of_the_log() {
    let stage = with_rows(&["one"]).await;
    let file = stage.schemas.path().join("log");
    let mut command = stage.command(&["run"]);
    command
        .env("CLAIMBOARD_LOG", "sync_daemon=debug")
        .env("CLAIMBOARD_LOG_FORMAT", "json")
        .stderr(File::create(&file).expect("a log"));
    let mut daemon = command.spawn().expect("the daemon starts");
    eventually("a page", async || stage.notion.stats().page_creates == 1).await;
    daemon.kill().await.expect("stopped");
    let log = std::fs::read_to_string(&file).expect("text");
    let pass = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| {
            line["fields"]["message"] == "compared" && line["span"]["dashboard"] == "Items"
        })
        .unwrap_or_else(|| panic!("no pass in {log}"));
    assert_eq!(pass["span"]["name"], "pass");
    assert_eq!(pass["fields"]["rows"], 1);
}
