//! Guarded tables.

use coordination::{ClaimOutcome, ClaimRequest, Error, Refusal, Session};

use crate::database;

#[tokio::test]
async fn writes_without_a_claim_are_refused() {
    let pool = database::migrated(4).await;
    sqlx::raw_sql(
        "CREATE TABLE modules (slug text PRIMARY KEY, body text);
         INSERT INTO modules VALUES ('battery', 'old'), ('solar', 'old'), ('*', 'old');
         SELECT coordination.require_claim('modules', 'modules/{slug}')",
    )
    .execute(&pool)
    .await
    .unwrap();
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let beta = Session::open(&pool, "beta", "demo").await.unwrap();
    let ClaimOutcome::Granted(claim) = alpha
        .claim(ClaimRequest::new("modules/battery"))
        .await
        .unwrap()
    else {
        panic!("free")
    };

    let attempt = async |session: Option<&Session>, statement: &'static str| {
        let mut transaction = pool.begin().await.unwrap();
        if let Some(session) = session {
            session.use_in(&mut transaction).await.unwrap();
        }
        let answer = sqlx::raw_sql(statement)
            .execute(&mut *transaction)
            .await
            .map_err(Error::from);
        transaction.rollback().await.unwrap();
        match answer {
            Ok(_) => None,
            Err(error) => Some(
                error
                    .refusal()
                    .unwrap_or_else(|| panic!("{statement}: {error}")),
            ),
        }
    };
    let refused = Some(Refusal::Unclaimed);
    for (session, statement, expected) in [
        (
            Some(&alpha),
            "UPDATE modules SET body = 'new' WHERE slug = 'battery'",
            None,
        ),
        (
            Some(&alpha),
            "DELETE FROM modules WHERE slug = 'battery'",
            None,
        ),
        (Some(&alpha), "UPDATE modules SET body = 'new'", refused),
        (
            Some(&alpha),
            "UPDATE modules SET slug = 'other' WHERE slug = 'battery'",
            refused,
        ),
        (
            Some(&alpha),
            "DELETE FROM modules WHERE slug = 'battery'; UPDATE modules SET slug = 'battery' WHERE slug = 'solar'",
            refused,
        ),
        (
            Some(&alpha),
            "INSERT INTO modules VALUES ('new', '')",
            refused,
        ),
        (Some(&alpha), "TRUNCATE modules", refused),
        (
            Some(&beta),
            "UPDATE modules SET body = 'new' WHERE slug = 'battery'",
            refused,
        ),
        (
            None,
            "UPDATE modules SET body = 'new' WHERE slug = 'battery'",
            refused,
        ),
        // Its name must not widen to everything, nor must a claim of everything else count for it.
        (
            Some(&alpha),
            "DELETE FROM modules WHERE slug = '*'",
            refused,
        ),
        (
            None,
            "SELECT coordination.release_guard('modules'); UPDATE modules SET body = 'new'",
            None,
        ),
    ] {
        assert_eq!(attempt(session, statement).await, expected, "{statement}");
    }
    let _ = alpha.release(claim).await.unwrap();
    assert_eq!(
        attempt(Some(&alpha), "DELETE FROM modules WHERE slug = 'battery'").await,
        refused
    );
    let ClaimOutcome::Granted(_wide) = beta.claim(ClaimRequest::new("modules/")).await.unwrap()
    else {
        panic!("free")
    };
    assert_eq!(attempt(Some(&beta), "TRUNCATE modules").await, None);
    assert_eq!(attempt(Some(&beta), "DELETE FROM modules").await, None);
}
