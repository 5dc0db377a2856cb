//! Old months go in an instant after a checkpoint, and the history still proves itself; what is lost or rolled
//! back heals.

use std::time::{Duration, Instant};

use coordination::{ClaimOutcome, ClaimRequest, ReleaseOutcome, Session, verify_history};
use sync_daemon::calendar;

use crate::stage::{Stage, eventually};

const TABLE: &str = "
CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO item SELECT n, 'Item ' || n FROM generate_series(1, 20) n;
";

const ITEMS: &str = r#"
name = "Items"
source = "item"
key = "id"
cadence = "1s"
change_limit = "off"
[[property]]
name = "Name"
type = "title"
column = "name"
"#;

/// Moves everything that happened so far into the past: rows of the log cannot be changed, so the table is
/// filled anew, as a restore would.
const AGE: &str = "
SET session_replication_role = replica;
CREATE TEMPORARY TABLE old AS SELECT * FROM coordination.agent_log;
ALTER TABLE coordination.agent_log DISABLE TRIGGER USER;
DELETE FROM coordination.agent_log;
INSERT INTO coordination.agent_log SELECT (o).* FROM (
    SELECT jsonb_populate_record(old, jsonb_build_object('timestamp', old.timestamp - interval '3 months')) AS o FROM old) aged;
ALTER TABLE coordination.agent_log ENABLE TRIGGER USER;
UPDATE coordination.claims SET acquired_at = acquired_at - interval '3 months', released_at = released_at - interval '3 months';
SET session_replication_role = origin;
SELECT coordination.ensure_log_partitions();
";

async fn claim(session: &Session, resource: &str) -> coordination::Claim {
    match session
        .claim(ClaimRequest::new(resource))
        .await
        .expect("an answer")
    {
        ClaimOutcome::Granted(claim) => claim,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_month_goes_after_a_checkpoint_and_the_history_still_proves_itself() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let session = Session::open(&stage.pool, "alpha", "default")
        .await
        .expect("a session");
    for number in 0..50 {
        let ended = claim(&session, &format!("done/{number}")).await;
        let outcome = session.release(ended).await.expect("an answer");
        assert_eq!(outcome, ReleaseOutcome::Released);
    }
    let lasting = claim(&session, "lasting/*").await;
    let token = lasting.token();
    stage.execute(AGE).await;
    let after = claim(&session, "after").await;
    assert_eq!(
        verify_history(&stage.pool)
            .await
            .expect("a verdict")
            .offence,
        None
    );

    calendar::night(&stage.pool, Some(1))
        .await
        .expect("a night");
    let (months, rows, claims): (i64, i64, i64) = sqlx::query_as(
        "SELECT count(*), sum(log_rows)::bigint, sum(claims)::bigint FROM coordination.checkpoints",
    )
    .fetch_one(&stage.pool)
    .await
    .expect("checkpoints");
    assert_eq!((months, rows, claims), (1, 101, 50));
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM coordination.claims")
        .fetch_one(&stage.pool)
        .await
        .expect("counted");
    assert_eq!(left, 2, "what is still held stays");

    let history = verify_history(&stage.pool).await.expect("a verdict");
    assert_eq!((history.claims, history.offence), (2, None));
    let known: i64 = sqlx::query_scalar(
        "SELECT coordination.token_of(c) FROM coordination.claims c WHERE resource LIKE 'lasting%'",
    )
    .fetch_one(&stage.pool)
    .await
    .expect("a token");
    assert_eq!(known, token.0, "the fencing token outlives its month");
    let outcome = session.release(after).await.expect("an answer");
    assert_eq!(outcome, ReleaseOutcome::Released);

    // A second night finds nothing to do.
    calendar::night(&stage.pool, Some(1))
        .await
        .expect("a night");
    stage
        .execute(
            "UPDATE coordination.claims SET workspace = 'forged' WHERE resource LIKE 'lasting%'",
        )
        .await;
    let offence = verify_history(&stage.pool)
        .await
        .expect("a verdict")
        .offence;
    assert!(
        offence.is_some_and(|offence| offence.what.contains("differs")),
        "the carried grant is compared too"
    );

    stage
        .execute(
            "INSERT INTO coordination.agent_log (timestamp, workspace, agent_name, session_id, action_type)
             VALUES (clock_timestamp() - interval '3 months', 'default', 'alpha', 1, 'progress')",
        )
        .await;
    calendar::night(&stage.pool, Some(1))
        .await
        .expect("a night");
    let old: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM coordination.agent_log WHERE timestamp < clock_timestamp() - interval '2 months'",
    )
    .fetch_one(&stage.pool)
    .await
    .expect("counted");
    assert_eq!(old, 1, "a history with an offence loses nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_the_night_however_much_a_month_holds() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    stage
        .execute(
            "INSERT INTO coordination.agent_log (timestamp, workspace, agent_name, session_id, action_type, message)
             SELECT clock_timestamp() - interval '3 months', 'default', 'alpha', 1, 'progress', 'step ' || n FROM generate_series(1, 100000) n;
             SELECT coordination.ensure_log_partitions()",
        )
        .await;
    let reader = async {
        let mut longest = Duration::ZERO;
        for _ in 0..200 {
            let started = Instant::now();
            sqlx::query("SELECT FROM coordination.agent_log ORDER BY id DESC LIMIT 1")
                .execute(&stage.pool)
                .await
                .expect("read");
            longest = longest.max(started.elapsed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        longest
    };
    let (night, longest) = tokio::join!(calendar::night(&stage.pool, Some(1)), reader);
    night.expect("a night");
    let rows: i64 = sqlx::query_scalar("SELECT log_rows FROM coordination.checkpoints")
        .fetch_one(&stage.pool)
        .await
        .expect("a checkpoint");
    assert_eq!(rows, 100_000);
    assert!(
        longest < Duration::from_secs(15),
        "readers waited for {longest:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calendar_itself_starts_the_nights_work() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    stage
        .execute(
            "INSERT INTO coordination.agent_log (timestamp, workspace, agent_name, session_id, action_type)
             VALUES (clock_timestamp() - interval '3 months', 'default', 'alpha', 1, 'progress')",
        )
        .await;
    let mut seen = sync_daemon::service::Seen::nothing();
    seen.pool = Some(stage.pool.clone());
    let (_sender, seen) = tokio::sync::watch::channel(seen);
    let scheduler = calendar::start(seen, Some(1), "* * * * * *")
        .await
        .expect("a calendar");
    eventually("the month is gone", async || {
        sqlx::query_scalar("SELECT count(*) FROM coordination.checkpoints")
            .fetch_one(&stage.pool)
            .await
            .is_ok_and(|months: i64| months == 1)
    })
    .await;
    drop(scheduler);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ledger_is_rebuilt_by_reads_alone() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    stage.once().await;
    stage.execute("DROP SCHEMA sync CASCADE").await;
    assert_eq!(stage.daemon(&["setup"]).await.code, 0);
    stage.once().await;
    stage.assert_clean().await;
    let stats = stage.notion.stats();
    assert_eq!(
        (stats.page_creates, stats.page_trashes),
        (20, 0),
        "{stats:?}"
    );
}
