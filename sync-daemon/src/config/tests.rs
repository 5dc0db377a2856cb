use std::collections::HashMap;
use std::io;
use std::path::Path;

use secrecy::ExposeSecret;

use super::{Config, DatabaseConfig};

const ID: &str = "01234567-89ab-cdef-0123-456789abcdef";

fn complete() -> HashMap<&'static str, &'static str> {
    HashMap::from([
        (
            "DATABASE_URL",
            "postgres://claimboard:hunter2@localhost/board?host=%2Frun%2Fpg",
        ),
        ("NOTION_TOKEN", "ntn_secret"),
        ("NOTION_PARENT_PAGE", ID),
    ])
}

fn read(variables: &HashMap<&str, &str>) -> Result<Config, String> {
    let read_file = |path: &Path| match path.to_str() {
        Some("/token") => Ok("ntn_from_file\n".to_owned()),
        Some("/empty") => Ok("\n".to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    Config::from_vars(
        |name| variables.get(name).map(|value| (*value).to_owned()),
        read_file,
    )
    .map_err(|errors| errors.to_string())
}

fn with(name: &'static str, value: &'static str) -> Result<Config, String> {
    let mut variables = complete();
    variables.insert(name, value);
    read(&variables)
}

#[test]
fn defaults_complete_the_three_that_are_needed() {
    let config = read(&complete()).unwrap();
    assert_eq!(config.notion.base_url, "https://api.notion.com");
    assert_eq!(config.notion.requests_per_minute, 180);
    assert_eq!(config.notion.parent_page.to_string(), ID);
    assert_eq!(config.notion.token.expose_secret(), "ntn_secret");
    assert_eq!(config.database.schemas, None);
}

#[test]
fn everything_missing_is_told_at_once() {
    insta::assert_snapshot!(read(&HashMap::from([("NOTION_TOKEN", " ")])).unwrap_err(), @"
    DATABASE_URL is not set; for example DATABASE_URL=postgres://claimboard@localhost/claimboard
    NOTION_TOKEN is not set, nor is NOTION_TOKEN_FILE; for example NOTION_TOKEN=ntn_…
    NOTION_PARENT_PAGE is not set; for example NOTION_PARENT_PAGE=https://www.notion.so/Board-0123456789abcdef0123456789abcdef
    ");
}

#[test]
fn everything_wrong_is_told_at_once() {
    let variables = HashMap::from([
        ("DATABASE_URL", "mysql://root:hunter2@localhost"),
        ("NOTION_TOKEN_FILE", "/nowhere"),
        ("NOTION_PARENT_PAGE", "Board"),
        ("NOTION_BASE_URL", "http://api.notion.com"),
        ("NOTION_REQUESTS_PER_MINUTE", "0"),
    ]);
    insta::assert_snapshot!(read(&variables).unwrap_err(), @r#"
    DATABASE_URL is not a Postgres URL; for example DATABASE_URL=postgres://claimboard@localhost/claimboard
    NOTION_TOKEN_FILE names "/nowhere", which cannot be read: entity not found; for example NOTION_TOKEN_FILE=/etc/claimboard/notion-token
    NOTION_PARENT_PAGE is "Board", which holds no page id; copy the page's link from Notion; for example NOTION_PARENT_PAGE=https://www.notion.so/Board-0123456789abcdef0123456789abcdef
    NOTION_BASE_URL is "http://api.notion.com", which would send the token unencrypted; use https, or a server on this machine; for example NOTION_BASE_URL=https://api.notion.com
    NOTION_REQUESTS_PER_MINUTE is "0", not a whole number from 1 to 6000; for example NOTION_REQUESTS_PER_MINUTE=180
    "#);
}

#[test]
fn page_ids_are_found_in_every_form() {
    for page in [
        ID,
        "0123456789abcdef0123456789ABCDEF",
        "https://www.notion.so/team/My-Board-0123456789abcdef0123456789abcdef?pvs=4#top",
        "https://app.notion.com/p/0123456789abcdef0123456789abcdef/",
        "https://www.notion.so/01234567-89ab-cdef-0123-456789abcdef",
    ] {
        assert_eq!(
            with("NOTION_PARENT_PAGE", page)
                .unwrap()
                .notion
                .parent_page
                .to_string(),
            ID,
            "{page}"
        );
    }
    for page in [
        "https://www.notion.so/",
        "https://www.notion.so/Board",
        "ftp://x/0123456789abcdef0123456789abcdef",
        "ü-789abcdef0123456789abcdef",
    ] {
        assert!(with("NOTION_PARENT_PAGE", page).is_err(), "{page}");
    }
}

#[test]
fn tokens_travel_encrypted_or_stay_on_this_machine() {
    for (url, expected) in [
        ("https://api.notion.com/", "https://api.notion.com"),
        (
            "https://proxy.example.org/notion/",
            "https://proxy.example.org/notion",
        ),
        ("http://127.0.0.1:8710", "http://127.0.0.1:8710"),
        ("http://[::1]:8710/", "http://[::1]:8710"),
        ("http://localhost:1", "http://localhost:1"),
    ] {
        assert_eq!(
            with("NOTION_BASE_URL", url).unwrap().notion.base_url,
            expected
        );
    }
    for url in [
        "http://10.0.0.1",
        "http://localhost.example.org",
        "http://127.0.0.1.example.org",
        "file:///etc/passwd",
        "api.notion.com",
        "https://user:pass@api.notion.com",
        "https://api.notion.com?x=1",
    ] {
        assert!(with("NOTION_BASE_URL", url).is_err(), "{url}");
    }
}

#[test]
fn tokens_come_from_one_place() {
    let mut variables = complete();
    variables.insert("NOTION_TOKEN_FILE", "/token");
    assert!(read(&variables).unwrap_err().contains("unset one"));
    variables.remove("NOTION_TOKEN");
    assert_eq!(
        read(&variables).unwrap().notion.token.expose_secret(),
        "ntn_from_file"
    );
    variables.insert("NOTION_TOKEN_FILE", "/empty");
    assert!(read(&variables).unwrap_err().contains("which is empty"));
}

#[test]
fn secrets_stay_out_of_debug_and_errors() {
    let config = format!("{:?}", read(&complete()).unwrap());
    assert!(
        !config.contains("hunter2") && !config.contains("ntn_"),
        "{config}"
    );
    let errors = with("NOTION_TOKEN", "ntn_sëcret").unwrap_err();
    assert!(!errors.contains("sëcret"), "{errors}");
    let errors = with("DATABASE_URL", "localhost:hunter2").unwrap_err();
    assert!(!errors.contains("hunter2"), "{errors}");
    let errors = with("NOTION_BASE_URL", "https://user:hunter2@api.notion.com").unwrap_err();
    assert!(!errors.contains("hunter2"), "{errors}");
}

#[test]
fn status_needs_the_database_alone() {
    let database = DatabaseConfig::from_vars(|name| {
        (name == "DATABASE_URL").then(|| "postgresql:///board".to_owned())
    });
    assert_eq!(database.unwrap().expose_url(), "postgresql:///board");
}
