//! The schema travels inside the crate.

use std::fmt::Write as _;

use sqlx::PgPool;

use crate::error::Error;

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// For an operator who may create roles: makes those that are missing and grants to them, as often as one likes. Without it, the schema's owner alone can call the functions;
/// [`migrate`] grants to the roles that exist.
pub const ROLES_SQL: &str = "\
DO $$
BEGIN
  IF to_regrole('claimboard_agent') IS NULL THEN CREATE ROLE claimboard_agent NOLOGIN; END IF;
  IF to_regrole('claimboard_operator') IS NULL THEN CREATE ROLE claimboard_operator NOLOGIN; END IF;
  IF to_regrole('claimboard_sync') IS NULL THEN CREATE ROLE claimboard_sync NOLOGIN; END IF;
END $$;
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

/// The newest version of the schema that this library knows.
pub fn schema_version() -> i64 {
    MIGRATOR
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}

/// The migrations as one script for `psql -1`, for a database without the schema: it leaves the database as [`migrate`] would, which
/// finds all of them applied.
pub fn schema_sql() -> String {
    let mut sql = String::from(
        "CREATE SCHEMA IF NOT EXISTS coordination;
CREATE TABLE IF NOT EXISTS coordination.migrations (
  version bigint PRIMARY KEY, description text NOT NULL, installed_on timestamptz NOT NULL DEFAULT now(),
  success boolean NOT NULL, checksum bytea NOT NULL, execution_time bigint NOT NULL
);
",
    );
    for migration in MIGRATOR.iter() {
        let mut checksum = String::new();
        for byte in migration.checksum.iter() {
            let _ = write!(checksum, "{byte:02x}");
        }
        let _ = write!(
            sql,
            "\n{}\nRESET search_path;\nINSERT INTO coordination.migrations (version, description, success, checksum, execution_time)\nVALUES ({}, '{}', true, '\\x{checksum}', 0);\n",
            migration.sql.as_str().trim_end(),
            migration.version,
            migration.description.replace('\'', "''"),
        );
    }
    sql
}
