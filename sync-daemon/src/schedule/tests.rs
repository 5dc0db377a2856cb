use super::*;

const CADENCE: Duration = Duration::from_secs(30);
const CHEAP: Duration = Duration::from_millis(3);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn an_idle_dashboard_is_looked_at_once_a_cadence() {
    let start = Instant::now();
    let mut table = Timetable::new(CADENCE, start);
    assert!(table.wants_pass(start));
    table.passed(start, CHEAP, 0.0);
    assert!(!table.wants_pass(start + seconds(29)));
    assert!(table.wants_pass(start + seconds(30)));
}

#[test]
fn a_change_wakes_a_cheap_dashboard_within_a_second() {
    let start = Instant::now();
    let mut table = Timetable::new(CADENCE, start);
    table.passed(start, CHEAP, 0.0);
    table.database_moved();
    assert!(!table.wants_pass(start));
    assert!(table.wants_pass(start + seconds(1)));
}

#[test]
fn an_expensive_dashboard_rests_in_proportion_but_keeps_its_cadence() {
    let start = Instant::now();
    let mut table = Timetable::new(CADENCE, start);
    table.passed(start, Duration::from_millis(200), 0.0);
    table.database_moved();
    assert!(!table.wants_pass(start + seconds(9)));
    assert!(table.wants_pass(start + seconds(10)));
    table.passed(start, seconds(3), 0.0);
    table.database_moved();
    assert!(table.wants_pass(start + seconds(30)));
}

#[test]
fn dashboards_of_one_cadence_drift_apart() {
    let start = Instant::now();
    let mut table = Timetable::new(CADENCE, start);
    table.passed(start, CHEAP, 0.5);
    assert!(table.wants_pass(start + Duration::from_millis(22_500)));
    table.passed(start + Duration::from_millis(22_500), CHEAP, 0.5);
    assert!(!table.wants_pass(start + Duration::from_millis(52_000)));
}

#[test]
fn a_pass_before_the_moment_does_not_settle_a_hurry() {
    let start = Instant::now();
    let mut table = Timetable::new(CADENCE, start);
    table.hurry(start + seconds(2));
    table.passed(start + seconds(1), CHEAP, 0.0);
    assert!(!table.wants_pass(start + Duration::from_millis(1_900)));
    assert!(table.wants_pass(start + seconds(2)));
    table.passed(start + seconds(2), CHEAP, 0.0);
    assert!(!table.wants_pass(start + seconds(3)));
}

#[test]
fn an_expensive_dashboard_is_glimpsed_at_while_it_rests() {
    let start = Instant::now();
    let mut table = Timetable::new(CADENCE, start);
    table.passed(start, Duration::from_millis(500), 0.0);
    assert!(!table.wants_glimpse(start + seconds(1)), "nothing happened");
    table.database_moved();
    assert!(table.wants_glimpse(start + seconds(1)));
    table.glimpsed(start + seconds(1), Duration::from_millis(100));
    assert!(!table.wants_glimpse(start + seconds(9)), "nothing since");
    table.database_moved();
    assert!(!table.wants_glimpse(start + seconds(5)));
    assert!(table.wants_glimpse(start + seconds(6)));
    assert!(
        table.wants_pass(start + seconds(25)) && !table.wants_glimpse(start + seconds(25)),
        "the pass that was put off comes all the same"
    );
}
