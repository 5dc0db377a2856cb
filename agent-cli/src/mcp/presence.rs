//! The agent's presence: its session, for as long as the client is there, and what it holds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use coordination::{Claim, ClaimId, Ending, LogEntry, Loss, Session, TicketId};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::tool::Wanted;
use crate::desk::Desk;
use crate::enforcement::Enforcement;
use crate::failure::Failure;
use crate::seat::{self, Seat};
use crate::{identity, record};

/// Within what time hosts that start together come.
const SPREAD: Duration = Duration::from_millis(100);
/// How often it is looked whether a claim needs renewing.
const GLANCE: Duration = Duration::from_secs(5);
/// What the last words may take: the client waits for us to end.
const FAREWELL: Duration = Duration::from_secs(3);
/// What an agent is called whose client has no name.
const NAMELESS: &str = "agent";

/// Who is here.
#[derive(Debug)]
pub(super) struct Presence {
    pub(super) desk: Desk,
    /// Cancelled when the client is gone.
    pub(super) closing: CancellationToken,
    since: SystemTime,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What tells the database apart from others.
    database: String,
    seat: Option<Seat>,
    session: Option<Session>,
    /// What was held when last looked at.
    known: BTreeMap<ClaimId, String>,
    lost: Vec<(String, Loss)>,
    waits: BTreeMap<TicketId, Wanted>,
}

impl Presence {
    pub(super) fn new(desk: Desk, closing: CancellationToken) -> Self {
        Self {
            desk,
            closing,
            since: SystemTime::now(),
            state: Mutex::default(),
        }
    }

    /// The session, and what it holds. A database that went away and came back is found again.
    pub(super) async fn here(
        &self,
        client: Option<&str>,
    ) -> Result<(Session, Vec<Claim>), Failure> {
        let mut state = self.state.lock().await;
        let was_open = state.session.is_some();
        match self.look(&mut state, client).await {
            Err(_) if was_open => {
                state.session = None;
                self.look(&mut state, client).await
            }
            answer => answer,
        }
    }

    async fn look(
        &self,
        state: &mut State,
        client: Option<&str>,
    ) -> Result<(Session, Vec<Claim>), Failure> {
        let session = match &state.session {
            Some(session) => session.clone(),
            None => self.open(state, client).await?,
        };
        let held = session.claims().await?;
        let gone: Vec<ClaimId> = state
            .known
            .keys()
            .filter(|id| held.iter().all(|claim| claim.id() != **id))
            .copied()
            .collect();
        if !gone.is_empty() {
            let ends = record::ends(&session, &gone).await?;
            // What the agent itself gave back or handed over is not lost.
            state.lost.extend(
                ends.into_iter()
                    .filter(|(_, loss)| matches!(loss.ending, Ending::Expired | Ending::Revoked)),
            );
        }
        state.known = held
            .iter()
            .map(|claim| (claim.id(), claim.resource().to_owned()))
            .collect();
        Ok((session, held))
    }

    async fn open(&self, state: &mut State, client: Option<&str>) -> Result<Session, Failure> {
        // Hosts that start together do not come together.
        tokio::time::sleep(rand::random_range(Duration::ZERO..SPREAD)).await;
        let database = self.desk.database().await?;
        let workspace = self.desk.workspace();
        state.database.clone_from(&database.key);
        let agent = if let Some(seat) = &state.seat {
            seat.agent.clone()
        } else {
            let given = self.desk.given_agent();
            let name = given.unwrap_or_else(|| name_after(client.unwrap_or_default()));
            let seat = seat::take(&name, &database.key, &workspace)?;
            state.seat.insert(seat).agent.clone()
        };
        let session = identity::session(&database, &agent, &workspace).await?;
        Ok(state.session.insert(session).clone())
    }

    /// What keeps others, and this agent, from writing what they do not hold.
    pub(super) async fn enforcement(&self, session: &Session) -> Result<Value, Failure> {
        let database = self.state.lock().await.database.clone();
        let found =
            Enforcement::look(&self.desk, session.pool(), &database, Some(session.agent())).await?;
        Ok(found.json(self.since))
    }

    /// What was lost and has not been told.
    pub(super) async fn take_lost(&self) -> Vec<(String, Loss)> {
        std::mem::take(&mut self.state.lock().await.lost)
    }

    pub(super) async fn remember_wait(&self, ticket: TicketId, wanted: Wanted) {
        self.state.lock().await.waits.insert(ticket, wanted);
    }

    /// What a ticket that this server gave stands for.
    pub(super) async fn waited_for(&self, ticket: &str) -> Option<Wanted> {
        let ticket = ticket.parse().ok()?;
        self.state.lock().await.waits.get(&ticket).cloned()
    }

    /// Says, to those whom the claims stand in the way of, that the client is gone. The claims stay: its work may be half done, and a
    /// client that restarts goes on with them.
    pub(super) async fn leave(&self) {
        let Some(session) = self.state.lock().await.session.clone() else {
            return;
        };
        let words = async {
            for claim in session.claims().await? {
                session
                    .log(
                        LogEntry::note("the client of this agent is gone: the claim expires by itself, unless the agent comes back")
                            .resource(claim.resource()),
                    )
                    .await?;
            }
            Ok::<_, coordination::Error>(())
        };
        // Nobody is left to be told that this failed, and nothing depends on it.
        let _ = tokio::time::timeout(FAREWELL, words).await;
    }
}

/// Renews what the session holds, whichever process of the agent claimed it, until the client is gone.
pub(super) async fn care(presence: Arc<Presence>) {
    loop {
        tokio::select! {
            () = presence.closing.cancelled() => return,
            () = tokio::time::sleep(GLANCE) => {}
        }
        if presence.state.lock().await.session.is_none() {
            continue;
        }
        let looked = {
            let mut state = presence.state.lock().await;
            presence.look(&mut state, None).await
        };
        // A database that cannot be asked is asked again at the next glance; what is lost meanwhile is found and told then. It is not
        // opened anew: whoever stopped a local cluster meant it, until the agent calls.
        let Ok((session, held)) = looked else {
            continue;
        };
        for mut claim in held {
            let ttl = claim.ttl();
            let left = claim
                .trusted_until()
                .saturating_duration_since(Instant::now());
            if left < ttl.mul_f64(2.0 / 3.0) {
                let _ = session.renew(&mut claim, ttl).await;
            }
        }
    }
}

/// A name for the agent of a client that goes by this one.
fn name_after(client: &str) -> String {
    let name: String = client
        .to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-")
        .chars()
        .take(40)
        .collect();
    if name.is_empty() {
        NAMELESS.to_owned()
    } else {
        name
    }
}
