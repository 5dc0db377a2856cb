//! What would be written now, and what it would cost; nothing is.

use std::collections::BTreeMap;
use std::fmt;

use sqlx::PgPool;

use crate::board::Board;
use crate::ledger::Ledger;
use crate::limit::Refused;
use crate::observer::{Request, look};
use crate::page::{Key, Value};
use crate::pass::{HeldUp, PassError, Queued};

/// Every write that is due.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Plan {
    /// In the order of dashboards, then of keys; the backlog may send them in another.
    pub writes: Vec<PlannedWrite>,
    /// Creates whose answer is not known, to be looked up first.
    pub in_doubt: usize,
    /// Rows that cannot be shown, and why.
    pub problems: Vec<String>,
    /// Dashboards of which nothing is written until a person confirms it.
    pub refused: Vec<Refused>,
    /// Dashboards that a person paused.
    pub paused: Vec<String>,
    /// Requests that the writes cost.
    pub requests: usize,
    /// Seconds that the budget alone makes them take.
    pub seconds: u64,
}

/// One write.
#[derive(Debug, Clone, serde::Serialize)]
pub struct PlannedWrite {
    /// Which dashboard.
    pub dashboard: String,
    /// Which row.
    pub key: Key,
    /// `create`, `update`, `restore` or `trash`.
    pub kind: &'static str,
    /// Names of the properties that it writes.
    pub properties: Vec<String>,
    /// What will stand in them; relations as ids of pages.
    pub values: BTreeMap<String, Value>,
}

/// Looks at everything once.
pub async fn plan(
    pool: &PgPool,
    ledger: &Ledger,
    boards: &[Board],
    requests_per_minute: usize,
) -> Result<Plan, PassError> {
    let wanted = boards
        .iter()
        .enumerate()
        .map(|(index, board)| {
            (
                index,
                Queued {
                    examine_all: !board.is_examined(),
                    ..Queued::default()
                },
            )
        })
        .collect();
    let request = Request {
        last_snapshot: None,
        wanted,
        if_moved: std::collections::HashMap::new(),
    };
    let sight = look(pool, ledger, boards, request).await?;
    let mut plan = Plan {
        writes: Vec::new(),
        in_doubt: 0,
        problems: Vec::new(),
        refused: Vec::new(),
        paused: Vec::new(),
        requests: 0,
        seconds: 0,
    };
    for (index, pass) in sight.passes {
        let (dashboard, pass) = (boards[index].name(), pass?);
        match pass.held_up {
            Some(HeldUp::Paused) => plan.paused.push(dashboard.to_owned()),
            Some(HeldUp::Limit(refused)) => plan.refused.push(refused),
            None => {}
        }
        plan.in_doubt += pass.doubts.len();
        plan.problems.extend(pass.row_errors.iter().map(|error| {
            format!(
                "{dashboard}: row {}: {}",
                error.key.as_deref().unwrap_or("(no key)"),
                error.message
            )
        }));
        plan.writes
            .extend(pass.findings.iter().filter_map(|finding| {
                Some(PlannedWrite {
                    dashboard: dashboard.to_owned(),
                    key: finding.key.clone(),
                    kind: finding.step.kind()?,
                    properties: finding
                        .step
                        .values()
                        .iter()
                        .map(|(name, _)| name.clone())
                        .collect(),
                    values: finding.step.values().iter().cloned().collect(),
                })
            }));
    }
    plan.requests = plan.writes.len();
    plan.seconds = (plan.requests.saturating_sub(1) / requests_per_minute * 60) as u64;
    Ok(plan)
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for write in &self.writes {
            write!(f, "{:8} {} {}", write.kind, write.dashboard, write.key)?;
            match write.kind {
                "update" => writeln!(f, ": {}", write.properties.join(", "))?,
                _ => writeln!(f)?,
            }
        }
        for problem in &self.problems {
            writeln!(f, "problem  {problem}")?;
        }
        if self.in_doubt > 0 {
            writeln!(
                f,
                "{} creates are in doubt and are looked up first",
                self.in_doubt
            )?;
        }
        for paused in &self.paused {
            writeln!(f, "paused   {paused}")?;
        }
        for refused in &self.refused {
            writeln!(f, "refused  {}: {}", refused.dashboard, refused.reason)?;
            writeln!(
                f,
                "         if this is meant: claimboard-sync apply --confirm {}",
                refused.checksum
            )?;
        }
        match self.writes.len() {
            0 => write!(f, "nothing to write"),
            1 => write!(f, "1 write"),
            count => write!(
                f,
                "{count} writes, at least {} s under the budget",
                self.seconds
            ),
        }
    }
}
