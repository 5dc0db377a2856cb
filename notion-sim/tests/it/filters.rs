//! Every condition of every type of property, and the orders.

use chrono::{Days, Utc};
use serde_json::{Value, json};

use crate::client::{Client, id, start, text, title};

/// A day so far from today, before (negative) or after; no case depends on the hour.
fn day(offset: i64) -> String {
    let today = Utc::now().date_naive();
    let days = Days::new(offset.unsigned_abs());
    let day = if offset < 0 {
        today.checked_sub_days(days)
    } else {
        today.checked_add_days(days)
    };
    day.expect("a day").to_string()
}

/// Three rows: `a` and `b` are filled, `c` is empty.
async fn rows(client: &Client) -> (String, Value) {
    let people = client.get("/v1/users").await.ok();
    let (ada, grace) = (&people["results"][0]["id"], &people["results"][1]["id"]);
    let source = client
        .database(json!({
            "Name": { "title": {} }, "Text": { "rich_text": {} }, "Site": { "url": {} }, "Mail": { "email": {} },
            "Phone": { "phone_number": {} }, "Count": { "number": {} }, "Done": { "checkbox": {} },
            "Kind": { "select": { "options": [{ "name": "one" }, { "name": "two" }] } }, "State": { "status": {} },
            "Tags": { "multi_select": {} }, "When": { "date": {} }, "Who": { "people": {} }, "Files": { "files": {} },
            "Number": { "unique_id": {} }, "Made": { "created_time": {} }, "By": { "created_by": {} },
            "Twice": { "formula": { "expression": "prop(\"Count\") * 2" } },
            "Label": { "formula": { "expression": "prop(\"Text\") + \"!\"" } },
        }))
        .await;
    let linked = json!({ "properties": { "Link": { "relation": { "data_source_id": source, "single_property": {} } } } });
    let path = format!("/v1/data_sources/{source}");
    client.patch(&path, linked).await.ok();
    let rollup = |function: &str| json!({ "rollup": { "function": function, "relation_property_name": "Link", "rollup_property_name": "Count" } });
    let rolled =
        json!({ "properties": { "Sum": rollup("sum"), "Counts": rollup("show_original") } });
    client.patch(&path, rolled).await.ok();
    let theirs = |name: &str| json!({ "rollup": { "function": "show_original", "relation_property_name": "Link", "rollup_property_name": name } });
    let rolled =
        json!({ "properties": { "Their tags": theirs("Tags"), "Their people": theirs("Who") } });
    client.patch(&path, rolled).await.ok();
    let line = |start: &str| json!({ "date": { "start": start } });
    let a = client
        .page(&source, json!({
            "Name": title("a"), "Text": { "rich_text": text("Hello World") }, "Site": { "url": "https://a.example/" },
            "Mail": { "email": "a@example.com" }, "Phone": { "phone_number": "+1 23" }, "Count": { "number": 5 },
            "Done": { "checkbox": true }, "Kind": { "select": { "name": "one" } }, "State": { "status": { "name": "Done" } },
            "Tags": { "multi_select": [{ "name": "x" }, { "name": "y" }] }, "When": line(&day(-3)), "Who": { "people": [{ "id": ada }] },
            "Files": { "files": [{ "name": "f", "external": { "url": "https://a.example/f" } }] },
        }))
        .await;
    client
        .page(&source, json!({
            "Name": title("b"), "Text": { "rich_text": text("Goodbye") }, "Site": { "url": "https://b.example/" },
            "Mail": { "email": "b@example.org" }, "Phone": { "phone_number": "+2 34" }, "Count": { "number": 7 },
            "Kind": { "select": { "name": "two" } }, "State": { "status": { "name": "In progress" } },
            "Tags": { "multi_select": [{ "name": "y" }] }, "When": line(&day(20)), "Who": { "people": [{ "id": grace }] },
            "Link": { "relation": [{ "id": a["id"] }] },
        }))
        .await;
    client.page(&source, json!({ "Name": title("c") })).await;
    (source, json!({ "a": a["id"], "ada": ada, "grace": grace }))
}

/// The names that a query answers with, sorted unless the body has an order of its own.
async fn names(client: &Client, source: &str, body: Value) -> String {
    let ordered = body.get("sorts").is_some();
    let list = client.query(source, body).await;
    let results = list["results"].as_array().expect("results");
    let mut names: Vec<&str> = results
        .iter()
        .filter_map(|page| page["properties"]["Name"]["title"][0]["plain_text"].as_str())
        .collect();
    if !ordered {
        names.sort_unstable();
    }
    names.concat()
}

#[tokio::test]
async fn every_condition_keeps_the_right_rows() {
    let (server, client) = start().await;
    let (source, ids) = rows(&client).await;
    let cases = [
        // Texts.
        ("Text", json!({ "rich_text": { "equals": "Goodbye" } }), "b"),
        (
            "Text",
            json!({ "rich_text": { "does_not_equal": "Goodbye" } }),
            "ac",
        ),
        ("Text", json!({ "rich_text": { "contains": "world" } }), "a"),
        (
            "Text",
            json!({ "rich_text": { "does_not_contain": "world" } }),
            "bc",
        ),
        (
            "Text",
            json!({ "rich_text": { "starts_with": "good" } }),
            "b",
        ),
        (
            "Text",
            json!({ "rich_text": { "ends_with": "world" } }),
            "a",
        ),
        ("Text", json!({ "rich_text": { "is_empty": true } }), "c"),
        (
            "Text",
            json!({ "rich_text": { "is_not_empty": true } }),
            "ab",
        ),
        ("Name", json!({ "title": { "equals": "b" } }), "b"),
        ("title", json!({ "title": { "does_not_equal": "b" } }), "ac"),
        ("Name", json!({ "rich_text": { "starts_with": "c" } }), "c"),
        ("Site", json!({ "url": { "contains": "b.example" } }), "b"),
        ("Mail", json!({ "email": { "ends_with": ".com" } }), "a"),
        (
            "Phone",
            json!({ "phone_number": { "starts_with": "+1" } }),
            "a",
        ),
        (
            "Phone",
            json!({ "phone_number": { "is_empty": true } }),
            "c",
        ),
        // Numbers.
        ("Count", json!({ "number": { "equals": 5 } }), "a"),
        ("Count", json!({ "number": { "does_not_equal": 5 } }), "bc"),
        ("Count", json!({ "number": { "greater_than": 5 } }), "b"),
        ("Count", json!({ "number": { "less_than": 7 } }), "a"),
        (
            "Count",
            json!({ "number": { "greater_than_or_equal_to": 5 } }),
            "ab",
        ),
        (
            "Count",
            json!({ "number": { "less_than_or_equal_to": 5 } }),
            "a",
        ),
        ("Count", json!({ "number": { "is_empty": true } }), "c"),
        ("Count", json!({ "number": { "is_not_empty": true } }), "ab"),
        ("Number", json!({ "unique_id": { "greater_than": 2 } }), "c"),
        ("Number", json!({ "unique_id": { "equals": 1 } }), "a"),
        // Checkboxes and options, one or several.
        ("Done", json!({ "checkbox": { "equals": true } }), "a"),
        (
            "Done",
            json!({ "checkbox": { "does_not_equal": true } }),
            "bc",
        ),
        ("Kind", json!({ "select": { "equals": "one" } }), "a"),
        (
            "Kind",
            json!({ "select": { "equals": ["one", "two"] } }),
            "ab",
        ),
        (
            "Kind",
            json!({ "select": { "does_not_equal": "one" } }),
            "bc",
        ),
        ("Kind", json!({ "select": { "is_empty": true } }), "c"),
        ("State", json!({ "status": { "equals": "Done" } }), "a"),
        (
            "State",
            json!({ "status": { "equals": ["Done", "Not started"] } }),
            "ac",
        ),
        (
            "State",
            json!({ "status": { "does_not_equal": "Done" } }),
            "bc",
        ),
        ("Tags", json!({ "multi_select": { "contains": "y" } }), "ab"),
        ("Tags", json!({ "multi_select": { "contains": "x" } }), "a"),
        (
            "Tags",
            json!({ "multi_select": { "does_not_contain": "x" } }),
            "bc",
        ),
        ("Tags", json!({ "multi_select": { "is_empty": true } }), "c"),
        // Dates, given and relative.
        ("When", json!({ "date": { "equals": day(20) } }), "b"),
        ("When", json!({ "date": { "before": day(0) } }), "a"),
        ("When", json!({ "date": { "after": day(0) } }), "b"),
        ("When", json!({ "date": { "on_or_before": day(20) } }), "ab"),
        ("When", json!({ "date": { "on_or_after": day(-3) } }), "ab"),
        (
            "When",
            json!({ "date": { "after": "one_week_from_now" } }),
            "b",
        ),
        ("When", json!({ "date": { "after": "one_week_ago" } }), "ab"),
        ("When", json!({ "date": { "before": "tomorrow" } }), "a"),
        ("When", json!({ "date": { "past_week": {} } }), "a"),
        ("When", json!({ "date": { "past_month": {} } }), "a"),
        ("When", json!({ "date": { "next_week": {} } }), ""),
        ("When", json!({ "date": { "next_month": {} } }), "b"),
        ("When", json!({ "date": { "next_year": {} } }), "b"),
        ("When", json!({ "date": { "past_year": {} } }), "a"),
        ("When", json!({ "date": { "is_empty": true } }), "c"),
        (
            "Made",
            json!({ "created_time": { "this_week": {} } }),
            "abc",
        ),
        // References.
        ("Who", json!({ "people": { "contains": ids["ada"] } }), "a"),
        (
            "Who",
            json!({ "people": { "does_not_contain": ids["ada"] } }),
            "bc",
        ),
        ("Who", json!({ "people": { "is_empty": true } }), "c"),
        (
            "By",
            json!({ "created_by": { "contains": ids["ada"] } }),
            "",
        ),
        ("Files", json!({ "files": { "is_not_empty": true } }), "a"),
        ("Link", json!({ "relation": { "contains": ids["a"] } }), "b"),
        (
            "Link",
            json!({ "relation": { "does_not_contain": ids["a"] } }),
            "ac",
        ),
        ("Link", json!({ "relation": { "is_empty": true } }), "ac"),
        // Computed values.
        (
            "Twice",
            json!({ "formula": { "number": { "equals": 14 } } }),
            "b",
        ),
        (
            "Label",
            json!({ "formula": { "string": { "ends_with": "world!" } } }),
            "a",
        ),
        (
            "Sum",
            json!({ "rollup": { "number": { "greater_than": 4 } } }),
            "b",
        ),
        (
            "Counts",
            json!({ "rollup": { "any": { "number": { "equals": 5 } } } }),
            "b",
        ),
        (
            "Counts",
            json!({ "rollup": { "none": { "number": { "equals": 5 } } } }),
            "ac",
        ),
        (
            "Counts",
            json!({ "rollup": { "every": { "number": { "less_than": 6 } } } }),
            "abc",
        ),
        // The related row is asked itself: its options, people and links by name or id.
        (
            "Their tags",
            json!({ "rollup": { "any": { "multi_select": { "contains": "x" } } } }),
            "b",
        ),
        (
            "Their people",
            json!({ "rollup": { "any": { "people": { "contains": ids["ada"] } } } }),
            "b",
        ),
        (
            "Their people",
            json!({ "rollup": { "none": { "people": { "is_not_empty": true } } } }),
            "ac",
        ),
        // The integration that asks made the rows, and is none of the people in them.
        ("By", json!({ "created_by": { "contains": "me" } }), "abc"),
        ("Who", json!({ "people": { "contains": "me" } }), ""),
    ];
    for (property, mut filter, expected) in cases {
        filter["property"] = property.into();
        let found = names(&client, &source, json!({ "filter": filter })).await;
        assert_eq!(found, expected, "{filter}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn conditions_combine_and_rows_are_ordered() {
    let (server, client) = start().await;
    let (source, _) = rows(&client).await;
    let a = json!({ "property": "Name", "title": { "equals": "a" } });
    let b = json!({ "property": "Name", "title": { "equals": "b" } });
    let filled = json!({ "property": "Count", "number": { "is_not_empty": true } });
    let filters = [
        (json!({ "or": [a, b] }), "ab"),
        (json!({ "and": [a, b] }), ""),
        (json!({ "and": [filled, { "or": [b, a] }] }), "ab"),
        (
            json!({ "or": [{ "and": [filled, a] }, { "and": [filled, b] }] }),
            "ab",
        ),
        (json!({ "and": [] }), "abc"),
        (
            json!({ "timestamp": "created_time", "created_time": { "on_or_before": day(1) } }),
            "abc",
        ),
        (
            json!({ "timestamp": "last_edited_time", "last_edited_time": { "before": day(-1) } }),
            "",
        ),
    ];
    for (filter, expected) in filters {
        let found = names(&client, &source, json!({ "filter": filter })).await;
        assert_eq!(found, expected, "{filter}");
    }
    let sorts = [
        (
            json!([{ "property": "Count", "direction": "ascending" }]),
            "abc",
        ),
        (
            json!([{ "property": "Count", "direction": "descending" }]),
            "bac",
        ),
        (
            json!([{ "property": "Kind", "direction": "descending" }]),
            "bac",
        ),
        (
            json!([{ "property": "Text", "direction": "ascending" }]),
            "bac",
        ),
        (
            json!([{ "property": "When", "direction": "descending" }]),
            "bac",
        ),
        (
            json!([{ "property": "Done", "direction": "descending" }, { "property": "Name", "direction": "descending" }]),
            "acb",
        ),
        (
            json!([{ "property": "Number", "direction": "descending" }]),
            "cba",
        ),
        (
            json!([{ "property": "Twice", "direction": "descending" }]),
            "bac",
        ),
        (
            json!([{ "property": "State", "direction": "ascending" }]),
            "cba",
        ),
    ];
    for (sorts, expected) in sorts {
        let found = names(&client, &source, json!({ "sorts": sorts })).await;
        assert_eq!(found, expected, "{sorts}");
    }
    let page = client
        .send(client.request("POST", &format!("/v1/data_sources/{source}/query?filter_properties[]=Count&filter_properties[]=title")).json(&json!({ "page_size": 1 })))
        .await
        .ok();
    let shown = page["results"][0]["properties"]
        .as_object()
        .expect("properties");
    assert_eq!(
        shown.keys().collect::<Vec<_>>(),
        ["Name", "Count"],
        "only what was asked for"
    );
    assert!(!id(&page["results"][0]).is_empty());
    server.shutdown().await;
}

#[tokio::test]
async fn a_condition_that_a_type_does_not_have_is_refused() {
    let (server, client) = start().await;
    let (source, _) = rows(&client).await;
    let cases = [
        (
            json!({ "property": "Count", "number": { "greater_than": 1, "less_than": 6 } }),
            "body.filter.number.less_than should be not present, instead was `6`.",
        ),
        (
            json!({ "property": "Count", "number": { "equals": "5" } }),
            "body.filter.number.equals should be a number, instead was `\"5\"`.",
        ),
        (
            json!({ "property": "Text", "rich_text": { "is_empty": false } }),
            "body.filter.rich_text.is_empty should be `true`, instead was `false`.",
        ),
        (
            json!({ "property": "Done", "checkbox": { "is_empty": true } }),
            "body.filter.checkbox.equals should be defined, instead was `undefined`.",
        ),
        (
            json!({ "property": "Who", "people": { "contains": "Ada" } }),
            "body.filter.people.contains should be a valid uuid or `\"me\"`, instead was `\"Ada\"`.",
        ),
        (
            json!({ "property": "When", "date": { "past_week": 7 } }),
            "body.filter.date.past_week should be an object, instead was `7`.",
        ),
        (
            json!({ "property": "Counts", "rollup": { "any": { "unique_id": { "equals": 1 } } } }),
            "body.filter.rollup.any.number should be defined, instead was `undefined`.",
        ),
    ];
    for (filter, expected) in cases {
        let path = format!("/v1/data_sources/{source}/query");
        let (status, code, message) = client
            .post(&path, json!({ "filter": filter }))
            .await
            .refusal();
        assert_eq!(
            (status, code.as_str()),
            (400, "validation_error"),
            "{filter}"
        );
        assert!(message.contains(expected), "{filter}: {message}");
    }
    server.shutdown().await;
}
