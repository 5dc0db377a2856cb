//! How much the simulator bears over HTTP: requests a minute, and queries of a large database.
//!
//! `cargo bench -p notion-sim` prints one line of JSON, with ratios to the largest budget that Notion gives.

use std::io::Write;
use std::time::Instant;

use notion_sim::{Options, Server};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Requests a minute on the largest plans.
const BUDGET: f64 = 600.0;
const ROWS: usize = 20_000;
const CLIENTS: usize = 8;

#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    server: String,
    token: String,
}

impl Client {
    async fn send(&self, method: reqwest::Method, path: &str, body: Value) -> Value {
        let request = self
            .http
            .request(method, format!("{}/v1/{path}", self.server));
        let request = request
            .bearer_auth(&self.token)
            .header("Notion-Version", "2026-03-11")
            .json(&body);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.expect("JSON")
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.send(reqwest::Method::POST, path, body).await
    }
}

/// Runs `count` requests from some clients at once, and tells how many went through in a minute.
async fn per_minute<F>(client: &Client, count: usize, request: impl Fn(Client, usize) -> F) -> f64
where
    F: Future<Output = ()> + Send + 'static,
{
    let started = Instant::now();
    let mut running = JoinSet::new();
    for number in 0..count {
        if running.len() == CLIENTS {
            running
                .join_next()
                .await
                .expect("one runs")
                .expect("it succeeds");
        }
        running.spawn(request(client.clone(), number));
    }
    running.join_all().await;
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let count = count as f64;
    60.0 * count / started.elapsed().as_secs_f64()
}

#[tokio::main]
async fn main() {
    // Another provider may be chosen already; this client speaks no TLS.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = Server::start(Options {
        requests_per_minute: u32::MAX,
        ..Options::default()
    })
    .await
    .expect("the server starts");
    let client = Client {
        http: reqwest::Client::new(),
        server: server.url().to_owned(),
        token: server.token().to_owned(),
    };
    let properties =
        json!({ "Key": { "title": {} }, "Count": { "number": {} }, "Kind": { "select": {} } });
    let database = client
        .post(
            "databases",
            json!({
                "parent": { "type": "page_id", "page_id": server.root_page_id() },
                "initial_data_source": { "properties": properties },
            }),
        )
        .await;
    let source = database["data_sources"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();

    let parent = source.clone();
    let creates = per_minute(&client, ROWS, move |client, number| {
        let body = json!({
            "parent": { "data_source_id": parent },
            "properties": {
                "Key": { "title": [{ "text": { "content": format!("k{number}") } }] },
                "Count": { "number": number }, "Kind": { "select": { "name": format!("kind {}", number % 7) } },
            },
        });
        async move { drop(client.post("pages", body).await) }
    })
    .await;
    let query = format!("data_sources/{source}/query");
    let path = query.clone();
    let lookups = per_minute(&client, 2_000, move |client, number| {
        let keys: Vec<Value> = (0..100)
            .map(|at| json!({ "property": "Key", "title": { "equals": format!("k{}", (number * 37 + at * 199) % ROWS) } }))
            .collect();
        let path = path.clone();
        async move {
            let list = client.post(&path, json!({ "filter": { "or": keys } })).await;
            assert_eq!(list["results"].as_array().map(Vec::len), Some(100));
        }
    })
    .await;
    let path = query.clone();
    let scans = per_minute(&client, 200, move |client, number| {
        let body = json!({
            "filter": { "property": "Count", "number": { "greater_than": number } },
            "sorts": [{ "property": "Kind", "direction": "ascending" }],
        });
        let path = path.clone();
        async move { drop(client.post(&path, body).await) }
    })
    .await;
    let numbers = json!({
        "rows": ROWS, "budget_per_minute": BUDGET,
        "creates_per_minute": creates.round(), "creates_over_budget": (creates / BUDGET).round(),
        "lookups_of_100_keys_per_minute": lookups.round(), "lookups_over_budget": (lookups / BUDGET).round(),
        "filtered_and_sorted_queries_per_minute": scans.round(), "queries_over_budget": (scans / BUDGET).round(),
    });
    writeln!(std::io::stdout(), "{numbers}").expect("the numbers are told");
    server.shutdown().await;
}
