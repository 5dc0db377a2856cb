//! What every verb works at: how to speak, who and where we are, and the database once it is needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coordination::Session;
use sqlx::PgPool;
use tokio::sync::Notify;

use crate::database::{Database, named};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::identity;
use crate::local;
use crate::place::{Named, Place};
use crate::say::Say;
use crate::seat;
use crate::wish::Ears;

/// The state of one call.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) say: Say,
    pub(crate) environment: Environment,
    pub(crate) place: Place,
    agent: Option<String>,
    workspace: Option<String>,
    local: Arc<AtomicBool>,
    /// Told when the database is asked for.
    reaching: Arc<Notify>,
}

impl Desk {
    pub(crate) fn new(
        say: Say,
        agent: Option<String>,
        workspace: Option<String>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            say,
            environment: Environment::read()?,
            place: Place::here()?,
            agent,
            workspace,
            local: Arc::default(),
            reaching: Arc::default(),
        })
    }

    /// Whether the local cluster was used.
    pub(crate) fn is_local(&self) -> bool {
        self.local.load(Ordering::Relaxed)
    }

    /// Who acts; `None` for those who only look. Below a host that keeps an MCP server open, that server's agent.
    pub(crate) fn agent(&self) -> Option<String> {
        let given = self.given_agent();
        seat::occupied(given.as_deref()).or(given)
    }

    /// The agent's name as it was given.
    pub(crate) fn given_agent(&self) -> Option<String> {
        self.agent
            .clone()
            .filter(|agent| !agent.is_empty())
            .or_else(|| self.environment.get("CLAIMBOARD_AGENT"))
    }

    /// Who acts, or what to type.
    pub(crate) fn acting_agent(&self) -> Result<String, Failure> {
        self.agent().ok_or_else(|| {
            Failure::usage(
                "who is this? every agent has a name",
                "add --agent NAME, or set CLAIMBOARD_AGENT=NAME once",
            )
        })
    }

    /// Which project this is.
    pub(crate) fn workspace(&self) -> String {
        self.workspace
            .clone()
            .filter(|workspace| !workspace.is_empty())
            .or_else(|| self.environment.get("CLAIMBOARD_WORKSPACE"))
            .or_else(|| self.place.remote())
            .unwrap_or_else(|| "default".to_owned())
    }

    /// The database, unless a signal comes first.
    pub(crate) async fn database(&self) -> Result<Database, Failure> {
        let mut ears = Ears::open()?;
        self.reaching.notify_one();
        tokio::select! {
            biased;
            signal = ears.hear() => Err(signal.ended(
                "nothing was done, the database had not answered",
                if self.is_local() {
                    "a local cluster that was starting goes on by itself; `claimboard local stop` stops it"
                } else {
                    "run it again to do it"
                },
            )),
            found = self.reach() => found,
        }
    }

    /// The database that was used before and went away. A local cluster is not started: whoever stopped it meant it.
    pub(crate) async fn database_again(&self) -> Result<PgPool, Failure> {
        let database = match named(&self.environment)? {
            Some(options) => Database::connect(options).await?,
            None => Database::running(&local::folder(&self.environment)?).await?,
        };
        Ok(database.pool)
    }

    /// A signal that came since the database is asked, for verbs that do not listen themselves.
    pub(crate) async fn interrupted(&self) -> Failure {
        self.reaching.notified().await;
        match Ears::open() {
            Ok(mut ears) => ears.hear().await.ended(
                "what the database was asked for may be done or not",
                "look at it with `claimboard claims` or `claimboard tail`",
            ),
            Err(failure) => failure,
        }
    }

    async fn reach(&self) -> Result<Database, Failure> {
        if let Some(options) = named(&self.environment)? {
            return Database::connect(options).await;
        }
        let folder = local::folder(&self.environment)?;
        self.local.store(true, Ordering::Relaxed);
        let database = Database::local(&folder).await?;
        Say::aside(&format!("local cluster at {}", folder.display()));
        Ok(database)
    }

    /// The agent's kept session.
    pub(crate) async fn session(&self) -> Result<Session, Failure> {
        let agent = self.acting_agent()?;
        let database = self.database().await?;
        identity::session(&database, &agent, &self.workspace()).await
    }

    /// Names resources, and says what is worth saying about them.
    pub(crate) fn name_all(
        &self,
        typed: &[String],
        literally: bool,
    ) -> Result<Vec<Named>, Failure> {
        let named = self.place.name_all(typed, literally)?;
        for note in named.iter().filter_map(|one| one.note.as_deref()) {
            self.say.note(note);
        }
        Ok(named)
    }
}
