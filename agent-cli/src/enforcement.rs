//! Whether claims are enforced here or only advice: never more than is known.

use std::fs;
use std::time::SystemTime;

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::hook::install;
use crate::identity;

/// What keeps agents from writing what others hold.
#[derive(Debug)]
pub(crate) struct Enforcement {
    /// Git asks before a commit and before a push.
    pub(crate) commits: bool,
    /// When a tool call of this agent was last checked, if one ever was.
    pub(crate) edits: Option<SystemTime>,
    /// Guarded tables of this database.
    pub(crate) tables: Vec<String>,
}

impl Enforcement {
    pub(crate) async fn look(
        desk: &Desk,
        pool: &PgPool,
        database: &str,
        agent: Option<&str>,
    ) -> Result<Self, Failure> {
        let edits = match agent {
            Some(agent) => identity::beside_path(database, &desk.workspace(), agent, STAMP)?
                .metadata()
                .and_then(|file| file.modified())
                .ok(),
            None => None,
        };
        Ok(Self {
            commits: desk.place.root().is_some_and(install::is_active),
            edits,
            // `O` and `A` are the triggers that fire for everybody's writes.
            tables: sqlx::query_scalar(
                "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger
                 WHERE tgname = 'require_claim' AND tgenabled IN ('O', 'A') ORDER BY 1 LIMIT 100",
            )
            .fetch_all(pool)
            .await?,
        })
    }

    /// `since`: a check before it says nothing about this client.
    pub(crate) fn json(&self, since: SystemTime) -> Value {
        json!({
            "edits": word(self.edits.is_some_and(|at| at >= since)),
            "commits": word(self.commits),
            "tables": self.tables,
        })
    }

    /// The same in one line.
    pub(crate) fn line(&self, since: SystemTime) -> String {
        let mut line = format!(
            "edits {}, commits {}",
            word(self.edits.is_some_and(|at| at >= since)),
            word(self.commits)
        );
        if !self.tables.is_empty() {
            line = format!("{line}, {} enforced", self.tables.join(", "));
        }
        line
    }
}

/// Notes that a tool call of an agent was checked.
pub(crate) fn note_check(database: &str, workspace: &str, agent: &str) -> Result<(), Failure> {
    let path = identity::beside_path(database, workspace, agent, STAMP)?;
    fs::write(&path, "").map_err(|error| Failure::file(&path, &error))
}

pub(crate) fn word(is_enforced: bool) -> &'static str {
    if is_enforced { "enforced" } else { "advisory" }
}

const STAMP: &str = "checked";
