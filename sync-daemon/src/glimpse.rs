//! A glimpse: the rows of a large table that were written lately, between two full passes.
//!
//! A full pass over a large table is too dear for every second, so a change would wait for the next one. A glimpse
//! reads the rows alone whose version was written by a transaction at or after the horizon of the last look: the
//! oldest transaction that ran then. What an older one wrote was seen by that look, whenever it was committed; so no
//! committed row is missed, long transactions and savepoints included. What it cannot see is left to the full pass:
//! rows that went, rows of views, and anything that touches many rows, which is for the safety limit to judge.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::board::Board;
use crate::ledger::Ledger;
use crate::page::{DesiredPage, Key};
use crate::pass::{Finding, KEPT_PAGES, PassError, examine};
use crate::reconcile::State;
use crate::source::Snapshot;

/// Tables with fewer rows are read whole.
pub const LARGE: usize = 1_000;

/// What to glimpse at.
#[derive(Debug, Clone)]
pub struct Since {
    /// The horizon of the last look at this table.
    pub horizon: String,
    /// Pages whose write is under way.
    pub in_flight: HashSet<Key>,
}

/// What a glimpse saw.
#[derive(Debug)]
pub struct Glimpse {
    /// Database time just before the rows were read.
    pub read_at: DateTime<Utc>,
    /// The horizon for the next look.
    pub horizon: String,
    /// What has to be written.
    pub findings: Vec<Finding>,
    /// More rows were written than a glimpse is for: a full pass is wanted.
    pub many: bool,
    /// How long it took.
    pub cost: Duration,
}

/// Looks at what was written since. `None`: this source does not tell.
pub async fn glimpse(
    ledger: &Ledger,
    board: &Board,
    snapshot: &mut Snapshot,
    since: &Since,
) -> Result<Option<Glimpse>, PassError> {
    let started = Instant::now();
    let most = i64::try_from(KEPT_PAGES + 1).unwrap_or(i64::MAX);
    let Some(rows) = snapshot
        .written_since(&board.dashboard, &since.horizon, most)
        .await?
    else {
        return Ok(None);
    };
    let mut seen = Glimpse {
        read_at: snapshot.read_at(),
        horizon: snapshot.horizon().to_owned(),
        findings: Vec::new(),
        many: rows.len() > KEPT_PAGES,
        cost: Duration::ZERO,
    };
    if !seen.many && !rows.is_empty() && !ledger.word(board.name()).await?.paused {
        let keys: Vec<Key> = rows.iter().map(|row| row.key.clone()).collect();
        let known = ledger.known(board.name(), &keys).await?;
        let differ: Vec<Key> = rows
            .iter()
            .filter(|row| {
                !since.in_flight.contains(&row.key)
                    && known.get(&row.key).is_none_or(|known| {
                        known.page_id.is_some()
                            && (known.state != State::Synced || known.source_hash != Some(row.hash))
                    })
            })
            .map(|row| row.key.clone())
            .collect();
        let newness: HashMap<&Key, i64> = rows.iter().map(|row| (&row.key, row.newness)).collect();
        let pages = alone(snapshot.pages(&board.dashboard, &differ).await?);
        seen.findings = examine(ledger, board, pages, true).await?;
        for finding in &mut seen.findings {
            finding.newness = newness.get(&finding.key).copied().unwrap_or_default();
        }
    }
    seen.cost = started.elapsed();
    Ok(Some(seen))
}

/// Rows that share their key with another one are for the full pass to report.
fn alone(pages: Vec<DesiredPage>) -> Vec<DesiredPage> {
    let mut counts: HashMap<Key, usize> = HashMap::new();
    for page in &pages {
        *counts.entry(page.key.clone()).or_default() += 1;
    }
    pages
        .into_iter()
        .filter(|page| counts[&page.key] == 1 && !page.key.is_empty())
        .collect()
}
