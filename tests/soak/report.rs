//! What a soak says about itself.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::types::chrono::{DateTime, Utc};

use crate::cast::Cast;
use crate::fault::Fault;
use crate::gauge::Sample;
use crate::load::Load;

/// What the daemon may hold, and an agent.
const DAEMON_CONNECTIONS: u64 = 4;
const AGENT_CONNECTIONS: u64 = 1;
/// Memory that a process may gain from the second quarter of a run to the last, beside a quarter of what it had: kilobytes.
const GROWTH: u64 = 16 * 1024;

pub(crate) struct Report {
    length: Duration,
    /// How often each fault struck, and the longest time until all was well.
    faults: BTreeMap<Fault, (u64, Duration)>,
    unhealed: Option<Fault>,
    pub(crate) load: Load,
    pub(crate) samples: Vec<Sample>,
    pub(crate) caught_up: bool,
    /// The answer of `verify`.
    pub(crate) verdict: Value,
    history: (i64, i64, Option<String>),
    changes: i64,
    /// Median, 95th, 99th percentile and longest, in milliseconds.
    lag: [Option<f64>; 4],
    pages_created_twice: i64,
    acts: Value,
}

impl Report {
    pub(crate) fn begin(length: Duration) -> Self {
        Self {
            length,
            faults: BTreeMap::new(),
            unhealed: None,
            load: Load::default(),
            samples: Vec::new(),
            caught_up: false,
            verdict: Value::Null,
            history: (0, 0, None),
            changes: 0,
            lag: [None; 4],
            pages_created_twice: 0,
            acts: Value::Null,
        }
    }

    /// A fault struck, and how long it was until all was well; `None`: it never was.
    pub(crate) fn struck(&mut self, fault: Fault, healed_after: Option<Duration>) {
        let (times, longest) = self.faults.entry(fault).or_default();
        *times += 1;
        match healed_after {
            Some(after) => *longest = (*longest).max(after),
            None => self.unhealed = Some(fault),
        }
    }

    /// What the database knows of the run, once everything has ended.
    pub(crate) async fn measure(
        &mut self,
        cast: &Cast,
        begun: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let history = coordination::verify_history(&cast.pool).await?;
        self.history = (
            history.claims,
            history.acts,
            history.offence.map(|offence| offence.what),
        );
        let (changes, p50, p95, p99, longest) = sqlx::query_as(
            "SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), percentile_cont(0.95) WITHIN GROUP (ORDER BY ms),
                    percentile_cont(0.99) WITHIN GROUP (ORDER BY ms), max(ms)
             FROM (SELECT (1000 * extract(epoch FROM lag))::float8 AS ms FROM demo.lags($1)) AS lags",
        )
        .bind(begun)
        .fetch_one(&cast.pool)
        .await?;
        (self.changes, self.lag) = (changes, [p50, p95, p99, longest]);
        self.pages_created_twice = sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT FROM sync.pages WHERE page_id IS NOT NULL GROUP BY page_id HAVING count(*) > 1) twice",
        )
        .fetch_one(&cast.pool)
        .await?;
        let acts: Vec<(String, i64)> = sqlx::query_as(
            "SELECT act, count(*) FROM coordination.agent_log WHERE act IS NOT NULL GROUP BY 1",
        )
        .fetch_all(&cast.pool)
        .await?;
        self.acts = json!(acts.into_iter().collect::<BTreeMap<_, _>>());
        Ok(())
    }

    /// Everything that must not be.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if let Some(fault) = self.unhealed {
            wrong.push(format!("never well again after: {}", fault.name()));
        }
        if !self.caught_up {
            wrong.push("the board never caught up".to_owned());
        }
        if ["missing", "extra", "different"]
            .iter()
            .any(|what| self.verdict[what] != 0)
        {
            wrong.push(format!("rows and pages differ: {}", self.verdict));
        }
        if let Some(offence) = &self.history.2 {
            wrong.push(format!("the history does not prove itself: {offence}"));
        }
        if self.pages_created_twice > 0 {
            wrong.push("a page stands for two rows".to_owned());
        }
        if self.changes == 0 {
            wrong.push("no change was measured".to_owned());
        }
        for (name, most) in self.most_connections() {
            let allowed = if name == "claimboard-sync" {
                DAEMON_CONNECTIONS
            } else {
                AGENT_CONNECTIONS
            };
            if most > allowed {
                wrong.push(format!(
                    "{name} held {most} connections, {allowed} are allowed"
                ));
            }
        }
        for (name, [early, late]) in self.memory() {
            if late > early + early / 4 + GROWTH {
                wrong.push(format!("{name} grew from {early} kB to {late} kB"));
            }
        }
        wrong
    }

    /// The most connections that the daemon and each agent held. One that was killed may still be there when the next begins,
    /// so a look counts if the one before agrees.
    fn most_connections(&self) -> BTreeMap<String, u64> {
        let mut most = BTreeMap::new();
        for pair in self.samples.windows(2) {
            for (name, count) in &pair[1].connections {
                let before = pair[0].connections.get(name).copied().unwrap_or_default();
                let most = most.entry(name.clone()).or_default();
                *most = u64::max(*most, before.min(*count));
            }
        }
        most
    }

    /// The median of resident memory in the second and the last quarter, by process, in kilobytes.
    fn memory(&self) -> BTreeMap<String, [u64; 2]> {
        let quarter = self.samples.len() / 4;
        let names: std::collections::BTreeSet<_> = self
            .samples
            .iter()
            .flat_map(|one| one.memory.keys())
            .collect();
        names
            .into_iter()
            .filter_map(|name| {
                let median = |samples: &[Sample]| {
                    let mut all: Vec<u64> = samples
                        .iter()
                        .filter_map(|one| one.memory.get(name).copied())
                        .collect();
                    all.sort_unstable();
                    all.get(all.len() / 2).copied()
                };
                let early = median(&self.samples[quarter..quarter * 2])?;
                let late = median(&self.samples[self.samples.len() - quarter..])?;
                Some((name.clone(), [early, late]))
            })
            .collect()
    }

    pub(crate) fn json(&self) -> Value {
        let [p50, p95, p99, longest] = self.lag;
        let faults: serde_json::Map<_, _> = self
            .faults
            .iter()
            .map(|(fault, (times, longest))| {
                let one = json!({"times": times, "longest_seconds": longest.as_secs_f64()});
                (fault.name().to_owned(), one)
            })
            .collect();
        let mut log_rows = self.samples.iter().filter_map(|one| one.log_rows);
        json!({
            "seconds": self.length.as_secs(),
            "faults": faults,
            "faults_survived": self.faults.values().map(|(times, _)| times).sum::<u64>() - u64::from(self.unhealed.is_some()),
            "lag_ms": {"changes": self.changes, "p50": p50, "p95": p95, "p99": p99, "longest": longest},
            "load": {"changes": self.load.changes, "log_rows": self.load.log_rows, "refused_while_away": self.load.refused},
            "log_rows": {"first": log_rows.next(), "last": log_rows.next_back()},
            "claims": self.acts,
            "memory_kb": self.memory(),
            "connections": self.most_connections(),
            "history": {"claims": self.history.0, "acts": self.history.1, "offence": self.history.2},
            "pages": self.verdict,
            "wrong": self.wrong(),
        })
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.samples
            .last()
            .map_or(1.0, |last| last.at.as_secs_f64())
    }
}
