//! The history checker finds what is wrong: a checker that cannot fail proves nothing.

use coordination::{ClaimOutcome, ClaimRequest, Session, verify_history};

use crate::database;

#[tokio::test]
async fn offences_are_named() {
    let pool = database::migrated(2).await;
    assert_eq!(
        verify_history(&pool).await.unwrap(),
        coordination::History {
            claims: 0,
            acts: 0,
            offence: None
        }
    );
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let beta = Session::open(&pool, "beta", "demo").await.unwrap();
    let mut claims = Vec::new();
    for (session, resource) in [(&alpha, "a/*"), (&beta, "b")] {
        let ClaimOutcome::Granted(claim) =
            session.claim(ClaimRequest::new(resource)).await.unwrap()
        else {
            panic!("free")
        };
        claims.push(claim);
    }
    assert_eq!(verify_history(&pool).await.unwrap().offence, None);

    let forgeries = [
        // What the constraint forbids, behind its back.
        (
            "ALTER TABLE coordination.claims DROP CONSTRAINT claims_no_overlap;
             UPDATE coordination.claims SET span = '[a/x/,a/x/]', resource = 'a/x' WHERE resource = 'b';
             SET LOCAL session_replication_role = replica; UPDATE coordination.agent_log SET resource_claim = 'a/x' WHERE resource_claim = 'b'",
            "held at once",
        ),
        ("SET LOCAL session_replication_role = replica; DELETE FROM coordination.agent_log WHERE resource_claim = 'b'", "has 0 grants"),
        ("DELETE FROM coordination.claims WHERE resource = 'b'", "not among the claims"),
        ("UPDATE coordination.claims SET released_at = now(), ending = 'released' WHERE resource = 'b'", "the log says nothing"),
        ("UPDATE coordination.claims SET resource = 'c' WHERE resource = 'b'", "differs from what the log says"),
        ("ALTER SEQUENCE coordination.agent_log_id CACHE 20", "drawn ahead"),
    ];
    for (forgery, found) in forgeries {
        let mut transaction = pool.begin().await.unwrap();
        sqlx::raw_sql(forgery)
            .execute(&mut *transaction)
            .await
            .unwrap();
        let (offence,): (Option<String>,) =
            sqlx::query_as("SELECT offence FROM coordination.verify_history()")
                .fetch_one(&mut *transaction)
                .await
                .unwrap();
        transaction.rollback().await.unwrap();
        assert!(
            offence
                .as_deref()
                .is_some_and(|offence| offence.contains(found)),
            "{forgery}: {offence:?}"
        );
    }
}
