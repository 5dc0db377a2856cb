//! Whether a service we depend on is there: said once a change, tried again ever more slowly.

use std::time::Duration;

use backon::ExponentialBackoff;
use tokio::time::Instant;

use crate::retry;

/// One service.
#[derive(Debug)]
pub struct Health {
    name: &'static str,
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Trouble {
    what: String,
    since: Instant,
    pace: ExponentialBackoff,
    next_try: Instant,
}

impl Health {
    /// A service that is believed to be there.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            trouble: None,
        }
    }

    /// It answered.
    pub fn well(&mut self, now: Instant) {
        if let Some(trouble) = self.trouble.take() {
            let away_ms = u64::try_from((now - trouble.since).as_millis()).unwrap_or(u64::MAX);
            tracing::info!(service = self.name, away_ms, "{} is back", self.name);
        }
    }

    /// It did not.
    pub fn ill(&mut self, what: &str, now: Instant) {
        let trouble = self.trouble.get_or_insert_with(|| Trouble {
            what: String::new(),
            since: now,
            pace: retry::pace(),
            next_try: now,
        });
        if trouble.what != what {
            tracing::warn!(
                service = self.name,
                problem = what,
                "{} is away; trying on, nothing is lost",
                self.name
            );
            what.clone_into(&mut trouble.what);
        }
        trouble.next_try = now + trouble.pace.next().unwrap_or(Duration::from_secs(60));
    }

    /// When to try (again); at once if all is well.
    pub fn next_try(&self, now: Instant) -> Instant {
        self.trouble
            .as_ref()
            .map_or(now, |trouble| trouble.next_try)
    }

    /// For how long it has been away.
    pub fn ill_for(&self, now: Instant) -> Option<Duration> {
        self.trouble.as_ref().map(|trouble| now - trouble.since)
    }

    /// What is wrong, if anything.
    pub fn problem(&self) -> Option<&str> {
        self.trouble.as_ref().map(|trouble| trouble.what.as_str())
    }
}
