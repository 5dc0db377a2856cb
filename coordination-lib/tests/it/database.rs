//! A migrated database of its own for each test.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use local_postgres::{Cluster, Settings};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

/// The cluster of this process; it ends with the process.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let settings = Settings::default()
            .set("max_connections", "300")
            .set("shared_buffers", "128MB");
        Cluster::temporary(&settings).expect("a private cluster starts")
    })
}

/// The url of a new, empty database.
pub(crate) fn empty() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    cluster()
        .create_database(&name)
        .expect("a database is created");
    cluster().url(&name)
}

/// A pool on a new database with the protocol in it.
pub(crate) async fn migrated(connections: u32) -> PgPool {
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .connect(&empty())
        .await
        .expect("the database answers");
    coordination::migrate(&pool)
        .await
        .expect("the migrations apply");
    pool
}
