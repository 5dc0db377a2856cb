//! Why a row's page looks as it does: what is wanted, what is known, and what happened.

use std::fmt;

use sqlx::PgPool;

use crate::board::Board;
use crate::brief::Briefs;
use crate::ledger::{Ledger, Write};
use crate::notion::PageId;
use crate::page::{Key, SourceHash};
use crate::pass::{Finding, PassError, Queued, pass};
use crate::people::Ids;
use crate::reconcile::{NamedValue, State, Step, Want, decide};
use crate::source::Snapshot;

/// Everything that explains one page.
#[derive(Debug, serde::Serialize)]
pub struct Why {
    /// The dashboard.
    pub dashboard: String,
    /// The row.
    pub key: Key,
    /// In one sentence.
    pub because: String,
    /// The page, if one is known.
    pub page: Option<PageId>,
    /// The version of the row now; none if there is no row.
    pub row_version: Option<SourceHash>,
    /// The version of the row that the page shows, as far as that is certain.
    pub shown_version: Option<SourceHash>,
    /// Every property as it should be.
    pub wanted: Vec<NamedValue>,
    /// Names of properties in which the page differs from that, or may.
    pub differing: Vec<String>,
    /// What was last written to each property, cut short.
    pub shown: Briefs,
    /// Its place among the rows of the dashboard that differ from their pages, in the order in which they leave, and
    /// how many there are; nothing if it does not differ.
    pub place: Option<(usize, usize)>,
    /// Pages of the dashboard that wait to be written, as the daemon last said.
    pub waiting: i64,
    /// Writes that failed since the last that succeeded.
    pub attempts: usize,
    /// Why the row cannot be written, or the dashboard stands still.
    pub problem: Option<String>,
    /// The last writes, newest first.
    pub history: Vec<Write>,
}

/// Explains one page.
pub async fn why(
    pool: &PgPool,
    ledger: &Ledger,
    board: &Board,
    key: &Key,
) -> Result<Why, PassError> {
    let name = board.name();
    let keys = std::slice::from_ref(key);
    let mut snapshot = Snapshot::begin(pool).await.map_err(PassError::Ledger)?;
    let row = snapshot.pages(&board.dashboard, keys).await?.pop();
    let known = ledger.known(name, keys).await?.remove(key);
    let row_version = row.as_ref().map(|page| page.source_hash);
    let want = match &row {
        None => Want::Absent,
        Some(page) => {
            let mut values = board.named_values(page);
            let ids = Ids::known(ledger, board, &[&values]).await?;
            ids.resolve(board, &mut values);
            Want::Present(values)
        }
    };
    let step = decide(&want, known.as_ref());
    let place = match step {
        Step::Nothing => None,
        _ => place(ledger, board, &mut snapshot, key).await?,
    };
    let shown = ledger.shown(name, keys).await?.remove(key);
    let history = ledger.history(name, key).await?;
    let summary = ledger
        .summaries()
        .await?
        .into_iter()
        .find(|one| one.name == name);
    let problem = ledger
        .problems()
        .await?
        .into_iter()
        .find(|problem| problem.dashboard == name && problem.key == *key)
        .map(|problem| problem.problem)
        .or_else(|| summary.as_ref().and_then(|one| one.problem.clone()));
    let in_doubt = known
        .as_ref()
        .is_some_and(|known| known.state == State::InDoubt);
    Ok(Why {
        dashboard: name.to_owned(),
        key: key.clone(),
        because: because(&step, row.is_some(), in_doubt, problem.as_deref()),
        page: known.as_ref().and_then(|known| known.page_id),
        row_version,
        shown_version: known.as_ref().and_then(|known| known.source_hash),
        differing: step.values().iter().map(|(name, _)| name.clone()).collect(),
        wanted: match want {
            Want::Present(values) => values,
            Want::Absent => Vec::new(),
        },
        shown: shown.unwrap_or_default(),
        place,
        waiting: summary.map_or(0, |one| one.backlog),
        attempts: history
            .iter()
            .take_while(|write| write.outcome.as_deref() != Some("written"))
            .count(),
        problem,
        history,
    })
}

async fn place(
    ledger: &Ledger,
    board: &Board,
    snapshot: &mut Snapshot,
    key: &Key,
) -> Result<Option<(usize, usize)>, PassError> {
    let queued = Queued {
        examine_all: !board.is_examined(),
        ..Queued::default()
    };
    let mut findings = pass(ledger, board, snapshot, &queued).await?.findings;
    findings.sort_by_key(Finding::turn);
    let place = findings.iter().position(|finding| finding.key == *key);
    Ok(place.map(|before| (before + 1, findings.len())))
}

fn because(step: &Step, has_row: bool, in_doubt: bool, problem: Option<&str>) -> String {
    let state = match step {
        Step::Nothing if !has_row => "there is no row of this key, and no page of it either",
        Step::Nothing => "the page shows the row",
        Step::LookUp => {
            "a create was sent and its answer is not known; it is looked up before another is sent"
        }
        Step::Create(_) => "the row has no page yet; one is to be made",
        Step::Restore(..) => "the page lies in the trash, and its row stands; it is to be restored",
        Step::Trash(_) => "the row is gone; its page is to be trashed",
        Step::Update(..) if in_doubt => {
            "a write was sent and its answer is not known; the page is to be written again"
        }
        Step::Update(..) => "the row has changed; the page is to be updated",
    };
    match (step, problem) {
        (Step::Nothing, _) | (_, None) => state.to_owned(),
        (_, Some(problem)) => format!("{state}, but {problem}"),
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}: {}", self.dashboard, self.key, self.because)?;
        if let Some(page) = self.page {
            writeln!(f, "page     https://www.notion.so/{}", page.simple())?;
        }
        let version = |version: Option<SourceHash>| {
            version.map_or_else(|| "none".to_owned(), |hash| hash.to_string())
        };
        writeln!(f, "row      version {}", version(self.row_version))?;
        writeln!(f, "shown    version {}", version(self.shown_version))?;
        for (name, value) in &self.wanted {
            let mark = if self.differing.contains(name) {
                '*'
            } else {
                ' '
            };
            let value = serde_json::to_string(value).unwrap_or_default();
            writeln!(f, "wanted {mark} {name} = {value}")?;
        }
        for (name, value) in &self.shown {
            writeln!(f, "written  {name} = {value:?}")?;
        }
        if let Some((place, all)) = self.place {
            writeln!(
                f,
                "queue    place {place} of {all} that differ on this dashboard"
            )?;
        }
        writeln!(
            f,
            "backlog  {} pages of this dashboard wait; {} attempts failed",
            self.waiting, self.attempts
        )?;
        for write in &self.history {
            writeln!(
                f,
                "{}  {} {}: {}",
                write.sent_at.format("%F %T"),
                write.kind,
                write.properties.join(", "),
                write.outcome.as_deref().unwrap_or("not answered yet")
            )?;
        }
        Ok(())
    }
}
