//! How the work loop speaks to the outside: the watchdog, the line of status, the status page.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::systemd::Pulse;
use crate::driver::Driver;
use crate::health::Health;
use crate::status::{Service, Status};

/// How often what the daemon says of itself is brought up to date.
const REFRESH: Duration = Duration::from_millis(250);

/// How often a wait looks up.
const STEP: Duration = Duration::from_secs(1);

/// What is known of the daemon, and when that was written down.
#[derive(Debug, Clone)]
pub struct Seen {
    /// When the work loop last turned.
    pub at: Instant,
    /// What it said.
    pub status: Arc<Status>,
    /// Where the ledger is; `None` before it was opened.
    pub pool: Option<PgPool>,
}

impl Seen {
    /// Nothing yet.
    pub fn nothing() -> Self {
        Self {
            at: Instant::now(),
            status: Arc::default(),
            pool: None,
        }
    }
}

/// Held by the work loop alone.
#[derive(Debug)]
pub(super) struct Voice {
    pulse: Pulse,
    status: watch::Sender<Seen>,
    refreshed: Option<Instant>,
}

impl Voice {
    pub(super) fn new(status: watch::Sender<Seen>) -> Self {
        Self {
            pulse: Pulse::new(),
            status,
            refreshed: None,
        }
    }

    /// The driver's loop turned.
    pub(super) fn mirrors(&mut self, driver: &Driver, pool: &PgPool) {
        let now = Instant::now();
        self.pulse.beat(now);
        if self.refreshed.is_some_and(|at| now < at + REFRESH) {
            return;
        }
        self.refreshed = Some(now);
        self.pulse.status(&driver.status_line());
        self.status.send_replace(Seen {
            at: now,
            status: Arc::new(driver.status(now)),
            pool: Some(pool.clone()),
        });
    }

    /// Waits for an answer, and goes on speaking meanwhile. `None`: stopped.
    pub(super) async fn hold<T>(
        &mut self,
        answer: impl Future<Output = T>,
        health: &Health,
        holder: Option<&str>,
        shutdown: &CancellationToken,
    ) -> Option<T> {
        let mut answer = std::pin::pin!(answer);
        loop {
            tokio::select! {
                answer = &mut answer => return Some(answer),
                () = shutdown.cancelled() => return None,
                () = tokio::time::sleep(STEP) => self.waits(health, holder),
            }
        }
    }

    /// Nothing is mirrored now, because Postgres is away or somebody else mirrors.
    pub(super) fn waits(&mut self, health: &Health, holder: Option<&str>) {
        let now = Instant::now();
        self.pulse.beat(now);
        let problem = health.problem().map(str::to_owned);
        let line = match (&problem, holder) {
            (Some(problem), _) => format!("waiting: {problem}"),
            (None, Some(holder)) => format!("standing by: {holder} mirrors"),
            (None, None) => "waiting: Postgres is being opened".to_owned(),
        };
        self.pulse.status(&line);
        let postgres = Service {
            problem,
            away_seconds: health.ill_for(now).as_ref().map(Duration::as_secs_f64),
        };
        self.status.send_modify(|seen| {
            let since = now - seen.at;
            seen.at = now;
            seen.status = Arc::new(Status {
                postgres,
                standing_by: holder.map(str::to_owned),
                ..(*seen.status).clone().later(since)
            });
        });
    }
}
