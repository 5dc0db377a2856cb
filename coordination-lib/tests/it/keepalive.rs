//! A kept claim, in real time: the shortest lease is 30 seconds, a third of it ten.

use std::time::Duration;

use coordination::{ClaimOutcome, ClaimRequest, Ending, Session};

use crate::database;

#[tokio::test]
async fn it_renews_and_it_stops_the_work_when_the_claim_is_lost() {
    let pool = database::migrated(4).await;
    let session = Session::open(&pool, "alpha", "demo").await.unwrap();
    let mut kept = Vec::new();
    for resource in ["kept", "taken"] {
        let ClaimOutcome::Granted(claim) = session
            .claim(ClaimRequest::new(resource).ttl(Duration::from_secs(30)))
            .await
            .unwrap()
        else {
            panic!("free")
        };
        kept.push((claim.id(), claim.expires_at(), session.keep(claim)));
    }
    let (taken, _, taken_kept) = kept.pop().unwrap();
    let (_, first_end, kept) = kept.pop().unwrap();
    assert!(
        coordination::revoke(&pool, taken, "the operator needs it")
            .await
            .unwrap()
    );
    tokio::time::timeout(Duration::from_secs(25), taken_kept.lost().cancelled())
        .await
        .expect("the next renewal finds out");
    let loss = taken_kept
        .stop()
        .await
        .unwrap_err()
        .expect("the database said so");
    assert_eq!(loss.ending, Ending::Revoked);

    for _ in 0..200 {
        let (until,): (chrono::DateTime<chrono::Utc>,) =
            sqlx::query_as("SELECT expires_at FROM coordination.claims WHERE resource = 'kept'")
                .fetch_one(&pool)
                .await
                .unwrap();
        if until > first_end {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!kept.lost().is_cancelled());
    let claim = kept.stop().await.expect("it is still held");
    assert!(claim.expires_at() > first_end, "it was renewed meanwhile");
    assert_eq!(
        session.release(claim).await.unwrap(),
        coordination::ReleaseOutcome::Released
    );
}

#[tokio::test]
async fn a_database_that_is_gone_ends_the_trust_in_time() {
    let pool = database::migrated(2).await;
    let session = Session::open(&pool, "alpha", "demo").await.unwrap();
    let ClaimOutcome::Granted(claim) = session
        .claim(ClaimRequest::new("a").ttl(Duration::from_secs(30)))
        .await
        .unwrap()
    else {
        panic!("free")
    };
    let until = claim.trusted_until();
    let kept = session.keep(claim);
    pool.close().await;
    tokio::time::timeout(Duration::from_secs(40), kept.lost().cancelled())
        .await
        .expect("trust ends with the lease at the latest");
    let now = std::time::Instant::now();
    assert!(now >= until, "an outage shorter than the lease is survived");
    assert!(
        now < until + Duration::from_millis(1500),
        "before the lease itself ends"
    );
    assert_eq!(kept.stop().await.unwrap_err(), None);
}
