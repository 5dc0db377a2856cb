//! What a test plays on: a database of its own, a simulated Notion, and the daemon's real binary.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use local_postgres::{Cluster, Settings};
use notion_sim::{Options, Server};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// One cluster for all tests of this process; it ends with the process.
static CLUSTER: LazyLock<Cluster> =
    LazyLock::new(|| Cluster::temporary(&Settings::default()).expect("a private cluster starts"));

static DATABASES: AtomicU32 = AtomicU32::new(0);

/// How long a test waits for a fact before it gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Leaves out the board of the mirroring itself, so that a test counts what its own boards cost.
pub(crate) const NO_STATUS: (&str, &str) = (
    "sync-status.toml",
    "name = \"Sync Status\"\nsource = \"public.absent\"\nkey = \"id\"\ncadence = \"1h\"\noptional = true\n\
     [[property]]\nname = \"Id\"\ntype = \"title\"\ncolumn = \"id\"\n",
);

/// A database, a simulated Notion, and a folder of schema files.
pub(crate) struct Stage {
    pub(crate) pool: PgPool,
    pub(crate) notion: Server,
    pub(crate) schemas: TempDir,
    pub(crate) url: String,
    http: reqwest::Client,
}

/// What a command of the daemon said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Stage {
    /// A stage with these tables and schema files, set up and not yet mirrored.
    pub(crate) async fn set(sql: &'static str, schemas: &[(&str, &str)]) -> Self {
        let stage = Self::bare(sql, schemas, plenty()).await;
        let said = stage.daemon(&["setup"]).await;
        assert_eq!(said.code, 0, "{said:?}");
        stage
    }

    /// A stage on which nothing has been set up.
    pub(crate) async fn bare(
        sql: &'static str,
        schemas: &[(&str, &str)],
        options: Options,
    ) -> Self {
        Self::on(&CLUSTER, sql, schemas, options).await
    }

    /// The same, on a cluster of the test's own, where nobody else's transactions wake the daemon.
    pub(crate) async fn on(
        cluster: &Cluster,
        sql: &'static str,
        schemas: &[(&str, &str)],
        options: Options,
    ) -> Self {
        let name = format!("stage_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        cluster
            .create_database(&name)
            .expect("a database of its own");
        let url = cluster.url(&name);
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .connect(&url)
            .await
            .expect("a connection");
        sqlx::raw_sql(sql)
            .execute(&pool)
            .await
            .expect("the test's tables");
        let notion = Server::start(options).await.expect("a simulated Notion");
        let folder = TempDir::new().expect("a folder");
        for (file, text) in [NO_STATUS].iter().chain(schemas) {
            std::fs::write(folder.path().join(file), text).expect("a schema file");
        }
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            pool,
            notion,
            schemas: folder,
            url,
            http: reqwest::Client::new(),
        }
    }

    /// A command of the daemon, with this stage's environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary("claimboard-sync"));
        command
            .args(arguments)
            .env_clear()
            .env("DATABASE_URL", &self.url)
            .env("NOTION_TOKEN", self.notion.token())
            .env("NOTION_BASE_URL", self.notion.url())
            .env("NOTION_PARENT_PAGE", self.notion.root_page_id())
            .env("NOTION_REQUESTS_PER_MINUTE", "6000")
            .env("CLAIMBOARD_SCHEMAS", self.schemas.path())
            .env("CLAIMBOARD_LISTEN", "off")
            .current_dir(self.schemas.path())
            .kill_on_drop(true);
        command
    }

    /// Runs a command of the daemon to its end.
    pub(crate) async fn daemon(&self, arguments: &[&str]) -> Said {
        said(self.command(arguments)).await
    }

    /// Starts the daemon.
    pub(crate) fn run(&self) -> Child {
        self.command(&["run"])
            .stderr(Stdio::null())
            .spawn()
            .expect("the daemon starts")
    }

    /// Mirrors until nothing is left to write.
    pub(crate) async fn once(&self) -> Value {
        let said = self.daemon(&["once", "--json"]).await;
        assert_eq!(said.code, 0, "{said:?}");
        said.json()
    }

    /// Asserts that every row has exactly one page that shows it.
    pub(crate) async fn assert_clean(&self) {
        let said = self.daemon(&["verify", "--json"]).await;
        assert_eq!(said.code, 0, "{said:#?}");
    }

    /// Waits until every row has exactly one page that shows it.
    pub(crate) async fn await_clean(&self) {
        self.await_clean_for(PATIENCE).await;
    }

    /// The same, with more patience.
    pub(crate) async fn await_clean_for(&self, patience: Duration) {
        eventually_within(patience, "rows and pages agree", async || {
            self.daemon(&["verify"]).await.code == 0
        })
        .await;
    }

    pub(crate) async fn execute(&self, sql: &'static str) {
        sqlx::raw_sql(sql)
            .execute(&self.pool)
            .await
            .expect("the statement runs");
    }

    /// The pages of a dashboard as Notion returns them.
    pub(crate) async fn pages(&self, dashboard: &str) -> Vec<Value> {
        let source: sqlx::types::Uuid =
            sqlx::query_scalar("SELECT data_source_id FROM sync.dashboards WHERE name = $1")
                .bind(dashboard)
                .fetch_one(&self.pool)
                .await
                .expect("the dashboard was set up");
        let answer = self
            .notion_request(
                "POST",
                &format!("v1/data_sources/{source}/query"),
                json!({}),
            )
            .await;
        answer["results"].as_array().expect("results").clone()
    }

    /// A request to the simulated Notion.
    pub(crate) async fn notion_request(&self, method: &str, path: &str, body: Value) -> Value {
        let method = method.parse().expect("a method");
        let request = self
            .http
            .request(method, format!("{}/{path}", self.notion.url()))
            .bearer_auth(self.notion.token())
            .header("Notion-Version", "2026-03-11");
        let request = if body.is_null() {
            request
        } else {
            request.json(&body)
        };
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let text = response.text().await.expect("a body");
        assert!(status.is_success(), "{status}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Throws everybody out of this database and lets nobody in, or lets them in again.
    pub(crate) async fn close_database(&self, closed: bool) {
        let name = self.database();
        self.administer(&format!(
            "ALTER DATABASE {name} ALLOW_CONNECTIONS {}",
            !closed
        ))
        .await;
        if closed {
            self.administer(&format!(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'"
            ))
            .await;
        }
    }

    /// The name of this stage's database.
    pub(crate) fn database(&self) -> String {
        let name = self.url.split(['/', '?']).nth(3);
        name.expect("a name").to_owned()
    }

    /// Runs a statement in another database of the cluster.
    pub(crate) async fn administer(&self, sql: &str) {
        let mut admin = PgConnection::connect(&CLUSTER.url("postgres"))
            .await
            .expect("a connection");
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut admin)
            .await
            .expect("the statement runs");
    }

    /// Injects a fault.
    pub(crate) async fn fault(&self, fault: Value) {
        self.notion_request("POST", "_sim/faults", fault).await;
    }

    /// What a person does in Notion.
    pub(crate) async fn people(&self, act: Value) -> Value {
        self.notion_request("POST", "_sim/people", act).await
    }

    /// Takes all faults away.
    pub(crate) async fn clear_faults(&self) {
        self.notion_request("DELETE", "_sim/faults", Value::Null)
            .await;
    }
}

/// A workspace whose window no test meets by accident.
pub(crate) fn plenty() -> Options {
    Options {
        requests_per_minute: 60_000,
        ..Options::default()
    }
}

/// Runs a command to its end.
pub(crate) async fn said(mut command: Command) -> Said {
    let output = command.output().await.expect("the command runs");
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Waits for a fact, and panics if it does not come.
pub(crate) async fn eventually(what: &str, fact: impl AsyncFn() -> bool) {
    eventually_within(PATIENCE, what, fact).await;
}

/// The same, with another patience.
pub(crate) async fn eventually_within(
    patience: Duration,
    what: &str,
    fact: impl AsyncFn() -> bool,
) {
    let started = Instant::now();
    while !fact().await {
        assert!(started.elapsed() < patience, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The plain text of a page's property.
pub(crate) fn text(page: &Value, property: &str) -> String {
    let property = &page["properties"][property];
    let content = property
        .get("title")
        .or_else(|| property.get("rich_text"))
        .expect("a text");
    content
        .as_array()
        .expect("elements")
        .iter()
        .map(|one| one["plain_text"].as_str().expect("text"))
        .collect()
}

/// A program of this workspace, built beside the tests.
pub(crate) fn binary(name: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("a path");
    let built = tests.ancestors().nth(2).expect("target/debug").join(name);
    assert!(
        built.exists(),
        "{} is missing: cargo build --workspace --bins",
        built.display()
    );
    built
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
}
