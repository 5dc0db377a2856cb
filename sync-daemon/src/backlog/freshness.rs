//! Backlog and budget together, on a simulated clock: how fresh a board is under half, nearly full and double load.
//!
//! A thousand rows change at random; a row is fresh while its page shows it. The budget is three writes a second.
//! The optimum is known in closed form: below full load, all but the rows that wait for their one write; at load
//! `r` beyond it, one part in `r`. The straightforward way, writing every row in turn, is beside it.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::budget::{Admission, Budget, Place};

const ROWS: usize = 1_000;
const STEP: Duration = Duration::from_millis(50);
const LATENCY_STEPS: usize = 3;
const LIMIT: usize = 180;
const WARM_UP: usize = 6_000;
const STEPS: usize = 30_000;

struct Board {
    wanted: Vec<u128>,
    shown: Vec<u128>,
    fresh_steps: u64,
    writes: u64,
    coalesced: u64,
}

/// The share of rows that are fresh, over time and rows, at a load of `changes` a write that the budget allows.
fn freshness(changes: f64, seed: u64) -> (f64, f64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let start = Instant::now();
    let (mut backlog, mut budget) = (Backlog::default(), Budget::new(LIMIT));
    let mut board = Board {
        wanted: vec![0; ROWS],
        shown: vec![0; ROWS],
        fresh_steps: 0,
        writes: 0,
        coalesced: 0,
    };
    let mut in_flight: Vec<(usize, Taken, Place)> = Vec::new();
    let rate = changes * 3.0 * STEP.as_secs_f64();
    for step in 0..STEPS {
        let now = start + STEP * u32::try_from(step).expect("few steps");
        let mut due = rate;
        while due > 0.0 {
            if rng.random_bool(due.min(1.0)) {
                let row = rng.random_range(0..ROWS);
                if board.wanted[row] == board.shown[row] {
                    board.coalesced += 1;
                }
                board.wanted[row] += 1;
            }
            due -= 1.0;
        }
        let (done, rest): (Vec<_>, Vec<_>) =
            in_flight.into_iter().partition(|(at, ..)| *at <= step);
        in_flight = rest;
        for (_, taken, place) in done {
            budget.answered(place, now);
            let row: usize = taken.page.key.parse().expect("a number");
            let hash = taken.offer.source_hash().expect("a row");
            board.shown[row] = hash.as_u128();
            board.writes += 1;
            backlog.done(&taken.page);
        }
        if step % 20 == 0 {
            look(&board, &mut backlog, now);
        }
        for lane in [Lane::Live, Lane::Load] {
            while backlog.has_turn(lane, now, |_| false) {
                let Admission::Granted(place) = budget.admit(lane, now) else {
                    break;
                };
                let taken = backlog.take(lane, now, |_| false).expect("it had a turn");
                in_flight.push((step + LATENCY_STEPS, taken, place));
            }
        }
        if step >= WARM_UP {
            let fresh = (0..ROWS).filter(|row| board.wanted[*row] == board.shown[*row]);
            board.fresh_steps += fresh.count() as u64;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let share = board.fresh_steps as f64 / ((STEPS - WARM_UP) * ROWS) as f64;
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let efficiency = board.writes as f64 / board.coalesced.max(1) as f64;
    (share, efficiency)
}

/// What a pass finds, as the driver offers it.
fn look(board: &Board, backlog: &mut Backlog, now: Instant) {
    let flying: HashSet<Key> = backlog.in_flight().map(|page| page.key.clone()).collect();
    let waiting = backlog.waiting(0);
    let (mut offers, mut unchanged) = (Vec::new(), BTreeSet::new());
    let stale = (0..ROWS).filter(|row| board.wanted[*row] != board.shown[*row]);
    for row in stale {
        let (key, version) = (row.to_string(), board.wanted[row]);
        let hash = SourceHash::from_u128(version);
        if flying.contains(&key) {
            continue;
        }
        if waiting.get(&key) == Some(&Some(hash)) {
            unchanged.insert(key);
            continue;
        }
        let page = DesiredPage {
            key: key.clone(),
            source_hash: hash,
            values: Vec::new(),
            note: String::new(),
        };
        let offer = Offer {
            wanted: Wanted::Page(Box::new(page)),
            read_at: DateTime::UNIX_EPOCH,
            creates: false,
            needs: Vec::new(),
            lane: Lane::Live,
            patience: Duration::from_secs(30),
            newness: 0,
            grace: Duration::ZERO,
        };
        offers.push((key, offer));
    }
    if offers.len() + unchanged.len() > LIMIT / 4 {
        for (_, offer) in &mut offers {
            offer.lane = Lane::Load;
        }
    }
    backlog.replace(0, offers, &unchanged, now);
}

#[test]
fn below_full_load_nearly_every_row_is_fresh() {
    for (load, optimum) in [(0.5, 0.9992), (0.9, 0.9950)] {
        let (fresh, writes) = freshness(load, 7);
        assert!(fresh >= 0.99 * optimum, "load {load}: {fresh} of {optimum}");
        assert!(
            writes <= 1.02,
            "load {load}: {writes} writes a row that went stale"
        );
    }
}

#[test]
fn at_double_load_every_write_counts() {
    let (fresh, _) = freshness(2.0, 7);
    // Refreshing every row in turn, blindly, would end at 0.43.
    assert!(fresh >= 0.98 * 0.5, "{fresh} of 0.5");
}
