//! `claimboard history`

use chrono::Utc;
use coordination::history_of;
use serde_json::json;

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::path::shown;
use crate::say::{Answer, moment, one_line, table};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard history docs/guide.md
  claimboard history table:modules --limit 5 --json

JSON: resource, claims [claim_id, agent, resource, mode, acquired_at, expires_at, ended_at, ending,
ended_by, reason]")]
pub(crate) struct Args {
    /// What to ask about
    #[arg(value_name = "RESOURCE")]
    resource: String,
    /// How many claims
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Every character of the resource stands for itself
    #[arg(long)]
    literal: bool,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Answer, Failure> {
    let named = desk.place.name(&args.resource, args.literal)?;
    let name = named.resource.name();
    let database = desk.database().await?;
    let claims = history_of(
        &database.pool,
        &named.resource,
        &desk.workspace(),
        args.limit,
    )
    .await?;
    let now = Utc::now();
    let rows: Vec<Vec<String>> = claims
        .iter()
        .map(|claim| {
            let end = match (&claim.ending, claim.ended_at) {
                (Some(ending), Some(at)) => format!("{ending} {}", moment(at, now)),
                _ => desk.say.good("held"),
            };
            vec![
                desk.say.name(&claim.agent),
                one_line(shown(&claim.resource)),
                format!("from {}", moment(claim.acquired_at, now)),
                end,
                claim.reason.as_deref().map(one_line).unwrap_or_default(),
            ]
        })
        .collect();
    let text = if rows.is_empty() {
        format!("nobody ever held {}", shown(name))
    } else {
        table(&rows)
    };
    Ok(Answer::new(
        Exit::Done,
        json!({"resource": name, "claims": claims}),
        text,
    ))
}
