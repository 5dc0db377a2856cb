//! Nobody waits in a circle, also where no lock timeout would break it.

use std::time::Duration;

use coordination::{ClaimOutcome, ClaimRequest, Session, SetOutcome, verify_history};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgPool};

use crate::database;

/// Until this many calls of the protocol wait for a lock.
async fn waiting(pool: &PgPool, calls: i64) {
    for _ in 0..3_000 {
        let (now,): (i64,) = sqlx::query_as(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%coordination.claim%'",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        if now == calls {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{calls} calls were to wait");
}

/// A set takes expired claims over in the order of their names, a wide claim in the order of their numbers.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_set_and_a_wide_claim_take_over_the_same_ground() {
    let url = database::empty();
    let options = url
        .parse::<sqlx::postgres::PgConnectOptions>()
        .unwrap()
        .options([("coordination.busy_after", "60s")]);
    let pool = PgPoolOptions::new()
        .max_connections(8)
        .connect_with(options)
        .await
        .unwrap();
    coordination::migrate(&pool).await.unwrap();
    let dead = Session::open(&pool, "dead", "default").await.unwrap();
    for name in ["x/2", "x/1"] {
        let ClaimOutcome::Granted(_) = dead.claim(ClaimRequest::new(name)).await.unwrap() else {
            panic!("free")
        };
    }
    sqlx::query("UPDATE coordination.claims SET expires_at = clock_timestamp()")
        .execute(&pool)
        .await
        .unwrap();
    let wide = Session::open(&pool, "wide", "default").await.unwrap();
    let set = Session::open(&pool, "set", "default").await.unwrap();

    let mut bystander = pool.acquire().await.unwrap();
    let mut transaction = bystander.begin().await.unwrap();
    sqlx::query("SELECT FROM coordination.claims WHERE resource = 'x/2' FOR UPDATE")
        .execute(&mut *transaction)
        .await
        .unwrap();
    let wide = tokio::spawn(async move { wide.claim(ClaimRequest::new("x/*")).await });
    waiting(&pool, 1).await;
    let set = tokio::spawn(async move { set.claim_all(&["x/2"], ClaimRequest::new("x/1")).await });
    waiting(&pool, 2).await;
    transaction.rollback().await.unwrap();
    drop(bystander);

    let wide = wide.await.unwrap().unwrap();
    let set = set.await.unwrap().unwrap();
    assert!(
        matches!(wide, ClaimOutcome::Granted(_)) != matches!(set, SetOutcome::Granted(_)),
        "one of them has it: {wide:?} {set:?}"
    );
    assert_eq!(verify_history(&pool).await.unwrap().offence, None);
    // Its statistics are written when a connection has been idle for a while, or ends.
    pool.close().await;
    let pool = PgPoolOptions::new().connect(&url).await.unwrap();
    let (circles,): (i64,) =
        sqlx::query_as("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(circles, 0);
}
