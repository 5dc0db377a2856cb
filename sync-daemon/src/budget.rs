//! The request budget: how many requests may leave, and when.
//!
//! Notion gives a connection a fixed number of requests per 60-second window, to be spent at any pace. A
//! sliding-window log is the only limiter that spends it in a burst and still never exceeds it, wherever
//! the service's own window starts: spacing wastes the burst, a token bucket can spend twice the limit in
//! one fixed window. A request holds its place from the moment it leaves until one window after its
//! *answer*, so that neither latency nor its jitter can squeeze two windows' worth into one of Notion's.
//!
//! Two lanes share the window. [`Lane::Load`] (first loads and other bulk) bursts through three quarters
//! of its places; the last quarter it takes one by one, spread over the window, so that a change on a live
//! board ([`Lane::Live`]) always finds room within seconds and a load alone still spends the whole window.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

mod learned;

pub use learned::{Learned, Scope};

/// Notion's window.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Who is asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Few changes that people wait for.
    Live,
    /// Many changes at once.
    Load,
}

/// The answer to a request for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Granted: the request counts from now on; give the place back to [`Budget::answered`] when it is over.
    Granted(Place),
    /// Not before this instant.
    NotBefore(Instant),
    /// Only an answer to a request in flight can make room.
    WhenAnswered,
}

/// A place in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Taken by a live change.
    Live,
    /// Taken by a load, as fast as it could.
    Burst,
    /// Taken by a load, in its turn.
    Trickle,
}

/// A sliding-window log of requests. Time is an argument.
#[derive(Debug)]
pub struct Budget {
    learned: Learned,
    in_flight: usize,
    answered: VecDeque<(Instant, Place)>,
    /// Places that the load took in a burst, in flight or within the window.
    burst: usize,
    next_trickle: Option<Instant>,
    closed_until: Option<Instant>,
}

impl Budget {
    /// A budget of `limit` requests in any 60 seconds.
    ///
    /// # Panics
    /// If `limit` is zero.
    pub fn new(limit: usize) -> Self {
        assert!(limit > 0, "a budget of nothing admits nothing");
        Self {
            learned: Learned::new(limit),
            in_flight: 0,
            answered: VecDeque::with_capacity(limit),
            burst: 0,
            next_trickle: None,
            closed_until: None,
        }
    }

    /// Asks for room for one request.
    pub fn admit(&mut self, lane: Lane, now: Instant) -> Admission {
        self.forget_old(now);
        if let Some(until) = self.closed_until.filter(|until| *until > now) {
            return Admission::NotBefore(until);
        }
        if self.used() >= self.limit() {
            let first = self.answered.front();
            return first.map_or(Admission::WhenAnswered, |(at, _)| {
                Admission::NotBefore(*at + WINDOW)
            });
        }
        let place = match lane {
            Lane::Live => Place::Live,
            Lane::Load if self.burst < self.burst_limit() => Place::Burst,
            Lane::Load => match self.next_trickle.filter(|next| *next > now) {
                Some(next) => {
                    return Admission::NotBefore(
                        self.burst_again().map_or(next, |at| at.min(next)),
                    );
                }
                None => Place::Trickle,
            },
        };
        match place {
            Place::Live => {}
            Place::Burst => self.burst += 1,
            Place::Trickle => self.next_trickle = Some(now + self.trickle()),
        }
        self.in_flight += 1;
        Admission::Granted(place)
    }

    /// An admitted request was answered, or given up.
    pub fn answered(&mut self, place: Place, now: Instant) {
        debug_assert!(self.in_flight > 0, "an answer without a request");
        self.in_flight = self.in_flight.saturating_sub(1);
        self.answered.push_back((now, place));
    }

    /// Requests that another process sent, each answered at its instant, the oldest first: they count too.
    pub fn recall(&mut self, answered: impl IntoIterator<Item = Instant>) {
        let known = std::mem::take(&mut self.answered);
        self.answered
            .extend(answered.into_iter().map(|at| (at, Place::Live)));
        self.answered.extend(known);
    }

    /// Notion refused with 429: nothing leaves before `until`, whatever our own count says.
    pub fn close_until(&mut self, until: Instant) {
        self.closed_until = Some(self.closed_until.map_or(until, |known| known.max(until)));
    }

    /// Requests that count against the window now.
    pub fn used(&self) -> usize {
        self.in_flight + self.answered.len()
    }

    /// Requests a window.
    pub fn limit(&self) -> usize {
        self.learned.limit()
    }

    /// Notion refused for this reason: the limit is lower than it was thought to be.
    pub fn refused(&mut self, scope: Scope, now: Instant) {
        self.learned.refused(scope, now);
    }

    /// So many pages wait: the limit may rise. Whether it did.
    pub fn waiting(&mut self, pages: usize, now: Instant) -> bool {
        self.learned.waiting(pages, now)
    }

    fn burst_limit(&self) -> usize {
        (self.limit() * 3 / 4).max(1)
    }

    fn trickle(&self) -> Duration {
        let places = u32::try_from(self.limit() - self.burst_limit()).unwrap_or(u32::MAX);
        WINDOW / places.max(1)
    }

    /// When a place of the burst is free again, as far as that is known.
    fn burst_again(&self) -> Option<Instant> {
        self.answered
            .iter()
            .find(|(_, place)| *place == Place::Burst)
            .map(|(at, _)| *at + WINDOW)
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some((at, place)) = self.answered.front().copied()
            && at + WINDOW <= now
        {
            self.answered.pop_front();
            if place == Place::Burst {
                self.burst -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests;
