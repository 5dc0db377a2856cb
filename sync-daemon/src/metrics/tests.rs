use std::collections::BTreeSet;

use super::*;
use crate::status::Service;
use crate::tally::Counts;

fn status(names: &[&str]) -> Status {
    let dashboards = names.iter().map(|name| DashboardStatus {
        name: (*name).to_owned(),
        promise_seconds: 30.0,
        looked_seconds_ago: None,
        stale_seconds: 0.0,
        backlog: 3,
        in_doubt: 0,
        problems: 0,
        stands_still: Some("the database lies in the trash".to_owned()),
        counts: Counts::default(),
    });
    Status {
        notion: Service {
            problem: Some("token refused".to_owned()),
            away_seconds: Some(1.5),
        },
        dashboards: dashboards.collect(),
        ..Status::default()
    }
}

#[test]
fn a_name_cannot_break_out_of_its_label_and_problems_are_no_labels() {
    let text = render(&status(&["a \"b\"\\\n} 1"]), None);
    assert!(
        text.contains(r#"claimboard_sync_backlog_pages{dashboard="a \"b\"\\\n} 1"} 3"#),
        "{text}"
    );
    assert!(!text.contains("trash") && !text.contains("token"), "{text}");
    assert!(text.contains("claimboard_sync_service_up{service=\"notion\"} 0"));
    assert!(
        !text.contains("claimboard_sync_age_seconds{"),
        "an age that is not known is left out"
    );
}

#[test]
fn every_family_is_named_once_and_by_convention() {
    let text = render(&status(&["A", "B"]), None);
    let mut seen = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').expect("a name and a type");
        assert!(seen.insert(name.to_owned()), "{name} twice");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
    }
    let series: BTreeSet<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit_once(' ').expect("a value").0)
        .collect();
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(series.len(), samples, "a series twice");
}
