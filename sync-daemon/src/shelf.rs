//! Rows that were read ahead of their turn: the pages of the next few of a load.
//!
//! The backlog of a load holds keys alone, so that a hundred thousand rows that wait take little room. When the
//! first of them has its turn, it is read together with those that follow, in one query; they are found here. A row
//! that changes meanwhile is written as it was read, and found again by the next pass.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::dashboard::Dashboard;
use crate::page::{DesiredPage, Key};
use crate::pass::PassError;
use crate::source::Snapshot;

/// How long a page may lie here: what it shows is no older than that when it is written.
const FRESH: Duration = Duration::from_secs(20);

/// The pages that were read ahead, by dashboard.
#[derive(Debug, Default)]
pub struct Shelf {
    read: Mutex<HashMap<usize, Batch>>,
}

#[derive(Debug)]
struct Batch {
    at: Instant,
    read_at: DateTime<Utc>,
    pages: HashMap<Key, DesiredPage>,
}

impl Shelf {
    /// The page of a row, and the database's time at which it was read; `None` if the row is gone. Reads `following`
    /// as well if the row has to be read.
    pub async fn take(
        &self,
        pool: &PgPool,
        (index, dashboard): (usize, &Dashboard),
        key: &Key,
        following: &[Key],
    ) -> Result<Option<(DesiredPage, DateTime<Utc>)>, PassError> {
        // Held while reading: the writes beside this one want rows that it brings.
        let mut shelf = self.read.lock().await;
        if let Some(read) = shelf.get_mut(&index)
            && read.at.elapsed() < FRESH
            && let Some(page) = read.pages.remove(key)
        {
            return Ok(Some((page, read.read_at)));
        }
        let keys: Vec<Key> = std::iter::once(key).chain(following).cloned().collect();
        let mut snapshot = Snapshot::begin(pool).await?;
        let read_at = snapshot.read_at();
        let pages = snapshot.pages(dashboard, &keys).await?;
        snapshot.finish().await?;
        let mut pages: HashMap<Key, DesiredPage> = pages
            .into_iter()
            .map(|page| (page.key.clone(), page))
            .collect();
        let page = pages.remove(key);
        shelf.insert(
            index,
            Batch {
                at: Instant::now(),
                read_at,
                pages,
            },
        );
        Ok(page.map(|page| (page, read_at)))
    }
}
