//! Claiming, renewing, releasing: the face of the SQL functions of the same names, which hold the protocol.
//!
//! Each statement puts the session's secret in its place and then calls the verb, which depends on it by a CASE that is always true:
//! so the order is certain, one round trip does both, and `use_session` need not look the secret up once more.

use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;
use sqlx::postgres::types::PgInterval;
use sqlx::{FromRow, PgPool, Row};

use crate::error::Error;
use crate::id::{ClaimId, TicketId, Token};
use crate::lease::Lease;
use crate::session::Session;
use crate::turn::Turn;
use crate::wait::{Place, Waiter, Waiting, Wish, until_turn};

/// How a claim shares its resource with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Mode {
    /// With nobody.
    #[default]
    Exclusive,
    /// With other shared claims.
    Shared,
    /// One of the slots of a pool.
    Slot,
}

/// A wish: what to claim, and how.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    resource: String,
    mode: Mode,
    ttl: Duration,
    reason: Option<String>,
    eta: Option<DateTime<Utc>>,
    pub(crate) wait: Duration,
    key: Option<String>,
}

impl ClaimRequest {
    /// An exclusive claim of a resource for 15 minutes. See [`Resource`](crate::Resource) for the spellings.
    pub fn new(resource: impl Into<String>) -> Self {
        Self {
            resource: resource.into(),
            mode: Mode::Exclusive,
            ttl: Duration::from_mins(15),
            reason: None,
            eta: None,
            wait: Duration::ZERO,
            key: None,
        }
    }

    /// Share the resource with other shared claims.
    #[must_use]
    pub fn shared(self) -> Self {
        Self {
            mode: Mode::Shared,
            ..self
        }
    }

    /// Take one slot of the pool of this name.
    #[must_use]
    pub fn slot(self) -> Self {
        Self {
            mode: Mode::Slot,
            ..self
        }
    }

    /// How long the claim lives without a renewal: 30 seconds to 24 hours.
    #[must_use]
    pub fn ttl(self, ttl: Duration) -> Self {
        Self { ttl, ..self }
    }

    /// Why, for those who are refused and those who watch.
    #[must_use]
    pub fn reason(self, reason: impl Into<String>) -> Self {
        Self {
            reason: Some(reason.into()),
            ..self
        }
    }

    /// When the work will probably be done, for those who watch; nothing follows from it.
    #[must_use]
    pub fn eta(self, eta: DateTime<Utc>) -> Self {
        Self {
            eta: Some(eta),
            ..self
        }
    }

    /// Stand in line for up to this long, if it cannot be had at once. See [`ClaimOutcome::Waiting`].
    #[must_use]
    pub fn wait(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// Done once: the same key with the same wish gets the first answer again, after a connection that broke in between, for example.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        Self {
            key: Some(key.into()),
            ..self
        }
    }
}

/// The permission to work on a resource, until it is lost. Not `Clone`: releasing it uses it up.
#[derive(Debug)]
#[must_use = "a claim that is dropped stays held until it expires"]
pub struct Claim {
    id: ClaimId,
    token: Token,
    resource: String,
    widened: bool,
    mode: Mode,
    slot: Option<i32>,
    ttl: Duration,
    expires_at: DateTime<Utc>,
    lease: Lease,
    predecessors: Vec<Predecessor>,
}

impl Claim {
    /// The claim's number.
    pub fn id(&self) -> ClaimId {
        self.id
    }

    /// The fencing token: give it to whatever is written to, which refuses smaller ones.
    pub fn token(&self) -> Token {
        self.token
    }

    /// The canonical name of what is held.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Whether more is held than the spelling said, because its wildcards were widened to [`resource`](Self::resource).
    pub fn widened(&self) -> bool {
        self.widened
    }

    /// How it is held.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Which slot of the pool it is.
    pub fn slot(&self) -> Option<i32> {
        self.slot
    }

    /// How long each renewal lasts.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// When it ends without a renewal, by the database's clock: for showing. Decide by [`trusted_until`](Self::trusted_until).
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// The local moment from which the work must rest, unless a renewal succeeded.
    pub fn trusted_until(&self) -> Instant {
        self.lease.trusted_until()
    }

    pub(crate) fn lease(&self) -> Lease {
        self.lease
    }

    /// Whether the claim may still be trusted without asking.
    pub fn is_trusted(&self) -> bool {
        self.lease.is_trusted(Instant::now(), SystemTime::now())
    }

    /// Whose expired claims this one took over, with their last words.
    pub fn predecessors(&self) -> &[Predecessor] {
        &self.predecessors
    }
}

/// The answer to a claim.
#[derive(Debug)]
#[must_use]
pub enum ClaimOutcome {
    /// It is held from now on.
    Granted(Claim),
    /// Others hold what overlaps, or stand in line for it.
    Held(Held),
    /// The time to wait is over, and it is not yet this session's turn; its place in line is kept. Only a request with a
    /// [`wait`](ClaimRequest::wait) is answered so.
    Waiting(Waiting),
    /// A transaction that is still open decides: ask again with some jitter.
    Busy,
}

/// The answer to a claim of several resources.
#[derive(Debug)]
#[must_use]
pub enum SetOutcome {
    /// All are held from now on, in canonical order; what another member covers has no claim of its own.
    Granted(Vec<Claim>),
    /// Others hold what overlaps one of them, or stand in line for it; none is held.
    Held(Held),
    /// The time to wait is over, and it is not yet this session's turn; its place in line is kept, for the whole set.
    Waiting(Waiting),
    /// A transaction that is still open decides: ask again with some jitter.
    Busy,
}

/// What stands in the way of a wish.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Held {
    /// Who holds what overlaps; the first 32 of them, oldest first.
    pub holders: Vec<Holder>,
    /// Who stands in line before this session; the first 32 of them, oldest first.
    pub ahead: Vec<Waiter>,
    /// Narrower names that nobody holds or waits for: parts of the wish that could be claimed instead, at the moment of the answer.
    pub free: Vec<String>,
}

/// Somebody who holds what was wished for or asked about.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub struct Holder {
    /// The claim's number.
    pub claim_id: ClaimId,
    /// Its fencing token.
    pub token: Token,
    /// The agent.
    #[sqlx(rename = "holder")]
    pub agent: String,
    /// Which of the agent's sessions.
    #[sqlx(rename = "held_incarnation")]
    pub incarnation: i32,
    /// How it holds.
    #[sqlx(rename = "held_mode")]
    pub mode: Mode,
    /// Since when.
    #[sqlx(rename = "held_since")]
    pub since: DateTime<Utc>,
    /// Until when, without a renewal.
    #[sqlx(rename = "held_until")]
    pub until: DateTime<Utc>,
    /// Why.
    #[sqlx(rename = "held_reason")]
    pub reason: Option<String>,
    /// When it will probably be done.
    #[sqlx(rename = "held_eta")]
    pub eta: Option<DateTime<Utc>>,
    /// What it said last about it.
    #[sqlx(rename = "held_progress")]
    pub progress: Option<String>,
    /// When it last logged progress; a holder that renews and makes none is stuck.
    #[sqlx(rename = "held_progress_at")]
    pub progress_at: Option<DateTime<Utc>>,
    /// The common ground of its claim and the wish.
    pub overlap: String,
}

/// An expired claim that was taken over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predecessor {
    /// The claim's number.
    pub claim_id: ClaimId,
    /// Who held it.
    pub agent: String,
    /// What was held.
    pub resource: String,
    /// When its lease was over.
    pub expired_at: DateTime<Utc>,
    /// When it last logged progress.
    pub last_progress_at: Option<DateTime<Utc>>,
    /// What it said last about it.
    pub last_progress: Option<String>,
    /// What went with that.
    pub last_metadata: Option<serde_json::Value>,
}

/// The answer to a renewal.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum RenewOutcome {
    /// It lives on.
    Renewed,
    /// It is somebody else's now, or nobody's: stop.
    Lost(Loss),
}

/// The answer to a release.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum ReleaseOutcome {
    /// It was held until now.
    Released,
    /// It had ended before: what was done since then was not protected.
    AlreadyLost(Loss),
}

/// The answer to a handing over.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum HandoffOutcome {
    /// The other agent holds it, with this token.
    HandedOver(Token),
    /// It had ended before.
    AlreadyLost(Loss),
}

/// How a claim was lost.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Loss {
    /// How it ended.
    pub ending: Ending,
    /// Who has it since, or else who ended it; `None` when it only expired.
    #[sqlx(rename = "taken_by")]
    pub by: Option<String>,
    /// The token that is valid instead, where somebody took it over.
    #[sqlx(rename = "taken_token")]
    pub token: Option<Token>,
    /// When.
    #[sqlx(rename = "ended_at")]
    pub at: DateTime<Utc>,
}

/// How a claim ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Ending {
    /// Its holder gave it back.
    Released,
    /// Its lease was over.
    Expired,
    /// Its holder gave it to another agent.
    #[sqlx(rename = "handed over")]
    HandedOver,
    /// An operator took it away.
    Revoked,
}

impl From<SetOutcome> for ClaimOutcome {
    fn from(outcome: SetOutcome) -> Self {
        match outcome {
            SetOutcome::Granted(mut claims) => match claims.pop() {
                Some(claim) => Self::Granted(claim),
                None => Self::Busy,
            },
            SetOutcome::Held(held) => Self::Held(held),
            SetOutcome::Waiting(waiting) => Self::Waiting(waiting),
            SetOutcome::Busy => Self::Busy,
        }
    }
}

impl Session {
    /// Claims a resource, or says who stands in the way. With a [`wait`](ClaimRequest::wait), stands in line for up to that long first.
    ///
    /// Dropping the future leaves the place in line to expire; [`withdraw`](Self::withdraw) gives it up at once.
    pub async fn claim(&self, request: ClaimRequest) -> Result<ClaimOutcome, Error> {
        let wish = Wish {
            others: None,
            terms: &request,
        };
        Ok(self.claim_or_wait(wish).await?.into())
    }

    /// [`claim`](Self::claim) in the caller's own transaction: the claim holds once that commits, and rivals are busy until then. It is
    /// answered at once: with a wait, the commit makes the place in line known, and the turn comes by repeating the same call.
    pub async fn claim_in(
        &self,
        connection: &mut PgConnection,
        request: ClaimRequest,
    ) -> Result<ClaimOutcome, Error> {
        let wish = Wish {
            others: None,
            terms: &request,
        };
        Ok(self.attempt(connection, &wish).await?.into())
    }

    /// Claims several resources, all or none, in the way and with the terms of the request, whose own resource is one of them. With a
    /// wait, the set stands in line as a whole.
    pub async fn claim_all(
        &self,
        resources: &[&str],
        terms: ClaimRequest,
    ) -> Result<SetOutcome, Error> {
        let wish = Wish {
            others: Some(resources),
            terms: &terms,
        };
        self.claim_or_wait(wish).await
    }

    /// [`claim_all`](Self::claim_all) in the caller's own transaction, answered at once.
    pub async fn claim_all_in(
        &self,
        connection: &mut PgConnection,
        resources: &[&str],
        terms: ClaimRequest,
    ) -> Result<SetOutcome, Error> {
        let wish = Wish {
            others: Some(resources),
            terms: &terms,
        };
        self.attempt(connection, &wish).await
    }

    async fn claim_or_wait(&self, wish: Wish<'_>) -> Result<SetOutcome, Error> {
        if wish.terms.wait.is_zero() {
            self.attempt_now(&wish).await
        } else {
            until_turn(self, wish).await
        }
    }

    pub(crate) async fn attempt_now(&self, wish: &Wish<'_>) -> Result<SetOutcome, Error> {
        let mut turn = self.turn().await?;
        let outcome = self.attempt(&mut turn, wish).await?;
        turn.end().await?;
        Ok(outcome)
    }

    async fn attempt(
        &self,
        connection: &mut PgConnection,
        wish: &Wish<'_>,
    ) -> Result<SetOutcome, Error> {
        let terms = wish.terms;
        let asked = Asked::now();
        let rows = match wish.others {
            None => sqlx::query_as(
                "SELECT c.* FROM (SELECT set_config('coordination.session', $1, true) AS secret) s,
                 LATERAL coordination.claim(CASE WHEN s.secret <> '' THEN $2 END, NULL, $3, $4, NULL, $5, $6, $7, $8) c",
            )
            .bind(self.secret().as_text())
            .bind(&terms.resource),
            Some(others) => sqlx::query_as(
                "SELECT c.* FROM (SELECT set_config('coordination.session', $1, true) AS secret) s,
                 LATERAL coordination.claim_all(CASE WHEN s.secret <> '' THEN $2::text[] END, NULL, $3, $4, NULL, $5, $6, $7, $8) c",
            )
            .bind(self.secret().as_text())
            .bind([&[terms.resource.as_str()], others].concat()),
        }
        .bind(interval(terms.ttl))
        .bind(terms.mode)
        .bind(&terms.reason)
        .bind(terms.eta)
        .bind(interval(terms.wait))
        .bind(&terms.key)
        .persistent(self.prepares())
        .fetch_all(connection)
        .await?;
        Ok(asked.outcome(rows, terms.mode, terms.ttl))
    }

    /// What the session holds, oldest first: for going on after [`resume`](Self::resume) or when something was handed over.
    pub async fn claims(&self) -> Result<Vec<Claim>, Error> {
        let mut turn = self.turn().await?;
        let asked = Asked::now();
        let rows: Vec<HeldRow> = sqlx::query_as(
            "SELECT c.* FROM (SELECT set_config('coordination.session', $1, true) AS secret) s, LATERAL coordination.my_claims(nullif(s.secret, s.secret)) c",
        )
        .bind(self.secret().as_text())
        .persistent(turn.prepares())
        .fetch_all(&mut *turn)
        .await?;
        turn.end().await?;
        Ok(rows
            .into_iter()
            .map(|row| Claim {
                id: row.claim_id,
                token: row.token,
                resource: row.canonical,
                widened: false,
                mode: row.mode,
                slot: row.slot,
                ttl: duration(&row.ttl),
                expires_at: row.expires_at,
                lease: asked.lease(duration(&row.remaining)),
                predecessors: Vec::new(),
            })
            .collect())
    }

    /// Gives a claim to the newest session of another agent, with a message; nobody gets in between.
    pub async fn hand_off(
        &self,
        claim: Claim,
        to_agent: &str,
        message: &str,
    ) -> Result<HandoffOutcome, Error> {
        let mut turn = self.turn().await?;
        let row = sqlx::query(
            "SELECT h.* FROM (SELECT set_config('coordination.session', $1, true) AS secret) s, LATERAL coordination.handoff(CASE WHEN s.secret <> '' THEN $2::bigint END, $3, $4) h",
        )
        .bind(self.secret().as_text())
        .bind(claim.id)
        .bind(to_agent)
        .bind(message)
        .persistent(turn.prepares())
        .fetch_one(&mut *turn)
        .await?;
        turn.end().await?;
        Ok(match row.try_get("outcome")? {
            "handed over" => HandoffOutcome::HandedOver(row.try_get("new_token")?),
            "lost" => HandoffOutcome::AlreadyLost(Loss::from_row(&row)?),
            other => return Err(unknown_outcome(other).into()),
        })
    }

    /// Prolongs a claim by `ttl` from now; never shortens it.
    pub async fn renew(&self, claim: &mut Claim, ttl: Duration) -> Result<RenewOutcome, Error> {
        let mut turn = self.turn().await?;
        let outcome = self.renew_in(&mut turn, claim, ttl).await?;
        turn.end().await?;
        Ok(outcome)
    }

    /// [`renew`](Self::renew) in the caller's own transaction. Commit before the old lease ends.
    pub async fn renew_in(
        &self,
        connection: &mut PgConnection,
        claim: &mut Claim,
        ttl: Duration,
    ) -> Result<RenewOutcome, Error> {
        let asked = Asked::now();
        let answer: Answer = sqlx::query_as(
            "SELECT r.* FROM (SELECT set_config('coordination.session', $1, true) AS secret) s, LATERAL coordination.renew(CASE WHEN s.secret <> '' THEN $2::bigint END, $3) r",
        )
        .bind(self.secret().as_text())
        .bind(claim.id)
        .bind(interval(ttl))
        .persistent(self.prepares())
        .fetch_one(connection)
        .await?;
        Ok(match answer {
            Answer::Done { expires_at } => {
                claim.ttl = ttl;
                claim.expires_at = expires_at.unwrap_or(claim.expires_at);
                let renewed = asked.lease(ttl);
                if renewed.trusted_until() > claim.lease.trusted_until() {
                    claim.lease = renewed;
                }
                RenewOutcome::Renewed
            }
            Answer::Lost(loss) => RenewOutcome::Lost(loss),
        })
    }

    /// Gives a claim back.
    pub async fn release(&self, claim: Claim) -> Result<ReleaseOutcome, Error> {
        let mut turn = self.turn().await?;
        let outcome = self.release_in(&mut turn, claim).await?;
        turn.end().await?;
        Ok(outcome)
    }

    /// [`release`](Self::release) in the caller's own transaction.
    pub async fn release_in(
        &self,
        connection: &mut PgConnection,
        claim: Claim,
    ) -> Result<ReleaseOutcome, Error> {
        let answer: Answer = sqlx::query_as(
            "SELECT r.*, NULL::timestamptz AS expires_at
             FROM (SELECT set_config('coordination.session', $1, true) AS secret) s, LATERAL coordination.release(CASE WHEN s.secret <> '' THEN $2::bigint END) r",
        )
        .bind(self.secret().as_text())
        .bind(claim.id)
        .persistent(self.prepares())
        .fetch_one(connection)
        .await?;
        Ok(match answer {
            Answer::Done { .. } => ReleaseOutcome::Released,
            Answer::Lost(loss) => ReleaseOutcome::AlreadyLost(loss),
        })
    }

    /// Holds the claim fast until the transaction ends: what it writes is protected to its commit, or fails. Endings wait for it,
    /// renewals do not. An error when the claim is lost or does not cover the resource.
    pub async fn assert_in(
        &self,
        connection: &mut PgConnection,
        claim: &Claim,
        resource: &str,
    ) -> Result<(), Error> {
        sqlx::query(
            "SELECT FROM (SELECT set_config('coordination.session', $1, true) AS secret) s, LATERAL coordination.assert_claim(CASE WHEN s.secret <> '' THEN $2::bigint END, $3)",
        )
        .bind(self.secret().as_text())
        .bind(claim.token)
        .bind(resource)
        .persistent(self.prepares())
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Who holds something that overlaps a resource, in this session's workspace.
    pub async fn holders(&self, resource: &str) -> Result<Vec<Holder>, Error> {
        holders_in(self.pool(), resource, self.workspace()).await
    }
}

/// Who holds something that overlaps a resource.
pub async fn holders_in(
    pool: &PgPool,
    resource: &str,
    workspace: &str,
) -> Result<Vec<Holder>, Error> {
    let mut turn = Turn::take(pool).await?;
    let holders = sqlx::query_as(
        "SELECT claim_id, token, holder, incarnation AS held_incarnation, mode AS held_mode, held_since, held_until, reason AS held_reason,
         eta AS held_eta, progress AS held_progress, progress_at AS held_progress_at, overlap
         FROM coordination.holders($1, $2)",
    )
    .bind(resource)
    .bind(workspace)
    .persistent(turn.prepares())
    .fetch_all(&mut *turn)
    .await?;
    turn.end().await?;
    Ok(holders)
}

/// For operators: ends somebody's claim at once, with a reason that its holder will read. `false` when it had ended already.
pub async fn revoke(pool: &PgPool, claim: ClaimId, reason: &str) -> Result<bool, Error> {
    let mut turn = Turn::take(pool).await?;
    let (outcome,): (String,) = sqlx::query_as("SELECT outcome FROM coordination.revoke($1, $2)")
        .bind(claim)
        .bind(reason)
        .persistent(turn.prepares())
        .fetch_one(&mut *turn)
        .await?;
    turn.end().await?;
    Ok(outcome == "revoked")
}

/// When a request left, on both clocks.
#[derive(Clone, Copy)]
struct Asked(Instant, SystemTime);

impl Asked {
    fn now() -> Self {
        Self(Instant::now(), SystemTime::now())
    }

    fn lease(self, ttl: Duration) -> Lease {
        Lease::new(self.0, self.1, ttl)
    }

    fn outcome(self, rows: Vec<ClaimRow>, mode: Mode, ttl: Duration) -> SetOutcome {
        let mut claims = Vec::new();
        let mut held = Held::default();
        let mut place = None;
        for row in rows {
            match row {
                ClaimRow::Granted(granted) => claims.push(Claim {
                    id: granted.claim_id,
                    token: granted.token,
                    resource: granted.canonical,
                    widened: granted.widened,
                    mode,
                    slot: granted.slot,
                    ttl,
                    expires_at: granted.expires_at,
                    lease: self.lease(ttl),
                    predecessors: granted.predecessors.map(|list| list.0).unwrap_or_default(),
                }),
                ClaimRow::Held(obstacle, free) => {
                    match obstacle {
                        Obstacle::Holder(holder) => held.holders.push(holder),
                        Obstacle::Waiter(waiter) => held.ahead.push(waiter),
                    }
                    held.free = free;
                }
                ClaimRow::Waiting(obstacle, own) => {
                    match obstacle {
                        Obstacle::Holder(holder) => held.holders.push(holder),
                        Obstacle::Waiter(waiter) => held.ahead.push(waiter),
                    }
                    place = Some(own);
                }
                ClaimRow::Busy => return SetOutcome::Busy,
            }
        }
        if let Some(place) = place {
            SetOutcome::Waiting(Waiting::at(&place, held))
        } else if held == Held::default() {
            SetOutcome::Granted(claims)
        } else {
            SetOutcome::Held(held)
        }
    }
}

#[derive(sqlx::FromRow)]
struct HeldRow {
    claim_id: ClaimId,
    token: Token,
    canonical: String,
    mode: Mode,
    slot: Option<i32>,
    ttl: PgInterval,
    expires_at: DateTime<Utc>,
    remaining: PgInterval,
}

enum ClaimRow {
    Granted(GrantedRow),
    Held(Obstacle, Vec<String>),
    Waiting(Obstacle, Place),
    Busy,
}

enum Obstacle {
    Holder(Holder),
    Waiter(Waiter),
}

impl<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> for Obstacle {
    fn from_row(row: &'r sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
        Ok(if row.try_get::<Option<TicketId>, _>("ahead")?.is_some() {
            Self::Waiter(Waiter::from_row(row)?)
        } else {
            Self::Holder(Holder::from_row(row)?)
        })
    }
}

#[derive(sqlx::FromRow)]
struct GrantedRow {
    claim_id: ClaimId,
    token: Token,
    canonical: String,
    widened: bool,
    slot: Option<i32>,
    expires_at: DateTime<Utc>,
    predecessors: Option<sqlx::types::Json<Vec<Predecessor>>>,
}

impl<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> for ClaimRow {
    fn from_row(row: &'r sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
        Ok(match row.try_get("outcome")? {
            "granted" => Self::Granted(GrantedRow::from_row(row)?),
            "held" => Self::Held(
                Obstacle::from_row(row)?,
                row.try_get::<Option<Vec<String>>, _>("free")?
                    .unwrap_or_default(),
            ),
            "waiting" => Self::Waiting(Obstacle::from_row(row)?, Place::from_row(row)?),
            "busy" => Self::Busy,
            other => return Err(unknown_outcome(other)),
        })
    }
}

enum Answer {
    Done { expires_at: Option<DateTime<Utc>> },
    Lost(Loss),
}

impl<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> for Answer {
    fn from_row(row: &'r sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
        Ok(match row.try_get("outcome")? {
            "renewed" | "released" => Self::Done {
                expires_at: row.try_get("expires_at")?,
            },
            "lost" => Self::Lost(Loss::from_row(row)?),
            other => return Err(unknown_outcome(other)),
        })
    }
}

pub(crate) fn unknown_outcome(outcome: &str) -> sqlx::Error {
    sqlx::Error::Decode(
        format!("unknown outcome {outcome:?}: update the library, the database is newer").into(),
    )
}

pub(crate) fn interval(duration: Duration) -> PgInterval {
    // A time to live that does not fit is out of range for the database too, which says so.
    PgInterval {
        months: 0,
        days: 0,
        microseconds: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX),
    }
}

/// Of an interval without months: the functions answer none.
pub(crate) fn duration(interval: &PgInterval) -> Duration {
    let days = Duration::from_hours(24) * u32::try_from(interval.days).unwrap_or(0);
    days + Duration::from_micros(u64::try_from(interval.microseconds).unwrap_or(0))
}
