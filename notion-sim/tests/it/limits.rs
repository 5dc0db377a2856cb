//! The request window, and how much the server bears without it.

use std::time::{Duration, Instant};

use notion_sim::Options;
use serde_json::json;

use crate::client::{start, start_with, title};

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
        .post("/_sim/time", json!({ "advance_seconds": seconds - 1 }))
        .await
        .ok();
    assert_eq!(
        client.get("/v1/users/me").await.status,
        429,
        "a second too early"
    );
    client
        .post("/_sim/time", json!({ "advance_seconds": 1 }))
        .await
        .ok();
    client.get("/v1/users/me").await.ok();
    assert_eq!(server.stats().requests, 8);
    server.shutdown().await;
}

#[tokio::test]
async fn it_bears_ten_times_the_largest_budget() {
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
        took < Duration::from_secs(3),
        "300 creates one after the other took {took:?}: less than 6,000 a minute"
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
