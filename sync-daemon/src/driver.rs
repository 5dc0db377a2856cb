//! The loop: look, queue, write, until told to stop.
//!
//! One task owns all state (timetables, backlog, health) and starts two kinds of work: at most one look at
//! Postgres at a time, and writes as far as the budget and the backlog allow. It takes no input but their
//! results, so that every path is the same path: after a crash, a refusal or a missed hint, the next pass
//! finds what is left to do. Retry time has one owner: the backlog for a page, [`Health`] for a service.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use rand::RngExt;
use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio::time::error::Elapsed;
use tokio_util::sync::CancellationToken;

use crate::backlog::{Backlog, Offer, PageRef, Taken, Wanted};
use crate::board::Board;
use crate::budget::Lane;
use crate::glimpse::{Glimpse, LARGE, Since};
use crate::health::Health;
use crate::ledger::Doubt;
use crate::mark;
use crate::notion::Meaning;
use crate::observer::{Request, Sight, look};
use crate::page::Key;
use crate::pass::{Finding, HeldUp, Pass, PassError, Queued};
use crate::people;
use crate::schedule::{PROBE, Timetable};
use crate::tally::Tally;
use crate::writer::{
    KEYS_A_QUERY, LookUpError, Outcome, Writer, root_cause, with_cause, with_cure,
};

mod carried;
mod report;

pub use carried::{Carried, Ended};

/// How long a stop waits for writes in flight.
const GRACE: Duration = Duration::from_secs(10);

/// How often board Sync Status hears that the daemon lives.
const BEAT: Duration = Duration::from_secs(60);

/// How long [`Mode::Once`] waits for a service that is away.
const GIVE_UP: Duration = Duration::from_secs(120);

/// How long a dashboard that stands still is left alone.
const FROZEN: Duration = Duration::from_secs(60);

/// How long a page stays after its row is gone: a table that is emptied and filled again loses no page.
const TRASH_GRACE: Duration = Duration::from_secs(30);

/// How often the history of writes is pruned.
const PRUNE: Duration = Duration::from_secs(3_600);

/// How old a create without an answer is when it is looked up first.
const DOUBTFUL: Duration = Duration::from_secs(2);

/// How often Notion is asked for pages that somebody else edited, at most: a request a database.
const RADAR: Duration = Duration::from_secs(60);

/// The part of the budget that these questions may cost; with many databases they come more rarely.
const RADAR_SHARE: u32 = 33;

/// How far back the first such question looks: people go on editing while no daemon runs.
const ABSENCE: Duration = Duration::from_hours(24);

/// How often it is learnt who has which address.
const PEOPLE: Duration = Duration::from_hours(1);

/// How often a look-up of creates in doubt is repeated.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How often the loop turns at least, so that whoever watches it sees it turn.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A look without an end is given up after this time at the earliest: its connection is dead.
pub(crate) const DEAD: Duration = Duration::from_secs(60);

/// A look that takes this many times the longest so far is one without an end.
const UNHEARD_OF: u32 = 10;

/// How long the first look may take: nothing is known of the tables yet.
const FIRST_LOOK: Duration = Duration::from_secs(600);

/// Longest time that one write may take: Notion answers within 65 s, the rest is Postgres.
const LONGEST_WRITE: Duration = Duration::from_secs(125);

/// Whether to go on for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Until stopped.
    Forever,
    /// Until nothing is left to write.
    Once,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Pages written.
    pub written: u64,
    /// Rows that could not be written.
    pub problems: usize,
    /// Dashboards that stand still.
    pub frozen: usize,
    /// Pages that still wait, because it was stopped or gave up.
    pub waiting: usize,
}

/// The daemon's state.
#[derive(Debug)]
pub struct Driver {
    pool: PgPool,
    writer: Arc<Writer>,
    mode: Mode,
    backlog: Backlog,
    tables: Vec<Timetable>,
    /// Dashboards all of whose pages were examined under their present definition.
    examined: BTreeSet<usize>,
    /// The oldest transaction that ran at the last look at each large table.
    horizons: HashMap<usize, String>,
    frozen: HashMap<usize, Freeze>,
    /// Dashboards whose ledger may still carry the note of a problem.
    troubled: BTreeSet<usize>,
    failing: HashMap<usize, HashMap<String, String>>,
    doubts: HashMap<usize, Vec<Doubt>>,
    /// Creates without an answer at the last pass, however young.
    in_doubt: HashMap<usize, usize>,
    looked_up: Instant,
    radar_at: Instant,
    radar_swept: bool,
    /// When to learn next who has which address; `None`: no board shows people.
    people_at: Option<Instant>,
    pruned: Option<Instant>,
    last_snapshot: Option<String>,
    last_look: Option<Instant>,
    wrote_at: Instant,
    postgres: Health,
    notion: Health,
    report: Report,
    tally: Tally,
    /// Since when pages are stale that an earlier driver knew of, until the first pass over their dashboard.
    stale: HashMap<usize, HashMap<String, Instant>>,
    longest_look: Option<Duration>,
    /// Nothing can be had from the pool any more.
    lost_postgres: bool,
    looks: JoinSet<Result<Sight, PassError>>,
    writes: JoinSet<(Taken, sqlx::Result<Outcome>)>,
    look_ups: JoinSet<(usize, Result<(), LookUpError>)>,
    /// When the heartbeat is due.
    beat_at: Instant,
    /// When the ledger's mark last moved; `None`: it was not compared with Notion's yet, and nothing is written.
    marked: Option<Instant>,
    /// Whether a page was made since then.
    made: bool,
    marking: FuturesUnordered<LocalBoxFuture<'static, Result<(), mark::Error>>>,
}

/// Why a dashboard stands still.
#[derive(Debug)]
struct Freeze {
    until: Instant,
    cause: Cause,
    problem: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Its rows cannot be read.
    Source,
    /// Its database cannot be written.
    Notion,
    /// A person paused it, or has to confirm what would be written.
    Word,
}

impl Driver {
    /// A driver for boards that were set up.
    pub fn new(pool: PgPool, writer: Arc<Writer>, mode: Mode) -> Self {
        let now = Instant::now();
        let tables: Vec<_> = writer
            .boards
            .iter()
            .map(|board| Timetable::new(board.dashboard.cadence, now))
            .collect();
        let tables_len = tables.len();
        let examined = (0..tables_len)
            .filter(|index| writer.boards[*index].is_examined())
            .collect();
        let people_at = people::are_shown(&writer.boards).then_some(now);
        Self {
            pool,
            writer,
            mode,
            examined,
            tables,
            backlog: Backlog::default(),
            horizons: HashMap::new(),
            frozen: HashMap::new(),
            troubled: (0..tables_len).collect(),
            failing: HashMap::new(),
            doubts: HashMap::new(),
            in_doubt: HashMap::new(),
            looked_up: now,
            radar_at: now,
            radar_swept: false,
            people_at,
            pruned: None,
            last_snapshot: None,
            last_look: None,
            wrote_at: now,
            postgres: Health::new("Postgres"),
            notion: Health::new("Notion"),
            report: Report::default(),
            tally: Tally::default(),
            stale: HashMap::new(),
            longest_look: None,
            lost_postgres: false,
            looks: JoinSet::new(),
            writes: JoinSet::new(),
            look_ups: JoinSet::new(),
            marked: None,
            made: false,
            beat_at: now,
            marking: FuturesUnordered::new(),
        }
    }

    /// Runs until `shutdown`, or in [`Mode::Once`] until nothing is left to write.
    pub async fn run(
        mut self,
        shutdown: CancellationToken,
        mut progress: impl FnMut(&Self),
    ) -> Ended {
        loop {
            let now = Instant::now();
            self.start_marking(now);
            self.beat(now).await;
            self.start_look(now);
            self.start_look_ups(now);
            let room_at = self.start_writes(now);
            progress(&self);
            if self.mode == Mode::Once && (self.finished() || self.hopeless(now)) {
                break;
            }
            if self.mode == Mode::Forever && self.lost_postgres {
                break;
            }
            let wake = self.next_wake(now, room_at);
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(done) = self.looks.join_next() => self.looked(done).await,
                Some(done) = self.writes.join_next() => self.wrote(done).await,
                Some(done) = self.marking.next() => self.marked(done),
                Some(done) = self.look_ups.join_next() => self.looked_at_doubts(done),
                () = tokio::time::sleep_until(wake) => {}
            }
        }
        self.stop().await;
        self.report.problems = self.failing.values().map(HashMap::len).sum();
        self.report.frozen = self.frozen.len();
        self.report.waiting = self.backlog.len();
        self.end()
    }

    /// Pages that wait or are being written.
    pub fn backlog_len(&self) -> usize {
        self.backlog.len()
    }

    /// Pages written so far.
    pub fn written(&self) -> u64 {
        self.report.written
    }

    /// A line for people and service managers.
    pub fn status_line(&self) -> String {
        match self.postgres.problem().or(self.notion.problem()) {
            Some(problem) => format!("waiting: {problem}"),
            None => format!(
                "{} pages written, {} waiting",
                self.report.written,
                self.backlog.len()
            ),
        }
    }

    fn start_look(&mut self, now: Instant) {
        let next = self
            .last_look
            .map_or(now, |last| last + PROBE)
            .max(self.postgres.next_try(now));
        if !self.looks.is_empty() || now < next {
            return;
        }
        let mut request = Request {
            last_snapshot: self.last_snapshot.clone(),
            wanted: HashMap::new(),
            if_moved: HashMap::new(),
            glimpses: HashMap::new(),
        };
        for index in 0..self.tables.len() {
            let mut if_moved = self.tables[index].clone();
            if_moved.database_moved();
            if self.tables[index].wants_pass(now) {
                request.wanted.insert(index, self.queued(index));
            } else if if_moved.wants_pass(now) {
                request.if_moved.insert(index, self.queued(index));
            } else if let Some(horizon) = self.horizons.get(&index)
                && self.tables[index].wants_glimpse(now)
            {
                let since = Since {
                    horizon: horizon.clone(),
                    in_flight: self.in_flight(index),
                };
                request.glimpses.insert(index, since);
            }
        }
        self.last_look = Some(now);
        let (pool, writer) = (self.pool.clone(), Arc::clone(&self.writer));
        let limit = self
            .longest_look
            .map_or(FIRST_LOOK, |longest| DEAD.max(longest * UNHEARD_OF));
        self.looks.spawn(async move {
            let look = look(&pool, &writer.ledger, &writer.boards, request);
            tokio::time::timeout(limit, look)
                .await
                .unwrap_or_else(|_| Err(PassError::Ledger(sqlx::Error::PoolTimedOut)))
        });
    }

    fn in_flight(&self, dashboard: usize) -> HashSet<Key> {
        self.backlog
            .in_flight()
            .filter(|page| page.dashboard == dashboard)
            .map(|page| page.key.clone())
            .collect()
    }

    fn queued(&self, dashboard: usize) -> Queued {
        Queued {
            waiting: self.backlog.waiting(dashboard),
            in_flight: self.in_flight(dashboard),
            examine_all: !self.examined.contains(&dashboard),
            whole: false,
        }
    }

    async fn looked(&mut self, done: Result<Result<Sight, PassError>, tokio::task::JoinError>) {
        let now = Instant::now();
        let sight = match done.expect("a look does not panic") {
            Ok(sight) => sight,
            Err(PassError::Ledger(sqlx::Error::PoolTimedOut)) if self.mode == Mode::Forever => {
                self.lost_postgres = true;
                return;
            }
            Err(error) => {
                return self.postgres.ill(&root_cause(&error), now);
            }
        };
        self.postgres.well(now);
        let took = now - self.last_look.unwrap_or(now);
        self.longest_look = self.longest_look.max(Some(took));
        if sight.moved {
            self.tables.iter_mut().for_each(Timetable::database_moved);
        }
        self.last_snapshot = Some(sight.snapshot);
        let started = self.last_look.unwrap_or(now);
        for (index, result) in sight.glimpses {
            self.glimpsed(index, result, started, now);
        }
        let count = self.tables.len();
        for (index, result) in sight.passes {
            #[expect(clippy::cast_precision_loss, reason = "a handful of dashboards")]
            let offset = index as f64 / count as f64;
            match result {
                Ok(pass) => {
                    self.tables[index].passed(started, pass.cost, offset);
                    let counts = self.tally.of(self.writer.boards[index].name());
                    counts.passes += 1;
                    counts.passing += pass.cost;
                    counts.passed_at = Some(started);
                    counts.rows = pass.rows;
                    if pass.rows >= LARGE && self.examined.contains(&index) {
                        self.horizons.insert(index, pass.horizon.clone());
                    } else {
                        self.horizons.remove(&index);
                    }
                    let noting = tokio::time::timeout(DEAD, self.passed(index, pass, now));
                    match noting.await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => self.postgres.ill(&root_cause(&error), now),
                        Err(_) => return self.lose_postgres(now),
                    }
                }
                Err(error) => {
                    self.tables[index].passed(started, PROBE, offset);
                    self.tally
                        .of(self.writer.boards[index].name())
                        .failed_passes += 1;
                    let problem = with_cause(&error);
                    let told = error.without_data().unwrap_or_else(|| problem.clone());
                    self.freeze(index, Cause::Source, problem, &told, now).await;
                }
            }
        }
    }

    /// Takes over what a glimpse found, beside what waits already.
    fn glimpsed(
        &mut self,
        index: usize,
        result: Result<Option<Glimpse>, PassError>,
        started: Instant,
        now: Instant,
    ) {
        let Ok(Some(seen)) = result else {
            // The next pass says what is wrong, if anything is.
            self.horizons.remove(&index);
            return;
        };
        self.tables[index].glimpsed(started, seen.cost);
        self.horizons.insert(index, seen.horizon);
        if seen.many {
            self.tables[index].hurry(now);
        }
        if self.frozen.contains_key(&index) {
            return;
        }
        for finding in seen.findings {
            let (key, offer) = self.offer(index, finding, seen.read_at, Lane::Live);
            self.backlog.add(index, key, offer, now);
        }
    }

    fn offer(
        &self,
        index: usize,
        finding: Finding,
        read_at: DateTime<Utc>,
        lane: Lane,
    ) -> (Key, Offer) {
        let grace = match finding.wanted {
            Wanted::Gone => self.grace(index),
            Wanted::Page(_) | Wanted::Row(_) => Duration::ZERO,
        };
        let offer = Offer {
            creates: finding.creates,
            wanted: finding.wanted,
            read_at,
            needs: self.needs(finding.needs),
            lane,
            patience: self.writer.boards[index].dashboard.cadence,
            newness: finding.newness,
            grace,
        };
        (finding.key, offer)
    }

    /// Takes over what a pass found.
    async fn passed(&mut self, index: usize, mut pass: Pass, now: Instant) -> sqlx::Result<()> {
        let held_up = pass.held_up.take();
        if held_up.is_some() {
            // Nothing of it waits: after a person's word, the next pass finds it all again.
            pass.findings.clear();
            pass.unchanged.clear();
        }
        let board = &self.writer.boards[index];
        let limit = self.writer.gate.used().1;
        let bulk = pass.findings.len() + pass.unchanged.len() > (limit / 4).max(1);
        let current = held_up.is_none() && pass.findings.is_empty() && pass.unchanged.is_empty();

        let found: HashSet<&str> = pass
            .findings
            .iter()
            .map(|found| found.key.as_str())
            .collect();
        let failed_before = self.failing.remove(&index).unwrap_or_default();
        let mut failing: HashMap<String, String> = HashMap::new();
        for error in &pass.row_errors {
            let key = error.key.clone().unwrap_or_else(|| "(no key)".to_owned());
            if failed_before.get(&key) != Some(&error.message) {
                let (problem, key) = (&error.message, key.chars().take(80).collect::<String>());
                tracing::warn!(
                    dashboard = board.name(),
                    page.key = key,
                    problem,
                    "a row cannot be shown"
                );
            }
            failing.insert(key, error.message.clone());
        }
        let tried_again =
            |key: &String| pass.unchanged.contains(key) || found.contains(key.as_str());
        failing.extend(
            failed_before
                .into_iter()
                .filter(|(key, _)| tried_again(key)),
        );
        self.failing.insert(index, failing);
        let lane = if bulk { Lane::Load } else { Lane::Live };
        let offers = pass
            .findings
            .into_iter()
            .map(|finding| self.offer(index, finding, pass.read_at, lane))
            .collect();
        self.backlog.replace(index, offers, &pass.unchanged, now);
        for (key, since) in self.stale.remove(&index).unwrap_or_default() {
            let page = PageRef {
                dashboard: index,
                key,
            };
            self.backlog.date_back(&page, since);
        }
        // A create of ours that is under way is no doubt yet.
        self.in_doubt.insert(index, pass.doubts.len());
        let mut doubts = pass.doubts;
        doubts.retain(|doubt| {
            let page = PageRef {
                dashboard: index,
                key: doubt.key.clone(),
            };
            doubt.age_seconds >= DOUBTFUL.as_secs_f64() && !self.backlog.is_in_flight(&page)
        });
        self.doubts.insert(index, doubts);

        let board = &self.writer.boards[index];
        let ledger = &self.writer.ledger;
        let failing = &self.failing[&index];
        ledger.note_problems(board.name(), failing).await?;
        let rows = i64::try_from(pass.rows).unwrap_or(i64::MAX);
        let backlog = i64::try_from(self.backlog.len_of(index)).unwrap_or(i64::MAX);
        let digest = (current && !self.examined.contains(&index)).then(|| board.dashboard.digest());
        ledger.passed(board.name(), rows, backlog, digest).await?;
        if current {
            self.examined.insert(index);
            ledger.word_kept(board.name()).await?;
        }
        if self.pruned.is_none_or(|at| now > at + PRUNE) {
            self.pruned = Some(now);
            ledger.prune_history().await?;
        }
        match held_up {
            None => self.thaw(index, Cause::Word).await?,
            Some(HeldUp::Paused) => {
                let problem = "paused by a person; `claimboard-sync resume` lets it go on";
                self.freeze(index, Cause::Word, problem.to_owned(), problem, now)
                    .await;
            }
            Some(HeldUp::Limit(refused)) => {
                let problem = refused.to_string();
                self.freeze(index, Cause::Word, problem.clone(), &problem, now)
                    .await;
            }
        }
        self.thaw(index, Cause::Source).await
    }

    /// The rows that a page points to, as far as they have a dashboard here.
    fn needs(&self, rows: Vec<(String, Key)>) -> Vec<PageRef> {
        let boards = &self.writer.boards;
        rows.into_iter()
            .filter_map(|(related, key)| {
                let dashboard = boards.iter().position(|board| board.name() == related)?;
                Some(PageRef { dashboard, key })
            })
            .collect()
    }

    /// How long a page stays whose row is gone. A command that is to end does not wait, and where an empty source is
    /// normal, a row that goes is no mistake.
    fn grace(&self, index: usize) -> Duration {
        let limited = self.writer.boards[index].dashboard.limit.trashes.is_some();
        match self.mode {
            Mode::Forever if limited => TRASH_GRACE,
            Mode::Forever | Mode::Once => Duration::ZERO,
        }
    }

    /// Compares the ledger's mark with Notion's, once, and moves it on from time to time.
    fn start_marking(&mut self, now: Instant) {
        let due = match self.marked {
            None => true,
            Some(at) => self.made && now >= at + mark::PACE,
        };
        let away = now < self.notion.next_try(now) || now < self.postgres.next_try(now);
        if !due || away || !self.marking.is_empty() {
            return;
        }
        let (writer, first) = (Arc::clone(&self.writer), self.marked.is_none());
        self.made = false;
        let marking = async move {
            if first {
                mark::check(&writer).await
            } else if writer.boards.is_empty() {
                Ok(())
            } else {
                mark::move_on(&writer, 0, 0).await
            }
        };
        self.marking.push(marking.boxed_local());
    }

    fn marked(&mut self, done: Result<(), mark::Error>) {
        let now = Instant::now();
        match done {
            Ok(()) => {
                self.notion.well(now);
                self.marked = Some(now);
                self.wrote_at = now;
            }
            Err(mark::Error::Ledger(error)) => self.postgres.ill(&root_cause(&error), now),
            Err(mark::Error::Notion(error)) => {
                if let Meaning::TooMany { retry_after, scope } = error.meaning() {
                    self.writer.gate.refused(scope, retry_after);
                } else {
                    self.notion.ill(&with_cure(&error), now);
                }
            }
            Err(error) => self.notion.ill(&with_cause(&error), now),
        }
    }

    /// Starts what may start. Returns when the budget has room again, if it has none.
    fn start_writes(&mut self, now: Instant) -> Option<Instant> {
        if self.marked.is_none()
            || now < self.notion.next_try(now)
            || (self.notion.problem().is_some() && !self.writes.is_empty())
        {
            return None;
        }
        self.writer.gate.waiting(self.backlog.len());
        let mut room_at = None;
        for lane in [Lane::Live, Lane::Load] {
            loop {
                let frozen = |dashboard: usize| {
                    self.frozen
                        .get(&dashboard)
                        .is_some_and(|freeze| freeze.until > now)
                };
                if !self.backlog.has_turn(lane, now, frozen) {
                    break;
                }
                let permit = match self.writer.gate.try_admit(lane) {
                    Ok(permit) => permit,
                    Err(at) => {
                        room_at = [room_at, at].into_iter().flatten().min();
                        break;
                    }
                };
                let Some(taken) = self.backlog.take(lane, now, frozen) else {
                    break;
                };
                let writer = Arc::clone(&self.writer);
                self.writes.spawn(async move {
                    let write = writer.write(&taken, permit);
                    let outcome = tokio::time::timeout(LONGEST_WRITE, write)
                        .await
                        .unwrap_or(Err(sqlx::Error::PoolTimedOut));
                    (taken, outcome)
                });
                if self.notion.problem().is_some() {
                    return room_at;
                }
            }
        }
        room_at
    }

    async fn wrote(
        &mut self,
        done: Result<(Taken, sqlx::Result<Outcome>), tokio::task::JoinError>,
    ) {
        let (taken, outcome) = done.expect("a write does not panic");
        let now = Instant::now();
        let index = taken.page.dashboard;
        self.wrote_at = now;
        let counts = self.tally.of(self.writer.boards[index].name());
        match &outcome {
            Ok(Outcome::Done) => {
                counts.written += 1;
                counts.staleness.observe(now - taken.stale_since);
            }
            Ok(Outcome::Problem(_)) => counts.refused += 1,
            Ok(Outcome::Nothing) => {}
            Ok(
                Outcome::Retry
                | Outcome::Conflict
                | Outcome::Later(_)
                | Outcome::Frozen(_)
                | Outcome::Away(_),
            )
            | Err(_) => {
                counts.retried += 1;
            }
        }
        match outcome {
            Ok(Outcome::Nothing) => self.backlog.done(&taken.page),
            Ok(Outcome::Done) => {
                self.notion.well(now);
                self.report.written += 1;
                self.made |= taken.offer.creates;
                self.backlog.done(&taken.page);
                let thawed = tokio::time::timeout(DEAD, self.thaw(index, Cause::Notion)).await;
                self.noted(thawed, now);
            }
            Ok(Outcome::Retry) => {
                if taken.offer.creates {
                    self.made = true;
                    self.tables[index].hurry(now + DOUBTFUL);
                }
                let wait = backoff(
                    taken.attempts,
                    Duration::from_millis(500),
                    Duration::from_secs(60),
                );
                self.backlog.retry(taken, now + wait);
            }
            Ok(Outcome::Conflict) => {
                self.backlog.conflicted(index);
                let wait = backoff(
                    taken.attempts,
                    Duration::from_millis(250),
                    Duration::from_secs(30),
                );
                self.backlog.retry(taken, now + wait);
            }
            Ok(Outcome::Later(wait)) => {
                self.backlog.hold(taken.offer.creates, now + wait);
                self.backlog.retry(taken, now + wait);
            }
            Ok(Outcome::Problem(problem)) => {
                self.notion.well(now);
                let key = taken.page.key.clone();
                let wait = backoff(
                    taken.attempts,
                    Duration::from_secs(30),
                    Duration::from_secs(3_600),
                );
                self.backlog.retry(taken, now + wait);
                self.failing.entry(index).or_default().insert(key, problem);
                self.tables[index].hurry(now);
            }
            Ok(Outcome::Frozen(problem)) => {
                self.backlog.retry(taken, now);
                self.freeze(index, Cause::Notion, problem.clone(), &problem, now)
                    .await;
            }
            Ok(Outcome::Away(problem)) => {
                self.backlog.retry(taken, now);
                self.notion.ill(&problem, now);
            }
            Err(error) => {
                self.backlog.retry(taken, now + PROBE);
                self.postgres.ill(&root_cause(&error), now);
            }
        }
    }

    /// Stops writing to one dashboard for a while, and says why: to people the `problem`, to the log what is `told`.
    async fn freeze(
        &mut self,
        index: usize,
        cause: Cause,
        problem: String,
        told: &str,
        now: Instant,
    ) {
        let name = self.writer.boards[index].name();
        let noted = self.writer.ledger.dashboard_problem(name, Some(&problem));
        let noted = tokio::time::timeout(DEAD, noted).await;
        if self
            .frozen
            .get(&index)
            .is_none_or(|freeze| freeze.problem != problem)
        {
            tracing::error!(
                dashboard = name,
                problem = told,
                "dashboard stands still; it is tried again every minute"
            );
        }
        self.frozen.insert(
            index,
            Freeze {
                until: now + FROZEN,
                cause,
                problem,
            },
        );
        self.noted(noted, now);
    }

    /// What made a dashboard stand still is over.
    async fn thaw(&mut self, index: usize, cause: Cause) -> sqlx::Result<()> {
        if self
            .frozen
            .get(&index)
            .is_some_and(|freeze| freeze.cause == cause)
        {
            self.frozen.remove(&index);
            self.troubled.insert(index);
        }
        if !self.frozen.contains_key(&index) && self.troubled.remove(&index) {
            let name = self.writer.boards[index].name();
            self.writer.ledger.dashboard_problem(name, None).await?;
        }
        Ok(())
    }

    fn start_look_ups(&mut self, now: Instant) {
        if self.people_at.is_some_and(|at| now >= at)
            && self.look_ups.is_empty()
            && now >= self.notion.next_try(now)
        {
            self.people_at = Some(now + PEOPLE);
            let writer = Arc::clone(&self.writer);
            self.look_ups
                .spawn(async move { (0, writer.learn_people().await) });
        }
        let due = self.looked_up + LOOK_AGAIN <= now || self.last_look.is_none();
        if !self.look_ups.is_empty() || !due || now < self.notion.next_try(now) {
            return;
        }
        if self.mode == Mode::Forever && now >= self.radar_at {
            let pace = self.radar_pace();
            self.radar_at = now + pace;
            let back = if self.radar_swept { pace * 3 } else { ABSENCE };
            self.radar_swept = true;
            let since = Utc::now() - back;
            for index in 0..self.tables.len() {
                if self.frozen.contains_key(&index) {
                    continue;
                }
                let writer = Arc::clone(&self.writer);
                self.look_ups.spawn(async move {
                    let permit = writer.gate.admit(Lane::Live).await;
                    (index, writer.radar(index, since, permit).await)
                });
            }
        }
        for (index, mut doubts) in std::mem::take(&mut self.doubts) {
            doubts.truncate(KEYS_A_QUERY);
            if doubts.is_empty() || self.frozen.contains_key(&index) {
                continue;
            }
            self.looked_up = now;
            let writer = Arc::clone(&self.writer);
            self.look_ups.spawn(async move {
                let permit = writer.gate.admit(Lane::Live).await;
                (index, writer.look_up(index, &doubts, permit).await)
            });
        }
    }

    fn radar_pace(&self) -> Duration {
        let boards = u32::try_from(self.tables.len()).unwrap_or(u32::MAX);
        let limit = u32::try_from(self.writer.gate.used().1).unwrap_or(u32::MAX);
        RADAR.max(RADAR * boards * RADAR_SHARE / limit.max(1))
    }

    /// Says once a minute that the daemon lives, where a board shows it.
    async fn beat(&mut self, now: Instant) {
        if now < self.beat_at || self.marked.is_none() || now < self.postgres.next_try(now) {
            return;
        }
        self.beat_at = now + BEAT;
        if !self.writer.boards.iter().any(Board::shows_heartbeat) {
            return;
        }
        let limit = i64::try_from(self.writer.gate.used().1).unwrap_or(i64::MAX);
        let noted = tokio::time::timeout(DEAD, self.writer.ledger.beat(limit)).await;
        self.noted(noted, now);
    }

    /// How a note to the ledger ended.
    fn noted(&mut self, noted: Result<sqlx::Result<()>, Elapsed>, now: Instant) {
        match noted {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.postgres.ill(&root_cause(&error), now),
            Err(_) => self.lose_postgres(now),
        }
    }

    /// A connection is silent in the midst of a statement.
    fn lose_postgres(&mut self, now: Instant) {
        self.lost_postgres = true;
        self.postgres.ill("no answer", now);
    }

    fn looked_at_doubts(
        &mut self,
        done: Result<(usize, Result<(), LookUpError>), tokio::task::JoinError>,
    ) {
        let (index, result) = done.expect("a look-up does not panic");
        let now = Instant::now();
        self.wrote_at = now;
        self.tables[index].hurry(now + PROBE);
        match result {
            Ok(()) => self.notion.well(now),
            Err(LookUpError::Notion(error)) => match error.meaning() {
                Meaning::TooMany { retry_after, scope } => {
                    self.writer.gate.refused(scope, retry_after);
                    self.looked_up = now + retry_after;
                    self.radar_at = self.radar_at.max(now + retry_after);
                }
                Meaning::Unreachable | Meaning::TokenRefused | Meaning::Blocked => {
                    self.notion.ill(&with_cure(&error), now);
                }
                _ => tracing::info!(
                    dashboard = self.writer.boards[index].name(), error = %error, "look-up of pages in doubt failed"
                ),
            },
            Err(LookUpError::Ledger(error)) => self.postgres.ill(&root_cause(&error), now),
        }
    }

    /// Nothing to write is left, as of a look that began after the last write ended. Rows and dashboards
    /// with problems do not hold this up.
    fn finished(&self) -> bool {
        let idle = self.looks.is_empty() && self.writes.is_empty() && self.look_ups.is_empty();
        if !idle || self.marked.is_none() {
            return false;
        }
        let stuck: BTreeSet<PageRef> = self
            .failing
            .iter()
            .flat_map(|(dashboard, keys)| {
                keys.keys().map(|key| PageRef {
                    dashboard: *dashboard,
                    key: key.clone(),
                })
            })
            .collect();
        let only_stuck = self
            .backlog
            .waiting_pages()
            .all(|page| stuck.contains(page) || self.frozen.contains_key(&page.dashboard));
        let in_doubt = self
            .in_doubt
            .iter()
            .any(|(index, doubts)| *doubts > 0 && !self.frozen.contains_key(index));
        let seen = self
            .tables
            .iter()
            .all(|table| table.passed_since(self.wrote_at));
        seen && only_stuck && !in_doubt && self.postgres.problem().is_none()
    }

    /// A command that is to end does not wait for a service for ever.
    fn hopeless(&self, now: Instant) -> bool {
        [&self.postgres, &self.notion]
            .iter()
            .any(|health| health.ill_for(now) > Some(GIVE_UP))
    }

    fn next_wake(&self, now: Instant, room_at: Option<Instant>) -> Instant {
        let look = self
            .last_look
            .map_or(now, |last| last + PROBE)
            .max(self.postgres.next_try(now));
        let delayed = self
            .backlog
            .next_delayed()
            .map(|at| at.max(self.notion.next_try(now)));
        [Some(look), Some(now + HEARTBEAT), room_at, delayed]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(look)
            .max(now + Duration::from_millis(5))
    }

    async fn stop(&mut self) {
        self.looks.abort_all();
        self.marking.clear();
        self.look_ups.abort_all();
        let in_flight = self.writes.len();
        if in_flight > 0 {
            tracing::info!(in_flight, "stopping: finishing the writes in flight");
        }
        let finish = async {
            while let Some(done) = self.writes.join_next().await {
                self.wrote(done).await;
            }
        };
        if tokio::time::timeout(GRACE, finish).await.is_err() {
            tracing::warn!(
                in_flight = self.writes.len(),
                "gave up waiting; what is in flight stays in doubt and is looked up at the next start"
            );
            self.writes.abort_all();
        }
    }
}

/// Doubling from `first` to `most`, with up to a quarter of jitter.
fn backoff(attempts: u32, first: Duration, most: Duration) -> Duration {
    let wait = first
        .saturating_mul(2_u32.saturating_pow(attempts.min(16)))
        .min(most);
    wait.mul_f64(rand::rng().random_range(0.75..1.0))
}
