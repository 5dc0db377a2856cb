//! What the API answers when it refuses: status, code, text and additional data, as Notion words them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// A refusal, or a fault that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    /// HTTP status.
    pub(crate) status: u16,
    /// Notion's machine-readable code.
    pub(crate) code: &'static str,
    /// The text for people.
    pub(crate) message: String,
    /// `additional_data`, for the few failures that carry it.
    pub(crate) additional_data: Option<Value>,
}

impl Failure {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            additional_data: None,
        }
    }

    pub(crate) fn with(mut self, additional_data: Value) -> Self {
        self.additional_data = Some(additional_data);
        self
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "validation_error", message)
    }

    /// A refusal whose words nobody has recorded from Notion: they are the simulator's own, and the README lists them.
    pub(crate) fn unrecorded(message: impl Into<String>) -> Self {
        Self::validation(message)
    }

    pub(crate) fn invalid_json() -> Self {
        Self::new(400, "invalid_json", "Error parsing JSON body.")
    }

    pub(crate) fn invalid_url() -> Self {
        Self::new(400, "invalid_request_url", "Invalid request URL.")
    }

    pub(crate) fn archived() -> Self {
        Self::validation(
            "Can't edit block that is archived. You must unarchive the block before editing.",
        )
    }

    pub(crate) fn workspace_level() -> Self {
        Self::validation("Archiving workspace level pages via API not supported.")
    }

    /// An object that is not there, or not shared with the integration: Notion does not say which.
    pub(crate) fn not_found(what: &str, id: &str, integration: (&str, &str)) -> Self {
        let (name, integration_id) = integration;
        Self::new(
            404,
            "object_not_found",
            format!(
                "Could not find {what} with ID: {id}. Make sure the relevant pages and databases are shared with your integration \"{name}\"."
            ),
        )
        .with(json!({ "integration_id": integration_id }))
    }

    /// What a small plan says when its blocks are used up.
    pub(crate) fn block_limit(limit: u64, used: u64, now: DateTime<Utc>) -> Self {
        Self::new(
            403,
            "restricted_resource",
            "This workspace has used up its blocks. Upgrade the plan to keep adding content.",
        )
        .with(json!({ "block_limit": { "limit": limit, "used": used, "checked_at": now.to_rfc3339() } }))
    }

    /// A published operation that the simulator does not have. Plain, so that nobody mistakes it for Notion's answer.
    pub(crate) fn not_simulated(operation: &str) -> Self {
        Self::new(
            501,
            "not_simulated",
            format!(
                "notion-sim does not have {operation}; Notion does. Test this call against the real API."
            ),
        )
    }

    /// The body as it goes over the wire.
    pub(crate) fn body(&self, request_id: &str) -> Value {
        let mut body = json!({
            "object": "error",
            "status": self.status,
            "code": self.code,
            "message": self.message,
        });
        if let Some(data) = &self.additional_data {
            body["additional_data"] = data.clone();
        }
        body["request_id"] = request_id.into();
        body
    }
}

/// A value's JSON as a refusal quotes it: cut after 55 UTF-16 units.
pub(crate) fn quoted(value: &Value) -> String {
    const LIMIT: usize = 55;
    let text = value.to_string();
    let units: Vec<u16> = text.encode_utf16().collect();
    if units.len() <= LIMIT {
        text
    } else {
        format!("{}...", String::from_utf16_lossy(&units[..LIMIT]))
    }
}
