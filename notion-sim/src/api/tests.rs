mod life;

use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::{Value, json};

use super::gate::{self, Incoming};
use crate::model::workspace::Workspace;

const TOKEN: &str = "ntn_test";

fn call(workspace: &mut Workspace, method: &str, path: &str, body: &Value) -> Value {
    let body = body.to_string();
    let incoming = Incoming {
        method,
        path,
        query: "",
        authorization: Some("Bearer ntn_test"),
        version: Some("2026-03-11"),
        json: true,
        body: body.as_bytes(),
    };
    let call = gate::admit(&incoming, |token| {
        (token == TOKEN).then_some(workspace.settings.bot.id)
    })
    .expect("admitted");
    match super::run(workspace, &call, Utc::now()) {
        Ok((answer, _)) => answer,
        Err(failure) => panic!("{path}: {failure:?}"),
    }
}

fn with_rows(count: usize) -> (Workspace, String) {
    let mut workspace = Workspace::new(TOKEN.to_owned(), 7, Utc::now());
    let body = json!({
        "parent": { "type": "page_id", "page_id": workspace.settings.root },
        "initial_data_source": { "properties": { "Key": { "title": {} }, "N": { "number": {} } } },
    });
    let database = call(&mut workspace, "POST", "/v1/databases", &body);
    let source = database["data_sources"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    for number in 0..count {
        let key = json!([{ "text": { "content": format!("k{number}") } }]);
        let body = json!({
            "parent": { "data_source_id": source },
            "properties": { "Key": { "title": key }, "N": { "number": number } },
        });
        call(&mut workspace, "POST", "/v1/pages", &body);
    }
    (workspace, source)
}

#[test]
fn twenty_thousand_rows_stay_usable() {
    let started = Instant::now();
    let (mut workspace, source) = with_rows(20_000);
    let created = started.elapsed();
    assert!(
        // An unoptimised build on a busy machine bears ten times the 600 requests a minute of the largest plans.
        created < Duration::from_secs(200),
        "20,000 creates took {created:?}: less than 6,000 a minute"
    );
    let path = format!("/v1/data_sources/{source}/query");
    let keys: Vec<Value> = (0..100)
        .map(|number| json!({ "property": "Key", "title": { "equals": format!("k{}", number * 199) } }))
        .collect();
    let numbers: Vec<Value> = (0..5)
        .map(|number| json!({ "property": "N", "number": { "equals": number * 199 } }))
        .collect();
    let mut ask = |members: &[Value], size: usize| {
        let body = json!({ "filter": { "or": members }, "page_size": size });
        let started = Instant::now();
        let list = call(&mut workspace, "POST", &path, &body);
        let found = list["results"].as_array().map_or(0, Vec::len);
        (found, started.elapsed())
    };
    let (found, building) = ask(&keys, 100);
    assert_eq!(found, keys.len());
    assert_eq!(ask(&numbers, 100).0, numbers.len());
    // One row is shown, so that finding it is what takes time; the numbers' rows are the last that a look finds.
    let mut fastest = |members: &[Value]| (0..5).map(|_| ask(members, 1).1).min();
    let (indexed, scanned) = (fastest(&keys), fastest(&numbers));
    assert!(
        indexed < scanned,
        "100 keys of 20,000 took {indexed:?} after {building:?}, a look at every row for 5 numbers {scanned:?}: no index was used"
    );

    let mut cursor = Value::Null;
    let mut rows = 0;
    loop {
        let list = call(
            &mut workspace,
            "POST",
            &path,
            &json!({ "start_cursor": cursor }),
        );
        rows += list["results"].as_array().map_or(0, Vec::len);
        cursor = list["next_cursor"].clone();
        if cursor.is_null() {
            assert_eq!(
                list["request_status"]["incomplete_reason"],
                "query_result_limit_reached"
            );
            break;
        }
    }
    assert_eq!(rows, 10_000, "a query never shows more");
}

#[test]
fn a_list_goes_on_when_its_next_row_was_trashed() {
    let (mut workspace, source) = with_rows(5);
    let path = format!("/v1/data_sources/{source}/query");
    let first = call(&mut workspace, "POST", &path, &json!({ "page_size": 2 }));
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let next = cursor.rsplit(':').next().expect("a row");
    call(
        &mut workspace,
        "PATCH",
        &format!("/v1/pages/{next}"),
        &json!({ "in_trash": true }),
    );
    let rest = call(
        &mut workspace,
        "POST",
        &path,
        &json!({ "start_cursor": cursor }),
    );
    let numbers: Vec<&Value> = rest["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|page| &page["properties"]["N"]["number"])
        .collect();
    assert_eq!(numbers, [1, 0]);
}

#[test]
fn records_rebuild_the_same_workspace() {
    let (mut workspace, source) = with_rows(30);
    let restored = Workspace::restore(workspace.records(), 8);
    let mut restored = restored.expect("settings among the records");
    let path = format!("/v1/data_sources/{source}/query");
    let results =
        |workspace: &mut Workspace| call(workspace, "POST", &path, &json!({}))["results"].clone();
    assert_eq!(results(&mut restored), results(&mut workspace));
}
