//! `claimboard roles`

use coordination::ROLES_SQL;
use serde_json::json;

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::say::Answer;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard roles                 # prints the SQL
  claimboard roles --apply         # as somebody who may create roles

claimboard_agent calls the functions and reads, claimboard_operator revokes, too, claimboard_sync reads and claims.

JSON: sql; with --apply: outcome \"applied\"")]
pub(crate) struct Args {
    /// Run it rather than print it
    #[arg(long)]
    apply: bool,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Answer, Failure> {
    if !args.apply {
        return Ok(Answer::new(
            Exit::Done,
            json!({"sql": ROLES_SQL}),
            ROLES_SQL,
        ));
    }
    let database = desk.database().await?;
    sqlx::raw_sql(ROLES_SQL).execute(&database.pool).await?;
    Ok(Answer::new(
        Exit::Done,
        json!({"outcome": "applied"}),
        "the roles claimboard_agent, claimboard_operator and claimboard_sync exist: grant one to each login",
    ))
}
