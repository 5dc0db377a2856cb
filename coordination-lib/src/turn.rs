//! A connection for one call.
//!
//! The driver sends a statement in two round trips: parse, then bind and execute. A pooler in transaction mode may pass the
//! second one to another of the server's connections, which knows nothing of the first, or knows another client's statement by
//! that name. Where such a pooler stands in between, each call is therefore a transaction of its own, whose statements have no name.
//! Whoever connects through one says so by `statement-cache-capacity=0` in the URL.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{ConnectOptions as _, PgConnection, PgPool, Postgres, Transaction};

/// Ends by [`end`](Self::end); dropped before, nothing of it counts where a pooler stands in between.
pub(crate) enum Turn {
    Direct(PoolConnection<Postgres>),
    Pooled(Transaction<'static, Postgres>),
}

impl Turn {
    pub(crate) async fn take(pool: &PgPool) -> Result<Self, sqlx::Error> {
        Self::of(pool, prepares(pool)).await
    }

    /// The same where it is known already whether statements may have names.
    pub(crate) async fn of(pool: &PgPool, prepares: bool) -> Result<Self, sqlx::Error> {
        if prepares {
            pool.acquire().await.map(Self::Direct)
        } else {
            pool.begin().await.map(Self::Pooled)
        }
    }

    /// Whether statements may have names.
    pub(crate) fn prepares(&self) -> bool {
        matches!(self, Self::Direct(_))
    }

    pub(crate) async fn end(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Direct(_) => Ok(()),
            Self::Pooled(transaction) => transaction.commit().await,
        }
    }
}

impl Deref for Turn {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match self {
            Self::Direct(connection) => connection,
            Self::Pooled(transaction) => transaction,
        }
    }
}

impl DerefMut for Turn {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Self::Direct(connection) => connection,
            Self::Pooled(transaction) => transaction,
        }
    }
}

/// Whether statements that are prepared once may be used again: not without a cache for them.
pub(crate) fn prepares(pool: &PgPool) -> bool {
    pool.connect_options()
        .to_url_lossy()
        .query_pairs()
        .all(|(name, value)| name != "statement-cache-capacity" || value != "0")
}
