//! `claimboard run`: claim, run a command, release.
//!
//! Guarantees: the command starts only under a granted claim and is stopped when the lease may be over, or within seconds of a claim's
//! end by somebody's decision; the claim is released when the command ends; a `run` that is killed takes the command along (on Linux)
//! and its claim expires.
//! Claims of one session never stand in each other's way, so a run looks for its agent's own while it holds the agent's turn: two runs of
//! one agent exclude each other as two agents do.
//! Accepted: in the foreground of a terminal only the command itself is stopped, not what it started; elsewhere its whole process group.

mod command;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use chrono::Utc;
use coordination::{Claim, ClaimId, Held, Kept, Loss, ReleaseOutcome, Session, Waiting};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(crate) use self::command::{Args as CommandArgs, become_command};
use self::command::{Command, Signals};
use crate::desk::Desk;
use crate::failure::{Failure, with_causes};
use crate::identity;
use crate::path::shown;
use crate::say::{Say, json_line};
use crate::shape;
use crate::wish::{self, Ears, Got, Terms, Wish};

/// We failed: nothing was run.
pub(crate) const FAILED: u8 = 125;
/// Somebody holds it: nothing was run.
const HELD: u8 = 75;
/// The lease was lost while the command ran.
const LOST: u8 = 124;
/// How often it is looked whether somebody ended a claim: its next renewal may be hours away.
const GLANCE: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard run docs/ -- make guide
  claimboard run table:modules --wait 60 -- ./import.sh
  claimboard run gpu:0 --slot --reason training -- python train.py

The command runs with CLAIMBOARD_AGENT, CLAIMBOARD_WORKSPACE and CLAIMBOARD_TOKENS (a JSON object of
resource and fencing token) in its environment. Signals are passed on. Two runs of one agent exclude
each other, too, and so does what this agent holds by `claimboard claim`.

Exits with the command's code, 128 and the signal's number if a signal ended it, 126 or 127 if it
cannot be run, and with codes of its own: 75 held (who, on standard error), 124 the lease was lost
(the command was sent TERM, and KILL after --kill-after), 125 anything else failed. That somebody
revoked the claim, released it or handed it over is noticed within seconds.

JSON, on standard error, an object a line: event \"granted\", claims [claim]; \"held\", holders [holder];
\"lost\" and a loss; \"released\", resource; \"not released\", resource, error, expires_at")]
pub(crate) struct Args {
    /// What to claim: all of it, or none
    #[arg(required = true, value_name = "RESOURCE")]
    resources: Vec<String>,
    /// What to run
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
    /// How long the claim outlives a run that is killed: 30s to 24h
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = crate::cli::duration)]
    ttl: Duration,
    /// How long the command may take to end after the lease was lost
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = crate::cli::duration)]
    kill_after: Duration,
    #[command(flatten)]
    terms: Terms,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<u8, Failure> {
    let named = desk.name_all(&args.resources, args.terms.literal)?;
    let resources: Vec<&str> = named.iter().map(|one| one.resource.name()).collect();
    let agent = desk.acting_agent()?;
    let mut ears = Ears::open()?;
    let database = desk.database().await?;
    let workspace = desk.workspace();
    let session = identity::session(&database, &agent, &workspace).await?;
    let turn = identity::turn(&database, &agent, &workspace)?;
    let signals = Signals::listen()?;
    let teller = Teller { desk };
    let wish = Wish {
        resources: &resources,
        ttl: args.ttl,
        terms: &args.terms,
        key: None,
        turn: Some(&turn),
    };
    let got = wish::claim(&session, &wish, &mut ears).await?;
    let claims = match got {
        Got::Granted(claims) => claims,
        Got::Held(held) => return Ok(refused(teller, &agent, &held, None)),
        Got::Waiting(waiting) => {
            return Ok(refused(teller, &agent, &waiting.held, Some(&waiting)));
        }
        Got::Busy => {
            teller.tell(
                "held",
                json!({"holders": []}),
                "not run: a transaction that is still open decides; try again, or add --wait SECONDS",
            );
            return Ok(HELD);
        }
        Got::Interrupted(signal) => return Ok(signal.code()),
    };
    drop(ears);
    under(&session, claims, args, signals, teller).await
}

fn refused(teller: Teller<'_>, agent: &str, held: &Held, waiting: Option<&Waiting>) -> u8 {
    let say = teller.desk.say;
    let text = shape::refusal(say, held, waiting, Utc::now());
    teller.tell(
        "held",
        shape::refused(held, waiting),
        &format!("not run: {}", text.trim_end()),
    );
    if held.holders.iter().any(|holder| holder.agent == agent) {
        say.note("that is this agent itself: run the command as it is, or give the claim back first with `claimboard release`");
    }
    HELD
}

/// Runs the command under the claims.
async fn under(
    session: &Session,
    claims: Vec<Claim>,
    args: Args,
    mut signals: Signals,
    teller: Teller<'_>,
) -> Result<u8, Failure> {
    teller.event(
        "granted",
        json!({"claims": claims.iter().map(shape::claim).collect::<Vec<_>>()}),
    );
    let tokens: serde_json::Map<String, Value> = claims
        .iter()
        .map(|claim| (claim.resource().to_owned(), json!(claim.token())))
        .collect();
    let environment = [
        ("CLAIMBOARD_AGENT", session.agent().to_owned()),
        ("CLAIMBOARD_WORKSPACE", session.workspace().to_owned()),
        ("CLAIMBOARD_TOKENS", Value::Object(tokens).to_string()),
    ];
    let mut care = Care::begin(session, claims);
    let mut command = match Command::start(&args.command, &environment) {
        Ok(command) => command,
        Err(failure) => {
            care.end(session, teller).await;
            return Err(failure);
        }
    };

    let mut kill_at = None;
    let code = loop {
        tokio::select! {
            ended = command.ended() => break ended?,
            signal = signals.next() => command.pass_on(signal),
            Some(resource) = care.losses.recv(), if kill_at.is_none() => {
                teller.note(&format!(
                    "the lease of {} was lost: stopping the command",
                    shown(&resource)
                ));
                command.send(Signal::SIGTERM);
                kill_at = Some(tokio::time::Instant::now() + args.kill_after);
            }
            () = at(kill_at) => {
                command.send(Signal::SIGKILL);
                kill_at = Some(tokio::time::Instant::now() + Duration::from_secs(3600));
            }
        }
    };
    if kill_at.is_some() {
        // Whatever it left behind in its group works without a claim.
        command.sweep();
    }
    let lost = care.end(session, teller).await;
    Ok(if lost || kill_at.is_some() {
        LOST
    } else {
        code
    })
}

async fn at(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// The claims, each kept alive by a task of its own, and the word of the first that is lost.
struct Care {
    kept: Vec<(String, Kept)>,
    losses: mpsc::UnboundedReceiver<String>,
    glances: JoinHandle<()>,
}

impl Care {
    fn begin(session: &Session, claims: Vec<Claim>) -> Self {
        let (sender, losses) = mpsc::unbounded_channel();
        let names = claims
            .iter()
            .map(|claim| (claim.id(), claim.resource().to_owned()))
            .collect();
        let glances = tokio::spawn(glance(session.clone(), names, sender.clone()));
        let kept = claims
            .into_iter()
            .map(|claim| {
                let resource = claim.resource().to_owned();
                let kept = session.keep(claim);
                let (lost, sender, name) = (kept.lost().clone(), sender.clone(), resource.clone());
                tokio::spawn(async move {
                    lost.cancelled().await;
                    // Nobody listens any more once the command has ended.
                    let _ = sender.send(name);
                });
                (resource, kept)
            })
            .collect();
        Self {
            kept,
            losses,
            glances,
        }
    }

    /// Gives the claims back. Whether one of them was lost, which is told.
    async fn end(self, session: &Session, teller: Teller<'_>) -> bool {
        self.glances.abort();
        let mut lost = false;
        for (resource, kept) in self.kept {
            let end = match kept.stop().await {
                Ok(claim) => {
                    let until = claim.expires_at();
                    match session.release(claim).await {
                        Ok(ReleaseOutcome::Released) => {
                            teller.event("released", json!({"resource": resource}));
                            continue;
                        }
                        Ok(ReleaseOutcome::AlreadyLost(loss)) => Some(loss),
                        Err(error) => {
                            teller.tell(
                                "not released",
                                json!({"resource": resource, "error": with_causes(&error), "expires_at": until}),
                                &format!(
                                    "{} could not be released and expires by itself: {}",
                                    shown(&resource),
                                    with_causes(&error)
                                ),
                            );
                            continue;
                        }
                    }
                }
                Err(end) => end,
            };
            lost = true;
            teller.lost(&resource, end.as_ref());
        }
        lost
    }
}

/// Sends the name of the first claim that is found ended. A database that cannot be asked is asked again: renewals decide meanwhile.
async fn glance(
    session: Session,
    names: BTreeMap<ClaimId, String>,
    losses: mpsc::UnboundedSender<String>,
) {
    loop {
        tokio::time::sleep(GLANCE).await;
        let Ok(live) = session.claims().await else {
            continue;
        };
        let ended = names
            .iter()
            .find(|(id, _)| live.iter().all(|claim| claim.id() != **id));
        if let Some((_, name)) = ended {
            // Nobody listens any more once the command has ended.
            let _ = losses.send(name.clone());
            return;
        }
    }
}

/// Tells what happens, on standard error: standard output is the command's.
#[derive(Clone, Copy)]
struct Teller<'a> {
    desk: &'a Desk,
}

impl Teller<'_> {
    fn tell(self, event: &str, facts: Value, text: &str) {
        self.event(event, facts);
        self.note(text);
    }

    fn note(self, text: &str) {
        self.desk.say.note(text);
    }

    /// For machines only.
    fn event(self, event: &str, mut facts: Value) {
        if !self.desk.say.json {
            return;
        }
        facts["event"] = Value::from(event);
        if self.desk.is_local() {
            facts["local"] = Value::Bool(true);
        }
        Say::aside(&json_line(&facts));
    }

    fn lost(self, resource: &str, loss: Option<&Loss>) {
        match loss {
            Some(loss) => self.tell(
                "lost",
                shape::loss(resource, loss),
                shape::lost(self.desk.say, resource, loss).trim_end(),
            ),
            None => self.tell(
                "lost",
                json!({"resource": resource}),
                &format!(
                    "lost {}: the database could not be asked in time",
                    shown(resource)
                ),
            ),
        }
    }
}
