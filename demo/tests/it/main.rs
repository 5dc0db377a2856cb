//! The sample, the instruments and the whole demo, on a real Postgres.

mod journal;
mod sample;
mod whole;

use local_postgres::{Cluster, Settings};
use sqlx::PgPool;

/// A fresh cluster with the protocol, the sample and the instruments, and the daemon's ledger without a daemon.
async fn domain() -> anyhow::Result<(Cluster, PgPool)> {
    let cluster = Cluster::temporary(&Settings::default().set("track_commit_timestamp", "on"))?;
    let pool = PgPool::connect(&cluster.url("postgres")).await?;
    coordination::migrate(&pool).await?;
    assert!(demo::sample::load(&pool).await?);
    demo::journal::install(&pool).await?;
    let ledger = concat!(
        "CREATE SCHEMA sync;",
        include_str!("../../../migrations/sync/0001_ledger.sql")
    );
    sqlx::raw_sql(ledger).execute(&pool).await?;
    Ok((cluster, pool))
}
