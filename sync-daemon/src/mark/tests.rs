use super::*;

fn mark(ledger: u128, number: i64) -> Mark {
    Mark {
        ledger: uuid::Uuid::from_u128(ledger),
        number,
    }
}

#[test]
fn a_mark_is_found_again_under_whatever_stands_before_it() {
    let text = format!("Who holds what. [ledger mine] [ledger {}] ", mark(7, 12));
    assert_eq!(Mark::find(&text), Some(mark(7, 12)));
    assert_eq!(Mark::find("Who holds what."), None);
    assert_eq!(Mark::find("[ledger nonsense/7]"), None);
}

#[test]
fn only_a_ledger_that_knows_less_is_behind() {
    assert!(mark(7, 11).is_behind(&mark(7, 12)), "rolled back");
    assert!(mark(8, 99).is_behind(&mark(7, 12)), "another ledger");
    assert!(!mark(7, 12).is_behind(&mark(7, 12)));
    // The ledger moves first, and Notion may never have heard of it.
    assert!(!mark(7, 13).is_behind(&mark(7, 12)));
}
