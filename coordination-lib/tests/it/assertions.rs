//! Fencing inside a writer's transaction.

use coordination::{Claim, ClaimOutcome, ClaimRequest, Refusal, Session};
use sqlx::{PgConnection, PgPool};

use crate::database;

async fn granted(session: &Session, resource: &str) -> Claim {
    match session.claim(ClaimRequest::new(resource)).await.unwrap() {
        ClaimOutcome::Granted(claim) => claim,
        other => panic!("not granted: {other:?}"),
    }
}

async fn expire(pool: &PgPool, claim: &Claim) {
    sqlx::query("UPDATE coordination.claims SET expires_at = clock_timestamp() WHERE id = $1")
        .bind(claim.id())
        .execute(pool)
        .await
        .unwrap();
}

async fn refusal(
    session: &Session,
    connection: &mut PgConnection,
    claim: &Claim,
    resource: &str,
) -> Option<Refusal> {
    session
        .assert_in(connection, claim, resource)
        .await
        .err()
        .map(|error| error.refusal().unwrap_or_else(|| panic!("{error}")))
}

#[tokio::test]
async fn an_assertion_needs_the_session_the_token_and_the_ground() {
    let pool = database::migrated(4).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let beta = Session::open(&pool, "beta", "demo").await.unwrap();
    let claim = granted(&alpha, "modules/*").await;
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(
        refusal(&alpha, &mut connection, &claim, "modules/a.md").await,
        None
    );
    assert_eq!(
        refusal(&alpha, &mut connection, &claim, "docs").await,
        Some(Refusal::Unclaimed)
    );
    assert_eq!(
        refusal(&beta, &mut connection, &claim, "modules/a.md").await,
        Some(Refusal::NotYours)
    );
    let unknown = sqlx::query("SELECT coordination.assert_claim(987654, 'modules/a.md')")
        .execute(&mut *connection)
        .await
        .unwrap_err();
    assert_eq!(
        coordination::Error::from(unknown).refusal(),
        Some(Refusal::Lost)
    );
    expire(&pool, &claim).await;
    assert_eq!(
        refusal(&alpha, &mut connection, &claim, "modules/a.md").await,
        Some(Refusal::Lost)
    );
}

/// The writer asserted in time; the lease ends; the taker must not get in before the writer is done. A renewal may.
#[tokio::test]
async fn a_taker_waits_for_the_writer_and_a_renewal_does_not() {
    let pool = database::migrated(6).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let beta = Session::open(&pool, "beta", "demo").await.unwrap();
    for isolation in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
        let mut claim = granted(&alpha, "a").await;
        let mut writer = pool.begin().await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "SET TRANSACTION ISOLATION LEVEL {isolation}"
        )))
        .execute(&mut *writer)
        .await
        .unwrap();
        alpha.assert_in(&mut writer, &claim, "a").await.unwrap();
        alpha.assert_in(&mut writer, &claim, "a").await.unwrap();
        assert_eq!(
            alpha
                .renew(&mut claim, std::time::Duration::from_mins(1))
                .await
                .unwrap(),
            coordination::RenewOutcome::Renewed
        );
        expire(&pool, &claim).await;
        assert!(
            matches!(
                beta.claim(ClaimRequest::new("a")).await.unwrap(),
                ClaimOutcome::Busy
            ),
            "{isolation}"
        );
        writer.commit().await.unwrap();
        let taken = granted(&beta, "a").await;
        assert_eq!(
            beta.release(taken).await.unwrap(),
            coordination::ReleaseOutcome::Released
        );
    }
}

/// The snapshot is older than the takeover: the assertion must not pass on what the snapshot shows.
#[tokio::test]
async fn an_old_snapshot_does_not_pass() {
    let pool = database::migrated(6).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let beta = Session::open(&pool, "beta", "demo").await.unwrap();
    for isolation in ["REPEATABLE READ", "SERIALIZABLE"] {
        let claim = granted(&alpha, "a").await;
        let mut writer = pool.begin().await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "SET TRANSACTION ISOLATION LEVEL {isolation}"
        )))
        .execute(&mut *writer)
        .await
        .unwrap();
        sqlx::query("SELECT count(*) FROM coordination.claims")
            .execute(&mut *writer)
            .await
            .unwrap();
        expire(&pool, &claim).await;
        let taken = granted(&beta, "a").await;
        // The old snapshot still shows the lease as it was, by its own time.
        let error = alpha.assert_in(&mut writer, &claim, "a").await.unwrap_err();
        assert!(
            matches!(error, coordination::Error::Retry(_)),
            "{isolation}: {error}"
        );
        writer.rollback().await.unwrap();
        assert_eq!(
            beta.release(taken).await.unwrap(),
            coordination::ReleaseOutcome::Released
        );
    }
}
