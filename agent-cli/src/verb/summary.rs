//! `claimboard summary`

use std::fmt::Write as _;
use std::time::Duration;

use chrono::Utc;
use coordination::LogRow;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::path::shown;
use crate::record;
use crate::say::{Answer, moment, one_line};
use crate::shape;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard summary --agent alpha
  claimboard summary --since 2h --json

For the end of a piece of work: what this agent completed, what it asked of others or handed to them,
what blocks it, and what it still holds.

JSON: agent, since, completed [row], messages [row and to], blockers, claims [claim]")]
pub(crate) struct Args {
    /// How far back
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = crate::cli::duration)]
    since: Duration,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Answer, Failure> {
    let now = Utc::now();
    let since = chrono::TimeDelta::from_std(args.since)
        .ok()
        .and_then(|span| now.checked_sub_signed(span))
        .ok_or_else(|| {
            Failure::usage("--since is longer than time itself", "write it as 2h or 1d")
        })?;
    let session = desk.session().await?;
    let (agent, workspace) = (session.agent(), session.workspace());
    let rows = record::said(session.pool(), workspace, agent, since).await?;
    let blockers = record::activity(session.pool(), workspace)
        .await?
        .into_iter()
        .find(|activity| activity.agent == agent)
        .and_then(|activity| activity.blockers);
    let claims = session.claims().await?;
    let completed: Vec<&LogRow> = rows.iter().filter(|row| row.action == "complete").collect();
    let messages: Vec<(&LogRow, String)> = rows
        .iter()
        .filter_map(|row| Some((row, addressee(row)?)))
        .collect();

    let mut text = format!("{} since {}\n", desk.say.name(agent), moment(since, now));
    section(
        &mut text,
        "completed",
        completed.iter().map(|row| word(row)),
    );
    let sent = messages
        .iter()
        .map(|(row, to)| format!("to {}: {}", one_line(to), word(row)));
    section(&mut text, "messages", sent);
    let blocking = blockers
        .iter()
        .flat_map(|words| words.lines())
        .map(one_line);
    section(&mut text, "blocked by", blocking);
    let held = claims.iter().map(|claim| {
        format!(
            "{} until {}",
            shown(claim.resource()),
            moment(claim.expires_at(), now)
        )
    });
    section(&mut text, "still held", held);
    if !claims.is_empty() {
        desk.say
            .note("give back what is finished with `claimboard release`, or hand it over with `claimboard handoff`");
    }
    let messages: Vec<Value> = messages
        .iter()
        .map(|(row, to)| {
            let mut message = json!(row);
            message["to"] = Value::from(to.as_str());
            message
        })
        .collect();
    Ok(Answer::new(
        Exit::Done,
        json!({
            "agent": agent,
            "since": since,
            "completed": completed,
            "messages": messages,
            "blockers": blockers,
            "claims": claims.iter().map(shape::claim).collect::<Vec<_>>(),
        }),
        text,
    ))
}

/// Whom a row speaks to: the one whose help is needed, or who got the claim.
fn addressee(row: &LogRow) -> Option<String> {
    let metadata = row.metadata.as_ref()?;
    let key = match row.action.as_str() {
        "help" => "help_needed_from",
        "handoff" => "to",
        _ => return None,
    };
    metadata[key].as_str().map(str::to_owned)
}

fn word(row: &LogRow) -> String {
    let message = one_line(row.message.as_deref().unwrap_or_default());
    match row.resource.as_deref() {
        Some(resource) if message.is_empty() => shown(resource).to_owned(),
        Some(resource) => format!("{}: {message}", shown(resource)),
        None => message,
    }
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        let _ = writeln!(text, "{title}: nothing");
        return;
    }
    let _ = writeln!(text, "{title}:");
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
}
