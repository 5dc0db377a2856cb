//! Faults on demand: which requests meet one, and what it does to them.

use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::window::{REASONS, rate_limited};
use crate::failure::Failure;

/// A fault that somebody asked for over HTTP.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fault {
    #[serde(flatten)]
    pub(crate) kind: Kind,
    /// Only requests of this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// Only requests whose path starts so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Met by this many requests, then gone; without it until cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    /// Lets this many matching requests pass first.
    #[serde(default)]
    skip: u32,
    /// Met by this share of the matching requests, drawn by the server's seed.
    #[serde(default = "always")]
    probability: f64,
}

/// What every fault may say, whatever its kind.
const COMMON: [&str; 6] = ["kind", "method", "path", "count", "skip", "probability"];

impl Fault {
    /// Reads a fault; what it does not know, it refuses with what it does.
    pub(crate) fn read(given: &Value) -> Result<Self, String> {
        let members = given
            .as_object()
            .ok_or_else(|| "a fault is an object with a kind".to_owned())?;
        let kind = given["kind"].as_str().unwrap_or_default();
        let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        let Some((_, own)) = KINDS.iter().find(|(name, _)| *name == kind) else {
            return Err(format!(
                "there is no kind of fault {}; there are {}",
                given["kind"],
                names.join(", ")
            ));
        };
        let known: Vec<&str> = COMMON.iter().chain(*own).copied().collect();
        if let Some(stranger) = members.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!(
                "a fault of kind {kind} has no {stranger}; it has {}",
                known.join(", ")
            ));
        }
        let fault: Self =
            serde_json::from_value(given.clone()).map_err(|error| error.to_string())?;
        if !(0.0..=1.0).contains(&fault.probability) {
            return Err("probability must lie between 0 and 1".to_owned());
        }
        if fault.count == Some(0) {
            return Err("count must be at least 1, or left out".to_owned());
        }
        if let Kind::RateLimited { reason, .. } = &fault.kind
            && !REASONS.contains(&reason.as_str())
        {
            return Err(format!("reason must be one of {}", REASONS.join(", ")));
        }
        Ok(fault)
    }

    /// The fault in one line, for people.
    pub(crate) fn described(&self) -> String {
        let share = || format!("{:.1} % of the requests", self.probability * 100.0);
        let parts = [
            Some(self.kind.name().replace('_', " ")),
            self.method.as_ref().map(|method| format!("{method} only")),
            self.path.as_ref().map(|path| format!("below {path}")),
            (self.probability < 1.0).then(share),
            Some(match self.count {
                Some(1) => "once more".to_owned(),
                Some(count) => format!("{count} times more"),
                None => "until cleared".to_owned(),
            }),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// A storm: so large a share of all requests meets one of the faults that pass by themselves.
    pub(crate) fn storm(share: f64) -> Result<Vec<Self>, String> {
        if !(0.0..=1.0).contains(&share) {
            return Err("share must lie between 0 and 1".to_owned());
        }
        let kinds = [
            Kind::RateLimited {
                reason: connection_window(),
                retry_after: 1,
            },
            Kind::Overload,
            Kind::Conflict,
            Kind::InternalError,
            Kind::BadGateway,
            Kind::Unavailable,
            Kind::UnavailableAfterCommit,
            Kind::GatewayTimeout,
            Kind::Drop,
            Kind::DropAfterCommit,
            Kind::Delay { millis: 500 },
        ];
        let mut calm = 1.0;
        #[expect(clippy::cast_precision_loss, reason = "eleven")]
        let each = share / kinds.len() as f64;
        Ok(kinds
            .into_iter()
            .map(|kind| {
                // Faults are drawn one after the other: later ones see only what earlier ones let pass.
                let probability = f64::min(each / calm, 1.0);
                calm -= each;
                Self {
                    kind,
                    method: None,
                    path: None,
                    count: None,
                    skip: 0,
                    probability,
                }
            })
            .collect())
    }
}

fn always() -> f64 {
    1.0
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $({ $($(#[$default:meta])* $key:ident: $value:ty,)+ })? => $name:literal,)+) => {
        /// What happens to the request.
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        pub(crate) enum Kind {
            $($(#[$doc])* #[serde(rename = $name)] $kind $({ $($(#[$default])* $key: $value,)+ })?,)+
        }

        /// Every kind, with what it alone may say.
        const KINDS: &[(&str, &[&str])] = &[$(($name, &[$($(stringify!($key)),+)?])),+];

        impl Kind {
            pub(crate) fn name(&self) -> &'static str {
                match self {
                    $(Self::$kind { .. } => $name,)+
                }
            }
        }
    };
}

kinds! {
    RateLimited {
        #[serde(default = "connection_window")]
        reason: String,
        #[serde(default = "a_few_seconds")]
        retry_after: u64,
    } => "rate_limited",
    Overload => "overload",
    Conflict => "conflict",
    InternalError => "internal_error",
    BadGateway => "bad_gateway",
    Unavailable => "unavailable",
    UnavailableAfterCommit => "unavailable_after_commit",
    GatewayTimeout => "gateway_timeout",
    Unauthorized => "unauthorized",
    BlockLimit => "block_limit",
    /// The parser in front of Notion refuses the body, whatever its size.
    PayloadTooLarge => "payload_too_large",
    /// The answer's addresses stand on the host that they had before July 2026.
    MovedUrls => "moved_urls",
    Drop => "drop",
    DropAfterCommit => "drop_after_commit",
    Delay { millis: u64, } => "delay",
}

fn connection_window() -> String {
    REASONS[0].to_owned()
}

fn a_few_seconds() -> u64 {
    2
}

impl Kind {
    /// The refusal that comes instead of running the call, for faults before the commit.
    pub(crate) fn refusal(&self, endpoint: &str, now: DateTime<Utc>) -> Option<Failure> {
        Some(match self {
            Self::RateLimited {
                reason,
                retry_after,
            } => rate_limited(reason, *retry_after),
            Self::Overload => Failure::new(
                529,
                "service_overload",
                "Notion is overloaded. Please try again later.",
            ),
            Self::Conflict => Failure::new(
                409,
                "conflict_error",
                "Conflict occurred while saving. Please try again.",
            ),
            Self::InternalError => Failure::new(
                500,
                "internal_server_error",
                "Unexpected error occurred. Please contact Notion support.",
            ),
            Self::Unavailable => unavailable(endpoint),
            Self::GatewayTimeout => Failure::new(
                504,
                "gateway_timeout",
                "Notion timed out. Please try again later.",
            ),
            Self::Unauthorized => Failure::new(401, "unauthorized", "API token is invalid."),
            Self::BlockLimit => Failure::block_limit(1000, 1000, now),
            Self::BadGateway
            | Self::PayloadTooLarge
            | Self::MovedUrls
            | Self::UnavailableAfterCommit
            | Self::Drop
            | Self::DropAfterCommit
            | Self::Delay { .. } => return None,
        })
    }
}

/// The answer of a service that is short of connections; recorded for queries, whose advice fits them alone.
pub(crate) fn unavailable(endpoint: &str) -> Failure {
    let mut data = json!({
        "notion_error_name": "PgPoolWaitConnectionTimeout",
        "retry_guidance": ["Use exponential backoff with jitter"],
    });
    if endpoint == "query" {
        data["endpoint_name"] = "public_queryDataSource".into();
        data["retry_guidance"] = json!([
            "Use exponential backoff with jitter",
            "Reduce page_size",
            "Narrow query filters/sorts"
        ]);
    }
    Failure::new(
        503,
        "service_unavailable",
        "Notion is unavailable. Please try again later.",
    )
    .with(data)
}

/// The answer when a write was saved but could not be shown.
pub(crate) fn saved_but_unavailable(committed: Uuid) -> Failure {
    Failure::new(
        503,
        "service_unavailable",
        "The change was saved, but the response could not be built in time. Read the object again instead of repeating the write.",
    )
    .with(json!({
        "from": "public_api",
        "elapsed_ms": "55012",
        "deadline_ms": "55000",
        "retry_guidance": ["Read the object again.", "Do not repeat the write."],
        "committed_resource_id": committed,
        "committed_child_ids": [],
    }))
}

/// The faults that stand.
#[derive(Debug)]
pub(crate) struct Faults {
    standing: Vec<Fault>,
    draw: StdRng,
}

impl Faults {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self {
            standing: Vec::new(),
            draw: StdRng::seed_from_u64(seed),
        }
    }

    /// Draws repeat from here.
    pub(crate) fn reseed(&mut self, seed: u64) {
        self.draw = StdRng::seed_from_u64(seed);
    }

    pub(crate) fn add(&mut self, faults: Vec<Fault>) {
        self.standing.extend(faults);
    }

    pub(crate) fn clear(&mut self) {
        self.standing.clear();
    }

    pub(crate) fn standing(&self) -> &[Fault] {
        &self.standing
    }

    /// The fault that a request meets, if any: the first that matches, still has a count, and is drawn.
    pub(crate) fn met_by(&mut self, method: &str, path: &str) -> Option<Kind> {
        let mut met = None;
        for fault in &mut self.standing {
            let matches = fault
                .method
                .as_deref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
                && fault
                    .path
                    .as_deref()
                    .is_none_or(|wanted| path.starts_with(wanted));
            if !matches {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if fault.probability < 1.0 && self.draw.random::<f64>() >= fault.probability {
                continue;
            }
            if let Some(count) = &mut fault.count {
                *count = count.saturating_sub(1);
            }
            met = Some(fault.kind.clone());
            break;
        }
        self.standing.retain(|fault| fault.count != Some(0));
        met
    }
}
