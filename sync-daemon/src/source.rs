//! Rows of Postgres, read with SELECT rights alone, and the pages that they should have.
//!
//! All reading happens in a [`Snapshot`]: one REPEATABLE READ transaction under settings that make the text
//! form of a value depend on the value alone. A dashboard is read in two steps, the key and hash of every row,
//! and then the rows whose hash is new; both see the same moment of the database.

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, PgPool, Postgres, Row as _, Transaction};

use crate::dashboard::{Dashboard, Source};
use crate::page::{DesiredPage, Key, SourceHash};
use crate::row::{Cell, Row};

mod check;
mod columns;
mod projection;

pub use check::{CheckError, SourceCheck, check};
pub(crate) use check::{described_query, unfit};
use columns::{Columns, Described};
use projection::Projection;
pub(crate) use projection::{from_item, quote_identifier};

/// Longest time one statement may take.
const STATEMENT_TIMEOUT: &str = "20s";

/// Longest wait for a table that somebody has locked: the other boards wait too.
const LOCK_TIMEOUT: &str = "1s";

/// Longest key: Notion compares at most this much when pages are looked up.
const LONGEST_KEY: usize = 2000;

/// The database at one moment.
#[derive(Debug)]
pub struct Snapshot {
    transaction: Transaction<'static, Postgres>,
    read_at: DateTime<Utc>,
    horizon: String,
}

/// A row at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowHash {
    /// Its key.
    pub key: Key,
    /// Of what people see of it.
    pub hash: SourceHash,
    /// The larger, the newer, of the rows of one source; all zero where its columns do not tell.
    pub newness: i64,
}

/// Key and hash of every row of a dashboard's source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hashes {
    /// In order of the keys' bytes, each key once.
    pub rows: Vec<RowHash>,
    /// Rows left out of `rows`. A key named here does exist in the source: its page must be left as it is.
    pub errors: Vec<RowError>,
}

/// Rows that cannot have a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RowError {
    /// The key that the rows share; `None` where they have none.
    pub key: Option<Key>,
    /// Why, and what to do about it.
    pub message: String,
}

/// Why a source could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Postgres refused, or is away.
    #[error("cannot read the source of dashboard {dashboard:?}")]
    Database {
        /// The dashboard that was read; empty while the snapshot was taken.
        dashboard: String,
        /// What Postgres said.
        source: sqlx::Error,
    },
    /// The table or view is not there.
    #[error(
        "the source of dashboard {dashboard:?} does not exist; create it, or remove the dashboard"
    )]
    Absent {
        /// The dashboard.
        dashboard: String,
    },
    /// The source has changed so that the schema file fits it no more.
    #[error("dashboard {dashboard:?} does not fit its source any more: {message}; {cure}")]
    Changed {
        /// The dashboard.
        dashboard: String,
        /// What does not fit.
        message: String,
        /// What to do about it.
        cure: String,
    },
}

impl Snapshot {
    /// Takes a snapshot.
    pub async fn begin(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let mut transaction = pool
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?;
        // now() is when BEGIN arrived, and the snapshot is taken by this statement: whatever had been
        // committed at `read_at` is in it.
        let (read_at, horizon) = sqlx::query_as(
            "SELECT now(), pg_snapshot_xmin(pg_current_snapshot())::text FROM (SELECT
                set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true),
                set_config('IntervalStyle', 'postgres', true), set_config('bytea_output', 'hex', true),
                set_config('extra_float_digits', '1', true), set_config('lc_monetary', 'C', true),
                set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true)) AS settings",
        )
        .bind(STATEMENT_TIMEOUT)
        .bind(LOCK_TIMEOUT)
        .persistent(false)
        .fetch_one(&mut *transaction)
        .await?;
        Ok(Self {
            transaction,
            read_at,
            horizon,
        })
    }

    /// The database's time just before the snapshot.
    pub fn read_at(&self) -> DateTime<Utc> {
        self.read_at
    }

    /// The oldest transaction that ran when the snapshot was taken.
    pub fn horizon(&self) -> &str {
        &self.horizon
    }

    /// Up to `most` rows that were written by a transaction at or after `horizon`; `None` where the source is no table,
    /// and does not tell. Rows without a key are left out.
    pub async fn written_since(
        &mut self,
        dashboard: &Dashboard,
        horizon: &str,
        most: i64,
    ) -> Result<Option<Vec<RowHash>>, SourceError> {
        let failed = |source| SourceError::Database {
            dashboard: dashboard.name.clone(),
            source,
        };
        let Source::Table { schema, name } = &dashboard.source else {
            return Ok(None);
        };
        let stored: Option<bool> = sqlx::query_scalar(
            "SELECT relkind IN ('r', 'p') FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = $1 AND c.relname = $2",
        )
        .bind(schema)
        .bind(name)
        .persistent(false)
        .fetch_optional(&mut *self.transaction)
        .await
        .map_err(failed)?;
        if stored != Some(true) {
            return Ok(None);
        }
        let projection = self.projection(dashboard).await?;
        let rows: Vec<(Key, SourceHash, i64)> =
            sqlx::query_as(AssertSqlSafe(projection.written_since()))
                .persistent(false)
                .bind(horizon)
                .bind(most)
                .fetch_all(&mut *self.transaction)
                .await
                .map_err(failed)?;
        Ok(Some(
            rows.into_iter()
                .map(|(key, hash, newness)| RowHash { key, hash, newness })
                .collect(),
        ))
    }

    /// Key and hash of every row.
    pub async fn hashes(&mut self, dashboard: &Dashboard) -> Result<Hashes, SourceError> {
        let projection = self.projection(dashboard).await?;
        let failed = |source| SourceError::Database {
            dashboard: dashboard.name.clone(),
            source,
        };
        let mut hashes = Hashes::default();
        let mut gatherer = Gatherer::new(&mut hashes);
        let mut rows = sqlx::query(AssertSqlSafe(projection.hashes()))
            .persistent(false)
            .fetch(&mut *self.transaction);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            let (key, hash, newness) = (
                row.try_get(0).map_err(failed)?,
                row.try_get(1).map_err(failed)?,
                row.try_get(2).map_err(failed)?,
            );
            gatherer.add(key, hash, newness);
        }
        gatherer.finish(&dashboard.key);
        Ok(hashes)
    }

    /// The pages of the rows with these keys, in no particular order; a key without a row has none. Ask for a few
    /// hundred at a time: each page can hold half a megabyte.
    pub async fn pages(
        &mut self,
        dashboard: &Dashboard,
        keys: &[Key],
    ) -> Result<Vec<DesiredPage>, SourceError> {
        let projection = self.projection(dashboard).await?;
        let failed = |source| SourceError::Database {
            dashboard: dashboard.name.clone(),
            source,
        };
        let mut pages = Vec::with_capacity(keys.len());
        let mut query = sqlx::query(AssertSqlSafe(projection.rows()))
            .persistent(false)
            .bind(keys);
        for parts in projection::key_parts(keys, dashboard.key.len()) {
            query = query.bind(parts);
        }
        let mut rows = query.fetch(&mut *self.transaction);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            let texts: Vec<Option<String>> = row.try_get(2).map_err(failed)?;
            let lengths: Vec<Option<i32>> = row.try_get(3).map_err(failed)?;
            let cells = texts
                .into_iter()
                .zip(lengths)
                .map(|(text, length)| Cell {
                    text,
                    characters: length.and_then(|length| usize::try_from(length).ok()),
                })
                .collect();
            let row = Row {
                key: row.try_get(0).map_err(failed)?,
                source_hash: row.try_get(1).map_err(failed)?,
                cells,
            };
            pages.push(row.page(dashboard));
        }
        Ok(pages)
    }

    /// Ends the transaction; dropping the snapshot does the same, later.
    pub async fn finish(self) -> Result<(), sqlx::Error> {
        self.transaction.rollback().await
    }

    /// Every pass looks at the columns anew, so that a table altered while the daemon runs is read as it is.
    async fn projection(&mut self, dashboard: &Dashboard) -> Result<Projection, SourceError> {
        let failed = |source| SourceError::Database {
            dashboard: dashboard.name.clone(),
            source,
        };
        match Columns::describe(&mut self.transaction, &dashboard.source)
            .await
            .map_err(failed)?
        {
            Described::Absent => Err(SourceError::Absent {
                dashboard: dashboard.name.clone(),
            }),
            Described::Present(columns) => {
                Projection::new(dashboard, &columns).map_err(|misfits| {
                    let first = misfits.into_iter().next();
                    let (message, cure) =
                        first.map_or_else(Default::default, |misfit| (misfit.message, misfit.cure));
                    SourceError::Changed {
                        dashboard: dashboard.name.clone(),
                        message,
                        cure,
                    }
                })
            }
        }
    }
}

/// Takes rows in order of their keys and sorts out those without a key of their own.
struct Gatherer<'a> {
    hashes: &'a mut Hashes,
    last: Option<RowHash>,
    repeats: usize,
    keyless: usize,
}

impl<'a> Gatherer<'a> {
    fn new(hashes: &'a mut Hashes) -> Self {
        Self {
            hashes,
            last: None,
            repeats: 0,
            keyless: 0,
        }
    }

    fn add(&mut self, key: Option<Key>, hash: SourceHash, newness: i64) {
        let Some(key) = key else {
            self.keyless += 1;
            return;
        };
        if self.last.as_ref().is_some_and(|last| last.key == key) {
            self.repeats += 1;
        } else {
            self.flush();
            self.last = Some(RowHash { key, hash, newness });
        }
    }

    fn flush(&mut self) {
        let repeats = std::mem::take(&mut self.repeats);
        let Some(RowHash { key, hash, newness }) = self.last.take() else {
            return;
        };
        let message = if repeats > 0 {
            format!(
                "{} rows have the key {key:?}; name a key that is unique",
                repeats + 1
            )
        } else if key.is_empty() {
            "a row has an empty key; give it one".to_owned()
        } else if key.encode_utf16().count() > LONGEST_KEY {
            let start: String = key.chars().take(60).collect();
            format!(
                "the key {start:?}… is longer than {LONGEST_KEY} characters; name a shorter key"
            )
        } else {
            self.hashes.rows.push(RowHash { key, hash, newness });
            return;
        };
        self.hashes.errors.push(RowError {
            key: Some(key),
            message,
        });
    }

    fn finish(mut self, key: &[String]) {
        self.flush();
        let columns = key.join(", ");
        let message = match self.keyless {
            0 => return,
            1 => format!("a row has no key: {columns} is null; fill it in, or name another key"),
            rows => format!(
                "{rows} rows have no key: {columns} is null; fill it in, or name another key"
            ),
        };
        self.hashes.errors.push(RowError { key: None, message });
    }
}
