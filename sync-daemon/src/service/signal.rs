//! Signals: SIGINT and SIGTERM stop, SIGHUP reloads.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::tenure::Tenure;

/// Cancelled by SIGINT or SIGTERM.
pub fn stopped() -> CancellationToken {
    let token = CancellationToken::new();
    let stopped = token.clone();
    tokio::spawn(async move {
        match (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        ) {
            (Ok(mut interrupt), Ok(mut terminate)) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                stopped.cancel();
            }
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(%error, "cannot listen for signals; a stop will not be graceful");
            }
        }
    });
    token
}

/// Cancelled when the process is told to stop, or may not write any more.
pub fn while_held(tenure: &Tenure, shutdown: &CancellationToken) -> CancellationToken {
    let (until, lost) = (shutdown.child_token(), tenure.trust().lost().clone());
    let end = until.clone();
    tokio::spawn(async move {
        lost.cancelled().await;
        end.cancel();
    });
    until
}

/// Wishes to reload.
#[derive(Debug)]
pub struct Reloads(Option<Signal>);

/// Listens for SIGHUP from now on.
pub fn reloads() -> Reloads {
    Reloads(
        signal(SignalKind::hangup())
            .inspect_err(
                |error| tracing::warn!(%error, "cannot listen for SIGHUP; a reload needs a restart"),
            )
            .ok(),
    )
}

impl Reloads {
    /// The next wish.
    pub async fn next(&mut self) {
        let wished = match &mut self.0 {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if wished.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
