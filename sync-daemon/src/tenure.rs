//! The right to write: one process at a time, by a claim of this project's own protocol.
//!
//! # Guarantees
//! 1. Who mirrors holds the claim [`RESOURCE`], and its fencing token stands in the ledger, which takes doubt
//!    only from the bearer of the largest token it has seen. So of two processes, one writes.
//! 2. A process that was paused, or cannot reach Postgres, stops by itself before its lease ends: [`Trust`] is
//!    asked before every request.
//! 3. A holder that died on this machine is succeeded at once, one on another machine when its lease is over.
//!
//! # How the dead are told from the paused
//! A holder keeps a socket of this machine bound, under a name that the ledger's id decides, and says in the
//! claim's reason on which machine. The kernel closes the socket when the process ends, and not when it is
//! paused. So whoever finds a claim of this machine and can bind the name knows that its holder is gone.

use std::os::unix::net::UnixListener;
use std::time::Duration;

use coordination::{ClaimOutcome, ClaimRequest, Error, Holder, Kept, Session, Trust};
use sqlx::PgPool;

use crate::ledger::Ledger;

/// What the process that mirrors holds.
pub const RESOURCE: &str = "daemon:claimboard-sync";

/// Its workspace: apart from those of agents, who may claim everything in theirs.
pub const WORKSPACE: &str = "claimboard-sync";

/// How long a holder that vanished is waited for.
pub const LEASE: Duration = Duration::from_secs(30);

/// Somebody who would mirror.
#[derive(Debug)]
pub struct Candidate {
    ledger: Ledger,
    session: Session,
    seat: Seat,
}

/// The right to write, while it lasts.
#[derive(Debug)]
pub struct Tenure {
    /// The ledger, as this process may write it.
    pub ledger: Ledger,
    session: Session,
    kept: Kept,
    _bound: Option<UnixListener>,
}

/// The answer to an attempt.
#[derive(Debug)]
pub enum Attempt {
    /// This process mirrors from now on.
    Granted(Box<Tenure>),
    /// Another one does: who, in words.
    Held(String),
}

impl Candidate {
    /// A candidate for this ledger.
    pub async fn new(pool: &PgPool, ledger: &Ledger) -> Result<Self, Error> {
        let id = ledger.id().await.map_err(Error::Database)?;
        Ok(Self {
            ledger: ledger.clone(),
            session: Session::open(pool, "claimboard-sync", WORKSPACE).await?,
            seat: Seat::new(id),
        })
    }

    /// Tries once.
    pub async fn attempt(&self) -> Result<Attempt, Error> {
        // Bound for this attempt only, unless it succeeds: a bound name says "alive".
        let bound = self.seat.bind();
        let answer = match self.claim(bound.is_some()).await? {
            ClaimOutcome::Held(held) if bound.is_some() => {
                let dead = held
                    .holders
                    .iter()
                    .find(|holder| self.seat.was_held_by(holder));
                match dead {
                    Some(holder) => {
                        tracing::info!(
                            claim = %holder.claim_id,
                            "the process that mirrored until now is gone; taking over"
                        );
                        // Without the right to revoke, its lease is waited for.
                        let _ = coordination::revoke(
                            self.session.pool(),
                            holder.claim_id,
                            "its process is gone",
                        )
                        .await;
                        self.claim(true).await?
                    }
                    None => ClaimOutcome::Held(held),
                }
            }
            answer => answer,
        };
        match answer {
            ClaimOutcome::Granted(claim) => {
                let token = claim.token().0;
                let kept = self.session.keep(claim);
                let Some(ledger) = self
                    .ledger
                    .taken_over(token)
                    .await
                    .map_err(Error::Database)?
                else {
                    return Ok(Attempt::Held("a process with a larger token".to_owned()));
                };
                Ok(Attempt::Granted(Box::new(Tenure {
                    ledger,
                    session: self.session.clone(),
                    kept,
                    _bound: bound,
                })))
            }
            ClaimOutcome::Held(held) => Ok(Attempt::Held(
                held.holders
                    .iter()
                    .map(describe)
                    .collect::<Vec<_>>()
                    .join("; "),
            )),
            ClaimOutcome::Busy | ClaimOutcome::Waiting(_) => {
                Ok(Attempt::Held("another process that starts now".to_owned()))
            }
        }
    }

    async fn claim(&self, seated: bool) -> Result<ClaimOutcome, Error> {
        let place = if seated {
            format!(", seat {}", self.seat.place)
        } else {
            String::new()
        };
        let reason = format!("mirrors to Notion: process {}{place}", std::process::id());
        let request = ClaimRequest::new(RESOURCE).ttl(LEASE).reason(reason);
        self.session.claim(request).await
    }
}

impl Tenure {
    /// Whether it lasts, to be asked before every request.
    pub fn trust(&self) -> Trust {
        self.kept.trust()
    }

    /// Gives the claim back, so that a standby takes over at once.
    pub async fn end(self) {
        if let Ok(claim) = self.kept.stop().await
            && let Err(error) = self.session.release(claim).await
        {
            tracing::warn!(%error, "the claim {RESOURCE} was not given back; its lease ends by itself");
        }
    }
}

fn describe(holder: &Holder) -> String {
    format!(
        "claim {} ({})",
        holder.claim_id,
        holder.reason.as_deref().unwrap_or("no reason given")
    )
}

/// A name on this machine that at most one process has.
#[derive(Debug)]
struct Seat {
    name: String,
    place: String,
}

impl Seat {
    fn new(ledger: uuid::Uuid) -> Self {
        Self {
            name: format!("claimboard-sync/{ledger}"),
            place: place(),
        }
    }

    /// `None`: somebody has it, or this system knows no such names.
    #[cfg(target_os = "linux")]
    fn bind(&self) -> Option<UnixListener> {
        use std::os::linux::net::SocketAddrExt;
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&self.name).ok()?;
        UnixListener::bind_addr(&address).ok()
    }

    #[cfg(not(target_os = "linux"))]
    fn bind(&self) -> Option<UnixListener> {
        None
    }

    fn was_held_by(&self, holder: &Holder) -> bool {
        let here = format!("seat {}", self.place);
        holder
            .reason
            .as_ref()
            .is_some_and(|reason| reason.ends_with(&here))
    }
}

/// The kernel's run and the network namespace: where such a name is unique.
fn place() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let network = std::fs::read_link("/proc/self/ns/net").unwrap_or_default();
    format!("{} {}", boot.trim(), network.display())
}

#[cfg(test)]
mod tests;
