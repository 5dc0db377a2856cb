use std::time::Duration;

use super::patience;

/// A call ends within 45 seconds, the answer included, whatever it asks for.
#[test]
fn no_call_waits_longer_than_clients_do() {
    for (asked, waits) in [
        (None, 44),
        (Some(0), 1),
        (Some(1), 1),
        (Some(43), 43),
        (Some(44), 44),
        (Some(45), 44),
        (Some(46), 44),
        (Some(u64::MAX), 44),
    ] {
        assert_eq!(patience(asked), Duration::from_secs(waits), "{asked:?}");
    }
}
