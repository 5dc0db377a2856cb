//! Memory and connections over time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cast::Watched;

const EVERY: Duration = Duration::from_secs(2);

/// One look.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// Since the beginning.
    pub(crate) at: Duration,
    /// Resident kilobytes by process.
    pub(crate) memory: BTreeMap<String, u64>,
    /// By the name that they give themselves; none while the server is away.
    pub(crate) connections: BTreeMap<String, u64>,
    /// Rows of the agent log.
    pub(crate) log_rows: Option<i64>,
}

pub(crate) struct Gauge(JoinHandle<Vec<Sample>>);

impl Gauge {
    pub(crate) fn start(pool: PgPool, watched: Watched, stop: CancellationToken) -> Self {
        Self(tokio::spawn(async move {
            let started = Instant::now();
            let mut samples = Vec::new();
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = stop.cancelled() => return samples,
                }
                let mut sample = look(&pool).await.unwrap_or_default();
                sample.at = started.elapsed();
                let processes = watched.lock().expect("nobody panics with it").clone();
                for (name, id) in processes {
                    sample
                        .memory
                        .extend(resident(id).map(|kilobytes| (name, kilobytes)));
                }
                samples.push(sample);
            }
        }))
    }

    pub(crate) async fn read(self) -> anyhow::Result<Vec<Sample>> {
        Ok(self.0.await?)
    }
}

async fn look(pool: &PgPool) -> sqlx::Result<Sample> {
    let connections: Vec<(String, i64)> = sqlx::query_as(
        "SELECT application_name, count(*) FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name <> '' GROUP BY 1",
    )
    .fetch_all(pool)
    .await?;
    let log_rows: i64 = sqlx::query_scalar("SELECT count(*) FROM coordination.agent_log")
        .fetch_one(pool)
        .await?;
    Ok(Sample {
        connections: connections
            .into_iter()
            .map(|(name, count)| (name, count.unsigned_abs()))
            .collect(),
        log_rows: Some(log_rows),
        ..Sample::default()
    })
}

fn resident(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
