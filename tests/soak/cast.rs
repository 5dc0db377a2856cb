//! Who plays: a private Postgres, the simulated Notion, the daemon's real program, and three agents.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use local_postgres::{Cluster, Settings};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use notion_sim::{Options, Server};
use serde_json::{Value, json};
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::process::{Child, Command};

use crate::report::Report;

const AGENTS: [&str; 3] = ["alpha", "beta", "gamma"];

/// Processes whose memory is watched: their names, and their ids while they run.
pub(crate) type Watched = Arc<Mutex<Vec<(String, u32)>>>;

/// Everything that runs.
pub(crate) struct Cast {
    pub(crate) pool: PgPool,
    pub(crate) notion: Server,
    cluster: Cluster,
    daemon: Option<Child>,
    agents: Vec<(&'static str, Child)>,
    watched: Watched,
    http: reqwest::Client,
    folder: PathBuf,
    token: String,
    token_file: PathBuf,
    url: String,
    schemas: PathBuf,
    port: u16,
}

impl Cast {
    /// Starts everybody, and waits until the board shows everything.
    pub(crate) async fn enter(folder: &Path) -> anyhow::Result<Self> {
        let settings = Settings::default().set("track_commit_timestamp", "on");
        let cluster = Cluster::temporary(&settings)?;
        cluster.create_database("soak")?;
        let url = cluster.url("soak");
        let pool = PgPoolOptions::new()
            .max_connections(6)
            .acquire_timeout(Duration::from_mins(2))
            .connect(&url)
            .await?;
        coordination::migrate(&pool).await?;
        demo::sample::load(&pool).await?;
        demo::journal::install(&pool).await?;
        let notion = Server::start(Options {
            requests_per_minute: 600,
            latency_ms: 100,
            ..Options::default()
        })
        .await?;
        let token = notion.token().to_owned();
        let token_file = folder.join("notion-token");
        std::fs::write(&token_file, &token)?;
        let schemas = schemas(folder)?;
        // Free a moment ago; nobody else on this machine asks for it by name.
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let mut cast = Self {
            pool,
            notion,
            cluster,
            daemon: None,
            agents: Vec::new(),
            watched: Watched::default(),
            http: reqwest::Client::builder()
                .timeout(Duration::from_secs(10))
                .build()?,
            folder: folder.to_owned(),
            token,
            token_file,
            url,
            schemas,
            port,
        };
        cast.answer("setup").await?;
        cast.start_daemon()?;
        ensure!(
            cast.caught_up(Duration::from_mins(10)).await,
            "the first load never ended"
        );
        // Before anybody works: while agents do, there is always something to write.
        for name in AGENTS {
            let agent = cast.agent(name)?;
            cast.agents.push((name, agent));
        }
        Ok(cast)
    }

    pub(crate) fn watched(&self) -> Watched {
        Arc::clone(&self.watched)
    }

    fn sync(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(program("claimboard-sync")?);
        command
            .env_clear()
            .env("DATABASE_URL", &self.url)
            .env("NOTION_TOKEN_FILE", &self.token_file)
            .env("NOTION_BASE_URL", self.notion.url())
            .env("NOTION_PARENT_PAGE", self.notion.root_page_id())
            .env("NOTION_REQUESTS_PER_MINUTE", "600")
            .env("CLAIMBOARD_SCHEMAS", &self.schemas)
            .env("CLAIMBOARD_LISTEN", format!("127.0.0.1:{}", self.port))
            .current_dir(&self.folder)
            .kill_on_drop(true);
        Ok(command)
    }

    fn start_daemon(&mut self) -> anyhow::Result<()> {
        let daemon = self
            .sync()?
            .arg("run")
            .stderr(self.log("claimboard-sync")?)
            .spawn()?;
        self.watch("claimboard-sync", daemon.id());
        self.daemon = Some(daemon);
        Ok(())
    }

    fn agent(&self, name: &str) -> anyhow::Result<Child> {
        let agent = Command::new(program("examples/agent")?)
            .args([name, "--workspace", "demo"])
            .env_clear()
            .env(
                "DATABASE_URL",
                format!("{}&application_name={name}", self.url),
            )
            .current_dir(&self.folder)
            .stdout(Stdio::null())
            .stderr(self.log(name)?)
            .kill_on_drop(true)
            .spawn()?;
        self.watch(name, agent.id());
        Ok(agent)
    }

    fn log(&self, name: &str) -> anyhow::Result<File> {
        let path = self.folder.join(format!("{name}.log"));
        Ok(File::options().create(true).append(true).open(path)?)
    }

    fn watch(&self, name: &str, id: Option<u32>) {
        let mut watched = self.watched.lock().expect("nobody panics with it");
        watched.retain(|(known, _)| known != name);
        watched.extend(id.map(|id| (name.to_owned(), id)));
    }

    /// Kills the daemon where it stands and starts another.
    pub(crate) async fn kill_daemon(&mut self) -> anyhow::Result<()> {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().await?;
        }
        self.start_daemon()
    }

    pub(crate) fn signal_daemon(&self, signal: Signal) -> anyhow::Result<()> {
        let id = self.daemon.as_ref().and_then(Child::id);
        let id = i32::try_from(id.context("the daemon is not running")?)?;
        Ok(kill(Pid::from_raw(id), signal)?)
    }

    /// Stops the daemon as a service manager does and starts another.
    pub(crate) async fn restart_daemon(&mut self) -> anyhow::Result<()> {
        self.stop_daemon().await?;
        self.start_daemon()
    }

    async fn stop_daemon(&mut self) -> anyhow::Result<()> {
        self.signal_daemon(Signal::SIGTERM)?;
        let mut daemon = self.daemon.take().context("the daemon is not running")?;
        let ended = tokio::time::timeout(Duration::from_mins(1), daemon.wait()).await;
        let status = ended.context("the daemon did not stop within a minute")??;
        ensure!(status.success(), "the daemon ended with {status}");
        Ok(())
    }

    /// Kills an agent where it stands: its claim is left behind.
    pub(crate) async fn kill_agent(&mut self) -> anyhow::Result<()> {
        self.agents[0].1.kill().await?;
        self.agents.rotate_left(1);
        Ok(())
    }

    /// Crashes the server; clients see their connections end.
    pub(crate) fn crash_postgres(&mut self) -> anyhow::Result<()> {
        Ok(tokio::task::block_in_place(|| {
            self.cluster.restart_immediate()
        })?)
    }

    /// What somebody does in Notion or to it.
    pub(crate) async fn notion(&self, path: &str, act: Value) -> anyhow::Result<()> {
        let url = format!("{}/_sim/{path}", self.notion.url());
        let request = if act.is_null() {
            self.http.delete(url)
        } else {
            self.http.post(url).json(&act)
        };
        let answer = request
            .bearer_auth(self.notion.token())
            .send()
            .await?
            .error_for_status()?;
        drop(answer);
        Ok(())
    }

    /// Takes the token away, and after a while another one takes its place.
    pub(crate) async fn renew_token(&mut self, pause: Duration) -> anyhow::Result<()> {
        self.notion("people", json!({"act": "revoke_token"}))
            .await?;
        tokio::time::sleep(pause).await;
        let number: u32 = self
            .token
            .rsplit('_')
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        self.token = format!("ntn_soak_{}", number + 1);
        self.notion(
            "people",
            json!({"act": "renew_token", "token": &self.token}),
        )
        .await?;
        Ok(std::fs::write(&self.token_file, &self.token)?)
    }

    /// Agents that ended, by a fault or because the database went away, are started again, as their supervisors would.
    pub(crate) fn mend(&mut self) -> anyhow::Result<()> {
        for index in 0..self.agents.len() {
            let (name, agent) = &mut self.agents[index];
            let name = *name;
            if agent.try_wait()?.is_some() {
                self.agents[index].1 = self.agent(name)?;
            }
        }
        if let Some(daemon) = &mut self.daemon
            && let Some(status) = daemon.try_wait()?
        {
            anyhow::bail!("the daemon ended by itself: {status}");
        }
        Ok(())
    }

    /// Waits until the daemon says that all is well, on each dashboard. `false`: it did not come to that.
    pub(crate) async fn healed(&self, patience: Duration) -> bool {
        let started = Instant::now();
        loop {
            if self.is_well().await.unwrap_or(false) {
                return true;
            }
            if started.elapsed() > patience {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn is_well(&self) -> anyhow::Result<bool> {
        let url = format!("http://127.0.0.1:{}/status", self.port);
        let status: Value = self.http.get(url).send().await?.json().await?;
        let dashboards = status["sync"]["dashboards"].as_array();
        let go_on =
            dashboards.is_some_and(|all| all.iter().all(|one| one["stands_still"].is_null()));
        Ok(status["ready"] == true && go_on)
    }

    /// Waits until nothing is left to write.
    async fn caught_up(&self, patience: Duration) -> bool {
        let started = Instant::now();
        while started.elapsed() < patience {
            let plan = self.answer("plan").await;
            if plan.is_ok_and(|plan| plan["writes"] == json!([]) && plan["in_doubt"] == 0) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        false
    }

    /// A command's JSON. 3 says "the answer is no", which stands in the answer.
    async fn answer(&self, command: &str) -> anyhow::Result<Value> {
        let output = self.sync()?.args([command, "--json"]).output().await?;
        ensure!(
            matches!(output.status.code(), Some(0 | 3)),
            "{command}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// The end of the play: agents go home, the board catches up, and every page is compared with its row.
    pub(crate) async fn bow(
        &mut self,
        report: &mut Report,
        patience: Duration,
    ) -> anyhow::Result<()> {
        self.notion("faults", Value::Null).await?;
        for (_, agent) in &mut self.agents {
            if let Some(id) = agent.id() {
                let _ = kill(Pid::from_raw(i32::try_from(id)?), Signal::SIGTERM);
            }
        }
        for (name, agent) in &mut self.agents {
            let ended = tokio::time::timeout(Duration::from_mins(1), agent.wait()).await;
            ended.with_context(|| format!("{name} did not stop within a minute"))??;
        }
        report.caught_up = self.caught_up(patience).await;
        self.stop_daemon().await?;
        report.verdict = self.answer("verify").await?;
        Ok(())
    }

    pub(crate) async fn leave(self) -> anyhow::Result<()> {
        self.pool.close().await;
        self.notion.shutdown().await;
        Ok(self.cluster.stop()?)
    }
}

/// The dashboards that ship, without their safety limits: ten minutes of kills on a slow machine leave so much to change on the small
/// boards that a person would be asked, and here is nobody to answer.
fn schemas(folder: &Path) -> anyhow::Result<PathBuf> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("schemas");
    let own = folder.join("schemas");
    std::fs::create_dir_all(&own)?;
    for name in ["team", "projects", "tasks", "module-library"] {
        let file = format!("{name}.toml");
        let text = std::fs::read_to_string(shipped.join(&file))?;
        let limits = "trash_limit = \"off\"\nchange_limit = \"off\"\n";
        std::fs::write(own.join(file), format!("{limits}{text}"))?;
    }
    Ok(own)
}

/// A program of this workspace, built beside the tests.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let built = own
        .ancestors()
        .nth(2)
        .context("no folder of builds")?
        .join(name);
    ensure!(
        built.exists(),
        "{} is missing: cargo build --workspace --bins --examples",
        built.display()
    );
    Ok(built)
}
