//! The simulator as one value: workspace, window, journal, faults and data file, driven by requests and the time.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::api;
use crate::api::gate::{self, BODY_LIMIT, Incoming};
use crate::data_file::DataFile;
use crate::failure::Failure;
use crate::model::render;
use crate::model::workspace::Workspace;
use crate::traffic::fault::{self, Faults, Kind};
use crate::traffic::journal::{Entry, Journal};
use crate::traffic::window::{Limits, Standing, Windows};

pub(crate) struct Simulator {
    pub(crate) workspace: Workspace,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    pub(crate) windows: Windows,
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
        limits: Limits,
        seed: u64,
        data: Option<DataFile>,
    ) -> Self {
        Self {
            workspace,
            journal: Journal::default(),
            faults: Faults::seeded(seed),
            windows: Windows::new(limits),
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
            endpoint: None,
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
        let met = self.faults.met_by(incoming.method, incoming.path);
        entry.fault = met.as_ref().map(Kind::name);
        if incoming.body.len() > BODY_LIMIT || matches!(met, Some(Kind::PayloadTooLarge)) {
            reply.status = 413;
            reply.body = too_large(&request_id);
            reply.request_id = None;
        } else {
            match self.outcome(incoming, now, met.as_ref(), (&mut entry, &mut reply)) {
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
        met: Option<&Kind>,
        (entry, reply): (&mut Entry, &mut Reply),
    ) -> Result<Value, Failure> {
        match met {
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
        let call = gate::admit(incoming, |token| self.workspace.settings.bot_of(token))?;
        entry.endpoint = Some(call.route.endpoint());
        let token = gate::bearer(incoming.authorization)?;
        self.windows.take(token, call.route.endpoint(), now)?;
        entry.cost = 1;
        if let Some(refusal) = met.and_then(|fault| fault.refusal(call.route.endpoint(), now)) {
            return Err(refusal);
        }
        self.workspace.acting = Some(call.bot);
        self.workspace.block_limit = self.windows.limits.blocks;
        self.workspace.query_limit = self.windows.limits.query_results;
        let ran = api::run(&mut self.workspace, &call, now);
        self.workspace.acting = None;
        let (body, effect) = ran?;
        self.save()?;
        self.journal.count_effect(effect);
        entry.committed = effect.committed();
        match met {
            // What only reads has nothing to save.
            Some(Kind::UnavailableAfterCommit) => Err(match effect.committed() {
                Some(committed) => fault::saved_but_unavailable(committed),
                None => fault::unavailable(call.route.endpoint()),
            }),
            Some(Kind::DropAfterCommit) => {
                reply.dropped = true;
                Ok(body)
            }
            Some(Kind::MovedUrls) => Ok(moved(body)),
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

    /// The first integration's window.
    pub(crate) fn budget(&self, now: DateTime<Utc>) -> Standing {
        self.windows.of_token(&self.workspace.settings.token, now)
    }

    pub(crate) fn root(&self) -> Uuid {
        self.workspace.settings.root
    }
}

/// The answer with every address on Notion's older host.
fn moved(mut body: Value) -> Value {
    match &mut body {
        Value::Object(members) => {
            for (key, member) in members {
                match (key.as_str(), member.as_str()) {
                    ("url", Some(url)) => *member = render::moved(url).into(),
                    _ => *member = moved(member.take()),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = moved(item.take());
            }
        }
        _ => {}
    }
    body
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
