//! When to look at which dashboard. Pure: time is an argument.
//!
//! A dashboard's cadence is the longest time that a change may go unnoticed, not the pace of the eye: once
//! a second the driver asks the database whether any transaction at all has ended since it last looked
//! (one number pair, `pg_current_snapshot()`), and if so, every dashboard whose last pass was cheap enough
//! is looked at. A pass may cost [`SHARE`] of the time at most; so an idle system costs one trivial query a
//! second, a busy one (any database of the cluster counts) a few per cent of a core, and a huge table falls back to its cadence.

use std::time::Duration;

use tokio::time::Instant;

/// How often the database is asked whether anything happened.
pub const PROBE: Duration = Duration::from_secs(1);

/// Passes over one dashboard take at most one part in this many of the time.
pub const SHARE: u32 = 50;

/// The timetable of one dashboard.
#[derive(Debug, Clone)]
pub struct Timetable {
    cadence: Duration,
    due: Instant,
    rested: Instant,
    moved: bool,
    /// When the next glimpse may be; `None`: nothing happened since the last look.
    glimpse: Option<Instant>,
    glimpse_rested: Instant,
    hurried: Option<Instant>,
    passed: Option<Instant>,
}

impl Timetable {
    /// Due at once.
    pub fn new(cadence: Duration, now: Instant) -> Self {
        Self {
            cadence,
            due: now,
            rested: now,
            moved: false,
            glimpse: None,
            glimpse_rested: now,
            hurried: None,
            passed: None,
        }
    }

    /// Something happened in the database.
    pub fn database_moved(&mut self) {
        self.moved = true;
        self.glimpse = Some(self.glimpse_rested);
    }

    /// Whether a glimpse at what was written lately should run now, because a pass may not yet.
    pub fn wants_glimpse(&self, now: Instant) -> bool {
        self.glimpse.is_some_and(|at| now >= at) && !self.wants_pass(now)
    }

    /// A glimpse ran. It is held to its share of the time like a pass.
    pub fn glimpsed(&mut self, started: Instant, cost: Duration) {
        self.glimpse_rested = started + (cost * SHARE).clamp(PROBE, self.cadence);
        self.glimpse = None;
    }

    /// Whether a pass should run now.
    pub fn wants_pass(&self, now: Instant) -> bool {
        now >= self.due
            || self.hurried.is_some_and(|at| now >= at)
            || (self.moved && now >= self.rested)
    }

    /// A pass ran. `offset`, below one, shortens the first wait, so that equal cadences do not fire together.
    pub fn passed(&mut self, started: Instant, cost: Duration, offset: f64) {
        let wait = if self.passed.replace(started).is_none() {
            self.cadence.mul_f64(1.0 - offset / 2.0)
        } else {
            self.cadence
        };
        self.due = started + wait;
        self.rested = started + (cost * SHARE).clamp(PROBE, self.cadence);
        self.moved = false;
        self.glimpse = None;
        // A pass that began before the moment it was wanted for has not seen what it is wanted for.
        self.hurried = self.hurried.filter(|at| *at > started);
    }

    /// Whether a pass began after `moment`.
    pub fn passed_since(&self, moment: Instant) -> bool {
        self.passed.is_some_and(|passed| passed >= moment)
    }

    /// A pass is wanted at this moment, or earlier.
    pub fn hurry(&mut self, moment: Instant) {
        self.hurried = Some(self.hurried.map_or(moment, |at| at.min(moment)));
    }
}

#[cfg(test)]
mod tests;
