use std::time::Duration;

use coordination::{ClaimOutcome, ClaimRequest, LogEntry, ReleaseOutcome, Session};
use demo::journal;
use sqlx::PgPool;

use crate::domain;

/// A write as the daemon records it, answered 1000 ms after it read.
async fn write(pool: &PgPool, dashboard: &str, key: &str, hash: u128) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO sync.writes (dashboard, key, kind, properties, source_hash, read_at, sent_at, answered_at, outcome)
         SELECT $1, $2, 'update', '{}', $3::uuid, now, now, now + interval '1 second', 'written' FROM clock_timestamp() AS now",
    )
    .bind(dashboard)
    .bind(key)
    .bind(format!("{hash:032x}"))
    .execute(pool)
    .await?;
    Ok(())
}

async fn set_status(pool: &PgPool, task: i32, status: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE cadence_tasks SET status = $2 WHERE id = $1")
        .bind(task)
        .bind(status)
        .execute(pool)
        .await?;
    Ok(())
}

async fn lags(
    pool: &PgPool,
    since: sqlx::types::chrono::DateTime<sqlx::types::chrono::Utc>,
) -> sqlx::Result<Vec<(String, String)>> {
    sqlx::query_as("SELECT dashboard, page FROM demo.lags($1) ORDER BY committed_at")
        .bind(since)
        .fetch_all(pool)
        .await
}

#[tokio::test]
async fn lag_runs_from_commit_to_the_answer_of_the_write_that_carries_it() -> anyhow::Result<()> {
    let (_cluster, pool) = domain().await?;
    set_status(&pool, 1, "review").await?;
    let since = journal::now(&pool).await?;
    set_status(&pool, 1, "done").await?;
    write(&pool, "Tasks", "1", 1).await?;

    let lag = journal::lag(&pool, since).await?;
    assert_eq!(
        lag.changes, 1,
        "the change before the beginning counts, or the one after it does not"
    );
    let p50 = lag.p50_ms.expect("one change");
    assert!((1_000.0..6_000.0).contains(&p50), "{p50}");

    // Two changes before one write are two waits; a change that no write carried yet is none.
    set_status(&pool, 2, "done").await?;
    set_status(&pool, 2, "blocked").await?;
    write(&pool, "Tasks", "2", 2).await?;
    set_status(&pool, 3, "blocked").await?;
    assert_eq!(journal::lag(&pool, since).await?.changes, 3);
    Ok(())
}

#[tokio::test]
async fn what_was_undone_before_anything_looked_does_not_count() -> anyhow::Result<()> {
    let (_cluster, pool) = domain().await?;
    let since = journal::now(&pool).await?;
    set_status(&pool, 1, "review").await?;
    write(&pool, "Tasks", "1", 1).await?;
    set_status(&pool, 1, "blocked").await?;
    set_status(&pool, 1, "review").await?;
    set_status(&pool, 1, "done").await?;
    write(&pool, "Tasks", "1", 2).await?;
    assert_eq!(
        journal::lag(&pool, since).await?.changes,
        2,
        "blocked and back was never to be seen"
    );
    Ok(())
}

#[tokio::test]
async fn changed_rows_count_versions_not_writes() -> anyhow::Result<()> {
    let (_cluster, pool) = domain().await?;
    write(&pool, "Tasks", "1", 1).await?;
    let since = journal::baseline(&pool).await?;
    write(&pool, "Tasks", "1", 1).await?;
    write(&pool, "Tasks", "1", 2).await?;
    write(&pool, "Projects", "1", 2).await?;
    assert_eq!(journal::counts(&pool, since).await?.changed_rows, 2);
    Ok(())
}

#[tokio::test]
async fn the_replay_of_the_live_boards_agrees_with_their_views() -> anyhow::Result<()> {
    let (_cluster, pool) = domain().await?;
    let since = journal::now(&pool).await?;
    let session = Session::open(&pool, "alpha", "demo").await?;
    let (mut shown, mut changes) = (String::new(), Vec::new());

    session
        .log(LogEntry::waiting("not yet").task("Writing"))
        .await?;
    look(&pool, &mut shown, &mut changes).await?;
    let ClaimOutcome::Granted(claim) = session
        .claim(ClaimRequest::new("modules/power/*").ttl(Duration::from_mins(1)))
        .await?
    else {
        panic!("nobody else is there")
    };
    look(&pool, &mut shown, &mut changes).await?;
    for done in [1, 2, 2] {
        session
            .log(
                LogEntry::progress("on it")
                    .task("Writing")
                    .steps(done, 3)
                    .resource("modules/power/*"),
            )
            .await?;
        look(&pool, &mut shown, &mut changes).await?;
    }
    session.log(LogEntry::note("nothing to see")).await?;
    look(&pool, &mut shown, &mut changes).await?;
    session
        .log(LogEntry::help("what now?").needed_from("beta"))
        .await?;
    look(&pool, &mut shown, &mut changes).await?;
    session
        .log(LogEntry::progress("again").task("Writing").steps(3, 3))
        .await?;
    look(&pool, &mut shown, &mut changes).await?;
    let mut transaction = pool.begin().await?;
    session
        .log_in(&mut transaction, LogEntry::done("ready").task("Writing"))
        .await?;
    assert_eq!(
        session.release_in(&mut transaction, claim).await?,
        ReleaseOutcome::Released
    );
    transaction.commit().await?;
    look(&pool, &mut shown, &mut changes).await?;

    write(&pool, "Agent Activity", r#"["demo", "alpha"]"#, 1).await?;
    write(
        &pool,
        "Resource Claims",
        r#"["demo", "modules/power/*"]"#,
        1,
    )
    .await?;
    let replayed: Vec<String> = lags(&pool, since)
        .await?
        .into_iter()
        .map(|(dashboard, _)| dashboard)
        .collect();
    let (activity, claims) = ("Agent Activity".to_owned(), "Resource Claims".to_owned());
    for board in [&activity, &claims] {
        let count = |of: &[String]| of.iter().filter(|name| *name == board).count();
        assert_eq!(
            count(&replayed),
            count(&changes),
            "{board}: {replayed:?} replayed, {changes:?} seen"
        );
    }
    Ok(())
}

/// Notes which of the two boards looks different now.
async fn look(pool: &PgPool, shown: &mut String, changes: &mut Vec<String>) -> sqlx::Result<()> {
    let now: String = sqlx::query_scalar(
        "SELECT concat(
           (SELECT row(status, current_task, progress, date_trunc('minute', last_update), claims)::text FROM coordination.agent_activity WHERE workspace = 'demo'),
           '|',
           (SELECT row(claimed_by, status, date_trunc('minute', started), date_trunc('minute', released_at))::text
            FROM coordination.resource_claims WHERE workspace = 'demo'))",
    )
    .fetch_one(pool)
    .await?;
    let parts = |text: &str| {
        text.split_once('|')
            .map(|(left, right)| (left.to_owned(), right.to_owned()))
            .unwrap_or_default()
    };
    let (before, after) = (parts(shown), parts(&now));
    if before.0 != after.0 {
        changes.push("Agent Activity".to_owned());
    }
    if before.1 != after.1 {
        changes.push("Resource Claims".to_owned());
    }
    *shown = now;
    Ok(())
}
