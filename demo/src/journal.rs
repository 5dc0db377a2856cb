//! Measures a run from outside: exact commit times of visible changes against the daemon's own record of its writes.

use sqlx::PgPool;
use sqlx::types::chrono::{DateTime, Utc};

/// Where a run's counters stood when it began.
#[derive(Debug, Clone, Copy)]
pub struct Baseline {
    log: i64,
    write: i64,
}

/// Counted in the database over one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counts {
    /// Claims granted.
    pub granted: i64,
    /// Claims refused because somebody held them.
    pub refused: i64,
    /// Row versions that a write carried; two changes before one write count once.
    pub changed_rows: i64,
}

/// From commit in Postgres to the answer of the write.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lag {
    /// Visible changes measured.
    pub changes: i64,
    /// Median, in milliseconds.
    pub p50_ms: Option<f64>,
    /// 95th percentile, in milliseconds.
    pub p95_ms: Option<f64>,
}

/// Installs the instruments unless they are there. Needs the sample domain and `track_commit_timestamp`.
pub async fn install(pool: &PgPool) -> sqlx::Result<()> {
    let mut transaction = pool.begin().await?;
    let there: bool = sqlx::query_scalar("SELECT to_regnamespace('demo') IS NOT NULL")
        .fetch_one(&mut *transaction)
        .await?;
    if !there {
        sqlx::raw_sql(include_str!("../sql/journal.sql"))
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

/// Marks the beginning of a run. Needs the daemon's set-up.
pub async fn baseline(pool: &PgPool) -> sqlx::Result<Baseline> {
    let (log, write) = sqlx::query_as(
        "SELECT coalesce((SELECT max(id) FROM coordination.agent_log), 0), coalesce((SELECT max(id) FROM sync.writes), 0)",
    )
    .fetch_one(pool)
    .await?;
    Ok(Baseline { log, write })
}

/// The keys of all rows that the board should show now, each with its dashboard.
pub async fn rows(pool: &PgPool) -> sqlx::Result<Vec<(String, String)>> {
    sqlx::query_as("SELECT dashboard, key FROM demo.rows")
        .fetch_all(pool)
        .await
}

/// How many of these rows have a page.
pub async fn pages(pool: &PgPool, rows: &[(String, String)]) -> sqlx::Result<i64> {
    let (dashboards, keys): (Vec<&str>, Vec<&str>) = rows
        .iter()
        .map(|(dashboard, key)| (dashboard.as_str(), key.as_str()))
        .unzip();
    sqlx::query_scalar(
        "SELECT count(*) FROM unnest($1::text[], $2::text[]) AS wanted (dashboard, key)
         JOIN sync.pages USING (dashboard, key) WHERE state = 'synced'",
    )
    .bind(dashboards)
    .bind(keys)
    .fetch_one(pool)
    .await
}

/// The database's clock, by which everything here is told.
pub async fn now(pool: &PgPool) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar("SELECT clock_timestamp()")
        .fetch_one(pool)
        .await
}

/// What happened since the baseline.
pub async fn counts(pool: &PgPool, since: Baseline) -> sqlx::Result<Counts> {
    let (granted, refused, changed_rows) = sqlx::query_as(
        "SELECT
           (SELECT count(*) FROM coordination.agent_log WHERE id > $1 AND act = 'granted'),
           (SELECT count(*) FROM coordination.agent_log WHERE id > $1 AND metadata ? 'refused'),
           (SELECT count(*) FROM (
              SELECT id, kind, source_hash, lag(source_hash) OVER (PARTITION BY dashboard, key ORDER BY id) AS before FROM sync.writes
              WHERE outcome = 'written'
            ) AS write WHERE id > $2 AND (kind = 'trash' OR source_hash IS DISTINCT FROM before))",
    )
    .bind(since.log)
    .bind(since.write)
    .fetch_one(pool)
    .await?;
    Ok(Counts {
        granted,
        refused,
        changed_rows,
    })
}

/// How long the changes that were committed since then took to the board.
pub async fn lag(pool: &PgPool, since: DateTime<Utc>) -> sqlx::Result<Lag> {
    let (changes, p50_ms, p95_ms) = sqlx::query_as(
        "SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY milliseconds), percentile_cont(0.95) WITHIN GROUP (ORDER BY milliseconds)
         FROM (SELECT (1000 * extract(epoch FROM lag))::float8 AS milliseconds FROM demo.lags($1)) AS lags",
    )
    .bind(since)
    .fetch_one(pool)
    .await?;
    Ok(Lag {
        changes,
        p50_ms,
        p95_ms,
    })
}
