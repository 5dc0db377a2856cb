//! The request window: a fixed number of requests in fixed 60-second windows, at any pace within one.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::api::failure::Failure;

const LENGTH: TimeDelta = TimeDelta::seconds(60);

/// One token's window.
#[derive(Debug)]
pub(crate) struct Window {
    limit: u32,
    opened: Option<DateTime<Utc>>,
    used: u32,
}

impl Window {
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            limit,
            opened: None,
            used: 0,
        }
    }

    /// Takes one request out of the budget, or says how many seconds remain until the next window.
    pub(crate) fn take(&mut self, now: DateTime<Utc>) -> Result<(), u64> {
        let opened = match self.opened {
            Some(opened) if now < opened + LENGTH && now >= opened => opened,
            _ => {
                self.used = 0;
                *self.opened.insert(now)
            }
        };
        if self.used >= self.limit {
            let left = (opened + LENGTH - now).num_milliseconds().max(0);
            return Err(u64::try_from(left).unwrap_or(0).div_ceil(1000).max(1));
        }
        self.used += 1;
        Ok(())
    }

    /// Requests taken in the window that stands now, the limit, and the seconds until it ends.
    pub(crate) fn standing(&self, now: DateTime<Utc>) -> (u32, u32, i64) {
        match self.opened {
            Some(opened) if now < opened + LENGTH => {
                (self.used, self.limit, (opened + LENGTH - now).num_seconds())
            }
            _ => (0, self.limit, 0),
        }
    }
}

/// The reasons that a 429 gives.
pub(crate) const REASONS: [&str; 4] = [
    "public_api_request_rate_limit",
    "public_api_space_request_rate_limit",
    "public_api_endpoint_rate_limit",
    "public_api_request_blocked",
];

pub(crate) fn rate_limited(reason: &str, retry_after: u64) -> Failure {
    Failure::new(
        429,
        "rate_limited",
        "You have been rate limited. Please try again in a few minutes.",
    )
    .with(json!({ "rate_limit_reason": reason, "retry_after": retry_after.to_string() }))
}
