//! Request windows: a fixed number of requests in fixed stretches of time, at any pace within one.
//!
//! Each token has a window, the workspace has one for all tokens together, and single endpoints may have
//! their own. A request is refused by the first that is full, and then counts in none of them.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::route::ENDPOINTS;
use crate::failure::Failure;
use crate::model::workspace::QUERY_RESULTS;

/// So many requests in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Requests that a window lets through.
    pub requests: u32,
    /// How long a window lasts.
    #[serde(default = "a_minute")]
    pub seconds: u32,
}

fn a_minute() -> u32 {
    60
}

impl Limit {
    /// A limit on the requests of each minute.
    pub fn per_minute(requests: u32) -> Self {
        Self {
            requests,
            seconds: a_minute(),
        }
    }

    fn length(self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.seconds.max(1)))
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (requests, seconds) = text.split_once('/').unwrap_or((text, "60"));
        let positive = |text: &str| text.parse().ok().filter(|number: &u32| *number > 0);
        match (positive(requests), positive(seconds)) {
            (Some(requests), Some(seconds)) => Ok(Self { requests, seconds }),
            _ => Err(format!(
                "{text} is no limit; write requests a minute, such as 900, or requests/seconds, such as 900/300"
            )),
        }
    }
}

/// Everything that is limited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) token: Limit,
    #[serde(default)]
    pub(crate) workspace: Option<Limit>,
    #[serde(default)]
    pub(crate) endpoints: BTreeMap<String, Limit>,
    /// Blocks that a workspace may ever have, pages and databases among them.
    #[serde(default)]
    pub(crate) blocks: Option<u64>,
    /// Rows that a query answers at most, however often it is continued.
    #[serde(default = "query_results")]
    pub(crate) query_results: usize,
}

fn query_results() -> usize {
    QUERY_RESULTS
}

impl Limits {
    /// What is wrong with them, if anything.
    pub(crate) fn check(&self) -> Result<(), String> {
        let mut windows = self
            .endpoints
            .values()
            .chain(self.workspace.iter())
            .chain([&self.token]);
        if windows.any(|limit| limit.requests == 0 || limit.seconds == 0) {
            return Err("a limit has at least one request, in at least one second".to_owned());
        }
        match self
            .endpoints
            .keys()
            .find(|name| !ENDPOINTS.contains(&name.as_str()))
        {
            Some(name) => Err(format!(
                "there is no endpoint {name}; there are {}",
                ENDPOINTS.join(", ")
            )),
            None => Ok(()),
        }
    }
}

/// A window that opens with its first request.
#[derive(Debug, Default)]
struct Window {
    opened: Option<DateTime<Utc>>,
    used: u32,
}

impl Window {
    /// When the window that stands now was opened.
    fn standing(&self, limit: Limit, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.opened
            .filter(|opened| now >= *opened && now < *opened + limit.length())
    }

    /// The seconds until the next window, when this one lets nothing more through.
    fn full(&self, limit: Limit, now: DateTime<Utc>) -> Option<u64> {
        let opened = self.standing(limit, now)?;
        let left = (opened + limit.length() - now).num_milliseconds().max(0);
        let seconds = u64::try_from(left).unwrap_or(0).div_ceil(1000).max(1);
        (self.used >= limit.requests).then_some(seconds)
    }

    fn count(&mut self, limit: Limit, now: DateTime<Utc>) {
        if self.standing(limit, now).is_none() {
            self.opened = Some(now);
            self.used = 0;
        }
        self.used += 1;
    }
}

/// The windows of one workspace.
#[derive(Debug)]
pub(crate) struct Windows {
    pub(crate) limits: Limits,
    tokens: HashMap<String, Window>,
    workspace: Window,
    endpoints: HashMap<&'static str, Window>,
}

/// Where a window stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) used: u32,
    pub(crate) limit: u32,
    /// Until the window ends; none while no window is open.
    pub(crate) seconds: i64,
}

impl Windows {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            tokens: HashMap::new(),
            workspace: Window::default(),
            endpoints: HashMap::new(),
        }
    }

    /// Takes one request out of every budget, or refuses it.
    pub(crate) fn take(
        &mut self,
        token: &str,
        endpoint: &'static str,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let limits = &self.limits;
        let budgets = [
            (
                self.tokens.entry(token.to_owned()).or_default(),
                Some(limits.token),
            ),
            (&mut self.workspace, limits.workspace),
            (
                self.endpoints.entry(endpoint).or_default(),
                limits.endpoints.get(endpoint).copied(),
            ),
        ];
        for ((window, limit), reason) in budgets.iter().zip(REASONS) {
            if let Some(seconds) = limit.and_then(|limit| window.full(limit, now)) {
                return Err(rate_limited(reason, seconds));
            }
        }
        for (window, limit) in budgets {
            if let Some(limit) = limit {
                window.count(limit, now);
            }
        }
        Ok(())
    }

    /// One token's window.
    pub(crate) fn of_token(&self, token: &str, now: DateTime<Utc>) -> Standing {
        standing(self.tokens.get(token), self.limits.token, now)
    }

    /// The workspace's window, if its requests are limited.
    pub(crate) fn of_workspace(&self, now: DateTime<Utc>) -> Option<Standing> {
        let limit = self.limits.workspace?;
        Some(standing(Some(&self.workspace), limit, now))
    }
}

fn standing(window: Option<&Window>, limit: Limit, now: DateTime<Utc>) -> Standing {
    let open = window.and_then(|window| Some((window, window.standing(limit, now)?)));
    Standing {
        used: open.map_or(0, |(window, _)| window.used),
        limit: limit.requests,
        seconds: open.map_or(0, |(_, opened)| {
            (opened + limit.length() - now).num_seconds()
        }),
    }
}

/// The reasons that a 429 gives: the token's window, the workspace's, the endpoint's, or none that passes.
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
