//! A workspace's life in random valid and half-valid requests and people's acts: never a panic, never an unasked 500, never a broken state.

mod steps;

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};

use steps::{Step, step};

use super::TOKEN;
use crate::api::gate::{self, Incoming};
use crate::model::invariants::violated;
use crate::model::workspace::Workspace;
use crate::people::{self, Act};
use crate::simulator::Simulator;

type Refused = (u16, String);

fn refused(failure: crate::failure::Failure) -> Refused {
    (failure.status, failure.message)
}

/// Sends a request, and tells which endpoint answered what.
fn send(
    simulator: &mut Simulator,
    (method, url, version, body): (&str, &str, &str, &str),
) -> Result<(&'static str, Value), Refused> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let incoming = Incoming {
        method,
        path,
        query,
        authorization: Some("Bearer ntn_test"),
        version: Some(version),
        json: true,
        body: body.as_bytes(),
    };
    let workspace = &mut simulator.workspace;
    let bot = workspace.settings.bot.id;
    let call = gate::admit(&incoming, |token| (token == TOKEN).then_some(bot)).map_err(refused)?;
    let endpoint = call.route.endpoint();
    let now = Utc::now() + TimeDelta::seconds(1);
    crate::api::run(workspace, &call, now)
        .map(|(answer, _)| (endpoint, answer))
        .map_err(refused)
}

/// Takes a step, and tells the name of what was done.
fn take(simulator: &mut Simulator, names: &mut Names, step: &Step) -> Result<String, Refused> {
    match step {
        Step::Ask {
            method,
            url,
            version,
            body,
        } => {
            let (url, body) = (names.filled(url), names.filled(&body.to_string()));
            let (endpoint, answer) = send(simulator, (method, &url, version, &body))?;
            names.learn(&url, &answer);
            Ok(endpoint.to_owned())
        }
        Step::Act(given) => {
            let given: Value = serde_json::from_str(&names.filled(&given.to_string()))
                .expect("names are harmless in JSON");
            let kind = given["act"].as_str().unwrap_or_default().to_owned();
            let act: Act = serde_json::from_value(given).expect("an act");
            people::act(simulator, act, Utc::now() + TimeDelta::seconds(1))
                .map(|_| kind)
                .map_err(refused)
        }
    }
}

/// What requests speak of: their places' objects, the newest of each kind where there may be several.
struct Names {
    ids: Vec<String>,
    /// Where the last list that was cut goes on.
    cursor: String,
}

impl Names {
    /// The place of what such a call makes.
    fn learn(&mut self, path: &str, answer: &Value) {
        if let Some(cursor) = answer["next_cursor"].as_str() {
            cursor.clone_into(&mut self.cursor);
        }
        let (place, made) = match path {
            "/v1/pages" if answer["parent"]["type"] == "data_source_id" => (2, &answer["id"]),
            "/v1/pages" => (8, &answer["id"]),
            "/v1/views" => (5, &answer["id"]),
            _ if path.ends_with("/children") => (6, &answer["results"][0]["id"]),
            _ => return,
        };
        if let Some(made) = made.as_str() {
            made.clone_into(&mut self.ids[place]);
        }
    }

    fn filled(&self, text: &str) -> String {
        let each = self.ids.iter().enumerate();
        each.fold(text.replace("%c", &self.cursor), |text, (at, id)| {
            text.replace(&format!("%{at}"), id)
        })
    }
}

/// `%0` and `%1` are data sources, `%2` a row, `%3` and `%4` databases, `%5` a view, `%6` a block, `%7` a user,
/// `%8` a page below another, `%9` the root; `%c` is a cursor.
fn begin() -> (Simulator, Names) {
    let workspace = Workspace::new(TOKEN.to_owned(), 7, Utc::now());
    let root = workspace.settings.root;
    let limits = serde_json::from_value(json!({ "token": { "requests": 180 } })).expect("limits");
    let mut simulator = Simulator::new(workspace, limits, 7, None);
    let mut made = |method: &str, path: &str, body: Value| {
        let request = (method, path, "2026-03-11", &*body.to_string());
        send(&mut simulator, request).expect("a beginning").1
    };
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    let databases = [0, 1].map(|_| {
        made("POST", "/v1/databases", json!({
            "parent": { "type": "page_id", "page_id": root },
            "initial_data_source": { "properties": { "Name": { "title": {} }, "A": { "rich_text": {} }, "B": { "number": {} } } },
        }))
    });
    let [first, second] = [0, 1].map(|at| text(&databases[at]["data_sources"][0]["id"]));
    let row = made(
        "POST",
        "/v1/pages",
        json!({ "parent": { "data_source_id": first }, "properties": {} }),
    );
    let view = made(
        "POST",
        "/v1/views",
        json!({ "data_source_id": first, "name": "v", "type": "table" }),
    );
    let body = json!({ "children": [{ "to_do": { "rich_text": [] } }] });
    let blocks = made(
        "PATCH",
        &format!("/v1/blocks/{}/children", text(&row["id"])),
        body,
    );
    let below = made(
        "POST",
        "/v1/pages",
        json!({ "parent": { "page_id": root } }),
    );
    let user = text(&made("GET", "/v1/users", json!({}))["results"][0]["id"]);
    let ids = vec![
        first,
        second,
        text(&row["id"]),
        text(&databases[0]["id"]),
        text(&databases[1]["id"]),
        text(&view["id"]),
        text(&blocks["results"][0]["id"]),
        user,
        text(&below["id"]),
        root.to_string(),
    ];
    let cursor = String::new();
    (simulator, Names { ids, cursor })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_life_breaks_a_workspace(steps in prop::collection::vec(step(), 1..60)) {
        let (mut simulator, mut names) = begin();
        for step in steps {
            if let Err((status, message)) = take(&mut simulator, &mut names, &step) {
                prop_assert!(status < 500, "{step:?}: {status} {message}");
            }
            if let Some(wrong) = violated(&simulator.workspace) {
                prop_assert!(false, "{wrong} after {step:?}");
            }
        }
        let workspace = simulator.workspace;
        let restored = Workspace::restore(workspace.records(), 8).expect("settings");
        let kept = serde_json::to_value(sorted(&restored)).expect("JSON");
        prop_assert_eq!(kept, serde_json::to_value(sorted(&workspace)).expect("JSON"));
    }
}

/// Lives are worth their name: every endpoint answers 200 in them, in both versions, and every act of people is done.
#[test]
fn lives_succeed_at_everything() {
    use crate::api::route::ENDPOINTS;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    const ACTS: [&str; 16] = [
        "edit_cells",
        "duplicate_page",
        "rename_property",
        "delete_property",
        "trash",
        "restore",
        "unshare",
        "share",
        "lock",
        "unlock",
        "add_page",
        "add_blocks",
        "add_view",
        "add_property",
        "revoke_token",
        "connect",
    ];
    let mut runner = TestRunner::deterministic();
    let lives = prop::collection::vec(step(), 60).boxed();
    let mut done: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for _ in 0..200 {
        let (mut simulator, mut names) = begin();
        for step in lives.new_tree(&mut runner).expect("a life").current() {
            let version = match &step {
                Step::Ask { version, .. } => *version,
                Step::Act(_) => "",
            };
            if let Ok(what) = take(&mut simulator, &mut names, &step) {
                *done.entry((what, version)).or_default() += 1;
            }
        }
    }
    let calls = ["2026-03-11", "2025-09-03"]
        .into_iter()
        .flat_map(|version| ENDPOINTS.iter().map(move |name| (*name, version)));
    let missing: Vec<(&str, &str)> = calls
        .chain(ACTS.map(|act| (act, "")))
        .filter(|(what, version)| !done.contains_key(&((*what).to_owned(), *version)))
        .collect();
    assert_eq!(missing, [], "{done:?}");
}

/// A workspace's records in an order that does not depend on its maps.
fn sorted(workspace: &Workspace) -> Vec<String> {
    let records = workspace.records();
    let mut lines: Vec<String> = records
        .iter()
        .map(|record| serde_json::to_string(record).expect("JSON"))
        .collect();
    lines.sort_unstable();
    lines
}
