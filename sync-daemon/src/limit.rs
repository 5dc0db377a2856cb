//! The safety limit: what a dashboard may lose, or have rewritten, without a person's word. Pure.
//!
//! A source that comes back empty, a view whose filter went wrong, a mapping or a time zone that changed: each
//! looks to the daemon like work to be done, and wipes or rewrites a board that everybody looks at. So a pass
//! that would trash or change too much of a dashboard is refused as a whole, until a person has seen the plan
//! and confirmed its checksum. What was confirmed is written down page by page, and counts no more.

use std::collections::BTreeMap;
use std::fmt;

use crate::page::{Fingerprint, Key};

/// Dashboards with fewer pages are too small for shares to mean anything.
pub const SMALLEST: usize = 10;

/// What a dashboard's schema file allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Trashes; `None`: any number, because an empty source is normal there.
    pub trashes: Option<Trashes>,
    /// Percentage of the pages on which one property may change; `None`: all.
    pub changes: Option<usize>,
}

/// How many pages may go to the trash: whichever is reached first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trashes {
    /// Percentage of the dashboard's pages.
    pub percent: usize,
    /// Number of pages.
    pub pages: usize,
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            trashes: Some(Trashes {
                percent: 20,
                pages: 50,
            }),
            changes: Some(90),
        }
    }
}

/// What a pass over a dashboard would do to what stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extent {
    /// Pages that stand, before anything is done.
    pub pages: usize,
    /// Rows of the source.
    pub rows: usize,
    /// Rows whose pages would be trashed, as far as nobody confirmed it.
    pub trashes: Vec<Key>,
    /// On how many pages each property would get another value than it has.
    pub changes: BTreeMap<String, usize>,
}

/// Why a pass is refused, and what confirms it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refused {
    /// The dashboard.
    pub dashboard: String,
    /// Rows whose pages would be trashed.
    pub trashes: Vec<Key>,
    /// Properties that would change on too many pages.
    pub changes: Vec<String>,
    /// What went beyond which threshold, in words.
    pub reason: String,
    /// Of exactly these trashes and changes: with more, it is another one.
    pub checksum: Fingerprint,
}

impl Limit {
    /// Whether a pass may be carried out.
    pub fn judge(&self, dashboard: &str, extent: &Extent) -> Result<(), Refused> {
        if extent.pages < SMALLEST {
            return Ok(());
        }
        let mut reasons = Vec::new();
        let trashes = extent.trashes.len();
        if let Some(most) = self.trashes
            && trashes > 0
        {
            if extent.rows == 0 {
                reasons.push(format!(
                    "its source was not empty and is now, and all {trashes} pages would go"
                ));
            } else if trashes > most.pages || trashes * 100 > extent.pages * most.percent {
                reasons.push(format!(
                    "{trashes} of {} pages would go, more than {} % or {}",
                    extent.pages, most.percent, most.pages
                ));
            }
        }
        let trashed = if reasons.is_empty() {
            Vec::new()
        } else {
            extent.trashes.clone()
        };
        let changed: Vec<String> = self.changes.map_or_else(Vec::new, |percent| {
            extent
                .changes
                .iter()
                .filter(|(_, pages)| **pages * 100 > extent.pages * percent)
                .map(|(property, _)| property.clone())
                .collect()
        });
        if let Some(percent) = self.changes
            && !changed.is_empty()
        {
            reasons.push(format!(
                "{} would change on more than {percent} % of {} pages, as after a mistake in a mapping or a time zone",
                changed.join(", "),
                extent.pages
            ));
        }
        if reasons.is_empty() {
            return Ok(());
        }
        let whole = serde_json::json!([dashboard, trashed, changed]);
        Err(Refused {
            dashboard: dashboard.to_owned(),
            trashes: trashed,
            changes: changed,
            reason: reasons.join("; "),
            checksum: Fingerprint::of(whole.to_string().as_bytes()),
        })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the safety limit holds it up: {}; look at `claimboard-sync plan`, and if this is meant, \
             run `claimboard-sync apply --confirm {}`",
            self.reason, self.checksum
        )
    }
}

#[cfg(test)]
mod tests;
