//! Faults on demand, and what people do.

use notion_sim::Options;
use serde_json::{Value, json};

use crate::client::{id, start, start_with, title};

async fn rows(client: &crate::client::Client, source: &str) -> usize {
    client.query(source, json!({})).await["results"]
        .as_array()
        .map_or(0, Vec::len)
}

#[tokio::test]
async fn every_kind_does_what_it_says() {
    let (server, client) = start().await;
    let source = client.database(json!({ "Name": { "title": {} } })).await;
    let create =
        json!({ "parent": { "data_source_id": source }, "properties": { "Name": title("x") } });
    let cases = [
        (
            json!({ "kind": "rate_limited", "reason": "public_api_space_request_rate_limit", "retry_after": 90 }),
            429,
            0,
        ),
        (json!({ "kind": "overload" }), 529, 0),
        (json!({ "kind": "conflict" }), 409, 0),
        (json!({ "kind": "internal_error" }), 500, 0),
        (json!({ "kind": "bad_gateway" }), 502, 0),
        (json!({ "kind": "unavailable" }), 503, 0),
        (json!({ "kind": "gateway_timeout" }), 504, 0),
        (json!({ "kind": "unauthorized" }), 401, 0),
        (json!({ "kind": "block_limit" }), 403, 0),
        (json!({ "kind": "payload_too_large" }), 413, 0),
        (json!({ "kind": "moved_urls" }), 200, 1),
        (json!({ "kind": "unavailable_after_commit" }), 503, 1),
        (json!({ "kind": "delay", "millis": 20 }), 200, 1),
    ];
    let mut expected = 0;
    for (mut fault, status, committed) in cases {
        fault["method"] = "POST".into();
        fault["path"] = "/v1/pages".into();
        fault["count"] = 1.into();
        client.post("/_sim/faults", fault.clone()).await.ok();
        let answer = client.post("/v1/pages", create.clone()).await;
        assert_eq!(answer.status, status, "{fault}");
        expected += committed;
        assert_eq!(rows(&client, &source).await, expected, "{fault}");
        match fault["kind"].as_str() {
            Some("rate_limited") => assert_eq!(answer.headers["retry-after"], "90"),
            Some("bad_gateway") => {
                assert!(answer.text.contains("<html>"));
                assert!(
                    answer.headers.get("x-notion-request-id").is_none()
                        && answer.headers.contains_key("cf-ray")
                );
            }
            Some("payload_too_large") => {
                assert_eq!(answer.json()["isNotionError"], false);
                assert!(answer.headers.get("x-notion-request-id").is_none());
            }
            Some("moved_urls") => {
                let page = answer.json();
                let id = id(&page).replace('-', "");
                assert_eq!(page["url"], format!("https://www.notion.so/{id}"));
            }
            Some("block_limit") => assert_eq!(
                answer.json()["additional_data"]["block_limit"]["limit"],
                1000
            ),
            Some("unavailable") => {
                let data = &answer.json()["additional_data"];
                assert!(
                    data.get("endpoint_name").is_none(),
                    "recorded for queries alone"
                );
            }
            Some("unavailable_after_commit") => {
                let page = answer.json()["additional_data"]["committed_resource_id"].clone();
                client
                    .get(&format!("/v1/pages/{}", page.as_str().expect("an id")))
                    .await
                    .ok();
            }
            _ => {}
        }
    }
    assert_eq!(
        client.get("/_sim/faults").await.ok()["faults"],
        json!([]),
        "each was met once"
    );
    let journal = client.get("/_sim/requests?limit=2").await.ok();
    assert_eq!(journal["requests"][1]["fault"], "delay");
    server.shutdown().await;
}

#[tokio::test]
async fn what_reads_is_never_saved_and_a_query_is_named() {
    let (server, client) = start().await;
    let source = client.database(json!({ "Name": { "title": {} } })).await;
    let query = format!("/v1/data_sources/{source}/query");
    for kind in ["unavailable", "unavailable_after_commit"] {
        let fault = json!({ "kind": kind, "path": "/v1/", "count": 2 });
        client.post("/_sim/faults", fault).await.ok();
        let refused = client.post(&query, json!({})).await;
        assert_eq!(refused.status, 503);
        let data = &refused.json()["additional_data"];
        assert_eq!(data["endpoint_name"], "public_queryDataSource", "{kind}");
        let refused = client.get("/v1/users/me").await;
        let (status, _, message) = refused.refusal();
        assert_eq!(status, 503);
        assert!(!message.contains("saved"), "{message}");
        assert!(
            refused.json()["additional_data"]
                .get("committed_resource_id")
                .is_none()
        );
    }
    server.shutdown().await;
}

#[tokio::test]
async fn every_reason_for_429_is_told() {
    let (server, client) = start().await;
    for reason in [
        "public_api_request_rate_limit",
        "public_api_space_request_rate_limit",
        "public_api_endpoint_rate_limit",
        "public_api_request_blocked",
    ] {
        let fault = json!({ "kind": "rate_limited", "reason": reason, "count": 1 });
        client.post("/_sim/faults", fault).await.ok();
        let refused = client.get("/v1/users/me").await;
        assert_eq!(
            (refused.status, refused.refusal().1.as_str()),
            (429, "rate_limited")
        );
        assert_eq!(
            refused.json()["additional_data"]["rate_limit_reason"],
            reason
        );
    }
    client.get("/v1/users/me").await.ok();
    server.shutdown().await;
}

#[tokio::test]
async fn nonsense_at_its_own_door_is_refused_with_an_example() {
    let (server, client) = start().await;
    let source = client.database(json!({ "Name": { "title": {} } })).await;
    let view = json!({ "act": "add_view", "data_source": source, "name": "v", "type": "banana" });
    let blocks = json!({ "act": "add_blocks", "page": client.root, "children": { "divider": {} } });
    for (path, body, example) in [
        (
            "/_sim/people",
            json!({ "act": "dance" }),
            "\"act\":\"trash\"",
        ),
        ("/_sim/people", view, "\"act\":\"trash\""),
        ("/_sim/people", blocks, "\"act\":\"trash\""),
        (
            "/_sim/faults",
            json!({ "kind": "earthquake" }),
            "\"kind\":\"conflict\"",
        ),
        ("/_sim/limits", json!({ "token": 1 }), "\"requests\":180"),
        ("/_sim/time", json!({ "advance": 1 }), "advance_seconds"),
    ] {
        let refused = client.post(path, body.clone()).await;
        assert_eq!(refused.status, 400, "{body}");
        let help = refused.json()["help"].to_string().replace('\\', "");
        assert!(help.contains(example), "{path}: {help}");
    }
    let journal = client.get("/_sim/requests?limit=-1").await;
    assert_eq!(
        (journal.status, journal.json()["error"].as_str()),
        (400, Some("limit is a whole number"))
    );
    for path in ["/d/zzz", "/p/zzz"] {
        let missing = client.get(path).await;
        assert_eq!(missing.status, 404);
        assert!(
            missing.text.contains("<h1>Not found</h1>"),
            "{}",
            missing.text
        );
    }
    server.shutdown().await;
}

#[tokio::test]
async fn people_meet_the_limit_of_blocks_as_integrations_do() {
    let (server, client) = start_with(Options {
        block_limit: Some(4),
        ..Options::default()
    })
    .await;
    let source = client.database(json!({ "Name": { "title": {} } })).await;
    let row = client.page(&source, json!({ "Name": title("x") })).await;
    let page = row["id"].clone();
    let block = json!({ "divider": {} });
    let blocks =
        |children: Value| json!({ "act": "add_blocks", "page": page, "children": children });
    let two = client
        .post("/_sim/people", blocks(json!([block, block])))
        .await;
    assert_eq!(two.status, 400, "one block is left");
    client
        .post("/_sim/people", blocks(json!([block])))
        .await
        .ok();
    for act in [
        json!({ "act": "add_page", "data_source": source, "properties": {} }),
        json!({ "act": "duplicate_page", "page": page }),
    ] {
        assert_eq!(
            client.post("/_sim/people", act.clone()).await.status,
            400,
            "{act}"
        );
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_connection_breaks_before_or_after_the_commit() {
    let (server, client) = start().await;
    let source = client.database(json!({ "Name": { "title": {} } })).await;
    let create =
        json!({ "parent": { "data_source_id": source }, "properties": { "Name": title("x") } });
    for (kind, expected) in [("drop", 0), ("drop_after_commit", 1)] {
        client
            .post(
                "/_sim/faults",
                json!({ "kind": kind, "path": "/v1/pages", "count": 1 }),
            )
            .await
            .ok();
        let broken = client
            .request("POST", "/v1/pages")
            .json(&create)
            .send()
            .await;
        assert!(broken.is_err(), "{kind}: {broken:?}");
        assert_eq!(rows(&client, &source).await, expected, "{kind}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn storms_repeat_by_their_seed() {
    let (server, client) = start().await;
    let mut runs: Vec<Vec<u16>> = Vec::new();
    for _ in 0..2 {
        client
            .send(client.request("DELETE", "/_sim/faults"))
            .await
            .ok();
        client
            .post(
                "/_sim/faults",
                json!({ "seed": 7, "faults": [{ "kind": "conflict", "probability": 0.5 }] }),
            )
            .await
            .ok();
        let mut statuses = Vec::new();
        for _ in 0..30 {
            statuses.push(client.get("/v1/users/me").await.status);
        }
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(
        runs[0].contains(&409) && runs[0].contains(&200),
        "{:?}",
        runs[0]
    );
    let refused = client
        .post("/_sim/faults", json!({ "kind": "earthquake" }))
        .await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("earthquake"), "{}", refused.text);
    server.shutdown().await;
}

#[tokio::test]
async fn people_edit_rename_trash_unshare_and_revoke() {
    let (server, client) = start().await;
    let source = client
        .database(json!({ "Name": { "title": {} }, "Note": { "rich_text": {} } }))
        .await;
    let page = client.page(&source, json!({ "Name": title("x") })).await;
    let page = id(&page);
    let path = format!("/v1/pages/{page}");
    let act = async |act: Value| client.post("/_sim/people", act).await.ok();
    act(json!({ "act": "edit_cells", "page": page, "properties": { "Name": title("by hand") } }))
        .await;
    let edited = client.get(&path).await.ok();
    assert_eq!(
        edited["properties"]["Name"]["title"][0]["plain_text"],
        "by hand"
    );
    assert_ne!(
        edited["last_edited_by"], edited["created_by"],
        "the integration did not do it"
    );
    act(json!({ "act": "rename_property", "data_source": source, "property": "Note", "name": "Remark" })).await;
    assert!(
        client.get(&path).await.ok()["properties"]
            .get("Remark")
            .is_some()
    );
    act(json!({ "act": "delete_property", "data_source": source, "property": "Remark" })).await;
    assert!(
        client.get(&path).await.ok()["properties"]
            .get("Remark")
            .is_none()
    );
    act(json!({ "act": "duplicate_page", "page": page })).await;
    assert_eq!(rows(&client, &source).await, 2);
    act(json!({ "act": "trash", "id": page })).await;
    assert_eq!(rows(&client, &source).await, 1);
    act(json!({ "act": "unshare", "id": client.root })).await;
    assert_eq!(client.get(&path).await.status, 404);
    act(json!({ "act": "share", "id": client.root })).await;
    assert_eq!(client.get(&path).await.status, 200);
    act(json!({ "act": "revoke_token" })).await;
    assert_eq!(client.get(&path).await.status, 401);
    assert_eq!(
        client
            .post("/_sim/people", json!({ "act": "fly" }))
            .await
            .status,
        400
    );
    server.shutdown().await;
}

#[tokio::test]
async fn the_control_door_opens_only_to_this_machine() {
    let (server, client) = start().await;
    for (header, value) in [
        ("host", "evil.example"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        for path in ["/_sim/stats", "/"] {
            assert_eq!(
                client
                    .send(client.request("GET", path).header(header, value))
                    .await
                    .status,
                403,
                "{header}: {value} {path}"
            );
        }
    }
    let own = client.url.clone();
    client
        .send(client.request("GET", "/_sim/stats").header("origin", own))
        .await
        .ok();
    server.shutdown().await;
}

#[tokio::test]
async fn what_a_fault_does_not_have_is_refused_with_what_it_has() {
    let (server, client) = start().await;
    let cases = [
        (
            json!({ "kind": "conflict", "cuont": 1 }),
            "a fault of kind conflict has no cuont; it has kind, method, path, count, skip, probability",
        ),
        (
            json!({ "kind": "delay", "millis": 1, "retry_after": 2 }),
            "a fault of kind delay has no retry_after",
        ),
        (json!({ "kind": "delay" }), "millis"),
        (
            json!({ "kind": "conflict", "probability": 2 }),
            "between 0 and 1",
        ),
        (
            json!({ "kind": "rate_limited", "reason": "bad luck" }),
            "public_api_request_blocked",
        ),
        (
            json!({ "faults": [{ "kind": "conflict" }], "sead": 1 }),
            "unknown key sead",
        ),
        (
            json!({ "faults": [{ "kind": "earthquake" }] }),
            "drop_after_commit",
        ),
        (json!({ "storm": 3 }), "between 0 and 1"),
        (json!({ "kind": "drop", "count": 0 }), "at least 1"),
        (json!([]), "an object with a kind"),
    ];
    for (asked, expected) in cases {
        let refused = client.post("/_sim/faults", asked.clone()).await;
        assert_eq!(refused.status, 400, "{asked}");
        assert!(refused.text.contains(expected), "{asked}: {}", refused.text);
    }
    assert_eq!(
        client.get("/_sim/faults").await.ok()["faults"],
        json!([]),
        "nothing was half added"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_storm_rages_by_its_seed() {
    let (server, client) = start().await;
    let mut runs: Vec<Vec<Option<u16>>> = Vec::new();
    for _ in 0..2 {
        let clear = client.request("DELETE", "/_sim/faults");
        client.send(clear).await.ok();
        let storm = json!({ "storm": 0.6, "seed": 11 });
        client.post("/_sim/faults", storm).await.ok();
        let mut statuses = Vec::new();
        for _ in 0..60 {
            let answer = client.request("GET", "/v1/users/me").send().await;
            statuses.push(answer.ok().map(|answer| answer.status().as_u16()));
        }
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    let kinds: std::collections::HashSet<_> = runs[0].iter().collect();
    assert!(kinds.contains(&Some(200)), "{kinds:?}");
    assert!(kinds.contains(&None), "some connections broke: {kinds:?}");
    assert!(kinds.len() >= 5, "{kinds:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn people_lock_add_rows_and_add_properties() {
    let (server, client) = start().await;
    let source = client.database(json!({ "Name": { "title": {} } })).await;
    let act = async |act: Value| client.post("/_sim/people", act).await.ok();
    let config = json!({ "number": { "format": "euro" } });
    act(json!({ "act": "add_property", "data_source": source, "name": "Cost", "config": config }))
        .await;
    let properties = json!({ "Name": title("by hand"), "Cost": { "number": 7 } });
    let added =
        act(json!({ "act": "add_page", "data_source": source, "properties": properties })).await;
    let page = client.get(&format!("/v1/pages/{}", id(&added))).await.ok();
    assert_eq!(page["properties"]["Cost"]["number"], 7);
    let me = client.get("/v1/users/me").await.ok();
    assert_ne!(page["created_by"]["id"], me["id"]);
    let database = page["parent"]["database_id"].clone();
    for (name, locked) in [("lock", true), ("unlock", false)] {
        act(json!({ "act": name, "id": database })).await;
        let path = format!("/v1/databases/{}", database.as_str().expect("an id"));
        assert_eq!(client.get(&path).await.ok()["is_locked"], locked);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn what_nobody_can_do_or_limit_is_refused() {
    let (server, client) = start().await;
    let source = client
        .database(json!({ "Name": { "title": {} }, "Count": { "number": {} } }))
        .await;
    let nowhere = "00000000-0000-4000-8000-000000000000";
    let rename = |to: &str| json!({ "act": "rename_property", "data_source": source, "property": "Count", "name": to });
    let none = json!({ "requests": 0 });
    let cases = [
        ("people", rename(""), "name.length should be ≥ `1`"),
        ("people", rename("Name"), "Name"),
        (
            "people",
            json!({ "act": "delete_property", "data_source": source, "property": "Name" }),
            "nobody can delete the title",
        ),
        (
            "people",
            json!({ "act": "unshare", "id": nowhere }),
            "Could not find",
        ),
        (
            "people",
            json!({ "act": "revoke_token", "token": "nobody's" }),
            "no integration has this token",
        ),
        ("people", json!({ "act": "fly" }), "rename_property"),
        ("limits", json!({ "token": none }), "at least one request"),
        (
            "limits",
            json!({ "token": { "requests": 1 }, "workspace": none }),
            "at least one request",
        ),
        (
            "limits",
            json!({ "token": { "requests": 1, "seconds": 0 } }),
            "at least one second",
        ),
        (
            "limits",
            json!({ "token": { "requests": 1 }, "endpoints": { "nonsense": { "requests": 1 } } }),
            "there is no endpoint nonsense",
        ),
        ("time", json!({ "advance_seconds": -1 }), "u32"),
    ];
    for (door, asked, expected) in cases {
        let refused = client.post(&format!("/_sim/{door}"), asked.clone()).await;
        assert_eq!(refused.status, 400, "{asked}");
        assert!(refused.text.contains(expected), "{asked}: {}", refused.text);
    }
    client.get(&format!("/v1/data_sources/{source}")).await.ok();
    server.shutdown().await;
}
