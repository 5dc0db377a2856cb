//! What was counted since the daemon started, by dashboard: writes, passes, and how long pages were stale. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// Upper bounds of the classes of staleness, in seconds; a last class holds the rest.
pub const BOUNDS: [f64; 12] = [
    0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
];

/// All counts. They outlive a reload.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    dashboards: BTreeMap<String, Counts>,
}

/// The counts of one dashboard.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Pages written.
    pub written: u64,
    /// Attempts that will be repeated.
    pub retried: u64,
    /// Rows that Notion refused as they are.
    pub refused: u64,
    /// Passes that ended.
    pub passes: u64,
    /// Passes that failed.
    pub failed_passes: u64,
    /// Time spent in passes.
    pub passing: Duration,
    /// When the last good pass began.
    pub passed_at: Option<Instant>,
    /// Rows of the source at the last pass.
    pub rows: usize,
    /// From the moment a change was seen until its page was written.
    pub staleness: Histogram,
}

/// Durations in the classes of [`BOUNDS`].
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    classes: [u64; BOUNDS.len() + 1],
    sum: Duration,
}

impl Tally {
    /// The counts of a dashboard, to be raised.
    pub fn of(&mut self, dashboard: &str) -> &mut Counts {
        if !self.dashboards.contains_key(dashboard) {
            self.dashboards
                .insert(dashboard.to_owned(), Counts::default());
        }
        self.dashboards
            .get_mut(dashboard)
            .expect("it was just inserted")
    }

    /// The counts of a dashboard, to be read.
    pub fn get(&self, dashboard: &str) -> Counts {
        self.dashboards.get(dashboard).cloned().unwrap_or_default()
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn observe(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let class = BOUNDS.partition_point(|bound| *bound < seconds);
        self.classes[class] += 1;
        self.sum += duration;
    }

    /// How many durations were at most as long as each bound, and the number of all at the end.
    pub fn cumulative(&self) -> impl Iterator<Item = (Option<f64>, u64)> {
        let bounds = BOUNDS.into_iter().map(Some).chain(std::iter::once(None));
        bounds.zip(self.classes).scan(0, |total, (bound, count)| {
            *total += count;
            Some((bound, *total))
        })
    }

    /// All durations together.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The smallest bound that this share of the durations stays within; `None` while there are none, or
    /// where it is beyond all bounds.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let count = self.classes.iter().sum::<u64>();
        #[expect(clippy::cast_precision_loss, reason = "counts of writes")]
        let wanted = share * count as f64;
        #[expect(clippy::cast_precision_loss, reason = "counts of writes")]
        self.cumulative()
            .find(|(_, within)| count > 0 && *within as f64 >= wanted)
            .and_then(|(bound, _)| bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_the_first_class_that_holds_it_and_in_all_after() {
        let mut histogram = Histogram::default();
        for milliseconds in [500, 501, 4_000, 9_999_000] {
            histogram.observe(Duration::from_millis(milliseconds));
        }
        let counts: Vec<_> = histogram.cumulative().map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4]);
        assert_eq!(histogram.quantile(0.5), Some(1.0));
        assert_eq!(histogram.quantile(0.75), Some(5.0));
        assert_eq!(histogram.quantile(1.0), None);
        assert_eq!(Histogram::default().quantile(0.5), None);
    }
}
