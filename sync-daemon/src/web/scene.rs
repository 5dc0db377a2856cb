//! Agents, claims and last writes as they stand in Postgres at the moment of the request.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{FromRow, PgPool};

use crate::ledger::{LastWrite, Ledger};
use crate::writer::root_cause;

/// A page that waits longer shows what it has.
const PATIENCE: Duration = Duration::from_secs(3);

/// Lines of each table.
const LINES: i64 = 50;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Scene {
    pub(super) agents: Vec<Agent>,
    pub(super) claims: Vec<Claim>,
    pub(super) writes: Vec<LastWrite>,
    /// Why something is missing here.
    pub(super) problem: Option<String>,
}

#[derive(Debug, Serialize, FromRow)]
pub(super) struct Agent {
    pub(super) workspace: String,
    #[serde(rename = "agent")]
    pub(super) name: String,
    pub(super) status: String,
    pub(super) current_task: Option<String>,
    pub(super) progress: Option<String>,
    pub(super) last_update: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, FromRow)]
pub(super) struct Claim {
    pub(super) workspace: String,
    pub(super) resource: String,
    pub(super) mode: String,
    pub(super) claimed_by: String,
    pub(super) started: Option<DateTime<Utc>>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) reason: Option<String>,
}

impl Scene {
    /// Reads what can be read within a moment.
    pub(super) async fn read(pool: Option<&PgPool>) -> Self {
        let Some(pool) = pool else {
            return Self::default();
        };
        let mut scene = Self::default();
        let result = tokio::time::timeout(PATIENCE, scene.fill(pool)).await;
        scene.problem = match result {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(root_cause(&error)),
            Err(_) => Some("Postgres does not answer".to_owned()),
        };
        scene
    }

    async fn fill(&mut self, pool: &PgPool) -> sqlx::Result<()> {
        self.writes = Ledger::new(pool.clone()).last_writes(LINES).await?;
        self.agents = sqlx::query_as(
            "SELECT workspace, agent AS name, status, current_task, progress, last_update FROM coordination.agent_activity
             ORDER BY last_update DESC NULLS LAST, name LIMIT $1",
        )
        .bind(LINES)
        .fetch_all(pool)
        .await?;
        self.claims = sqlx::query_as(
            "SELECT workspace, resource, mode, claimed_by, started, expires_at, reason FROM coordination.resource_claims
             WHERE released_at IS NULL ORDER BY started, resource LIMIT $1",
        )
        .bind(LINES)
        .fetch_all(pool)
        .await?;
        Ok(())
    }
}
