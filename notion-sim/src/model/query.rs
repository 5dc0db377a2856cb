//! Filters and sorts over the rows of a data source.

mod condition;
mod filter;
mod order;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub(crate) use condition::FILTERS;
pub(crate) use filter::Filter;
pub(crate) use order::Sort;

use super::formula::Computed;
use super::workspace::{Page, Workspace, minute};

fn instant(at: DateTime<Utc>) -> Computed {
    Computed::Date {
        start: minute(at),
        end: None,
        day: false,
    }
}

pub(super) fn blank(value: &Computed) -> bool {
    match value {
        Computed::Empty => true,
        Computed::Text(text) => text.is_empty(),
        Computed::List(items) => items.is_empty(),
        Computed::Number(_) | Computed::Boolean(_) | Computed::Date { .. } => false,
    }
}

/// How much of a result is looked for: a look at every row takes long when there are thousands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Enough {
    All,
    /// So many rows from this one on, or from the start.
    From(Option<Uuid>, usize),
}

impl Enough {
    fn of<'a>(self, rows: impl Iterator<Item = &'a Page>) -> Vec<&'a Page> {
        let Self::From(first, count) = self else {
            return rows.collect();
        };
        let mut left = first.is_none().then_some(count);
        let mut found = Vec::new();
        for row in rows {
            if left.is_none() && Some(row.id) == first {
                left = Some(count);
            }
            found.push(row);
            if let Some(left) = &mut left {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    break;
                }
            }
        }
        found
    }
}

/// The rows that stand and match, in the asked order; without one, the newest first. Archived rows are a world of their own.
pub(crate) fn run<'a>(
    workspace: &'a mut Workspace,
    source: Uuid,
    filter: Option<&Filter>,
    sorts: &[Sort],
    enough: Enough,
    (archived, now): (bool, DateTime<Utc>),
) -> Vec<&'a Page> {
    let candidates = filter.and_then(|filter| filter.candidates(workspace, source));
    let workspace = &*workspace;
    let keeps = |page: &&Page| {
        !page.in_trash
            && page.is_archived == archived
            && filter.is_none_or(|filter| filter.keeps(workspace, page, now))
    };
    let rows: Vec<&Page> = match candidates {
        Some(ids) => {
            let by_number: BTreeMap<u64, &Page> = ids
                .iter()
                .filter_map(|id| workspace.pages.get(id))
                .map(|page| (page.number, page))
                .collect();
            by_number.into_values().rev().filter(keeps).collect()
        }
        None if sorts.is_empty() => enough.of(workspace.rows(source).rev().filter(keeps)),
        None => {
            let rows = workspace.rows(source).filter(keeps);
            return order::ordered(workspace, rows, sorts, enough, now);
        }
    };
    if sorts.is_empty() {
        return rows;
    }
    order::ordered(workspace, rows.into_iter(), sorts, enough, now)
}
