//! `/_sim/*`: the simulator's own door, for tests and for people who play Notion's users.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::people;
use crate::server::Shared;
use crate::traffic::fault::Fault;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sim/stats", get(stats))
        .route("/_sim/requests", get(requests))
        .route(
            "/_sim/faults",
            get(faults).post(add_faults).delete(clear_faults),
        )
        .route("/_sim/people", post(people))
        .route("/_sim/time", post(advance).get(time))
}

async fn stats(State(shared): State<Arc<Shared>>) -> Response {
    let simulator = shared.simulator();
    let (used, limit, seconds) = simulator.budget(shared.clock.now());
    let mut stats = json!(simulator.journal.stats());
    stats["window"] = json!({ "used": used, "limit": limit, "seconds_left": seconds });
    Json(stats).into_response()
}

#[derive(Deserialize)]
struct Latest {
    limit: Option<usize>,
}

async fn requests(State(shared): State<Arc<Shared>>, Query(latest): Query<Latest>) -> Response {
    let simulator = shared.simulator();
    let entries: Vec<_> = simulator
        .journal
        .latest(latest.limit.unwrap_or(usize::MAX))
        .collect();
    Json(json!({ "requests": entries })).into_response()
}

/// Faults to add, one or several, with the seed of their draws.
#[derive(Deserialize)]
#[serde(untagged)]
enum Asked {
    Several {
        faults: Vec<Fault>,
        seed: Option<u64>,
    },
    One(Fault),
}

async fn faults(State(shared): State<Arc<Shared>>) -> Response {
    Json(json!({ "faults": shared.simulator().faults.standing() })).into_response()
}

async fn add_faults(State(shared): State<Arc<Shared>>, body: String) -> Response {
    let Ok(asked) = serde_json::from_str::<Asked>(&body) else {
        let why = serde_json::from_str::<Fault>(&body)
            .err()
            .map(|error| error.to_string());
        return refused(&why.unwrap_or_default());
    };
    let mut simulator = shared.simulator();
    let added = match asked {
        Asked::One(fault) => vec![fault],
        Asked::Several { faults, seed } => {
            if let Some(seed) = seed {
                simulator.faults.reseed(seed);
            }
            faults
        }
    };
    for fault in added {
        if let Err(why) = simulator.faults.add(fault) {
            return refused(&why);
        }
    }
    Json(json!({ "faults": simulator.faults.standing() })).into_response()
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> Response {
    shared.simulator().faults.clear();
    Json(json!({ "faults": [] })).into_response()
}

async fn people(State(shared): State<Arc<Shared>>, body: String) -> Response {
    let act = match serde_json::from_str(&body) {
        Ok(act) => act,
        Err(error) => return refused(&error.to_string()),
    };
    let done = people::act(&mut shared.simulator(), act, shared.clock.now());
    shared.changed.send_modify(|version| *version += 1);
    match done {
        Ok(done) => Json(done).into_response(),
        Err(failure) => refused(&failure.message),
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
        Err(error) => refused(&error.to_string()),
    }
}

fn refused(why: &str) -> Response {
    let body: Value = json!({ "error": why, "help": "see the notion-sim section of the documentation for the shape" });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
