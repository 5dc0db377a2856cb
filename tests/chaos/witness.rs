//! The judge beside `verify_history`: knows nothing but what the clients saw, and when.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use coordination::Mode;

use crate::diary::Entry;
use crate::ground::{self, Leaf};

/// How long an attempt that has ended is remembered: longer than any is in flight.
const MEMORY: u64 = 10_000_000_000;

/// Counts races: attempts that were in flight together with an incompatible one that ended before them. Of two that
/// meet, one is counted; of three, two.
#[derive(Default)]
struct Races {
    ended: VecDeque<(u64, Vec<Leaf>)>,
    found: u64,
}

impl Races {
    /// In the order of their ends.
    fn attempt(&mut self, from: u64, until: u64, leaves: Vec<Leaf>) {
        while self
            .ended
            .front()
            .is_some_and(|(ended, _)| ended + MEMORY < until)
        {
            self.ended.pop_front();
        }
        let met = self
            .ended
            .iter()
            .rev()
            .take_while(|(ended, _)| *ended >= from);
        if met
            .into_iter()
            .any(|(_, theirs)| ground::rivals(theirs, &leaves))
        {
            self.found += 1;
        }
        self.ended.push_back((until, leaves));
    }
}

/// A time for which a claim was certainly held.
#[derive(Debug, Clone)]
struct Hold {
    claim: i64,
    owner: usize,
    leaves: Vec<Leaf>,
    from: u64,
    until: u64,
}

/// Everything that was seen so far.
#[derive(Default)]
pub(crate) struct Witness {
    races: Races,
    /// Outcomes of attempts, and what else was counted.
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) violations: Vec<String>,
    holds: Vec<Hold>,
    tokens: HashMap<i64, i64>,
    endings: HashMap<i64, Vec<u64>>,
    expired: HashMap<i64, u64>,
    renewals: Vec<(u64, i64)>,
}

impl Witness {
    /// Takes what several processes wrote since the last time, each named by a number.
    pub(crate) fn read(&mut self, news: Vec<(usize, Entry)>) {
        let mut attempts = Vec::new();
        for (owner, entry) in news {
            match entry {
                Entry::Session(_) => {}
                Entry::Attempt {
                    from,
                    until,
                    outcome,
                    mode,
                    names,
                } => {
                    *self.counts.entry("attempts".to_owned()).or_default() += 1;
                    *self.counts.entry(outcome).or_default() += 1;
                    let slot = (mode == Mode::Slot).then_some(1);
                    let leaves = names
                        .iter()
                        .flat_map(|name| ground::leaves(name, mode, slot));
                    attempts.push((from, until, leaves.collect::<Vec<Leaf>>()));
                }
                Entry::Granted {
                    at,
                    claim,
                    token,
                    mode,
                    slot,
                    name,
                } => {
                    if let Some(other) = self.tokens.insert(token, claim)
                        && other != claim
                    {
                        self.violations.push(format!(
                            "token {token} was given to claims {other} and {claim}"
                        ));
                    }
                    self.holds.push(Hold {
                        claim,
                        owner,
                        leaves: ground::leaves(&name, mode, slot),
                        from: at,
                        until: u64::MAX,
                    });
                }
                Entry::Ending { at, claim } => self.endings.entry(claim).or_default().push(at),
                Entry::Expired { at, claim } => {
                    let first = self.expired.entry(claim).or_insert(at);
                    *first = at.min(*first);
                }
                Entry::Renewed { sent, claim } => self.renewals.push((sent, claim)),
                Entry::Counted(what) => *self.counts.entry(what).or_default() += 1,
                Entry::Violation(what) => self.violations.push(what),
            }
        }
        attempts.sort_by_key(|(_, until, _)| *until);
        for (from, until, leaves) in attempts {
            self.races.attempt(from, until, leaves);
        }
    }

    pub(crate) fn races(&self) -> u64 {
        self.races.found
    }

    /// Claims that somebody was told to have.
    pub(crate) fn granted(&self) -> HashSet<i64> {
        self.holds.iter().map(|hold| hold.claim).collect()
    }

    /// Pairs of owners who held incompatible claims at the same moment.
    pub(crate) fn double_grants(&self) -> Vec<String> {
        let mut holds = self.holds.clone();
        for hold in &mut holds {
            let endings = self.endings.get(&hold.claim).into_iter().flatten();
            hold.until = endings
                .filter(|at| **at >= hold.from)
                .copied()
                .min()
                .unwrap_or(u64::MAX);
            // Moved out of its lease before the answer arrived: it was perhaps never held.
            if self
                .endings
                .get(&hold.claim)
                .is_some_and(|all| all.iter().any(|at| *at < hold.from))
            {
                hold.until = hold.from;
            }
        }
        let mut by_leaf: HashMap<u32, Vec<(usize, bool)>> = HashMap::new();
        holds.sort_by_key(|hold| hold.from);
        for (at, hold) in holds.iter().enumerate() {
            for (key, shared) in &hold.leaves {
                by_leaf.entry(*key).or_default().push((at, *shared));
            }
        }
        let mut found = HashSet::new();
        for on_leaf in by_leaf.values() {
            let mut standing: Vec<(usize, bool)> = Vec::new();
            for (at, shared) in on_leaf {
                let hold = &holds[*at];
                standing.retain(|(other, _)| holds[*other].until > hold.from);
                for (other, other_shared) in &standing {
                    if holds[*other].owner != hold.owner
                        && !(*shared && *other_shared)
                        && hold.until > hold.from
                    {
                        found.insert((holds[*other].claim, hold.claim));
                    }
                }
                standing.push((*at, *shared));
            }
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_unstable();
        found
            .into_iter()
            .map(|(one, other)| format!("claims {one} and {other} were held at once"))
            .collect()
    }

    /// Renewals that succeeded although they were sent after the lease was over.
    pub(crate) fn revivals(&self) -> Vec<String> {
        let revived = self
            .renewals
            .iter()
            .filter(|(sent, claim)| self.expired.get(claim).is_some_and(|over| over < sent));
        revived
            .map(|(_, claim)| format!("claim {claim} was renewed after its lease was over"))
            .collect()
    }
}
