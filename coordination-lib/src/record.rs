//! Reading what is on record: the rows of the log, and who held a resource before.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{AssertSqlSafe, PgPool};

use crate::error::Error;
use crate::id::{ClaimId, LogId, SessionId};
use crate::resource::{Resource, Span};
use crate::turn::Turn;

/// One row of the log.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub struct LogRow {
    /// Its number; that of a grant is its fencing token.
    pub id: LogId,
    /// When it was written, by the database's clock. Numbers, not times, say what came first.
    pub timestamp: DateTime<Utc>,
    /// Who wrote it.
    #[sqlx(rename = "agent_name")]
    pub agent: String,
    /// In which of its sessions.
    pub session_id: SessionId,
    /// What it did: `claim`, `progress`, `help`, …
    #[sqlx(rename = "action_type")]
    pub action: String,
    /// What it is doing from then on.
    pub status: Option<String>,
    /// Its words.
    pub message: Option<String>,
    /// What it is about.
    #[sqlx(rename = "resource_claim")]
    pub resource: Option<String>,
    /// The claim that it belongs to.
    pub claim_id: Option<ClaimId>,
    /// Anything else.
    pub metadata: Option<serde_json::Value>,
    /// Written after the claim that it speaks of was lost.
    pub late: bool,
    /// No session's secret stood behind it.
    pub unauthenticated: bool,
}

/// One claim of the past or the present.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub struct PastClaim {
    /// Its number.
    pub claim_id: ClaimId,
    /// Who held it.
    pub agent: String,
    /// What was held.
    pub resource: String,
    /// How: `exclusive`, `shared` or `slot`.
    pub mode: String,
    /// From when.
    pub acquired_at: DateTime<Utc>,
    /// Until when its lease ran.
    pub expires_at: DateTime<Utc>,
    /// When it ended; `None` while it is held.
    pub ended_at: Option<DateTime<Utc>>,
    /// How it ended: `released`, `expired`, `handed over` or `revoked`.
    pub ending: Option<String>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// Why it was claimed.
    pub reason: Option<String>,
}

/// The newest rows of a workspace's log whose number is smaller than `below`, newest first: pass the last row's number for the next page.
pub async fn log_page(
    pool: &PgPool,
    workspace: &str,
    below: Option<LogId>,
    limit: u32,
) -> Result<Vec<LogRow>, Error> {
    let mut turn = Turn::take(pool).await?;
    let rows = sqlx::query_as(
        "SELECT id, timestamp, agent_name, session_id, action_type, status, message, resource_claim, claim_id, metadata, late, unauthenticated
         FROM coordination.agent_log WHERE workspace = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
    )
    .bind(workspace)
    .bind(below.map_or(i64::MAX, |below| below.0))
    .bind(i64::from(limit))
    .persistent(turn.prepares())
    .fetch_all(&mut *turn)
    .await?;
    turn.end().await?;
    Ok(rows)
}

/// Who held something that overlaps a resource, newest first.
pub async fn history_of(
    pool: &PgPool,
    resource: &Resource,
    workspace: &str,
    limit: u32,
) -> Result<Vec<PastClaim>, Error> {
    let (lower, upper) = resource.span().bounds();
    let point = matches!(resource.span(), Span::Point(_));
    let mut turn = Turn::take(pool).await?;
    let rows = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT {PAST_CLAIM} WHERE c.workspace = $1 AND c.span && coordination.pathrange($2, $3, CASE WHEN $4 THEN '[]' ELSE '[)' END)
         ORDER BY c.id DESC LIMIT $5"
    )))
    .bind(workspace)
    .bind(lower)
    .bind(upper)
    .bind(point)
    .bind(i64::from(limit))
    .persistent(turn.prepares())
    .fetch_all(&mut *turn)
    .await?;
    turn.end().await?;
    Ok(rows)
}

/// The claims of a workspace that lived at some moment between two, oldest first.
pub async fn claims_between(
    pool: &PgPool,
    workspace: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<PastClaim>, Error> {
    let mut turn = Turn::take(pool).await?;
    let rows = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT {PAST_CLAIM} WHERE c.workspace = $1 AND c.acquired_at <= $3 AND coalesce(c.released_at, c.expires_at) >= $2 ORDER BY c.id"
    )))
    .bind(workspace)
    .bind(from)
    .bind(to)
    .persistent(turn.prepares())
    .fetch_all(&mut *turn)
    .await?;
    turn.end().await?;
    Ok(rows)
}

/// The columns of a [`PastClaim`], and what they are read from.
const PAST_CLAIM: &str = "c.id AS claim_id, c.agent, c.resource,
   CASE WHEN c.slot IS NOT NULL THEN 'slot' WHEN c.shared THEN 'shared' ELSE 'exclusive' END AS mode,
   c.acquired_at, c.expires_at,
   coalesce(c.released_at, CASE WHEN c.expires_at <= clock_timestamp() THEN c.expires_at END) AS ended_at,
   coalesce(c.ending, CASE WHEN c.expires_at <= clock_timestamp() THEN 'expired' END) AS ending, c.ended_by, c.reason
 FROM coordination.claims c";
