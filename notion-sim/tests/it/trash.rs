//! What is in the trash, and what hangs under what.

use serde_json::{Value, json};

use crate::client::{Client, id, start, text, title};

const ARCHIVED: &str =
    "Can't edit block that is archived. You must unarchive the block before editing.";

async fn refused(client: &Client, method: &str, path: &str, body: Value) -> String {
    let answer = client.send(client.request(method, path).json(&body)).await;
    let (status, code, message) = answer.refusal();
    assert_eq!(
        (status, code.as_str()),
        (400, "validation_error"),
        "{method} {path} {body}: {message}"
    );
    message
}

/// A database on the root page, and its data source.
async fn database(client: &Client, parent: &str) -> (String, String) {
    let parent = json!({ "type": "page_id", "page_id": parent });
    let made = client
        .post("/v1/databases", json!({ "parent": parent }))
        .await
        .ok();
    let source = &made["data_sources"][0];
    (id(&made).to_owned(), id(source).to_owned())
}

#[tokio::test]
async fn only_restoring_changes_what_is_in_the_trash() {
    let (server, client) = start().await;
    let (database, source) = database(&client, &client.root).await;
    let row = client.page(&source, json!({ "Name": title("x") })).await;
    let child = json!({ "children": [{ "paragraph": { "rich_text": text("y") } }] });
    let made = client
        .patch(&format!("/v1/blocks/{}/children", id(&row)), child)
        .await
        .ok();
    let block = format!("/v1/blocks/{}", id(&made["results"][0]));
    let row = format!("/v1/pages/{}", id(&row));
    for (path, edit) in [
        (block, json!({ "paragraph": { "rich_text": text("z") } })),
        (row, json!({ "properties": { "Name": title("z") } })),
        (
            format!("/v1/data_sources/{source}"),
            json!({ "title": text("z") }),
        ),
        (
            format!("/v1/databases/{database}"),
            json!({ "title": text("z") }),
        ),
    ] {
        let trash = json!({ "in_trash": true });
        client.patch(&path, trash.clone()).await.ok();
        client.patch(&path, trash.clone()).await.ok();
        assert_eq!(
            refused(&client, "PATCH", &path, edit.clone()).await,
            ARCHIVED
        );
        let mut both = edit.clone();
        both["in_trash"] = true.into();
        assert_eq!(
            refused(&client, "PATCH", &path, both.clone()).await,
            ARCHIVED,
            "{path}"
        );
        both["in_trash"] = false.into();
        client.patch(&path, both).await.ok();
        client.patch(&path, edit).await.ok();
    }
    server.shutdown().await;
}

#[tokio::test]
async fn what_hangs_under_the_trash_is_refused_too_and_the_root_stays() {
    let (server, client) = start().await;
    let parent = json!({ "parent": { "page_id": client.root } });
    let page = client.post("/v1/pages", parent).await.ok();
    let page = id(&page);
    let (database, source) = database(&client, page).await;
    client
        .patch(&format!("/v1/pages/{page}"), json!({ "in_trash": true }))
        .await
        .ok();
    for path in [
        format!("/v1/databases/{database}"),
        format!("/v1/data_sources/{source}"),
    ] {
        for edit in [json!({ "title": text("z") }), json!({ "in_trash": false })] {
            assert_eq!(refused(&client, "PATCH", &path, edit).await, ARCHIVED);
        }
    }
    let gone = format!("/v1/blocks/{page}");
    assert_eq!(refused(&client, "DELETE", &gone, json!({})).await, ARCHIVED);
    for (method, path, body) in [
        (
            "PATCH",
            format!("/v1/pages/{}", client.root),
            json!({ "in_trash": true }),
        ),
        ("DELETE", format!("/v1/blocks/{}", client.root), json!({})),
    ] {
        let message = refused(&client, method, &path, body).await;
        assert_eq!(
            message,
            "Archiving workspace level pages via API not supported."
        );
    }
    server.shutdown().await;
}

#[tokio::test]
async fn nothing_hangs_under_itself() {
    let (server, client) = start().await;
    let (database, source) = database(&client, &client.root).await;
    let row = client.page(&source, json!({ "Name": title("x") })).await;
    let below = json!({ "parent": { "type": "page_id", "page_id": id(&row) } });
    let path = format!("/v1/databases/{database}");
    let message = refused(&client, "PATCH", &path, below).await;
    assert!(message.starts_with("Cannot move"), "{message}");
    let (inner, _) = self::database(&client, id(&row)).await;
    let below = json!({ "parent": { "database_id": inner } });
    let path = format!("/v1/data_sources/{source}");
    let message = refused(&client, "PATCH", &path, below).await;
    assert!(message.starts_with("Cannot move"), "{message}");
    server.shutdown().await;
}

#[tokio::test]
async fn a_data_source_takes_its_views_along() {
    let (server, client) = start().await;
    let (from, source) = database(&client, &client.root).await;
    let (to, _) = database(&client, &client.root).await;
    let view = json!({ "data_source_id": source, "name": "All", "type": "table" });
    let view = client.post("/v1/views", view).await.ok();
    let moved = json!({ "parent": { "database_id": to } });
    client
        .patch(&format!("/v1/data_sources/{source}"), moved)
        .await
        .ok();
    let views = async |database: &str| {
        let list = client
            .get(&format!("/v1/views?database_id={database}"))
            .await
            .ok();
        list["results"].as_array().map_or(0, Vec::len)
    };
    assert_eq!((views(&from).await, views(&to).await), (0, 1));
    let view = client.get(&format!("/v1/views/{}", id(&view))).await.ok();
    assert_eq!(view["parent"]["database_id"], to);
    let old = format!("/v1/databases/{from}");
    client.patch(&old, json!({ "in_trash": true })).await.ok();
    let back = json!({ "parent": { "database_id": from } });
    let path = format!("/v1/data_sources/{source}");
    assert_eq!(refused(&client, "PATCH", &path, back).await, ARCHIVED);
    server.shutdown().await;
}

#[tokio::test]
async fn a_copy_of_a_row_has_its_own_number_and_is_related_back() {
    let (server, client) = start().await;
    let far = client.database(json!({ "Name": { "title": {} } })).await;
    let near = client
        .database(json!({
            "Name": { "title": {} }, "No": { "unique_id": {} },
            "Who": { "relation": { "data_source_id": far, "dual_property": { "synced_property_name": "Works" } } },
        }))
        .await;
    let ada = client.page(&far, json!({ "Name": title("Ada") })).await;
    let row = json!({ "Name": title("x"), "Who": { "relation": [{ "id": ada["id"] }] } });
    let row = client.page(&near, row).await;
    let body = json!({ "children": [{ "toggle": { "rich_text": text("t"), "children": [{ "divider": {} }] } }] });
    client
        .patch(&format!("/v1/blocks/{}/children", id(&row)), body)
        .await
        .ok();
    let act = json!({ "act": "duplicate_page", "page": row["id"] });
    let copy = client.post("/_sim/people", act).await.ok();
    let copy = client.get(&format!("/v1/pages/{}", id(&copy))).await.ok();
    assert_eq!(
        copy["properties"]["Name"]["title"],
        row["properties"]["Name"]["title"]
    );
    let number = |page: &Value| page["properties"]["No"]["unique_id"]["number"].clone();
    assert_eq!((number(&row), number(&copy)), (json!(1), json!(2)));
    let ada = client.get(&format!("/v1/pages/{}", id(&ada))).await.ok();
    assert_eq!(
        ada["properties"]["Works"]["relation"],
        json!([{ "id": row["id"] }, { "id": copy["id"] }])
    );
    let children = client
        .get(&format!("/v1/blocks/{}/children", id(&copy)))
        .await
        .ok();
    assert_eq!(children["results"][0]["type"], "toggle");
    assert_eq!(children["results"][0]["has_children"], true);
    server.shutdown().await;
}

#[tokio::test]
async fn a_relation_that_becomes_two_way_shows_what_it_held() {
    let (server, client) = start().await;
    let far = client.database(json!({ "Name": { "title": {} } })).await;
    let other = client.database(json!({ "Name": { "title": {} } })).await;
    let single = json!({ "relation": { "data_source_id": far, "single_property": {} } });
    let near = client
        .database(json!({ "Name": { "title": {} }, "Who": single }))
        .await;
    let ada = client.page(&far, json!({ "Name": title("Ada") })).await;
    let row = json!({ "Name": title("x"), "Who": { "relation": [{ "id": ada["id"] }] } });
    let row = client.page(&near, row).await;
    let schema = format!("/v1/data_sources/{near}");
    let dual =
        json!({ "data_source_id": far, "dual_property": { "synced_property_name": "Works" } });
    client
        .patch(
            &schema,
            json!({ "properties": { "Who": { "relation": dual } } }),
        )
        .await
        .ok();
    let ada = client.get(&format!("/v1/pages/{}", id(&ada))).await.ok();
    assert_eq!(
        ada["properties"]["Works"]["relation"],
        json!([{ "id": row["id"] }])
    );
    let away = json!({ "relation": { "data_source_id": other, "single_property": {} } });
    client
        .patch(&schema, json!({ "properties": { "Who": away } }))
        .await
        .ok();
    let row = client.get(&format!("/v1/pages/{}", id(&row))).await.ok();
    assert_eq!(
        row["properties"]["Who"]["relation"],
        json!([]),
        "rows of another data source"
    );
    server.shutdown().await;
}
