//! What a board sees.

use chrono::{DateTime, Utc};
use coordination::{Claim, ClaimOutcome, ClaimRequest, LogEntry, Session};
use sqlx::PgPool;

use crate::database;

async fn granted(session: &Session, request: ClaimRequest) -> Claim {
    match session.claim(request).await.unwrap() {
        ClaimOutcome::Granted(claim) => claim,
        other => panic!("not granted: {other:?}"),
    }
}

type Activity = (
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

async fn activity(pool: &PgPool, agent: &str) -> Activity {
    sqlx::query_as(
        "SELECT status, current_task, progress, blockers, claims FROM coordination.agent_activity WHERE workspace = 'demo' AND agent = $1",
    )
    .bind(agent)
    .fetch_one(pool)
    .await
    .unwrap()
}

type Row = (
    String,
    String,
    String,
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
    Option<String>,
);

#[tokio::test]
async fn an_agents_day() {
    let pool = database::migrated(2).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    assert_eq!(
        activity(&pool, "alpha").await,
        ("idle".into(), None, None, None, None)
    );

    let claim = granted(&alpha, ClaimRequest::new("modules/")).await;
    assert_eq!(
        activity(&pool, "alpha").await,
        ("working".into(), None, None, None, Some("modules/*".into()))
    );
    alpha
        .log(
            LogEntry::progress("going well")
                .task("Creating power modules")
                .steps(3, 5)
                .resource("modules/"),
        )
        .await
        .unwrap();
    alpha
        .log(LogEntry::help("Need ghost cohorts").needed_from("gamma"))
        .await
        .unwrap();
    alpha
        .log(LogEntry::blocked("and the schema"))
        .await
        .unwrap();
    let (task, progress): (Option<String>, Option<String>) = (
        Some("Creating power modules".into()),
        Some("60% (3/5)".into()),
    );
    let blocked = activity(&pool, "alpha").await;
    assert_eq!(
        blocked,
        (
            "blocked".into(),
            task.clone(),
            progress.clone(),
            Some("Need ghost cohorts\nand the schema".into()),
            Some("modules/*".into())
        )
    );
    let (status,): (String,) = sqlx::query_as("SELECT status FROM coordination.resource_claims")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(status, "blocked", "so is what it holds");

    alpha
        .log(LogEntry::progress("on again").resource("modules/"))
        .await
        .unwrap();
    assert_eq!(
        activity(&pool, "alpha").await,
        (
            "working".into(),
            task.clone(),
            progress.clone(),
            None,
            Some("modules/*".into())
        )
    );
    let _ = alpha.release(claim).await.unwrap();
    assert_eq!(
        activity(&pool, "alpha").await,
        ("idle".into(), task.clone(), progress.clone(), None, None)
    );
    alpha.log(LogEntry::done("all five")).await.unwrap();
    assert_eq!(activity(&pool, "alpha").await.0, "done");
    // Nonsense in metadata must not break the board.
    alpha
        .log(
            LogEntry::note("odd")
                .metadata("done", "three")
                .metadata("total", 0),
        )
        .await
        .unwrap();
    assert_eq!(activity(&pool, "alpha").await.2, None);
    alpha
        .log(
            LogEntry::note("odd")
                .metadata("done", 1e300)
                .metadata("total", -1),
        )
        .await
        .unwrap();
    assert_eq!(activity(&pool, "alpha").await.2, None);
}

#[tokio::test]
async fn a_resource_has_one_row() {
    let pool = database::migrated(2).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let beta = Session::open(&pool, "beta", "demo").await.unwrap();
    let eta: DateTime<Utc> = "2030-01-02T15:00:00Z".parse().unwrap();
    let one = granted(
        &alpha,
        ClaimRequest::new("a").shared().reason("reading").eta(eta),
    )
    .await;
    let two = granted(&beta, ClaimRequest::new("a").shared()).await;
    let row = async || -> Option<Row> {
        sqlx::query_as("SELECT mode, claimed_by, status, eta, released_at, reason FROM coordination.resource_claims WHERE workspace = 'demo' AND resource = 'a'")
            .fetch_optional(&pool)
            .await
            .unwrap()
    };
    assert_eq!(
        row().await,
        Some((
            "shared".into(),
            "alpha, beta".into(),
            "working".into(),
            Some(eta),
            None,
            Some("reading".into())
        ))
    );
    let _ = alpha.release(one).await.unwrap();
    let (_, holder, status, ..) = row().await.unwrap();
    assert_eq!((holder.as_str(), status.as_str()), ("beta", "working"));
    let _ = beta.release(two).await.unwrap();
    let (_, holder, status, _, released_at, _) = row().await.unwrap();
    assert_eq!(
        (holder.as_str(), status.as_str(), released_at.is_some()),
        ("beta", "released", true)
    );

    sqlx::query("UPDATE coordination.claims SET released_at = released_at - interval '25 h'")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(
        row().await,
        None,
        "what ended more than a day ago is not shown"
    );
    let mut again = granted(&beta, ClaimRequest::new("a")).await;
    sqlx::query(
        "UPDATE coordination.claims SET expires_at = clock_timestamp() WHERE released_at IS NULL",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(
        row().await.unwrap().2,
        "expired",
        "without anybody closing it"
    );
    let _ = beta
        .renew(&mut again, std::time::Duration::from_mins(1))
        .await
        .unwrap();
}

/// Renewals touch no index: they stay cheap however long the history is.
#[tokio::test]
async fn renewals_are_hot() {
    let pool = database::migrated(1).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let mut claim = granted(&alpha, ClaimRequest::new("a")).await;
    let before = updates(&pool).await;
    for _ in 0..20 {
        let _ = alpha
            .renew(&mut claim, std::time::Duration::from_mins(1))
            .await
            .unwrap();
    }
    let after = updates(&pool).await;
    assert_eq!((after.0 - before.0, after.1 - before.1), (20, 20));
}

async fn updates(pool: &PgPool) -> (i64, i64) {
    sqlx::query("SELECT pg_stat_force_next_flush()")
        .execute(pool)
        .await
        .unwrap();
    sqlx::query_as("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relid = 'coordination.claims'::regclass").fetch_one(pool).await.unwrap()
}
