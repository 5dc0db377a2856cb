//! What people changed in cells that the daemon owns. Pure.
//!
//! Notion answers every write with the whole page, so an edit beside what was written is seen for nothing; a
//! query for pages that somebody else edited lately sees the rest. What is found is recorded, and healed by the
//! next pass, because the ledger then says what really stands.

use std::collections::BTreeMap;

use crate::page::{Fingerprint, Value};
use crate::reconcile::NamedValue;

/// Properties that stand otherwise than the ledger says. `written`: those of the write that is answered here.
///
/// A property that is not in `standing` is left out: it was retyped or deleted, which concerns the whole database.
pub fn drifted(
    known: &BTreeMap<String, Fingerprint>,
    written: &[NamedValue],
    standing: Vec<NamedValue>,
) -> Vec<NamedValue> {
    standing
        .into_iter()
        .filter(|(name, value)| {
            let ours = known.get(name);
            ours.is_some_and(|ours| *ours != value.fingerprint())
                && !written.iter().any(|(written, _)| written == name)
                && !is_cut(value)
        })
        .collect()
}

/// Notion answers with the first 25 pages of a relation.
fn is_cut(value: &Value) -> bool {
    matches!(value, Value::Relation(pages) if pages.len() >= 25)
}

#[cfg(test)]
mod tests;
