//! The last line: what a run did, for machines.

use demo::journal::{Counts, Lag};
use notion_sim::Stats;
use serde::Serialize;

use crate::daemon::Verdict;

/// One JSON object.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    rows: u64,
    pages: u64,
    requests: u64,
    setup_requests: u64,
    writes: u64,
    changed_rows: i64,
    writes_per_changed_row: f64,
    lag_p50_ms: Option<f64>,
    lag_p95_ms: Option<f64>,
    granted: i64,
    refused: i64,
    verify: Differences,
}

#[derive(Debug, Serialize)]
struct Differences {
    missing: u64,
    extra: u64,
    different: u64,
}

impl Summary {
    /// `stats` as they were before verification, whose requests are not the daemon's work.
    pub(crate) fn new(
        stats: &Stats,
        setup_requests: u64,
        counts: Counts,
        lag: Lag,
        verdict: &Verdict,
    ) -> Self {
        let writes =
            stats.page_creates + stats.page_updates + stats.page_trashes + stats.page_restores;
        Self {
            rows: verdict.rows,
            pages: verdict.pages,
            requests: stats.requests,
            setup_requests,
            writes,
            changed_rows: counts.changed_rows,
            writes_per_changed_row: rounded(ratio(writes, counts.changed_rows), 4),
            lag_p50_ms: lag.p50_ms.map(|ms| rounded(ms, 1)),
            lag_p95_ms: lag.p95_ms.map(|ms| rounded(ms, 1)),
            granted: counts.granted,
            refused: counts.refused,
            verify: Differences {
                missing: verdict.missing,
                extra: verdict.extra,
                different: verdict.different,
            },
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio of counts far below 2^52"
)]
fn ratio(writes: u64, changed_rows: i64) -> f64 {
    if changed_rows == 0 {
        0.0
    } else {
        writes as f64 / changed_rows as f64
    }
}

fn rounded(number: f64, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (number * unit).round() / unit
}
