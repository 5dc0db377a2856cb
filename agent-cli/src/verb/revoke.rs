//! `claimboard revoke`

use coordination::ClaimId;
use serde_json::json;

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::say::Answer;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard who docs/                                  # names the claim
  claimboard revoke 41 --reason 'the agent hangs'

Exits 3 when the claim had ended already.

JSON: outcome \"revoked\" or \"already ended\", claim_id")]
pub(crate) struct Args {
    /// The claim's number
    #[arg(value_name = "CLAIM")]
    claim: ClaimId,
    /// Why: its holder will read it
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Answer, Failure> {
    let database = desk.database().await?;
    let revoked = coordination::revoke(&database.pool, args.claim, &args.reason).await?;
    let (exit, outcome) = if revoked {
        (Exit::Done, "revoked")
    } else {
        (Exit::No, "already ended")
    };
    Ok(Answer::new(
        exit,
        json!({"outcome": outcome, "claim_id": args.claim}),
        format!("claim {}: {outcome}", args.claim),
    ))
}
