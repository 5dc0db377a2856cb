//! Handing over, revoking, resuming.

use coordination::{
    Claim, ClaimOutcome, ClaimRequest, Ending, Error, HandoffOutcome, Refusal, ReleaseOutcome,
    RenewOutcome, Session,
};

use crate::database;

async fn granted(session: &Session, resource: &str) -> Claim {
    match session.claim(ClaimRequest::new(resource)).await.unwrap() {
        ClaimOutcome::Granted(claim) => claim,
        other => panic!("not granted: {other:?}"),
    }
}

#[tokio::test]
async fn a_claim_is_handed_over() {
    let pool = database::migrated(4).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let _old_beta = Session::open(&pool, "beta", "demo").await.unwrap();
    let beta = Session::open(&pool, "beta", "demo").await.unwrap();
    let claim = granted(&alpha, "a/*").await;
    let id = claim.id();
    let HandoffOutcome::HandedOver(token) = alpha
        .hand_off(claim, "beta", "tests are missing")
        .await
        .unwrap()
    else {
        panic!("it was held")
    };
    let [received] = beta
        .claims()
        .await
        .unwrap()
        .try_into()
        .expect("beta has one claim");
    assert_eq!((received.token(), received.resource()), (token, "a/*"));
    assert!(received.is_trusted());
    let again = sqlx::query_as::<_, (String, Option<String>)>("SELECT r.outcome, r.taken_by FROM coordination.use_session($1) s, LATERAL coordination.release($2 + 0 * s.session_id) r")
        .bind(alpha.secret().expose())
        .bind(id)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(again, ("lost".to_owned(), Some("beta".to_owned())));
    assert_eq!(
        beta.release(received).await.unwrap(),
        ReleaseOutcome::Released
    );

    let (wide, narrow) = (granted(&alpha, "b/*").await, granted(&alpha, "b/c").await);
    let error = alpha.hand_off(narrow, "beta", "").await.unwrap_err();
    assert_eq!(
        error.refusal(),
        Some(Refusal::Held),
        "alpha's own wider claim stands in the way: {error}"
    );
    let error = alpha.hand_off(wide, "nobody", "").await.unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::NoSession));
    assert_eq!(alpha.claims().await.unwrap().len(), 2, "nothing changed");
    assert_eq!(
        coordination::verify_history(&pool).await.unwrap().offence,
        None
    );
}

#[tokio::test]
async fn an_operator_revokes_with_a_reason() {
    let pool = database::migrated(4).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let mut claim = granted(&alpha, "a").await;
    assert_eq!(
        coordination::revoke(&pool, claim.id(), " ")
            .await
            .unwrap_err()
            .refusal(),
        Some(Refusal::BadArgument)
    );
    assert!(
        coordination::revoke(&pool, claim.id(), "release freeze")
            .await
            .unwrap()
    );
    assert!(
        !coordination::revoke(&pool, claim.id(), "again")
            .await
            .unwrap()
    );
    let RenewOutcome::Lost(loss) = alpha
        .renew(&mut claim, std::time::Duration::from_mins(1))
        .await
        .unwrap()
    else {
        panic!("revoked")
    };
    assert_eq!(
        (loss.ending, loss.by.as_deref()),
        (Ending::Revoked, Some("postgres"))
    );
    let (status, reason): (String, String) = sqlx::query_as(
        "SELECT r.status, l.message FROM coordination.resource_claims r, coordination.agent_log l WHERE r.resource = 'a' AND l.act = 'revoked'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(
        (status.as_str(), reason.as_str()),
        ("revoked", "release freeze")
    );
    assert_eq!(
        coordination::verify_history(&pool).await.unwrap().offence,
        None
    );
}

#[tokio::test]
async fn a_session_is_resumed_by_its_secret_alone() {
    let pool = database::migrated(4).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let claim = granted(&alpha, "a").await;
    let resumed = Session::resume(&pool, alpha.secret()).await.unwrap();
    assert_eq!(
        (resumed.id(), resumed.agent(), resumed.incarnation()),
        (alpha.id(), "alpha", 1)
    );
    let [found] = resumed
        .claims()
        .await
        .unwrap()
        .try_into()
        .expect("the claim is still held");
    assert_eq!(found.token(), claim.token());
    let stranger = Session::open(&pool, "alpha", "demo").await.unwrap();
    assert_eq!(
        stranger.release(found).await.unwrap_err().refusal(),
        Some(Refusal::NotYours)
    );
    let unknown = Session::resume(&pool, uuid::Uuid::new_v4().into())
        .await
        .unwrap_err();
    assert!(
        matches!(
            unknown,
            Error::Refused {
                refusal: Refusal::NoSession,
                ..
            }
        ),
        "{unknown}"
    );
    assert!(
        !format!("{alpha:?}").contains(&alpha.secret().expose().to_string()),
        "secrets stay out of logs"
    );
    let (stored,): (i64,) = sqlx::query_as(
        "SELECT count(*) FROM coordination.sessions s WHERE s::text LIKE '%' || $1 || '%'",
    )
    .bind(alpha.secret().expose().to_string())
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(stored, 0, "only the hash is stored");
}
