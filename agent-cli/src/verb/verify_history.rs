//! `claimboard verify-history`

use serde_json::json;

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::say::Answer;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard verify-history

Reads the whole record of all workspaces. Exits 3 when it finds an offence, and names the first.

JSON: outcome \"sound\" or \"offence\", claims, acts, offence (log_id, what)")]
pub(crate) struct Args {}

pub(crate) async fn act(_: Args, desk: &Desk) -> Result<Answer, Failure> {
    let database = desk.database().await?;
    let history = coordination::verify_history(&database.pool).await?;
    let read = format!("{} claims, {} acts", history.claims, history.acts);
    let (exit, outcome, text) = match &history.offence {
        None => (
            Exit::Done,
            "sound",
            format!("{}: {read}", desk.say.good("sound")),
        ),
        Some(offence) => (
            Exit::No,
            "offence",
            format!(
                "{} at log row {}: {} ({read})",
                desk.say.bad("offence"),
                offence.at,
                offence.what
            ),
        ),
    };
    Ok(Answer::new(
        exit,
        json!({
            "outcome": outcome,
            "claims": history.claims,
            "acts": history.acts,
            "offence": history.offence.map(|offence| json!({"log_id": offence.at, "what": offence.what})),
        }),
        text,
    ))
}
