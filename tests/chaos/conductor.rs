//! Starts the server and the clients, and does to them what happens to servers and clients.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use local_postgres::{Cluster, Settings};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use sqlx::postgres::{PgPool, PgPoolOptions};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::diary::{Diary, Entry, Reader, now};
use crate::ground;
use crate::report::Report;
use crate::witness::Witness;

/// How a run goes.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) clients: u64,
    /// Enough when the witness counted these.
    pub(crate) races: u64,
    /// Server crashes, evenly over the run.
    pub(crate) restarts: u64,
    /// Given up after this.
    pub(crate) patience: Duration,
    /// Breaks the protocol on purpose.
    pub(crate) sabotage: Option<&'static str>,
}

struct Running {
    number: u64,
    process: Child,
    diary: usize,
}

struct Stage {
    plan: Plan,
    cluster: Cluster,
    pool: PgPool,
    folder: TempDir,
    running: Vec<Running>,
    readers: Vec<Reader>,
    /// Sessions whose process is dead.
    dead: Vec<i64>,
    sessions: Vec<Option<i64>>,
    diary: Diary,
    witness: Witness,
    random: SmallRng,
    report: Report,
}

/// Plays one run to its end and judges it.
pub(crate) async fn run(plan: Plan) -> anyhow::Result<Report> {
    let started = Instant::now();
    let mut stage = Stage::set(plan).await?;
    for number in 0..stage.plan.clients {
        stage.spawn(number)?;
    }
    let mut suspected = Vec::new();
    while stage.witness.races() < stage.plan.races && started.elapsed() < stage.plan.patience {
        stage.disturb().await?;
        stage.read()?;
        if stage.plan.sabotage.is_some() {
            // Seen twice: at the first look, one of the two diaries may have been read before the other.
            let seen = stage.witness.double_grants();
            if seen.iter().any(|pair| suspected.contains(pair)) {
                break;
            }
            suspected = seen;
        }
    }
    stage.end().await?;
    stage.report.seconds = started.elapsed().as_secs();
    Ok(stage.report)
}

impl Stage {
    async fn set(plan: Plan) -> anyhow::Result<Self> {
        // Deadlocks are looked for before a lock timeout of an empty-handed wait could hide one, and each is a line of the log, which a crash keeps.
        // What tries for a few milliseconds with something in hand is no wait.
        let settings = Settings::default()
            .set("max_connections", "200")
            // A server that crashes keeps what it gave to the system; what only its own memory had is lost as ever.
            .set("fsync", "off")
            .set("deadlock_timeout", "100ms")
            .set("log_lock_waits", "on")
            .set("max_wal_size", "4GB");
        let cluster = Cluster::temporary(&settings)?;
        cluster.create_database("chaos")?;
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .connect_lazy(&cluster.url("chaos"))?;
        coordination::migrate(&pool).await?;
        sqlx::raw_sql("CREATE TABLE domain (name text PRIMARY KEY, token bigint NOT NULL DEFAULT 0, written bigint NOT NULL DEFAULT 0)")
            .execute(&pool)
            .await?;
        sqlx::query("INSERT INTO domain (name) SELECT unnest($1::text[])")
            .bind(&ground::DOMAIN[..])
            .execute(&pool)
            .await?;
        coordination::Session::open(&pool, "conductor", "chaos").await?;
        sqlx::query("SELECT coordination.set_slots('gpu', $1, 'chaos')")
            .bind(i32::try_from(ground::SLOTS)?)
            .execute(&pool)
            .await?;
        if let Some(sabotage) = plan.sabotage {
            sqlx::raw_sql(sabotage).execute(&pool).await?;
        }
        let folder = TempDir::new()?;
        let path = folder.path().join("conductor");
        let diary = Diary::begin(&path)?;
        Ok(Self {
            random: SmallRng::seed_from_u64(plan.seed),
            report: Report::begin(plan.seed, plan.clients),
            plan,
            cluster,
            pool,
            folder,
            running: Vec::new(),
            readers: vec![Reader::open(&path)?],
            dead: Vec::new(),
            sessions: vec![None],
            diary,
            witness: Witness::default(),
        })
    }

    fn spawn(&mut self, number: u64) -> anyhow::Result<()> {
        let diary = self.readers.len();
        let path: PathBuf = self.folder.path().join(diary.to_string());
        Diary::begin(&path)?;
        let process = Command::new(std::env::current_exe()?)
            .args(["client", &self.cluster.url("chaos")])
            .arg(Path::new(&path))
            .args([
                number.to_string(),
                self.plan
                    .seed
                    .wrapping_mul(1_000_003)
                    .wrapping_add(diary as u64)
                    .to_string(),
            ])
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        self.readers.push(Reader::open(&path)?);
        self.sessions.push(None);
        self.running.push(Running {
            number,
            process,
            diary,
        });
        Ok(())
    }

    fn read(&mut self) -> anyhow::Result<()> {
        let mut news = Vec::new();
        for (owner, reader) in self.readers.iter_mut().enumerate() {
            for entry in reader.more()? {
                if let Entry::Session(id) = entry {
                    self.sessions[owner] = Some(id);
                }
                news.push((owner, entry));
            }
        }
        self.witness.read(news);
        Ok(())
    }

    async fn disturb(&mut self) -> anyhow::Result<()> {
        for client in &mut self.running {
            if let Some(status) = client.process.try_wait()? {
                anyhow::bail!("client {} ended by itself: {status}", client.number);
            }
        }
        let share = self.plan.races / (self.plan.restarts + 1);
        if self.report.restarts < self.plan.restarts
            && self.witness.races() >= share * (self.report.restarts + 1)
        {
            tokio::task::block_in_place(|| self.cluster.restart_immediate())?;
            self.report.restarts += 1;
        }
        match self.random.random_range(0..10) {
            0..3 => self.kill_one().await?,
            3..6 => self.stop_one().await?,
            6..8 => self.insert_directly().await?,
            _ => {}
        }
        let dead = self.dead.clone();
        self.expire_sessions(&dead).await?;
        tokio::time::sleep(Duration::from_millis(self.random.random_range(50..300))).await;
        Ok(())
    }

    async fn kill_one(&mut self) -> anyhow::Result<()> {
        let at = self.random.random_range(0..self.running.len());
        let mut victim = self.running.swap_remove(at);
        victim.process.kill().await?;
        self.report.kills += 1;
        self.read()?;
        self.dead.extend(self.sessions[victim.diary]);
        self.spawn(victim.number)
    }

    /// A client that stands still may lose its leases meanwhile, and goes on as if nothing had happened.
    async fn stop_one(&mut self) -> anyhow::Result<()> {
        let victim = self
            .running
            .choose(&mut self.random)
            .expect("there are clients");
        let Some(pid) = victim
            .process
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .map(Pid::from_raw)
        else {
            return Ok(());
        };
        let diary = victim.diary;
        kill(pid, Signal::SIGSTOP)?;
        self.report.stops += 1;
        tokio::time::sleep(Duration::from_millis(self.random.random_range(10..400))).await;
        self.read()?;
        if self.random.random_bool(0.7)
            && let Some(session) = self.sessions[diary]
        {
            self.expire_sessions(&[session]).await?;
            tokio::time::sleep(Duration::from_millis(self.random.random_range(0..200))).await;
        }
        kill(pid, Signal::SIGCONT)?;
        Ok(())
    }

    async fn expire_sessions(&mut self, sessions: &[i64]) -> anyhow::Result<()> {
        if sessions.is_empty() {
            return Ok(());
        }
        let before = now();
        // A stopped client may hold a lock on its own row: what cannot be had at once is had the next time.
        let expired: Vec<i64> = sqlx::query_scalar(
            "UPDATE coordination.claims SET expires_at = clock_timestamp() WHERE id IN (SELECT id FROM coordination.claims
             WHERE session_id = ANY($1) AND released_at IS NULL AND expires_at > clock_timestamp() FOR UPDATE SKIP LOCKED) RETURNING id",
        )
        .bind(sessions)
        .fetch_all(&self.pool)
        .await?;
        let after = now();
        sqlx::query("UPDATE coordination.tickets SET polled_at = polled_at - interval '3 min' WHERE session_id = ANY($1)")
            .bind(&self.dead)
            .execute(&self.pool)
            .await?;
        self.report.expired += expired.len() as u64;
        for claim in expired {
            self.diary.write(&Entry::Ending { at: before, claim });
            self.diary.write(&Entry::Expired { at: after, claim });
        }
        Ok(())
    }

    /// What would escape the constraint or break its index is refused even to the tables' owner.
    async fn insert_directly(&mut self) -> anyhow::Result<()> {
        let long = |length: usize| {
            (0..length)
                .map(|_| char::from(rand::random_range(b'a'..=b'z')))
                .collect::<String>()
        };
        for (workspace, resource, span, owner) in [
            (
                "chaos".to_owned(),
                "hot.md".to_owned(),
                "empty".to_owned(),
                "thief".to_owned(),
            ),
            (
                "chaos".to_owned(),
                "hot.md".to_owned(),
                "[hot.md/,hot.md/)".to_owned(),
                "thief".to_owned(),
            ),
            (
                "chaos".to_owned(),
                long(1_025),
                "[a/,a/]".to_owned(),
                "thief".to_owned(),
            ),
            (
                "chaos".to_owned(),
                "a".to_owned(),
                format!("[{}/,{}/]", "b".repeat(2_000), "b".repeat(2_000)),
                "thief".to_owned(),
            ),
            (
                long(129),
                "a".to_owned(),
                "[a/,a/]".to_owned(),
                "thief".to_owned(),
            ),
            (
                "chaos".to_owned(),
                "a".to_owned(),
                "[a/,a/]".to_owned(),
                long(129),
            ),
        ] {
            let answer = sqlx::query(
                "INSERT INTO coordination.claims (workspace, resource, span, owner, agent, session_id, ttl, acquired_at, expires_at)
                 VALUES ($1, $2, $3::coordination.pathrange, $4, 'thief', 0, '1 min', clock_timestamp(), clock_timestamp() + interval '1 min')",
            )
            .bind(workspace)
            .bind(resource)
            .bind(span)
            .bind(owner)
            .execute(&self.pool)
            .await;
            match answer {
                Err(error)
                    if error
                        .as_database_error()
                        .and_then(sqlx::error::DatabaseError::code)
                        .as_deref()
                        == Some("23514") =>
                {
                    self.report.refused_inserts += 1;
                }
                other => self
                    .report
                    .violations
                    .push(format!("a forged row was answered by {other:?}")),
            }
        }
        Ok(())
    }

    async fn end(&mut self) -> anyhow::Result<()> {
        for client in &mut self.running {
            drop(client.process.stdin.take());
        }
        for client in &mut self.running {
            let ended = tokio::time::timeout(Duration::from_mins(3), client.process.wait()).await;
            if !ended.is_ok_and(|status| status.is_ok_and(|status| status.success())) {
                self.report
                    .violations
                    .push(format!("client {} did not end well", client.number));
            }
        }
        let dead = self.dead.clone();
        self.expire_sessions(&dead).await?;
        self.read()?;
        self.judge().await
    }

    async fn judge(&mut self) -> anyhow::Result<()> {
        let witness = &mut self.witness;
        self.report.violations.append(&mut witness.violations);
        self.report.violations.extend(witness.revivals());
        self.report.double_grants = witness.double_grants();
        self.report.races = witness.races();
        self.report.counts = witness.counts.clone();

        let stored: Vec<i64> = sqlx::query_scalar("SELECT id FROM coordination.claims")
            .fetch_all(&self.pool)
            .await?;
        let stored: HashSet<i64> = stored.into_iter().collect();
        for forgotten in witness.granted().difference(&stored) {
            self.report.violations.push(format!(
                "claim {forgotten} was granted and is not in the database"
            ));
        }
        if self.plan.sabotage.is_none() {
            self.take_everything().await?;
        }
        let counted: i64 =
            sqlx::query_scalar("SELECT deadlocks FROM pg_stat_database WHERE datname = 'chaos'")
                .fetch_one(&self.pool)
                .await?;
        let log = std::fs::read_to_string(self.cluster.data_dir().join("log"))?;
        let circles: Vec<&str> = log.split("detected deadlock").skip(1).collect();
        let logged = circles.len();
        // Who waited for what.
        for circle in circles {
            let words: String = circle.chars().take(1_500).collect();
            self.report.deadlocked.push(words);
        }

        self.report.deadlocks = u64::try_from(counted)?.max(logged as u64);
        let history = coordination::verify_history(&self.pool).await?;
        self.report.claims = u64::try_from(history.claims)?;
        self.report.acts = u64::try_from(history.acts)?;
        self.report.offence = history.offence.map(|offence| offence.what);
        Ok(())
    }

    /// When all are gone, one agent gets everything at once: nothing stands in the way but what expired, and nobody stands in line.
    async fn take_everything(&mut self) -> anyhow::Result<()> {
        let orphans: i64 = sqlx::query_scalar("SELECT count(*) FROM coordination.tickets WHERE polled_at > clock_timestamp() - interval '2 min'")
            .fetch_one(&self.pool)
            .await?;
        self.report.orphaned_tickets = u64::try_from(orphans)?;
        let session = coordination::Session::open(&self.pool, "heir", "chaos").await?;
        match session.claim(coordination::ClaimRequest::new("*")).await? {
            coordination::ClaimOutcome::Granted(claim) => {
                self.report.left_behind = claim.predecessors().len() as u64;
                let _ = session.release(claim).await?;
            }
            other => self
                .report
                .violations
                .push(format!("the ground is not free at the end: {other:?}")),
        }
        Ok(())
    }
}
