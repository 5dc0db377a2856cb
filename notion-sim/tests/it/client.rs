//! A client for tests: as little as possible between a test and the wire.

use notion_sim::{Options, Server};
use reqwest::Method;
use serde_json::{Value, json};

pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) root: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|_| panic!("not JSON: {} {}", self.status, self.text))
    }

    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()
    }

    /// The status, code and message of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String, String) {
        let body = self.json();
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        (self.status, text("code"), text("message"))
    }
}

/// A client that sends nothing of its own accord. It speaks no TLS here, but insists on a provider for it.
pub(crate) fn plain() -> reqwest::Client {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A server whose limit is out of the way, and a client for it.
pub(crate) async fn start() -> (Server, Client) {
    start_with(Options {
        requests_per_minute: 1_000_000,
        ..Options::default()
    })
    .await
}

pub(crate) async fn start_with(options: Options) -> (Server, Client) {
    let server = Server::start(options).await.expect("the server starts");
    let client = Client::new(server.url(), server.token(), &server.root_page_id());
    (server, client)
}

impl Client {
    pub(crate) fn new(url: &str, token: &str, root: &str) -> Self {
        Self {
            http: plain(),
            url: url.to_owned(),
            token: token.to_owned(),
            root: root.to_owned(),
        }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        self.http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token)
            .header("Notion-Version", "2026-03-11")
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer {
            status,
            headers,
            text: answer.text().await.expect("a body"),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request("POST", path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request("PATCH", path).json(&body)).await
    }

    /// Creates a database and answers with the id of its data source.
    pub(crate) async fn database(&self, properties: Value) -> String {
        let body = json!({
            "parent": { "type": "page_id", "page_id": self.root },
            "title": text("Things"),
            "initial_data_source": { "properties": properties },
        });
        let database = self.post("/v1/databases", body).await.ok();
        database["data_sources"][0]["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    pub(crate) async fn page(&self, source: &str, properties: Value) -> Value {
        let parent = json!({ "type": "data_source_id", "data_source_id": source });
        self.post(
            "/v1/pages",
            json!({ "parent": parent, "properties": properties }),
        )
        .await
        .ok()
    }

    pub(crate) async fn query(&self, source: &str, body: Value) -> Value {
        self.post(&format!("/v1/data_sources/{source}/query"), body)
            .await
            .ok()
    }
}

pub(crate) fn text(content: &str) -> Value {
    json!([{ "type": "text", "text": { "content": content } }])
}

pub(crate) fn title(content: &str) -> Value {
    json!({ "title": text(content) })
}

pub(crate) fn id(object: &Value) -> &str {
    object["id"].as_str().expect("an id")
}
