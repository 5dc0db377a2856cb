//! A fleet that comes at once to a server with few connections: everybody gets in, one after the other.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, PgPool};
use tokio::task::JoinSet;

use crate::database;

/// A role with so many connections, by which nobody else comes.
async fn crowd(name: &str, limit: i32) -> (PgPool, PgConnectOptions) {
    let pool = database::migrated(2).await;
    let role = format!("CREATE ROLE {name} LOGIN CONNECTION LIMIT {limit}");
    sqlx::raw_sql(AssertSqlSafe(role))
        .execute(&pool)
        .await
        .expect("a role");
    let options = pool.connect_options().as_ref().clone().username(name);
    (pool, options)
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_agents_share_three_connections() {
    let (pool, options) = crowd("crowd", 3).await;
    let mut agents = JoinSet::new();
    for _ in 0..12 {
        let options = options.clone();
        agents.spawn(async move {
            let own = coordination::connect(options).await?;
            sqlx::query("SELECT pg_sleep(0.1)").execute(&own).await?;
            own.close().await;
            Ok::<(), sqlx::Error>(())
        });
    }
    let came = agents.join_all().await;
    assert!(came.iter().all(Result::is_ok), "{came:?}");
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_holds_one_connection_however_busy_it_is() {
    let (pool, options) = crowd("single", 9).await;
    let agent = coordination::connect(options).await.expect("connected");
    let mut work = JoinSet::new();
    for _ in 0..20 {
        let agent = agent.clone();
        work.spawn(async move {
            sqlx::query("SELECT pg_sleep(0.02)")
                .execute(&agent)
                .await
                .expect("done");
        });
    }
    while let Some(done) = work.join_next().await {
        done.expect("no panic");
        let held: i64 =
            sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE usename = 'single'")
                .fetch_one(&pool)
                .await
                .expect("counted");
        assert_eq!(held, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_never_gets_in_learns_why() {
    let (_pool, options) = crowd("shut_out", 0).await;
    let refused =
        tokio::time::timeout(Duration::from_mins(3), coordination::connect(options)).await;
    let error = refused.expect("patience ends").expect_err("nobody gets in");
    let code = error
        .as_database_error()
        .and_then(|error| error.code().map(std::borrow::Cow::into_owned));
    assert_eq!(code.as_deref(), Some("53300"), "{error}");
}
