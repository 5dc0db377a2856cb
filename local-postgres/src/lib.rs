//! A private Postgres cluster on demand, from the system's own server binaries.
//!
//! ```no_run
//! use local_postgres::{Cluster, Settings};
//!
//! let cluster = Cluster::temporary(&Settings::default())?;
//! cluster.create_database("board")?;
//! println!("psql '{}'", cluster.url("board"));
//! # Ok::<(), local_postgres::Error>(())
//! ```
//!
//! # Guarantees
//!
//! - A unix socket and no TCP port; the socket's folder lets in the owner (and root) alone.
//! - Other clusters of the machine are neither looked at nor touched.
//! - Dropping the [`Cluster`] stops it, and so does the end of the owning process, `kill -9` included.
//! - Works for root too, which Postgres itself refuses: the server then runs as the system user
//!   `postgres`, or `nobody` where there is none.

mod account;
mod binaries;
mod cluster;
mod error;
mod folder;
mod supervisor;

pub use cluster::{Cluster, Settings};
pub use error::Error;
