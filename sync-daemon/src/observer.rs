//! The eye on Postgres: asks whether anything happened, and runs the passes that are wanted.

use std::collections::HashMap;

use sqlx::PgPool;
use tracing::Instrument;

use crate::board::Board;
use crate::glimpse::{Glimpse, Since, glimpse};
use crate::ledger::Ledger;
use crate::pass::{Pass, PassError, Queued, pass};
use crate::source::Snapshot;

/// What to look at.
#[derive(Debug)]
pub struct Request {
    /// `pg_current_snapshot()` of the last look.
    pub last_snapshot: Option<String>,
    /// Dashboards whose pass is wanted anyway, by index, with what the backlog has of them.
    pub wanted: HashMap<usize, Queued>,
    /// Dashboards to look at only if anything happened.
    pub if_moved: HashMap<usize, Queued>,
    /// Large tables of which only what was written lately is to be looked at, where no pass runs.
    pub glimpses: HashMap<usize, Since>,
}

/// What was seen.
#[derive(Debug)]
pub struct Sight {
    /// `pg_current_snapshot()` now.
    pub snapshot: String,
    /// Whether any transaction ended since the last look.
    pub moved: bool,
    /// The passes that ran, in dependency order.
    pub passes: Vec<(usize, Result<Pass, PassError>)>,
    /// What the glimpses saw; `None` where a source does not tell.
    pub glimpses: Vec<(usize, Result<Option<Glimpse>, PassError>)>,
}

/// Looks once. An error means that the database is out of reach.
pub async fn look(
    pool: &PgPool,
    ledger: &Ledger,
    boards: &[Board],
    request: Request,
) -> Result<Sight, PassError> {
    // A transaction that only reads draws no number, so an unchanged snapshot proves that nothing was
    // committed: exact, without delay, and free of rights on anybody's tables.
    let snapshot: String = sqlx::query_scalar("SELECT pg_current_snapshot()::text")
        .fetch_one(pool)
        .await?;
    let moved = request.last_snapshot.as_ref() != Some(&snapshot);
    let mut wanted = request.wanted;
    if moved {
        wanted.extend(request.if_moved);
    }
    let (mut passes, mut glimpses) = (Vec::new(), Vec::new());
    for (index, board) in boards.iter().enumerate() {
        let Some(queued) = wanted.get(&index) else {
            if let Some(since) = request.glimpses.get(&index) {
                let mut snapshot = Snapshot::begin(pool).await?;
                match glimpse(ledger, board, &mut snapshot, since).await {
                    Err(error) if error.database_away() => return Err(error),
                    seen => glimpses.push((index, seen)),
                }
            }
            continue;
        };
        let mut snapshot = Snapshot::begin(pool).await?;
        let span = tracing::info_span!("pass", dashboard = board.name());
        let seen = pass(ledger, board, &mut snapshot, queued)
            .instrument(span.clone())
            .await;
        if let Ok(seen) = &seen {
            span.in_scope(|| {
                tracing::debug!(
                    rows = seen.rows,
                    differences = seen.findings.len(),
                    milliseconds = seen.cost.as_millis(),
                    "compared"
                );
            });
        }
        match seen {
            Err(error) if error.database_away() => return Err(error),
            seen => passes.push((index, seen)),
        }
    }
    Ok(Sight {
        snapshot,
        moved,
        passes,
        glimpses,
    })
}
