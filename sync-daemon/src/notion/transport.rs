//! One request, one answer.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{Error, PageId, Permit, Refusal};

/// The API version that every request names.
const VERSION: &str = "2026-03-11";

/// Notion gives up on a request after 60 s, so no answer comes later than this.
const DEADLINE: Duration = Duration::from_secs(65);

/// Where the token comes from.
#[derive(Debug, Clone)]
pub enum Token {
    /// Given in the environment; renewed by a restart.
    Given(SecretString),
    /// Read from a file, again whenever Notion refuses it: renewed by writing the file.
    File(PathBuf),
}

/// A connection to Notion. One request a call; the caller brings the permit.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Token,
    read_token: Mutex<Option<SecretString>>,
}

impl Client {
    /// A client for the API at `base`, normally `https://api.notion.com`.
    pub fn new(base: &str, token: Token) -> Result<Self, reqwest::Error> {
        // A second installation in one process is the same provider: nothing to do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(DEADLINE)
            .connect_timeout(Duration::from_secs(10))
            .user_agent(concat!("claimboard-sync/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            token,
            read_token: Mutex::new(None),
        })
    }

    /// The integration's own user, with its workspace's limits.
    pub async fn me(&self, permit: Permit) -> Result<Value, Error> {
        self.send(permit, Method::GET, "users/me", None).await
    }

    /// Reads the token's file again before the next request.
    pub fn forget_token(&self) {
        *self
            .read_token
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// One page of the workspace's users.
    pub async fn users(&self, permit: Permit, cursor: Option<&str>) -> Result<Value, Error> {
        let path = match cursor {
            Some(cursor) => format!("users?page_size=100&start_cursor={cursor}"),
            None => "users?page_size=100".to_owned(),
        };
        self.send(permit, Method::GET, &path, None).await
    }

    /// A database: its data sources, title and parent, not its properties.
    pub async fn database(&self, permit: Permit, id: uuid::Uuid) -> Result<Value, Error> {
        self.send(permit, Method::GET, &format!("databases/{id}"), None)
            .await
    }

    /// Creates a database with one data source.
    pub async fn create_database(&self, permit: Permit, body: &Value) -> Result<Value, Error> {
        self.send(permit, Method::POST, "databases", Some(body))
            .await
    }

    /// Takes a database out of the trash.
    pub async fn restore_database(&self, permit: Permit, id: uuid::Uuid) -> Result<Value, Error> {
        let body = json!({"in_trash": false});
        self.send(
            permit,
            Method::PATCH,
            &format!("databases/{id}"),
            Some(&body),
        )
        .await
    }

    /// Changes a database itself: its title, icon, description or lock.
    pub async fn update_database(
        &self,
        permit: Permit,
        id: uuid::Uuid,
        body: &Value,
    ) -> Result<Value, Error> {
        self.send(
            permit,
            Method::PATCH,
            &format!("databases/{id}"),
            Some(body),
        )
        .await
    }

    /// Changes the text under a database's title.
    pub async fn describe_database(
        &self,
        permit: Permit,
        id: uuid::Uuid,
        text: &Value,
    ) -> Result<Value, Error> {
        let body = json!({"description": text});
        self.send(
            permit,
            Method::PATCH,
            &format!("databases/{id}"),
            Some(&body),
        )
        .await
    }

    /// Moves a database, and all its pages, to the trash.
    pub async fn trash_database(&self, permit: Permit, id: uuid::Uuid) -> Result<Value, Error> {
        let body = json!({"in_trash": true});
        self.send(
            permit,
            Method::PATCH,
            &format!("databases/{id}"),
            Some(&body),
        )
        .await
    }

    /// A data source with its properties.
    pub async fn data_source(&self, permit: Permit, id: uuid::Uuid) -> Result<Value, Error> {
        self.send(permit, Method::GET, &format!("data_sources/{id}"), None)
            .await
    }

    /// Changes a data source's properties.
    pub async fn update_data_source(
        &self,
        permit: Permit,
        id: uuid::Uuid,
        body: &Value,
    ) -> Result<Value, Error> {
        self.send(
            permit,
            Method::PATCH,
            &format!("data_sources/{id}"),
            Some(body),
        )
        .await
    }

    /// One page of a query's results.
    pub async fn query(
        &self,
        permit: Permit,
        id: uuid::Uuid,
        body: &Value,
    ) -> Result<Value, Error> {
        self.send(
            permit,
            Method::POST,
            &format!("data_sources/{id}/query"),
            Some(body),
        )
        .await
    }

    /// One page of a block's children; a page is a block too.
    pub async fn children(
        &self,
        permit: Permit,
        id: uuid::Uuid,
        cursor: Option<&str>,
    ) -> Result<Value, Error> {
        let path = match cursor {
            Some(cursor) => format!("blocks/{id}/children?page_size=100&start_cursor={cursor}"),
            None => format!("blocks/{id}/children?page_size=100"),
        };
        self.send(permit, Method::GET, &path, None).await
    }

    /// Appends blocks to a page or a block.
    pub async fn append(
        &self,
        permit: Permit,
        id: uuid::Uuid,
        body: &Value,
    ) -> Result<Value, Error> {
        let path = format!("blocks/{id}/children");
        self.send(permit, Method::PATCH, &path, Some(body)).await
    }

    /// Changes a block.
    pub async fn update_block(
        &self,
        permit: Permit,
        id: uuid::Uuid,
        body: &Value,
    ) -> Result<Value, Error> {
        self.send(permit, Method::PATCH, &format!("blocks/{id}"), Some(body))
            .await
    }

    /// Moves a block to the trash.
    pub async fn delete_block(&self, permit: Permit, id: uuid::Uuid) -> Result<Value, Error> {
        self.send(permit, Method::DELETE, &format!("blocks/{id}"), None)
            .await
    }

    /// One page of a property's items, for relations too long to stand in the page.
    pub async fn property_items(
        &self,
        permit: Permit,
        page: PageId,
        property: &str,
        cursor: Option<&str>,
    ) -> Result<Value, Error> {
        let path = match cursor {
            Some(cursor) => {
                format!("pages/{page}/properties/{property}?page_size=100&start_cursor={cursor}")
            }
            None => format!("pages/{page}/properties/{property}?page_size=100"),
        };
        self.send(permit, Method::GET, &path, None).await
    }

    /// Some views of a data source.
    pub async fn views(
        &self,
        permit: Permit,
        data_source: uuid::Uuid,
        cursor: Option<&str>,
    ) -> Result<Value, Error> {
        let cursor = cursor.map_or_else(String::new, |cursor| format!("&start_cursor={cursor}"));
        let path = format!("views?data_source_id={data_source}&page_size=100{cursor}");
        self.send(permit, Method::GET, &path, None).await
    }

    /// A view, whole.
    pub async fn view(&self, permit: Permit, id: uuid::Uuid) -> Result<Value, Error> {
        self.send(permit, Method::GET, &format!("views/{id}"), None)
            .await
    }

    /// Creates a view.
    pub async fn create_view(&self, permit: Permit, body: &Value) -> Result<Value, Error> {
        self.send(permit, Method::POST, "views", Some(body)).await
    }

    /// Changes what a view shows.
    pub async fn update_view(
        &self,
        permit: Permit,
        id: uuid::Uuid,
        body: &Value,
    ) -> Result<Value, Error> {
        self.send(permit, Method::PATCH, &format!("views/{id}"), Some(body))
            .await
    }

    /// Deletes a view; the pages stay.
    pub async fn delete_view(&self, permit: Permit, id: uuid::Uuid) -> Result<Value, Error> {
        self.send(permit, Method::DELETE, &format!("views/{id}"), None)
            .await
    }

    /// A page.
    pub async fn page(&self, permit: Permit, id: uuid::Uuid) -> Result<Value, Error> {
        self.send(permit, Method::GET, &format!("pages/{id}"), None)
            .await
    }

    /// Creates a page.
    pub async fn create_page(&self, permit: Permit, body: &Value) -> Result<Value, Error> {
        self.send(permit, Method::POST, "pages", Some(body)).await
    }

    /// Changes a page's properties, or moves it into or out of the trash.
    pub async fn update_page(
        &self,
        permit: Permit,
        id: PageId,
        body: &Value,
    ) -> Result<Value, Error> {
        self.send(permit, Method::PATCH, &format!("pages/{id}"), Some(body))
            .await
    }

    async fn send(
        &self,
        permit: Permit,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Error> {
        let url = format!("{}/v1/{path}", self.base);
        let mut request = self
            .http
            .request(method, url)
            .bearer_auth(self.token().await?.expose_secret())
            .header("Notion-Version", VERSION);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| {
            // A URL may carry a key in its query one day; the message needs only the cause.
            let error = error.without_url();
            if error.is_connect() {
                Error::Unreachable(error)
            } else {
                Error::AnswerLost(error)
            }
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response
            .bytes()
            .await
            .map_err(|error| Error::AnswerLost(error.without_url()))?;
        drop(permit);
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| Error::Unexpected("JSON body"));
        }
        if status == reqwest::StatusCode::UNAUTHORIZED {
            self.forget_token();
        }
        Err(Error::Refused(Box::new(Refusal::read(
            status, &headers, &body,
        ))))
    }

    async fn token(&self) -> Result<SecretString, Error> {
        let path = match &self.token {
            Token::Given(token) => return Ok(token.clone()),
            Token::File(path) => path,
        };
        if let Some(token) = &*self
            .read_token
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
        {
            return Ok(token.clone());
        }
        let text = tokio::fs::read_to_string(path)
            .await
            .map_err(|source| Error::TokenFile {
                path: path.display().to_string(),
                source,
            })?;
        if !text
            .trim()
            .chars()
            .all(|character| character.is_ascii_graphic())
        {
            return Err(Error::TokenFile {
                path: path.display().to_string(),
                source: std::io::Error::new(
                    std::io::ErrorKind::InvalidData,
                    "it holds more than a token: write the token alone, on one line",
                ),
            });
        }
        let token = SecretString::from(text.trim());
        *self
            .read_token
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(token)
    }
}
