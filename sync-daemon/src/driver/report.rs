//! What a driver says of itself, for the status page and the service manager.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Driver;
use crate::health::Health;
use crate::status::{DashboardStatus, Service, Status};

impl Driver {
    /// Everything that people and machines may want to know of it now.
    pub fn status(&self, now: Instant) -> Status {
        let (used, limit) = self.writer.gate.used();
        let mut dashboards: Vec<_> = (0..self.tables.len())
            .map(|index| self.dashboard_status(index, now))
            .collect();
        for (page, since) in self.backlog.stale() {
            let stale = &mut dashboards[page.dashboard].stale_seconds;
            *stale = stale.max((now - since).as_secs_f64());
        }
        Status {
            postgres: service(&self.postgres, now),
            notion: service(&self.notion, now),
            requests_used: used,
            requests_limit: limit,
            requests_sent: self.writer.gate.admitted(),
            written: self.report.written,
            backlog: self.backlog.len(),
            standing_by: None,
            dashboards,
        }
    }

    fn dashboard_status(&self, index: usize, now: Instant) -> DashboardStatus {
        let board = &self.writer.boards[index];
        let counts = self.tally.get(board.name());
        DashboardStatus {
            name: board.name().to_owned(),
            promise_seconds: board.dashboard.cadence.as_secs_f64(),
            looked_seconds_ago: counts.passed_at.map(|at| (now - at).as_secs_f64()),
            stale_seconds: 0.0,
            backlog: self.backlog.len_of(index),
            in_doubt: self.in_doubt.get(&index).copied().unwrap_or_default(),
            problems: self.failing.get(&index).map_or(0, HashMap::len),
            stands_still: self.frozen.get(&index).map(|freeze| freeze.problem.clone()),
            counts,
        }
    }
}

fn service(health: &Health, now: Instant) -> Service {
    Service {
        problem: health.problem().map(str::to_owned),
        away_seconds: health.ill_for(now).as_ref().map(Duration::as_secs_f64),
    }
}
