//! The request window, and how much the server bears without it.

use std::time::{Duration, Instant};

use notion_sim::{Limit, Options};
use serde_json::{Value, json};

use crate::client::{Answer, Client, id, start, start_with, title};

#[tokio::test]
async fn the_window_is_fixed_and_opens_again() {
    let (server, client) = start_with(Options {
        requests_per_minute: 5,
        ..Options::default()
    })
    .await;
    for _ in 0..5 {
        client.get("/v1/users/me").await.ok();
    }
    let refused = client.get("/v1/users/me").await;
    assert_eq!(refused.status, 429);
    let seconds: u64 = refused.headers["retry-after"]
        .to_str()
        .expect("text")
        .parse()
        .expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    let body = refused.json();
    assert_eq!(body["code"], "rate_limited");
    assert_eq!(
        body["additional_data"]["rate_limit_reason"],
        "public_api_request_rate_limit"
    );
    assert_eq!(body["additional_data"]["retry_after"], seconds.to_string());
    let stats = client.get("/_sim/stats").await.ok();
    assert_eq!(
        (&stats["rate_limited"], &stats["window"]["used"]),
        (&json!(1), &json!(5))
    );
    client
        .post(
            "/_sim/time",
            json!({ "advance_seconds": seconds.saturating_sub(30) }),
        )
        .await
        .ok();
    assert_eq!(
        client.get("/v1/users/me").await.status,
        429,
        "the window still stands"
    );
    client
        .post("/_sim/time", json!({ "advance_seconds": 30 }))
        .await
        .ok();
    client.get("/v1/users/me").await.ok();
    assert_eq!(server.stats().requests, 8);
    server.shutdown().await;
}

#[tokio::test]
async fn it_bears_the_largest_budget() {
    let (server, client) = start().await;
    let source = client.database(json!({ "Key": { "title": {} } })).await;
    let started = Instant::now();
    for number in 0..300 {
        client
            .page(&source, json!({ "Key": title(&number.to_string()) }))
            .await;
    }
    let took = started.elapsed();
    assert!(
        // The bench measures how much; an unoptimised build on a busy machine still bears the budget itself.
        took < Duration::from_secs(30),
        "300 creates one after the other took {took:?}: less than 600 a minute"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn latency_is_kept() {
    let (server, client) = start_with(Options {
        latency_ms: 60,
        ..Options::default()
    })
    .await;
    let started = Instant::now();
    client.get("/v1/users/me").await.ok();
    assert!(started.elapsed() >= Duration::from_millis(40));
    server.shutdown().await;
}

#[tokio::test]
async fn a_token_that_no_request_can_carry_is_refused() {
    for token in ["", " ", "two words", "t\u{f6}ken"] {
        let options = Options {
            token: Some(token.to_owned()),
            ..Options::default()
        };
        let error = notion_sim::Server::start(options)
            .await
            .expect_err("nobody could use it");
        assert!(error.to_string().contains("token"), "{error}");
    }
    let (server, client) = start().await;
    for act in [
        json!({ "act": "renew_token", "token": "" }),
        json!({ "act": "connect", "name": "Other", "token": "two words" }),
    ] {
        let (status, ..) = client.post("/_sim/people", act).await.refusal();
        assert_eq!(status, 400);
    }
    client.get("/v1/users/me").await.ok();
    server.shutdown().await;
}

#[tokio::test]
async fn a_taken_port_is_told() {
    let (server, client) = start().await;
    let port = client
        .url
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("a port");
    let error = notion_sim::Server::start(Options {
        port,
        ..Options::default()
    })
    .await
    .expect_err("the port is taken");
    assert!(
        error.to_string().contains(&format!("port {port}")),
        "{error}"
    );
    server.shutdown().await;
}

fn reason(answer: &Answer) -> serde_json::Value {
    answer.json()["additional_data"]["rate_limit_reason"].clone()
}

#[tokio::test]
async fn tokens_have_their_own_windows_and_share_the_workspaces() {
    let (server, first) = start_with(Options {
        requests_per_minute: 4,
        workspace_limit: Some(Limit {
            requests: 6,
            seconds: 300,
        }),
        ..Options::default()
    })
    .await;
    let connected = json!({ "act": "connect", "name": "Second", "token": "ntn_second" });
    let bot = first.post("/_sim/people", connected).await.ok()["id"].clone();
    let second = Client::new(&first.url, "ntn_second", &first.root);
    for _ in 0..4 {
        first.get("/v1/users/me").await.ok();
    }
    let own = first.get("/v1/users/me").await;
    assert_eq!(reason(&own), "public_api_request_rate_limit");
    assert_eq!(second.get("/v1/users/me").await.ok()["id"], bot);
    second.get("/v1/users/me").await.ok();
    let shared = second.get("/v1/users/me").await;
    assert_eq!(reason(&shared), "public_api_space_request_rate_limit");
    let seconds = shared.headers["retry-after"].to_str().expect("text");
    let seconds: u64 = seconds.parse().expect("seconds");
    assert!(
        seconds > 60,
        "the workspace's window is the longer one: {seconds}"
    );
    let stats = first.get("/_sim/stats").await.ok();
    assert_eq!(stats["workspace_window"]["used"], 6);

    let gone = json!({ "act": "revoke_token", "token": "ntn_second" });
    first.post("/_sim/people", gone).await.ok();
    assert_eq!(second.get("/v1/users/me").await.status, 401);
    server.shutdown().await;
}

#[tokio::test]
async fn endpoints_may_have_windows_and_limits_change_while_it_runs() {
    let (server, client) = start_with(Options {
        endpoint_limits: vec![("query".to_owned(), Limit::per_minute(1))],
        ..Options::default()
    })
    .await;
    let source = client.database(json!({ "Name": { "title": {} } })).await;
    let path = format!("/v1/data_sources/{source}/query");
    client.post(&path, json!({})).await.ok();
    let refused = client.post(&path, json!({})).await;
    assert_eq!(refused.status, 429);
    assert_eq!(reason(&refused), "public_api_endpoint_rate_limit");
    client.get("/v1/users/me").await.ok();
    let journal = client.get("/_sim/requests?limit=2").await.ok();
    let entry = &journal["requests"][1];
    assert_eq!(
        (&entry["endpoint"], &entry["cost"]),
        (&json!("query"), &json!(0)),
        "a refused request costs nothing"
    );

    let mut limits = client.get("/_sim/limits").await.ok();
    limits["endpoints"] = json!({});
    client.post("/_sim/limits", limits.clone()).await.ok();
    client.post(&path, json!({})).await.ok();
    limits["endpoints"] = json!({ "teleport": { "requests": 1 } });
    let unknown = client.post("/_sim/limits", limits).await;
    assert_eq!(unknown.status, 400);
    assert!(unknown.text.contains("create_page"), "{}", unknown.text);
    server.shutdown().await;
}

#[tokio::test]
async fn a_free_workspace_runs_out_of_blocks() {
    let (server, client) = start_with(Options {
        block_limit: Some(5),
        ..Options::default()
    })
    .await;
    // The root page, the database and three rows.
    let source = client.database(json!({ "Name": { "title": {} } })).await;
    for _ in 0..2 {
        client.page(&source, json!({ "Name": title("row") })).await;
    }
    let last = client.page(&source, json!({ "Name": title("row") })).await;
    let path = format!("/v1/pages/{}", id(&last));
    let create =
        json!({ "parent": { "data_source_id": source }, "properties": { "Name": title("more") } });
    let refused = client.post("/v1/pages", create.clone()).await;
    let (status, code, _) = refused.refusal();
    assert_eq!((status, code.as_str()), (403, "restricted_resource"));
    let told = &refused.json()["additional_data"]["block_limit"];
    assert_eq!((&told["limit"], &told["used"]), (&json!(5), &json!(5)));
    client.patch(&path, json!({ "in_trash": true })).await.ok();
    assert_eq!(
        client.post("/v1/pages", create).await.status,
        403,
        "blocks are counted for life"
    );
    client.patch(&path, json!({ "in_trash": false })).await.ok();
    let renamed = json!({ "properties": { "Name": title("changed") } });
    client.patch(&path, renamed).await.ok();
    server.shutdown().await;
}

#[tokio::test]
async fn a_query_ends_where_the_limit_says_and_tells_so() {
    let (server, client) = start().await;
    let source = client.database(json!({ "Name": { "title": {} } })).await;
    for number in 0..5 {
        let name = json!({ "Name": title(&number.to_string()) });
        client.page(&source, name).await;
    }
    let limits = json!({ "token": { "requests": 1000 }, "query_results": 3 });
    client.post("/_sim/limits", limits).await.ok();
    let first = client.query(&source, json!({ "page_size": 2 })).await;
    assert_eq!(first["has_more"], true);
    assert!(first.get("request_status").is_none());
    let rest = json!({ "page_size": 2, "start_cursor": first["next_cursor"] });
    let last = client.query(&source, rest).await;
    assert_eq!(last["results"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&last["has_more"], &last["next_cursor"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(
        last["request_status"],
        json!({ "type": "incomplete", "incomplete_reason": "query_result_limit_reached" })
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_data_source_takes_five_hundred_properties() {
    let (server, client) = start().await;
    let mut properties: serde_json::Map<String, Value> = (1..500)
        .map(|n| (format!("C{n}"), json!({"number": {}})))
        .collect();
    properties.insert("Name".to_owned(), json!({"title": {}}));
    let body = json!({
        "parent": {"type": "page_id", "page_id": client.root},
        "initial_data_source": {"properties": properties},
    });
    let database = client.post("/v1/databases", body).await.ok();
    let path = format!("/v1/data_sources/{}", id(&database["data_sources"][0]));
    let more = json!({"properties": {"More": {"number": {}}}});
    assert_eq!(
        client.patch(&path, more).await.refusal(),
        (
            400,
            "validation_error".to_owned(),
            "The data source has too many properties: 501, at most 500 are allowed.".to_owned()
        )
    );
    let instead = json!({"properties": {"More": {"number": {}}, "C1": null}});
    client.patch(&path, instead).await.ok();
    server.shutdown().await;
}
