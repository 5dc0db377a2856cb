//! How many requests a window holds, as far as Notion's answers have shown. Pure: time is an argument.
//!
//! It begins at the configured number. A refusal lowers it, by how much of the limit is ours: a quarter for the
//! connection's own window, half for the workspace's, which others spend too; the refusals of one window are one. It
//! rises only where that would help, while more waits than a window holds, and carefully: one step an hour, first back
//! to the configured number, then towards what the largest plans grant. A step that is refused is taken back.

use std::time::Duration;

use tokio::time::Instant;

use super::WINDOW;

/// What Business and Enterprise grant a connection: nothing beyond is tried.
const MOST: usize = 600;

/// How long after a step or a refusal the next step is tried, at the earliest.
const PROBE_EVERY: Duration = Duration::from_hours(1);

/// For how long the backlog must have exceeded a window: what is done sooner is not worth a refusal.
const CROWDED: Duration = Duration::from_mins(6);

/// Whose limit was met, as Notion's reason says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// This connection's.
    Connection,
    /// The workspace's, which all connections share.
    Workspace,
    /// That of one kind of request.
    Endpoint,
    /// None: the service is overloaded.
    Service,
}

/// The learned limit.
#[derive(Debug, Clone, Copy)]
pub struct Learned {
    configured: usize,
    limit: usize,
    /// The last one that no refusal followed.
    proven: usize,
    fell: Option<Instant>,
    /// When a step was last tried, or taken back.
    probed: Option<Instant>,
    crowded: Option<Instant>,
}

impl Learned {
    /// What is configured.
    pub fn new(configured: usize) -> Self {
        Self {
            configured,
            limit: configured,
            proven: configured,
            fell: None,
            probed: None,
            crowded: None,
        }
    }

    /// Requests a window.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Notion refused for this reason.
    pub fn refused(&mut self, scope: Scope, now: Instant) {
        let part = match scope {
            Scope::Connection => 3,
            Scope::Workspace => 2,
            Scope::Endpoint | Scope::Service => return,
        };
        if self.fell.is_some_and(|at| now < at + WINDOW) {
            return;
        }
        self.limit = if self.limit > self.proven {
            self.proven
        } else {
            (self.limit * part / 4).max(1)
        };
        self.proven = self.limit;
        self.fell = Some(now);
        self.probed = Some(now);
    }

    /// So many pages wait. Whether the limit rose.
    pub fn waiting(&mut self, pages: usize, now: Instant) -> bool {
        if pages <= self.limit {
            self.crowded = None;
            return false;
        }
        let crowded = *self.crowded.get_or_insert(now);
        let rested = self.probed.is_none_or(|at| now >= at + PROBE_EVERY);
        let most = MOST.max(self.configured);
        if now < crowded + CROWDED || !rested || self.limit >= most {
            return false;
        }
        self.proven = self.limit;
        self.probed = Some(now);
        self.limit = if self.limit < self.configured {
            self.configured
        } else {
            (self.limit + self.limit / 3).max(self.limit + 1).min(most)
        };
        true
    }
}

#[cfg(test)]
mod tests;
