//! What people and programs do beside the agents: rows come, change and go, and the log grows.

use std::time::Duration;

use coordination::{LogEntry, Session};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

/// What was done, and what could not be while the database was away.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Load {
    pub(crate) changes: u64,
    pub(crate) log_rows: u64,
    pub(crate) refused: u64,
}

const EVERY: Duration = Duration::from_millis(500);

/// Numbers from here on are of tasks that come and go.
const PASSING: i32 = 1_000_000;

/// Until `stop`.
pub(crate) async fn run(pool: PgPool, stop: CancellationToken) -> Load {
    let mut load = Load::default();
    let mut session = None;
    for round in 0.. {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => break,
        }
        match change(&pool, round).await {
            Ok(rows) => load.changes += rows,
            Err(_) => load.refused += 1,
        }
        if session.is_none() {
            session = Session::open(&pool, "chronicler", "soak").await.ok();
        }
        let Some(chronicler) = &session else { continue };
        for _ in 0..10 {
            let entry = LogEntry::note(format!("round {round} of many"));
            if chronicler.log(entry).await.is_err() {
                load.refused += 1;
                session = None;
                break;
            }
            load.log_rows += 1;
        }
    }
    load
}

/// One small thing. A handful of tasks is passing at once.
async fn change(pool: &PgPool, round: i32) -> sqlx::Result<u64> {
    let sql = match round % 4 {
        0 => {
            "UPDATE cadence_projects SET progress = round((random())::numeric, 3) WHERE id = 1 + floor(random() * 20)"
        }
        1 => {
            "UPDATE cadence_people SET active = NOT active WHERE id = (SELECT id FROM cadence_people ORDER BY random() LIMIT 1)"
        }
        2 => {
            "INSERT INTO cadence_tasks (id, title, status, priority, project_id, updated_at)
             SELECT $1, 'Passing task ' || $1, 'todo', 'low', 1, now()"
        }
        _ => "DELETE FROM cadence_tasks WHERE id >= 1000000 AND id < $1 - 20",
    };
    let query = sqlx::query(sql);
    let query = if round % 4 >= 2 {
        query.bind(PASSING + round)
    } else {
        query
    };
    Ok(query.execute(pool).await?.rows_affected())
}
