//! Jobs by the calendar: each night the history is proved, the log's coming months are prepared, and old
//! months are dropped.
//!
//! Calendars belong to tokio-cron-scheduler, cadences to [`crate::schedule`]: it ticks every half second by
//! the wall clock and does not wait for a job that still runs, so the job itself refuses to overlap.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio::sync::{Mutex, watch};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use crate::service::Seen;
use crate::writer::root_cause;

/// Every night at a time that no clock change skips or repeats (UTC), and that few others chose.
pub const NIGHTLY: &str = "0 17 3 * * *";

/// Starts the night's work. It ends with the scheduler that is returned.
pub async fn start(
    seen: watch::Receiver<Seen>,
    keep_months: Option<u32>,
    schedule: &str,
) -> Result<JobScheduler, JobSchedulerError> {
    let scheduler = JobScheduler::new().await?;
    let running = Arc::new(Mutex::new(()));
    let job = Job::new_async(schedule, move |_, _| {
        let (seen, running) = (seen.clone(), Arc::clone(&running));
        Box::pin(async move {
            let Ok(_alone) = running.try_lock() else {
                return;
            };
            let Some(pool) = seen.borrow().pool.clone() else {
                tracing::warn!("the night's work waits for another night: Postgres is away");
                return;
            };
            if let Err(error) = night(&pool, keep_months).await {
                tracing::error!(
                    problem = root_cause(&error),
                    "the night's work failed; it is tried again tomorrow"
                );
            }
        })
    })?;
    scheduler.add(job).await?;
    scheduler.start().await?;
    Ok(scheduler)
}

/// One night's work. Nothing is dropped from a history that does not prove itself.
pub async fn night(pool: &PgPool, keep_months: Option<u32>) -> sqlx::Result<()> {
    let ahead: i32 = sqlx::query_scalar("SELECT coordination.ensure_log_partitions()")
        .fetch_one(pool)
        .await?;
    let (claims, acts, offence): (i64, i64, Option<String>) =
        sqlx::query_as("SELECT claims, acts, offence FROM coordination.verify_history()")
            .fetch_one(pool)
            .await?;
    if let Some(offence) = offence {
        tracing::error!(
            claims,
            acts,
            offence,
            "the history of claims does not prove itself; nothing is dropped"
        );
        return Ok(());
    }
    tracing::info!(
        claims,
        acts,
        months_prepared = ahead,
        "the history of claims proves itself"
    );
    let Some(months) = keep_months else {
        return Ok(());
    };
    loop {
        // A month at a time, so that each is dropped or not, and its locks are held for an instant.
        let dropped: Option<(String, i64, i64, DateTime<Utc>)> = sqlx::query_as(
            "SELECT month, log_rows, claims, ended_at FROM coordination.retire_month(make_interval(months => $1)) WHERE month IS NOT NULL",
        )
        .bind(i32::try_from(months).unwrap_or(i32::MAX))
        .fetch_optional(pool)
        .await?;
        let Some((month, log_rows, claims, before)) = dropped else {
            return Ok(());
        };
        tracing::info!(month, log_rows, claims, %before, "a month of the log was dropped, and the claims that ended in it");
    }
}
