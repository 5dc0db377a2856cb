use super::*;

#[cfg(target_os = "linux")]
#[test]
fn a_seat_is_taken_once_and_free_when_its_holder_is_gone() {
    let ledger = uuid::Uuid::new_v4();
    let (seat, same) = (Seat::new(ledger), Seat::new(ledger));
    let bound = seat.bind().expect("a free seat");
    assert!(same.bind().is_none(), "taken twice");
    assert!(Seat::new(uuid::Uuid::new_v4()).bind().is_some());
    drop(bound);
    assert!(same.bind().is_some(), "still taken");
}
