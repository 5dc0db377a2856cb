//! What is on record, who sweeps it up, and what cannot be asked for.

use coordination::{
    Claim, ClaimOutcome, ClaimRequest, Ending, Held, LogEntry, Refusal, RenewOutcome, Resource,
    Session, SetOutcome, claims_between, history_of, log_page, verify_history,
};
use sqlx::PgPool;

use crate::database;

async fn granted(session: &Session, resource: &str) -> Claim {
    match session.claim(ClaimRequest::new(resource)).await.unwrap() {
        ClaimOutcome::Granted(claim) => claim,
        other => panic!("not granted: {other:?}"),
    }
}

async fn sqlstate(pool: &PgPool, statement: &'static str) -> (String, String) {
    let error = sqlx::raw_sql(statement).execute(pool).await.unwrap_err();
    let answer = error.as_database_error().expect("the database refused");
    (
        answer.code().unwrap_or_default().into_owned(),
        answer.message().to_owned(),
    )
}

#[tokio::test]
async fn log_and_history_are_read_in_pages() {
    let pool = database::migrated(2).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let claim = granted(&alpha, "modules/power/*").await;
    alpha.log(LogEntry::note("one")).await.unwrap();
    alpha.log(LogEntry::note("two")).await.unwrap();
    let page = log_page(&pool, "demo", None, 2).await.unwrap();
    let words: Vec<_> = page.iter().map(|row| row.message.as_deref()).collect();
    assert_eq!(words, [Some("two"), Some("one")]);
    let rest = log_page(&pool, "demo", Some(page[1].id), 10).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(
        (rest[0].action.as_str(), rest[0].claim_id),
        ("claim", Some(claim.id()))
    );

    let _ = alpha.release(claim).await.unwrap();
    let later = granted(&alpha, "modules/power/solar.md").await;
    let solar = Resource::parse("modules/power/solar.md").unwrap();
    let history = history_of(&pool, &solar, "demo", 10).await.unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(
        (history[0].claim_id, history[0].ended_at),
        (later.id(), None)
    );
    assert_eq!(history[1].ending.as_deref(), Some("released"));
    let lived = claims_between(
        &pool,
        "demo",
        history[1].acquired_at,
        history[1].ended_at.unwrap(),
    );
    assert_eq!(lived.await.unwrap(), [history[1].clone()]);
    let elsewhere = Resource::parse("docs/*").unwrap();
    assert!(
        history_of(&pool, &elsewhere, "demo", 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn what_expired_long_ago_is_swept_up() {
    let pool = database::migrated(2).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let (mut old, fresh, live) = (
        granted(&alpha, "old").await,
        granted(&alpha, "fresh").await,
        granted(&alpha, "live").await,
    );
    sqlx::query("UPDATE coordination.claims SET expires_at = clock_timestamp() - CASE id WHEN $1 THEN interval '61 min' ELSE interval '1 min' END WHERE id IN ($1, $2)")
        .bind(old.id())
        .bind(fresh.id())
        .execute(&pool)
        .await
        .unwrap();
    // Whoever opens a session sweeps.
    let beta = Session::open(&pool, "beta", "demo").await.unwrap();
    let open: Vec<i64> = sqlx::query_scalar(
        "SELECT id FROM coordination.claims WHERE released_at IS NULL ORDER BY id",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(open, [fresh.id().0, live.id().0]);
    let swept: i32 = sqlx::query_scalar("SELECT coordination.sweep(older_than => '0')")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(swept, 1);
    let RenewOutcome::Lost(loss) = alpha
        .renew(&mut old, std::time::Duration::from_mins(1))
        .await
        .unwrap()
    else {
        panic!("it expired")
    };
    assert_eq!((loss.ending, loss.by), (Ending::Expired, None));
    let _ = granted(&beta, "old").await;
    assert_eq!(verify_history(&pool).await.unwrap().offence, None);
}

#[tokio::test]
async fn a_refusal_names_what_is_free() {
    let pool = database::migrated(4).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let beta = Session::open(&pool, "beta", "demo").await.unwrap();
    for known in ["modules/avionics/imu.md", "modules/index.md"] {
        let claim = granted(&alpha, known).await;
        let _ = alpha.release(claim).await.unwrap();
    }
    let _ = granted(&alpha, "modules/power/x").await;
    let ClaimOutcome::Held(Held { free, .. }) =
        beta.claim(ClaimRequest::new("modules/*")).await.unwrap()
    else {
        panic!("alpha holds a part")
    };
    assert_eq!(free, ["modules/index.md", "modules/avionics/*"]);
    for name in free {
        let _ = granted(&beta, &name).await;
    }
    let SetOutcome::Held(Held { free, .. }) = beta
        .claim_all(&["docs", "a"], ClaimRequest::new("modules/power/*"))
        .await
        .unwrap()
    else {
        panic!("alpha holds a part")
    };
    assert_eq!(free, ["a", "docs"]);
    let ClaimOutcome::Held(Held { free, .. }) = beta
        .claim(ClaimRequest::new("modules/power/x"))
        .await
        .unwrap()
    else {
        panic!("alpha holds it")
    };
    assert!(free.is_empty(), "a name has no parts");
}

#[tokio::test]
async fn what_does_not_exist_is_said_to_be_so() {
    let pool = database::migrated(2).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let claim = granted(&alpha, "a").await;
    for (statement, code, words) in [
        (
            "SELECT coordination.release(77)",
            "CB003",
            "there is no claim 77",
        ),
        (
            "SELECT coordination.renew(77)",
            "CB003",
            "there is no claim 77",
        ),
        (
            "SELECT coordination.release(1)",
            "CB003",
            "claim 1 is not yours",
        ),
        (
            "SELECT coordination.assert_claim(77, 'a')",
            "CB002",
            "token 77 was never granted in this database",
        ),
        (
            "SELECT coordination.holders('a', 'nowhere')",
            "CB007",
            "nobody ever opened a session in workspace 'nowhere'",
        ),
        (
            "SELECT coordination.claim('a', 'alpha', workspace => 'nowhere')",
            "CB007",
            "nobody ever opened a session in workspace 'nowhere'",
        ),
        (
            "SELECT coordination.use_session('00000000-0000-4000-8000-000000000000')",
            "CB006",
            "no session of this database has this secret",
        ),
        (
            "SELECT coordination.log('alpha', 'No Word')",
            "CB005",
            "action 'No Word' is not a word",
        ),
        (
            "SELECT coordination.claim('a', 'alpha', mode => 'loud')",
            "CB005",
            "mode 'loud' is unknown",
        ),
        (
            "SELECT coordination.claim('a', 'alpha', mode => NULL)",
            "CB005",
            "mode NULL is unknown",
        ),
        (
            "SELECT coordination.claim('a', 'alpha', ttl => '29 s')",
            "CB005",
            "30 seconds to 24 hours",
        ),
        (
            "SELECT coordination.claim('a', 'alpha', ttl => NULL)",
            "CB005",
            "30 seconds to 24 hours",
        ),
        (
            "SELECT coordination.claim('a', 'alpha', wait => '-1 s')",
            "CB005",
            "waits 0 to 24 hours",
        ),
        (
            "SELECT coordination.claim_all('{a,b}', 'alpha', mode => 'loud')",
            "CB005",
            "mode 'loud' is unknown",
        ),
        (
            "SELECT coordination.claim('../a', 'alpha')",
            "CB004",
            "contains a .. segment",
        ),
        ("SELECT coordination.sweep(0)", "CB005", "a sweep closes"),
    ] {
        let (found, message) = sqlstate(&pool, statement).await;
        assert_eq!(found, code, "{statement}: {message}");
        assert!(message.contains(words), "{statement}: {message}");
    }
    let unknown = coordination::holders_in(&pool, "*", "nowhere")
        .await
        .unwrap_err();
    assert_eq!(unknown.refusal(), Some(Refusal::UnknownWorkspace));
    let _ = alpha.release(claim).await.unwrap();
    let (claims,): (i64,) = sqlx::query_as("SELECT count(*) FROM coordination.claims")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(claims, 1, "nothing of that left a trace");
}
