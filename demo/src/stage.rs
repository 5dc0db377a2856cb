//! The play from curtain to curtain: who starts when, what is waited for, and how it ends.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use demo::journal::{self, Baseline};
use demo::sample;
use indicatif::{ProgressBar, ProgressStyle};
use local_postgres::{Cluster, Settings};
use sqlx::PgPool;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::daemon::{self, Daemon};
use crate::fleet::Member;
use crate::summary::Summary;

const AGENTS: [&str; 3] = ["alpha", "beta", "gamma"];
const TICK: Duration = Duration::from_millis(200);
const TELL: Duration = Duration::from_secs(2);
/// A backlog of a whole minute's budget, and the longest interval between passes.
const DRAIN: Duration = Duration::from_mins(7);

/// What the command line says.
#[derive(Debug)]
pub(crate) struct Play {
    /// How long to go on after the first load; for ever without.
    pub(crate) live: Option<Duration>,
    pub(crate) port: u16,
    pub(crate) data: PathBuf,
    pub(crate) requests_per_minute: u32,
    pub(crate) latency_ms: u64,
}

/// Everything that runs. Dropped in this order, whatever goes wrong: agents, daemon, Notion, Postgres.
struct Stage {
    agents: Vec<Member>,
    mirror: Option<Member>,
    daemon: Daemon,
    notion: notion_sim::Server,
    pool: PgPool,
    cluster: Cluster,
    baseline: Baseline,
    setup_requests: u64,
    stop: CancellationToken,
}

/// Plays until the time is over or `stop` is cancelled.
pub(crate) async fn play(play: Play, stop: CancellationToken) -> anyhow::Result<()> {
    let mut stage = Stage::open(&play, stop).await?;
    let outcome = stage.perform(play.live).await;
    let closed = stage.close().await;
    outcome.and(closed)
}

impl Stage {
    async fn open(play: &Play, stop: CancellationToken) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&play.data).with_context(|| play.data.display().to_string())?;
        let data = std::fs::canonicalize(&play.data)?;
        let agent = daemon::program("examples/agent")?;
        let program = daemon::program("claimboard-sync")?;

        let settings = Settings::default().set("track_commit_timestamp", "on");
        let cluster = Cluster::start(&data.join("postgres"), &settings)?;
        cluster.create_database("demo")?;
        let url = cluster.url("demo");
        let pool = PgPool::connect(&url).await?;
        coordination::migrate(&pool).await?;
        let fresh = sample::load(&pool).await?;
        journal::install(&pool).await?;

        let options = notion_sim::Options {
            port: play.port,
            data: Some(data.join("notion.json")),
            requests_per_minute: play.requests_per_minute,
            latency_ms: play.latency_ms,
            ..Default::default()
        };
        let notion = notion_sim::Server::start(options).await.with_context(|| {
            format!(
                "the board could not be opened on port {}; choose another with PORT=",
                play.port
            )
        })?;

        let daemon = Daemon {
            program,
            environment: vec![
                ("DATABASE_URL", url.clone()),
                ("NOTION_TOKEN", notion.token().to_owned()),
                ("NOTION_TOKEN_FILE", String::new()),
                ("NOTION_PARENT_PAGE", notion.root_page_id()),
                ("NOTION_BASE_URL", notion.url().to_owned()),
                (
                    "NOTION_REQUESTS_PER_MINUTE",
                    play.requests_per_minute.to_string(),
                ),
                ("CLAIMBOARD_SCHEMAS", String::new()),
            ],
            folder: data.clone(),
        };
        daemon.set_up().await?;
        let setup_requests = notion.stats().requests;
        let baseline = journal::baseline(&pool).await?;

        let environment = [("DATABASE_URL", url.clone())];
        let agents = AGENTS
            .iter()
            .map(|name| Member::start(name, &agent, &[name], &environment, &data))
            .collect::<Result<_, _>>()?;
        let mirror = Some(daemon.run()?);

        welcome(fresh, notion.url(), &url, &agent, &data)?;
        Ok(Self {
            agents,
            mirror,
            daemon,
            notion,
            pool,
            cluster,
            baseline,
            setup_requests,
            stop,
        })
    }

    async fn perform(&mut self, live: Option<Duration>) -> anyhow::Result<()> {
        self.first_load().await?;
        let loaded_at = journal::now(&self.pool).await?;
        self.live(live).await?;
        if self.stop.is_cancelled() {
            if live.is_some() {
                bail!("stopped before the time was over");
            }
            say("stopping: agents, daemon, board, Postgres")?;
            return self.dismiss().await;
        }

        say("time is over: the agents stop")?;
        self.dismiss_agents().await?;
        self.drain().await?;
        self.dismiss().await?;
        let stats = self.notion.stats();
        say("comparing every row with its page")?;
        let verdict = self.daemon.verify().await?;
        let counts = journal::counts(&self.pool, self.baseline).await?;
        let lag = journal::lag(&self.pool, loaded_at).await?;
        say(&format!(
            "{} changes were measured on their way to the board",
            lag.changes
        ))?;
        let summary = Summary::new(&stats, self.setup_requests, counts, lag, &verdict);
        say(&serde_json::to_string(&summary)?)?;

        let wrong: Vec<String> = verdict
            .dashboards
            .iter()
            .filter(|board| board.missing + board.extra + board.different > 0)
            .map(|board| format!("{}: {}", board.name, board.examples.join("; ")))
            .collect();
        if verdict.missing + verdict.extra + verdict.different > 0 {
            bail!("the board differs from the database: {}", wrong.join("\n"));
        }
        Ok(())
    }

    async fn first_load(&mut self) -> anyhow::Result<()> {
        let rows = journal::rows(&self.pool).await?;
        let style =
            ProgressStyle::with_template("first load {bar:40} {pos}/{len} pages, {elapsed}")?;
        let bar = ProgressBar::new(rows.len() as u64).with_style(style);
        let started = Instant::now();
        loop {
            let pages = u64::try_from(journal::pages(&self.pool, &rows).await?)?;
            bar.set_position(pages);
            if pages == rows.len() as u64 {
                break;
            }
            if !self.tick().await? {
                return Ok(());
            }
        }
        bar.finish_and_clear();
        say(&format!(
            "first load: {} pages in {:.1} s",
            rows.len(),
            started.elapsed().as_secs_f64()
        ))
    }

    async fn live(&mut self, limit: Option<Duration>) -> anyhow::Result<()> {
        let started = Instant::now();
        let bar = ProgressBar::new_spinner().with_style(ProgressStyle::with_template(
            "{spinner} live for {elapsed}{msg}",
        )?);
        let mut told = started;
        while limit.is_none_or(|limit| started.elapsed() < limit) && self.tick().await? {
            if told.elapsed() > TELL {
                told = Instant::now();
                let counts = journal::counts(&self.pool, self.baseline).await?;
                bar.set_message(format!(
                    ", {} claims granted, {} refused",
                    counts.granted, counts.refused
                ));
            }
            bar.tick();
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Until the daemon has nothing to write and finds nothing to write.
    async fn drain(&mut self) -> anyhow::Result<()> {
        say("the backlog drains")?;
        let started = Instant::now();
        while !(self.daemon.backlog().await? == 0 && self.daemon.is_settled().await?) {
            if started.elapsed() > DRAIN {
                bail!("the backlog did not drain within {} s", DRAIN.as_secs());
            }
            if !self.tick().await? {
                bail!("stopped before the backlog was drained");
            }
        }
        Ok(())
    }

    /// A moment passes. Says whether to go on; an error when a child ended by itself.
    async fn tick(&mut self) -> anyhow::Result<bool> {
        for member in self.agents.iter_mut().chain(&mut self.mirror) {
            member.check()?;
        }
        tokio::select! {
            () = sleep(TICK) => Ok(true),
            () = self.stop.cancelled() => Ok(false),
        }
    }

    async fn dismiss_agents(&mut self) -> anyhow::Result<()> {
        for agent in &mut self.agents {
            agent.ask_to_stop()?;
        }
        for agent in self.agents.drain(..) {
            agent.stopped().await?;
        }
        Ok(())
    }

    async fn dismiss(&mut self) -> anyhow::Result<()> {
        self.dismiss_agents().await?;
        if let Some(mut mirror) = self.mirror.take() {
            mirror.ask_to_stop()?;
            mirror.stopped().await?;
        }
        Ok(())
    }

    async fn close(mut self) -> anyhow::Result<()> {
        let dismissed = self.dismiss().await;
        self.pool.close().await;
        self.notion.shutdown().await;
        self.cluster.stop()?;
        dismissed
    }
}

fn welcome(
    fresh: bool,
    board: &str,
    database: &str,
    agent: &Path,
    data: &Path,
) -> anyhow::Result<()> {
    let how = if fresh {
        "a new board"
    } else {
        "the board goes on where it stopped"
    };
    say(&format!(
        "
  Claimboard: {how}

  look       {board}/
  join       DATABASE_URL='{database}' {agent} delta
  ask        psql '{database}' -c 'table coordination.agent_activity'
  read       {data}/*.log
  stop       Ctrl-C
",
        agent = agent.display(),
        data = data.display()
    ))
}

/// A line for people; nobody reading it is no reason to stop.
fn say(line: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
