//! What waits to be written: one entry a page, holding only the latest row version.
//! Bulk entries hold no page at all, only which version of the row is wanted: it is read when its turn comes.
//!
//! Properties: an entry that is offered again keeps its place and the time since when its page is stale,
//! so that a row that changes often cannot be starved, and two changes before one write cost one write.
//! Live changes leave earliest deadline first; bulk ([`Lane::Load`]) leaves in fair turns of the
//! dashboards, the newest rows first. Trashes come after everything else of their dashboard. A page has one write
//! in flight, a dashboard four, and fewer after conflicts. A page waits for the pages that its relations point to while those are still
//! to be made, so that it is written once and whole; but not for one that failed, nor for one that waits
//! for it in turn: there the relation is filled in by a second write.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::budget::Lane;
use crate::page::{DesiredPage, Key, SourceHash};

mod width;

use width::Width;

/// Writes in flight in all.
pub const IN_FLIGHT: usize = 12;

/// A page, by dashboard (index in dependency order) and key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageRef {
    /// Index of the dashboard.
    pub dashboard: usize,
    /// Key of the row.
    pub key: Key,
}

/// What should stand for a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// This page.
    Page(Box<DesiredPage>),
    /// The page of this version of the row, or of a later one: to be read when its turn comes.
    Row(SourceHash),
    /// No page.
    Gone,
}

impl Wanted {
    /// The row version that is wanted.
    pub fn source_hash(&self) -> Option<SourceHash> {
        match self {
            Self::Page(page) => Some(page.source_hash),
            Self::Row(hash) => Some(*hash),
            Self::Gone => None,
        }
    }
}

/// What a pass wants written.
#[derive(Debug, Clone)]
pub struct Offer {
    /// What should stand.
    pub wanted: Wanted,
    /// Database time just before the snapshot in which the row was read.
    pub read_at: DateTime<Utc>,
    /// Whether the page has to be created.
    pub creates: bool,
    /// Pages that this one points to.
    pub needs: Vec<PageRef>,
    /// Who is asking.
    pub lane: Lane,
    /// Longest time the page may stay stale.
    pub patience: Duration,
    /// Of pages that are due at the same moment, the one with the largest number leaves first.
    pub newness: i64,
    /// How long the entry stays before it may leave.
    pub grace: Duration,
}

impl Offer {
    /// The row version that is wanted.
    pub fn source_hash(&self) -> Option<SourceHash> {
        self.wanted.source_hash()
    }
}

#[derive(Debug)]
struct Entry {
    offer: Offer,
    stale_since: Instant,
    attempts: u32,
    not_before: Option<Instant>,
}

/// An entry on its way out.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Which page.
    pub page: PageRef,
    /// What is wanted.
    pub offer: Offer,
    /// Failed attempts before this one.
    pub attempts: u32,
    /// When the page became stale.
    pub stale_since: Instant,
    /// Entries of the same dashboard and lane that come next: whoever reads this row may read theirs as well.
    pub following: Vec<Key>,
}

/// Rows that are read at a time when their turn comes.
const FOLLOWING: usize = 49;

/// Entries in the order in which they leave: trashes last, then by deadline, then the newest.
type Turn = (bool, Instant, Reverse<i64>, Key);

/// The backlog of one token. Time is an argument.
#[derive(Debug, Default)]
pub struct Backlog {
    entries: HashMap<PageRef, Entry>,
    /// By dashboard and whether it is bulk, so that the first of either lane is found at once.
    ready: BTreeMap<(usize, bool), BTreeSet<Turn>>,
    delayed: BTreeSet<(Instant, PageRef)>,
    in_flight: HashMap<PageRef, bool>,
    served: HashMap<usize, u64>,
    widths: HashMap<usize, Width>,
    /// Until when pages that are created, and pages that are changed, may not leave.
    held: [Option<Instant>; 2],
}

impl Backlog {
    /// Everything that one pass over a dashboard found. Entries it did not find again have nothing left to
    /// write and are dropped; `unchanged` entries stay as they are.
    pub fn replace(
        &mut self,
        dashboard: usize,
        offers: Vec<(Key, Offer)>,
        unchanged: &BTreeSet<Key>,
        now: Instant,
    ) {
        let offered: BTreeSet<&Key> = offers.iter().map(|(key, _)| key).collect();
        let gone: Vec<PageRef> = self
            .entries
            .keys()
            .filter(|page| page.dashboard == dashboard)
            .filter(|page| !offered.contains(&page.key) && !unchanged.contains(&page.key))
            .cloned()
            .collect();
        for page in gone {
            self.remove(&page);
        }
        for (key, offer) in offers {
            self.offer(PageRef { dashboard, key }, offer, now);
        }
    }

    /// One page more, beside what waits.
    pub fn add(&mut self, dashboard: usize, key: Key, offer: Offer, now: Instant) {
        self.offer(PageRef { dashboard, key }, offer, now);
    }

    fn offer(&mut self, page: PageRef, offer: Offer, now: Instant) {
        let (stale_since, attempts, not_before) = match self.remove(&page) {
            Some(old) if old.offer.source_hash() == offer.source_hash() => {
                (old.stale_since, old.attempts, old.not_before)
            }
            Some(old) => (old.stale_since, 0, grace(&offer, now)),
            None => (now, 0, grace(&offer, now)),
        };
        self.insert(
            page,
            Entry {
                offer,
                stale_since,
                attempts,
                not_before,
            },
        );
    }

    /// Whether [`Backlog::take`] would find something.
    pub fn has_turn(&mut self, lane: Lane, now: Instant, frozen: impl Fn(usize) -> bool) -> bool {
        self.next_turn(lane, now, frozen).is_some()
    }

    /// Takes the entry of this lane whose turn it is, and counts it as in flight.
    pub fn take(
        &mut self,
        lane: Lane,
        now: Instant,
        frozen: impl Fn(usize) -> bool,
    ) -> Option<Taken> {
        let page = self.next_turn(lane, now, frozen)?;
        let entry = self.remove(&page)?;
        self.in_flight.insert(page.clone(), entry.offer.creates);
        if lane == Lane::Load {
            *self.served.entry(page.dashboard).or_default() += 1;
        }
        let following = match entry.offer.wanted {
            Wanted::Row(_) => self.following(page.dashboard, lane),
            Wanted::Page(_) | Wanted::Gone => Vec::new(),
        };
        Some(Taken {
            page,
            offer: entry.offer,
            attempts: entry.attempts,
            stale_since: entry.stale_since,
            following,
        })
    }

    /// The best of the first entries of each dashboard that may leave.
    fn next_turn(
        &mut self,
        lane: Lane,
        now: Instant,
        frozen: impl Fn(usize) -> bool,
    ) -> Option<PageRef> {
        self.wake(now);
        if self.in_flight.len() >= IN_FLIGHT {
            return None;
        }
        self.ready
            .iter()
            .filter(|((dashboard, bulk), _)| {
                *bulk == (lane == Lane::Load)
                    && !frozen(*dashboard)
                    && self.in_flight_of(*dashboard) < self.width_of(*dashboard)
            })
            .filter_map(|((dashboard, _), turns)| {
                turns.iter().find_map(|(trash, deadline, newness, key)| {
                    let page = PageRef {
                        dashboard: *dashboard,
                        key: key.clone(),
                    };
                    let served = match lane {
                        Lane::Live => 0,
                        Lane::Load => self.served.get(dashboard).copied().unwrap_or_default(),
                    };
                    self.may_leave(&page, now, &frozen)
                        .then_some(((served, *trash, *deadline, *newness), page))
                })
            })
            .min()
            .map(|(_, page)| page)
    }

    fn may_leave(&self, page: &PageRef, now: Instant, frozen: &impl Fn(usize) -> bool) -> bool {
        let offer = &self.entries[page].offer;
        if self.held[usize::from(offer.creates)].is_some_and(|until| until > now) {
            return false;
        }
        let holds_up = |needed: &PageRef| {
            self.in_flight.get(needed) == Some(&true)
                || (self.is_to_be_made(needed)
                    && !frozen(needed.dashboard)
                    && !self.waits_for(needed, page))
        };
        !self.in_flight.contains_key(page) && !offer.needs.iter().any(holds_up)
    }

    fn is_to_be_made(&self, page: &PageRef) -> bool {
        self.entries
            .get(page)
            .is_some_and(|entry| entry.offer.creates && entry.attempts == 0)
    }

    /// Whether a page that waits is held up by `other`, directly or through others.
    fn waits_for(&self, page: &PageRef, other: &PageRef) -> bool {
        let (mut seen, mut next) = (HashSet::new(), vec![page]);
        while let Some(page) = next.pop() {
            if page == other {
                return true;
            }
            if seen.insert(page)
                && let Some(entry) = self.entries.get(page)
            {
                next.extend(
                    entry
                        .offer
                        .needs
                        .iter()
                        .filter(|needed| self.is_to_be_made(needed)),
                );
            }
        }
        false
    }

    fn in_flight_of(&self, dashboard: usize) -> usize {
        self.in_flight
            .keys()
            .filter(|page| page.dashboard == dashboard)
            .count()
    }

    fn width_of(&self, dashboard: usize) -> usize {
        self.widths
            .get(&dashboard)
            .copied()
            .unwrap_or_default()
            .now()
    }

    /// The first entries of a dashboard and lane whose rows are still to be read.
    fn following(&self, dashboard: usize, lane: Lane) -> Vec<Key> {
        let turns = self.ready.get(&(dashboard, lane == Lane::Load));
        let turns = turns.into_iter().flatten();
        turns
            .map(|(.., key)| key)
            .filter(|key| {
                let page = PageRef {
                    dashboard,
                    key: (*key).clone(),
                };
                matches!(self.entries[&page].offer.wanted, Wanted::Row(_))
            })
            .take(FOLLOWING)
            .cloned()
            .collect()
    }

    /// The write is over and nothing is left to do for this version of the row.
    pub fn done(&mut self, page: &PageRef) {
        self.in_flight.remove(page);
        self.widths.entry(page.dashboard).or_default().answered();
    }

    /// Notion says that too much is written to this dashboard at once.
    pub fn conflicted(&mut self, dashboard: usize) {
        self.widths.entry(dashboard).or_default().conflicted();
    }

    /// Pages that are created, or those that are changed, do not leave before `until`.
    pub fn hold(&mut self, creates: bool, until: Instant) {
        let held = &mut self.held[usize::from(creates)];
        *held = (*held).max(Some(until));
    }

    /// The write did not happen: back into the queue, unless a newer version waits there already.
    pub fn retry(&mut self, taken: Taken, not_before: Instant) {
        self.in_flight.remove(&taken.page);
        if !self.entries.contains_key(&taken.page) {
            let entry = Entry {
                offer: taken.offer,
                stale_since: taken.stale_since,
                attempts: taken.attempts + 1,
                not_before: Some(not_before),
            };
            self.insert(taken.page, entry);
        }
    }

    /// When a delayed entry may leave at the earliest.
    pub fn next_delayed(&self) -> Option<Instant> {
        self.delayed.first().map(|(at, _)| *at)
    }

    /// Pages whose write is under way: a pass leaves them alone.
    pub fn in_flight(&self) -> impl Iterator<Item = &PageRef> {
        self.in_flight.keys()
    }

    /// Whether a page's write is under way.
    pub fn is_in_flight(&self, page: &PageRef) -> bool {
        self.in_flight.contains_key(page)
    }

    /// Pages that wait.
    pub fn waiting_pages(&self) -> impl Iterator<Item = &PageRef> {
        self.entries.keys()
    }

    /// Row versions that wait, by key, for a pass over this dashboard to compare with.
    pub fn waiting(&self, dashboard: usize) -> HashMap<Key, Option<SourceHash>> {
        self.entries
            .iter()
            .filter(|(page, _)| page.dashboard == dashboard)
            .map(|(page, entry)| (page.key.clone(), entry.offer.source_hash()))
            .collect()
    }

    /// Since when the pages that wait are stale.
    pub fn stale(&self) -> impl Iterator<Item = (&PageRef, Instant)> {
        self.entries
            .iter()
            .map(|(page, entry)| (page, entry.stale_since))
    }

    /// A page that waits was stale before this backlog heard of it.
    pub fn date_back(&mut self, page: &PageRef, stale_since: Instant) {
        if let Some(mut entry) = self.remove(page) {
            entry.stale_since = entry.stale_since.min(stale_since);
            self.insert(page.clone(), entry);
        }
    }

    /// Entries of a dashboard, waiting or in flight.
    pub fn len_of(&self, dashboard: usize) -> usize {
        self.entries
            .keys()
            .filter(|page| page.dashboard == dashboard)
            .count()
            + self.in_flight_of(dashboard)
    }

    /// Entries, waiting or in flight.
    pub fn len(&self) -> usize {
        self.entries.len() + self.in_flight.len()
    }

    /// Whether nothing waits and nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.in_flight.is_empty()
    }

    fn insert(&mut self, page: PageRef, entry: Entry) {
        match entry.not_before {
            Some(at) => {
                self.delayed.insert((at, page.clone()));
            }
            None => {
                self.ready
                    .entry((page.dashboard, entry.offer.lane == Lane::Load))
                    .or_default()
                    .insert(turn(&page, &entry));
            }
        }
        self.entries.insert(page, entry);
    }

    fn remove(&mut self, page: &PageRef) -> Option<Entry> {
        let entry = self.entries.remove(page)?;
        match entry.not_before {
            Some(at) => {
                self.delayed.remove(&(at, page.clone()));
            }
            None => {
                if let Some(turns) = self
                    .ready
                    .get_mut(&(page.dashboard, entry.offer.lane == Lane::Load))
                {
                    turns.remove(&turn(page, &entry));
                }
            }
        }
        Some(entry)
    }

    fn wake(&mut self, now: Instant) {
        while self.delayed.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, page)) = self.delayed.first().cloned() else {
                return;
            };
            if let Some(mut entry) = self.remove(&page) {
                entry.not_before = None;
                self.insert(page, entry);
            }
        }
    }
}

/// When an entry may leave at the earliest, if not at once.
fn grace(offer: &Offer, now: Instant) -> Option<Instant> {
    (!offer.grace.is_zero()).then(|| now + offer.grace)
}

fn turn(page: &PageRef, entry: &Entry) -> Turn {
    (
        entry.offer.wanted == Wanted::Gone,
        entry.stale_since + entry.offer.patience,
        Reverse(entry.offer.newness),
        page.key.clone(),
    )
}

#[cfg(test)]
mod freshness;
#[cfg(test)]
mod tests;
