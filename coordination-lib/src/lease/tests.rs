use std::time::{Duration, Instant, SystemTime};

use proptest::prelude::*;

use super::Lease;

proptest! {
    /// Whatever the clocks do, trust is over before the lease is, by the clock that counts more.
    #[test]
    fn trust_ends_before_the_lease(ttl in 30u64..86_400, monotonic in 0u64..200_000, wall in -200_000i64..200_000) {
        let (started, started_wall) = (Instant::now(), SystemTime::now());
        let lease = Lease::new(started, started_wall, Duration::from_secs(ttl));
        let now = started + Duration::from_secs(monotonic);
        let offset = Duration::from_secs(wall.unsigned_abs());
        let now_wall = if wall < 0 { started_wall - offset } else { started_wall + offset };
        let passed = monotonic.max(u64::try_from(wall).unwrap_or(0));
        if lease.is_trusted(now, now_wall) {
            prop_assert!(passed < ttl);
        } else {
            prop_assert!(passed * 100 >= ttl * 93, "no more than the margin is given away");
        }
        prop_assert!(lease.trusted_until() < started + Duration::from_secs(ttl));
    }
}
