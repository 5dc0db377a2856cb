//! `claimboard handoff`

use coordination::HandoffOutcome;
use serde_json::json;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::holding;
use crate::path::shown;
use crate::say::Answer;
use crate::verb::release::with_losses;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard handoff docs/ --to beta --message 'the index is missing'

The other agent must have opened a session before: any claim or log of its own does.
Exits 3 when this agent holds no such claim, 4 when it was lost before.

JSON: outcome \"handed over\" or \"lost\", claims [resource, to, token], lost [loss]")]
pub(crate) struct Args {
    /// Which claim
    #[arg(value_name = "RESOURCE")]
    resource: String,
    /// Who gets it
    #[arg(long, value_name = "NAME")]
    to: String,
    /// What to know
    #[arg(long, value_name = "TEXT", default_value = "")]
    message: String,
    /// Every character of the resource stands for itself
    #[arg(long)]
    literal: bool,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Answer, Failure> {
    let named = desk.name_all(std::slice::from_ref(&args.resource), args.literal)?;
    let session = desk.session().await?;
    let mut holding = holding::find(&session, Some(&named)).await?;
    let (mut handed, mut text) = (Vec::new(), String::new());
    for claim in holding.held {
        let resource = claim.resource().to_owned();
        match session.hand_off(claim, &args.to, &args.message).await? {
            HandoffOutcome::HandedOver(token) => {
                text = format!(
                    "{} {} to {}, token {token}\n",
                    desk.say.good("handed over"),
                    desk.say.name(shown(&resource)),
                    args.to
                );
                handed.push(json!({"resource": resource, "to": args.to, "token": token}));
            }
            HandoffOutcome::AlreadyLost(loss) => holding.lost.push((resource, loss)),
        }
    }
    Ok(with_losses(
        desk.say,
        "handed over",
        json!({"claims": handed}),
        text,
        &holding.lost,
    ))
}
