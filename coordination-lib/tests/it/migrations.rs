//! The migrations: again, at once, over data, and by an owner who is nobody special.

use coordination::{ClaimOutcome, ClaimRequest, Session};
use sqlx::postgres::PgPoolOptions;

use crate::database;

#[tokio::test]
async fn twice_and_over_data() {
    let pool = database::migrated(4).await;
    let session = Session::open(&pool, "alpha", "demo").await.unwrap();
    let ClaimOutcome::Granted(claim) = session.claim(ClaimRequest::new("a")).await.unwrap() else {
        panic!("free")
    };
    coordination::migrate(&pool).await.unwrap();
    assert_eq!(
        session.release(claim).await.unwrap(),
        coordination::ReleaseOutcome::Released
    );
    let (tables,): (i64,) = sqlx::query_as("SELECT count(*) FROM pg_class WHERE relname = 'migrations' AND relnamespace = 'coordination'::regnamespace")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(
        tables, 1,
        "the table of applied migrations lives in the schema"
    );
}

#[tokio::test]
async fn several_at_once() {
    let url = database::empty();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let url = url.clone();
        tasks.spawn(async move {
            let pool = PgPoolOptions::new()
                .max_connections(1)
                .connect(&url)
                .await
                .unwrap();
            coordination::migrate(&pool).await.unwrap();
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn the_databases_owner_is_enough() {
    let url = database::empty();
    let admin = PgPoolOptions::new()
        .max_connections(1)
        .connect(&url)
        .await
        .unwrap();
    let (name,): (String,) = sqlx::query_as("SELECT current_database()")
        .fetch_one(&admin)
        .await
        .unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "CREATE ROLE plain_owner LOGIN; ALTER DATABASE {name} OWNER TO plain_owner"
    )))
    .execute(&admin)
    .await
    .unwrap();
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .connect(&url.replace("postgres://postgres@", "postgres://plain_owner@"))
        .await
        .unwrap();
    coordination::migrate(&pool).await.unwrap();
    let session = Session::open(&pool, "alpha", "demo").await.unwrap();
    assert!(matches!(
        session.claim(ClaimRequest::new("a")).await.unwrap(),
        ClaimOutcome::Granted(_)
    ));
}

/// Rows that found no partition of their month wait in the default one, and move with their numbers.
#[tokio::test]
async fn partitions_are_made_on_demand() {
    let pool = database::migrated(2).await;
    sqlx::raw_sql("SELECT coordination.log('alpha', message => 'before'); DO $$ BEGIN EXECUTE (SELECT format('ALTER TABLE coordination.agent_log DETACH PARTITION %1$s; DROP TABLE %1$s', tableoid::regclass) FROM coordination.agent_log); END $$")
        .execute(&pool)
        .await
        .unwrap();
    let (id,): (i64,) =
        sqlx::query_as("SELECT log_id FROM coordination.log('alpha', message => 'meanwhile')")
            .fetch_one(&pool)
            .await
            .unwrap();
    let place = "SELECT id, tableoid::regclass::text FROM coordination.agent_log";
    let (_, waiting): (i64, String) = sqlx::query_as(place).fetch_one(&pool).await.unwrap();
    assert_eq!(waiting, "coordination.agent_log_rest");
    coordination::migrate(&pool).await.unwrap();
    let (moved, month): (i64, String) = sqlx::query_as(place).fetch_one(&pool).await.unwrap();
    assert_eq!(moved, id);
    assert_ne!(month, waiting);
    let (partitions,): (i64,) = sqlx::query_as(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'coordination.agent_log'::regclass",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(partitions, 8, "this month, six ahead, and the rest");
    assert!(
        sqlx::query("TRUNCATE coordination.agent_log_rest")
            .execute(&pool)
            .await
            .is_err(),
        "the new default is append-only too"
    );
}
