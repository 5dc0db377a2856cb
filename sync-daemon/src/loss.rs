//! What it means that a page cannot be found: found out by asking for its database. Pure.
//!
//! Notion answers 404 to everything that an integration may not see, for whatever reason. Only a page that is gone
//! alone is repaired: it is made again. To make pages again because a database was trashed, or is no longer shared,
//! would fill a second board that nobody asked for.

use serde_json::Value;

use crate::notion::{Error, Meaning};

/// What is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The page alone.
    Page,
    /// The database, to the trash.
    Database,
    /// The right to see it, or the database for good.
    Access,
    /// The token.
    Token,
    /// Nobody can say now.
    Unknown,
}

impl Loss {
    /// Reads the answer to the question for the page's data source.
    pub fn read(answer: &Result<Value, Error>) -> Self {
        match answer {
            Ok(source) if source["in_trash"] == true => Self::Database,
            Ok(_) => Self::Page,
            Err(error) => match error.meaning() {
                Meaning::NotFound => Self::Access,
                Meaning::InTrash => Self::Database,
                Meaning::TokenRefused => Self::Token,
                _ => Self::Unknown,
            },
        }
    }

    /// What a person has to do; `None` where the daemon does it, or nobody knows.
    pub fn instruction(self, dashboard: &str) -> Option<String> {
        match self {
            Self::Database => Some(format!(
                "the database of {dashboard:?} lies in Notion's trash: restore it there, or run `claimboard-sync setup`, which does; its pages come back with it"
            )),
            Self::Access => Some(format!(
                "the integration may not see the database of {dashboard:?} any more: open the page it stands on, and under Connections add the integration again; if the database was deleted for good, `claimboard-sync teardown --confirm` and `setup` make the boards anew"
            )),
            Self::Token => Some(
                "Notion does not accept the token any more: renew NOTION_TOKEN, or the file of NOTION_TOKEN_FILE, which is read again by itself".to_owned(),
            ),
            Self::Page | Self::Unknown => None,
        }
    }
}
