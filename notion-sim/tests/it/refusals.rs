//! What is refused, in Notion's words and order.

use serde_json::{Value, json};

use crate::client::{Answer, id, plain, start, title};

#[tokio::test]
async fn a_request_is_checked_in_notions_order() {
    let (server, client) = start().await;
    let bare = plain();
    let broken = |path: &str| {
        bare.post(format!("{}{path}", client.url))
            .header("content-type", "application/json")
            .body("{")
    };
    let body = client.send(broken("/nowhere")).await.refusal();
    assert_eq!(
        body,
        (
            400,
            "invalid_json".to_owned(),
            "Error parsing JSON body.".to_owned()
        ),
        "the body comes first"
    );
    let url = client
        .send(bare.get(format!("{}/v1/nowhere", client.url)))
        .await
        .refusal();
    assert_eq!(
        url,
        (
            400,
            "invalid_request_url".to_owned(),
            "Invalid request URL.".to_owned()
        ),
        "then the URL"
    );
    let credential = client
        .send(bare.get(format!("{}/v1/users/me", client.url)))
        .await
        .refusal();
    assert_eq!(
        credential.2,
        "Authorization header must use the format \"Bearer <token>\"."
    );
    let token = client
        .send(
            bare.get(format!("{}/v1/users/me", client.url))
                .bearer_auth("nope"),
        )
        .await
        .refusal();
    assert_eq!(
        token,
        (
            401,
            "unauthorized".to_owned(),
            "API token is invalid.".to_owned()
        )
    );
    let versionless = bare
        .get(format!("{}/v1/pages/AAA", client.url))
        .bearer_auth(&client.token);
    let version = client
        .send(versionless.try_clone().expect("no body"))
        .await
        .refusal();
    assert_eq!(version.1, "missing_version");
    assert_eq!(
        version.2,
        "Notion-Version header failed validation: Notion-Version header should be defined, instead was `undefined`."
    );
    let unknown = client
        .send(versionless.header("Notion-Version", "banana"))
        .await
        .refusal();
    assert!(
        unknown
            .2
            .ends_with("or `\"2026-03-11\"`, instead was `\"banana\"`."),
        "{}",
        unknown.2
    );
    let path = client
        .get("/v1/pages/12345678-1234-1234-1234-123456789abc")
        .await
        .refusal();
    assert_eq!(
        path.2,
        "path failed validation: path.page_id should be a valid uuid, instead was `\"12345678-1234-1234-1234-123456789abc\"`."
    );
    let missing = client
        .get("/v1/pages/5f1c3a52-7a45-4d6c-8c9f-3c1f6a0e9b11")
        .await;
    assert!(missing.refusal().2.starts_with(
        "Could not find page with ID: 5f1c3a52-7a45-4d6c-8c9f-3c1f6a0e9b11. Make sure"
    ));
    assert!(missing.json()["additional_data"]["integration_id"].is_string());
    assert_eq!(
        missing.headers["x-notion-request-id"],
        missing.json()["request_id"].as_str().expect("an id")
    );
    let elsewhere = client.get("/v1/comments").await.refusal();
    assert_eq!((elsewhere.0, elsewhere.1.as_str()), (501, "not_simulated"));
    server.shutdown().await;
}

#[tokio::test]
async fn texts_of_refusals() {
    let (server, client) = start().await;
    let source = client
        .database(json!({ "Name": { "title": {} }, "N": { "number": {} }, "Kind": { "select": { "options": [{ "name": "A", "color": "red" }] } }, "State": { "status": {} }, "Sum": { "formula": { "expression": "prop(\"N\") + 1" } } }))
        .await;
    let page = client.page(&source, json!({ "Name": title("x") })).await;
    let (page, query) = (
        format!("/v1/pages/{}", id(&page)),
        format!("/v1/data_sources/{source}/query"),
    );
    let schema = format!("/v1/data_sources/{source}");
    let long = "a".repeat(2001);
    let writes = |properties: Value| json!({ "properties": properties });
    let cases: Vec<(&str, &str, Value, &str)> = vec![
        (
            "PATCH",
            &page,
            writes(json!({ "Nope": { "number": 1 } })),
            "Nope is not a property that exists.",
        ),
        (
            "PATCH",
            &page,
            writes(json!({ "N": title("x") })),
            "N is expected to be number.",
        ),
        (
            "PATCH",
            &page,
            writes(json!({ "Name": title(&long) })),
            "body failed validation: body.properties.Name.title[0].text.content.length should be ≤ `2000`, instead was `2001`.",
        ),
        (
            "PATCH",
            &page,
            writes(json!({ "Kind": { "select": { "name": "a,b" } } })),
            "Invalid select option, commas not allowed: a,b",
        ),
        (
            "PATCH",
            &page,
            writes(json!({ "State": { "status": { "name": "Nope" } } })),
            "Invalid status option. Status option \"Nope\" does not exist. Available options: \"Not started\", \"In progress\", \"Done\".",
        ),
        (
            "PATCH",
            &page,
            json!({ "archived": true }),
            "body failed validation: body.archived should be not present, instead was `true`.",
        ),
        (
            "POST",
            &query,
            json!({ "page_size": 0 }),
            "body failed validation: body.page_size should be ≥ `1` or `undefined`, instead was `0`.",
        ),
        (
            "POST",
            &query,
            json!({ "in_trash": true }),
            "body failed validation: body.in_trash should be not present, instead was `true`.",
        ),
        (
            "POST",
            &query,
            json!({ "start_cursor": "bogus" }),
            "The start_cursor provided is invalid: bogus",
        ),
        (
            "POST",
            &query,
            json!({ "filter": { "property": "Nope", "number": { "equals": 1 } } }),
            "Could not find property with name or id: Nope",
        ),
        (
            "POST",
            &query,
            json!({ "sorts": [{ "property": "Nope", "direction": "ascending" }] }),
            "Could not find sort property with name or id: Nope",
        ),
        (
            "POST",
            &query,
            json!({ "filter": { "property": "N", "rich_text": { "equals": "1" } } }),
            "The property type in the database does not match the property type of the filter provided: database property number does not match filter rich_text",
        ),
        (
            "PATCH",
            &schema,
            writes(
                json!({ "Kind": { "select": { "options": [{ "name": "A", "color": "blue" }] } } }),
            ),
            "Cannot update color of select with name: A.",
        ),
        (
            "PATCH",
            &schema,
            writes(json!({ "Gone": null })),
            "Gone is not a property that exists.",
        ),
        (
            "PATCH",
            &schema,
            writes(json!({ "Bad": { "formula": { "expression": "prop(\"Nope\")" } } })),
            "Type error with formula: undefined property \"Nope\".",
        ),
        (
            "POST",
            "/v1/databases",
            json!({ "parent": { "type": "page_id", "page_id": client.root }, "initial_data_source": { "properties": { "N": { "number": {} } } } }),
            "Title is not provided",
        ),
    ];
    for (method, path, body, message) in cases {
        let answer = client
            .send(client.request(method, path).json(&body))
            .await
            .refusal();
        assert_eq!(
            answer,
            (400, "validation_error".to_owned(), message.to_owned()),
            "{method} {body}"
        );
    }
    let computed = client
        .patch(&page, writes(json!({ "Sum": { "number": 1 } })))
        .await
        .refusal();
    assert_eq!(computed.0, 400, "nobody writes a formula: {}", computed.2);
    let several = client
        .patch(&page, writes(json!({ "N": { "number": "a" } })))
        .await
        .refusal()
        .2;
    assert!(
        several.starts_with("body failed validation. Fix one:\n"),
        "{several}"
    );
    assert!(
        several.contains(
            "\nbody.properties.N.number should be a number or `null`, instead was `\"a\"`."
        ),
        "{several}"
    );
    let after = client.get(&page).await.ok();
    assert_eq!(
        after["properties"]["N"]["number"],
        Value::Null,
        "a refusal leaves no trace"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_body_one_byte_too_large_is_refused_in_another_shape() {
    let (server, client) = start().await;
    for (size, status) in [(512_000, 400), (512_001, 413)] {
        let padding = "x".repeat(size - "{\"a\":\"\"}".len());
        let answer = client
            .send(
                client
                    .request("POST", "/v1/search")
                    .header("content-type", "application/json")
                    .body(format!("{{\"a\":\"{padding}\"}}")),
            )
            .await;
        assert_eq!(answer.status, status, "{size} bytes");
        if status == 413 {
            let body = answer.json();
            assert_eq!(body["name"], "PayloadTooLargeError");
            assert_eq!(
                (&body["code"], &body["isNotionError"]),
                (&json!(413), &json!(false))
            );
        }
    }
    server.shutdown().await;
}

#[tokio::test]
async fn the_older_version_still_shows_archived() {
    let (server, client) = start().await;
    let path = format!("{}/v1/pages/{}", client.url, client.root);
    let older = plain()
        .get(path)
        .bearer_auth(&client.token)
        .header("Notion-Version", "2025-09-03");
    assert_eq!(client.send(older).await.ok()["archived"], false);
    assert!(
        client
            .get(&format!("/v1/pages/{}", client.root))
            .await
            .ok()
            .get("archived")
            .is_none()
    );
    server.shutdown().await;
}

#[tokio::test]
async fn archived_and_after_belong_to_the_older_version() {
    let (server, client) = start().await;
    let source = client.database(json!({ "Name": { "title": {} } })).await;
    let page = client.page(&source, json!({ "Name": title("row") })).await;
    let path = format!("/v1/pages/{}", id(&page));
    let ask = async |version: &'static str, path: String, body: Value| {
        let request = client.request("PATCH", &path).json(&body).build();
        let mut request = request.expect("a request");
        let version = version.parse().expect("a header");
        request.headers_mut().insert("notion-version", version);
        let builder = reqwest::RequestBuilder::from_parts(crate::client::plain(), request);
        client.send(builder).await
    };
    let trashed = ask("2025-09-03", path.clone(), json!({ "archived": true })).await;
    assert_eq!(trashed.ok()["in_trash"], true);
    let wrong = ask("2025-09-03", path.clone(), json!({ "archived": 1 })).await;
    assert_eq!(
        wrong.refusal().2,
        "body failed validation: body.archived should be a boolean or `undefined`, instead was `1`."
    );
    let back = ask("2025-09-03", path.clone(), json!({ "archived": false })).await;
    assert_eq!(back.ok()["archived"], false);
    let newer = ask("2026-03-11", path.clone(), json!({ "archived": true })).await;
    assert_eq!(
        newer.refusal().2,
        "body failed validation: body.archived should be not present, instead was `true`."
    );

    let children = format!("/v1/blocks/{}/children", id(&page));
    let block = json!({ "paragraph": { "rich_text": [{ "text": { "content": "x" } }] } });
    let first = ask(
        "2025-09-03",
        children.clone(),
        json!({ "children": [block] }),
    )
    .await;
    let first = first.ok()["results"][0]["id"].clone();
    let more = json!({ "children": [block], "after": first });
    ask("2025-09-03", children.clone(), more.clone()).await.ok();
    let (status, _, message) = ask("2026-03-11", children, more).await.refusal();
    assert_eq!(status, 400);
    assert!(
        message.contains("body.after should be not present"),
        "{message}"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn blocks_are_held_to_their_shapes() {
    let (server, client) = start().await;
    let path = format!("/v1/blocks/{}/children", client.root);
    let cases = [
        (
            json!({ "paragraph": { "rich_text": "x" } }),
            "body.children[0].paragraph.rich_text should be an array, instead was `\"x\"`.",
        ),
        (
            json!({ "bookmark": {} }),
            "body.children[0].bookmark.url should be defined, instead was `undefined`.",
        ),
        (
            json!({ "divider": { "colour": "red" } }),
            "body.children[0].divider.colour should be not present, instead was `\"red\"`.",
        ),
    ];
    for (block, expected) in cases {
        let refused = client.patch(&path, json!({ "children": [block] })).await;
        let (status, _, message) = refused.refusal();
        assert_eq!(status, 400);
        assert_eq!(message, format!("body failed validation: {expected}"));
    }
    let divider = json!({ "children": [{ "divider": {} }] });
    let made = client.patch(&path, divider).await.ok();
    let block = format!("/v1/blocks/{}", id(&made["results"][0]));
    let refused = client
        .patch(&block, json!({ "divider": { "text": 1 } }))
        .await;
    assert_eq!(refused.status, 400, "an update may not bring nonsense");
    assert_eq!(client.get(&block).await.ok()["divider"], json!({}));
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_not_simulated_is_said_plainly() {
    let (server, client) = start().await;
    let source = client.database(json!({ "Name": { "title": {} } })).await;
    let button = json!({ "properties": { "Go": { "button": {} } } });
    let children = format!("/v1/blocks/{}/children", client.root);
    let append = async |block: Value| {
        client
            .patch(&children, json!({ "children": [block] }))
            .await
    };
    let with = |mut body: Value, more: Value| {
        let members = body.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        body
    };
    let page = json!({ "parent": { "page_id": client.root } });
    let create = async |more: Value| client.post("/v1/pages", with(page.clone(), more)).await;
    let table = json!({ "data_source_id": source, "name": "v", "type": "table" });
    let view = async |more: Value| client.post("/v1/views", with(table.clone(), more)).await;
    let other = "5f1c3a52-7a45-4d6c-8c9f-3c1f6a0e9b11";
    let made = append(json!({ "divider": {} })).await.ok();
    let block = format!("/v1/blocks/{}", id(&made["results"][0]));
    let row = client.page(&source, json!({ "Name": title("x") })).await;
    let row = format!("/v1/pages/{}", id(&row));
    let cases = [
        client
            .patch(&format!("/v1/data_sources/{source}"), button)
            .await,
        client.get("/v1/comments").await,
        client.get("/v1/agents").await,
        client
            .post("/v1/blocks/meeting_notes/query", json!({}))
            .await,
        client.post("/v1/file_uploads", json!({})).await,
        client
            .get(&format!("/v1/data_sources/{source}/templates"))
            .await,
        append(json!({ "type": "table" })).await,
        append(json!({ "type": "table", "table": { "table_width": 2 } })).await,
        append(json!({ "video": {} })).await,
        client.patch(&block, json!({ "video": {} })).await,
        client
            .patch(&row, json!({ "template": { "type": "default" } }))
            .await,
        create(json!({ "template": { "type": "default" } })).await,
        create(json!({ "position": { "type": "page_start" } })).await,
        create(json!({ "markdown": "# x" })).await,
        view(json!({ "position": { "type": "start" } })).await,
        view(json!({ "database_id": other })).await,
        view(json!({ "view_id": other })).await,
        create(json!({ "icon": { "file_upload": { "id": other } } })).await,
        create(json!({ "icon": { "custom_emoji": { "id": other } } })).await,
        create(json!({ "cover": { "type": "file_upload", "file_upload": { "id": other } } })).await,
        append(
            json!({ "callout": { "rich_text": [], "icon": { "file_upload": { "id": other } } } }),
        )
        .await,
        client
            .patch(&row, json!({ "icon": { "file_upload": { "id": other } } }))
            .await,
        client
            .patch(
                &row,
                json!({ "properties": { "F": { "files": [{ "file_upload": { "id": other } }] } } }),
            )
            .await,
    ];
    for answer in cases {
        let (status, code, message) = answer.refusal();
        assert_eq!((status, code.as_str()), (501, "not_simulated"), "{message}");
        assert!(message.contains("Notion does"), "{message}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn members_that_nobody_declared_are_refused_everywhere() {
    let (server, client) = start().await;
    let source = client.database(json!({ "Name": { "title": {} } })).await;
    let row = client.page(&source, json!({ "Name": title("x") })).await;
    let page = json!({ "page_id": client.root });
    let view = json!({ "data_source_id": source, "name": "v", "type": "table" });
    let made = client.post("/v1/views", view.clone()).await.ok();
    let made = format!("/v1/views/{}", id(&made));
    let children = format!("/v1/blocks/{}/children", client.root);
    let block = json!({ "children": [{ "to_do": { "rich_text": [] } }] });
    let block = client.patch(&children, block).await.ok();
    let block = format!("/v1/blocks/{}", id(&block["results"][0]));
    let database = client.get(&format!("/v1/data_sources/{source}")).await.ok();
    let database = database["parent"]["database_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let parent = json!({ "type": "page_id", "page_id": client.root });
    let calls = [
        (
            "POST",
            "/v1/databases".to_owned(),
            json!({ "parent": parent }),
        ),
        ("PATCH", format!("/v1/databases/{database}"), json!({})),
        (
            "POST",
            "/v1/data_sources".to_owned(),
            json!({ "parent": { "database_id": database }, "properties": { "Name": { "title": {} } } }),
        ),
        ("PATCH", format!("/v1/data_sources/{source}"), json!({})),
        (
            "POST",
            format!("/v1/data_sources/{source}/query"),
            json!({}),
        ),
        ("POST", "/v1/pages".to_owned(), json!({ "parent": page })),
        ("PATCH", format!("/v1/pages/{}", id(&row)), json!({})),
        ("PATCH", children.clone(), json!({ "children": [] })),
        ("PATCH", block.clone(), json!({})),
        ("POST", "/v1/search".to_owned(), json!({})),
        ("POST", "/v1/views".to_owned(), view),
        ("PATCH", made, json!({ "name": "w" })),
    ];
    for (method, path, mut body) in calls {
        let send = async |body: &Value| client.send(client.request(method, &path).json(body)).await;
        send(&body).await.ok();
        body["nonsense"] = 1.into();
        let refused = send(&body).await.refusal();
        let expected =
            "body failed validation: body.nonsense should be not present, instead was `1`.";
        assert_eq!(
            (refused.0, refused.2.as_str()),
            (400, expected),
            "{method} {path}"
        );
    }
    for (body, expected) in [
        (
            json!({ "type": "banana", "banana": {} }),
            "body.children[0].paragraph should be defined, instead was `undefined`.",
        ),
        (
            json!({ "type": "to_do", "paragraph": {} }),
            "body.children[0].to_do should be defined, instead was `undefined`.",
        ),
        (
            json!({ "paragraph": { "rich_text": [] }, "to_do": 1 }),
            "body.children[0].to_do should be not present, instead was `1`.",
        ),
    ] {
        let refused = client
            .patch(&children, json!({ "children": [body] }))
            .await
            .refusal()
            .2;
        assert_eq!(refused, format!("body failed validation: {expected}"));
    }
    let becomes = client
        .patch(&block, json!({ "paragraph": { "rich_text": [] } }))
        .await
        .refusal()
        .2;
    assert!(
        becomes.ends_with("is of type to_do and cannot become one of type paragraph."),
        "{becomes}"
    );
    let twice = json!({ "parent": page, "children": [], "content": [] });
    assert_eq!(client.post("/v1/pages", twice).await.status, 400);
    server.shutdown().await;
}

#[tokio::test]
async fn a_view_is_looked_for_after_the_request_was_checked() {
    let (server, client) = start().await;
    let wrong = client.get("/v1/views?database_id=AAA").await.refusal();
    let expected = "query failed validation: query.database_id should be a valid uuid or `undefined`, instead was `\"AAA\"`.";
    assert_eq!((wrong.0, wrong.2.as_str()), (400, expected));
    let path =
        "path failed validation: path.view_id should be a valid uuid, instead was `\"AAA\"`.";
    for method in ["GET", "PATCH", "DELETE"] {
        let body = json!({ "nonsense": 1 });
        let request = client.request(method, "/v1/views/AAA").json(&body);
        assert_eq!(
            client.send(request).await.refusal().2,
            path,
            "{method}: the path comes before the body"
        );
    }
    let absent = client.request("PATCH", "/v1/views/5f1c3a52-7a45-4d6c-8c9f-3c1f6a0e9b11");
    let refused = client.send(absent.json(&json!({ "nonsense": 1 }))).await;
    assert_eq!(refused.status, 400, "the body comes before the object");
    server.shutdown().await;
}

#[tokio::test]
async fn a_page_of_a_list_has_at_most_a_hundred() {
    let (server, client) = start().await;
    let source = client.database(json!({ "Name": { "title": {} } })).await;
    for number in 0..101 {
        client
            .page(&source, json!({ "Name": title(&number.to_string()) }))
            .await;
    }
    let list = client.query(&source, json!({ "page_size": 250 })).await;
    assert_eq!(list["results"].as_array().map(Vec::len), Some(100));
    assert_eq!(list["has_more"], true);
    let query = format!("/v1/data_sources/{source}/query");
    for size in [0, -1] {
        let (status, _, message) = client
            .post(&query, json!({ "page_size": size }))
            .await
            .refusal();
        let expected = format!(
            "body failed validation: body.page_size should be ≥ `1` or `undefined`, instead was `{size}`."
        );
        assert_eq!((status, message), (400, expected));
    }
    // Lists that are read by GET were seen to take any number.
    for size in [0, -1, 250] {
        let list = client
            .get(&format!("/v1/users?page_size={size}"))
            .await
            .ok();
        assert_eq!(list["has_more"], false);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn icons_are_those_that_notion_has() {
    let (server, client) = start().await;
    let page = async |look: Value| {
        let mut body = json!({ "parent": { "page_id": client.root } });
        let members = body.as_object_mut().expect("an object");
        members.extend(look.as_object().expect("an object").clone());
        client.post("/v1/pages", body).await
    };
    let named = page(json!({ "icon": { "icon": { "name": "pizza" } } }))
        .await
        .ok();
    let expected = json!({ "type": "icon", "icon": { "name": "pizza", "color": "gray" } });
    assert_eq!(named["icon"], expected);
    for (look, path) in [
        (json!({ "icon": { "icon": {} } }), "body.icon.icon.name"),
        (
            json!({ "icon": { "icon": { "name": "pizza", "color": "mauve" } } }),
            "body.icon.icon.color",
        ),
        (
            json!({ "icon": { "custom_emoji": { "id": "x" } } }),
            "body.icon.custom_emoji.id",
        ),
        (
            json!({ "icon": { "custom_emoji": { "nonsense": 1 } } }),
            "body.icon.custom_emoji.id",
        ),
        (
            json!({ "icon": { "file_upload": {} } }),
            "body.icon.file_upload.id",
        ),
        (
            json!({ "cover": { "file_upload": { "id": 7 } } }),
            "body.cover.file_upload.id",
        ),
    ] {
        let (status, code, message) = page(look).await.refusal();
        assert_eq!(
            (status, code.as_str()),
            (400, "validation_error"),
            "{message}"
        );
        assert!(message.contains(path), "{message}");
    }
    server.shutdown().await;
}

/// A view of the source, of this type, with more.
fn view_of(source: &str, kind: &str, more: &Value) -> Value {
    let mut body = json!({ "data_source_id": source, "name": "v", "type": kind });
    let members = body.as_object_mut().expect("an object");
    members.extend(more.as_object().expect("an object").clone());
    body
}

#[tokio::test]
async fn views_ask_for_what_notion_has() {
    let (server, client) = start().await;
    let source = client
        .database(
            json!({ "Name": { "title": {} }, "Cost": { "number": {} }, "State": { "status": {} } }),
        )
        .await;
    let by = |more: Value| {
        let mut group =
            json!({ "type": "status", "property_id": "State", "sort": { "type": "manual" } });
        let members = group.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        json!({ "configuration": { "type": "board", "group_by": group } })
    };
    let taken = [
        (
            "table",
            json!({ "filter": { "and": [{ "property": "Cost", "number": { "less_than": 3 } }] } }),
        ),
        (
            "table",
            json!({ "sorts": [{ "timestamp": "created_time", "direction": "ascending" }] }),
        ),
        (
            "table",
            json!({ "quick_filters": { "State": { "status": { "equals": ["Done"] } } } }),
        ),
        ("board", by(json!({ "group_by": "option" }))),
        (
            "calendar",
            json!({ "configuration": { "type": "calendar", "date_property_id": "Due", "view_range": null } }),
        ),
        (
            "chart",
            json!({ "configuration": { "type": "chart", "chart_type": "bar", "caption": "c" } }),
        ),
        (
            "form",
            json!({ "configuration": { "type": "form", "is_form_closed": true } }),
        ),
    ];
    for (kind, more) in taken {
        let view = client
            .post("/v1/views", view_of(&source, kind, &more))
            .await
            .ok();
        for (key, value) in more.as_object().expect("an object") {
            assert_eq!(&view[key], value, "{kind}");
        }
    }
    let wide: Vec<Value> = (0..600)
        .map(|at| json!({ "property_id": format!("p{at}"), "visible": at < 9 }))
        .collect();
    let wide = json!({ "configuration": { "type": "table", "properties": wide } });
    client
        .post("/v1/views", view_of(&source, "table", &wide))
        .await
        .ok();

    // What is wrong in a new view, and in a change of it.
    let wrong = [
        (
            json!({ "filter": { "property": "Cost", "number": { "nonsense": 1 } } }),
            "body.filter.number",
        ),
        (json!({ "filter": { "nonsense": [] } }), "body.filter"),
        (
            json!({ "filter": { "property": "Nope", "number": { "equals": 1 } } }),
            "name or id: Nope",
        ),
        (
            json!({ "filter": { "property": "Cost", "title": { "equals": "x" } } }),
            "number does not match filter title",
        ),
        (
            json!({ "sorts": [{ "property": "Cost", "direction": "up" }] }),
            "body.sorts[0].direction",
        ),
        (
            json!({ "sorts": [{ "property": "Nope", "direction": "ascending" }] }),
            "sort property with name or id: Nope",
        ),
        (
            json!({ "quick_filters": { "Cost": { "number": { "nonsense": 1 } } } }),
            "body.quick_filters.Cost.number",
        ),
        (
            json!({ "quick_filters": { "Nope": { "number": { "equals": 1 } } } }),
            "name or id: Nope",
        ),
        (
            json!({ "quick_filters": { "Cost": { "property": "Cost", "number": { "equals": 1 } } } }),
            "body.quick_filters.Cost.property",
        ),
        (json!({ "configuration": null }), "body.configuration"),
        (json!({ "configuration": {} }), "body.configuration.type"),
        (
            json!({ "configuration": { "type": "board" } }),
            "body.configuration.group_by",
        ),
        (by(json!({})), "body.configuration.group_by.group_by"),
        (
            by(json!({ "group_by": "option", "sort": {} })),
            "body.configuration.group_by.sort.type",
        ),
        (
            json!({ "configuration": { "type": "calendar" } }),
            "body.configuration.date_property_id",
        ),
        (
            json!({ "configuration": { "type": "table", "nonsense": 1 } }),
            "body.configuration.nonsense",
        ),
        (
            json!({ "configuration": { "type": "table", "properties": [{ "visible": true }] } }),
            "body.configuration.properties[0].property_id",
        ),
        (
            json!({ "configuration": { "type": "gallery" } }),
            "that of a gallery, the view is a table",
        ),
    ];
    let view = client
        .post("/v1/views", view_of(&source, "table", &json!({})))
        .await
        .ok();
    let path = format!("/v1/views/{}", id(&view));
    let refused = |answer: Answer, at: &str| {
        let (status, code, message) = answer.refusal();
        assert_eq!(
            (status, code.as_str()),
            (400, "validation_error"),
            "{message}"
        );
        assert!(message.contains(at), "{message} says nothing of {at}");
    };
    for (more, at) in &wrong {
        refused(
            client
                .post("/v1/views", view_of(&source, "table", more))
                .await,
            at,
        );
        refused(client.patch(&path, more.clone()).await, at);
    }
    let by_time = json!({ "sorts": [{ "timestamp": "created_time", "direction": "ascending" }] });
    refused(client.patch(&path, by_time).await, "body.sorts[0].property");
    for key in ["filter", "sorts", "quick_filters"] {
        let none = json!({ key: null });
        refused(
            client
                .post("/v1/views", view_of(&source, "table", &none))
                .await,
            key,
        );
        assert_eq!(client.patch(&path, none).await.ok()[key], Value::Null);
    }
    let cleared = json!({ "quick_filters": { "Cost": null } });
    client.patch(&path, cleared).await.ok();
    let held = client.get(&path).await.ok();
    assert_eq!(held["configuration"], json!({ "type": "table" }));
    server.shutdown().await;
}
