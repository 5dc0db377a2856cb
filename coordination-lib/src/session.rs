//! Sessions: one incarnation of an agent, proved by a secret.

use std::fmt;

use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::error::Error;
use crate::id::SessionId;
use crate::turn::{Turn, prepares};

/// What proves a session. Whoever has it can act for the session, and resume it after a restart: keep it like a password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(Uuid);

impl Secret {
    /// The secret as text, for storing it.
    pub fn expose(self) -> Uuid {
        self.0
    }
}

impl Secret {
    pub(crate) fn as_text(self) -> String {
        self.0.to_string()
    }
}

impl From<Uuid> for Secret {
    fn from(secret: Uuid) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// An agent at work in a workspace: all verbs are its methods. Cheap to clone; clones are the same session.
#[derive(Debug, Clone)]
pub struct Session {
    pool: PgPool,
    id: SessionId,
    secret: Secret,
    agent: String,
    workspace: String,
    incarnation: i32,
    prepares: bool,
}

impl Session {
    /// Opens a new session, the agent's next incarnation. What earlier incarnations hold stays theirs until it expires.
    pub async fn open(pool: &PgPool, agent: &str, workspace: &str) -> Result<Self, Error> {
        let mut turn = Turn::take(pool).await?;
        let (id, secret, incarnation): (SessionId, Uuid, i32) = sqlx::query_as(
            "SELECT session_id, secret, incarnation FROM coordination.open_session($1, $2)",
        )
        .bind(agent)
        .bind(workspace)
        .persistent(turn.prepares())
        .fetch_one(&mut *turn)
        .await?;
        turn.end().await?;
        Ok(Self {
            pool: pool.clone(),
            id,
            secret: secret.into(),
            agent: agent.to_owned(),
            workspace: workspace.to_owned(),
            incarnation,
            prepares: prepares(pool),
        })
    }

    /// Continues a session by its secret: after a restart, in another process. Its claims are held as before.
    pub async fn resume(pool: &PgPool, secret: Secret) -> Result<Self, Error> {
        let mut turn = Turn::take(pool).await?;
        let (id, agent, workspace, incarnation): (SessionId, String, String, i32) = sqlx::query_as(
            "SELECT session_id, agent, workspace, incarnation FROM coordination.use_session($1)",
        )
        .bind(secret.0)
        .persistent(turn.prepares())
        .fetch_one(&mut *turn)
        .await?;
        turn.end().await?;
        Ok(Self {
            pool: pool.clone(),
            id,
            secret,
            agent,
            workspace,
            incarnation,
            prepares: prepares(pool),
        })
    }

    /// Lets plain SQL in this transaction act for the session, guarded tables included.
    pub async fn use_in(&self, connection: &mut PgConnection) -> Result<(), Error> {
        sqlx::query("SELECT coordination.use_session($1)")
            .bind(self.secret.0)
            .persistent(self.prepares)
            .execute(connection)
            .await?;
        Ok(())
    }

    /// The agent's name.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// The workspace, which keeps projects apart.
    pub fn workspace(&self) -> &str {
        &self.workspace
    }

    /// Which of the agent's sessions this is, counted from 1.
    pub fn incarnation(&self) -> i32 {
        self.incarnation
    }

    /// The session's public number.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// What proves the session, for resuming it later.
    pub fn secret(&self) -> Secret {
        self.secret
    }

    pub(crate) async fn turn(&self) -> Result<Turn, sqlx::Error> {
        Turn::of(&self.pool, self.prepares).await
    }

    /// Whether its statements may have names.
    pub(crate) fn prepares(&self) -> bool {
        self.prepares
    }

    /// The pool that the session's own calls use.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }
}
