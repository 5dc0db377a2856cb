//! The proof from the record that nothing was ever granted twice.

use sqlx::PgPool;

use crate::error::Error;
use crate::id::LogId;
use crate::turn::Turn;

/// What a replay of the history found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// How many claims it read.
    pub claims: i64,
    /// How many acts: grants, renewals, ends.
    pub acts: i64,
    /// The first offence against the protocol, or none.
    pub offence: Option<Offence>,
}

/// Something that the protocol forbids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offence {
    /// The log row at which it shows.
    pub at: LogId,
    /// What it is.
    pub what: String,
}

/// Replays the whole history by the log's numbers and proves that no two owners ever held overlapping resources incompatibly, that
/// every end was written before its successor's grant, and that log and claims agree.
pub async fn verify_history(pool: &PgPool) -> Result<History, Error> {
    let mut turn = Turn::take(pool).await?;
    let (claims, acts, at, what): (i64, i64, Option<LogId>, Option<String>) = sqlx::query_as(
        "SELECT claims, acts, offence_at, offence FROM coordination.verify_history()",
    )
    .persistent(turn.prepares())
    .fetch_one(&mut *turn)
    .await?;
    turn.end().await?;
    Ok(History {
        claims,
        acts,
        offence: at.zip(what).map(|(at, what)| Offence { at, what }),
    })
}
