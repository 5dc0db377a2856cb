//! Valid and senseless requests: never a panic, never a 500.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::client::{id, start, title};

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

#[test]
fn noise_is_refused_or_understood() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (server, client) = runtime.block_on(start());
    let (source, page) = runtime.block_on(async {
        let source = client
            .database(json!({ "Name": { "title": {} }, "N": { "number": {} }, "When": { "date": {} }, "State": { "status": {} } }))
            .await;
        let page = client.page(&source, json!({ "Name": title("x"), "N": { "number": 7 }, "When": { "date": { "start": "2026-01-31" } } })).await;
        (source, id(&page).to_owned())
    });
    let calls = [
        ("POST", "/v1/databases".to_owned()),
        ("POST", "/v1/data_sources".to_owned()),
        ("PATCH", format!("/v1/data_sources/{source}")),
        ("POST", format!("/v1/data_sources/{source}/query")),
        ("POST", "/v1/pages".to_owned()),
        ("PATCH", format!("/v1/pages/{page}")),
        ("PATCH", format!("/v1/blocks/{page}/children")),
        ("POST", "/v1/search".to_owned()),
        ("POST", "/v1/views".to_owned()),
        ("POST", "/_sim/faults".to_owned()),
        ("POST", "/_sim/people".to_owned()),
    ];
    let mut runner = TestRunner::new(Config {
        cases: 400,
        failure_persistence: None,
        ..Config::default()
    });
    let input = (0..calls.len(), json_noise(), formula_noise(), 0..4u8);
    let result = runner.run(&input, |(call, noise, formula, wrap)| {
        let (method, path) = &calls[call];
        let body = match wrap {
            0 => noise,
            1 => json!({ "filter": noise }),
            2 => json!({ "properties": { "N": noise, "F": { "formula": { "expression": formula } } } }),
            _ => json!({ "parent": { "type": "data_source_id", "data_source_id": source }, "properties": { "Name": { "title": noise } } }),
        };
        runtime.block_on(async {
            let answer = client.send(client.request(method, path).json(&body)).await;
            prop_assert!(answer.status < 500 || answer.status == 501, "{method} {path} {body}: {} {}", answer.status, answer.text);
            let table = client.get(&format!("/d/{source}")).await;
            prop_assert_eq!(table.status, 200, "the page after {} {} {}", method, path, body);
            let list = client.post(&format!("/v1/data_sources/{source}/query"), json!({})).await;
            prop_assert!(
                // Noise may have trashed the data source.
                list.status == 200 || list.status == 404, "the query after {method} {path} {body}: {}", list.text);
            Ok(())
        })
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    runtime.block_on(server.shutdown());
}
