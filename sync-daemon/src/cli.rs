//! The command line: what each command does, says, and exits with.
#![expect(clippy::print_stderr, reason = "a command line talks to people")]

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::sync::watch;

use crate::board::Board;
use crate::config::{
    Config, ConfigErrors, DatabaseConfig, ListenConfig, NotionConfig, keep_months, page_id,
};
use crate::driver::{Driver, Mode};
use crate::limit::Refused;
use crate::notion::{Client, Gate, Token};
use crate::open::{Database, Error as OpenError, open, open_boards, pool, reach};
use crate::service::{self, Seen, reloads, stopped, while_held};
use crate::tenure::{Attempt, Candidate, Tenure};
use crate::terminal::{answer, harmless, harmless_json};
use crate::writer::{Writer, with_cause};
use crate::{calendar, doctor, ledger, plan, rebuild, setup, verify, web, why};

mod init;

/// The answer is no: differences, problems.
const NO: u8 = 3;
/// Wrong usage or configuration.
const USAGE: u8 = 2;

/// Mirrors Postgres to Notion dashboards.
///
/// First `init` for boards of your own tables, then `setup`, which creates the databases under the parent page, then `run`. Everything else looks.
///
/// Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 the answer is no (differences, problems).
#[derive(Debug, Parser)]
#[command(name = "claimboard-sync", version, after_long_help = ENVIRONMENT)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Folder of schema files, added to or replacing those that ship
    #[arg(long, global = true, env = "CLAIMBOARD_SCHEMAS", value_name = "FOLDER")]
    schemas: Option<String>,
    /// Page under which the databases stand
    #[arg(long, global = true, env = "NOTION_PARENT_PAGE", value_name = "PAGE")]
    parent_page: Option<String>,
    /// Requests a minute: 180, or 600 on Business and Enterprise
    #[arg(
        long,
        global = true,
        env = "NOTION_REQUESTS_PER_MINUTE",
        value_name = "NUMBER"
    )]
    requests_per_minute: Option<String>,
    /// Another API than Notion's own
    #[arg(long, global = true, env = "NOTION_BASE_URL", value_name = "URL")]
    base_url: Option<String>,
    /// Answer in JSON on standard output
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write schema files for tables, views or a query, ready to be set up and yours to edit
    Init(init::InitArgs),
    /// Print the JSON schema of schema files, for editors
    Schema,
    /// Create the databases under the parent page; run twice, it changes nothing
    Setup {
        /// Show what would be changed, and change nothing
        #[arg(long)]
        plan: bool,
        /// Also delete properties that left their file, and trash databases whose file is gone
        #[arg(long)]
        prune: bool,
    },
    /// Mirror until stopped
    Run,
    /// Mirror until nothing is left to write, then stop
    Once,
    /// Show what would be written; nothing is sent to Notion
    Plan,
    /// Compare every row with its page; exits 3 if they differ
    Verify,
    /// What the ledger knows, also while no daemon runs
    Status,
    /// Look at everything the daemon needs; each line is right, or says its cure; exits 3 if one is wrong
    Doctor,
    /// Confirm what the safety limit holds up, as `plan` showed it
    Apply {
        /// The plan's checksum
        #[arg(long, value_name = "CHECKSUM")]
        confirm: String,
    },
    /// Explain one page: what is wanted, what is known, what happened
    Why {
        /// The dashboard, or the page's link
        #[arg(value_name = "DASHBOARD|URL")]
        of: String,
        /// The row's key; a composite one as a JSON array of texts
        key: Option<String>,
    },
    /// Rows that cannot be written, and why; exits 3 if there are any
    Errors,
    /// Write nothing to a dashboard until `resume`
    Pause {
        /// Its name
        dashboard: String,
    },
    /// Let a paused dashboard go on
    Resume {
        /// Its name
        dashboard: String,
    },
    /// Make the ledger anew from what stands in Notion, by reads alone
    Rebuild {
        /// Also trash second pages of one row; the oldest stay
        #[arg(long)]
        merge: bool,
    },
    /// Trash the databases that setup made; without --confirm it only names them
    Teardown {
        /// Do it
        #[arg(long)]
        confirm: bool,
    },
}

const ENVIRONMENT: &str = "\
Environment (or a .env file in the working folder):
  DATABASE_URL                postgres://user:password@host/database; required
  NOTION_TOKEN                the integration's token, or
  NOTION_TOKEN_FILE           a file that holds it, read again when Notion refuses it
  NOTION_PARENT_PAGE          the page's link, or its id
  NOTION_BASE_URL             default https://api.notion.com
  NOTION_REQUESTS_PER_MINUTE  default 180
  CLAIMBOARD_SCHEMAS          folder of your own schema files
  CLAIMBOARD_LISTEN           status page, default 127.0.0.1:8711; off for none
  CLAIMBOARD_STATUS_TOKEN_FILE  token that the page asks for; needed beyond 127.0.0.1
  CLAIMBOARD_KEEP_MONTHS      how long log and ended claims are kept, default 13; all for ever
  CLAIMBOARD_LOG              error, warn, info (default), debug
  CLAIMBOARD_LOG_FORMAT       text (default), json

Examples:
  claimboard-sync init public.invoices
  claimboard-sync init --all public
  claimboard-sync setup
  claimboard-sync run
  claimboard-sync plan --json | jq '.writes[].key'
  claimboard-sync verify && echo the board is right
  claimboard-sync why Tasks T-12";

/// Parses the arguments; `--setup` and `--run` stand for the commands of that name.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Cli {
    Cli::parse_from(arguments.into_iter().enumerate().map(|(index, argument)| {
        match (index, argument.to_str()) {
            (1, Some("--setup")) => "setup".into(),
            (1, Some("--run")) => "run".into(),
            _ => argument,
        }
    }))
}

/// Says why nothing can be started, for a wrong configuration.
pub fn refuse(why: &str) -> ExitCode {
    eprintln!("claimboard-sync: {why}");
    ExitCode::from(USAGE)
}

impl Cli {
    /// Runs the command.
    pub async fn execute(self, variable: impl Fn(&str) -> Option<String>) -> ExitCode {
        match self.run(variable).await {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                let configuration = error.is::<ConfigErrors>()
                    || error
                        .downcast_ref::<crate::init::Error>()
                        .is_some_and(|error| !matches!(error, crate::init::Error::Database(_)))
                    || error
                        .downcast_ref::<OpenError>()
                        .is_some_and(|error| !error.is_passing());
                if self.json {
                    let refusal = json!({"error": with_cause(error.as_ref())});
                    // Where the answer cannot go, the reason still stands on standard error.
                    let _ = answer(&harmless_json(&refusal.to_string()));
                }
                eprintln!("claimboard-sync: {}", harmless(&with_cause(error.as_ref())));
                ExitCode::from(if configuration { USAGE } else { 1 })
            }
        }
    }

    async fn run(&self, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<u8> {
        let variable = |name: &str| self.flag(name).or_else(|| variable(name));
        match &self.command {
            Command::Init(args) => self.init(&DatabaseConfig::from_vars(variable)?, args).await,
            Command::Schema => {
                answer(crate::dashboard::json_schema_text().trim_end())?;
                Ok(0)
            }
            Command::Status => self.status(&DatabaseConfig::from_vars(variable)?).await,
            Command::Doctor => {
                let findings =
                    doctor::examine(variable, |path| std::fs::read_to_string(path)).await;
                self.say(&findings, || findings.to_string())?;
                Ok(if findings.healthy() { 0 } else { NO })
            }
            Command::Plan => {
                let config = DatabaseConfig::from_vars(variable)?;
                let requests = NotionConfig::requests_per_minute(variable)?;
                self.plan(&config, requests as usize).await
            }
            Command::Errors => self.errors(&DatabaseConfig::from_vars(variable)?).await,
            Command::Apply { confirm } => {
                let config = DatabaseConfig::from_vars(variable)?;
                self.apply(&config, confirm).await
            }
            Command::Why { of, key } => {
                let config = DatabaseConfig::from_vars(variable)?;
                self.why(&config, of, key.as_ref()).await
            }
            Command::Pause { dashboard } => {
                let config = DatabaseConfig::from_vars(variable)?;
                self.pause(&config, dashboard, true).await
            }
            Command::Resume { dashboard } => {
                let config = DatabaseConfig::from_vars(variable)?;
                self.pause(&config, dashboard, false).await
            }
            Command::Setup { .. }
            | Command::Run
            | Command::Once
            | Command::Verify
            | Command::Rebuild { .. }
            | Command::Teardown { .. } => {
                let config = Config::from_vars(variable, |path| std::fs::read_to_string(path))?;
                let token = match variable("NOTION_TOKEN_FILE").filter(|file| !file.is_empty()) {
                    Some(file) => Token::File(PathBuf::from(file)),
                    None => Token::Given(config.notion.token.clone()),
                };
                let client = Client::new(&config.notion.base_url, token)
                    .context("cannot start an HTTP client")?;
                let gate = Gate::new(config.notion.requests_per_minute as usize);
                match &self.command {
                    Command::Rebuild { merge } => {
                        self.rebuild(&config.database, &client, &gate, *merge).await
                    }
                    Command::Teardown { confirm } => {
                        self.teardown(&config.database, &client, &gate, *confirm)
                            .await
                    }
                    Command::Setup { plan, prune } => {
                        let extent = setup::Extent {
                            plan: *plan,
                            prune: *prune,
                        };
                        self.setup(&config, &client, &gate, extent).await
                    }
                    Command::Verify => self.verify(&config.database, &client, &gate).await,
                    Command::Once => self.once(&config.database, client, gate).await,
                    _ => {
                        let listen = ListenConfig::from_vars(variable, |path| {
                            std::fs::read_to_string(path)
                        })?;
                        let keep = keep_months(variable)?;
                        self.mirror(&config.database, &listen, keep, client, gate)
                            .await
                    }
                }
            }
        }
    }

    fn flag(&self, name: &str) -> Option<String> {
        match name {
            "CLAIMBOARD_SCHEMAS" => self.schemas.clone(),
            "NOTION_PARENT_PAGE" => self.parent_page.clone(),
            "NOTION_REQUESTS_PER_MINUTE" => self.requests_per_minute.clone(),
            "NOTION_BASE_URL" => self.base_url.clone(),
            _ => None,
        }
    }

    fn say(
        &self,
        value: &impl serde::Serialize,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        answer(&if self.json {
            harmless_json(&serde_json::to_string(value)?)
        } else {
            harmless(&text())
        })?;
        Ok(())
    }

    async fn setup(
        &self,
        config: &Config,
        client: &Client,
        gate: &Gate,
        extent: setup::Extent,
    ) -> anyhow::Result<u8> {
        let pool = pool(&config.database)?;
        reach(&pool).await?;
        coordination::migrate(&pool).await.context("cannot prepare schema coordination; DATABASE_URL must be the database's owner for setup")?;
        ledger::Ledger::new(pool.clone()).migrate().await.context(
            "cannot prepare schema sync; DATABASE_URL must be the database's owner for setup",
        )?;
        let database = open(pool, config.database.schemas.as_deref()).await?;
        gate.recall(&database.ledger.recent_requests().await?);
        let parent = config.notion.parent_page;
        let done = setup::setup(
            client,
            gate,
            &database.ledger,
            parent,
            &database.dashboards,
            &database.absent,
            extent,
        )
        .await;
        database.ledger.spent(gate.admitted()).await?;
        let done = done?;
        self.say(
            &json!({"dashboards": done, "absent": database.absent}),
            || {
                let lines = done.iter().flat_map(told);
                let absent = database
                    .absent
                    .iter()
                    .map(|name| format!("skipped   {name}: its table does not exist here"));
                lines.chain(absent).collect::<Vec<_>>().join("\n")
            },
        )?;
        Ok(0)
    }

    async fn plan(
        &self,
        config: &DatabaseConfig,
        requests_per_minute: usize,
    ) -> anyhow::Result<u8> {
        let (database, boards) = open_boards(pool(config)?, config.schemas.as_deref()).await?;
        let plan = plan::plan(
            &database.pool,
            &database.ledger,
            &boards,
            requests_per_minute,
        )
        .await?;
        self.say(&plan, || plan.to_string())?;
        Ok(0)
    }

    async fn verify(
        &self,
        config: &DatabaseConfig,
        client: &Client,
        gate: &Gate,
    ) -> anyhow::Result<u8> {
        let (database, boards) = open_boards(pool(config)?, config.schemas.as_deref()).await?;
        let bar = ProgressBar::new(boards.len() as u64).with_style(
            ProgressStyle::with_template("reading {msg} {pos}/{len}").expect("a valid template"),
        );
        gate.recall(&database.ledger.recent_requests().await?);
        let verdict = verify::verify(
            &database.pool,
            &database.ledger,
            client,
            gate,
            &boards,
            |name| {
                bar.set_message(name.to_owned());
                bar.inc(1);
            },
        )
        .await;
        database.ledger.spent(gate.admitted()).await?;
        let verdict = verdict?;
        bar.finish_and_clear();
        self.say(&verdict, || {
            let lines = verdict.dashboards.iter().flat_map(|one| {
                let head = format!(
                    "{:16} {:5} rows {:5} pages {:3} missing {:3} extra {:3} different",
                    one.name, one.rows, one.pages, one.missing, one.extra, one.different
                );
                std::iter::once(head)
                    .chain(one.examples.iter().map(|example| format!("    {example}")))
            });
            lines.collect::<Vec<_>>().join("\n")
        })?;
        Ok(if verdict.is_clean() { 0 } else { NO })
    }

    async fn status(&self, config: &DatabaseConfig) -> anyhow::Result<u8> {
        let pool = pool(config)?;
        reach(&pool).await?;
        let ledger = ledger::Ledger::new(pool);
        if !ledger.exists().await? {
            return Err(OpenError::NotSetUp(Vec::new()).into());
        }
        let (dashboards, problems) = (ledger.summaries().await?, ledger.problems().await?);
        let trouble = !problems.is_empty() || dashboards.iter().any(|one| one.problem.is_some());
        self.say(&json!({"dashboards": dashboards, "problems": problems}), || {
            let lines = dashboards.iter().flat_map(|one| {
                let rows = one.rows.map_or_else(|| "?".to_owned(), |rows| rows.to_string());
                let written = one.written_at.map_or_else(|| "never".to_owned(), |at| at.format("%F %T UTC").to_string());
                let head = format!(
                    "{:16} {rows:>6} rows {:6} pages {:4} waiting {:3} in doubt   last write {written}",
                    one.name, one.pages, one.backlog, one.in_doubt
                );
                std::iter::once(head).chain(one.problem.iter().map(|problem| format!("    stands still: {problem}")))
            });
            let rows = problems.iter().map(|row| format!("problem  {} {}: {}", row.dashboard, row.key, row.problem));
            lines.chain(rows).collect::<Vec<_>>().join("\n")
        })?;
        Ok(if trouble { NO } else { 0 })
    }

    async fn errors(&self, config: &DatabaseConfig) -> anyhow::Result<u8> {
        let pool = pool(config)?;
        reach(&pool).await?;
        let problems = ledger::Ledger::new(pool).problems().await?;
        self.say(&problems, || {
            let lines = problems.iter().map(|row| {
                let since = row.since.format("%F %T UTC");
                format!(
                    "{} {}: {} (since {since})",
                    row.dashboard, row.key, row.problem
                )
            });
            if problems.is_empty() {
                "every row can be written".to_owned()
            } else {
                lines.collect::<Vec<_>>().join("\n")
            }
        })?;
        Ok(if problems.is_empty() { 0 } else { NO })
    }

    async fn apply(&self, config: &DatabaseConfig, checksum: &str) -> anyhow::Result<u8> {
        let (database, boards) = open_boards(pool(config)?, config.schemas.as_deref()).await?;
        let plan = plan::plan(&database.pool, &database.ledger, &boards, 1).await?;
        let shown = |refused: &&Refused| refused.checksum.to_string() == checksum;
        let Some(refused) = plan.refused.iter().find(shown) else {
            let message =
                "nothing with this checksum is held up now; look at `claimboard-sync plan` again";
            self.say(&json!({"confirmed": null, "error": message}), || {
                message.to_owned()
            })?;
            return Ok(NO);
        };
        database.ledger.confirm(refused).await?;
        self.say(&json!({"confirmed": refused}), || {
            format!(
                "confirmed for {}: {}; the daemon writes it now, and `claimboard-sync once` where none runs",
                refused.dashboard, refused.reason
            )
        })?;
        Ok(0)
    }

    async fn why(
        &self,
        config: &DatabaseConfig,
        of: &str,
        key: Option<&String>,
    ) -> anyhow::Result<u8> {
        let (database, boards) = open_boards(pool(config)?, config.schemas.as_deref()).await?;
        let (name, key) = if let Some(key) = key {
            (of.to_owned(), key.clone())
        } else {
            let page = page_id(of).with_context(|| {
                format!("{of:?} is no link of a page; name a dashboard and a key, or a page's link")
            })?;
            let row = database.ledger.row_of(page).await?;
            row.context("the ledger knows no such page: a person made it, or `claimboard-sync rebuild` finds it")?
        };
        let board = named(&boards, &name)?;
        let why = why::why(&database.pool, &database.ledger, board, &key).await?;
        self.say(&why, || why.to_string().trim_end().to_owned())?;
        Ok(0)
    }

    async fn pause(
        &self,
        config: &DatabaseConfig,
        dashboard: &str,
        paused: bool,
    ) -> anyhow::Result<u8> {
        let (database, boards) = open_boards(pool(config)?, config.schemas.as_deref()).await?;
        let board = named(&boards, dashboard)?;
        database.ledger.pause(board.name(), paused).await?;
        self.say(
            &json!({"dashboard": board.name(), "paused": paused}),
            || {
                let word = if paused {
                    "is paused; `claimboard-sync resume` lets it go on"
                } else {
                    "goes on"
                };
                format!("{} {word}", board.name())
            },
        )?;
        Ok(0)
    }

    async fn rebuild(
        &self,
        config: &DatabaseConfig,
        client: &Client,
        gate: &Gate,
        merge: bool,
    ) -> anyhow::Result<u8> {
        let (database, boards) = open_boards(pool(config)?, config.schemas.as_deref()).await?;
        gate.recall(&database.ledger.recent_requests().await?);
        let tenure = take_over(&database).await?;
        let rebuilding = async {
            let mut all = Vec::new();
            for board in &boards {
                let found = rebuild::rebuild(client, gate, &tenure.ledger, board).await?;
                if merge {
                    rebuild::merge(client, gate, &found).await?;
                }
                all.push(found);
            }
            Ok::<_, rebuild::Error>(all)
        };
        let rebuilt = rebuilding.await;
        database.ledger.spent(gate.admitted()).await?;
        tenure.end().await;
        let rebuilt = rebuilt?;
        let extra: usize = rebuilt.iter().map(|found| found.extra.len()).sum();
        let requests = gate.admitted();
        let value =
            json!({"dashboards": rebuilt, "requests": requests, "extra": extra, "merged": merge});
        self.say(&value, || {
            let mut lines: Vec<String> = rebuilt
                .iter()
                .map(|found| format!("{:16} {:5} pages", found.dashboard, found.pages))
                .collect();
            match (extra, merge) {
                (0, _) => {}
                (_, true) => lines.push(format!("{extra} second pages of one row went to the trash")),
                (_, false) => lines.push(format!(
                    "{extra} second pages of one row stand; `claimboard-sync rebuild --merge` trashes them, the oldest stay"
                )),
            }
            lines.push(format!("{requests} requests"));
            lines.join("\n")
        })?;
        Ok(if extra > 0 && !merge { NO } else { 0 })
    }

    async fn teardown(
        &self,
        config: &DatabaseConfig,
        client: &Client,
        gate: &Gate,
        confirm: bool,
    ) -> anyhow::Result<u8> {
        let (database, boards) = open_boards(pool(config)?, config.schemas.as_deref()).await?;
        let names: Vec<&str> = boards.iter().map(Board::name).collect();
        if !confirm {
            self.say(&json!({"would_trash": names}), || {
                format!(
                    "would trash the databases {}; `claimboard-sync teardown --confirm` does it",
                    names.join(", ")
                )
            })?;
            return Ok(NO);
        }
        gate.recall(&database.ledger.recent_requests().await?);
        let tenure = take_over(&database).await?;
        let mut trashed = Ok(());
        for board in &boards {
            let permit = gate.admit(crate::budget::Lane::Live).await;
            if let Err(error) = client
                .trash_database(permit, board.binding.database_id)
                .await
                && error.meaning() != crate::notion::Meaning::NotFound
            {
                trashed = Err(error);
                break;
            }
        }
        database.ledger.spent(gate.admitted()).await?;
        if trashed.is_ok() {
            tenure.ledger.forget_all().await?;
        }
        tenure.end().await;
        trashed.context("cannot trash a database; run teardown again")?;
        self.say(&json!({"trashed": names}), || {
            format!(
                "trashed the databases {}; Notion keeps them in its trash for 30 days",
                names.join(", ")
            )
        })?;
        Ok(0)
    }

    async fn once(
        &self,
        config: &DatabaseConfig,
        client: Client,
        gate: Gate,
    ) -> anyhow::Result<u8> {
        let (database, boards) = open_boards(pool(config)?, config.schemas.as_deref()).await?;
        gate.recall(&database.ledger.recent_requests().await?);
        let tenure = take_over(&database).await?;
        let stop = stopped();
        let driver = driver(&database, &tenure, boards, Arc::new(client), gate);
        let bar = ProgressBar::new(0).with_style(
            ProgressStyle::with_template("{bar:40} {pos}/{len} pages, {eta} left")
                .expect("a valid template"),
        );
        let ended = driver
            .run(while_held(&tenure, &stop), |driver| {
                bar.set_length(driver.written() + driver.backlog_len() as u64);
                bar.set_position(driver.written());
            })
            .await;
        tenure.end().await;
        bar.finish_and_clear();
        let report = ended.report;
        self.say(&report, || {
            format!(
                "{} pages written, {} rows with problems, {} dashboards stand still, {} pages still wait",
                report.written, report.problems, report.frozen, report.waiting)
        })?;
        Ok(if report.problems + report.frozen + report.waiting == 0 {
            0
        } else {
            NO
        })
    }

    async fn mirror(
        &self,
        config: &DatabaseConfig,
        listen: &ListenConfig,
        keep: Option<u32>,
        client: Client,
        gate: Gate,
    ) -> anyhow::Result<u8> {
        let (status, seen) = watch::channel(Seen::nothing());
        let shutdown = stopped();
        let listener = web::bind(listen)
            .await
            .context("cannot serve the status page on CLAIMBOARD_LISTEN")?;
        let calendar = calendar::start(seen.clone(), keep, calendar::NIGHTLY).await?;
        let served = async {
            match listener {
                Some(listener) => web::serve(listener, listen, seen, shutdown.clone()).await,
                None => Ok(()),
            }
        };
        let run = service::run(
            config,
            Arc::new(client),
            &gate,
            shutdown.clone(),
            reloads(),
            status,
        );
        // The page ends with the daemon, whatever somebody still loads.
        let written = tokio::select! {
            biased;
            written = run => written?,
            Err(error) = served => return Err(error).context("the status page ended"),
        };
        drop(calendar);
        tracing::info!(written, "stopped");
        Ok(0)
    }
}

fn driver(
    database: &Database,
    tenure: &Tenure,
    boards: Vec<Board>,
    client: Arc<Client>,
    gate: Gate,
) -> Driver {
    let writer = Writer {
        pool: database.pool.clone(),
        shelf: crate::shelf::Shelf::default(),
        ledger: tenure.ledger.clone(),
        client,
        gate,
        trust: tenure.trust(),
        boards,
        me: OnceLock::new(),
        told: std::sync::Mutex::default(),
    };
    Driver::new(database.pool.clone(), Arc::new(writer), Mode::Once)
}

/// The right to write, or who has it.
async fn take_over(database: &Database) -> anyhow::Result<Box<Tenure>> {
    let candidate = Candidate::new(&database.pool, &database.ledger).await?;
    match candidate.attempt().await? {
        Attempt::Granted(tenure) => Ok(tenure),
        Attempt::Held(holder) => anyhow::bail!(
            "another process mirrors: {holder}; stop it, or leave the mirroring to it"
        ),
    }
}

fn named<'a>(boards: &'a [Board], name: &str) -> anyhow::Result<&'a Board> {
    boards
        .iter()
        .find(|board| board.name().eq_ignore_ascii_case(name))
        .with_context(|| {
            let known: Vec<&str> = boards.iter().map(Board::name).collect();
            format!(
                "there is no dashboard {name:?}; there are {}",
                known.join(", ")
            )
        })
}

/// What people read of one dashboard's set-up.
fn told(done: &setup::Done) -> Vec<String> {
    let about = match (done.action, done.pages) {
        ("left", _) => ": it has no file any more and stays; `setup --prune` trashes it".to_owned(),
        (_, 0) => String::new(),
        (_, pages) => format!(" ({pages} pages taken over)"),
    };
    let mut lines = vec![format!("{:9} {}{about}", done.action, done.name)];
    lines.extend(
        done.changes
            .iter()
            .map(|change| format!("          {change}")),
    );
    lines.extend(done.left.iter().map(|name| {
        format!("          {name:?} is in no file any more and stays; `setup --prune` deletes it")
    }));
    lines
}
