//! An agent at work: it claims before it touches, says what it does, backs off from others, asks for help and gives it.
//!
//! ```text
//! DATABASE_URL=postgres://… cargo run --example agent -- NAME [--workspace demo]
//! ```
//!
//! It writes the demo's `modules` and moves its `cadence_tasks`. SIGTERM or Ctrl-C ends it after the step at hand,
//! with its claim released.

#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::time::Duration;

use anyhow::{Context, bail};
use chrono::Utc;
use coordination::{Claim, ClaimOutcome, ClaimRequest, LogEntry, ReleaseOutcome, Session, Status};
use rand::RngExt;
use rand::seq::IndexedRandom;
use sqlx::{PgConnection, PgPool};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

const SUBSYSTEMS: [&str; 4] = ["power", "avionics", "structures", "software"];
const TOPICS: [&str; 6] = [
    "basics", "failures", "testing", "margins", "history", "race",
];
const STEPS: u32 = 5;
const TTL: Duration = Duration::from_mins(1);
const PATIENCE: Duration = Duration::from_secs(20);

/// What to do next, and what must be claimed for it.
enum Job {
    /// One file: collides with a whole subtree.
    WriteModule {
        subsystem: &'static str,
        topic: &'static str,
    },
    /// A subtree: collides with every file in it.
    ReviewSubsystem { subsystem: &'static str },
    /// The tasks of a project: collides with the same project only.
    MoveTasks { project: i32 },
}

impl Job {
    fn choose() -> Self {
        let mut rng = rand::rng();
        let subsystem = SUBSYSTEMS.choose(&mut rng).expect("there are some");
        match rng.random_range(0..6) {
            0..2 => Self::ReviewSubsystem { subsystem },
            2..5 => Self::WriteModule {
                subsystem,
                topic: TOPICS.choose(&mut rng).expect("there are some"),
            },
            _ => Self::MoveTasks {
                project: rng.random_range(1..=20),
            },
        }
    }

    fn resource(&self) -> String {
        match self {
            Self::WriteModule { subsystem, topic } => format!("modules/{subsystem}/{topic}.md"),
            Self::ReviewSubsystem { subsystem } => format!("modules/{subsystem}/*"),
            Self::MoveTasks { project } => format!("projects/{project}/tasks"),
        }
    }

    fn task(&self) -> String {
        match self {
            Self::WriteModule { subsystem, topic } => format!("Writing {subsystem}: {topic}"),
            Self::ReviewSubsystem { subsystem } => format!("Reviewing all {subsystem} modules"),
            Self::MoveTasks { project } => format!("Moving the tasks of project {project}"),
        }
    }

    /// The part of the work that changes data, in the transaction that also logs it.
    async fn step(
        &self,
        connection: &mut PgConnection,
        agent: &str,
        step: u32,
    ) -> sqlx::Result<()> {
        match self {
            Self::WriteModule { subsystem, topic } => {
                let stage = if step < 3 { "draft" } else if step < STEPS { "review" } else { "published" };
                sqlx::query(
                    "INSERT INTO modules (slug, title, subsystem, status, author, difficulty, minutes, body)
                     VALUES ($1 || '/' || $2, initcap($1) || ': ' || $2, $1, $3, $4, 'intermediate', 10 * $5, repeat($6, $5))
                     ON CONFLICT (slug) DO UPDATE SET status = excluded.status, author = excluded.author,
                       minutes = excluded.minutes, body = excluded.body, updated_at = now()",
                )
                .bind(subsystem)
                .bind(topic)
                .bind(stage)
                .bind(agent)
                .bind(i32::try_from(step).unwrap_or(1))
                .bind("Predict the number, then measure it, and explain the difference. ")
            }
            Self::ReviewSubsystem { subsystem } => sqlx::query(
                "UPDATE modules SET updated_at = now(), status = CASE status WHEN 'review' THEN 'published' ELSE 'review' END
                 WHERE slug = (SELECT slug FROM modules WHERE subsystem = $1 ORDER BY status = 'published', updated_at LIMIT 1)",
            )
            .bind(subsystem),
            Self::MoveTasks { project } => sqlx::query(
                "UPDATE cadence_tasks SET updated_at = now(), status = CASE status WHEN 'todo' THEN 'in progress'
                   WHEN 'blocked' THEN 'in progress' WHEN 'in progress' THEN 'review' WHEN 'review' THEN 'done' ELSE 'todo' END
                 WHERE id = (SELECT id FROM cadence_tasks WHERE project_id = $1 ORDER BY status = 'done', updated_at LIMIT 1)",
            )
            .bind(project),
        }
        .execute(connection)
        .await?;
        Ok(())
    }
}

struct Agent {
    session: Session,
    pool: PgPool,
    stop: CancellationToken,
}

impl Agent {
    async fn work(&self) -> anyhow::Result<()> {
        self.say(LogEntry::note("here I am").status(Status::Idle))
            .await?;
        while !self.stop.is_cancelled() {
            let job = Job::choose();
            if let Some(claim) = self.claim(&job).await? {
                self.carry_out(&job, claim).await?;
            }
            self.pause(600..1_400).await;
        }
        self.say(LogEntry::note("going home").status(Status::Idle))
            .await
    }

    /// Tries a few times, then leaves the job to whoever holds it.
    async fn claim(&self, job: &Job) -> anyhow::Result<Option<Claim>> {
        for attempt in 1..=3 {
            let request = ClaimRequest::new(job.resource())
                .ttl(TTL)
                .reason(job.task())
                .eta(Utc::now() + chrono::Duration::seconds(i64::from(STEPS) * 2));
            match self.session.claim(request).await? {
                ClaimOutcome::Granted(claim) => {
                    println!(
                        "{}: granted {} as number {}",
                        self.session.agent(),
                        claim.resource(),
                        claim.token()
                    );
                    return Ok(Some(claim));
                }
                ClaimOutcome::Held(held) => {
                    let who: Vec<_> = held
                        .holders
                        .iter()
                        .map(|holder| holder.agent.as_str())
                        .collect();
                    let message = format!("{} is held by {}", job.resource(), who.join(", "));
                    self.say(
                        LogEntry::waiting(message)
                            .task(job.task())
                            .metadata("refused", job.resource()),
                    )
                    .await?;
                }
                ClaimOutcome::Waiting(_) | ClaimOutcome::Busy => {}
            }
            self.answer_others().await?;
            // Jitter: two agents that were refused together must not come back together.
            self.pause(500 * attempt..1_500 * attempt).await;
            if self.stop.is_cancelled() {
                break;
            }
        }
        Ok(None)
    }

    async fn carry_out(&self, job: &Job, claim: Claim) -> anyhow::Result<()> {
        for step in 1..=STEPS {
            self.pause(1_000..2_000).await;
            self.answer_others().await?;
            if self.stop.is_cancelled() {
                break;
            }
            if rand::rng().random_ratio(1, 15) {
                self.ask_for_help(job).await?;
            }

            let mut transaction = self.pool.begin().await?;
            job.step(&mut transaction, self.session.agent(), step)
                .await?;
            let entry = LogEntry::progress(job.task())
                .task(job.task())
                .steps(step, STEPS)
                .resource(claim.resource());
            if let Some(loss) = self.session.log_in(&mut transaction, entry).await?.lost {
                // Dropping the transaction takes the step back: somebody else may own this now.
                println!(
                    "{}: lost {}: {loss:?}",
                    self.session.agent(),
                    claim.resource()
                );
                return Ok(());
            }
            transaction.commit().await?;
        }

        let mut transaction = self.pool.begin().await?;
        if !self.stop.is_cancelled() {
            self.session
                .log_in(
                    &mut transaction,
                    LogEntry::done(job.task())
                        .task(job.task())
                        .steps(STEPS, STEPS)
                        .resource(claim.resource()),
                )
                .await?;
        }
        let outcome = self.session.release_in(&mut transaction, claim).await?;
        transaction.commit().await?;
        if let ReleaseOutcome::AlreadyLost(loss) = outcome {
            println!(
                "{}: the claim was over already: {loss:?}",
                self.session.agent()
            );
        }
        Ok(())
    }

    /// Stays blocked until somebody answers, or patience ends.
    async fn ask_for_help(&self, job: &Job) -> anyhow::Result<()> {
        let colleague: Option<String> = sqlx::query_scalar(
            "SELECT agent FROM coordination.agent_activity WHERE workspace = $1 AND agent <> $2
               AND last_update > now() - interval '20 seconds' AND status <> 'blocked' ORDER BY random() LIMIT 1",
        )
        .bind(self.session.workspace())
        .bind(self.session.agent())
        .fetch_optional(&self.pool)
        .await?;
        let Some(colleague) = colleague else {
            return Ok(());
        };

        let question = format!("{colleague}, can you check my numbers? ({})", job.task());
        let asked = self
            .session
            .log(LogEntry::help(question).needed_from(&colleague))
            .await?
            .id;
        let answered = async {
            while !self.stop.is_cancelled() {
                let answer: Option<String> = sqlx::query_scalar(
                    "SELECT message FROM coordination.agent_log
                     WHERE workspace = $1 AND (metadata ->> 'answers')::bigint = $2 AND id > $2",
                )
                .bind(self.session.workspace())
                .bind(asked)
                .fetch_optional(&self.pool)
                .await?;
                if let Some(answer) = answer {
                    println!("{}: {colleague} says: {answer}", self.session.agent());
                    break;
                }
                // Two agents that ask each other would wait for ever otherwise.
                self.answer_others().await?;
                self.pause(300..600).await;
            }
            anyhow::Ok(())
        };
        // No answer in time: go on alone. The next progress row ends the blockage.
        tokio::time::timeout(PATIENCE, answered)
            .await
            .unwrap_or(Ok(()))
    }

    async fn answer_others(&self) -> anyhow::Result<()> {
        let questions: Vec<(i64, String)> = sqlx::query_as(
            "SELECT help.id, help.agent_name FROM coordination.agent_log help
             WHERE help.workspace = $1 AND help.action_type = 'help' AND help.metadata ->> 'help_needed_from' = $2
               AND help.timestamp > now() - interval '1 minute'
               AND NOT EXISTS (SELECT FROM coordination.agent_log answer
                 WHERE answer.workspace = $1 AND (answer.metadata ->> 'answers')::bigint = help.id AND answer.id > help.id)",
        )
        .bind(self.session.workspace())
        .bind(self.session.agent())
        .fetch_all(&self.pool)
        .await?;
        for (question, who) in questions {
            self.say(
                LogEntry::note(format!("{who}, your numbers look right"))
                    .metadata("answers", question),
            )
            .await?;
        }
        Ok(())
    }

    async fn say(&self, entry: LogEntry) -> anyhow::Result<()> {
        self.session.log(entry).await?;
        Ok(())
    }

    /// Somewhere in a range of milliseconds; a stop ends it early.
    async fn pause(&self, milliseconds: std::ops::Range<u64>) {
        let pause = Duration::from_millis(rand::rng().random_range(milliseconds));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.stop.cancelled() => {}
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments
        .next()
        .context("usage: agent NAME [--workspace WORKSPACE]")?;
    let workspace = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => "demo".to_owned(),
        (Some("--workspace"), Some(workspace)) => workspace,
        _ => bail!("usage: agent NAME [--workspace WORKSPACE]"),
    };
    let url = std::env::var("DATABASE_URL")
        .context("DATABASE_URL is not set; it says where the agents meet")?;
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn({
        let stop = stop.clone();
        async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            stop.cancel();
        }
    });
    let pool = coordination::connect(url.parse()?).await?;
    let session = Session::open(&pool, &name, &workspace).await?;
    println!(
        "{name}: session {} in workspace {workspace}",
        session.incarnation()
    );
    Agent {
        session,
        pool,
        stop,
    }
    .work()
    .await
}
