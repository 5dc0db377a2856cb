//! A row as Postgres projects it, and the page that it should have.
//!
//! A row travels as text: one [`Cell`] a property, in the canonical text form of Postgres under the settings of
//! [`crate::source::Snapshot`] (UTC, ISO dates). What a cell becomes is decided by the kind of its property, and
//! whatever Notion cannot hold is cut or converted to a valid value, with a sentence about it in the page's
//! note. No row is ever refused here.

use crate::dashboard::Dashboard;
use crate::page::{DesiredPage, Key, SourceHash};

mod cell;
mod limits;
mod size;

pub(crate) use limits::LONGEST_TEXT;

/// Number of this mapping from rows to pages. It is part of every [`Dashboard::digest`]: raise it with a change
/// that makes other pages of the same rows, and every row is looked at again.
pub(crate) const MAPPING: u32 = 2;

/// A version of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The row's key.
    pub key: Key,
    /// Hash of all its cells.
    pub source_hash: SourceHash,
    /// One cell for each of [`Dashboard::data_properties`].
    pub cells: Vec<Cell>,
}

/// What a row has for a property.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// The text form; for lists (multi-select, relation) a JSON array. `None` for null.
    pub text: Option<String>,
    /// Characters of the whole text, of which `text` may be only the beginning.
    pub characters: Option<usize>,
}

impl Row {
    /// The page that this row should have on `dashboard`.
    ///
    /// # Panics
    /// If the row has another number of cells than the dashboard has properties with data.
    pub fn page(self, dashboard: &Dashboard) -> DesiredPage {
        let properties: Vec<_> = dashboard.data_properties().collect();
        assert_eq!(
            properties.len(),
            self.cells.len(),
            "a row has one cell a property"
        );
        let mut notes = Vec::new();
        let mut values = Vec::with_capacity(properties.len());
        for (property, cell) in properties.iter().zip(self.cells) {
            let (value, note) = cell::value(&property.kind, cell);
            values.push(value);
            notes.extend(note.map(|note| format!("{}: {note}", property.name)));
        }
        size::shrink(&self.key, &properties, &mut values, &mut notes);
        DesiredPage {
            key: self.key,
            source_hash: self.source_hash,
            values,
            note: limits::note(&notes),
        }
    }
}

#[cfg(test)]
mod tests;
