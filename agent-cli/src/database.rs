//! Which database: the one of `DATABASE_URL`, or the local cluster.

use std::path::Path;
use std::str::FromStr as _;
use std::time::{Duration, Instant};

use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use crate::environment::Environment;
use crate::failure::{Failure, with_causes};
use crate::local::{self, Running};

/// How long a cluster that goes down while we come is waited for.
const SUCCESSION: Duration = Duration::from_mins(1);

/// An open database.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) pool: PgPool,
    /// What tells it apart from others: sessions belong to one database.
    pub(crate) key: String,
}

/// The database that the environment names, or none.
pub(crate) fn named(environment: &Environment) -> Result<Option<PgConnectOptions>, Failure> {
    let Some(url) = environment.get("DATABASE_URL") else {
        return Ok(None);
    };
    if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
        // Its text is not shown: it may hold a password.
        return Err(Failure::usage(
            "DATABASE_URL is not the address of a Postgres database",
            "write it as postgres://user:password@host/database, or unset it to use a local cluster",
        ));
    }
    PgConnectOptions::from_str(&url).map(Some).map_err(|error| {
        Failure::usage(
            format!("DATABASE_URL cannot be read: {}", with_causes(&error)),
            "write it as postgres://user:password@host/database, with special characters percent-encoded",
        )
    })
}

impl Database {
    /// Connects to the database of `DATABASE_URL`.
    pub(crate) async fn connect(options: PgConnectOptions) -> Result<Self, Failure> {
        let host = options.get_socket().map_or_else(
            || options.get_host().to_owned(),
            |socket| socket.display().to_string(),
        );
        let database = options.get_database().unwrap_or(options.get_username());
        let address = format!("{host}:{}/{database}", options.get_port());
        let pool = pool(options)
            .await
            .map_err(|error| unreachable(&address, &error))?;
        Ok(Self { pool, key: address })
    }

    /// Connects to the local cluster if it runs.
    pub(crate) async fn running(folder: &Path) -> Result<Self, Failure> {
        let key = folder.display().to_string();
        let running = Running::find(folder).ok_or_else(|| {
            Failure::failed(
                format!("the local cluster at {key} does not run"),
                "the next use of it, such as `claimboard claims`, starts it",
            )
        })?;
        let pool = pool(PgConnectOptions::from_str(&running.url)?)
            .await
            .map_err(|error| unreachable(&key, &error))?;
        Ok(Self { pool, key })
    }

    /// Connects to the local cluster, which is started and brought to this program's version if need be.
    pub(crate) async fn local(folder: &Path) -> Result<Self, Failure> {
        let deadline = Instant::now() + SUCCESSION;
        let pool = loop {
            // It waits for a server: a signal must be heard meanwhile.
            let here = folder.to_owned();
            let running = tokio::task::spawn_blocking(move || local::ensure(&here))
                .await
                .map_err(|error| {
                    Failure::failed(
                        format!("the start of the local cluster broke off: {error}"),
                        "try again",
                    )
                })??;
            let options = PgConnectOptions::from_str(&running.url)?;
            match pool(options).await {
                Ok(pool) => break pool,
                Err(error) if Instant::now() > deadline || !is_in_between(&error) => {
                    return Err(unreachable(&folder.display().to_string(), &error));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        let (stamp, remembered) = (stamp(), folder.join("migrated"));
        if stamp.is_none() || std::fs::read_to_string(&remembered).ok() != stamp {
            coordination::migrate(&pool).await.map_err(|error| {
                Failure::failed(
                    with_causes(&error),
                    format!(
                        "another version of this program made it: use that one, or begin anew with `claimboard local stop` and without {}",
                        folder.display()
                    ),
                )
            })?;
            std::fs::write(&remembered, stamp.unwrap_or_default())
                .map_err(|error| Failure::file(&remembered, &error))?;
        }
        Ok(Self {
            pool,
            key: folder.display().to_string(),
        })
    }
}

async fn pool(options: PgConnectOptions) -> Result<PgPool, sqlx::Error> {
    let options = options.application_name("claimboard");
    coordination::connect_now(options).await
}

/// This program, told apart from its other builds.
fn stamp() -> Option<String> {
    let program = std::fs::metadata(std::env::current_exe().ok()?).ok()?;
    let built = program.modified().ok()?;
    let built = built.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(format!(
        "{} {} {}",
        env!("CARGO_PKG_VERSION"),
        built.as_nanos(),
        program.len()
    ))
}

/// Whether the server is on its way down or up.
fn is_in_between(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(answer) => {
            matches!(answer.code().as_deref(), Some("57P01" | "57P02" | "57P03"))
        }
        _ => false,
    }
}

fn unreachable(address: &str, error: &sqlx::Error) -> Failure {
    let what = format!("cannot connect to {address}: {}", with_causes(error));
    let next = "check that the server runs and that DATABASE_URL is right; without DATABASE_URL a local cluster is used";
    match error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
    {
        Some(code) if code.starts_with("28") || code == "3D000" => Failure::usage(what, next),
        Some(code) if code == "53300" => Failure::failed(
            what,
            "end what holds connections (`claimboard-sync doctor` names it), raise max_connections, or put PgBouncer in between",
        ),
        _ => Failure::failed(what, next),
    }
}
