//! The server's clock: the real one, moved forward on demand.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead_millis: AtomicI64,
}

impl Clock {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(self.ahead_millis())
    }

    /// How far it runs ahead of the real one.
    pub(crate) fn ahead_millis(&self) -> i64 {
        self.ahead_millis.load(Ordering::Relaxed)
    }

    /// Moves the clock forward, by at most ten years so that dates stay dates.
    pub(crate) fn advance(&self, seconds: u32) {
        const TEN_YEARS: i64 = 10 * 366 * 24 * 3600 * 1000;
        let add = i64::from(seconds) * 1000;
        let _ = self
            .ahead_millis
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |ahead| {
                Some((ahead + add).min(TEN_YEARS))
            });
    }
}
