//! How long a lease may be trusted, without asking the database.
//!
//! The database's clock decides; the local one may only shorten. An attempt starts before the database reads its clock, so a lease
//! that the database granted for `ttl` lasts at least until `attempt + ttl`, on any clock that runs at about the same speed. Trust ends
//! a margin earlier, for clocks that do not. The monotonic clock stands still while a machine sleeps, so the wall clock is asked as well.

use std::time::{Duration, Instant, SystemTime};

/// Trust in one lease, from the moment its request left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    started: Instant,
    started_wall: SystemTime,
    trusted: Duration,
}

impl Lease {
    /// A lease of `ttl` that was asked for at `started` (on both clocks).
    pub fn new(started: Instant, started_wall: SystemTime, ttl: Duration) -> Self {
        Self {
            started,
            started_wall,
            trusted: ttl.saturating_sub(margin(ttl)),
        }
    }

    /// The moment from which the holder must stop, on the monotonic clock.
    pub fn trusted_until(&self) -> Instant {
        self.started + self.trusted
    }

    /// Whether the lease may still be trusted. A wall clock that was set back is ignored; one that jumped ahead ends the trust.
    pub fn is_trusted(&self, now: Instant, now_wall: SystemTime) -> bool {
        let passed_on_the_wall = now_wall
            .duration_since(self.started_wall)
            .unwrap_or(Duration::ZERO);
        now < self.trusted_until() && passed_on_the_wall < self.trusted
    }
}

/// A twentieth of the lease, but no less than half a second: a margin for clocks of different speed and for a thread that is scheduled late.
fn margin(ttl: Duration) -> Duration {
    (ttl / 20).max(Duration::from_millis(500))
}

#[cfg(test)]
mod tests;
