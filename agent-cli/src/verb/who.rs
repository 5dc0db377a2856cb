//! `claimboard who`

use chrono::Utc;
use serde_json::json;

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::path::shown;
use crate::say::Answer;
use crate::shape;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard who docs/guide.md
  claimboard who docs/ --json

Exits 0 whether somebody holds it or not; `claimboard free` answers by its exit code.

JSON: resource, holders [holder]")]
pub(crate) struct Args {
    /// What to ask about
    #[arg(value_name = "RESOURCE")]
    resource: String,
    /// Every character of the resource stands for itself
    #[arg(long)]
    literal: bool,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Answer, Failure> {
    let named = desk.place.name(&args.resource, args.literal)?;
    let name = named.resource.name();
    let database = desk.database().await?;
    let holders = coordination::holders_in(&database.pool, name, &desk.workspace()).await?;
    let now = Utc::now();
    let text = if holders.is_empty() {
        format!("nobody holds {}", shown(name))
    } else {
        holders
            .iter()
            .map(|holder| shape::held(desk.say, holder, now))
            .collect()
    };
    Ok(Answer::new(
        Exit::Done,
        json!({"resource": name, "holders": holders}),
        text,
    ))
}
