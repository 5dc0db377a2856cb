//! The service manager's side: ready, reloading, stopping, a line of status, and the watchdog.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::Instant;

/// Tells the service manager that the work loop still turns. Only the loop itself holds it, so that a loop
/// that is stuck is restarted although other tasks of the process go on.
#[derive(Debug)]
pub struct Pulse {
    every: Option<Duration>,
    beaten: Option<Instant>,
    said: String,
}

impl Pulse {
    /// A pulse as fast as the manager's watchdog asks for; none where it does not ask.
    pub fn new() -> Self {
        Self {
            every: sd_notify::watchdog_enabled().map(|limit| limit / 4),
            beaten: None,
            said: String::new(),
        }
    }

    /// The loop turned once more. Says so at most four times in the watchdog's interval.
    pub fn beat(&mut self, now: Instant) {
        let Some(every) = self.every else { return };
        if self.beaten.is_none_or(|beaten| now >= beaten + every) {
            self.beaten = Some(now);
            tell(&[NotifyState::Watchdog]);
        }
    }

    /// What the manager shows beside the unit's name; told when it changed.
    pub fn status(&mut self, line: &str) {
        if line != self.said {
            tell(&[NotifyState::Status(line)]);
            line.clone_into(&mut self.said);
        }
    }
}

impl Default for Pulse {
    fn default() -> Self {
        Self::new()
    }
}

/// The configuration is valid and the loops run.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is being read again; [`ready`] ends it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// A stop began.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Outside systemd there is nobody to tell.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "cannot tell systemd");
    }
}
