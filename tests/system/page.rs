//! The daemon's status page: its address, its answers, and who may see them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::stage::{Stage, eventually};

const TABLE: &str = "
CREATE TABLE item (id text PRIMARY KEY, name text NOT NULL);
INSERT INTO item SELECT 'key-' || n, 'Secret content ' || n FROM generate_series(1, 20) n;
INSERT INTO item VALUES ('<script>alert(1)</script>', 'Hostile');
";

const ITEMS: &str = r#"
name = "Items"
source = "item"
key = "id"
cadence = "1s"
change_limit = "off"
[[property]]
name = "Name"
type = "title"
column = "name"
"#;

/// The status page of a running daemon.
pub(crate) struct Page {
    base: String,
    http: reqwest::Client,
    said: tokio::sync::mpsc::UnboundedReceiver<String>,
}

impl Page {
    /// Status and body.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        self.get_with(path, &[]).await
    }

    async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let mut request = self.http.get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("an answer");
        (
            answer.status().as_u16(),
            answer.text().await.expect("a body"),
        )
    }

    /// The answer of `/status`.
    pub(crate) async fn status(&self) -> Value {
        let (code, text) = self.get("status").await;
        assert_eq!(code, 200, "{text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Every line that the daemon logged so far.
    fn log(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.said.try_recv().ok()).collect()
    }
}

impl Stage {
    /// Starts a daemon that serves its page, on a port of its own.
    pub(crate) async fn run_with_page(&self, mut command: Command) -> (Child, Page) {
        let mut daemon = command
            .env("CLAIMBOARD_LISTEN", "127.0.0.1:0")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the daemon starts");
        let mut lines = BufReader::new(daemon.stderr.take().expect("piped")).lines();
        let mut base = None;
        let (say, said) = tokio::sync::mpsc::unbounded_channel();
        while base.is_none() {
            let line = lines
                .next_line()
                .await
                .expect("a line")
                .expect("the address");
            base = line
                .split_once("status page on ")
                .map(|(_, rest)| rest.split('/').take(3).collect::<Vec<_>>().join("/") + "/");
            let _ = say.send(line);
        }
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = say.send(line);
            }
        });
        let page = Page {
            base: base.expect("an address"),
            http: reqwest::Client::new(),
            said,
        };
        (daemon, page)
    }

    /// The folder and name of the cluster's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        let (_, host) = self.url.split_once("host=").expect("a socket");
        let host = host.replace("%2F", "/").replace("%2f", "/");
        Path::new(&host).join(".s.PGSQL.5432")
    }

    /// The database's URL by a socket in another folder.
    pub(crate) fn url_by(&self, folder: &Path) -> String {
        let (before, _) = self.url.split_once("host=").expect("a socket");
        format!(
            "{before}host={}",
            folder.display().to_string().replace('/', "%2F")
        )
    }

    /// The database's URL for another role.
    pub(crate) fn url_as(&self, role: &str) -> String {
        self.url.replacen("postgres@", &format!("{role}@"), 1)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_tells_what_happens_and_rows_stay_text() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    stage
        .execute("SELECT * FROM coordination.claim('modules/<b>bold</b>', 'agent <i>x</i>', reason => '<img src=x onerror=alert(1)>')")
        .await;
    let (_daemon, page) = stage.run_with_page(stage.command(&["run"])).await;
    eventually("it is ready and caught up", async || {
        let status = page.status().await;
        let written = |one: &Value| one["name"] == "Items" && one["counts"]["written"] == 21;
        let dashboards = status["sync"]["dashboards"].as_array();
        status["ready"] == true && dashboards.is_some_and(|all| all.iter().any(written))
    })
    .await;
    let (code, _) = page.get("readyz").await;
    assert_eq!(code, 200);
    let status = page.status().await;
    let items = status["sync"]["dashboards"]
        .as_array()
        .expect("dashboards")
        .iter()
        .find(|one| one["name"] == "Items")
        .expect("Items");
    assert_eq!(items["counts"]["rows"], 21);
    assert_eq!(items["counts"]["written"], 21);
    assert_eq!(status["claims"][0]["resource"], "modules/<b>bold</b>");
    assert_eq!(status["problem"], Value::Null);

    let (code, html) = page.get("").await;
    assert_eq!(code, 200);
    for markup in ["<script", "<b>", "<i>", "<img"] {
        assert!(!html.contains(markup), "{markup} in {html}");
    }
    for text in [
        "Items",
        "modules/&lt;b&gt;bold",
        "Last writes",
        "Postgres",
        "Of Notion's limit",
    ] {
        assert!(html.contains(text), "{text} is missing: {html}");
    }

    let (_, metrics) = page.get("metrics").await;
    assert!(
        metrics
            .contains("claimboard_sync_writes_total{dashboard=\"Items\",outcome=\"written\"} 21"),
        "{metrics}"
    );
    assert!(metrics.contains("claimboard_sync_service_up{service=\"postgres\"} 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_turned_away() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let file = stage.schemas.path().join("status-token");
    std::fs::write(&file, "0123456789abcdef\n").expect("written");
    let mut command = stage.command(&["run"]);
    command.env("CLAIMBOARD_STATUS_TOKEN_FILE", &file);
    let (_daemon, page) = stage.run_with_page(command).await;
    let token = ("authorization", "Bearer 0123456789abcdef");
    assert_eq!(page.get("status").await.0, 401);
    assert_eq!(page.get_with("status", &[token]).await.0, 200);
    let foreign = [token, ("host", "board.evil.example")];
    assert_eq!(page.get_with("status", &foreign).await.0, 421);
    let foreign = [token, ("origin", "https://evil.example")];
    assert_eq!(page.get_with("metrics", &foreign).await.0, 403);

    let mut command = stage.command(&["run"]);
    command.env("CLAIMBOARD_LISTEN", "0.0.0.0:0");
    let said = crate::stage::said(command).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.stderr.contains("CLAIMBOARD_STATUS_TOKEN_FILE"),
        "{said:?}"
    );
}

/// What the daemon is told in confidence, and what rows say, stays out of its log and its command line.
#[tokio::test(flavor = "multi_thread")]
async fn neither_secrets_nor_row_content_are_logged() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    for format in ["text", "json"] {
        let mut command = stage.command(&["run"]);
        command
            .env(
                "DATABASE_URL",
                stage
                    .url
                    .replacen("postgres@", "postgres:hunter2secret@", 1),
            )
            .env("CLAIMBOARD_LOG_FORMAT", format);
        let (daemon, mut page) = stage.run_with_page(command).await;
        let marker = format!("Secret content, {format}");
        sqlx::query("UPDATE item SET name = $1 || id")
            .bind(&marker)
            .execute(&stage.pool)
            .await
            .expect("changed");
        stage.await_clean().await;
        stage
            .fault(json!({"kind": "unauthorized", "count": 2}))
            .await;
        stage
            .execute("UPDATE item SET name = name || ' again'")
            .await;
        stage.await_clean().await;
        let pid = daemon.id().expect("it runs");
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).expect("its command line");
        let lines = page.log();
        let writes = lines
            .iter()
            .filter(|line| line.contains("of a page written"))
            .count();
        assert!(writes >= 42, "{writes} lines for 42 writes");
        for text in lines
            .iter()
            .map(String::as_str)
            .chain([String::from_utf8_lossy(&line).as_ref()])
        {
            for secret in [stage.notion.token(), "hunter2secret", "Secret content"] {
                assert!(!text.contains(secret), "{secret:?} in {text:?}");
            }
            if format == "json" && text.contains("of a page written") {
                let line: Value = serde_json::from_str(text).expect("a line of JSON");
                assert_eq!(line["level"], "INFO");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_what_is_wrong_and_names_the_cure() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let healthy = stage.daemon(&["doctor", "--json"]).await;
    assert_eq!(healthy.code, 0, "{healthy:#?}");
    let answer = healthy.json();
    let checks = answer["checks"].as_array().expect("checks");
    for name in [
        "settings",
        "schemas",
        "database",
        "transport",
        "clock",
        "connections",
        "extension",
        "migrations",
        "rights",
        "sources",
        "ledger",
        "claims",
        "token",
        "parent page",
        "people",
        "plan",
    ] {
        assert!(
            checks.iter().any(|one| one["check"] == name),
            "{name}: {healthy:#?}"
        );
    }

    let bad = async |name: &str, change: &dyn Fn(&mut Command)| {
        let mut command = stage.command(&["doctor", "--json"]);
        change(&mut command);
        let said = crate::stage::said(command).await;
        assert_eq!(said.code, 3, "{said:#?}");
        let answer = said.json();
        let check = answer["checks"]
            .as_array()
            .expect("checks")
            .iter()
            .find(|one| one["check"] == name && one["state"] == "bad")
            .unwrap_or_else(|| panic!("{name}: {said:#?}"))
            .clone();
        assert!(check["cure"].is_string(), "{check}");
    };
    bad("settings", &|command| {
        command.env_remove("NOTION_TOKEN");
    })
    .await;
    bad("token", &|command| {
        command.env("NOTION_TOKEN", "ntn_wrong");
    })
    .await;
    bad("parent page", &|command| {
        command.env("NOTION_PARENT_PAGE", "00000000-0000-4000-8000-000000000000");
    })
    .await;
    bad("database", &|command| {
        command.env(
            "DATABASE_URL",
            "postgres://nobody@localhost/none?host=%2Fnowhere",
        );
    })
    .await;
    stage
        .execute("CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA sync, coordination TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA sync, coordination, public TO reader")
        .await;
    bad("rights", &|command| {
        command.env("DATABASE_URL", stage.url_as("reader"));
    })
    .await;
    stage
        .execute("UPDATE coordination.migrations SET success = version < (SELECT max(version) FROM coordination.migrations)")
        .await;
    bad("migrations", &|_| {}).await;
    stage
        .execute("UPDATE coordination.migrations SET success = true")
        .await;
    stage.execute("ALTER TABLE item DROP COLUMN name").await;
    bad("sources", &|_| {}).await;
    stage.execute("DROP SCHEMA sync CASCADE").await;
    bad("ledger", &|_| {}).await;
}
