//! How many writes one dashboard may have in flight. Pure.
//!
//! Notion answers 409 the more often the more writes a database has at once. So a conflict halves the width, and
//! as many good answers as it takes to tell a better time from luck widen it by one.

/// Writes in flight for one dashboard, at most.
pub(super) const WIDEST: usize = 4;

/// Good answers in a row for one more write at a time.
const PROVEN: usize = 20;

/// The width of one dashboard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Width {
    now: usize,
    good: usize,
}

impl Default for Width {
    fn default() -> Self {
        Self {
            now: WIDEST,
            good: 0,
        }
    }
}

impl Width {
    pub(super) fn now(self) -> usize {
        self.now
    }

    pub(super) fn conflicted(&mut self) {
        self.now = (self.now / 2).max(1);
        self.good = 0;
    }

    pub(super) fn answered(&mut self) {
        self.good += 1;
        if self.good >= PROVEN && self.now < WIDEST {
            self.now += 1;
            self.good = 0;
        }
    }
}
