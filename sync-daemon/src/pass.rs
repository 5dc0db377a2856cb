//! A pass: compare a dashboard's source with the ledger and find what has to be written.
//!
//! Level-triggered: a pass re-reads everything that it decides on, so what an earlier one missed or failed to
//! write, this one finds, as far as the ledger is right: what people change in Notion it does not see, `verify`
//! does. It writes nothing but the ledger's notes on pages that need no write.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::backlog::Wanted;
use crate::board::Board;
use crate::ledger::{Doubt, Glance, Ledger};
use crate::limit::{Extent, Refused};
use crate::page::{DesiredPage, Key, SourceHash};
use crate::people::Ids;
use crate::reconcile::{Known, State, Step, Want, decide};
use crate::source::{RowError, RowHash, Snapshot, SourceError};

/// Rows that become pages at a time: each can be half a megabyte.
pub(crate) const ROWS_AT_ONCE: usize = 200;

/// Findings up to which a pass keeps their pages; of more it keeps what the rows' versions are, and they are read
/// again when their turn comes.
pub(crate) const KEPT_PAGES: usize = 50;

/// What the pass need not look at, because the backlog has it.
#[derive(Debug, Default, Clone)]
pub struct Queued {
    /// Row versions that wait.
    pub waiting: HashMap<Key, Option<SourceHash>>,
    /// Pages whose write is under way.
    pub in_flight: HashSet<Key>,
    /// Whether the dashboard's definition changed since all its pages were examined: row hashes prove nothing.
    pub examine_all: bool,
    /// Whether every finding is wanted with its step, however many there are: for people who ask for a plan.
    pub whole: bool,
}

/// What a pass found.
#[derive(Debug)]
pub struct Pass {
    /// Rows of the source.
    pub rows: usize,
    /// Database time just before the rows were read.
    pub read_at: DateTime<Utc>,
    /// What has to be written, in key order.
    pub findings: Vec<Finding>,
    /// Keys whose row version waits in the backlog already.
    pub unchanged: BTreeSet<Key>,
    /// Creates whose answer is not known.
    pub doubts: Vec<Doubt>,
    /// Rows that cannot become pages.
    pub row_errors: Vec<RowError>,
    /// Why nothing of it may be written, if so.
    pub held_up: Option<HeldUp>,
    /// The oldest transaction that ran when the rows were read, for the next glimpse.
    pub horizon: String,
    /// How long it took.
    pub cost: Duration,
}

/// Why nothing that a pass found may be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldUp {
    /// A person paused the dashboard.
    Paused,
    /// It goes beyond the safety limit, and nobody confirmed it.
    Limit(Refused),
}

/// One page that differs.
#[derive(Debug)]
pub struct Finding {
    /// The row's key.
    pub key: Key,
    /// What should stand.
    pub wanted: Wanted,
    /// What would be done about it now; not kept of many.
    pub step: Option<Step>,
    /// Whether that makes a page.
    pub creates: bool,
    /// Dashboards and keys of the rows that it points to.
    pub needs: Vec<(String, Key)>,
    /// The larger, the newer the row, of the rows of this dashboard.
    pub newness: i64,
    /// Properties that have a value in Notion and would get another one.
    pub changes: Vec<String>,
}

impl Finding {
    /// What decides its turn among those of its dashboard that are due at the same moment.
    pub fn turn(&self) -> (bool, std::cmp::Reverse<i64>, Key) {
        let gone = self.wanted == Wanted::Gone;
        (gone, std::cmp::Reverse(self.newness), self.key.clone())
    }
}

/// Why a pass failed.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The rows cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The ledger cannot be used.
    #[error("cannot use the ledger")]
    Ledger(#[from] sqlx::Error),
}

impl PassError {
    /// What a log may tell, where Postgres quotes values in what it says.
    pub fn without_data(&self) -> Option<String> {
        let Self::Source(SourceError::Database { source, .. }) = self else {
            return None;
        };
        let code = source.as_database_error()?.code()?;
        let quotes = ["22", "23", "P0"]
            .iter()
            .any(|class| code.starts_with(class));
        quotes.then(|| format!("{self}: SQLSTATE {code}; `claimboard-sync errors` has the words"))
    }

    /// Whether the database as a whole is out of reach, and not just this dashboard's rows.
    pub fn database_away(&self) -> bool {
        let (Self::Source(SourceError::Database { source, .. }) | Self::Ledger(source)) = self
        else {
            return false;
        };
        !matches!(source, sqlx::Error::Database(error) if !away_code(error.code().as_deref()))
    }
}

/// SQLSTATEs that speak of the server and not of the statement (57014, a statement that took too long).
fn away_code(code: Option<&str>) -> bool {
    code.is_some_and(|code| {
        ["08", "53", "57P", "58"]
            .iter()
            .any(|class| code.starts_with(class))
    })
}

/// Compares one dashboard.
pub async fn pass(
    ledger: &Ledger,
    board: &Board,
    snapshot: &mut Snapshot,
    queued: &Queued,
) -> Result<Pass, PassError> {
    let started = Instant::now();
    let name = board.name();
    let read = snapshot.hashes(&board.dashboard).await?;
    let glances = ledger.glances(name).await?;
    let examine_all = queued.examine_all;

    let mut unchanged = BTreeSet::new();
    let mut changed = Vec::new();
    for RowHash { key, hash, newness } in &read.rows {
        if queued.in_flight.contains(key) || is_current(glances.get(key), *hash, examine_all) {
            continue;
        }
        match queued.waiting.get(key) {
            Some(Some(waiting)) if waiting == hash => {
                unchanged.insert(key.clone());
            }
            _ => changed.push((key.clone(), *newness)),
        }
    }
    let mut findings = Vec::new();
    let whole = queued.whole || changed.len() <= KEPT_PAGES;
    if !whole && !board.has_relations() {
        // A row that was never written and points to nothing: there is nothing to look at before its turn.
        let new = |key: &Key| !glances.contains_key(key);
        let hashes: HashMap<&str, SourceHash> = read
            .rows
            .iter()
            .map(|row| (row.key.as_str(), row.hash))
            .collect();
        let (created, rest): (Vec<_>, Vec<_>) = changed.into_iter().partition(|(key, _)| new(key));
        // What lies in the trash is known and has no glance.
        let keys: Vec<Key> = created.iter().map(|(key, _)| key.clone()).collect();
        let trashed = ledger.trashed(name, &keys).await?;
        changed = rest;
        for (key, newness) in created {
            if trashed.contains(&key) {
                changed.push((key, newness));
            } else {
                findings.push(Finding {
                    wanted: Wanted::Row(hashes[key.as_str()]),
                    key,
                    step: None,
                    creates: true,
                    needs: Vec::new(),
                    newness,
                    changes: Vec::new(),
                });
            }
        }
    }
    for some in changed.chunks(ROWS_AT_ONCE) {
        let newness: HashMap<&str, i64> =
            some.iter().map(|(key, new)| (key.as_str(), *new)).collect();
        let keys: Vec<Key> = some.iter().map(|(key, _)| key.clone()).collect();
        let pages = snapshot.pages(&board.dashboard, &keys).await?;
        for mut finding in examine(ledger, board, pages, whole).await? {
            finding.newness = newness
                .get(finding.key.as_str())
                .copied()
                .unwrap_or_default();
            findings.push(finding);
        }
    }
    let row_errors = read.errors;

    // A row that cannot be read is not a row that is gone.
    let kept: HashSet<&Key> = read
        .rows
        .iter()
        .map(|row| &row.key)
        .chain(row_errors.iter().filter_map(|error| error.key.as_ref()))
        .collect();
    let gone: Vec<Key> = glances
        .iter()
        .filter(|(key, glance)| {
            glance.has_page
                && glance.state != State::Trashed
                && !kept.contains(key)
                && !queued.in_flight.contains(*key)
        })
        .map(|(key, _)| key.clone())
        .collect();
    let mut extent = Extent {
        pages: glances
            .values()
            .filter(|glance| glance.has_page && glance.state != State::Trashed)
            .count(),
        rows: read.rows.len() + row_errors.len(),
        trashes: gone
            .iter()
            .filter(|key| !glances[*key].confirmed)
            .cloned()
            .collect(),
        changes: BTreeMap::new(),
    };
    let word = ledger.word(name).await?;
    for property in findings.iter().flat_map(|finding| &finding.changes) {
        if !word.changes.contains(property) {
            *extent.changes.entry(property.clone()).or_default() += 1;
        }
    }
    // A person's word for a page holds for the trashing that was shown, not for one of another day.
    let stale: Vec<&Key> = glances
        .iter()
        .filter(|(key, glance)| glance.confirmed && kept.contains(key))
        .map(|(key, _)| key)
        .collect();
    ledger.take_back_word(name, &stale).await?;
    let held_up = if word.paused {
        Some(HeldUp::Paused)
    } else {
        let judged = board.dashboard.limit.judge(name, &extent);
        judged.err().map(HeldUp::Limit)
    };
    let known = ledger.known(name, &gone).await?;
    findings.extend(gone.into_iter().map(|key| {
        let step = decide(&Want::Absent, known.get(&key));
        Finding {
            key,
            wanted: Wanted::Gone,
            step: Some(step),
            creates: false,
            needs: Vec::new(),
            newness: 0,
            changes: Vec::new(),
        }
    }));

    Ok(Pass {
        rows: read.rows.len(),
        read_at: snapshot.read_at(),
        findings,
        unchanged,
        doubts: ledger
            .doubts(name)
            .await?
            .into_iter()
            .filter(|doubt| !queued.in_flight.contains(&doubt.key))
            .collect(),
        row_errors,
        held_up,
        horizon: snapshot.horizon().to_owned(),
        cost: started.elapsed(),
    })
}

fn is_current(glance: Option<&Glance>, hash: SourceHash, examine_all: bool) -> bool {
    glance.is_some_and(|glance| {
        let in_doubt = !glance.has_page;
        let same = glance.state == State::Synced && glance.source_hash == Some(hash);
        in_doubt || (same && !glance.unresolved && !examine_all)
    })
}

/// Decides page by page; pages that stand as wanted are noted in the ledger and left out.
pub(crate) async fn examine(
    ledger: &Ledger,
    board: &Board,
    pages: Vec<DesiredPage>,
    whole: bool,
) -> Result<Vec<Finding>, PassError> {
    let keys: Vec<Key> = pages.iter().map(|page| page.key.clone()).collect();
    let known = ledger.known(board.name(), &keys).await?;
    let wanted: Vec<_> = pages.iter().map(|page| board.named_values(page)).collect();
    let values: Vec<_> = wanted.iter().map(Vec::as_slice).collect();
    let ids = Ids::known(ledger, board, &values).await?;

    let mut findings = Vec::new();
    let mut current = Vec::new();
    for (page, mut values) in pages.into_iter().zip(wanted) {
        let needs = board
            .relations(&values)
            .flat_map(|(related, keys)| keys.iter().map(|key| (related.to_owned(), key.clone())))
            .filter(|(related, key)| related != board.name() || *key != page.key)
            .collect();
        let unresolved = !ids.resolve(board, &mut values);
        let known = known.get(&page.key);
        match decide(&Want::Present(values), known) {
            Step::Nothing => current.push((page.key, page.source_hash, unresolved)),
            Step::LookUp => {}
            step => findings.push(Finding {
                key: page.key.clone(),
                changes: changed(&step, known),
                creates: matches!(step, Step::Create(_)),
                wanted: if whole {
                    Wanted::Page(Box::new(page))
                } else {
                    Wanted::Row(page.source_hash)
                },
                step: whole.then_some(step),
                needs,
                newness: 0,
            }),
        }
    }
    if !current.is_empty() {
        ledger.acknowledge(board.name(), &current).await?;
    }
    Ok(findings)
}

/// Names of the properties that get another value than the one that stands; filling an empty one is no change.
fn changed(step: &Step, known: Option<&Known>) -> Vec<String> {
    let Some(known) = known else {
        return Vec::new();
    };
    step.values()
        .iter()
        .map(|(name, _)| name)
        .filter(|name| known.fingerprints.contains_key(*name))
        .cloned()
        .collect()
}
