//! Compares every row with its page, trusting neither the ledger nor the backlog: rows are read from
//! Postgres, pages from Notion, and relations are resolved by the keys that the pages carry.

use std::collections::{HashMap, HashSet};

use sqlx::PgPool;

use crate::board::{Board, ReadPage};
use crate::ledger::Ledger;
use crate::notion::{Client, Error as NotionError, Gate, PageId, listing};
use crate::page::{DesiredPage, Key, Value};
use crate::pass::ROWS_AT_ONCE;
use crate::people::Ids;
use crate::reconcile::NamedValue;
use crate::source::{Snapshot, SourceError};

/// The difference between rows and pages.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verdict {
    /// Rows that should have a page.
    pub rows: usize,
    /// Pages that carry a key.
    pub pages: usize,
    /// Rows without a page.
    pub missing: usize,
    /// Pages without a row, and second pages of one row.
    pub extra: usize,
    /// Pages that show something else than their row.
    pub different: usize,
    /// The same, dashboard by dashboard.
    pub dashboards: Vec<BoardVerdict>,
}

/// One dashboard's part of a [`Verdict`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BoardVerdict {
    /// The dashboard.
    pub name: String,
    /// Rows that should have a page.
    pub rows: usize,
    /// Pages that carry a key.
    pub pages: usize,
    /// Rows without a page.
    pub missing: usize,
    /// Pages without a row, and second pages of one row.
    pub extra: usize,
    /// Pages that show something else than their row.
    pub different: usize,
    /// Up to ten of them, for people.
    pub examples: Vec<String>,
}

/// Why the comparison could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pages cannot be read.
    #[error("cannot read the pages of dashboard {0:?}")]
    Notion(String, #[source] NotionError),
    /// The rows cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The database cannot be used.
    #[error("cannot read the rows")]
    Database(#[from] sqlx::Error),
}

impl Verdict {
    /// Whether every row has exactly one page that shows it, and nothing else stands.
    pub fn is_clean(&self) -> bool {
        self.missing + self.extra + self.different == 0
    }
}

/// Compares all boards. `progress` is told after each.
pub async fn verify(
    pool: &PgPool,
    ledger: &Ledger,
    client: &Client,
    gate: &Gate,
    boards: &[Board],
    mut progress: impl FnMut(&str),
) -> Result<Verdict, Error> {
    // What the daemon says of itself changes while anybody looks.
    let boards: Vec<&Board> = boards
        .iter()
        .filter(|board| !board.shows_heartbeat())
        .collect();
    let mut pages = Vec::new();
    for board in &boards {
        progress(board.name());
        pages.push(read_pages(client, gate, board).await?);
    }
    let by_name = boards.iter().zip(&pages);
    let ids = Ids {
        pages: by_name
            .map(|(board, pages)| (board.name().to_owned(), oldest(pages)))
            .collect(),
        people: ledger.everybody().await?,
    };
    let mut dashboards = Vec::new();
    for (board, pages) in boards.iter().zip(&pages) {
        dashboards.push(compare(pool, board, pages, &ids).await?);
    }
    let total = |part: fn(&BoardVerdict) -> usize| dashboards.iter().map(part).sum();
    Ok(Verdict {
        rows: total(|one| one.rows),
        pages: total(|one| one.pages),
        missing: total(|one| one.missing),
        extra: total(|one| one.extra),
        different: total(|one| one.different),
        dashboards,
    })
}

async fn read_pages(client: &Client, gate: &Gate, board: &Board) -> Result<Vec<ReadPage>, Error> {
    let failed = |error| Error::Notion(board.name().to_owned(), error);
    let mut pages = Vec::new();
    for json in listing::all_pages(client, gate, board.binding.data_source_id)
        .await
        .map_err(failed)?
    {
        let Some(mut page) = board.read(&json) else {
            continue;
        };
        for (name, property) in board.cut_relations(&json) {
            let whole = listing::whole_relation(client, gate, page.id, property)
                .await
                .map_err(failed)?;
            for (known, value) in &mut page.values {
                if known == name {
                    *value = Value::Relation(whole.clone());
                }
            }
        }
        pages.push(page);
    }
    Ok(pages)
}

/// The page that counts for each key: the oldest, as everywhere.
fn oldest(pages: &[ReadPage]) -> HashMap<Key, PageId> {
    let mut oldest: HashMap<&Key, &ReadPage> = HashMap::new();
    for page in pages {
        let known = oldest.entry(&page.key).or_insert(page);
        if (page.created_at, page.id) < (known.created_at, known.id) {
            *known = page;
        }
    }
    oldest
        .into_iter()
        .map(|(key, page)| (key.clone(), page.id))
        .collect()
}

async fn compare(
    pool: &PgPool,
    board: &Board,
    pages: &[ReadPage],
    ids: &Ids,
) -> Result<BoardVerdict, Error> {
    let mut snapshot = Snapshot::begin(pool).await?;
    let rows = snapshot.hashes(&board.dashboard).await?;
    let keys: Vec<Key> = rows.rows.iter().map(|row| row.key.clone()).collect();

    let counted = &ids.pages[board.name()];
    let standing: HashMap<PageId, &ReadPage> = pages.iter().map(|page| (page.id, page)).collect();
    let mut verdict = BoardVerdict {
        name: board.name().to_owned(),
        rows: keys.len() + rows.errors.len(),
        pages: pages.len(),
        missing: rows.errors.len(),
        extra: pages.len() - counted.len(),
        different: 0,
        examples: Vec::new(),
    };
    for error in &rows.errors {
        verdict.example(format!("row without a page: {error}"));
    }
    for some in keys.chunks(ROWS_AT_ONCE) {
        for desired in snapshot.pages(&board.dashboard, some).await? {
            verdict.judge(board, &desired, ids, &standing);
        }
    }
    let unshown = rows.errors.iter().filter_map(|error| error.key.as_ref());
    let known: HashSet<&Key> = keys.iter().chain(unshown).collect();
    for key in counted.keys().filter(|key| !known.contains(*key)) {
        verdict.extra += 1;
        verdict.example(format!("page of {key:?} has no row"));
    }
    Ok(verdict)
}

impl BoardVerdict {
    /// Compares one row with its page.
    fn judge(
        &mut self,
        board: &Board,
        desired: &DesiredPage,
        ids: &Ids,
        standing: &HashMap<PageId, &ReadPage>,
    ) {
        let mut values = board.named_values(desired);
        ids.resolve(board, &mut values);
        // A body does not stand in the page as it is read.
        values.retain(|(_, value)| !matches!(value, Value::Body(_)));
        let page = ids.pages[board.name()]
            .get(&desired.key)
            .and_then(|id| standing.get(id));
        let Some(page) = page else {
            self.missing += 1;
            return self.example(format!("row {:?} has no page", desired.key));
        };
        let differing = differing(&values, page);
        if !differing.is_empty() {
            self.different += 1;
            self.example(format!(
                "row {:?} differs in {}",
                desired.key,
                differing.join(", ")
            ));
        }
    }

    fn example(&mut self, text: String) {
        if self.examples.len() < 10 {
            self.examples.push(text);
        }
    }
}

fn differing<'a>(wanted: &'a [NamedValue], page: &ReadPage) -> Vec<&'a str> {
    let standing: HashMap<&str, &Value> = page
        .values
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .collect();
    wanted
        .iter()
        .filter(|(name, value)| standing.get(name.as_str()) != Some(&value))
        .map(|(name, _)| name.as_str())
        .collect()
}
