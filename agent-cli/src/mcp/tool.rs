//! The tools: what a client reads of them, and the arguments of a call.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use coordination::Mode;
use rmcp::model::{ErrorData, JsonObject, Tool, ToolAnnotations};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::failure::Failure;

/// How long a client may take the list for true: as long as this program runs.
pub(super) const FRESH: Duration = Duration::from_secs(3600);
/// The longest wait of one call. Clients give up after a minute.
pub(super) const LONGEST_WAIT: u64 = 45;
/// How long a claim outlives its client, unless it says otherwise.
const TTL: Duration = Duration::from_mins(5);

/// A call, read.
#[derive(Debug)]
pub(super) enum Call {
    Start,
    Claim(Wanted),
    Release(Release),
    Log(Log),
    Who(Who),
    Wait(Wait),
}

/// What to claim, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    pub(super) resources: Vec<String>,
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) mode: Mode,
    ttl_seconds: Option<u64>,
}

impl Wanted {
    pub(super) fn ttl(&self) -> Duration {
        self.ttl_seconds.map_or(TTL, Duration::from_secs)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Release {
    #[serde(default)]
    pub(super) resources: Vec<String>,
    #[serde(default)]
    pub(super) all: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    pub(super) kind: Kind,
    pub(super) message: String,
    pub(super) resource: Option<String>,
    pub(super) needed_from: Option<String>,
    pub(super) task: Option<String>,
    pub(super) done: Option<u32>,
    pub(super) total: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Progress,
    Help,
    Blocked,
    Waiting,
    Done,
    Note,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Who {
    #[serde(default)]
    pub(super) resources: Vec<String>,
}

/// A first wait names what it waits for, a further one its ticket.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    pub(super) ticket: Option<String>,
    #[serde(default)]
    pub(super) resources: Vec<String>,
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) mode: Mode,
    ttl_seconds: Option<u64>,
    pub(super) seconds: Option<u64>,
}

impl Wait {
    pub(super) fn wanted(self) -> Wanted {
        Wanted {
            resources: self.resources,
            reason: self.reason,
            mode: self.mode,
            ttl_seconds: self.ttl_seconds,
        }
    }
}

impl Call {
    /// A tool that there is not is the client's mistake; arguments that make no sense are its agent's, who is told.
    pub(super) fn read(
        name: &str,
        arguments: JsonObject,
    ) -> Result<Result<Self, Failure>, ErrorData> {
        Ok(match name {
            "start" => Ok(Self::Start),
            "claim" => arguments_of(name, arguments).map(Self::Claim),
            "release" => arguments_of(name, arguments).map(Self::Release),
            "log" => arguments_of(name, arguments).map(Self::Log),
            "who" => arguments_of(name, arguments).map(Self::Who),
            "wait" => arguments_of(name, arguments).map(Self::Wait),
            _ => {
                return Err(ErrorData::invalid_params(
                    format!("there is no tool {name:?}: tools/list names them"),
                    None,
                ));
            }
        })
    }
}

fn arguments_of<T: DeserializeOwned>(name: &str, arguments: JsonObject) -> Result<T, Failure> {
    serde_json::from_value(Value::Object(arguments)).map_err(|error| {
        Failure::usage(
            format!("the arguments of {name} cannot be read: {error}"),
            "call it again with the arguments that its description names",
        )
    })
}

/// All of them.
pub(super) fn all() -> Vec<Tool> {
    let resources = json!({"type": "array", "items": {"type": "string"}, "maxItems": 32,
        "description": "src/a.rs, subtree docs/, table:modules, any scheme:name"});
    let reason = json!({"type": "string", "description": "why; others read it"});
    let mode = json!({"enum": ["exclusive", "shared", "slot"], "default": "exclusive",
        "description": "shared: with other shared claims; slot: one of a pool's"});
    let ttl = json!({"type": "integer", "minimum": 30, "maximum": 86400, "default": TTL.as_secs(),
        "description": "lifetime once you are disconnected"});
    vec![
        reading(
            "start",
            "Who you are, what you hold, what others hold, who needs your help. Call it first, and after a compaction.",
            json!({}),
            json!([]),
        ),
        writing(
            "claim",
            "Claim resources before you change them, all or none. Answers granted, or held and by whom.",
            json!({"resources": resources, "reason": reason, "mode": mode, "ttl_seconds": ttl}),
            json!(["resources"]),
        ),
        writing(
            "release",
            "Give claims back as soon as you are done with them.",
            json!({"resources": resources, "all": {"type": "boolean", "description": "everything that you hold"}}),
            json!([]),
        ),
        writing(
            "log",
            "Say how the work goes, for others. help and blocked: you cannot go on. Progress about a resource that you hold renews it.",
            json!({
                "kind": {"enum": ["progress", "help", "blocked", "waiting", "done", "note"]},
                "message": {"type": "string"},
                "resource": {"type": "string", "description": "what it is about"},
                "needed_from": {"type": "string", "description": "the agent whose help is needed"},
                "task": {"type": "string", "description": "the task's name"},
                "done": {"type": "integer", "minimum": 0, "description": "steps done"},
                "total": {"type": "integer", "minimum": 0, "description": "of how many"},
            }),
            json!(["kind", "message"]),
        ),
        reading(
            "who",
            "Who holds what overlaps the resources, until when and why; without resources, everything that is held.",
            json!({"resources": resources}),
            json!([]),
        ),
        writing(
            "wait",
            "Wait in line for what others hold, then hold it: granted, or within 45 s waiting and a ticket. Call it again with the ticket to go on.",
            json!({
                "ticket": {"type": "string", "description": "of an earlier wait, instead of resources"},
                "resources": resources, "reason": reason, "mode": mode, "ttl_seconds": ttl,
                "seconds": {"type": "integer", "minimum": 1, "maximum": LONGEST_WAIT, "default": LONGEST_WAIT},
            }),
            json!([]),
        ),
    ]
}

fn reading(name: &'static str, about: &'static str, properties: Value, required: Value) -> Tool {
    tool(name, about, properties, required)
        .with_annotations(ToolAnnotations::new().read_only(true).open_world(false))
}

fn writing(name: &'static str, about: &'static str, properties: Value, required: Value) -> Tool {
    tool(name, about, properties, required).with_annotations(
        ToolAnnotations::new()
            .read_only(false)
            .destructive(false)
            .open_world(false),
    )
}

fn tool(name: &'static str, about: &'static str, properties: Value, required: Value) -> Tool {
    let schema = JsonObject::from_iter([
        ("type".to_owned(), json!("object")),
        ("properties".to_owned(), properties),
        ("required".to_owned(), required),
        ("additionalProperties".to_owned(), json!(false)),
    ]);
    Tool::new(name, Cow::Borrowed(about), Arc::new(schema))
}
