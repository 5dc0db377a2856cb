//! What each tool does.

use std::time::{Duration, Instant};

use chrono::Utc;
use coordination::{Claim, Held, LogEntry, ReleaseOutcome, Session, TicketId};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::answer::{self, Answer};
use super::presence::Presence;
use super::tool::{Call, Kind, LONGEST_WAIT, Log, Release, Wait, Wanted, Who};
use crate::failure::Failure;
use crate::holding;
use crate::path::shown;
use crate::place::Named;
use crate::quote::clean;
use crate::record;
use crate::wish::{self, Got, Terms, Wish};

/// How long an open transaction that stands in the way is waited for by those who do not wish to wait.
const BUSY: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(250);
/// The longest wait, less what the last look and the answer may take on a busy machine.
const LONGEST: Duration = Duration::from_secs(LONGEST_WAIT - 1);

/// Does it, and says first what was lost meanwhile.
pub(super) async fn answer(
    presence: &Presence,
    client: Option<&str>,
    call: Call,
    called_off: &CancellationToken,
) -> Result<Answer, Failure> {
    let (session, held) = presence.here(client).await?;
    let work = Work {
        presence,
        session: &session,
        called_off,
    };
    let done = match call {
        Call::Start => work.start(&held).await,
        Call::Claim(wanted) => work.claim(&wanted).await,
        Call::Release(release) => work.release(&release).await,
        Call::Log(log) => work.log(log).await,
        Call::Who(who) => work.who(&who).await,
        Call::Wait(wait) => work.wait(wait).await,
    };
    let mut answer = done.unwrap_or_else(Answer::from);
    if presence.desk.is_local() {
        answer.set("local", true);
    }
    // Claims may have been lost while the call went on.
    let _ = presence.here(client).await;
    answer.lost(&presence.take_lost().await);
    Ok(answer)
}

struct Work<'a> {
    presence: &'a Presence,
    session: &'a Session,
    called_off: &'a CancellationToken,
}

impl Work<'_> {
    async fn start(&self, held: &[Claim]) -> Result<Answer, Failure> {
        let (pool, workspace) = (self.session.pool(), self.session.workspace());
        let agent = self.session.agent();
        let others = record::claims(pool, workspace, false).await?;
        let others: Vec<_> = others
            .iter()
            .filter(|row| {
                row.claimed_by != agent || held.iter().all(|claim| claim.resource() != row.resource)
            })
            .collect();
        let help = record::open_help(pool, workspace, agent).await?;
        let mut answer = Answer::new("started");
        answer.set("agent", agent);
        answer.set("workspace", workspace);
        answer.set("session", self.session.incarnation());
        answer.line(format!("you are {agent} in workspace {workspace}"));
        let enforcement = self.presence.enforcement(self.session).await?;
        answer.line(format!(
            "claims here: edits {}, commits {}",
            enforcement["edits"].as_str().unwrap_or_default(),
            enforcement["commits"].as_str().unwrap_or_default()
        ));
        answer.set("enforcement", enforcement);
        answer.line(count(held.len(), "you hold nothing", "you hold"));
        answer.list("claims", held.iter().map(answer::mine));
        answer.line(count(others.len(), "others hold nothing", "others hold"));
        answer.list("others", others.into_iter().map(answer::held));
        answer.list("help", help.iter().map(answer::help));
        Ok(answer)
    }

    async fn claim(&self, wanted: &Wanted) -> Result<Answer, Failure> {
        let named = self.name(&wanted.resources)?;
        let got = self.ask(wanted, &named, None).await?;
        let mut answer = self.outcome(&got);
        notes(&mut answer, &named);
        Ok(answer)
    }

    async fn release(&self, release: &Release) -> Result<Answer, Failure> {
        if release.all != release.resources.is_empty() {
            return Err(Failure::usage(
                "name what to give back, or say all",
                r#"call release with {"resources": ["docs/"]} or with {"all": true}"#,
            ));
        }
        let named = self
            .presence
            .desk
            .place
            .name_all(&release.resources, false)?;
        let holding =
            holding::find(self.session, (!release.all).then_some(named.as_slice())).await?;
        let mut released = Vec::new();
        let mut lost = holding.lost;
        for claim in holding.held {
            let resource = claim.resource().to_owned();
            match self.session.release(claim).await? {
                ReleaseOutcome::Released => released.push(resource),
                ReleaseOutcome::AlreadyLost(loss) => lost.push((resource, loss)),
            }
        }
        let mut answer = Answer::new(if lost.is_empty() { "released" } else { "lost" });
        if released.is_empty() && lost.is_empty() {
            answer.line("you hold nothing");
        }
        answer.list(
            "released",
            released.iter().map(|resource| {
                let line = format!("released {}", shown(resource));
                (Value::from(shown(resource)), Some(line))
            }),
        );
        answer.lost(&lost);
        Ok(answer)
    }

    async fn log(&self, log: Log) -> Result<Answer, Failure> {
        if log.message.trim().is_empty() {
            return Err(Failure::usage(
                "the message is empty",
                "call log with a message that says something",
            ));
        }
        if let (Some(done), Some(total)) = (log.done, log.total)
            && done > total
        {
            return Err(Failure::usage(
                format!("{done} steps of {total} cannot be done"),
                "call log with done at most total",
            ));
        }
        let mut entry = match log.kind {
            Kind::Progress => LogEntry::progress(log.message),
            Kind::Help => LogEntry::help(log.message),
            Kind::Blocked => LogEntry::blocked(log.message),
            Kind::Waiting => LogEntry::waiting(log.message),
            Kind::Done => LogEntry::done(log.message),
            Kind::Note => LogEntry::note(log.message),
        };
        let named = match log.resource {
            Some(resource) => Some(self.presence.desk.place.name(&resource, false)?),
            None => None,
        };
        if let Some(named) = &named {
            entry = entry.resource(named.resource.name());
        }
        if let Some(agent) = log.needed_from {
            entry = entry.needed_from(agent);
        }
        if let Some(task) = log.task {
            entry = entry.task(task);
        }
        if let Some(done) = log.done {
            entry = entry.metadata("done", done);
        }
        if let Some(total) = log.total {
            entry = entry.metadata("total", total);
        }
        let logged = self.session.log(entry).await?;
        let mut answer = Answer::new(if logged.lost.is_some() {
            "lost"
        } else {
            "logged"
        });
        answer.set("log_id", logged.id.0);
        answer.line(format!("logged {}", logged.id));
        if let Some(until) = logged.expires_at {
            answer.set("expires_at", answer::time(until));
        }
        if let (Some(loss), Some(named)) = (logged.lost, named) {
            answer.lost(&[(named.resource.name().to_owned(), loss)]);
        }
        Ok(answer)
    }

    async fn who(&self, who: &Who) -> Result<Answer, Failure> {
        let (pool, workspace) = (self.session.pool(), self.session.workspace());
        let mut answer = Answer::new("answered");
        if who.resources.is_empty() {
            let held = record::claims(pool, workspace, false).await?;
            answer.line(count(held.len(), "nobody holds anything", "held"));
            answer.list("held", held.iter().map(answer::held));
            return Ok(answer);
        }
        let now = Utc::now();
        let mut members = Vec::new();
        for named in self.name(&who.resources)? {
            let name = named.resource.name();
            let holders = coordination::holders_in(pool, name, workspace).await?;
            if holders.is_empty() {
                let line = format!("nobody holds {}", shown(name));
                members.push((json!({"resource": shown(name), "free": true}), Some(line)));
            }
            for one in &holders {
                let (mut value, line) = answer::holder(one, now);
                value["resource"] = Value::from(shown(name));
                value["yours"] = Value::Bool(self.is_mine(one));
                members.push((value, line));
            }
        }
        answer.list("holders", members);
        Ok(answer)
    }

    async fn wait(&self, wait: Wait) -> Result<Answer, Failure> {
        let until = Instant::now() + patience(wait.seconds);
        let wanted = match &wait.ticket {
            Some(_) if !wait.resources.is_empty() => {
                return Err(Failure::usage(
                    "a wait has a ticket or resources, not both",
                    r#"go on waiting with {"ticket": "…"}"#,
                ));
            }
            Some(ticket) => self.presence.waited_for(ticket).await.ok_or_else(|| {
                Failure::usage(
                    format!("nobody waits with ticket {}", clean(ticket, 40)),
                    "call wait with the resources again",
                )
            })?,
            None => wait.wanted(),
        };
        let named = self.name(&wanted.resources)?;
        let got = self.ask(&wanted, &named, Some(until)).await?;
        let mut answer = self.outcome(&got);
        if let Got::Waiting(place) = &got {
            self.presence.remember_wait(place.ticket, wanted).await;
        }
        notes(&mut answer, &named);
        Ok(answer)
    }

    fn name(&self, typed: &[String]) -> Result<Vec<Named>, Failure> {
        if typed.is_empty() {
            return Err(Failure::usage(
                "no resource is named",
                "name paths such as src/a.rs, subtrees such as docs/, or scheme:name",
            ));
        }
        typed
            .iter()
            .map(|one| self.presence.desk.place.name(one, false))
            .collect()
    }

    /// Asks until it is granted, the time is up, or nobody waits for the answer any more.
    async fn ask(
        &self,
        wanted: &Wanted,
        named: &[Named],
        until: Option<Instant>,
    ) -> Result<Got, Failure> {
        let resources: Vec<&str> = named.iter().map(|one| one.resource.name()).collect();
        let started = Instant::now();
        let terms = Terms {
            shared: wanted.mode == coordination::Mode::Shared,
            slot: wanted.mode == coordination::Mode::Slot,
            reason: wanted.reason.clone(),
            eta: None,
            wait: until.map(|until| until.saturating_duration_since(started)),
            literal: false,
        };
        let wish = Wish {
            resources: &resources,
            ttl: wanted.ttl(),
            terms: &terms,
            key: None,
            turn: None,
        };
        let mut ticket = None;
        loop {
            let got = wish::attempt(self.session, &wish).await?;
            let is_gone = self.called_off.is_cancelled() || self.presence.closing.is_cancelled();
            let patience = match &got {
                Got::Waiting(place) => {
                    ticket = Some(place.ticket);
                    until.unwrap_or(started)
                }
                Got::Busy => until.unwrap_or(started).max(started + BUSY),
                Got::Granted(_) if is_gone => started,
                _ => return Ok(got),
            };
            if is_gone {
                return self.give_up(got, ticket).await;
            }
            if Instant::now() >= patience {
                return Ok(got);
            }
            let left = patience.saturating_duration_since(Instant::now());
            tokio::select! {
                () = tokio::time::sleep(PAUSE.mul_f64(rand::random_range(0.5..1.5)).min(left)) => {}
                () = self.called_off.cancelled() => {}
                () = self.presence.closing.cancelled() => {}
            }
        }
    }

    /// Nobody waits for the answer any more: nothing is claimed, and nobody is kept waiting by a place in line.
    async fn give_up(&self, got: Got, ticket: Option<TicketId>) -> Result<Got, Failure> {
        if let Got::Granted(claims) = got {
            for claim in claims {
                let _ = self.session.release(claim).await?;
            }
        } else if let Some(ticket) = ticket {
            self.session.withdraw(ticket).await?;
        }
        Err(Failure::failed("the call was called off", "call it again"))
    }

    fn outcome(&self, got: &Got) -> Answer {
        match got {
            Got::Granted(claims) => {
                let mut answer = Answer::new("granted");
                answer.list("claims", claims.iter().map(answer::granted));
                answer
            }
            Got::Held(held) => {
                let mut answer = self.refused("held", held);
                answer.line(
                    "not granted, nothing was claimed: leave it alone; work elsewhere, wait, or log help with needed_from",
                );
                answer
            }
            Got::Waiting(place) => {
                let mut answer = self.refused("waiting", &place.held);
                answer.set("ticket", place.ticket.to_string());
                answer.set("position", place.position);
                answer.line(format!(
                    "still waiting, place {} in line: call wait with ticket {} within two minutes to go on, or do something else",
                    place.position, place.ticket
                ));
                answer
            }
            Got::Busy | Got::Interrupted(_) => {
                let mut answer = Answer::new("busy");
                answer.list("holders", []);
                answer.line("a transaction that is still open decides: call again in a moment");
                answer
            }
        }
    }

    fn refused(&self, outcome: &str, held: &Held) -> Answer {
        let mut answer = Answer::new(outcome);
        let now = Utc::now();
        let holders = held.holders.iter().map(|one| answer::holder(one, now));
        answer.list("holders", holders);
        answer.list("ahead", held.ahead.iter().map(answer::waiter));
        answer.list("free", held.free.iter().map(|name| answer::free(name)));
        if held
            .holders
            .iter()
            .any(|one| one.agent == self.session.agent())
        {
            answer.line("an earlier self holds it: it expires unless that comes back");
        }
        answer
    }

    fn is_mine(&self, holder: &coordination::Holder) -> bool {
        holder.agent == self.session.agent() && holder.incarnation == self.session.incarnation()
    }
}

fn notes(answer: &mut Answer, named: &[Named]) {
    let notes: Vec<&str> = named.iter().filter_map(|one| one.note.as_deref()).collect();
    if !notes.is_empty() {
        for note in &notes {
            answer.line(format!("note: {note}"));
        }
        answer.set("notes", json!(notes));
    }
}

/// How long a call waits that asks for so many seconds.
fn patience(seconds: Option<u64>) -> Duration {
    seconds.map_or(LONGEST, |seconds| {
        Duration::from_secs(seconds.max(1)).min(LONGEST)
    })
}

fn count(number: usize, none: &str, some: &str) -> String {
    match number {
        0 => none.to_owned(),
        1 => format!("{some} 1 claim:"),
        number => format!("{some} {number} claims:"),
    }
}

#[cfg(test)]
mod tests;
