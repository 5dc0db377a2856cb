//! `claimboard free`

use serde_json::json;

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::say::Answer;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard free docs/guide.md src/lib.rs
  claimboard free --literal docs/*          # one name a line, for xargs

Prints, as they were typed, those that nobody but this agent holds anything of. Exits 0 when that is
all of them, 3 when somebody else holds some. What is free may be taken the next moment: claim it.

JSON: free [typed, resource], held [typed, resource, holders [holder]]")]
pub(crate) struct Args {
    /// What to ask about
    #[arg(required = true, value_name = "RESOURCE")]
    resources: Vec<String>,
    /// Every character of the resources stands for itself
    #[arg(long)]
    literal: bool,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Answer, Failure> {
    let named = desk.name_all(&args.resources, args.literal)?;
    let database = desk.database().await?;
    let (workspace, me) = (desk.workspace(), desk.agent());
    let (mut free, mut held, mut text) = (Vec::new(), Vec::new(), String::new());
    for one in &named {
        let mut holders =
            coordination::holders_in(&database.pool, one.resource.name(), &workspace).await?;
        holders.retain(|holder| Some(&holder.agent) != me.as_ref());
        if holders.is_empty() {
            free.push(json!({"typed": one.typed, "resource": one.resource.name()}));
            text.push_str(&one.typed);
            text.push('\n');
        } else {
            held.push(
                json!({"typed": one.typed, "resource": one.resource.name(), "holders": holders}),
            );
        }
    }
    let exit = if held.is_empty() {
        Exit::Done
    } else {
        Exit::No
    };
    Ok(Answer::new(exit, json!({"free": free, "held": held}), text))
}
