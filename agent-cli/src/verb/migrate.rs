//! `claimboard migrate`

use serde_json::json;

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::say::Answer;

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
        let sql = coordination::schema_sql();
        return Ok(Answer::new(Exit::Done, json!({"sql": sql}), sql));
    }
    let database = desk.database().await?;
    coordination::migrate(&database.pool).await?;
    Ok(Answer::new(
        Exit::Done,
        json!({"outcome": "migrated", "version": coordination::schema_version()}),
        "schema coordination is up to date",
    ))
}
