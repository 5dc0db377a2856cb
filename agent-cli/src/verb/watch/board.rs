//! What there is to see.

use coordination::LogRow;
use sqlx::PgPool;

use crate::failure::Failure;
use crate::record::{self, Activity, Filter, Held, InLine};

/// How many rows of the log are read: more than a screen has lines.
const LOG: usize = 200;

#[derive(Debug, Default)]
pub(super) struct Board {
    pub(super) workspace: String,
    pub(super) agents: Vec<Activity>,
    pub(super) claims: Vec<Held>,
    pub(super) waits: Vec<InLine>,
    pub(super) log: Vec<LogRow>,
}

impl Board {
    pub(super) async fn read(pool: &PgPool, workspace: &str) -> Result<Self, Failure> {
        let filter = Filter {
            workspace: workspace.to_owned(),
            ..Filter::default()
        };
        Ok(Self {
            workspace: workspace.to_owned(),
            agents: record::activity(pool, workspace).await?,
            claims: record::claims(pool, workspace, false).await?,
            waits: record::in_line(pool, workspace).await?,
            log: record::log(pool, &filter, LOG).await?,
        })
    }
}
