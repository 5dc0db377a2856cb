//! `claimboard renew`

use std::fmt::Write as _;
use std::time::Duration;

use chrono::Utc;
use coordination::RenewOutcome;
use serde_json::json;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::holding;
use crate::path::shown;
use crate::say::{Answer, moment};
use crate::shape;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard renew                 # everything that this agent holds
  claimboard renew docs/ --ttl 1h

Logging progress with --resource renews, too. Exits 4 when one of them was lost.

JSON: outcome \"renewed\" or \"lost\", claims [claim], lost [loss]")]
pub(crate) struct Args {
    /// Which claims; all of this agent's without
    #[arg(value_name = "RESOURCE")]
    resources: Vec<String>,
    /// How long from now; as long as each was claimed for without
    #[arg(long, value_name = "DURATION", value_parser = crate::cli::duration)]
    ttl: Option<Duration>,
    /// Every character of the resources stands for itself
    #[arg(long)]
    literal: bool,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Answer, Failure> {
    let named = desk.name_all(&args.resources, args.literal)?;
    let session = desk.session().await?;
    let mut holding = holding::find(&session, (!named.is_empty()).then_some(&named)).await?;
    let (mut renewed, mut text) = (Vec::new(), String::new());
    for mut claim in holding.held {
        let ttl = args.ttl.unwrap_or(claim.ttl());
        match session.renew(&mut claim, ttl).await? {
            RenewOutcome::Renewed => {
                let _ = writeln!(
                    text,
                    "{} {} until {}",
                    desk.say.good("renewed"),
                    desk.say.name(shown(claim.resource())),
                    moment(claim.expires_at(), Utc::now())
                );
                renewed.push(shape::claim(&claim));
            }
            RenewOutcome::Lost(loss) => holding.lost.push((claim.resource().to_owned(), loss)),
        }
    }
    if text.is_empty() && holding.lost.is_empty() {
        text = format!("nothing to renew: {} holds nothing", session.agent());
    }
    Ok(super::release::with_losses(
        desk.say,
        "renewed",
        json!({"claims": renewed}),
        text,
        &holding.lost,
    ))
}
