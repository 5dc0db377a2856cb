//! A claim that renews itself while work goes on, and stops the work when it is lost.
//!
//! Guarantee: [`Kept::lost`] is cancelled before the lease can have ended, if the task is scheduled in time: at the latest when
//! `trusted_until` has passed. A database that is away for less than the rest of the lease is survived.
//! Accepted: work that does not look at the token goes on; only an assertion inside the database stops its writes.

use std::time::{Duration, Instant as MonotonicInstant, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::claim::{Claim, Loss, RenewOutcome};
use crate::error::Error;
use crate::id::Token;
use crate::lease::Lease;
use crate::session::Session;

const RETRY: Duration = Duration::from_secs(1);
/// How often the wall clock is looked at, which knows of a sleep that the monotonic one missed.
const GLANCE: Duration = Duration::from_secs(5);

/// A claim in the care of a task that renews it at a third of its lease.
#[derive(Debug)]
#[must_use = "a kept claim that is dropped is no longer renewed"]
pub struct Kept {
    token: Token,
    trust: Trust,
    stop: CancellationToken,
    task: JoinHandle<Result<Claim, Option<Loss>>>,
}

/// Whether a kept claim may still be trusted: to be asked just before each act under it. Unlike [`Kept::lost`], it needs no task that
/// is scheduled in time, so a process that was paused learns the truth at its first question. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Trust {
    lease: watch::Receiver<Lease>,
    lost: CancellationToken,
}

impl Trust {
    /// Whether the claim is held, as far as the clocks and the last answer of the database can say.
    pub fn holds(&self) -> bool {
        !self.lost.is_cancelled()
            && self
                .lease
                .borrow()
                .is_trusted(MonotonicInstant::now(), SystemTime::now())
    }

    /// Cancelled when the claim is lost, or may be.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }
}

impl Session {
    /// Renews a claim from now on, until [`Kept::stop`].
    pub fn keep(&self, claim: Claim) -> Kept {
        let (lost, stop) = (CancellationToken::new(), CancellationToken::new());
        let (renewed, lease) = watch::channel(claim.lease());
        let trust = Trust {
            lease,
            lost: lost.clone(),
        };
        Kept {
            token: claim.token(),
            task: tokio::spawn(keep(self.clone(), claim, renewed, lost, stop.clone())),
            trust,
            stop,
        }
    }
}

impl Kept {
    /// The fencing token.
    pub fn token(&self) -> Token {
        self.token
    }

    /// Cancelled when the claim is lost, or may be: work under it must stop at once.
    pub fn lost(&self) -> &CancellationToken {
        self.trust.lost()
    }

    /// The same as a question, for whoever acts under the claim.
    pub fn trust(&self) -> Trust {
        self.trust.clone()
    }

    /// Ends the care and gives the claim back for releasing. `Err` when it was lost: with the database's word, or with none when trust
    /// ended because the database could not be asked.
    pub async fn stop(mut self) -> Result<Claim, Option<Loss>> {
        self.stop.cancel();
        match (&mut self.task).await {
            Ok(end) => end,
            Err(failure) => match failure.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(None),
            },
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn keep(
    session: Session,
    mut claim: Claim,
    renewed: watch::Sender<Lease>,
    lost: CancellationToken,
    stop: CancellationToken,
) -> Result<Claim, Option<Loss>> {
    // Whatever ends this task without giving the claim back ends the work: a runtime that shuts down, too.
    let ends_the_work = lost.drop_guard();
    let mut next = Instant::now() + claim.ttl() / 3;
    loop {
        let trusted_until = Instant::from_std(claim.trusted_until());
        tokio::select! {
            biased;
            () = stop.cancelled() => {
                return if claim.is_trusted() {
                    let _ = ends_the_work.disarm();
                    Ok(claim)
                } else {
                    Err(None)
                };
            }
            () = tokio::time::sleep_until(trusted_until) => return Err(None),
            () = tokio::time::sleep(GLANCE) => {
                if !claim.is_trusted() {
                    return Err(None);
                }
                continue;
            }
            () = tokio::time::sleep_until(next) => {}
        }
        let ttl = claim.ttl();
        let answer = tokio::select! {
            () = tokio::time::sleep_until(trusted_until) => return Err(None),
            answer = session.renew(&mut claim, ttl) => answer,
        };
        next = Instant::now()
            + match answer {
                Ok(RenewOutcome::Renewed) => {
                    renewed.send_replace(claim.lease());
                    ttl / 3
                }
                Ok(RenewOutcome::Lost(loss)) => return Err(Some(loss)),
                Err(Error::Database(_) | Error::Busy(_) | Error::Retry(_)) => RETRY,
                Err(refused) => {
                    tracing::warn!(claim.id = %claim.id(), error = %refused, "claim {} can no longer be renewed", claim.id());
                    return Err(None);
                }
            };
    }
}
