//! What agents say: one row of the append-only log each.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use sqlx::{FromRow, Row};

use crate::claim::Loss;
use crate::error::Error;
use crate::id::{ClaimId, LogId};
use crate::session::Session;

/// What an agent is doing from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    /// At work.
    Working,
    /// Waiting for something that will come.
    Waiting,
    /// Unable to go on without help.
    Blocked,
    /// Done with the task.
    Done,
    /// Nothing to do.
    Idle,
}

/// A row to write.
#[derive(Debug, Clone)]
pub struct LogEntry {
    action: String,
    status: Option<Status>,
    message: String,
    resource: Option<String>,
    metadata: Map<String, Value>,
}

impl LogEntry {
    fn new(action: &str, status: Option<Status>, message: impl Into<String>) -> Self {
        Self {
            action: action.to_owned(),
            status,
            message: message.into(),
            resource: None,
            metadata: Map::new(),
        }
    }

    /// The work goes on. With a resource that the session holds, this renews the claim.
    pub fn progress(message: impl Into<String>) -> Self {
        Self::new("progress", Some(Status::Working), message)
    }

    /// A request for help; the agent is blocked until it logs another status.
    pub fn help(message: impl Into<String>) -> Self {
        Self::new("help", Some(Status::Blocked), message)
    }

    /// The agent cannot go on.
    pub fn blocked(message: impl Into<String>) -> Self {
        Self::new("blocked", Some(Status::Blocked), message)
    }

    /// The agent waits for something that will come.
    pub fn waiting(message: impl Into<String>) -> Self {
        Self::new("waiting", Some(Status::Waiting), message)
    }

    /// The task is done.
    pub fn done(message: impl Into<String>) -> Self {
        Self::new("complete", Some(Status::Done), message)
    }

    /// Something worth keeping; it says nothing about what the agent is doing.
    pub fn note(message: impl Into<String>) -> Self {
        Self::new("note", None, message)
    }

    /// The name of the task, for the board.
    #[must_use]
    pub fn task(self, task: impl Into<String>) -> Self {
        self.metadata("task", task.into())
    }

    /// How many steps are done, and of how many.
    #[must_use]
    pub fn steps(self, done: u32, total: u32) -> Self {
        self.metadata("done", done).metadata("total", total)
    }

    /// Whose help is needed.
    #[must_use]
    pub fn needed_from(self, agent: impl Into<String>) -> Self {
        self.metadata("help_needed_from", agent.into())
    }

    /// What the row is about. Where the session holds it, the row belongs to that claim.
    #[must_use]
    pub fn resource(self, resource: impl Into<String>) -> Self {
        Self {
            resource: Some(resource.into()),
            ..self
        }
    }

    /// Another status than the usual one.
    #[must_use]
    pub fn status(self, status: Status) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    /// Anything else, by name.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }
}

/// A row that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// Its number.
    pub id: LogId,
    /// The claim that it belongs to.
    pub claim: Option<ClaimId>,
    /// Until when that claim is held now.
    pub expires_at: Option<DateTime<Utc>>,
    /// The claim was lost before: the row is kept, marked as late.
    pub lost: Option<Loss>,
}

impl Session {
    /// Writes a row.
    pub async fn log(&self, entry: LogEntry) -> Result<Logged, Error> {
        let mut turn = self.turn().await?;
        let logged = self.log_in(&mut turn, entry).await?;
        turn.end().await?;
        Ok(logged)
    }

    /// [`log`](Self::log) in the caller's own transaction.
    pub async fn log_in(
        &self,
        connection: &mut PgConnection,
        entry: LogEntry,
    ) -> Result<Logged, Error> {
        let row = sqlx::query(
            "SELECT l.* FROM (SELECT set_config('coordination.session', $1, true) AS secret) s,
             LATERAL coordination.log(nullif(s.secret, s.secret), $2, $3, $4, $5, $6) l",
        )
        .bind(self.secret().as_text())
        .bind(&entry.action)
        .bind(entry.status)
        .bind(&entry.message)
        .bind(&entry.resource)
        .bind((!entry.metadata.is_empty()).then_some(Value::Object(entry.metadata)))
        .persistent(self.prepares())
        .fetch_one(connection)
        .await?;
        Ok(Logged {
            id: row.try_get("log_id")?,
            claim: row.try_get("claim_id")?,
            expires_at: row.try_get("expires_at")?,
            lost: if row.try_get("late")? {
                Some(Loss::from_row(&row)?)
            } else {
                None
            },
        })
    }
}
