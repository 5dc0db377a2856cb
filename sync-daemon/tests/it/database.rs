//! A database of its own for every test, all in one private cluster.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use local_postgres::{Cluster, Settings};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

/// A fresh, empty database.
pub(crate) struct Database {
    name: String,
    pub(crate) pool: PgPool,
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER
        .get_or_init(|| Cluster::temporary(&Settings::default()).expect("a private cluster starts"))
}

/// Creates a database and runs `sql` in it.
pub(crate) async fn database(sql: &'static str) -> Database {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    cluster()
        .create_database(&name)
        .expect("a database is created");
    let pool = connect(&cluster().url(&name)).await;
    sqlx::raw_sql(sql)
        .execute(&pool)
        .await
        .expect("the test's SQL runs");
    Database { name, pool }
}

impl Database {
    /// Connects as another role.
    pub(crate) async fn pool_as(&self, role: &str) -> PgPool {
        connect(
            &cluster()
                .url(&self.name)
                .replacen("postgres@", &format!("{role}@"), 1),
        )
        .await
    }
}

async fn connect(url: &str) -> PgPool {
    PgPoolOptions::new()
        .max_connections(3)
        .connect(url)
        .await
        .expect("the database accepts connections")
}
