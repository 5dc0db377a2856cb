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
fn marks_that_disagree_tell_of_a_restore() {
    let tells = |known: Mark| known.tells_of_a_restore(&mark(7, 12));
    assert!(tells(mark(7, 11)), "the ledger was rolled back");
    assert!(tells(mark(7, 14)), "Notion was rolled back");
    assert!(tells(mark(8, 99)), "another ledger");
    assert!(!tells(mark(7, 12)));
    // The ledger moves first, and Notion may never have heard of it.
    assert!(!tells(mark(7, 13)));
}
