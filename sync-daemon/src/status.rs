//! What the daemon says of itself, as `/status` answers it.

use std::time::Duration;

use serde::Serialize;

use crate::budget::WINDOW;
use crate::tally::Counts;

/// The daemon at one moment.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Status {
    /// Where rows come from.
    pub postgres: Service,
    /// Where pages go.
    pub notion: Service,
    /// Requests that count against the window now.
    pub requests_used: usize,
    /// Requests that the window allows.
    pub requests_limit: usize,
    /// Requests since the start.
    pub requests_sent: u64,
    /// Pages written since the start.
    pub written: u64,
    /// Pages that wait or are being written.
    pub backlog: usize,
    /// Who mirrors, while this process stands by.
    pub standing_by: Option<String>,
    /// In dependency order; none before they were opened.
    pub dashboards: Vec<DashboardStatus>,
}

/// What the process itself takes.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Memory {
    /// Resident memory.
    pub resident_bytes: u64,
    /// When the process started, in seconds since 1970.
    pub started_at: f64,
}

/// A service that the daemon depends on.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Service {
    /// What is wrong with it, if anything.
    pub problem: Option<String>,
    /// For how long it has been away.
    pub away_seconds: Option<f64>,
}

/// One dashboard.
#[derive(Debug, Clone, Serialize)]
pub struct DashboardStatus {
    /// Its name.
    pub name: String,
    /// How stale it may become.
    pub promise_seconds: f64,
    /// When its rows were last read.
    pub looked_seconds_ago: Option<f64>,
    /// For how long its longest waiting page has been stale; 0 if none waits.
    pub stale_seconds: f64,
    /// Pages that wait or are being written.
    pub backlog: usize,
    /// Creates whose answer is not known.
    pub in_doubt: usize,
    /// Rows that cannot be shown.
    pub problems: usize,
    /// Why it stands still, if it does.
    pub stands_still: Option<String>,
    /// What was counted since the start.
    #[serde(serialize_with = "counts")]
    pub counts: Counts,
}

impl DashboardStatus {
    /// How old the board may be: the longest waiting page, or the last look at the rows.
    pub fn age_seconds(&self) -> Option<f64> {
        Some(self.looked_seconds_ago?.max(self.stale_seconds))
    }

    /// Whether the board is as fresh as was promised. A look that began a moment late is no broken promise.
    pub fn keeps_promise(&self) -> bool {
        self.stands_still.is_none()
            && self
                .age_seconds()
                .is_some_and(|age| age <= self.promise_seconds * 1.1 + 5.0)
    }
}

impl Status {
    /// The same, so much later, where nobody has looked since.
    #[must_use]
    pub fn later(mut self, by: Duration) -> Self {
        for dashboard in &mut self.dashboards {
            if let Some(looked) = &mut dashboard.looked_seconds_ago {
                *looked += by.as_secs_f64();
            }
            if dashboard.backlog > 0 {
                dashboard.stale_seconds += by.as_secs_f64();
            }
        }
        self
    }

    /// Why the daemon cannot do its work now; empty if it can.
    pub fn unready(&self) -> Vec<String> {
        let mut reasons: Vec<String> = [("Postgres", &self.postgres), ("Notion", &self.notion)]
            .into_iter()
            .filter_map(|(name, service)| Some(format!("{name}: {}", service.problem.as_ref()?)))
            .collect();
        if let Some(holder) = &self.standing_by {
            reasons.push(format!("standing by: {holder} mirrors"));
        } else if self.dashboards.is_empty() {
            reasons.push("no dashboard is open yet".to_owned());
        }
        for dashboard in &self.dashboards {
            if dashboard.looked_seconds_ago.is_none() && dashboard.stands_still.is_none() {
                reasons.push(format!("{}: not read yet", dashboard.name));
            }
        }
        reasons
    }

    /// Seconds until nothing waits, if nothing is added; `None` while Notion is away.
    pub fn caught_up_in_seconds(&self) -> Option<u64> {
        if self.notion.problem.is_some() || self.postgres.problem.is_some() {
            return None;
        }
        let room = self.requests_limit.saturating_sub(self.requests_used);
        let beyond = self.backlog.saturating_sub(room);
        let windows = beyond.div_ceil(self.requests_limit.max(1));
        Some(windows as u64 * WINDOW.as_secs())
    }

    /// Share of what Notion's limit physically allows that is in use, in percent.
    pub fn percent_of_limit(&self) -> usize {
        self.requests_used * 100 / self.requests_limit.max(1)
    }
}

fn counts<S: serde::Serializer>(counts: &Counts, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Shown {
        rows: usize,
        written: u64,
        retried: u64,
        refused: u64,
        passes: u64,
        failed_passes: u64,
        stale_seconds_p50: Option<f64>,
        stale_seconds_p95: Option<f64>,
    }
    Shown {
        rows: counts.rows,
        written: counts.written,
        retried: counts.retried,
        refused: counts.refused,
        passes: counts.passes,
        failed_passes: counts.failed_passes,
        stale_seconds_p50: counts.staleness.quantile(0.5),
        stale_seconds_p95: counts.staleness.quantile(0.95),
    }
    .serialize(serializer)
}
