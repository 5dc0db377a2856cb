//! What would be written now, and what it would cost; nothing is.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use sqlx::PgPool;

use crate::board::Board;
use crate::brief::{Briefs, briefs};
use crate::ledger::Ledger;
use crate::limit::Refused;
use crate::observer::{Request, look};
use crate::page::{Fingerprint, Key, Value};
use crate::pass::{HeldUp, PassError, Queued};
use crate::reconcile::Step;
use crate::writer::KEYS_A_QUERY;

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
    /// What may surprise people.
    pub risks: Vec<String>,
    /// Of exactly these writes.
    pub checksum: Fingerprint,
    /// Requests that the writes cost, look-ups of what is in doubt included.
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
    /// What was last written to them, cut short; nothing where that is not known.
    pub before: Briefs,
    /// What will stand in them, cut short; relations as ids of pages.
    pub after: Briefs,
    /// The same, whole.
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
                    whole: true,
                    ..Queued::default()
                },
            )
        })
        .collect();
    let request = Request {
        last_snapshot: None,
        wanted,
        if_moved: HashMap::new(),
        glimpses: HashMap::new(),
    };
    let sight = look(pool, ledger, boards, request).await?;
    let mut plan = Plan {
        writes: Vec::new(),
        in_doubt: 0,
        problems: Vec::new(),
        refused: Vec::new(),
        paused: Vec::new(),
        risks: Vec::new(),
        checksum: Fingerprint::of(b""),
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
        plan.requests += pass.doubts.len().div_ceil(KEYS_A_QUERY);
        let keys: Vec<Key> = pass
            .findings
            .iter()
            .filter(|finding| !finding.creates)
            .map(|finding| finding.key.clone())
            .collect();
        let mut shown = ledger.shown(dashboard, &keys).await?;
        let first = plan.writes.len();
        plan.writes
            .extend(pass.findings.iter().filter_map(|finding| {
                let step = finding.step.as_ref()?;
                let mut before = shown.remove(&finding.key).unwrap_or_default();
                if !matches!(step, Step::Trash(_)) {
                    before
                        .retain(|name, _| step.values().iter().any(|(written, _)| written == name));
                }
                Some(PlannedWrite {
                    before,
                    after: briefs(step.values()),
                    dashboard: dashboard.to_owned(),
                    key: finding.key.clone(),
                    kind: step.kind()?,
                    properties: step.values().iter().map(|(name, _)| name.clone()).collect(),
                    values: step.values().iter().cloned().collect(),
                })
            }));
        plan.risks.extend(risks(dashboard, &plan.writes[first..]));
    }
    plan.requests += plan.writes.len();
    let whole: Vec<_> = plan
        .writes
        .iter()
        .map(|write| (&write.dashboard, &write.key, write.kind, &write.values))
        .collect();
    plan.checksum = Fingerprint::of(&serde_json::to_vec(&whole).expect("plain data"));
    let requests_per_minute = ledger.budget().await?.unwrap_or(requests_per_minute).max(1);
    plan.seconds = (plan.requests.saturating_sub(1) / requests_per_minute * 60) as u64;
    Ok(plan)
}

/// What of a dashboard's writes people had better know first.
fn risks(dashboard: &str, writes: &[PlannedWrite]) -> Vec<String> {
    let count = |kind: &str| writes.iter().filter(|write| write.kind == kind).count();
    let mut risks = Vec::new();
    let trashes = count("trash");
    if trashes > 0 {
        risks.push(format!(
            "{dashboard}: {trashes} pages go to the trash, with what people wrote on them; Notion keeps them for 30 days"
        ));
    }
    let restored = count("restore");
    if restored > 0 {
        risks.push(format!(
            "{dashboard}: {restored} pages come back from the trash, or may"
        ));
    }
    let emptied = writes
        .iter()
        .filter(|write| write.kind == "update")
        .flat_map(|write| {
            write
                .after
                .iter()
                .map(move |(name, after)| (write, name, after))
        })
        .filter(|(write, name, after)| {
            after.is_empty()
                && write
                    .before
                    .get(*name)
                    .is_some_and(|before| !before.is_empty())
        })
        .count();
    if emptied > 0 {
        risks.push(format!(
            "{dashboard}: {emptied} cells that hold something are emptied"
        ));
    }
    risks
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for write in &self.writes {
            write!(f, "{:8} {} {}", write.kind, write.dashboard, write.key)?;
            match write.kind {
                "update" => writeln!(f, ":")?,
                _ => writeln!(f)?,
            }
            for name in write.properties.iter().filter(|_| write.kind == "update") {
                let word = |side: &Briefs| {
                    side.get(name)
                        .map_or_else(|| "?".to_owned(), |word| format!("{word:?}"))
                };
                writeln!(
                    f,
                    "         {name}: {} → {}",
                    word(&write.before),
                    word(&write.after)
                )?;
            }
        }
        for risk in &self.risks {
            writeln!(f, "risk     {risk}")?;
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
            count => write!(
                f,
                "{count} writes, {} requests, at least {} s under the present budget; checksum {}",
                self.requests, self.seconds, self.checksum
            ),
        }
    }
}
