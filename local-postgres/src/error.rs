use std::io;
use std::path::{Path, PathBuf};

/// Why a cluster could not be started or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No server binaries on this machine.
    #[error(
        "no PostgreSQL {minimum} or newer server binaries found (looked at {looked}); install them with `{command}`, or set PG_BINDIR to the folder that holds initdb and postgres"
    )]
    NotInstalled {
        /// Oldest major version that serves.
        minimum: u32,
        /// Where was looked.
        looked: String,
        /// What installs them here.
        command: &'static str,
    },
    /// The folder was made by a major version that is not installed.
    #[error("{} was made by PostgreSQL {major}, which is not installed; install that version, or remove the folder to start anew", folder.display())]
    OtherVersion {
        /// The data folder.
        folder: PathBuf,
        /// The version that made it.
        major: u32,
    },
    /// A live process runs a cluster in the folder.
    #[error("{} is in use by process {pid}; stop that process, or choose another folder", folder.display())]
    InUse {
        /// The data folder.
        folder: PathBuf,
        /// The process that holds it.
        pid: i32,
    },
    /// Root, and nobody to drop to.
    #[error(
        "postgres refuses to run as root and there is neither a user `postgres` nor `nobody` to run it as; create one with `useradd --system postgres`"
    )]
    NoAccount,
    /// One of Postgres' programs said no.
    #[error("{program} failed: {output}")]
    Program {
        /// Its name.
        program: &'static str,
        /// What it said, or the end of the log.
        output: String,
    },
    /// The server did not do what it was asked in time.
    #[error("postgres in {} was not {awaited} after {seconds} s; see {}", folder.display(), log.display())]
    TooSlow {
        /// The data folder.
        folder: PathBuf,
        /// What was waited for.
        awaited: &'static str,
        /// How long.
        seconds: u64,
        /// Where the server writes what it does.
        log: PathBuf,
    },
    /// The file system or a process refused.
    #[error("{}", path.display())]
    Io {
        /// What it was about.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// For `map_err`: the error with the path it is about.
pub(crate) fn io_at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}
