use proptest::prelude::*;

use super::*;

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

#[test]
fn a_refusal_lowers_it_by_its_scope_and_once_a_window() {
    let start = Instant::now();
    for (scope, left) in [
        (Scope::Connection, 135),
        (Scope::Workspace, 90),
        (Scope::Endpoint, 180),
        (Scope::Service, 180),
    ] {
        let mut learned = Learned::new(180);
        for millis in 0..12 {
            learned.refused(scope, start + Duration::from_millis(millis));
        }
        assert_eq!(learned.limit(), left, "{scope:?}");
    }
}

#[test]
fn it_rises_only_while_more_waits_than_a_window_holds() {
    let start = Instant::now();
    let mut learned = Learned::new(180);
    for minute in 0..600 {
        assert!(!learned.waiting(180, start + minutes(minute)));
    }
    assert!(!learned.waiting(5_000, start + minutes(600)));
    assert!(learned.waiting(5_000, start + minutes(606)));
    assert_eq!(learned.limit(), 240);
}

#[test]
fn a_step_that_is_refused_is_taken_back_for_an_hour() {
    let start = Instant::now();
    let mut learned = Learned::new(180);
    learned.waiting(5_000, start);
    assert!(learned.waiting(5_000, start + minutes(6)));
    learned.refused(Scope::Connection, start + minutes(7));
    assert_eq!(learned.limit(), 180);
    assert!(!learned.waiting(5_000, start + minutes(66)));
    assert!(learned.waiting(5_000, start + minutes(67)));
}

#[test]
fn it_comes_back_to_what_is_configured_before_it_goes_beyond() {
    let start = Instant::now();
    let mut learned = Learned::new(180);
    learned.refused(Scope::Workspace, start);
    learned.waiting(5_000, start);
    assert!(learned.waiting(5_000, start + minutes(60)));
    assert_eq!(learned.limit(), 180);
    assert!(learned.waiting(5_000, start + minutes(120)));
    assert_eq!(learned.limit(), 240);
}

proptest! {
    #[test]
    fn whatever_happens_it_stays_in_bounds_and_rises_once_an_hour(
        configured in 1_usize..1_000,
        events in prop::collection::vec((0_u8..5, 0_usize..10_000, 1_u64..1_200), 1..200),
    ) {
        let (mut learned, mut now) = (Learned::new(configured), Instant::now());
        let mut rises: Vec<Instant> = Vec::new();
        for (what, pages, seconds) in events {
            now += Duration::from_secs(seconds);
            match what {
                0 => learned.refused(Scope::Connection, now),
                1 => learned.refused(Scope::Workspace, now),
                2 => learned.refused(Scope::Endpoint, now),
                _ => {
                    let before = learned.limit();
                    if learned.waiting(pages, now) {
                        prop_assert!(learned.limit() > before && pages > before);
                        rises.push(now);
                    } else {
                        prop_assert_eq!(learned.limit(), before);
                    }
                }
            }
            prop_assert!(learned.limit() >= 1 && learned.limit() <= MOST.max(configured));
        }
        prop_assert!(rises.windows(2).all(|two| two[1] - two[0] >= PROBE_EVERY));
    }
}
