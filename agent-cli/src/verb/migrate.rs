//! `claimboard migrate`

use std::fmt::Write as _;

use serde_json::json;

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::say::Answer;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/coordination");

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard migrate
  claimboard migrate --print | psql -X1 -v ON_ERROR_STOP=1 \"$DATABASE_URL\"

Needs no more than the database's owner. Run twice, it changes nothing. What --print prints is for a
database without the schema, and leaves it as if `claimboard migrate` had been run.

JSON: outcome \"migrated\", version; with --print: sql")]
pub(crate) struct Args {
    /// Print the SQL rather than run it
    #[arg(long)]
    print: bool,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Answer, Failure> {
    if args.print {
        let sql = script();
        return Ok(Answer::new(Exit::Done, json!({"sql": sql}), sql));
    }
    let database = desk.database().await?;
    coordination::migrate(&database.pool).await?;
    Ok(Answer::new(
        Exit::Done,
        json!({"outcome": "migrated", "version": version()}),
        "schema coordination is up to date",
    ))
}

/// The newest version that this program knows.
pub(super) fn version() -> i64 {
    MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}

/// The migrations, and the rows by which the program knows later that they were applied.
fn script() -> String {
    let mut sql = String::from(
        "CREATE SCHEMA IF NOT EXISTS coordination;
CREATE TABLE IF NOT EXISTS coordination.migrations (
  version bigint PRIMARY KEY, description text NOT NULL, installed_on timestamptz NOT NULL DEFAULT now(),
  success boolean NOT NULL, checksum bytea NOT NULL, execution_time bigint NOT NULL
);
",
    );
    for migration in MIGRATIONS.iter() {
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
