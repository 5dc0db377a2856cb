//! What Notion's answers mean.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::PageId;
use crate::budget::Scope;

/// Why a request did not end in the answer it asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection came about: the request certainly never left.
    #[error("Notion cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The request left and its answer did not arrive whole.
    #[error("the answer of Notion was lost")]
    AnswerLost(#[source] reqwest::Error),
    /// Notion answered with an error.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// Notion answered with success and a body that we cannot use.
    #[error("the answer of Notion has no {0}")]
    Unexpected(&'static str),
    /// The token file cannot be read.
    #[error("cannot read the token file {path}")]
    TokenFile {
        /// The file of `NOTION_TOKEN_FILE`.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// An error answer, with everything Notion said.
#[derive(Debug, Clone, thiserror::Error)]
#[error("Notion answered {status} {}: {message}", code.as_deref().unwrap_or("without a code"))]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Notion's code, absent where something in front of Notion answered.
    pub code: Option<String>,
    /// Notion's message, or the head of the body.
    pub message: String,
    /// For Notion's support.
    pub request_id: Option<String>,
    /// When Notion asks us to come back.
    pub retry_after: Option<Duration>,
    /// Details by code: `rate_limit_reason`, `committed_resource_id`, `block_limit` …
    pub additional_data: Value,
}

/// What an error means for a write and for those behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Not written. Nothing may leave before this time has passed.
    TooMany {
        /// Notion's `Retry-After`.
        retry_after: Duration,
        /// Whose limit it is.
        scope: Scope,
    },
    /// Not written, and not the row's fault; the same may succeed later.
    TryAgain,
    /// Nobody can say whether it was written.
    InDoubt,
    /// Written, although the answer is an error.
    Committed(Option<PageId>),
    /// Not written, and never will be in this form.
    Invalid,
    /// Not written: the page lies in the trash.
    InTrash,
    /// Not written: the page, its database, or our access to it is gone.
    NotFound,
    /// Not written: the token is not accepted any more.
    TokenRefused,
    /// Not written: Notion blocks this integration, and asks not to be asked again.
    Blocked,
    /// Not written: the workspace refuses to grow (Free plan).
    BlockLimit,
    /// Not written: the integration may not do this.
    Forbidden,
    /// Not written: no connection.
    Unreachable,
}

impl Error {
    /// Without Notion's message, which quotes what was sent: for logs.
    pub fn brief(&self) -> String {
        match self {
            Self::Refused(refusal) => format!(
                "Notion answered {} {}",
                refusal.status,
                refusal.code.as_deref().unwrap_or("without a code")
            ),
            other => other.to_string(),
        }
    }

    /// What the answer means, or its absence.
    pub fn meaning(&self) -> Meaning {
        match self {
            Self::Unreachable(_) | Self::TokenFile { .. } => Meaning::Unreachable,
            Self::AnswerLost(_) | Self::Unexpected(_) => Meaning::InDoubt,
            Self::Refused(refusal) => refusal.meaning(),
        }
    }
}

impl Refusal {
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let json: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let additional_data = json.get("additional_data").cloned().unwrap_or(Value::Null);
        let seconds = header("retry-after")
            .or_else(|| additional_data.get("retry_after").and_then(Value::as_str))
            .and_then(|seconds| seconds.parse::<f64>().ok())
            .filter(|seconds| (0.0..=86_400.0).contains(seconds));
        Self {
            status: status.as_u16(),
            code: text("code"),
            message: text("message").unwrap_or_else(|| one_line(&String::from_utf8_lossy(body))),
            request_id: text("request_id")
                .or_else(|| header("x-notion-request-id").map(str::to_owned)),
            retry_after: seconds.map(Duration::from_secs_f64),
            additional_data,
        }
    }

    fn meaning(&self) -> Meaning {
        match (self.status, self.code.as_deref()) {
            (429, _)
                if self.additional_data["rate_limit_reason"] == "public_api_request_blocked" =>
            {
                Meaning::Blocked
            }
            (429 | 529, _) => Meaning::TooMany {
                retry_after: self.retry_after.unwrap_or(Duration::from_secs(5)),
                scope: self.scope(),
            },
            (401, _) => Meaning::TokenRefused,
            (403, _) if !self.additional_data["block_limit"].is_null() => Meaning::BlockLimit,
            (403, _) => Meaning::Forbidden,
            (404, _) => Meaning::NotFound,
            (409, Some("conflict_error")) => Meaning::TryAgain,
            (400, _)
                if self
                    .message
                    .starts_with("Can't edit block that is archived") =>
            {
                Meaning::InTrash
            }
            (503, _) if self.committed() => Meaning::Committed(self.committed_id()),
            (400..=499, _) => Meaning::Invalid,
            _ => Meaning::InDoubt,
        }
    }

    fn scope(&self) -> Scope {
        match self.additional_data["rate_limit_reason"].as_str() {
            Some("public_api_space_request_rate_limit") => Scope::Workspace,
            Some("public_api_endpoint_rate_limit") => Scope::Endpoint,
            _ if self.status == 529 => Scope::Service,
            _ => Scope::Connection,
        }
    }

    fn committed(&self) -> bool {
        let advice = &self.additional_data["retry_guidance"];
        self.committed_id().is_some()
            || advice.as_array().is_some_and(|lines| {
                lines
                    .iter()
                    .any(|line| line.as_str() == Some("Do not repeat the write."))
            })
    }

    fn committed_id(&self) -> Option<PageId> {
        self.additional_data["committed_resource_id"]
            .as_str()?
            .parse()
            .ok()
    }
}

/// The head of a body that is not Notion's: a proxy's page of HTML, say.
fn one_line(body: &str) -> String {
    body.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests;
