//! `claimboard log`

use clap::ValueEnum;
use coordination::LogEntry;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::quote::quoted;
use crate::say::Answer;
use crate::{record, shape};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard log progress '3 pages written' --resource docs/ --task guide --steps 3/5
  claimboard log help 'which schema is right?' --needed-from gamma
  claimboard log blocked 'the build is red'
  claimboard log done 'guide is finished' --resource docs/
  claimboard log note 'tables are sorted by name' --metadata decision=D-12

Progress about a resource that this agent holds renews the claim. Exits 4 when that claim was lost
before; the row is kept, marked as late.

JSON: outcome \"logged\" or \"lost\", log_id, claim_id, expires_at, lost (loss)")]
pub(crate) struct Args {
    /// What kind of word it is
    kind: Kind,
    /// What to say
    #[arg(value_parser = message)]
    message: String,
    /// What it is about
    #[arg(long, value_name = "RESOURCE")]
    resource: Option<String>,
    /// The name of the task, for the board
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// How many steps are done, of how many
    #[arg(long, value_name = "DONE/TOTAL", value_parser = steps)]
    steps: Option<(u32, u32)>,
    /// Whose help is needed; that agent finds it in its inbox
    #[arg(long, value_name = "NAME")]
    needed_from: Option<String>,
    /// Anything else; a value that is JSON is taken as such
    #[arg(long, value_name = "NAME=VALUE", value_parser = metadata)]
    metadata: Vec<(String, Value)>,
    /// Every character of the resource stands for itself
    #[arg(long)]
    literal: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// The work goes on
    Progress,
    /// Help is needed; blocked until another word
    Help,
    /// Unable to go on
    Blocked,
    /// Waiting for something that will come
    Waiting,
    /// The task is done
    Done,
    /// Worth keeping; says nothing about what the agent is doing
    Note,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Answer, Failure> {
    let resource = match args.resource {
        Some(typed) => desk.name_all(&[typed], args.literal)?.pop(),
        None => None,
    };
    let mut entry = match args.kind {
        Kind::Progress => LogEntry::progress(args.message),
        Kind::Help => LogEntry::help(args.message),
        Kind::Blocked => LogEntry::blocked(args.message),
        Kind::Waiting => LogEntry::waiting(args.message),
        Kind::Done => LogEntry::done(args.message),
        Kind::Note => LogEntry::note(args.message),
    };
    for (name, value) in args.metadata {
        entry = entry.metadata(name, value);
    }
    if let Some(task) = args.task {
        entry = entry.task(task);
    }
    if let Some((done, total)) = args.steps {
        entry = entry.steps(done, total);
    }
    if let Some(agent) = &args.needed_from {
        entry = entry.needed_from(agent);
    }
    if let Some(resource) = &resource {
        entry = entry.resource(resource.resource.name());
    }
    let session = desk.session().await?;
    let logged = session.log(entry).await?;
    if let Some(agent) = &args.needed_from
        && !record::is_known(session.pool(), session.workspace(), agent).await?
    {
        desk.say.note(&format!(
            "no agent {} was ever here: if one comes by this name, it finds the request in its inbox; `claimboard agents` names those who were",
            quoted(agent, 100)
        ));
    }
    let name = resource.as_ref().map(|one| one.resource.name());
    let mut text = format!("logged {}", logged.id);
    if let Some(until) = logged.expires_at {
        text = format!(
            "{text}, claim held until {}",
            crate::say::moment(until, chrono::Utc::now())
        );
    }
    let mut exit = Exit::Done;
    if let (Some(loss), Some(name)) = (&logged.lost, name) {
        exit = Exit::Lost;
        text = format!("{text}, late\n{}", shape::lost(desk.say, name, loss));
    }
    Ok(Answer::new(
        exit,
        json!({
            "outcome": if logged.lost.is_some() { "lost" } else { "logged" },
            "log_id": logged.id,
            "claim_id": logged.claim,
            "expires_at": logged.expires_at,
            "lost": logged.lost.as_ref().zip(name).map(|(loss, name)| shape::loss(name, loss)),
        }),
        text,
    ))
}

fn message(typed: &str) -> Result<String, &'static str> {
    if typed.trim().is_empty() {
        return Err("say something");
    }
    Ok(typed.to_owned())
}

fn steps(typed: &str) -> Result<(u32, u32), &'static str> {
    let (done, total) = typed
        .split_once('/')
        .and_then(|(done, total)| Some((done.trim().parse().ok()?, total.trim().parse().ok()?)))
        .ok_or("write it as 3/5")?;
    if done > total || total == 0 {
        return Err("write it as 3/5: no more are done than there are");
    }
    Ok((done, total))
}

fn metadata(typed: &str) -> Result<(String, Value), String> {
    let (name, value) = typed
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("write it as name=value")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((name.to_owned(), value))
}
