//! Idempotency keys, and arguments that are refused.

use std::time::Duration;

use coordination::{ClaimOutcome, ClaimRequest, Refusal, Session};

use crate::database;

#[tokio::test]
async fn the_same_key_gives_the_first_answer() {
    let pool = database::migrated(4).await;
    let session = Session::open(&pool, "alpha", "demo").await.unwrap();
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let ClaimOutcome::Granted(claim) = session
            .claim(ClaimRequest::new("a").key("once"))
            .await
            .unwrap()
        else {
            panic!("granted, and again")
        };
        tokens.push((claim.id(), claim.token(), claim.expires_at()));
    }
    assert_eq!(tokens[0], tokens[1]);
    assert_eq!(session.claims().await.unwrap().len(), 1);
    let error = session
        .claim(ClaimRequest::new("b").key("once"))
        .await
        .unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::KeyReused));
    for _ in 0..2 {
        let call = "SELECT r.outcome FROM coordination.use_session($1) s, LATERAL coordination.release($2 + 0 * s.session_id, 'end') r";
        let (outcome,): (String,) = sqlx::query_as(call)
            .bind(session.secret().expose())
            .bind(tokens[0].0)
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(
            outcome, "released",
            "the first answer again, not that it is gone"
        );
    }
    let stranger = Session::open(&pool, "beta", "demo").await.unwrap();
    assert!(
        matches!(
            stranger
                .claim(ClaimRequest::new("b").key("once"))
                .await
                .unwrap(),
            ClaimOutcome::Granted(_)
        ),
        "keys are a session's own"
    );
    assert_eq!(
        coordination::verify_history(&pool).await.unwrap().offence,
        None
    );
}

/// Several processes repeat one call at once: it is done once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_used_by_one_of_many() {
    let pool = database::migrated(10).await;
    let session = Session::open(&pool, "alpha", "demo").await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let session = session.clone();
        tasks.spawn(async move { session.claim(ClaimRequest::new("a").key("once")).await });
    }
    let mut tokens = std::collections::HashSet::new();
    while let Some(done) = tasks.join_next().await {
        match done.unwrap() {
            Ok(ClaimOutcome::Granted(claim)) => {
                tokens.insert(claim.token());
            }
            Ok(ClaimOutcome::Busy) | Err(coordination::Error::Busy(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(tokens.len(), 1);
    assert_eq!(session.claims().await.unwrap().len(), 1);
}

#[tokio::test]
async fn bad_input_is_a_typed_error_and_changes_nothing() {
    let pool = database::migrated(2).await;
    Session::open(&pool, "alpha", "demo").await.unwrap();
    for (call, state) in [
        ("claim('a', 'alpha', mode => 'greedy')", "CB005"),
        ("claim('a', 'alpha', eta => 'infinity')", "CB005"),
        ("claim('a', 'alpha', ttl => '29 s')", "CB005"),
        ("claim('a', 'alpha', ttl => '25 h')", "CB005"),
        ("claim('a', 'alpha', ttl => NULL)", "CB005"),
        ("claim('a', 'alpha', workspace => 'nowhere')", "CB007"),
        ("claim('a/../b', 'alpha')", "CB004"),
        ("claim('a', NULL)", "CB006"),
        ("claim('a', repeat('x', 101))", "CB005"),
        ("claim('pool', 'alpha', mode => 'slot')", "CB012"),
        ("claim('a', 'alpha', reason => repeat('x', 5000))", "CB005"),
        ("claim('a', 'alpha', key => '')", "CB005"),
        ("renew(77)", "CB003"),
        ("release(77)", "CB003"),
        ("log('alpha', action_type => '')", "CB005"),
        ("log('alpha', message => repeat('x', 20000))", "CB005"),
        (
            "use_session('00000000-0000-0000-0000-000000000000')",
            "CB006",
        ),
        ("use_session(NULL)", "CB006"),
        ("open_session('', 'demo')", "CB005"),
        ("open_session('x', E'a\\tb')", "CB005"),
        ("set_slots('dir/', 3)", "CB004"),
        ("assert_claim(1, 'a')", "CB002"),
    ] {
        let error = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT FROM coordination.{call}"
        )))
        .execute(&pool)
        .await
        .expect_err(call);
        assert_eq!(
            error.as_database_error().unwrap().code().as_deref(),
            Some(state),
            "{call}: {error}"
        );
    }
    let (rows,): (i64,) = sqlx::query_as("SELECT (SELECT count(*) FROM coordination.claims) + (SELECT count(*) FROM coordination.agent_log)").fetch_one(&pool).await.unwrap();
    assert_eq!(rows, 0);
    let session = Session::open(&pool, "alpha", "demo").await.unwrap();
    let error = session
        .claim(ClaimRequest::new("a").ttl(Duration::MAX))
        .await
        .unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::BadArgument));
}

#[tokio::test]
async fn strict_databases_want_a_secret() {
    let pool = database::migrated(2).await;
    let free = sqlx::query("SELECT FROM coordination.claim('a', 'alpha')")
        .execute(&pool)
        .await;
    assert!(free.is_ok());
    let (marked,): (bool,) = sqlx::query_as("SELECT unauthenticated FROM coordination.agent_log")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!(marked);
    sqlx::query("UPDATE coordination.settings SET strict = true")
        .execute(&pool)
        .await
        .unwrap();
    for call in ["claim('b', 'alpha')", "release(1)", "log('alpha')"] {
        let error = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT FROM coordination.{call}"
        )))
        .execute(&pool)
        .await
        .expect_err(call);
        assert!(
            matches!(
                coordination::Error::from(error).refusal(),
                Some(Refusal::NoSession | Refusal::NotYours)
            ),
            "{call}"
        );
    }
    let session = Session::open(&pool, "alpha", "demo").await.unwrap();
    assert!(matches!(
        session.claim(ClaimRequest::new("b")).await.unwrap(),
        ClaimOutcome::Granted(_)
    ));
}
