//! What was asked and answered: counters, and the last requests one by one.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::api::Effect;

/// As many requests are remembered.
const CAPACITY: usize = 2_000;

/// What the server counted since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Requests to the API, refused ones included.
    pub requests: u64,
    /// Databases created.
    pub database_creates: u64,
    /// Data sources created or changed.
    pub schema_changes: u64,
    /// Pages created.
    pub page_creates: u64,
    /// Pages updated; trashing and restoring are counted on their own.
    pub page_updates: u64,
    /// Pages moved to the trash.
    pub page_trashes: u64,
    /// Pages taken out of the trash.
    pub page_restores: u64,
    /// Queries of data sources.
    pub queries: u64,
    /// Other successful reads.
    pub reads: u64,
    /// Answers 429, by the window or by a fault.
    pub rate_limited: u64,
    /// Other refusals with a status from 400 to 499.
    pub refused: u64,
    /// Answers from 500 up.
    pub failed: u64,
    /// Requests that met a fault.
    pub faults: u64,
}

/// One request.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) time: DateTime<Utc>,
    pub(crate) method: String,
    pub(crate) path: String,
    /// The endpoint's name, once the request was let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<&'static str>,
    pub(crate) status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
    /// What it took out of the request window.
    pub(crate) cost: u32,
    pub(crate) request_id: String,
    /// The object that was committed, even when the answer was an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) committed: Option<uuid::Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<&'static str>,
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    stats: Stats,
    entries: VecDeque<Entry>,
}

impl Journal {
    pub(crate) fn stats(&self) -> Stats {
        self.stats
    }

    /// Counts what a call did, whatever was answered.
    pub(crate) fn count_effect(&mut self, effect: Effect) {
        let stats = &mut self.stats;
        match effect {
            Effect::DatabaseCreated(_) => stats.database_creates += 1,
            Effect::SchemaChanged(_) => stats.schema_changes += 1,
            Effect::PageCreated(_) => stats.page_creates += 1,
            Effect::PageUpdated(_) => stats.page_updates += 1,
            Effect::PageTrashed(_) => stats.page_trashes += 1,
            Effect::PageRestored(_) => stats.page_restores += 1,
            Effect::Queried => stats.queries += 1,
            Effect::Read => stats.reads += 1,
            Effect::Changed(_) => {}
        }
    }

    pub(crate) fn enter(&mut self, mut entry: Entry) {
        self.stats.requests += 1;
        entry.number = self.stats.requests;
        match entry.status {
            429 => self.stats.rate_limited += 1,
            400..=499 => self.stats.refused += 1,
            500.. => self.stats.failed += 1,
            _ => {}
        }
        self.stats.faults += u64::from(entry.fault.is_some());
        if self.entries.len() == CAPACITY {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// The last requests, newest first.
    pub(crate) fn latest(&self, count: usize) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev().take(count)
    }
}
