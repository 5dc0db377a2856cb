//! The whole life of a database.

use serde_json::{Value, json};

use crate::client::{id, start, text, title};

#[tokio::test]
async fn a_database_lives_and_ends() {
    let (server, client) = start().await;
    let source = client
        .database(json!({ "Name": { "title": {} }, "Age": { "formula": { "expression": "prop(\"Count\") * 2" } }, "Count": { "number": {} } }))
        .await;
    let shown = client.get(&format!("/v1/data_sources/{source}")).await.ok();
    let names: Vec<&String> = shown["properties"]
        .as_object()
        .expect("properties")
        .keys()
        .collect();
    assert_eq!(
        names,
        ["Name", "Age", "Count"],
        "properties keep the order in which they were asked for"
    );

    let page = client
        .page(
            &source,
            json!({ "Name": title("one"), "Count": { "number": 21 } }),
        )
        .await;
    assert_eq!(
        page["properties"]["Age"]["formula"],
        json!({ "type": "number", "number": 42 })
    );
    let path = format!("/v1/pages/{}", id(&page));
    let page = client
        .patch(
            &path,
            json!({ "properties": { "Count": { "number": 1.5 } } }),
        )
        .await
        .ok();
    assert_eq!(page["properties"]["Count"]["number"], 1.5);

    let source_path = format!("/v1/data_sources/{source}");
    let changed = json!({ "properties": { "Count": { "name": "Amount" }, "Age": null, "Due": { "date": {} } } });
    let shown = client.patch(&source_path, changed).await.ok();
    let names: Vec<&String> = shown["properties"]
        .as_object()
        .expect("properties")
        .keys()
        .collect();
    assert_eq!(names, ["Name", "Amount", "Due"]);
    let retyped = client
        .patch(
            &source_path,
            json!({ "properties": { "Amount": { "rich_text": {} } } }),
        )
        .await
        .ok();
    assert_eq!(retyped["properties"]["Amount"]["type"], "rich_text");
    let page = client.get(&path).await.ok();
    assert_eq!(
        page["properties"]["Amount"]["rich_text"][0]["plain_text"], "1.5",
        "the number became text"
    );

    let database = shown["parent"]["database_id"].as_str().expect("a database");
    let locked = client
        .patch(
            &format!("/v1/databases/{database}"),
            json!({ "is_locked": true }),
        )
        .await
        .ok();
    assert_eq!(locked["is_locked"], true);
    client
        .patch(
            &path,
            json!({ "properties": { "Name": title("a lock keeps only people out") } }),
        )
        .await
        .ok();

    let children = client
        .get(&format!("/v1/blocks/{}/children", client.root))
        .await
        .ok();
    assert_eq!(children["results"][0]["child_database"]["title"], "Things");
    client
        .patch(
            &format!("/v1/databases/{database}"),
            json!({ "in_trash": true }),
        )
        .await
        .ok();
    let children = client
        .get(&format!("/v1/blocks/{}/children", client.root))
        .await
        .ok();
    assert_eq!(children["results"], json!([]));
    let (status, code, _) = client
        .patch(&path, json!({ "properties": { "Name": title("x") } }))
        .await
        .refusal();
    assert_eq!(
        (status, code.as_str()),
        (400, "validation_error"),
        "a row of a trashed database cannot be edited"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn the_trash_hides_refuses_and_gives_back() {
    let (server, client) = start().await;
    let source = client.database(json!({ "Name": { "title": {} } })).await;
    let page = client.page(&source, json!({ "Name": title("row") })).await;
    let path = format!("/v1/pages/{}", id(&page));
    let by_name = json!({ "filter": { "property": "Name", "title": { "equals": "row" } } });
    let found = |list: &Value| list["results"].as_array().map_or(0, Vec::len);
    assert_eq!(found(&client.query(&source, by_name.clone()).await), 1);
    client.patch(&path, json!({ "in_trash": true })).await.ok();
    assert_eq!(found(&client.query(&source, by_name.clone()).await), 0);
    let refused = client
        .patch(&path, json!({ "properties": {} }))
        .await
        .refusal();
    assert_eq!(
        refused.2,
        "Can't edit block that is archived. You must unarchive the block before editing."
    );
    assert_eq!(client.get(&path).await.ok()["in_trash"], true);
    client
        .patch(
            &path,
            json!({ "in_trash": false, "properties": { "Name": title("again") } }),
        )
        .await
        .ok();
    assert_eq!(
        found(&client.query(&source, by_name).await),
        0,
        "it has another name now"
    );
    let stats = server.stats();
    assert_eq!(
        (
            stats.page_creates,
            stats.page_trashes,
            stats.page_restores,
            stats.page_updates
        ),
        (1, 1, 1, 0)
    );
    server.shutdown().await;
}

#[tokio::test]
async fn values_come_back_as_notion_keeps_them() {
    let (server, client) = start().await;
    let source = client
        .database(json!({
            "Name": { "title": {} }, "When": { "date": {} }, "Kind": { "select": { "options": [{ "name": "A", "color": "red" }] } },
            "State": { "status": {} }, "Tags": { "multi_select": {} }, "Number": { "unique_id": { "prefix": "T" } }, "Site": { "url": {} },
        }))
        .await;
    let written = json!({
        "Name": title("x"),
        "When": { "date": { "start": "2026-07-25T16:57:28.513237Z", "time_zone": "UTC" } },
        "Kind": { "select": { "name": "new" } },
        "Tags": { "multi_select": [{ "name": "p" }, { "name": "q" }, { "name": "P" }] },
        "Site": { "url": null },
    });
    let page = client.page(&source, written).await;
    let values = &page["properties"];
    assert_eq!(
        values["When"]["date"],
        json!({ "start": "2026-07-25T16:57:00.000+00:00", "end": null, "time_zone": null }),
        "cut to the minute"
    );
    assert_eq!(values["Kind"]["select"]["name"], "new");
    assert_eq!(
        values["State"]["status"]["name"], "Not started",
        "a new row has the first status"
    );
    assert_eq!(
        values["Tags"]["multi_select"].as_array().map(Vec::len),
        Some(2),
        "names differ by more than case"
    );
    assert_eq!(
        values["Number"]["unique_id"],
        json!({ "prefix": "T", "number": 1 })
    );
    assert_eq!(
        values["Site"],
        json!({ "id": values["Site"]["id"], "type": "url", "url": null })
    );
    assert!(
        page["created_time"]
            .as_str()
            .is_some_and(|time| time.ends_with(":00.000Z")),
        "minutes, not seconds"
    );

    let second = client
        .page(
            &source,
            json!({ "Name": title("y"), "Kind": { "select": { "name": "newer" } } }),
        )
        .await;
    assert_eq!(
        second["properties"]["Number"]["unique_id"]["number"], 2,
        "also when the row brings an option"
    );
    let schema = client.get(&format!("/v1/data_sources/{source}")).await.ok();
    let options = schema["properties"]["Kind"]["select"]["options"]
        .as_array()
        .expect("options");
    assert_eq!(
        options
            .iter()
            .map(|option| &option["name"])
            .collect::<Vec<_>>(),
        ["A", "new", "newer"],
        "added silently"
    );
    let path = format!("/v1/data_sources/{source}");
    let kept =
        json!({ "properties": { "Kind": { "select": { "options": [{ "name": "new" }] } } } });
    let schema = client.patch(&path, kept).await.ok();
    assert_eq!(
        schema["properties"]["Kind"]["select"]["options"]
            .as_array()
            .map(Vec::len),
        Some(1),
        "the list replaces"
    );
    assert_eq!(
        schema["properties"]["Kind"]["select"]["options"][0]["id"], options[1]["id"],
        "matched by name, same id"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn property_ids_are_encoded_and_accepted_in_every_spelling() {
    let (server, client) = start().await;
    let mut properties = json!({ "Name": { "title": {} } });
    for number in 0..40 {
        properties[format!("P{number}")] = json!({ "rich_text": {} });
    }
    let source = client.database(properties).await;
    let schema = client.get(&format!("/v1/data_sources/{source}")).await.ok();
    let encoded = schema["properties"]
        .as_object()
        .expect("properties")
        .values()
        .filter_map(|property| property["id"].as_str());
    let encoded: Vec<&str> = encoded.collect();
    assert!(
        encoded.iter().any(|id| id.contains('%')),
        "40 random ids without one character to encode"
    );
    for id in encoded {
        // As the SDK sends it: the id as it came, encoded once more by the URL.
        let twice = id.replace('%', "%25");
        let list = client
            .post(
                &format!("/v1/data_sources/{source}/query?filter_properties={twice}"),
                json!({}),
            )
            .await;
        list.ok();
    }
    let page = client
        .page(
            &source,
            json!({ "Name": title("x"), "P7": { "rich_text": text("seven") } }),
        )
        .await;
    let p7 = schema["properties"]["P7"]["id"].as_str().expect("an id");
    let item = client
        .get(&format!("/v1/pages/{}/properties/{p7}", id(&page)))
        .await
        .ok();
    assert_eq!(item["results"][0]["rich_text"]["plain_text"], "seven");
    server.shutdown().await;
}

#[tokio::test]
async fn relations_are_cut_at_25_and_mirrored() {
    let (server, client) = start().await;
    let people = client.database(json!({ "Name": { "title": {} } })).await;
    let tasks = client
        .database(json!({ "Task": { "title": {} }, "Who": { "relation": { "data_source_id": people, "dual_property": { "synced_property_name": "Tasks" } } } }))
        .await;
    let mut ids = Vec::new();
    for number in 0..30 {
        let person = client
            .page(&people, json!({ "Name": title(&format!("p{number}")) }))
            .await;
        ids.push(json!({ "id": person["id"] }));
    }
    let task = client
        .page(
            &tasks,
            json!({ "Task": title("t"), "Who": { "relation": ids } }),
        )
        .await;
    assert_eq!(
        task["properties"]["Who"]["relation"]
            .as_array()
            .map(Vec::len),
        Some(25)
    );
    assert_eq!(task["properties"]["Who"]["has_more"], true);
    let who = task["properties"]["Who"]["id"].as_str().expect("an id");
    let all = client
        .get(&format!("/v1/pages/{}/properties/{who}", id(&task)))
        .await
        .ok();
    assert_eq!(
        all["results"].as_array().map(Vec::len),
        Some(30),
        "the property item has them all"
    );
    let person = client
        .get(&format!(
            "/v1/pages/{}",
            ids[29]["id"].as_str().expect("an id")
        ))
        .await
        .ok();
    assert_eq!(
        person["properties"]["Tasks"]["relation"][0]["id"], task["id"],
        "the other side shows it"
    );
    client
        .patch(
            &format!("/v1/pages/{}", id(&task)),
            json!({ "in_trash": true }),
        )
        .await
        .ok();
    let person = client
        .get(&format!(
            "/v1/pages/{}",
            ids[29]["id"].as_str().expect("an id")
        ))
        .await
        .ok();
    assert_eq!(
        person["properties"]["Tasks"]["relation"],
        json!([]),
        "a trashed row is hidden"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn queries_filter_sort_and_go_on() {
    let (server, client) = start().await;
    let source = client
        .database(
            json!({ "Key": { "title": {} }, "N": { "number": {} }, "Note": { "rich_text": {} } }),
        )
        .await;
    for number in 0..250 {
        let note = if number % 2 == 0 { "even" } else { "odd" };
        client
            .page(&source, json!({ "Key": title(&format!("k{number}")), "N": { "number": number }, "Note": { "rich_text": text(note) } }))
            .await;
    }
    let keys: Vec<Value> =
        (0..100).map(|number| json!({ "property": "Key", "rich_text": { "equals": format!("k{}", number * 3) } })).collect();
    let found = client
        .query(&source, json!({ "filter": { "or": keys } }))
        .await;
    assert_eq!(
        found["results"].as_array().map(Vec::len),
        Some(84),
        "k0, k3 … k249 exist"
    );

    let odd_and_small = json!({ "filter": { "and": [
        { "property": "Note", "rich_text": { "equals": "odd" } }, { "property": "N", "number": { "less_than": 10 } } ] },
        "sorts": [{ "property": "N", "direction": "descending" }] });
    let found = client.query(&source, odd_and_small).await;
    let numbers: Vec<&Value> = found["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|page| &page["properties"]["N"]["number"])
        .collect();
    assert_eq!(numbers, [9, 7, 5, 3, 1]);

    let mut seen = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let mut body =
            json!({ "page_size": 60, "sorts": [{ "property": "N", "direction": "ascending" }] });
        if !cursor.is_null() {
            body["start_cursor"] = cursor;
        }
        let list = client.query(&source, body).await;
        seen.extend(
            list["results"]
                .as_array()
                .expect("results")
                .iter()
                .filter_map(|page| page["properties"]["N"]["number"].as_i64()),
        );
        cursor = list["next_cursor"].clone();
        assert_eq!(list["has_more"], !cursor.is_null());
        assert!(list.get("request_status").is_none());
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(seen, (0..250).collect::<Vec<i64>>());
    server.shutdown().await;
}

#[tokio::test]
async fn formulas_are_rewritten_and_computed_when_looked_at() {
    let (server, client) = start().await;
    let expression = "if(empty(prop(\"When\")), \"never\", format(dateBetween(now(), prop(\"When\"), \"minutes\")) + \"m ago\")";
    let source = client
        .database(json!({ "Name": { "title": {} }, "When": { "date": {} }, "Ago": { "formula": { "expression": expression } } }))
        .await;
    let schema = client.get(&format!("/v1/data_sources/{source}")).await.ok();
    let shown = schema["properties"]["Ago"]["formula"]["expression"]
        .as_str()
        .expect("an expression");
    assert!(
        shown.contains("{{notion:block_property:") && !shown.contains("prop("),
        "{shown}"
    );
    let now = client.get("/_sim/time").await.ok()["now"].clone();
    let page = client
        .page(
            &source,
            json!({ "Name": title("x"), "When": { "date": { "start": now } } }),
        )
        .await;
    let path = format!("/v1/pages/{}", id(&page));
    assert_eq!(page["properties"]["Ago"]["formula"]["string"], "0m ago");
    client
        .post("/_sim/time", json!({ "advance_seconds": 300 }))
        .await
        .ok();
    let page = client.get(&path).await.ok();
    assert_eq!(page["properties"]["Ago"]["formula"]["string"], "5m ago");
    let again = json!({ "properties": { "Ago": { "formula": { "expression": shown } } } });
    let schema = client
        .patch(&format!("/v1/data_sources/{source}"), again)
        .await
        .ok();
    assert_eq!(
        schema["properties"]["Ago"]["formula"]["expression"], shown,
        "what is shown can be sent back"
    );
    server.shutdown().await;
}
