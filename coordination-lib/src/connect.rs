//! One connection for one agent. A server has few of them, and a fleet that starts at once asks for all of them at once.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::{Instant, sleep, timeout};

/// For a server that does not answer at all.
const ANSWER: Duration = Duration::from_secs(10);
/// For a server that has no connection left.
const PATIENCE: Duration = Duration::from_secs(30);
/// Agents that start at once do not come at once.
const SPREAD: Duration = Duration::from_millis(100);
/// The first and the longest bound of the pause before another attempt.
const PAUSE: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];

/// Opens a pool of one connection, which is all that an agent needs, a little later than it was asked for.
///
/// While the server has no connection left (SQLSTATE 53300) it says so and tries again with jitter, for half a minute.
///
/// # Caveats
///
/// A [`keepalive`](crate::Session::keep) renews over the same connection: a transaction that is open for longer than a third of the lease
/// holds it up. While it waits in line, an agent has a second connection, to listen on.
///
/// # Errors
///
/// What the last attempt ended with.
pub async fn connect(options: PgConnectOptions) -> Result<PgPool, sqlx::Error> {
    sleep(rand::random_range(Duration::ZERO..SPREAD)).await;
    connect_now(options).await
}

/// The same without the delay at the start, for a program that does one thing and ends.
///
/// # Errors
///
/// What the last attempt ended with.
pub async fn connect_now(options: PgConnectOptions) -> Result<PgPool, sqlx::Error> {
    let started = Instant::now();
    let mut bound = PAUSE[0];
    // A pool tries again by itself until its time is up, and then knows no reason.
    let first = loop {
        match timeout(ANSWER, Box::pin(PgConnection::connect_with(&options))).await {
            Ok(Ok(connection)) => break connection,
            Ok(Err(error)) if has_none_left(&error) && started.elapsed() < PATIENCE => {
                if bound == PAUSE[0] {
                    tracing::warn!(%error, "the server has no connection left; trying again for {} s", PATIENCE.as_secs());
                }
                sleep(rand::random_range(Duration::ZERO..bound)).await;
                bound = (bound * 2).min(PAUSE[1]);
            }
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }
    };
    first.close().await?;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ANSWER)
        .test_before_acquire(false)
        .connect_with(options);
    Box::pin(pool).await
}

/// "too many clients": the server, the database or the role allows no further connection.
fn has_none_left(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == "53300")
}
