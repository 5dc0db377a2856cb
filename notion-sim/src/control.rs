//! `/_sim/*`: the simulator's own door, for tests and for people who play Notion's users.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::people;
use crate::server::Shared;
use crate::traffic::fault::Fault;
use crate::traffic::window::{Limits, Standing};

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sim/stats", get(stats))
        .route("/_sim/requests", get(requests))
        .route(
            "/_sim/faults",
            get(faults).post(add_faults).delete(clear_faults),
        )
        .route("/_sim/limits", get(limits).post(change_limits))
        .route("/_sim/people", post(people))
        .route("/_sim/time", post(advance).get(time))
}

async fn stats(State(shared): State<Arc<Shared>>) -> Response {
    let simulator = shared.simulator();
    let now = shared.clock.now();
    let shown = |window: Standing| json!({ "used": window.used, "limit": window.limit, "seconds_left": window.seconds });
    let mut stats = json!(simulator.journal.stats());
    stats["window"] = shown(simulator.budget(now));
    stats["workspace_window"] = json!(simulator.windows.of_workspace(now).map(shown));
    // The receivers are pages that wait for news.
    stats["watchers"] = shared.changed.receiver_count().into();
    stats["blocks"] = json!({ "used": simulator.workspace.blocks_used(), "limit": simulator.windows.limits.blocks });
    Json(stats).into_response()
}

#[derive(Deserialize)]
struct Latest {
    limit: Option<usize>,
}

async fn requests(
    State(shared): State<Arc<Shared>>,
    latest: Result<Query<Latest>, QueryRejection>,
) -> Response {
    let Ok(Query(latest)) = latest else {
        return refused("limit is a whole number", "/_sim/requests?limit=20");
    };
    let simulator = shared.simulator();
    let entries: Vec<_> = simulator
        .journal
        .latest(latest.limit.unwrap_or(usize::MAX))
        .collect();
    Json(json!({ "requests": entries })).into_response()
}

async fn faults(State(shared): State<Arc<Shared>>) -> Response {
    Json(json!({ "faults": shared.simulator().faults.standing() })).into_response()
}

async fn add_faults(State(shared): State<Arc<Shared>>, body: String) -> Response {
    let (seed, added) = match asked_faults(&body) {
        Ok(asked) => asked,
        Err(why) => return refused(&why, FAULT),
    };
    let mut simulator = shared.simulator();
    if let Some(seed) = seed {
        simulator.faults.reseed(seed);
    }
    simulator.faults.add(added);
    let standing = json!({ "faults": simulator.faults.standing() });
    drop(simulator);
    shared.changed.send_modify(|version| *version += 1);
    Json(standing).into_response()
}

/// One fault, several, or a storm, with the seed of their draws.
fn asked_faults(body: &str) -> Result<(Option<u64>, Vec<Fault>), String> {
    let given: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let several = match (&given["faults"], &given["storm"]) {
        (Value::Null, Value::Null) => return Ok((None, vec![Fault::read(&given)?])),
        (Value::Array(faults), Value::Null) => {
            faults.iter().map(Fault::read).collect::<Result<_, _>>()?
        }
        (Value::Null, storm) => {
            let share = storm
                .as_f64()
                .ok_or("a storm is the share of requests it meets, such as 0.1")?;
            Fault::storm(share)?
        }
        _ => return Err("ask for faults, which is a list, or for a storm".to_owned()),
    };
    let mut keys = given
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::keys);
    if let Some(stranger) = keys.find(|key| !["faults", "storm", "seed"].contains(&key.as_str())) {
        return Err(format!(
            "unknown key {stranger}; there are faults, storm and seed"
        ));
    }
    match given.get("seed").map(Value::as_u64) {
        Some(None) => Err("seed is a whole number".to_owned()),
        Some(seed) => Ok((seed, several)),
        None => Ok((None, several)),
    }
}

async fn limits(State(shared): State<Arc<Shared>>) -> Response {
    Json(json!(shared.simulator().windows.limits)).into_response()
}

async fn change_limits(State(shared): State<Arc<Shared>>, body: String) -> Response {
    let limits = match serde_json::from_str::<Limits>(&body) {
        Ok(limits) => limits,
        Err(error) => return refused(&error.to_string(), LIMITS),
    };
    if let Err(why) = limits.check() {
        return refused(&why, LIMITS);
    }
    shared.simulator().windows.limits = limits.clone();
    shared.changed.send_modify(|version| *version += 1);
    Json(json!(limits)).into_response()
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> Response {
    shared.simulator().faults.clear();
    shared.changed.send_modify(|version| *version += 1);
    Json(json!({ "faults": [] })).into_response()
}

async fn people(State(shared): State<Arc<Shared>>, body: String) -> Response {
    let act = match serde_json::from_str(&body) {
        Ok(act) => act,
        Err(error) => return refused(&error.to_string(), ACT),
    };
    let done = people::act(&mut shared.simulator(), act, shared.clock.now());
    shared.changed.send_modify(|version| *version += 1);
    match done {
        Ok(done) => Json(done).into_response(),
        Err(failure) => refused(&failure.message, ACT),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: u32,
}

async fn time(State(shared): State<Arc<Shared>>) -> Response {
    Json(json!({ "now": shared.clock.now() })).into_response()
}

async fn advance(State(shared): State<Arc<Shared>>, body: String) -> Response {
    match serde_json::from_str::<Advance>(&body) {
        Ok(asked) => {
            shared.clock.advance(asked.advance_seconds);
            shared.changed.send_modify(|version| *version += 1);
            Json(json!({ "now": shared.clock.now() })).into_response()
        }
        Err(error) => refused(&error.to_string(), r#"{"advance_seconds":60}"#),
    }
}

const FAULT: &str = r#"{"kind":"conflict","path":"/v1/pages","count":1}"#;
const LIMITS: &str = r#"{"token":{"requests":180,"seconds":60}}"#;
const ACT: &str = r#"{"act":"trash","id":"the id of a page or a database"}"#;

fn refused(why: &str, example: &str) -> Response {
    let help = format!("for example {example}; the README of notion-sim lists what there is");
    let body: Value = json!({ "error": why, "help": help });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
