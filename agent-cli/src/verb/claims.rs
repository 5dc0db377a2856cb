//! `claimboard claims`

use chrono::Utc;
use serde_json::json;

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::path::shown;
use crate::record;
use crate::say::{Answer, moment, one_line, table};
use crate::shape;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard claims
  claimboard claims --mine --json
  claimboard claims --ended        # those of the last day, too

JSON: claims [resource, mode, claimed_by, status, started, eta, expires_at, released_at, reason];
with --mine: agent, claims [claim]")]
pub(crate) struct Args {
    /// What this agent's kept session holds, with claim numbers and tokens
    #[arg(long, conflicts_with = "ended")]
    mine: bool,
    /// What ended within a day, too
    #[arg(long)]
    ended: bool,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Answer, Failure> {
    if args.mine {
        return mine(desk).await;
    }
    let database = desk.database().await?;
    let claims = record::claims(&database.pool, &desk.workspace(), args.ended).await?;
    let now = Utc::now();
    let rows: Vec<Vec<String>> = claims
        .iter()
        .map(|claim| {
            let when = match claim.released_at {
                Some(at) => moment(at, now),
                None => format!("until {}", moment(claim.expires_at, now)),
            };
            vec![
                desk.say.name(shown(&claim.resource)),
                one_line(&claim.claimed_by),
                claim.status.clone(),
                when,
                claim.reason.as_deref().map(one_line).unwrap_or_default(),
            ]
        })
        .collect();
    let text = if rows.is_empty() {
        "nobody holds anything".to_owned()
    } else {
        table(&rows)
    };
    Ok(Answer::new(Exit::Done, json!({"claims": claims}), text))
}

async fn mine(desk: &Desk) -> Result<Answer, Failure> {
    let session = desk.session().await?;
    let claims = session.claims().await?;
    let now = Utc::now();
    let rows: Vec<Vec<String>> = claims
        .iter()
        .map(|claim| {
            vec![
                desk.say.name(shown(claim.resource())),
                format!("until {}", moment(claim.expires_at(), now)),
                format!("claim {}", claim.id()),
                format!("token {}", claim.token()),
            ]
        })
        .collect();
    let text = if rows.is_empty() {
        format!("{} holds nothing", session.agent())
    } else {
        table(&rows)
    };
    let json = json!({
        "agent": session.agent(),
        "claims": claims.iter().map(shape::claim).collect::<Vec<_>>(),
    });
    Ok(Answer::new(Exit::Done, json, text))
}
