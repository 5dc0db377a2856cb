//! Retries, outside the backlog: reads from Notion by one-shot commands, and the pace at which a service
//! that is away is tried again. Writes are never retried here.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder, Retryable};

use crate::budget::Lane;
use crate::notion::{Error, Gate, Meaning, Permit};

/// Repeats a read until it is answered, refused for good, or has failed six times.
pub async fn read<T>(
    gate: &Gate,
    lane: Lane,
    request: impl AsyncFn(Permit) -> Result<T, Error>,
) -> Result<T, Error> {
    let attempt = async || {
        let result = request(gate.admit(lane).await).await;
        if let Err(error) = &result
            && let Meaning::TooMany { retry_after, scope } = error.meaning()
        {
            gate.refused(scope, retry_after);
            // A command that reads does nothing else.
            gate.close_for(retry_after);
        }
        result
    };
    attempt
        .retry(
            ExponentialBuilder::default()
                .with_jitter()
                .with_max_times(5)
                .with_max_delay(Duration::from_secs(30)),
        )
        .when(|error| {
            matches!(
                error.meaning(),
                Meaning::TooMany { .. }
                    | Meaning::TryAgain
                    | Meaning::InDoubt
                    | Meaning::Unreachable
            )
        })
        .await
}

/// Delays between attempts to reach a service that is away: 1 s, doubling up to a minute, with jitter.
pub fn pace() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_secs(1))
        .with_max_delay(Duration::from_secs(60))
        .without_max_times()
        .build()
}
