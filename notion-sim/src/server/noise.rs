//! Senseless requests over HTTP: never a panic, never an unasked 500, never a broken state.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Options, Server};
use crate::api::body;
use crate::api::route::ENDPOINTS;
use crate::model::invariants::violated;

/// Any JSON, rich in the words that the API knows.
fn json_noise() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "title",
        "rich_text",
        "number",
        "select",
        "status",
        "date",
        "relation",
        "formula",
        "rollup",
        "options",
        "name",
        "id",
        "properties",
        "parent",
        "filter",
        "sorts",
        "and",
        "or",
        "property",
        "equals",
        "contains",
        "is_empty",
        "start",
        "end",
        "type",
        "text",
        "content",
        "in_trash",
        "page_size",
        "start_cursor",
        "expression",
        "data_source_id",
        "page_id",
        "children",
        "paragraph",
        "N",
        "Name",
        "Nope",
        "descending",
        "direction",
        "timestamp",
        "created_time",
        "workspace",
        "database_id",
        "position",
        "template",
        "to_do",
        "checked",
        "is_locked",
        "configuration",
        "act",
        "kind",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        word.clone().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("2026-02-30T99:99")),
        Just(json!("+262142-12-31")),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|members| Value::Object(
                members
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()
            )),
        ]
    })
}

fn formula_noise() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "prop(\"N\")",
        "prop(\"Name\")",
        "prop(\"When\")",
        "now()",
        "1",
        "2.5",
        "\"a\"",
        "true",
        "+",
        "-",
        "*",
        "/",
        "%",
        "^",
        "(",
        ")",
        "[",
        "]",
        ",",
        "?",
        ":",
        "==",
        "<",
        "not",
        "and",
        "if(",
        "ifs(",
        "empty(",
        "format(",
        "dateBetween(",
        "dateAdd(",
        "\"days\"",
        "round(",
        "repeat(",
        "padStart(",
        ".length()",
        "let(x, 1, x)",
        "substring(",
        "99999999999",
        "{{",
        "\"",
        "é",
    ]);
    prop::collection::vec(piece, 1..14).prop_map(|pieces| pieces.join(" "))
}

struct Client {
    http: reqwest::Client,
    server: Server,
}

impl Client {
    async fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self
            .http
            .request(method, format!("{}{path}", self.server.url()))
            .bearer_auth(self.server.token())
            .header("Notion-Version", "2026-03-11");
        let answer = request.json(body).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("text");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn made(&self, path: &str, body: Value) -> Value {
        let (status, made) = self.send("POST", path, &body).await;
        assert_eq!(status, 200, "{made}");
        made
    }
}

fn id(object: &Value) -> &str {
    object["id"].as_str().expect("an id")
}

/// Every call that the API has, with ids of objects that there are.
async fn calls(client: &Client) -> (String, Vec<(&'static str, String)>) {
    let root = client.server.root_page_id();
    let properties = json!({ "Name": { "title": {} }, "N": { "number": {} }, "When": { "date": {} }, "State": { "status": {} } });
    let database = json!({ "parent": { "type": "page_id", "page_id": root }, "initial_data_source": { "properties": properties } });
    let database = client.made("/v1/databases", database).await;
    let source = id(&database["data_sources"][0]).to_owned();
    let row = json!({ "parent": { "data_source_id": source }, "properties": { "N": { "number": 7 } }, "children": [{ "divider": {} }] });
    let row = client.made("/v1/pages", row).await;
    let (row, database) = (id(&row), id(&database));
    let children = client
        .send("GET", &format!("/v1/blocks/{row}/children"), &json!({}))
        .await
        .1;
    let block = id(&children["results"][0]);
    let view = json!({ "data_source_id": source, "name": "v", "type": "table" });
    let view = client.made("/v1/views", view).await;
    let view = id(&view);
    let calls = vec![
        ("GET", "/v1/users/me".to_owned()),
        ("GET", "/v1/users".to_owned()),
        ("GET", format!("/v1/users/{row}")),
        ("POST", "/v1/search".to_owned()),
        ("POST", "/v1/databases".to_owned()),
        ("GET", format!("/v1/databases/{database}")),
        ("PATCH", format!("/v1/databases/{database}")),
        ("POST", "/v1/data_sources".to_owned()),
        ("GET", format!("/v1/data_sources/{source}")),
        ("PATCH", format!("/v1/data_sources/{source}")),
        ("POST", format!("/v1/data_sources/{source}/query")),
        ("POST", "/v1/pages".to_owned()),
        ("GET", format!("/v1/pages/{row}")),
        ("PATCH", format!("/v1/pages/{row}")),
        ("GET", format!("/v1/pages/{row}/properties/N")),
        ("GET", format!("/v1/blocks/{block}")),
        ("PATCH", format!("/v1/blocks/{block}")),
        ("DELETE", format!("/v1/blocks/{block}")),
        ("GET", format!("/v1/blocks/{row}/children")),
        ("PATCH", format!("/v1/blocks/{row}/children")),
        ("POST", "/v1/views".to_owned()),
        ("GET", "/v1/views".to_owned()),
        ("GET", format!("/v1/views/{view}")),
        ("PATCH", format!("/v1/views/{view}")),
        ("DELETE", format!("/v1/views/{view}")),
        ("POST", "/_sim/faults".to_owned()),
        ("POST", "/_sim/people".to_owned()),
        ("POST", "/_sim/limits".to_owned()),
    ];
    let reached = calls
        .iter()
        .filter_map(|(method, path)| crate::api::route::find(method, path));
    let reached: Vec<&str> = reached.map(|route| route.endpoint()).collect();
    assert_eq!(reached, ENDPOINTS, "every endpoint hears noise");
    (source, calls)
}

#[test]
fn noise_is_refused_or_understood() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    // It speaks no TLS here, but insists on a provider for it; another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = Options {
        requests_per_minute: 1_000_000,
        ..Options::default()
    };
    let client = Client {
        http: reqwest::Client::new(),
        server: runtime
            .block_on(Server::start(options))
            .expect("the server starts"),
    };
    let (source, calls) = runtime.block_on(calls(&client));
    let mut runner = TestRunner::new(Config {
        cases: 400,
        failure_persistence: None,
        ..Config::default()
    });
    let input = (0..calls.len(), json_noise(), formula_noise(), 0..5u8);
    let result = runner.run(&input, |(call, noise, formula, wrap)| {
        let (method, path) = &calls[call];
        let body = match wrap {
            0 => noise,
            1 => json!({ "filter": noise }),
            2 => json!({ "properties": { "N": noise, "F": { "formula": { "expression": formula } } } }),
            3 => json!({ "children": [{ "to_do": noise }], "title": [] }),
            _ => json!({ "parent": { "type": "data_source_id", "data_source_id": source }, "properties": { "Name": { "title": noise } } }),
        };
        runtime.block_on(async {
            let (status, answer) = client.send(method, path, &body).await;
            prop_assert!(status < 500 || status == 501, "{method} {path} {body}: {status} {answer}");
            let (status, _) = client.send("GET", &format!("/d/{source}"), &Value::Null).await;
            prop_assert_eq!(status, 200, "the page after {} {} {}", method, path, body);
            let wrong = violated(&client.server.shared.simulator().workspace);
            prop_assert!(wrong.is_none(), "{wrong:?} after {method} {path} {body}");
            // What noise asked for by chance is none of this test's matter.
            client.send("DELETE", "/_sim/faults", &Value::Null).await;
            Ok(())
        })
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    runtime.block_on(client.server.shutdown());
}

proptest! {
    #![proptest_config(Config { cases: 100, failure_persistence: None, ..Config::default() })]

    /// The quick look at a request and the one that words its problems agree.
    #[test]
    fn what_holds_has_no_problems(noise in json_noise()) {
        let shapes = [
            &*body::CREATE_DATABASE, &body::UPDATE_DATABASE, &body::CREATE_DATA_SOURCE, &body::UPDATE_DATA_SOURCE,
            &body::QUERY, &body::CREATE_PAGE, &body::UPDATE_PAGE, &body::SEARCH, &body::APPEND_CHILDREN, &body::UPDATE_BLOCK,
            &body::CREATE_VIEW, &body::UPDATE_VIEW,
        ];
        let whole = json!({ "properties": { "x": noise }, "filter": noise, "sorts": noise, "children": noise, "parent": noise });
        let one = |key: &str| json!({ key: noise });
        for given in [noise.clone(), whole, one("properties"), one("filter"), one("sorts"), one("name")] {
            for shape in shapes {
                prop_assert_eq!(shape.holds(&given), shape.problems(&given, &[]).is_empty(), "{} {:?}", given, shape);
            }
        }
    }
}
