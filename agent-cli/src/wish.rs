//! Asking for claims, politely: what is wished for, waiting with some jitter, and nothing left behind when interrupted.

use std::fs::File;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use coordination::{
    Claim, ClaimOutcome, ClaimRequest, Error, Held, Holder, Mode, Session, SetOutcome, TicketId,
    Waiting,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Exit, Failure};

/// Between two looks at a line one stands in.
const PAUSE: Duration = Duration::from_millis(250);
/// How long an open transaction that stands in the way is waited for by those who do not wish to wait.
const BUSY: Duration = Duration::from_secs(2);

/// How to claim.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Terms {
    /// With other shared claims
    #[arg(long)]
    pub(crate) shared: bool,
    /// One slot of the pool of this name
    #[arg(long, conflicts_with = "shared")]
    pub(crate) slot: bool,
    /// Why, for those who are refused and those who watch
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// When it will probably be done: 2h from now, or an RFC 3339 time
    #[arg(long, value_name = "WHEN", value_parser = crate::cli::moment)]
    pub(crate) eta: Option<DateTime<Utc>>,
    /// Stand in line for as long as this
    #[arg(long, value_name = "SECONDS", value_parser = crate::cli::duration)]
    pub(crate) wait: Option<Duration>,
    /// Every character of the resources stands for itself
    #[arg(long)]
    pub(crate) literal: bool,
}

/// What to claim.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) resources: &'a [&'a str],
    pub(crate) ttl: Duration,
    pub(crate) terms: &'a Terms,
    pub(crate) key: Option<&'a str>,
    /// With the agent's turn (see [`identity::turn`](crate::identity::turn)), what the session itself holds stands in the way, too.
    pub(crate) turn: Option<&'a File>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Got {
    Granted(Vec<Claim>),
    Held(Held),
    /// Held, and a place in line is kept.
    Waiting(Waiting),
    Busy,
    /// A signal came first: nothing is held.
    Interrupted(EndSignal),
}

/// Which signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndSignal {
    Hangup = 1,
    Interrupt = 2,
    Terminate = 15,
}

impl EndSignal {
    /// What a shell answers for a program that the signal ended.
    pub(crate) fn code(self) -> u8 {
        self.exit() as u8
    }

    fn exit(self) -> Exit {
        match self {
            Self::Hangup => Exit::HungUp,
            Self::Interrupt => Exit::Interrupted,
            Self::Terminate => Exit::Terminated,
        }
    }

    /// That it ended the program: what became of the work, and what to do next.
    pub(crate) fn ended(self, what: &str, next: &str) -> Failure {
        Failure {
            exit: self.exit(),
            what: format!("interrupted by signal {}: {what}", self as u8),
            next: next.to_owned(),
        }
    }
}

/// Listens for the signals that end a program.
#[derive(Debug)]
pub(crate) struct Ears {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Ears {
    pub(crate) fn open() -> Result<Self, Failure> {
        let open = |kind| {
            signal(kind).map_err(|error| {
                Failure::failed(
                    format!("signals cannot be listened for: {error}"),
                    "try again",
                )
            })
        };
        Ok(Self {
            hangup: open(SignalKind::hangup())?,
            interrupt: open(SignalKind::interrupt())?,
            terminate: open(SignalKind::terminate())?,
        })
    }

    pub(crate) async fn hear(&mut self) -> EndSignal {
        tokio::select! {
            _ = self.hangup.recv() => EndSignal::Hangup,
            _ = self.interrupt.recv() => EndSignal::Interrupt,
            _ = self.terminate.recv() => EndSignal::Terminate,
        }
    }
}

impl Terms {
    fn request(&self, resource: &str, ttl: Duration, key: Option<&str>) -> ClaimRequest {
        let mut request = ClaimRequest::new(resource).ttl(ttl);
        if self.shared {
            request = request.shared();
        } else if self.slot {
            request = request.slot();
        }
        if let Some(reason) = &self.reason {
            request = request.reason(reason);
        }
        if let Some(eta) = self.eta {
            request = request.eta(eta);
        }
        if let Some(wait) = self.wait {
            request = request.wait(wait);
        }
        match key {
            Some(key) => request.key(key),
            None => request,
        }
    }
}

/// Claims all resources or none. For as long as the terms say, it stands in line and asks again; the place is kept a little longer, for
/// the same wish by the same session.
pub(crate) async fn claim(
    session: &Session,
    wish: &Wish<'_>,
    ears: &mut Ears,
) -> Result<Got, Failure> {
    let started = Instant::now();
    let mut ticket = None;
    loop {
        let attempt = attempt_in_turn(session, wish);
        tokio::pin!(attempt);
        let answer = tokio::select! {
            // If both are there: who was told to end takes nothing.
            biased;
            signal = ears.hear() => {
                // The answer may be on its way: it must not leave a claim behind.
                match attempt.await? {
                    Got::Granted(claims) => {
                        for claim in claims {
                            let _ = session.release(claim).await?;
                        }
                    }
                    Got::Waiting(waiting) => ticket = Some(waiting.ticket),
                    _ => {}
                }
                return interrupted(session, ticket, signal).await;
            }
            answer = &mut attempt => answer,
        }?;
        let patience = match &answer {
            Got::Waiting(waiting) => {
                ticket = Some(waiting.ticket);
                wish.terms.wait.unwrap_or(Duration::ZERO)
            }
            Got::Held(_) => wish.terms.wait.unwrap_or(Duration::ZERO),
            Got::Busy => wish.terms.wait.unwrap_or(Duration::ZERO).max(BUSY),
            _ => return Ok(answer),
        };
        let left = patience.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Ok(answer);
        }
        let pause = PAUSE.mul_f64(rand::random_range(0.5..1.5));
        tokio::select! {
            () = tokio::time::sleep(pause.min(left)) => {}
            signal = ears.hear() => return interrupted(session, ticket, signal).await,
        }
    }
}

/// Whoever does not wait any more stands in nobody's way.
async fn interrupted(
    session: &Session,
    ticket: Option<TicketId>,
    signal: EndSignal,
) -> Result<Got, Failure> {
    if let Some(ticket) = ticket {
        session.withdraw(ticket).await?;
    }
    Ok(Got::Interrupted(signal))
}

async fn attempt_in_turn(session: &Session, wish: &Wish<'_>) -> Result<Got, Failure> {
    let Some(turn) = wish.turn else {
        return attempt(session, wish).await;
    };
    // Another process of this agent is at it, which takes no longer than its call.
    if turn.try_lock().is_err() {
        return Ok(Got::Busy);
    }
    let got = match own(session, wish).await {
        Ok(own) if own.is_empty() => attempt(session, wish).await,
        Ok(own) => Ok(Got::Held(Held {
            holders: own,
            ..Held::default()
        })),
        Err(failure) => Err(failure),
    };
    turn.unlock().map_err(|error| {
        Failure::failed(
            format!("the agent's turn cannot be ended: {error}"),
            "try again",
        )
    })?;
    got
}

/// What the session itself holds of the wish, incompatibly. Slots exclude each other in the database.
async fn own(session: &Session, wish: &Wish<'_>) -> Result<Vec<Holder>, Failure> {
    let mut own = Vec::new();
    for resource in wish.resources.iter().filter(|_| !wish.terms.slot) {
        own.extend(
            session
                .holders(resource)
                .await?
                .into_iter()
                .filter(|holder| {
                    holder.agent == session.agent()
                        && holder.incarnation == session.incarnation()
                        && !(wish.terms.shared && holder.mode == Mode::Shared)
                }),
        );
    }
    Ok(own)
}

/// One attempt, without patience.
pub(crate) async fn attempt(session: &Session, wish: &Wish<'_>) -> Result<Got, Failure> {
    let Some((first, others)) = wish.resources.split_first() else {
        return Err(Failure::usage("nothing to claim", "name a resource"));
    };
    let request = wish.terms.request(first, wish.ttl, wish.key);
    // One answer to one question: who waits here asks again, and may stop at any time between two answers.
    let mut connection = session.pool().acquire().await?;
    let answer = if others.is_empty() {
        match session.claim_in(&mut connection, request).await {
            Ok(ClaimOutcome::Granted(claim)) => Ok(Got::Granted(vec![claim])),
            Ok(ClaimOutcome::Held(held)) => Ok(Got::Held(held)),
            Ok(ClaimOutcome::Waiting(waiting)) => Ok(Got::Waiting(waiting)),
            Ok(ClaimOutcome::Busy) => Ok(Got::Busy),
            Err(error) => Err(error),
        }
    } else {
        match session.claim_all_in(&mut connection, others, request).await {
            Ok(SetOutcome::Granted(claims)) => Ok(Got::Granted(claims)),
            Ok(SetOutcome::Held(held)) => Ok(Got::Held(held)),
            Ok(SetOutcome::Waiting(waiting)) => Ok(Got::Waiting(waiting)),
            Ok(SetOutcome::Busy) => Ok(Got::Busy),
            Err(error) => Err(error),
        }
    };
    match answer {
        Err(Error::Busy(_) | Error::Retry(_)) => Ok(Got::Busy),
        other => Ok(other?),
    }
}
