//! Reading what is on record: the protocol's views and tables, which agents may read and nobody but its functions may write.

use chrono::{DateTime, Utc};
use coordination::{ClaimId, LogRow, Loss, Resource, Session};
use serde::Serialize;
use sqlx::{AssertSqlSafe, FromRow, PgPool};

use crate::failure::Failure;
use crate::guard::Live;

/// How many rows of the log are read at once.
const PAGE: i64 = 1000;

/// One row of `agent_activity`.
#[derive(Debug, Serialize, FromRow)]
pub(crate) struct Activity {
    pub(crate) agent: String,
    pub(crate) status: String,
    pub(crate) current_task: Option<String>,
    pub(crate) progress: Option<String>,
    pub(crate) done: Option<i32>,
    pub(crate) total: Option<i32>,
    pub(crate) last_update: Option<DateTime<Utc>>,
    pub(crate) blockers: Option<String>,
    pub(crate) claims: Option<String>,
}

/// One row of `resource_claims`.
#[derive(Debug, Serialize, FromRow)]
pub(crate) struct Held {
    pub(crate) resource: String,
    pub(crate) mode: String,
    pub(crate) claimed_by: String,
    pub(crate) status: String,
    pub(crate) started: DateTime<Utc>,
    pub(crate) eta: Option<DateTime<Utc>>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) released_at: Option<DateTime<Utc>>,
    pub(crate) reason: Option<String>,
}

/// Which rows of the log.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) workspace: String,
    pub(crate) by: Option<String>,
    pub(crate) action: Option<String>,
    pub(crate) resource: Option<Resource>,
}

impl Filter {
    /// Whether the row is about something that overlaps the resource.
    fn takes(&self, row: &LogRow) -> bool {
        self.resource.as_ref().is_none_or(|wanted| {
            row.resource
                .as_deref()
                .and_then(|name| Resource::parse(name).ok())
                .is_some_and(|named| named.overlaps(wanted))
        })
    }
}

/// What is visible now, and which transactions are still open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub(crate) struct Horizon {
    /// The largest number in the log.
    pub(crate) newest: i64,
    /// Every transaction before this one is over.
    pub(crate) over: i64,
    /// Every transaction from this one on began later.
    pub(crate) next: i64,
}

pub(crate) async fn activity(pool: &PgPool, workspace: &str) -> Result<Vec<Activity>, Failure> {
    Ok(sqlx::query_as(
        "SELECT agent, status, current_task, progress, done, total, last_update, blockers, claims
         FROM coordination.agent_activity WHERE workspace = $1 ORDER BY last_update DESC NULLS LAST, agent",
    )
    .bind(workspace)
    .fetch_all(pool)
    .await?)
}

/// The live claims, and with `ended` those that ended within a day.
pub(crate) async fn claims(
    pool: &PgPool,
    workspace: &str,
    ended: bool,
) -> Result<Vec<Held>, Failure> {
    Ok(sqlx::query_as(
        "SELECT resource, mode, claimed_by, status, started, eta, expires_at, released_at, reason
         FROM coordination.resource_claims WHERE workspace = $1 AND ($2 OR released_at IS NULL)
         ORDER BY resource COLLATE \"C\"",
    )
    .bind(workspace)
    .bind(ended)
    .fetch_all(pool)
    .await?)
}

/// Every live claim of a workspace. It says `coalesce(ending, '') = ''`, the words by which the constraint's index is found, because a hook asks before
/// each edit, and searches once.
pub(crate) async fn live(pool: &PgPool, workspace: &str) -> Result<Vec<Live>, Failure> {
    Ok(sqlx::query_as(
        "SELECT c.session_id, c.agent, c.resource, c.shared OR c.slot IS NOT NULL AS shared, c.expires_at, c.reason
         FROM coordination.claims c
         WHERE c.workspace = $1 AND coalesce(c.ending, '') = '' AND c.expires_at > clock_timestamp() ORDER BY c.id",
    )
    .bind(workspace)
    .fetch_all(pool)
    .await?)
}

/// One that stands in line.
#[derive(Debug, FromRow)]
pub(crate) struct InLine {
    pub(crate) agent: String,
    pub(crate) names: Vec<String>,
    pub(crate) queued_at: DateTime<Utc>,
}

/// Who stands in line, longest first. Who has not asked for two minutes has gone.
pub(crate) async fn in_line(pool: &PgPool, workspace: &str) -> Result<Vec<InLine>, Failure> {
    Ok(sqlx::query_as(
        "SELECT t.agent, t.names, t.queued_at FROM coordination.tickets t
         WHERE t.workspace = $1 AND t.polled_at > clock_timestamp() - interval '2 min' ORDER BY t.id",
    )
    .bind(workspace)
    .fetch_all(pool)
    .await?)
}

/// Whether an agent of this name ever had a session.
pub(crate) async fn is_known(pool: &PgPool, workspace: &str, agent: &str) -> Result<bool, Failure> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM coordination.agents WHERE workspace = $1 AND agent = $2)",
    )
    .bind(workspace)
    .bind(agent)
    .fetch_one(pool)
    .await?)
}

/// Which kinds of rows a workspace has.
pub(crate) async fn actions(pool: &PgPool, workspace: &str) -> Result<Vec<String>, Failure> {
    Ok(sqlx::query_scalar(
        "SELECT DISTINCT action_type FROM coordination.agent_log WHERE workspace = $1 ORDER BY 1",
    )
    .bind(workspace)
    .fetch_all(pool)
    .await?)
}

/// The newest rows, oldest of them first.
pub(crate) async fn log(
    pool: &PgPool,
    filter: &Filter,
    limit: usize,
) -> Result<Vec<LogRow>, Failure> {
    let mut newest = Vec::new();
    let mut below = i64::MAX;
    while newest.len() < limit {
        let page = page(pool, filter, 0, below, PAGE).await?;
        let Some(last) = page.last() else { break };
        below = last.id.0;
        newest.extend(page.into_iter().filter(|row| filter.takes(row)));
    }
    newest.truncate(limit);
    newest.reverse();
    Ok(newest)
}

/// All rows whose number is larger than `floor`, oldest first.
pub(crate) async fn log_above(
    pool: &PgPool,
    filter: &Filter,
    floor: i64,
) -> Result<Vec<LogRow>, Failure> {
    let mut rows = page(pool, filter, floor, i64::MAX, i64::MAX).await?;
    rows.retain(|row| filter.takes(row));
    rows.reverse();
    Ok(rows)
}

async fn page(
    pool: &PgPool,
    filter: &Filter,
    floor: i64,
    below: i64,
    limit: i64,
) -> Result<Vec<LogRow>, Failure> {
    Ok(sqlx::query_as(rows(
        "workspace = $1 AND id > $2 AND id < $3 AND ($4::text IS NULL OR agent_name = $4)
           AND ($5::text IS NULL OR action_type = $5) AND ($6 OR resource_claim IS NOT NULL)
         ORDER BY id DESC LIMIT $7",
    ))
    .bind(&filter.workspace)
    .bind(floor)
    .bind(below)
    .bind(&filter.by)
    .bind(&filter.action)
    .bind(filter.resource.is_none())
    .bind(limit)
    .fetch_all(pool)
    .await?)
}

pub(crate) async fn horizon(pool: &PgPool) -> Result<Horizon, Failure> {
    Ok(sqlx::query_as(
        "SELECT coalesce((SELECT max(id) FROM coordination.agent_log), 0) AS newest,
         pg_snapshot_xmin(s)::text::bigint AS over, pg_snapshot_xmax(s)::text::bigint AS next FROM pg_current_snapshot() s",
    )
    .fetch_one(pool)
    .await?)
}

/// The rows of the log, which is `l`, of which a condition holds.
fn rows(condition: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!(
        "SELECT l.id, l.timestamp, l.agent_name, l.session_id, l.action_type, l.status, l.message, l.resource_claim, l.claim_id,
           l.metadata, l.late, l.unauthenticated
         FROM coordination.agent_log l WHERE {condition}"
    ))
}

/// Requests for help that name an agent, newest first.
pub(crate) async fn help(
    pool: &PgPool,
    workspace: &str,
    agent: &str,
    limit: i64,
) -> Result<Vec<LogRow>, Failure> {
    Ok(sqlx::query_as(
        rows("workspace = $1 AND action_type = 'help' AND metadata ->> 'help_needed_from' = $2 ORDER BY id DESC LIMIT $3"),
    )
    .bind(workspace)
    .bind(agent)
    .bind(limit)
    .fetch_all(pool)
    .await?)
}

/// Requests of the last week for an agent's help whose senders have not said since that they go on, newest first.
pub(crate) async fn open_help(
    pool: &PgPool,
    workspace: &str,
    agent: &str,
) -> Result<Vec<LogRow>, Failure> {
    Ok(sqlx::query_as(
        rows("l.workspace = $1 AND l.action_type = 'help' AND l.metadata ->> 'help_needed_from' = $2 AND l.agent_name <> $2
           AND l.timestamp > clock_timestamp() - interval '7 days'
           AND NOT EXISTS (SELECT FROM coordination.agent_log o
             WHERE o.workspace = l.workspace AND o.agent_name = l.agent_name AND o.id > l.id AND o.status <> 'blocked')
         ORDER BY l.id DESC LIMIT 20"),
    )
    .bind(workspace)
    .bind(agent)
    .fetch_all(pool)
    .await?)
}

/// What an agent said since a moment, oldest first.
pub(crate) async fn said(
    pool: &PgPool,
    workspace: &str,
    agent: &str,
    since: DateTime<Utc>,
) -> Result<Vec<LogRow>, Failure> {
    Ok(sqlx::query_as(rows(
        "workspace = $1 AND agent_name = $2 AND timestamp >= $3 ORDER BY id",
    ))
    .bind(workspace)
    .bind(agent)
    .bind(since)
    .fetch_all(pool)
    .await?)
}

/// How these claims of the session ended.
pub(crate) async fn ends(
    session: &Session,
    claims: &[ClaimId],
) -> Result<Vec<(String, Loss)>, Failure> {
    #[derive(FromRow)]
    struct End {
        resource: String,
        #[sqlx(flatten)]
        loss: Loss,
    }
    let ids: Vec<i64> = claims.iter().map(|id| id.0).collect();
    let rows: Vec<End> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT c.resource, {LOSS} WHERE c.session_id = $1 AND c.id = ANY($2) AND (c.released_at IS NOT NULL OR c.expires_at <= clock_timestamp())
         ORDER BY c.id"
    )))
    .bind(session.id())
    .bind(ids)
    .fetch_all(session.pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|end| (end.resource, end.loss))
        .collect())
}

/// How the session's last claim of this name ended; `None` when it never held it or holds it still.
pub(crate) async fn last_end(session: &Session, resource: &str) -> Result<Option<Loss>, Failure> {
    let row = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT {LOSS} WHERE c.session_id = $1 AND c.resource = $2 AND (c.released_at IS NOT NULL OR c.expires_at <= clock_timestamp())
         ORDER BY c.id DESC LIMIT 1"
    )))
    .bind(session.id())
    .bind(resource)
    .fetch_optional(session.pool())
    .await?;
    Ok(row)
}

/// The columns of a [`Loss`], and what they are read from.
const LOSS: &str = "coalesce(c.ending, 'expired') AS ending, coalesce(heir.agent, CASE WHEN c.ended_by <> c.owner THEN c.ended_by END) AS taken_by,
   (SELECT l.id FROM coordination.agent_log l WHERE l.claim_id = heir.id AND l.act = 'granted') AS taken_token,
   coalesce(c.released_at, c.expires_at) AS ended_at
 FROM coordination.claims c LEFT JOIN coordination.claims heir ON heir.id = c.successor";
