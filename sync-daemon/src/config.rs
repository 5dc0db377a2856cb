//! Configuration from named variables. Nothing is read from the process here: the caller hands in a lookup.
//!
//! Each command asks for the parts it needs, so that `status` works without a Notion token; whatever is missing
//! or wrong is told all at once, by name, with an example.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};
use uuid::Uuid;

mod keep;
mod listen;

pub use keep::keep_months;
pub use listen::{ListenConfig, is_loopback};

/// The real API.
pub const NOTION_BASE_URL: &str = "https://api.notion.com";

/// Requests a minute that Notion grants a connection on every plan.
pub const REQUESTS_PER_MINUTE: u32 = 180;

/// Everything that the daemon needs to mirror.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where rows come from and the ledger lives.
    pub database: DatabaseConfig,
    /// Where pages go.
    pub notion: NotionConfig,
}

/// The database, and the dashboards fed from it.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `DATABASE_URL`; it can hold a password.
    pub url: SecretString,
    /// `CLAIMBOARD_SCHEMAS`: a folder of schema files beside those that ship.
    pub schemas: Option<PathBuf>,
}

/// The workspace, and how to speak to it.
#[derive(Debug, Clone)]
pub struct NotionConfig {
    /// `NOTION_TOKEN`, or the content of `NOTION_TOKEN_FILE`.
    pub token: SecretString,
    /// `NOTION_PARENT_PAGE`: the page below which the databases stand.
    pub parent_page: Uuid,
    /// `NOTION_BASE_URL`, without a slash at its end.
    pub base_url: String,
    /// `NOTION_REQUESTS_PER_MINUTE`.
    pub requests_per_minute: u32,
}

/// Everything that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigErrors(pub Vec<ConfigError>);

/// What is wrong with a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Its name.
    pub variable: &'static str,
    /// What is wrong with it, never quoting a secret.
    pub message: String,
    /// A value that would do.
    pub example: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {}; for example {}={}",
            self.variable, self.message, self.variable, self.example
        )
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads everything. `variable` looks a variable up, `read_file` reads `NOTION_TOKEN_FILE`.
    pub fn from_vars(
        variable: impl Fn(&str) -> Option<String>,
        read_file: impl Fn(&Path) -> std::io::Result<String>,
    ) -> Result<Self, ConfigErrors> {
        let database = DatabaseConfig::from_vars(&variable);
        let notion = NotionConfig::from_vars(&variable, read_file);
        match (database, notion) {
            (Ok(database), Ok(notion)) => Ok(Self { database, notion }),
            (database, notion) => {
                let errors = database.err().into_iter().chain(notion.err());
                Err(ConfigErrors(errors.flat_map(|errors| errors.0).collect()))
            }
        }
    }
}

impl DatabaseConfig {
    /// Reads what concerns the database.
    pub fn from_vars(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let mut errors = Vec::new();
        let url = match set(&variable, "DATABASE_URL") {
            None => Err("is not set".to_owned()),
            Some(url) => match url.split_once("://") {
                Some(("postgres" | "postgresql", _)) if Url::parse(&url).is_ok() => {
                    Ok(SecretString::from(url))
                }
                _ => Err("is not a Postgres URL".to_owned()),
            },
        };
        let url = accept(
            &mut errors,
            "DATABASE_URL",
            "postgres://claimboard@localhost/claimboard",
            url,
        );
        let schemas = set(&variable, "CLAIMBOARD_SCHEMAS").map(PathBuf::from);
        match url {
            Some(url) => Ok(Self { url, schemas }),
            None => Err(ConfigErrors(errors)),
        }
    }
}

impl NotionConfig {
    /// The budget alone, for a command that prices requests without sending any.
    pub fn requests_per_minute(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<u32, ConfigErrors> {
        let mut errors = Vec::new();
        requests_per_minute(&variable, &mut errors).ok_or(ConfigErrors(errors))
    }

    /// Reads what concerns Notion.
    pub fn from_vars(
        variable: impl Fn(&str) -> Option<String>,
        read_file: impl Fn(&Path) -> std::io::Result<String>,
    ) -> Result<Self, ConfigErrors> {
        let mut errors = Vec::new();
        let token = token(&variable, read_file, &mut errors);
        let parent_page = set(&variable, "NOTION_PARENT_PAGE")
            .ok_or_else(|| "is not set".to_owned())
            .and_then(|page| {
                page_id(&page).ok_or_else(|| {
                    format!("is {page:?}, which holds no page id; copy the page's link from Notion")
                })
            });
        let parent_page = accept(
            &mut errors,
            "NOTION_PARENT_PAGE",
            "https://www.notion.so/Board-0123456789abcdef0123456789abcdef",
            parent_page,
        );
        let base_url = set(&variable, "NOTION_BASE_URL")
            .map_or_else(|| Ok(NOTION_BASE_URL.to_owned()), |url| base_url(&url));
        let base_url = accept(&mut errors, "NOTION_BASE_URL", NOTION_BASE_URL, base_url);
        let requests = set(&variable, "NOTION_REQUESTS_PER_MINUTE").map_or(
            Ok(REQUESTS_PER_MINUTE),
            |number| {
                let parsed = number
                    .parse()
                    .ok()
                    .filter(|requests| (1..=6000).contains(requests));
                parsed.ok_or_else(|| format!("is {number:?}, not a whole number from 1 to 6000"))
            },
        );
        let requests_per_minute =
            accept(&mut errors, "NOTION_REQUESTS_PER_MINUTE", "180", requests);
        match (token, parent_page, base_url, requests_per_minute) {
            (Some(token), Some(parent_page), Some(base_url), Some(requests_per_minute)) => {
                Ok(Self {
                    token,
                    parent_page,
                    base_url,
                    requests_per_minute,
                })
            }
            _ => Err(ConfigErrors(errors)),
        }
    }
}

fn requests_per_minute(
    variable: &impl Fn(&str) -> Option<String>,
    errors: &mut Vec<ConfigError>,
) -> Option<u32> {
    let requests =
        set(variable, "NOTION_REQUESTS_PER_MINUTE").map_or(Ok(REQUESTS_PER_MINUTE), |number| {
            let parsed = number
                .parse()
                .ok()
                .filter(|requests| (1..=6000).contains(requests));
            parsed.ok_or_else(|| format!("is {number:?}, not a whole number from 1 to 6000"))
        });
    accept(errors, "NOTION_REQUESTS_PER_MINUTE", "180", requests)
}

/// A variable that is set to something; an empty one counts as not set.
fn set(variable: &impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    variable(name)
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

fn accept<T>(
    errors: &mut Vec<ConfigError>,
    variable: &'static str,
    example: &'static str,
    value: Result<T, String>,
) -> Option<T> {
    match value {
        Ok(value) => Some(value),
        Err(message) => {
            errors.push(ConfigError {
                variable,
                message,
                example,
            });
            None
        }
    }
}

fn token(
    variable: &impl Fn(&str) -> Option<String>,
    read_file: impl Fn(&Path) -> std::io::Result<String>,
    errors: &mut Vec<ConfigError>,
) -> Option<SecretString> {
    let (name, example, token) = match (
        set(variable, "NOTION_TOKEN"),
        set(variable, "NOTION_TOKEN_FILE"),
    ) {
        (Some(_), Some(_)) => (
            "NOTION_TOKEN_FILE",
            "",
            Err("is set beside NOTION_TOKEN; unset one of them".to_owned()),
        ),
        (Some(token), None) => ("NOTION_TOKEN", "ntn_…", Ok(token)),
        (None, Some(file)) => {
            let token = read_file(Path::new(&file))
                .map_err(|error| format!("names {file:?}, which cannot be read: {error}"))
                .map(|token| token.trim().to_owned())
                .and_then(|token| {
                    if token.is_empty() {
                        Err(format!("names {file:?}, which is empty"))
                    } else {
                        Ok(token)
                    }
                });
            ("NOTION_TOKEN_FILE", "/etc/claimboard/notion-token", token)
        }
        (None, None) => (
            "NOTION_TOKEN",
            "ntn_…",
            Err("is not set, nor is NOTION_TOKEN_FILE".to_owned()),
        ),
    };
    let token = token.and_then(|token| {
        let printable = token.chars().all(|character| character.is_ascii_graphic());
        if printable {
            Ok(SecretString::from(token))
        } else {
            Err("holds characters that no token has".to_owned())
        }
    });
    accept(errors, name, example, token)
}

/// The id in a page's link, or an id with or without dashes.
pub(crate) fn page_id(page: &str) -> Option<Uuid> {
    if let Ok(id) = Uuid::try_parse(page) {
        return Some(id);
    }
    let url = Url::parse(page)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let last = url.path_segments()?.rfind(|segment| !segment.is_empty())?;
    let plain: String = last.chars().filter(|character| *character != '-').collect();
    let start = plain.char_indices().rev().nth(31)?.0;
    Uuid::try_parse(&plain[start..]).ok()
}

/// A token must never travel unencrypted, except to this machine.
fn base_url(text: &str) -> Result<String, String> {
    if text.contains('@') {
        return Err("holds a user name or password; Notion takes the token alone".to_owned());
    }
    let refuse = |why: &str| Err(format!("is {text:?}, {why}"));
    let Ok(url) = Url::parse(text) else {
        return refuse("not a URL");
    };
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => return refuse("not a URL with a host"),
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => {
            return refuse(
                "which would send the token unencrypted; use https, or a server on this machine",
            );
        }
        _ => return refuse("not an https URL"),
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("more than the base of a URL");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

impl DatabaseConfig {
    /// The URL, for the connection and nothing else.
    pub fn expose_url(&self) -> &str {
        self.url.expose_secret()
    }
}

#[cfg(test)]
mod tests;
