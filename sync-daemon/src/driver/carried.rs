//! What one driver leaves to the next, when the dashboards were reloaded or Postgres had to be opened anew.

use std::collections::HashMap;

use tokio::time::Instant;

use super::{Driver, Report};
use crate::health::Health;
use crate::tally::Tally;

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// What it did.
    pub report: Report,
    /// What the next driver should know.
    pub carried: Carried,
    /// It ended because nothing could be had from the pool any more: open another one.
    pub lost_postgres: bool,
}

/// What outlives a driver. The pages that wait are found again by the first pass, as everything is; since
/// when they are stale is not, and decides their turn.
#[derive(Debug)]
pub struct Carried {
    /// Whether Postgres is there.
    pub postgres: Health,
    notion: Health,
    tally: Tally,
    /// Pages written since the start.
    pub written: u64,
    stale: HashMap<String, HashMap<String, Instant>>,
}

impl Default for Carried {
    fn default() -> Self {
        Self {
            postgres: Health::new("Postgres"),
            notion: Health::new("Notion"),
            tally: Tally::default(),
            written: 0,
            stale: HashMap::new(),
        }
    }
}

impl Driver {
    /// Goes on where another driver ended.
    #[must_use]
    pub fn resume(mut self, carried: Carried) -> Self {
        self.postgres = carried.postgres;
        self.notion = carried.notion;
        self.tally = carried.tally;
        self.report.written = carried.written;
        for (index, board) in self.writer.boards.iter().enumerate() {
            if let Some(stale) = carried.stale.get(board.name()) {
                self.stale.insert(index, stale.clone());
            }
        }
        self
    }

    pub(super) fn end(self) -> Ended {
        let name = |index: usize| self.writer.boards[index].name().to_owned();
        let mut stale: HashMap<String, HashMap<String, Instant>> = HashMap::new();
        // Of dashboards without a pass yet, what was carried before is all there is.
        for (index, pages) in &self.stale {
            stale.insert(name(*index), pages.clone());
        }
        for (page, since) in self.backlog.stale() {
            stale
                .entry(name(page.dashboard))
                .or_default()
                .insert(page.key.clone(), since);
        }
        Ended {
            report: self.report,
            lost_postgres: self.lost_postgres,
            carried: Carried {
                postgres: self.postgres,
                notion: self.notion,
                tally: self.tally,
                written: self.report.written,
                stale,
            },
        }
    }
}
