//! `claimboard release`

use std::fmt::Write as _;

use coordination::{Loss, ReleaseOutcome};
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::holding;
use crate::path::shown;
use crate::say::{Answer, Say};
use crate::shape;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard release docs/
  claimboard release --all

Exits 3 when this agent holds no such claim, 4 when one was lost before: what was done since then
was not protected.

JSON: outcome \"released\" or \"lost\", claims [claim_id, resource], lost [loss]")]
pub(crate) struct Args {
    /// Which claims
    #[arg(required_unless_present = "all", value_name = "RESOURCE")]
    resources: Vec<String>,
    /// Everything that this agent holds in the workspace
    #[arg(long, conflicts_with = "resources")]
    all: bool,
    /// Every character of the resources stands for itself
    #[arg(long)]
    literal: bool,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Answer, Failure> {
    let named = desk.name_all(&args.resources, args.literal)?;
    let session = desk.session().await?;
    let mut holding = holding::find(&session, (!args.all).then_some(&named)).await?;
    let (mut released, mut text) = (Vec::new(), String::new());
    for claim in holding.held {
        let resource = claim.resource().to_owned();
        let id = claim.id();
        match session.release(claim).await? {
            ReleaseOutcome::Released => {
                let _ = writeln!(
                    text,
                    "{} {}",
                    desk.say.good("released"),
                    desk.say.name(shown(&resource))
                );
                released.push(json!({"claim_id": id, "resource": resource}));
            }
            ReleaseOutcome::AlreadyLost(loss) => holding.lost.push((resource, loss)),
        }
    }
    if text.is_empty() && holding.lost.is_empty() {
        text = format!("nothing to release: {} holds nothing", session.agent());
    }
    Ok(with_losses(
        desk.say,
        "released",
        json!({"claims": released}),
        text,
        &holding.lost,
    ))
}

/// What was done, and what could not be done any more.
pub(super) fn with_losses(
    say: Say,
    outcome: &str,
    mut json: Value,
    mut text: String,
    lost: &[(String, Loss)],
) -> Answer {
    for (resource, loss) in lost {
        text.push_str(&shape::lost(say, resource, loss));
    }
    json["outcome"] = Value::from(if lost.is_empty() { outcome } else { "lost" });
    json["lost"] = lost
        .iter()
        .map(|(resource, loss)| shape::loss(resource, loss))
        .collect();
    if !lost.is_empty() {
        say.note("stop working on what was lost, and claim it again before you go on");
    }
    let exit = if lost.is_empty() {
        Exit::Done
    } else {
        Exit::Lost
    };
    Answer::new(exit, json, text)
}
