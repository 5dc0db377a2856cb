//! The budget, shared by everything that talks to Notion under one token.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::budget::{Admission, Budget, Lane, Place, Scope};

/// Admits requests. Cloning shares the budget.
#[derive(Debug, Clone)]
pub struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    budget: Mutex<Budget>,
    answered: Notify,
    admitted: AtomicU64,
}

/// Room for one request. Dropping it says that the request is over.
#[derive(Debug)]
pub struct Permit {
    shared: Arc<Shared>,
    place: Place,
}

impl Gate {
    /// A gate of `requests_per_minute`.
    pub fn new(requests_per_minute: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                budget: Mutex::new(Budget::new(requests_per_minute)),
                answered: Notify::new(),
                admitted: AtomicU64::new(0),
            }),
        }
    }

    /// Asks once. `Err`: when to ask again, or `None` if only an answer can make room.
    pub fn try_admit(&self, lane: Lane) -> Result<Permit, Option<Instant>> {
        match self.budget().admit(lane, Instant::now()) {
            Admission::Granted(place) => {
                self.shared.admitted.fetch_add(1, Ordering::Relaxed);
                Ok(Permit {
                    shared: Arc::clone(&self.shared),
                    place,
                })
            }
            Admission::NotBefore(at) => Err(Some(at)),
            Admission::WhenAnswered => Err(None),
        }
    }

    /// Waits for room.
    pub async fn admit(&self, lane: Lane) -> Permit {
        loop {
            let answered = self.shared.answered.notified();
            match self.try_admit(lane) {
                Ok(permit) => return permit,
                Err(Some(at)) => tokio::time::sleep_until(at).await,
                Err(None) => answered.await,
            }
        }
    }

    /// Takes into account what was sent before this gate stood: how many requests, and how long ago.
    pub fn recall(&self, recent: &[(Duration, u64)]) {
        let now = Instant::now();
        let answered = recent
            .iter()
            .filter_map(|(age, requests)| Some((now.checked_sub(*age)?, *requests)));
        self.budget()
            .recall(answered.flat_map(|(at, requests)| (0..requests).map(move |_| at)));
    }

    /// Requests admitted since this gate stands.
    pub fn admitted(&self) -> u64 {
        self.shared.admitted.load(Ordering::Relaxed)
    }

    /// Notion refused: nothing leaves before `wait` has passed.
    pub fn close_for(&self, wait: Duration) {
        self.budget().close_until(Instant::now() + wait);
    }

    /// Notion refused with 429 or 529: what it says of the limit is learnt, and nothing leaves before `wait` has
    /// passed, unless it concerns one kind of request alone.
    pub fn refused(&self, scope: Scope, wait: Duration) {
        let now = Instant::now();
        let mut budget = self.budget();
        let before = budget.limit();
        budget.refused(scope, now);
        if scope != Scope::Endpoint {
            budget.close_until(now + wait);
        }
        let after = budget.limit();
        drop(budget);
        if after < before {
            tracing::warn!(scope = ?scope, before, after, "Notion refuses for too many requests a minute; fewer leave from now on");
        }
    }

    /// So many pages wait: the limit may rise.
    pub fn waiting(&self, pages: usize) {
        let mut budget = self.budget();
        let rose = budget.waiting(pages, Instant::now());
        let limit = budget.limit();
        drop(budget);
        if rose {
            tracing::info!(
                limit,
                waiting = pages,
                "trying more requests a minute, because more waits than a window holds"
            );
        }
    }

    /// Requests that count against the window now, and the window's limit.
    pub fn used(&self) -> (usize, usize) {
        let budget = self.budget();
        (budget.used(), budget.limit())
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        // A panic while counting leaves a count that is off by one at most.
        self.shared
            .budget
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared
            .budget
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .answered(self.place, Instant::now());
        self.shared.answered.notify_waiters();
    }
}
