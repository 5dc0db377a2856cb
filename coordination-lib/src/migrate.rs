//! The schema travels inside the crate.

use sqlx::PgPool;

use crate::error::Error;

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// For an operator who may create roles: makes them and grants to them. Without it, the schema's owner alone can call the functions;
/// [`migrate`] grants to the roles that exist.
pub const ROLES_SQL: &str = "\
CREATE ROLE claimboard_agent NOLOGIN;
CREATE ROLE claimboard_operator NOLOGIN;
CREATE ROLE claimboard_sync NOLOGIN;
SELECT coordination.grant_to_roles();
";

/// Brings schema `coordination` to this version: idempotent, safe to run from several processes at once, needs no more than the
/// database's owner. Its own table of applied migrations lives in the schema.
pub async fn migrate(pool: &PgPool) -> Result<(), Error> {
    MIGRATOR.run(pool).await?;
    sqlx::query("SELECT coordination.ensure_log_partitions(), coordination.grant_to_roles()")
        .execute(pool)
        .await?;
    Ok(())
}
