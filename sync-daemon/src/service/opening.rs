//! What must be there before anything is mirrored, waited for however long that takes.

use futures_util::FutureExt;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::systemd;
use super::voice::Voice;
use crate::board::Board;
use crate::config::DatabaseConfig;
use crate::driver::DEAD;
use crate::health::Health;
use crate::open::{Database, Error as OpenError, open_boards, pool};
use crate::schedule::PROBE;
use crate::tenure::{Attempt, Candidate, Tenure};
use crate::writer::root_cause;

/// Opens the database, however long it is away. `None`: stopped while waiting.
pub(super) async fn database(
    config: &DatabaseConfig,
    health: &mut Health,
    voice: &mut Voice,
    shutdown: &CancellationToken,
) -> Result<Option<(Database, Vec<Board>)>, OpenError> {
    loop {
        let opening = async {
            let opening = async { open_boards(pool(config)?, config.schemas.as_deref()).await };
            timeout(DEAD, opening)
                .await
                .unwrap_or(Err(OpenError::Database(sqlx::Error::PoolTimedOut)))
        };
        let Some(result) = voice.hold(opening, health, None, shutdown).await else {
            return Ok(None);
        };
        let now = Instant::now();
        match result {
            Ok(opened) => {
                health.well(now);
                return Ok(Some(opened));
            }
            Err(error @ OpenError::Database(_)) => health.ill(&root_cause(&error), now),
            Err(error) => return Err(error),
        }
        // Not a reason for a restart: the loops run, and what is away is said.
        systemd::ready();
        voice.waits(health, None);
        let pause = tokio::time::sleep_until(health.next_try(now));
        if voice.hold(pause, health, None, shutdown).await.is_none() {
            return Ok(None);
        }
    }
}

/// How a wait for the right to write ended.
pub(super) enum Turn {
    /// It is ours.
    Granted(Box<Tenure>),
    /// Postgres went away meanwhile.
    Lost,
    /// Stopped.
    Stopped,
}

/// Waits as a standby until this process may write.
pub(super) async fn tenure(
    database: &Database,
    health: &mut Health,
    voice: &mut Voice,
    shutdown: &CancellationToken,
) -> Result<Turn, coordination::Error> {
    let mut holder: Option<String> = None;
    let candidate = timeout(DEAD, Candidate::new(&database.pool, &database.ledger));
    let candidate =
        candidate.map(|answer| answer.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into())));
    let candidate = match voice.hold(candidate, health, None, shutdown).await {
        Some(Ok(candidate)) => candidate,
        Some(Err(error)) => return passing(error, health, voice, shutdown).await,
        None => return Ok(Turn::Stopped),
    };
    loop {
        let attempt = timeout(DEAD, candidate.attempt());
        let attempt =
            attempt.map(|answer| answer.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into())));
        let attempt = voice
            .hold(attempt, health, holder.as_deref(), shutdown)
            .await;
        match attempt {
            Some(Ok(Attempt::Granted(tenure))) => {
                health.well(Instant::now());
                return Ok(Turn::Granted(tenure));
            }
            Some(Ok(Attempt::Held(by))) => {
                health.well(Instant::now());
                if holder.as_ref() != Some(&by) {
                    tracing::info!(holder = by, "standing by: another process mirrors");
                    systemd::ready();
                    holder = Some(by);
                }
            }
            Some(Err(error)) => return passing(error, health, voice, shutdown).await,
            None => return Ok(Turn::Stopped),
        }
        let pause = tokio::time::sleep(PROBE);
        voice.waits(health, holder.as_deref());
        if voice
            .hold(pause, health, holder.as_deref(), shutdown)
            .await
            .is_none()
        {
            return Ok(Turn::Stopped);
        }
    }
}

/// An error that may pass is waited for.
async fn passing(
    error: coordination::Error,
    health: &mut Health,
    voice: &mut Voice,
    shutdown: &CancellationToken,
) -> Result<Turn, coordination::Error> {
    use coordination::Error::{Busy, Database, Retry};
    if !matches!(error, Database(_) | Busy(_) | Retry(_)) {
        return Err(error);
    }
    let now = Instant::now();
    health.ill(&root_cause(&error), now);
    systemd::ready();
    voice.waits(health, None);
    let pause = tokio::time::sleep_until(health.next_try(now));
    Ok(match voice.hold(pause, health, None, shutdown).await {
        Some(()) => Turn::Lost,
        None => Turn::Stopped,
    })
}
