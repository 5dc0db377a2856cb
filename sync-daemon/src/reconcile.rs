//! What to write: decided from what is wanted and what is known, without I/O or clock.
//!
//! The same function decides what `plan` shows and what the writer sends, so a plan is what happens.

use std::collections::BTreeMap;

use crate::dashboard::NOTE_PROPERTY;
use crate::notion::PageId;
use crate::page::{Fingerprint, Key, SourceHash, Value, pieces};

/// A property's name and value.
pub type NamedValue = (String, Value);

/// What should stand in Notion for a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Want {
    /// A page with these values, relations resolved to page ids.
    Present(Vec<NamedValue>),
    /// No page.
    Absent,
}

/// What the ledger knows of a key's page. No entry at all: certainly never written.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// How sure we are.
    pub state: State,
    /// The page; absent only while a create is in doubt.
    pub page_id: Option<PageId>,
    /// The row version that the page shows.
    pub source_hash: Option<SourceHash>,
    /// What stands in each property, as far as it is certain.
    pub fingerprints: BTreeMap<String, Fingerprint>,
}

/// How sure we are of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A write was sent and its answer is not known.
    InDoubt,
    /// The last write was answered.
    Synced,
    /// In Notion's trash, by our hand.
    Trashed,
}

/// The one next step for a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Create the page.
    Create(Vec<NamedValue>),
    /// Write these properties.
    Update(PageId, Vec<NamedValue>),
    /// Take the page out of the trash, and write these properties.
    Restore(PageId, Vec<NamedValue>),
    /// Move the page to the trash.
    Trash(PageId),
    /// A create is in doubt: look the page up by its key before anything else.
    LookUp,
    /// Everything stands as wanted.
    Nothing,
}

/// Replaces keys in relations by page ids. Returns how many keys have no page (yet).
pub fn resolve_relations(
    values: &mut [NamedValue],
    page_of: impl Fn(&str, &Key) -> Option<PageId>,
) -> usize {
    let mut unresolved = 0;
    for (property, value) in values {
        if let Value::Relation(keys) = value {
            let pages: Vec<_> = keys
                .iter()
                .filter_map(|key| page_of(property, key))
                .collect();
            unresolved += keys.len() - pages.len();
            *keys = pages.iter().map(ToString::to_string).collect();
        }
    }
    unresolved
}

/// Replaces addresses of people by ids of users. Whoever is not known is named in the page's note, and here.
pub fn resolve_people(
    values: &mut [NamedValue],
    user_of: impl Fn(&str) -> Option<uuid::Uuid>,
) -> Vec<String> {
    let (mut strangers, mut notes) = (Vec::new(), Vec::new());
    for (property, value) in values.iter_mut() {
        let Value::People(addresses) = value else {
            continue;
        };
        let mut users: Vec<String> = Vec::new();
        for address in std::mem::take(addresses) {
            if let Some(user) = user_of(&address) {
                users.push(user.to_string());
            } else {
                notes.push(format!("{property}: {address} is nobody of this workspace"));
                strangers.push(address);
            }
        }
        *addresses = users;
    }
    let note = values.iter_mut().find(|(name, _)| name == NOTE_PROPERTY);
    if let Some((_, Value::Text(note))) = note {
        notes.insert(0, std::mem::take(note));
        notes.retain(|one| !one.is_empty());
        let whole = notes.join("\n");
        note.push_str(pieces(&whole).next().unwrap_or_default());
    }
    strangers
}

/// Decides the next step for one key.
pub fn decide(want: &Want, known: Option<&Known>) -> Step {
    match (want, known) {
        (Want::Present(values), None) => Step::Create(values.clone()),
        (Want::Absent, None) => Step::Nothing,
        (_, Some(known)) => match (known.page_id, want) {
            (None, _) => Step::LookUp,
            (Some(_), Want::Absent) if known.state == State::Trashed => Step::Nothing,
            (Some(page), Want::Absent) => Step::Trash(page),
            (Some(page), Want::Present(values)) => {
                let changed = changes(values, &known.fingerprints);
                match known.state {
                    State::Trashed => Step::Restore(page, changed),
                    // Whether it lies in the trash is as unknown as what stands in it.
                    State::InDoubt if known.fingerprints.is_empty() => Step::Restore(page, changed),
                    _ if changed.is_empty() => Step::Nothing,
                    _ => Step::Update(page, changed),
                }
            }
        },
    }
}

fn changes(values: &[NamedValue], fingerprints: &BTreeMap<String, Fingerprint>) -> Vec<NamedValue> {
    values
        .iter()
        .filter(|(name, value)| fingerprints.get(name) != Some(&value.fingerprint()))
        .cloned()
        .collect()
}

impl Step {
    /// The kind of write, as logs and the ledger call it; `None` if nothing is written.
    pub fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Create(_) => Some("create"),
            Self::Update(..) => Some("update"),
            Self::Restore(..) => Some("restore"),
            Self::Trash(_) => Some("trash"),
            Self::LookUp | Self::Nothing => None,
        }
    }

    /// The page that the step changes; `None` for one that does not exist yet.
    pub fn page(&self) -> Option<PageId> {
        match self {
            Self::Update(page, _) | Self::Restore(page, _) | Self::Trash(page) => Some(*page),
            Self::Create(_) | Self::LookUp | Self::Nothing => None,
        }
    }

    /// The properties that the step writes.
    pub fn values(&self) -> &[NamedValue] {
        match self {
            Self::Create(values) | Self::Update(_, values) | Self::Restore(_, values) => values,
            Self::Trash(_) | Self::LookUp | Self::Nothing => &[],
        }
    }
}

#[cfg(test)]
mod tests;
