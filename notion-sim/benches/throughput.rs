//! How much the simulator bears over HTTP: requests a minute, and queries of a large database.
//!
//! It fails when creates or look-ups of keys fall below [`AT_LEAST`] times that budget. `cargo bench -p notion-sim` prints one line of JSON, with ratios to the largest budget that Notion gives, and the processor
//! time that a request takes with its client's part, which does not depend on what else the machine does.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use notion_sim::{Options, Server};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Requests a minute on the largest plans.
const BUDGET: f64 = 600.0;
/// How many times the budget creates and look-ups have to reach.
const AT_LEAST: f64 = 10.0;
const ROWS: usize = 20_000;
const CLIENTS: usize = 8;

#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    server: String,
    token: String,
}

impl Client {
    async fn send(&self, method: reqwest::Method, path: &str, body: Value) -> String {
        let request = self
            .http
            .request(method, format!("{}/v1/{path}", self.server));
        let request = request
            .bearer_auth(&self.token)
            .header("Notion-Version", "2026-03-11")
            .json(&body);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.expect("text")
    }

    async fn post(&self, path: &str, body: Value) -> String {
        self.send(reqwest::Method::POST, path, body).await
    }
}

/// Seconds of the processor that this process has used.
fn processor() -> f64 {
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields = after_name.split_whitespace().skip(11).take(2);
    let used: f64 = fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    used / TICKS
}

/// Runs `count` requests from some clients at once, and tells how many went through in a minute,
/// and the milliseconds of the processor that each took.
async fn per_minute<F>(
    client: &Client,
    count: usize,
    request: impl Fn(Client, usize) -> F,
) -> (f64, f64)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (started, used) = (Instant::now(), processor());
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
    let rate = 60.0 * count / started.elapsed().as_secs_f64();
    (rate, 1000.0 * (processor() - used) / count)
}

#[tokio::main]
async fn main() -> ExitCode {
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
    let database: Value = serde_json::from_str(&database).expect("JSON");
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
            assert_eq!(list.matches("\"object\":\"page\"").count(), 100);
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
    let told = |(rate, millis): (f64, f64)| json!({ "per_minute": rate.round(), "over_budget": rate / BUDGET, "processor_millis": millis });
    let numbers = json!({
        "rows": ROWS, "budget_per_minute": BUDGET, "creates": told(creates),
        "lookups_of_100_keys": told(lookups), "filtered_and_sorted_queries": told(scans),
    });
    writeln!(std::io::stdout(), "{numbers}").expect("the numbers are told");
    server.shutdown().await;
    let mut code = ExitCode::SUCCESS;
    for (what, (rate, _)) in [("creates", creates), ("look-ups of 100 keys", lookups)] {
        let times = rate / BUDGET;
        if times < AT_LEAST {
            writeln!(
                std::io::stderr(),
                "{what} reached {times:.1} times the largest budget, less than {AT_LEAST}"
            )
            .expect("the miss is told");
            code = ExitCode::FAILURE;
        }
    }
    code
}
