//! The simulator as one value: workspace, window, journal, faults and data file, driven by requests and the time.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::api;
use crate::api::failure::Failure;
use crate::api::gate::{self, BODY_LIMIT, Incoming};
use crate::data_file::DataFile;
use crate::model::workspace::Workspace;
use crate::traffic::fault::{self, Faults, Kind};
use crate::traffic::journal::{Entry, Journal};
use crate::traffic::window::{REASONS, Window, rate_limited};

pub(crate) struct Simulator {
    pub(crate) workspace: Workspace,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    windows: HashMap<String, Window>,
    requests_per_minute: u32,
    data: Option<DataFile>,
}

/// What goes over the wire.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    /// Nothing when the answer never came from Notion itself.
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<String>,
    /// An error page of the edge instead of `body`.
    pub(crate) html: Option<&'static str>,
    /// The connection breaks instead of an answer.
    pub(crate) dropped: bool,
    /// Extra time before the answer.
    pub(crate) delay_millis: u64,
}

const BAD_GATEWAY: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n";

impl Simulator {
    pub(crate) fn new(
        workspace: Workspace,
        requests_per_minute: u32,
        seed: u64,
        data: Option<DataFile>,
    ) -> Self {
        Self {
            workspace,
            journal: Journal::default(),
            faults: Faults::seeded(seed),
            windows: HashMap::new(),
            requests_per_minute,
            data,
        }
    }

    /// Answers one request to the API.
    pub(crate) fn serve(&mut self, incoming: &Incoming<'_>, now: DateTime<Utc>) -> Reply {
        let request_id = self.workspace.ids.uuid().to_string();
        let mut entry = Entry {
            number: 0,
            time: now,
            method: incoming.method.to_owned(),
            path: incoming.path.to_owned(),
            status: 200,
            code: None,
            cost: 0,
            request_id: request_id.clone(),
            committed: None,
            fault: None,
        };
        let mut reply = Reply {
            status: 200,
            body: Value::Null,
            request_id: Some(request_id.clone()),
            retry_after: None,
            html: None,
            dropped: false,
            delay_millis: 0,
        };
        if incoming.body.len() > BODY_LIMIT {
            reply.status = 413;
            reply.body = too_large(&request_id);
            reply.request_id = None;
        } else {
            match self.outcome(incoming, now, &mut entry, &mut reply) {
                Ok(mut body) => {
                    body["request_id"] = request_id.into();
                    reply.body = body;
                }
                Err(failure) => {
                    reply.status = failure.status;
                    entry.code = Some(failure.code);
                    let after = failure
                        .additional_data
                        .as_ref()
                        .and_then(|data| data["retry_after"].as_str());
                    reply.retry_after = after.map(str::to_owned);
                    reply.body = failure.body(&request_id);
                }
            }
        }
        entry.status = reply.status;
        self.journal.enter(entry);
        reply
    }

    fn outcome(
        &mut self,
        incoming: &Incoming<'_>,
        now: DateTime<Utc>,
        entry: &mut Entry,
        reply: &mut Reply,
    ) -> Result<Value, Failure> {
        let met = self.faults.met_by(incoming.method, incoming.path);
        entry.fault = met.as_ref().map(Kind::name);
        match &met {
            Some(Kind::BadGateway) => {
                reply.status = 502;
                reply.html = Some(BAD_GATEWAY);
                reply.request_id = None;
                return Ok(Value::Object(serde_json::Map::new()));
            }
            Some(Kind::Drop) => {
                reply.dropped = true;
                return Ok(Value::Object(serde_json::Map::new()));
            }
            Some(Kind::Delay { millis }) => reply.delay_millis = *millis,
            _ => {}
        }
        let settings = &self.workspace.settings;
        let call = gate::admit(incoming, |token| {
            !settings.token_revoked && token == settings.token
        })?;
        let window = self
            .windows
            .entry(settings.token.clone())
            .or_insert_with(|| Window::new(self.requests_per_minute));
        window
            .take(now)
            .map_err(|seconds| rate_limited(REASONS[0], seconds))?;
        entry.cost = 1;
        if let Some(refusal) = met.as_ref().and_then(|fault| fault.refusal(now)) {
            return Err(refusal);
        }
        let (body, effect) = api::run(&mut self.workspace, &call, now)?;
        self.save()?;
        self.journal.count_effect(effect);
        entry.committed = effect.committed();
        match met {
            Some(Kind::UnavailableAfterCommit) => {
                Err(fault::saved_but_unavailable(effect.committed()))
            }
            Some(Kind::DropAfterCommit) => {
                reply.dropped = true;
                Ok(body)
            }
            _ => Ok(body),
        }
    }

    /// Writes what changed to the data file, before anybody hears of it.
    pub(crate) fn save(&mut self) -> Result<(), Failure> {
        let changes = self.workspace.take_changes();
        let Some(data) = &mut self.data else {
            return Ok(());
        };
        data.append(&changes).map_err(|error| {
            tracing::error!(%error, "the data file could not be written");
            Failure::new(
                500,
                "internal_server_error",
                format!("notion-sim could not write its data file: {error}"),
            )
        })
    }

    /// Requests used in the window that stands, the limit, and the seconds it still lasts.
    pub(crate) fn budget(&self, now: DateTime<Utc>) -> (u32, u32, i64) {
        let window = self.windows.get(&self.workspace.settings.token);
        window.map_or((0, self.requests_per_minute, 0), |window| {
            window.standing(now)
        })
    }

    pub(crate) fn root(&self) -> Uuid {
        self.workspace.settings.root
    }
}

/// Not Notion's usual shape: it comes from the parser in front of it.
fn too_large(error_id: &str) -> Value {
    serde_json::json!({
        "isNotionError": false,
        "errorId": error_id,
        "name": "PayloadTooLargeError",
        "message": "Request body too large.",
        "code": 413,
    })
}
