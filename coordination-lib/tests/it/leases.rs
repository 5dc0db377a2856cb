//! Leases: renewal, expiry and takeover, with the row's time moved instead of a wait.

use std::time::Duration;

use coordination::{
    Claim, ClaimOutcome, ClaimRequest, Ending, LogEntry, ReleaseOutcome, RenewOutcome, Session,
};
use sqlx::PgPool;

use crate::database;

async fn granted(session: &Session, resource: &str) -> Claim {
    match session.claim(ClaimRequest::new(resource)).await.unwrap() {
        ClaimOutcome::Granted(claim) => claim,
        other => panic!("not granted: {other:?}"),
    }
}

async fn let_expire(pool: &PgPool, claim: &Claim) {
    sqlx::query("UPDATE coordination.claims SET expires_at = clock_timestamp() - interval '1 s' WHERE id = $1")
        .bind(claim.id())
        .execute(pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_expired_claim_is_taken_over_with_its_last_words() {
    let pool = database::migrated(4).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let beta = Session::open(&pool, "beta", "demo").await.unwrap();
    let mut first = granted(&alpha, "modules/power/*").await;
    alpha
        .log(LogEntry::progress("half done; next: solar.md").resource("modules/power/*"))
        .await
        .unwrap();
    let_expire(&pool, &first).await;
    assert!(beta.holders("*").await.unwrap().is_empty());

    let second = granted(&beta, "modules/power/solar.md").await;
    assert!(second.token() > first.token());
    let [predecessor] = second.predecessors() else {
        panic!("one was closed")
    };
    assert_eq!(
        (
            predecessor.agent.as_str(),
            predecessor.last_progress.as_deref()
        ),
        ("alpha", Some("half done; next: solar.md"))
    );

    let RenewOutcome::Lost(loss) = alpha
        .renew(&mut first, Duration::from_mins(5))
        .await
        .unwrap()
    else {
        panic!("it was taken over")
    };
    assert_eq!(
        (loss.ending, loss.by.as_deref(), loss.token),
        (Ending::Expired, Some("beta"), Some(second.token()))
    );
    let logged = alpha
        .log(LogEntry::progress("still at it").resource("modules/power/x.md"))
        .await
        .unwrap();
    assert_eq!(
        logged.lost.as_ref(),
        Some(&loss),
        "a late row is kept and says so"
    );
    assert_eq!(
        alpha.release(first).await.unwrap(),
        ReleaseOutcome::AlreadyLost(loss)
    );
    assert_eq!(
        beta.release(second).await.unwrap(),
        ReleaseOutcome::Released
    );
    assert_eq!(
        coordination::verify_history(&pool).await.unwrap().offence,
        None
    );
}

#[tokio::test]
async fn a_lease_that_is_over_cannot_be_revived() {
    let pool = database::migrated(4).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let mut claim = granted(&alpha, "a").await;
    let_expire(&pool, &claim).await;
    let RenewOutcome::Lost(loss) = alpha
        .renew(&mut claim, Duration::from_mins(5))
        .await
        .unwrap()
    else {
        panic!("an hour is an hour")
    };
    assert_eq!((loss.ending, loss.by), (Ending::Expired, None));
    assert!(
        matches!(alpha.release(claim).await.unwrap(), ReleaseOutcome::AlreadyLost(loss) if loss.ending == Ending::Expired)
    );
    assert_eq!(
        coordination::verify_history(&pool).await.unwrap().offence,
        None
    );
}

/// Waits until somebody in this database waits for a lock; other tests use the same server.
async fn until_someone_waits(pool: &PgPool) {
    for _ in 0..6_000 {
        let (waiting,): (i64,) = sqlx::query_as(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        if waiting > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody ever waited for a lock");
}

/// The renewal came in time, and its transaction is still open when the committed row's lease is over: a closer must wait for it and
/// then see the new end.
#[tokio::test]
async fn renewal_before_closing() {
    let pool = database::migrated(6).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let beta = Session::open(&pool, "beta", "demo").await.unwrap();
    let mut claim = granted(&alpha, "a").await;
    sqlx::query("UPDATE coordination.claims SET expires_at = clock_timestamp() + interval '2 s' WHERE id = $1")
        .bind(claim.id())
        .execute(&pool)
        .await
        .unwrap();
    let mut renewing = pool.begin().await.unwrap();
    assert_eq!(
        alpha
            .renew_in(&mut renewing, &mut claim, Duration::from_mins(30))
            .await
            .unwrap(),
        RenewOutcome::Renewed
    );
    let over = "SELECT expires_at < clock_timestamp() FROM coordination.claims";
    while !sqlx::query_as::<_, (bool,)>(over)
        .fetch_one(&pool)
        .await
        .unwrap()
        .0
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let closer = tokio::spawn({
        let (beta, pool) = (beta.clone(), pool.clone());
        async move {
            let mut patient = pool.begin().await.unwrap();
            sqlx::query("SET LOCAL coordination.busy_after = '20 s'")
                .execute(&mut *patient)
                .await
                .unwrap();
            let outcome = beta
                .claim_in(&mut patient, ClaimRequest::new("a"))
                .await
                .unwrap();
            patient.commit().await.unwrap();
            outcome
        }
    });
    until_someone_waits(&pool).await;
    renewing.commit().await.unwrap();
    let outcome = closer.await.unwrap();
    assert!(
        matches!(&outcome, ClaimOutcome::Held(held) if held.holders[0].claim_id == claim.id()),
        "{outcome:?}"
    );
    assert_eq!(
        alpha.release(claim).await.unwrap(),
        ReleaseOutcome::Released
    );
    assert_eq!(
        coordination::verify_history(&pool).await.unwrap().offence,
        None
    );
}

/// The committed row is over; its holder renews as it closes. Whoever is first decides, and the other one sees it.
#[tokio::test]
async fn closing_and_renewal_meet_on_the_row() {
    let pool = database::migrated(6).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let beta = Session::open(&pool, "beta", "demo").await.unwrap();
    let mut claim = granted(&alpha, "a").await;
    let_expire(&pool, &claim).await;

    // Closing first: the taker's transaction is open, the renewal waits for it and then answers Lost.
    let mut taking = pool.begin().await.unwrap();
    let ClaimOutcome::Granted(taken) = beta
        .claim_in(&mut taking, ClaimRequest::new("a"))
        .await
        .unwrap()
    else {
        panic!("it had expired")
    };
    let renewal = tokio::spawn({
        let alpha = alpha.clone();
        async move {
            alpha
                .renew(&mut claim, Duration::from_mins(1))
                .await
                .unwrap()
        }
    });
    // The lease is over whatever the taker does, so the renewal need not wait to know that it is lost.
    assert!(matches!(renewal.await.unwrap(), RenewOutcome::Lost(_)));
    taking.commit().await.unwrap();

    // Renewal first: a raw update revives the row while a closer waits for it; the closer must then leave it alone.
    let_expire(&pool, &taken).await;
    let mut reviving = pool.begin().await.unwrap();
    sqlx::query("UPDATE coordination.claims SET expires_at = clock_timestamp() + interval '1 min' WHERE id = $1")
        .bind(taken.id())
        .execute(&mut *reviving)
        .await
        .unwrap();
    let closer = tokio::spawn({
        let alpha = alpha.clone();
        let pool = pool.clone();
        async move {
            let mut patient = pool.begin().await.unwrap();
            sqlx::query("SET LOCAL coordination.busy_after = '20 s'")
                .execute(&mut *patient)
                .await
                .unwrap();
            let outcome = alpha
                .claim_in(&mut patient, ClaimRequest::new("a"))
                .await
                .unwrap();
            patient.commit().await.unwrap();
            outcome
        }
    });
    until_someone_waits(&pool).await;
    reviving.commit().await.unwrap();
    let outcome = closer.await.unwrap();
    assert!(
        matches!(&outcome, ClaimOutcome::Held(held) if held.holders[0].claim_id == taken.id()),
        "{outcome:?}"
    );
    assert_eq!(beta.release(taken).await.unwrap(), ReleaseOutcome::Released);
    assert_eq!(
        coordination::verify_history(&pool).await.unwrap().offence,
        None
    );
}

/// A claim that had to wait begins when it stands: never already used up, never before its predecessor's end.
#[tokio::test]
async fn a_claim_that_waited_is_fresh() {
    let pool = database::migrated(6).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let beta = Session::open(&pool, "beta", "demo").await.unwrap();
    let claim = granted(&alpha, "a").await;
    // Expired for the precheck, so that the taker goes on to insert and waits there for the open ending.
    let mut ending = pool.begin().await.unwrap();
    assert_eq!(
        alpha.release_in(&mut ending, claim).await.unwrap(),
        ReleaseOutcome::Released
    );
    sqlx::query("UPDATE coordination.claims SET expires_at = clock_timestamp() WHERE released_at IS NOT NULL").execute(&mut *ending).await.unwrap();
    let outcome = beta.claim(ClaimRequest::new("a")).await.unwrap();
    assert!(
        matches!(outcome, ClaimOutcome::Held(_)),
        "the committed holder refuses without a wait: {outcome:?}"
    );
    ending.commit().await.unwrap();

    let mut open = pool.begin().await.unwrap();
    let ClaimOutcome::Granted(uncommitted) = alpha
        .claim_in(&mut open, ClaimRequest::new("b"))
        .await
        .unwrap()
    else {
        panic!("free")
    };
    let started = std::time::Instant::now();
    assert!(matches!(
        beta.claim(ClaimRequest::new("b")).await.unwrap(),
        ClaimOutcome::Busy
    ));
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "busy is answered in 250 ms, with room for a slow machine: the transaction stays open for good"
    );

    let waiter = tokio::spawn({
        let (beta, pool) = (beta.clone(), pool.clone());
        async move {
            let mut patient = pool.begin().await.unwrap();
            sqlx::query("SET LOCAL coordination.busy_after = '20 s'")
                .execute(&mut *patient)
                .await
                .unwrap();
            let outcome = beta
                .claim_in(&mut patient, ClaimRequest::new("b"))
                .await
                .unwrap();
            patient.commit().await.unwrap();
            outcome
        }
    });
    until_someone_waits(&pool).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(
        alpha.release_in(&mut open, uncommitted).await.unwrap(),
        ReleaseOutcome::Released
    );
    open.commit().await.unwrap();
    let ClaimOutcome::Granted(waited) = waiter.await.unwrap() else {
        panic!("the claim that it waited for was given back")
    };
    let (fresh,): (bool,) = sqlx::query_as(
        "SELECT c.acquired_at >= (SELECT max(released_at) FROM coordination.claims WHERE resource = 'b') AND c.expires_at = c.acquired_at + c.ttl
         FROM coordination.claims c WHERE id = $1",
    )
    .bind(waited.id())
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(fresh);
    assert_eq!(
        coordination::verify_history(&pool).await.unwrap().offence,
        None
    );
}
