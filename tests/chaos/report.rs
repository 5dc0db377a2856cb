//! What a run says about itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Numbers of a run, and everything that must not be there.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) clients: u64,
    pub(crate) seconds: u64,
    pub(crate) races: u64,
    pub(crate) kills: u64,
    pub(crate) stops: u64,
    pub(crate) restarts: u64,
    /// Leases of killed and stopped clients that were moved to their end.
    pub(crate) expired: u64,
    pub(crate) refused_inserts: u64,
    /// Expired claims that nobody had taken over when the run ended.
    pub(crate) left_behind: u64,
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) claims: u64,
    pub(crate) acts: u64,
    pub(crate) deadlocks: u64,
    /// The server's words about each.
    pub(crate) deadlocked: Vec<String>,
    pub(crate) orphaned_tickets: u64,
    pub(crate) double_grants: Vec<String>,
    pub(crate) violations: Vec<String>,
    pub(crate) offence: Option<String>,
}

impl Report {
    pub(crate) fn begin(seed: u64, clients: u64) -> Self {
        Self {
            seed,
            clients,
            ..Self::default()
        }
    }

    /// Whether the protocol held. A deadlock breaks no promise, as Postgres breaks it and the claim answers busy; still there must be none.
    pub(crate) fn is_clean(&self) -> bool {
        self.double_grants.is_empty()
            && self.violations.is_empty()
            && self.deadlocks == 0
            && self.orphaned_tickets == 0
            && self.offence.is_none()
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "seed": self.seed,
            "clients": self.clients,
            "seconds": self.seconds,
            "races": self.races,
            "double_grants": self.double_grants.len(),
            "deadlocks": self.deadlocks,
            "orphaned_tickets": self.orphaned_tickets,
            "violations": self.violations.len(),
            "history": { "claims": self.claims, "acts": self.acts, "offence": self.offence },
            "kills": self.kills,
            "stops": self.stops,
            "restarts": self.restarts,
            "expired_by_the_clock": self.expired,
            "forged_rows_refused": self.refused_inserts,
            "left_behind": self.left_behind,
            "counted": self.counts,
            "first_offences": self.double_grants.iter().chain(&self.violations).chain(&self.deadlocked).take(10).collect::<Vec<_>>(),
        })
    }
}
