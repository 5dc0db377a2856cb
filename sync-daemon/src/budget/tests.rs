use proptest::prelude::*;

use super::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Sends `requests` as early as the budget lets it, `parallel` at a time, each answered after `latency`;
/// returns when each was sent.
fn run(
    budget: &mut Budget,
    lane: Lane,
    start: Instant,
    requests: usize,
    parallel: usize,
    latency: Duration,
) -> Vec<Instant> {
    let mut now = start;
    let mut sent = Vec::new();
    let mut in_flight = VecDeque::new();
    while sent.len() < requests || !in_flight.is_empty() {
        while in_flight.front().is_some_and(|(at, _)| *at <= now) {
            let (at, place) = in_flight.pop_front().expect("just seen");
            budget.answered(place, at);
        }
        let mut wake = in_flight.front().map(|(at, _)| *at);
        if sent.len() < requests && in_flight.len() < parallel {
            match budget.admit(lane, now) {
                Admission::Granted(place) => {
                    sent.push(now);
                    in_flight.push_back((now + latency, place));
                    continue;
                }
                Admission::NotBefore(at) => wake = Some(wake.map_or(at, |known| known.min(at))),
                Admission::WhenAnswered => {}
            }
        }
        if let Some(at) = wake {
            now = at;
        }
    }
    sent
}

#[test]
fn a_burst_is_spent_at_once_and_the_rest_waits_for_the_window() {
    let start = Instant::now();
    let sent = run(&mut Budget::new(10), Lane::Live, start, 12, 5, ms(100));
    assert!(sent[9] - start < ms(200));
    assert!(sent[10] - start >= WINDOW);
}

#[test]
fn a_load_leaves_room_for_live_changes() {
    let start = Instant::now();
    let mut budget = Budget::new(100);
    run(&mut budget, Lane::Load, start, 75, 10, ms(100));
    let later = start + ms(4_000);
    assert_eq!(
        budget.admit(Lane::Load, later),
        Admission::Granted(Place::Trickle)
    );
    assert!(matches!(
        budget.admit(Lane::Load, later),
        Admission::NotBefore(_)
    ));
    for _ in 0..24 {
        assert_eq!(
            budget.admit(Lane::Live, later),
            Admission::Granted(Place::Live)
        );
    }
}

#[test]
fn a_long_load_spends_nearly_the_whole_budget() {
    let start = Instant::now();
    let sent = run(&mut Budget::new(180), Lane::Load, start, 590, 10, ms(150));
    let optimum = 3.0 * WINDOW.as_secs_f64();
    let took = (*sent.last().expect("some") - start).as_secs_f64();
    assert!(took <= 1.03 * optimum, "{took} s against {optimum} s");
}

#[test]
fn a_refusal_closes_the_window_for_everybody() {
    let now = Instant::now();
    let mut budget = Budget::new(10);
    budget.close_until(now + ms(500));
    budget.close_until(now + ms(100));
    assert_eq!(
        budget.admit(Lane::Live, now),
        Admission::NotBefore(now + ms(500))
    );
    assert_eq!(
        budget.admit(Lane::Live, now + ms(500)),
        Admission::Granted(Place::Live)
    );
}

#[test]
fn requests_of_a_process_before_us_count() {
    let now = Instant::now() + 2 * WINDOW;
    let mut budget = Budget::new(10);
    budget.recall([now - ms(70_000), now - ms(50_000), now - ms(50_000)]);
    let sent = run(&mut budget, Lane::Live, now, 9, 10, ms(1));
    assert!(sent[7] < now + ms(100));
    assert!(sent[8] >= now + ms(10_000));
}

proptest! {
    #[test]
    fn no_fixed_window_ever_holds_more_than_the_limit(
        limit in 1_usize..40,
        parallel in 1_usize..12,
        latency in 1_u64..3_000,
        load in any::<bool>(),
        requests in 1_usize..150,
    ) {
        let start = Instant::now();
        let lane = if load { Lane::Load } else { Lane::Live };
        let sent = run(&mut Budget::new(limit), lane, start, requests, parallel, ms(latency));
        for (index, first) in sent.iter().enumerate() {
            let within = sent[index..].iter().filter(|at| **at < *first + WINDOW).count();
            prop_assert!(within <= limit, "{within} of {limit}");
        }
    }
}
