//! From a configuration to something that works: pool, dashboards that fit the database, boards.

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgPool};

use crate::board::Board;
use crate::config::DatabaseConfig;
use crate::dashboard::{Dashboard, Dashboards, SchemaError};
use crate::ledger::Ledger;
use crate::source::{CheckError, check};

/// Connections that the daemon uses at most: one to look, the others for the ledger.
const CONNECTIONS: u32 = 4;

/// Longest wait for a connection.
const ACQUIRE: Duration = Duration::from_secs(10);

/// A database with the dashboards that it can feed.
#[derive(Debug)]
pub struct Database {
    /// Connections, opened on demand.
    pub pool: PgPool,
    /// The ledger in it.
    pub ledger: Ledger,
    /// In dependency order.
    pub dashboards: Vec<Dashboard>,
    /// Optional dashboards without a source here.
    pub absent: Vec<String>,
}

/// Why nothing could be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is not one.
    #[error("DATABASE_URL cannot be used")]
    Url(#[source] sqlx::Error),
    /// Schema files that are wrong, or do not fit the database.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Schemas(Vec<SchemaError>),
    /// Postgres is out of reach.
    #[error("Postgres cannot be reached")]
    Database(#[source] sqlx::Error),
    /// `setup` has not been run.
    #[error("{}; run `claimboard-sync setup`", not_set_up(.0))]
    NotSetUp(Vec<String>),
    /// A schema file was changed since `setup` ran.
    #[error("dashboard {dashboard:?} has properties that its database lacks ({}); run `claimboard-sync setup`", .properties.join(", "))]
    Ahead {
        /// Which dashboard.
        dashboard: String,
        /// The properties.
        properties: Vec<String>,
    },
}

impl Error {
    /// Whether waiting may help.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Database(_))
    }
}

/// A pool that connects on demand.
pub fn pool(config: &DatabaseConfig) -> Result<PgPool, Error> {
    let options: PgConnectOptions = config.expose_url().parse().map_err(Error::Url)?;
    Ok(PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE)
        .connect_lazy_with(options.application_name("claimboard-sync")))
}

/// Whether the database answers. Asked outside the pool, which would say only that it waited in vain.
pub async fn reach(pool: &PgPool) -> Result<(), Error> {
    let options = pool.connect_options();
    let ping = async {
        let mut connection = options.connect().await?;
        connection.ping().await
    };
    tokio::time::timeout(ACQUIRE, ping)
        .await
        .unwrap_or_else(|_| {
            let silence = std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                format!("no answer within {} s", ACQUIRE.as_secs()),
            );
            Err(sqlx::Error::Io(silence))
        })
        .map_err(Error::Database)
}

/// Opens a database that was set up, with the Notion databases of its dashboards.
pub async fn open_boards(
    pool: PgPool,
    schemas: Option<&Path>,
) -> Result<(Database, Vec<Board>), Error> {
    reach(&pool).await?;
    load_boards(pool, schemas).await
}

/// The same over a pool that is known to work: no further connection.
pub async fn load_boards(
    pool: PgPool,
    schemas: Option<&Path>,
) -> Result<(Database, Vec<Board>), Error> {
    if !Ledger::new(pool.clone())
        .exists()
        .await
        .map_err(Error::Database)?
    {
        return Err(Error::NotSetUp(Vec::new()));
    }
    let database = open(pool, schemas).await?;
    let boards = database.boards().await?;
    Ok((database, boards))
}

/// Loads the dashboards and checks them against the database.
pub async fn open(pool: PgPool, schemas: Option<&Path>) -> Result<Database, Error> {
    let dashboards = Dashboards::load(schemas).map_err(Error::Schemas)?;
    let mut connection = pool.acquire().await.map_err(Error::Database)?;
    let checked = check(&mut connection, &dashboards)
        .await
        .map_err(|error| match error {
            CheckError::Schema(errors) => Error::Schemas(errors),
            CheckError::Database(error) => Error::Database(error),
        })?;
    drop(connection);
    let dashboards = dashboards
        .iter()
        .filter(|dashboard| !checked.absent.contains(&dashboard.name))
        .cloned()
        .collect();
    Ok(Database {
        ledger: Ledger::new(pool.clone()),
        pool,
        dashboards,
        absent: checked.absent,
    })
}

impl Database {
    /// The dashboards with their Notion databases; all must have been set up.
    async fn boards(&self) -> Result<Vec<Board>, Error> {
        let mut bindings = self.ledger.bindings().await.map_err(Error::Database)?;
        let mut missing = Vec::new();
        let mut boards = Vec::new();
        for dashboard in &self.dashboards {
            match bindings.remove(&dashboard.name) {
                Some(binding) => {
                    let board = Board {
                        dashboard: dashboard.clone(),
                        binding,
                    };
                    let properties = board.unbound();
                    if !properties.is_empty() {
                        return Err(Error::Ahead {
                            dashboard: dashboard.name.clone(),
                            properties,
                        });
                    }
                    boards.push(board);
                }
                None => missing.push(dashboard.name.clone()),
            }
        }
        if missing.is_empty() {
            Ok(boards)
        } else {
            Err(Error::NotSetUp(missing))
        }
    }
}

fn not_set_up(missing: &[String]) -> String {
    match missing {
        [] => "nothing has been set up in this database".to_owned(),
        [one] => format!("dashboard {one:?} has no Notion database yet"),
        many => format!(
            "dashboards {} have no Notion databases yet",
            many.join(", ")
        ),
    }
}
