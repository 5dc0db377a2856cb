//! What goes wrong, one thing at a time.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::cast::Cast;

/// How long an outage lasts: longer than a few attempts.
const OUTAGE: Duration = Duration::from_secs(8);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The daemon is killed where it stands.
    Kill,
    /// Notion answers nobody.
    NotionAway,
    /// The server crashes and recovers.
    PostgresCrash,
    /// The token is refused until another one lies in the file.
    TokenRevoked,
    /// One request in ten meets something that passes by itself.
    Storm,
    /// Schema files and token are read again.
    Reload,
    /// An agent is killed and leaves its claim behind.
    AgentKilled,
    /// Notion commits and does not say so.
    AnswersLost,
    /// The daemon is stopped and started in order.
    Restart,
}

impl Fault {
    /// All but the kill, which has a time of its own.
    pub(crate) const OTHERS: [Self; 8] = [
        Self::TokenRevoked,
        Self::PostgresCrash,
        Self::NotionAway,
        Self::Storm,
        Self::Reload,
        Self::AgentKilled,
        Self::AnswersLost,
        Self::Restart,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kill => "daemon killed",
            Self::NotionAway => "notion away",
            Self::PostgresCrash => "postgres crashed",
            Self::TokenRevoked => "token revoked and renewed",
            Self::Storm => "storm of errors",
            Self::Reload => "reloaded",
            Self::AgentKilled => "agent killed",
            Self::AnswersLost => "answers lost after the commit",
            Self::Restart => "daemon restarted",
        }
    }

    /// Lets it happen. An outage is over when this returns; what it did to the daemon need not be.
    pub(crate) async fn strike(self, cast: &mut Cast) -> anyhow::Result<()> {
        let outage = async |cast: &Cast, faults: Value| {
            cast.notion("faults", faults).await?;
            tokio::time::sleep(OUTAGE).await;
            cast.notion("faults", Value::Null).await
        };
        match self {
            Self::Kill => cast.kill_daemon().await,
            Self::NotionAway => outage(cast, json!({"kind": "drop"})).await,
            Self::PostgresCrash => cast.crash_postgres(),
            Self::TokenRevoked => cast.renew_token(OUTAGE).await,
            Self::Storm => outage(cast, json!({"seed": 7, "storm": 0.1})).await,
            Self::Reload => cast.signal_daemon(Signal::SIGHUP),
            Self::AgentKilled => cast.kill_agent().await,
            Self::AnswersLost => {
                let lost = json!({"kind": "drop_after_commit", "probability": 0.3});
                outage(cast, lost).await
            }
            Self::Restart => cast.restart_daemon().await,
        }
    }
}
