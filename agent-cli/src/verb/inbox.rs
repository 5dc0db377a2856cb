//! `claimboard inbox`

use std::fmt::Write as _;

use chrono::Utc;
use serde_json::json;

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::path::shown;
use crate::record;
use crate::say::{Answer, moment, plain};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard inbox --agent gamma
  claimboard inbox --limit 5 --json

JSON: requests [row]")]
pub(crate) struct Args {
    /// How many
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Answer, Failure> {
    let agent = desk.acting_agent()?;
    let database = desk.database().await?;
    let requests = record::help(&database.pool, &desk.workspace(), &agent, args.limit).await?;
    let now = Utc::now();
    let mut text = String::new();
    for row in &requests {
        let about = match &row.resource {
            Some(resource) => format!(", about {}", shown(resource)),
            None => String::new(),
        };
        let message = plain(row.message.as_deref().unwrap_or_default()).replace('\n', "\n  ");
        let _ = writeln!(
            text,
            "{} {}{about}\n  {message}",
            desk.say.name(&row.agent),
            moment(row.timestamp, now)
        );
    }
    if text.is_empty() {
        text = format!("nobody needs help from {agent}");
    }
    Ok(Answer::new(Exit::Done, json!({"requests": requests}), text))
}
