//! The schema travels inside the crate.

use sqlx::PgPool;

use crate::error::Error;

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Brings schema `coordination` to this version: idempotent, safe to run from several processes at once, needs no more than the
/// database's owner. Its own table of applied migrations lives in the schema.
pub async fn migrate(pool: &PgPool) -> Result<(), Error> {
    MIGRATOR.run(pool).await?;
    sqlx::query("SELECT coordination.ensure_log_partitions()")
        .execute(pool)
        .await?;
    Ok(())
}
