//! The page that people look at.

use serde_json::json;

use crate::client::{id, start, text, title};

#[tokio::test]
async fn a_table_shows_values_as_people_read_them() {
    let (server, client) = start().await;
    let people = client.database(json!({ "Name": { "title": {} } })).await;
    let ada = client.page(&people, json!({ "Name": title("Ada") })).await;
    let source = client
        .database(json!({
            "Task": { "title": {} }, "Claimboard Key": { "rich_text": {} }, "State": { "status": {} }, "Cost": { "number": { "format": "dollar" } },
            "Due": { "date": {} }, "Who": { "relation": { "data_source_id": people, "single_property": {} } }, "Site": { "url": {} },
            "Soon": { "formula": { "expression": "if(empty(prop(\"Due\")), \"\", \"due \" + formatDate(prop(\"Due\"), \"MMM D\"))" } },
        }))
        .await;
    let row = client
        .page(&source, json!({
            "Task": title("<script>alert(1)</script>"), "Claimboard Key": { "rich_text": text("1") }, "Cost": { "number": 1234.5 },
            "Due": { "date": { "start": "2026-12-24" } }, "Who": { "relation": [{ "id": ada["id"] }] }, "Site": { "url": "javascript:alert(1)" },
        }))
        .await;
    let shown = client.get(&format!("/d/{source}")).await;
    assert_eq!(shown.status, 200);
    let policy = shown.headers["content-security-policy"]
        .to_str()
        .expect("text");
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    let html = shown.text;
    for expected in [
        "&lt;script&gt;alert(1)",
        ">Ada</a>",
        "$1,234.50",
        "Dec 24, 2026",
        "due Dec 24",
        "Not started",
    ] {
        assert!(html.contains(expected), "{expected} is missing in {html}");
    }
    assert!(
        !html.contains("<script>alert") && !html.contains("href=\"javascript"),
        "{html}"
    );
    let header = |name: &str| {
        html.find(&format!("</span>{name}</th>"))
            .unwrap_or_else(|| panic!("no column {name}"))
    };
    assert!(
        header("Task") < header("State") && header("Soon") < header("Claimboard Key"),
        "title first, helpers last"
    );

    let page = client.get(&format!("/p/{}", id(&row))).await.text;
    assert!(
        page.contains("javascript:alert(1)") && !page.contains("href=\"javascript"),
        "shown, not linked"
    );
    client
        .patch(
            &format!("/v1/pages/{}", id(&row)),
            json!({ "in_trash": true }),
        )
        .await
        .ok();
    assert!(
        !client
            .get(&format!("/d/{source}"))
            .await
            .text
            .contains("alert(1)")
    );
    assert!(client.get("/trash").await.text.contains("alert(1)"));
    assert_eq!(
        client
            .get("/p/5f1c3a52-7a45-4d6c-8c9f-3c1f6a0e9b11")
            .await
            .status,
        404
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_watcher_hears_of_a_write_at_once() {
    let (server, client) = start().await;
    let source = client.database(json!({ "Name": { "title": {} } })).await;
    let seen = client.get("/_board/changes?seen=never").await.text;
    let path = format!("/_board/changes?seen={seen}");
    let (heard, _) = tokio::join!(
        client.get(&path),
        client.page(&source, json!({ "Name": title("x") }))
    );
    assert_ne!(heard.text, seen);
    server.shutdown().await;
}
