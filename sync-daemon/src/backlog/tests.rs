use proptest::prelude::*;

use super::*;
use crate::page::Value;

fn never(_: usize) -> bool {
    false
}

fn page(key: &str, version: u128) -> DesiredPage {
    DesiredPage {
        key: key.to_owned(),
        source_hash: SourceHash::from_u128(version),
        values: vec![Value::Title(key.to_owned())],
        note: String::new(),
    }
}

fn offer(key: &str, version: u128) -> (Key, Offer) {
    let offer = Offer {
        wanted: Wanted::Page(Box::new(page(key, version))),
        read_at: DateTime::UNIX_EPOCH,
        creates: false,
        needs: Vec::new(),
        lane: Lane::Live,
        patience: Duration::from_secs(30),
        newness: 0,
        grace: Duration::ZERO,
    };
    (key.to_owned(), offer)
}

fn with(mut offered: (Key, Offer), change: impl FnOnce(&mut Offer)) -> (Key, Offer) {
    change(&mut offered.1);
    offered
}

fn none() -> BTreeSet<Key> {
    BTreeSet::new()
}

fn take(backlog: &mut Backlog, now: Instant) -> Option<Taken> {
    backlog.take(Lane::Live, now, never)
}

fn taken_keys(backlog: &mut Backlog, lane: Lane, now: Instant) -> Vec<String> {
    std::iter::from_fn(|| {
        let taken = backlog.take(lane, now, never)?;
        backlog.done(&taken.page);
        Some(format!("{}{}", taken.page.dashboard, taken.page.key))
    })
    .collect()
}

#[test]
fn two_changes_before_a_write_are_one_write_of_the_latest() {
    let (mut backlog, now) = (Backlog::default(), Instant::now());
    backlog.replace(0, vec![offer("a", 1)], &none(), now);
    backlog.replace(
        0,
        vec![offer("a", 2)],
        &none(),
        now + Duration::from_secs(5),
    );
    let taken = take(&mut backlog, now).expect("one");
    assert_eq!(taken.offer.source_hash(), Some(SourceHash::from_u128(2)));
    assert_eq!(taken.stale_since, now, "stale since the first change");
    backlog.done(&taken.page);
    assert!(backlog.is_empty());
}

#[test]
fn a_row_that_went_back_is_not_written() {
    let (mut backlog, now) = (Backlog::default(), Instant::now());
    backlog.replace(0, vec![offer("a", 1), offer("b", 1)], &none(), now);
    backlog.replace(0, vec![], &BTreeSet::from(["b".to_owned()]), now);
    assert_eq!(taken_keys(&mut backlog, Lane::Live, now), ["0b"]);
}

#[test]
fn a_page_that_was_stale_before_keeps_its_turn() {
    let (mut backlog, now) = (Backlog::default(), Instant::now());
    let later = now + Duration::from_secs(60);
    backlog.replace(0, vec![offer("a", 1), offer("b", 1)], &none(), later);
    let page = PageRef {
        dashboard: 0,
        key: "b".to_owned(),
    };
    backlog.date_back(&page, now);
    assert_eq!(taken_keys(&mut backlog, Lane::Live, later), ["0b", "0a"]);
}

#[test]
fn the_earliest_deadline_leaves_first_and_trashes_last() {
    let (mut backlog, now) = (Backlog::default(), Instant::now());
    let patient = with(offer("patient", 1), |offer| {
        offer.patience = Duration::from_secs(300);
    });
    let trash = with(offer("trash", 1), |offer| offer.wanted = Wanted::Gone);
    backlog.replace(0, vec![patient, trash], &none(), now);
    backlog.replace(
        1,
        vec![offer("urgent", 1)],
        &none(),
        now + Duration::from_secs(1),
    );
    assert_eq!(
        taken_keys(&mut backlog, Lane::Live, now),
        ["1urgent", "0patient", "0trash"]
    );
}

#[test]
fn bulk_takes_turns_between_dashboards() {
    let (mut backlog, now) = (Backlog::default(), Instant::now());
    let load = |key: &str| with(offer(key, 1), |offer| offer.lane = Lane::Load);
    backlog.replace(0, vec![load("a"), load("b"), load("c")], &none(), now);
    backlog.replace(1, vec![load("x"), load("y")], &none(), now);
    assert_eq!(
        taken_keys(&mut backlog, Lane::Load, now),
        ["0a", "1x", "0b", "1y", "0c"]
    );
}

#[test]
fn a_page_has_one_write_in_flight() {
    let (mut backlog, now) = (Backlog::default(), Instant::now());
    backlog.replace(0, vec![offer("a", 1)], &none(), now);
    let first = take(&mut backlog, now).expect("one");
    backlog.replace(0, vec![offer("a", 2)], &none(), now);
    assert!(take(&mut backlog, now).is_none());
    backlog.done(&first.page);
    assert!(take(&mut backlog, now).is_some());
}

#[test]
fn a_failed_write_waits_unless_a_newer_version_is_there() {
    let (mut backlog, now) = (Backlog::default(), Instant::now());
    let later = now + Duration::from_secs(60);
    backlog.replace(0, vec![offer("a", 1)], &none(), now);
    let taken = take(&mut backlog, now).expect("one");
    backlog.retry(taken, later);
    assert!(take(&mut backlog, now).is_none());
    assert_eq!(backlog.next_delayed(), Some(later));
    backlog.replace(0, vec![offer("a", 1)], &none(), now);
    assert!(
        take(&mut backlog, now).is_none(),
        "the same version keeps its delay"
    );
    backlog.replace(0, vec![offer("a", 2)], &none(), now);
    let taken = take(&mut backlog, now).expect("a new version starts afresh");
    assert_eq!(taken.attempts, 0);
}

#[test]
fn a_page_waits_for_those_it_points_to_but_not_for_one_that_fails() {
    let (mut backlog, now) = (Backlog::default(), Instant::now());
    let project = with(offer("project", 1), |offer| offer.creates = true);
    let needs = vec![PageRef {
        dashboard: 0,
        key: "project".to_owned(),
    }];
    let task = with(offer("task", 1), |offer| offer.needs = needs);
    backlog.replace(0, vec![project], &none(), now + Duration::from_secs(1));
    backlog.replace(1, vec![task], &none(), now);
    let first = take(&mut backlog, now).expect("the project");
    assert_eq!(first.page.key, "project");
    assert!(
        take(&mut backlog, now).is_none(),
        "the project is in flight"
    );
    backlog.retry(first, now + Duration::from_secs(60));
    assert_eq!(take(&mut backlog, now).expect("the task").page.key, "task");
}

#[test]
fn pages_that_point_to_each_other_do_not_wait_for_ever() {
    let (mut backlog, now) = (Backlog::default(), Instant::now());
    let pointing = |key: &str, to: &[&str]| {
        let needs = to
            .iter()
            .map(|key| PageRef {
                dashboard: 0,
                key: (*key).to_owned(),
            })
            .collect();
        with(offer(key, 1), |offer| {
            (offer.creates, offer.needs) = (true, needs);
        })
    };
    let circle = [
        pointing("a", &["b"]),
        pointing("b", &["c"]),
        pointing("c", &["a"]),
    ];
    let chain = [pointing("child", &["parent"]), pointing("parent", &[])];
    backlog.replace(0, circle.into_iter().chain(chain).collect(), &none(), now);
    let keys = taken_keys(&mut backlog, Lane::Live, now);
    assert_eq!(
        keys,
        ["0a", "0c", "0b", "0parent", "0child"],
        "the circle is cut once"
    );
}

#[test]
fn a_frozen_dashboard_holds_up_nobody_else() {
    let (mut backlog, now) = (Backlog::default(), Instant::now());
    backlog.replace(0, vec![offer("a", 1)], &none(), now);
    backlog.replace(1, vec![offer("b", 1)], &none(), now);
    let taken = backlog
        .take(Lane::Live, now, |dashboard| dashboard == 0)
        .expect("b");
    assert_eq!(taken.page.key, "b");
    assert!(!backlog.has_turn(Lane::Live, now, |dashboard| dashboard == 0));
}

#[test]
fn a_dashboard_has_a_few_writes_in_flight_and_no_more() {
    let (mut backlog, now) = (Backlog::default(), Instant::now());
    let offers = (0..20)
        .map(|number| offer(&number.to_string(), 1))
        .collect();
    backlog.replace(0, offers, &none(), now);
    let in_flight = std::iter::from_fn(|| take(&mut backlog, now)).count();
    assert_eq!(in_flight, width::WIDEST);
}

#[derive(Debug, Clone)]
enum Event {
    Pass(usize, Vec<(u8, u128)>),
    Take(bool),
    Done,
    Fail,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let rows = proptest::collection::vec((0_u8..6, 0_u128..3), 0..6);
    let event = prop_oneof![
        (0_usize..3, rows).prop_map(|(dashboard, rows)| Event::Pass(dashboard, rows)),
        any::<bool>().prop_map(Event::Take),
        Just(Event::Done),
        Just(Event::Fail),
    ];
    proptest::collection::vec(event, 0..60)
}

proptest! {
    /// Whatever happens: no page is in flight twice, the last pass's wishes are all there, and everything
    /// can be drained.
    #[test]
    fn nothing_is_lost_or_doubled(events in events()) {
        let mut backlog = Backlog::default();
        let mut now = Instant::now();
        let mut flying: Vec<Taken> = Vec::new();
        for event in events {
            now += Duration::from_secs(1);
            match event {
                Event::Pass(dashboard, rows) => {
                    let rows: BTreeMap<u8, u128> = rows.into_iter().collect();
                    let offers: Vec<_> = rows
                        .iter()
                        .map(|(key, version)| with(offer(&key.to_string(), *version), |offer| {
                            offer.lane = if key % 2 == 0 { Lane::Load } else { Lane::Live };
                        }))
                        .collect();
                    backlog.replace(dashboard, offers, &none(), now);
                    let waiting = backlog.waiting(dashboard);
                    for (key, version) in &rows {
                        prop_assert_eq!(waiting.get(&key.to_string()), Some(&Some(SourceHash::from_u128(*version))));
                    }
                    prop_assert_eq!(waiting.len(), rows.len());
                }
                Event::Take(load) => {
                    let lane = if load { Lane::Load } else { Lane::Live };
                    if let Some(taken) = backlog.take(lane, now, never) {
                        prop_assert!(flying.iter().all(|other| other.page != taken.page));
                        prop_assert_eq!(taken.offer.lane, lane);
                        flying.push(taken);
                    }
                }
                Event::Done => if let Some(taken) = flying.pop() {
                    backlog.done(&taken.page);
                },
                Event::Fail => if let Some(taken) = flying.pop() {
                    backlog.retry(taken, now + Duration::from_secs(2));
                },
            }
        }
        for taken in flying {
            backlog.done(&taken.page);
        }
        now += Duration::from_secs(60);
        let left = backlog.len();
        let drained = taken_keys(&mut backlog, Lane::Live, now).len() + taken_keys(&mut backlog, Lane::Load, now).len();
        prop_assert_eq!(left, drained);
        prop_assert!(backlog.is_empty());
    }
}

#[test]
fn of_a_load_the_newest_rows_leave_first_and_bring_those_that_follow() {
    let (mut backlog, now) = (Backlog::default(), Instant::now());
    let bulk = |key: &str, newness: i64| {
        with(offer(key, 1), |offer| {
            offer.lane = Lane::Load;
            offer.newness = newness;
            offer.wanted = Wanted::Row(SourceHash::from_u128(1));
        })
    };
    let offers = vec![bulk("a", 1), bulk("b", 3), bulk("c", 2)];
    backlog.replace(0, offers, &none(), now);
    let taken = backlog.take(Lane::Load, now, never).expect("one");
    assert_eq!(taken.page.key, "b");
    assert_eq!(taken.following, ["c", "a"]);
}

#[test]
fn a_trash_waits_for_its_grace_and_is_forgotten_when_the_row_is_back() {
    let (mut backlog, now) = (Backlog::default(), Instant::now());
    let gone = || {
        with(offer("a", 0), |offer| {
            offer.wanted = Wanted::Gone;
            offer.grace = Duration::from_secs(30);
        })
    };
    let after = |seconds| now + Duration::from_secs(seconds);
    backlog.replace(0, vec![gone()], &none(), now);
    backlog.replace(0, vec![gone()], &none(), after(20));
    assert!(!backlog.has_turn(Lane::Live, after(29), never));
    assert!(
        backlog.has_turn(Lane::Live, after(30), never),
        "a second pass over the same loss begins no second grace"
    );
    backlog.replace(0, vec![], &none(), after(31));
    assert!(!backlog.has_turn(Lane::Live, after(90), never));
}

#[test]
fn a_conflict_halves_the_width_and_good_answers_widen_it() {
    let (mut backlog, now) = (Backlog::default(), Instant::now());
    let wide = |backlog: &mut Backlog| {
        let mut taken = Vec::new();
        while let Some(one) = take(backlog, now) {
            taken.push(one);
        }
        let width = taken.len();
        for one in taken {
            backlog.retry(one, now);
        }
        width
    };
    let offers = (0..9).map(|key| offer(&key.to_string(), 1)).collect();
    backlog.replace(0, offers, &none(), now);
    for expected in [4, 2, 1, 1] {
        assert_eq!(wide(&mut backlog), expected);
        backlog.conflicted(0);
    }
    for _ in 0..20 {
        let page = PageRef {
            dashboard: 0,
            key: "elsewhere".to_owned(),
        };
        backlog.done(&page);
    }
    assert_eq!(wide(&mut backlog), 2);
}

#[test]
fn a_limit_on_creating_holds_up_no_changes() {
    let (mut backlog, now) = (Backlog::default(), Instant::now());
    let new = with(offer("new", 1), |offer| offer.creates = true);
    backlog.replace(0, vec![new, offer("old", 1)], &none(), now);
    backlog.hold(true, now + Duration::from_secs(20));
    assert_eq!(taken_keys(&mut backlog, Lane::Live, now), ["0old"]);
    let later = now + Duration::from_secs(20);
    assert_eq!(taken_keys(&mut backlog, Lane::Live, later), ["0new"]);
}
