//! `claimboard claim`

use std::time::{Duration, SystemTime};

use chrono::Utc;
use coordination::{Claim, Held, Session, Waiting};
use serde_json::json;

use crate::desk::Desk;
use crate::enforcement::Enforcement;
use crate::failure::{Exit, Failure};
use crate::say::Answer;
use crate::wish::{self, Ears, Got, Terms, Wish};
use crate::{identity, shape};

/// A tool call that was checked longer ago says nothing about the next one.
const RECENT: Duration = Duration::from_mins(10);

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard claim docs/guide.md --reason 'typos'
  claimboard claim docs/ src/lib.rs          # both or none
  claimboard claim table:modules --shared --ttl 1h
  claimboard claim docs/ --wait 60           # stand in line for up to a minute

Exits 0 when granted, 3 when held (the holders are on standard output) or when an open
transaction stands in the way. A claim keeps others from claiming. What keeps them from writing is said
beside it: edits are enforced when this agent's host had a tool call checked within ten minutes, commits
when git has the hooks, tables when they are guarded; anything else is advisory.

JSON: outcome \"granted\", agent, workspace, claims [claim], enforcement (edits, commits, tables); or
outcome \"held\" or \"busy\", holders [holder], ahead [waiter], free [resource], waiting (waiting)")]
pub(crate) struct Args {
    /// What to claim: all of it, or none
    #[arg(required = true, value_name = "RESOURCE")]
    resources: Vec<String>,
    /// How long it lives without a renewal: 30s to 24h
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = crate::cli::duration)]
    ttl: Duration,
    #[command(flatten)]
    terms: Terms,
    /// Done once: the same key with the same wish gets the first answer again
    #[arg(long, value_name = "TEXT")]
    key: Option<String>,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Answer, Failure> {
    let named = desk.name_all(&args.resources, args.terms.literal)?;
    let resources: Vec<&str> = named.iter().map(|one| one.resource.name()).collect();
    let agent = desk.acting_agent()?;
    let mut ears = Ears::open()?;
    let database = desk.database().await?;
    let session = identity::session(&database, &agent, &desk.workspace()).await?;
    let got = wish::claim(
        &session,
        &Wish {
            resources: &resources,
            ttl: args.ttl,
            terms: &args.terms,
            key: args.key.as_deref(),
            turn: None,
        },
        &mut ears,
    )
    .await?;
    Ok(match got {
        Got::Granted(claims) => {
            let guards = Enforcement::look(desk, session.pool(), &database.key, Some(&agent)).await;
            granted(desk, &session, &claims, guards.ok())
        }
        Got::Held(held) => refused(desk, &session, &held, None),
        Got::Waiting(waiting) => refused(desk, &session, &waiting.held, Some(&waiting)),
        Got::Busy => Answer::new(
            Exit::No,
            json!({"outcome": "busy", "holders": []}),
            "busy: a transaction that is still open decides; try again, or add --wait SECONDS",
        ),
        Got::Interrupted(signal) => {
            return Err(signal.ended("nothing was claimed", "run it again to claim"));
        }
    })
}

/// The claims stand, whatever came of the look at what enforces them.
fn granted(
    desk: &Desk,
    session: &Session,
    claims: &[Claim],
    guards: Option<Enforcement>,
) -> Answer {
    let mut text: String = claims
        .iter()
        .map(|claim| shape::granted(desk.say, session.agent(), claim))
        .collect();
    let recently = SystemTime::now() - RECENT;
    if let Some(guards) = &guards {
        text.push_str(&desk.say.faint(&guards.line(recently)));
    }
    Answer::new(
        Exit::Done,
        json!({
            "outcome": "granted",
            "agent": session.agent(),
            "workspace": session.workspace(),
            "claims": claims.iter().map(shape::claim).collect::<Vec<_>>(),
            "enforcement": guards.map(|guards| guards.json(recently)),
        }),
        text,
    )
}

fn refused(desk: &Desk, session: &Session, held: &Held, waiting: Option<&Waiting>) -> Answer {
    if held
        .holders
        .iter()
        .any(|holder| holder.agent == session.agent())
    {
        desk.say
            .note("an earlier self holds it: a session of this agent that is not kept here");
    }
    desk.say.note(match waiting {
        Some(_) => "not granted yet: the same command takes the place in line up again; or work elsewhere, or ask the holder with `claimboard log help … --needed-from NAME`",
        None => "not granted: stand in line for it with --wait SECONDS, work elsewhere, or ask the holder with `claimboard log help … --needed-from NAME`",
    });
    Answer::new(
        Exit::No,
        shape::refused(held, waiting),
        shape::refusal(desk.say, held, waiting, Utc::now()),
    )
}
