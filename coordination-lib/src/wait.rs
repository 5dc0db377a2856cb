//! Standing in line. The database keeps the line; this polls for the turn, and listens so as to be told of it earlier.
//!
//! Properties: the place in line survives this process, for two minutes beyond the last poll, and the same claim by the same session
//! finds it again. A notification only makes the next poll earlier: where none can be had, through a transaction pooler for example,
//! the turn is noticed within a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::Row;
use sqlx::postgres::types::PgInterval;
use sqlx::postgres::{PgListener, PgPool, PgPoolOptions};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::claim::{ClaimRequest, Held, Mode, SetOutcome, duration, unknown_outcome};
use crate::error::{Error, Refusal};
use crate::id::TicketId;
use crate::session::Session;

const CHANNEL: &str = "coordination_tickets";
/// How long to try for a connection to listen on.
const PATIENCE: Duration = Duration::from_secs(2);
/// What each place behind the head waits longer when many are told at once.
const STAGGER: Duration = Duration::from_millis(15);
/// The shortest and the longest pause after an answer that an open transaction made impossible.
const BUSY: std::ops::Range<Duration> = Duration::from_millis(20)..Duration::from_millis(120);

/// A place in line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Waiting {
    /// Its number, for [`Session::withdraw`].
    pub ticket: TicketId,
    /// 1 for the head of the line.
    pub position: i32,
    /// Until when the place is kept. The same claim by the same session takes it up again, from another process and after a broken
    /// connection, too. At the head, who does not come for 30 seconds is passed by others.
    pub kept_until: DateTime<Utc>,
    /// What is waited for.
    pub held: Held,
    poll_after: Duration,
}

impl Waiting {
    pub(crate) fn at(place: &Place, held: Held) -> Self {
        Self {
            ticket: place.ticket,
            position: place.position,
            kept_until: place.expires_at,
            held,
            poll_after: duration(&place.poll_after),
        }
    }
}

/// Somebody who stands in line ahead.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub struct Waiter {
    /// The number of its place.
    #[sqlx(rename = "ahead")]
    pub ticket: TicketId,
    /// The agent.
    #[sqlx(rename = "holder")]
    pub agent: String,
    /// Which of the agent's sessions.
    #[sqlx(rename = "held_incarnation")]
    pub incarnation: i32,
    /// How it wants to hold.
    #[sqlx(rename = "held_mode")]
    pub mode: Mode,
    /// Since when it waits.
    #[sqlx(rename = "held_since")]
    pub since: DateTime<Utc>,
    /// Why.
    #[sqlx(rename = "held_reason")]
    pub reason: Option<String>,
    /// The common ground of its wish and this one.
    pub overlap: String,
}

#[derive(sqlx::FromRow)]
pub(crate) struct Place {
    ticket: TicketId,
    position: i32,
    expires_at: DateTime<Utc>,
    poll_after: PgInterval,
}

impl Session {
    /// Gives a place in line up. `false` when there was none any more.
    pub async fn withdraw(&self, ticket: TicketId) -> Result<bool, Error> {
        let mut turn = self.turn().await?;
        let row = sqlx::query(
            "SELECT w.* FROM (SELECT set_config('coordination.session', $1, true) AS secret) s, LATERAL coordination.withdraw(CASE WHEN s.secret <> '' THEN $2::bigint END) w",
        )
        .bind(self.secret().as_text())
        .bind(ticket)
        .persistent(turn.prepares())
        .fetch_one(&mut *turn)
        .await?;
        turn.end().await?;
        match row.try_get("outcome")? {
            "withdrawn" => Ok(true),
            "gone" => Ok(false),
            other => Err(unknown_outcome(other).into()),
        }
    }
}

/// What is claimed: one resource, or several with it.
pub(crate) struct Wish<'a> {
    pub(crate) others: Option<&'a [&'a str]>,
    pub(crate) terms: &'a ClaimRequest,
}

/// Repeats a claim until it is decided or the time to wait is over.
pub(crate) async fn until_turn(session: &Session, wish: Wish<'_>) -> Result<SetOutcome, Error> {
    let deadline = Instant::now() + wish.terms.wait;
    let mut place: Option<Waiting> = None;
    let mut ear = None;
    loop {
        let answer = session.attempt_now(&wish).await;
        let (outcome, pause) = match answer {
            Ok(SetOutcome::Waiting(waiting)) => {
                let pause = waiting.poll_after;
                place = Some(waiting.clone());
                (SetOutcome::Waiting(waiting), pause)
            }
            Ok(SetOutcome::Busy) | Err(Error::Busy(_) | Error::Retry(_)) => {
                (SetOutcome::Busy, rand::random_range(BUSY))
            }
            Ok(decided) => return Ok(decided),
            Err(refused) => {
                if let (Some(Refusal::Deadlock), Some(place)) = (refused.refusal(), &place) {
                    // A circle that closed later: whoever is refused must not stand in it any longer.
                    session.withdraw(place.ticket).await?;
                }
                return Err(refused);
            }
        };
        if Instant::now() >= deadline {
            // A poll that met an open transaction does not lose the place.
            return Ok(match (outcome, place) {
                (SetOutcome::Busy, Some(place)) => SetOutcome::Waiting(place),
                (outcome, _) => outcome,
            });
        }
        let Some(place) = &place else {
            sleep(pause).await;
            continue;
        };
        match &ear {
            // What was freed before it listened was not heard: poll at once.
            None => ear = Some(Ear::open(session.pool(), place.ticket).await),
            Some(ear) => {
                ear.ticket.store(place.ticket.0, Ordering::Relaxed);
                let next = (Instant::now() + pause).min(deadline);
                tokio::select! {
                    () = sleep_until(next) => {}
                    () = ear.told.notified() => {
                        let behind = u32::try_from(place.position - 1).unwrap_or(0).min(16);
                        sleep(STAGGER * behind).await;
                    }
                }
            }
        }
    }
}

/// Hears the notifications for one ticket. Without a connection of its own it hears nothing, which polling makes good.
struct Ear {
    ticket: Arc<AtomicI64>,
    told: Arc<Notify>,
    listening: JoinSet<()>,
}

impl Ear {
    async fn open(pool: &PgPool, ticket: TicketId) -> Self {
        let mut ear = Self {
            ticket: Arc::new(AtomicI64::new(ticket.0)),
            told: Arc::new(Notify::new()),
            listening: JoinSet::new(),
        };
        match tokio::time::timeout(PATIENCE, listener(pool)).await {
            Ok(Ok(listener)) => {
                let (ticket, told) = (Arc::clone(&ear.ticket), Arc::clone(&ear.told));
                ear.listening.spawn(listen(listener, ticket, told));
            }
            Ok(Err(failure)) => {
                tracing::debug!(error = %failure, "no connection to listen on: polling alone");
            }
            Err(_) => tracing::debug!("no connection to listen on in time: polling alone"),
        }
        ear
    }
}

/// On a connection beside the pool, whose connections the polls need.
async fn listener(pool: &PgPool) -> Result<PgListener, sqlx::Error> {
    let own = PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(pool.connect_options().as_ref().clone());
    let mut listener = PgListener::connect_with(&own).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

async fn listen(mut listener: PgListener, ticket: Arc<AtomicI64>, told: Arc<Notify>) {
    while let Ok(notification) = listener.recv().await {
        if notification.payload().parse() == Ok(ticket.load(Ordering::Relaxed)) {
            told.notify_one();
        }
    }
}
