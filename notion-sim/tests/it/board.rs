//! The page that people look at.

use serde_json::json;

use crate::client::{Client, id, start, text, title};

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

/// What a watcher has seen when it asks now.
async fn version(client: &Client) -> String {
    client.get("/_board/changes?seen=never").await.text
}

#[tokio::test]
async fn a_watcher_is_woken_by_writes_and_by_what_people_do() {
    let (server, client) = start().await;
    let source = client.database(json!({ "Name": { "title": {} } })).await;
    let row = client.page(&source, json!({ "Name": title("x") })).await;
    let row = id(&row);
    let path = format!("/v1/pages/{row}");
    let edit = json!({ "act": "edit_cells", "page": row, "properties": { "Name": title("z") } });
    for (method, path, body) in [
        (
            "PATCH",
            path.as_str(),
            json!({ "properties": { "Name": title("y") } }),
        ),
        ("PATCH", path.as_str(), json!({ "in_trash": true })),
        ("PATCH", path.as_str(), json!({ "in_trash": false })),
        ("POST", "/_sim/people", edit),
        (
            "POST",
            "/_sim/faults",
            json!({ "kind": "conflict", "count": 1, "path": "/v1/nothing" }),
        ),
        ("POST", "/_sim/time", json!({ "advance_seconds": 1 })),
    ] {
        let seen = version(&client).await;
        let asked = format!("/_board/changes?seen={seen}");
        let poll = client.request("GET", &asked).send();
        let poll = tokio::spawn(poll);
        while client.get("/_sim/stats").await.ok()["watchers"] != 1 {
            assert!(!poll.is_finished(), "answered although nothing happened");
        }
        let write = client.request(method, path).json(&body);
        assert_eq!(client.send(write).await.status, 200, "{method} {path}");
        let heard = poll.await.expect("it ran").expect("an answer");
        // An answer for want of news is 204, whatever changed by then.
        assert_eq!(heard.status(), 200, "not woken by {method} {path} {body}");
        assert_ne!(heard.text().await.expect("text"), seen);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_watcher_is_sent_the_rows_that_changed_and_the_others_names() {
    let (server, client) = start().await;
    let far = client.database(json!({ "Name": { "title": {} } })).await;
    let ada = client.page(&far, json!({ "Name": title("Ada") })).await;
    let source = client
        .database(json!({
            "Name": { "title": {} }, "No": { "unique_id": {} },
            "Who": { "relation": { "data_source_id": far, "single_property": {} } },
        }))
        .await;
    let related = json!({ "Name": title("one"), "Who": { "relation": [{ "id": ada["id"] }] } });
    let one = client.page(&source, related).await;
    let two = client.page(&source, json!({ "Name": title("two") })).await;
    let (one, two) = (id(&one), id(&two));
    let content = async || {
        let version = version(&client).await;
        version
            .split('.')
            .next()
            .map(str::to_owned)
            .expect("a version")
    };
    let named = async |since: &str| {
        let path = format!("/d/{source}?since={since}");
        let html = client.get(&path).await.text;
        assert!(
            html.contains(one) && html.contains(two),
            "every row is named: {html}"
        );
        [one, two].map(|row| html.contains(&format!("data-key=\"{row}\" data-same")))
    };
    let seen = content().await;
    assert_eq!(named(&seen).await, [true, true]);
    assert_eq!(named("1").await, [false, false], "a version of another run");
    let rename = json!({ "properties": { "Name": title("changed") } });
    client
        .patch(&format!("/v1/pages/{two}"), rename.clone())
        .await
        .ok();
    assert_eq!(named(&seen).await, [true, false]);
    let seen = content().await;
    client
        .patch(&format!("/v1/pages/{}", id(&ada)), rename)
        .await
        .ok();
    assert_eq!(
        named(&seen).await,
        [false, true],
        "the title of a related row"
    );
    let seen = content().await;
    let added = client
        .page(&source, json!({ "Name": title("three") }))
        .await;
    assert_eq!(
        named(&seen).await,
        [true, true],
        "a new row takes a number and leaves the others"
    );
    let html = client.get(&format!("/d/{source}?since={seen}")).await.text;
    assert!(
        html.contains("three") && html.contains(id(&added)),
        "{html}"
    );
    let schema = json!({ "properties": { "Who": { "name": "Whose" } } });
    client
        .patch(&format!("/v1/data_sources/{source}"), schema)
        .await
        .ok();
    assert_eq!(named(&seen).await, [false, false], "the schema");
    let seen = content().await;
    let rollup = json!({ "rollup": { "function": "show_original", "relation_property_name": "Whose", "rollup_property_name": "Age" } });
    let formula = json!({ "formula": { "expression": "length(prop(\"Name\"))" } });
    client
        .patch(
            &format!("/v1/data_sources/{far}"),
            json!({ "properties": { "Age": formula } }),
        )
        .await
        .ok();
    client
        .patch(
            &format!("/v1/data_sources/{source}"),
            json!({ "properties": { "Ages": rollup } }),
        )
        .await
        .ok();
    assert_eq!(named(&seen).await, [false, false]);
    assert_eq!(
        named(&content().await).await,
        [false, false],
        "rows that look beyond their relations are always sent"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn views_are_shown_as_what_they_are() {
    let (server, client) = start().await;
    let source = client
        .database(json!({
            "Task": { "title": {} }, "Due": { "date": {} },
            "State": { "status": {} }, "Area": { "select": { "options": [{ "name": "North" }, { "name": "South" }] } },
        }))
        .await;
    for (task, state, area, due) in [
        ("dig <b>", "In progress", "North", "2031-03-04"),
        ("plant", "Done", "South", "2031-03-06"),
        ("rest", "Not started", "North", "2031-03-09"),
    ] {
        client
            .page(&source, json!({
                "Task": title(task), "State": { "status": { "name": state } }, "Area": { "select": { "name": area } },
                "Due": { "date": { "start": due } },
            }))
            .await;
    }
    let view = async |kind: &str, configuration: serde_json::Value| {
        let body = json!({ "data_source_id": source, "name": kind, "type": kind, "configuration": configuration });
        let view = client.post("/v1/views", body).await.ok();
        let shown = client.get(&format!("/d/{source}?view={}", id(&view))).await;
        assert_eq!(shown.status, 200);
        assert!(
            !shown.text.contains("dig <b>"),
            "{kind} lets markup through"
        );
        shown.text
    };
    let group = |by: &str| json!({ "type": "board", "group_by": { "type": "status", "property_id": by, "group_by": "option", "sort": { "type": "manual" } } });

    let board = view("board", group("State")).await;
    let column = |board: &str, name: &str| -> String {
        let start = board
            .find(&format!("aria-label=\"{name}\"><h2>"))
            .unwrap_or_else(|| panic!("no column {name} in {board}"));
        let rest = &board[start..];
        rest[..rest.find("</section>").unwrap_or(rest.len())].to_owned()
    };
    assert!(column(&board, "In progress").contains("dig &lt;b&gt;"));
    assert!(column(&board, "Done").contains("plant"));
    assert!(!column(&board, "Done").contains("rest"));
    assert!(
        column(&board, "Done").contains("South"),
        "cards show more than the title"
    );
    let by_area = view("board", group("Area")).await;
    let north = column(&by_area, "North");
    assert!(north.contains("dig") && north.contains("rest") && !north.contains("plant"));

    let calendar = view(
        "calendar",
        json!({ "type": "calendar", "date_property_id": "Due" }),
    )
    .await;
    assert!(
        calendar.contains("March 2031") && calendar.contains("plant"),
        "{calendar}"
    );
    let timeline = view(
        "timeline",
        json!({ "type": "timeline", "date_property_id": "Due" }),
    )
    .await;
    assert!(
        timeline.contains("<rect x=\"2\" width=\"1\"") && timeline.contains("Mar 6, 2031"),
        "{timeline}"
    );
    assert!(
        view("gallery", json!({ "type": "gallery" }))
            .await
            .contains("class=\"gallery\"")
    );
    assert!(
        view("list", json!({ "type": "list" }))
            .await
            .contains("class=\"lines\"")
    );
    let chart = view("chart", json!({ "type": "chart", "chart_type": "bar" })).await;
    assert!(chart.contains("shows a chart as a table") && chart.contains("<th scope"));
    server.shutdown().await;
}

#[tokio::test]
async fn the_panel_tells_of_windows_and_faults() {
    let (server, client) = start().await;
    client.get("/v1/users/me").await.ok();
    let fault = json!({ "kind": "conflict", "path": "/v1/pages", "count": 2, "probability": 0.5 });
    client.post("/_sim/faults", fault).await.ok();
    let limits = json!({ "token": { "requests": 180 }, "workspace": { "requests": 900, "seconds": 300 }, "blocks": 1000 });
    client.post("/_sim/limits", limits).await.ok();
    let home = client.get("/").await.text;
    for expected in [
        "1 of 180 requests used",
        "Requests of the whole workspace",
        "1 of 1,000 blocks used",
        "conflict, below /v1/pages, 50.0 % of the requests, 2 times more",
        "/v1/users/me",
    ] {
        assert!(home.contains(expected), "{expected} is missing in {home}");
    }
    server.shutdown().await;
}
