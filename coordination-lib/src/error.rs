//! What can go wrong. A refusal such as `Held` or `Lost` is an answer and not found here.

use crate::resource::ResourceError;

/// Why a call could not be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The resource cannot be spelled like this.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// The database's functions refused the call; nothing was changed.
    #[error("{message}")]
    Refused {
        /// Which of the documented reasons it was.
        refusal: Refusal,
        /// The function's own words, which say what to do next.
        message: String,
    },
    /// The transaction met another one that was faster: repeat the whole transaction. Only REPEATABLE READ and SERIALIZABLE know this.
    #[error("another transaction was faster: repeat this one")]
    Retry(#[source] sqlx::Error),
    /// A lock was not to be had in time: repeat the call with some jitter.
    #[error("an open transaction stands in the way: repeat the call a little later")]
    Busy(#[source] sqlx::Error),
    /// The database could not be asked.
    #[error("the database could not be asked")]
    Database(#[source] sqlx::Error),
    /// The migrations could not be applied.
    #[error("the migrations of schema coordination could not be applied")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

/// The reasons for which the database's functions refuse, by their SQLSTATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// `CB001`: somebody else holds it.
    Held,
    /// `CB002`: the claim was lost.
    Lost,
    /// `CB003`: the claim, the ticket or the name is another session's, or there is no such claim.
    NotYours,
    /// `CB004`: the resource cannot be spelled like this.
    BadResource,
    /// `CB005`: an argument is outside of what is allowed.
    BadArgument,
    /// `CB006`: no session, or one that does not exist.
    NoSession,
    /// `CB007`: nobody ever opened a session in this workspace.
    UnknownWorkspace,
    /// `CB008`: a write to a guarded table without a live claim.
    Unclaimed,
    /// `CB009`: an idempotency key was used again with other arguments.
    KeyReused,
    /// `CB010`: the log is append-only.
    AppendOnly,
    /// `CB011`: waiting would never end.
    Deadlock,
    /// `CB012`: the resource has no slots.
    NoSlots,
}

impl Refusal {
    fn from_sqlstate(code: &str) -> Option<Self> {
        Some(match code {
            "CB001" => Self::Held,
            "CB002" => Self::Lost,
            "CB003" => Self::NotYours,
            "CB004" => Self::BadResource,
            "CB005" => Self::BadArgument,
            "CB006" => Self::NoSession,
            "CB007" => Self::UnknownWorkspace,
            "CB008" => Self::Unclaimed,
            "CB009" => Self::KeyReused,
            "CB010" => Self::AppendOnly,
            "CB011" => Self::Deadlock,
            "CB012" => Self::NoSlots,
            _ => return None,
        })
    }
}

impl Error {
    /// Why the database refused, when it did.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(*refusal),
            Self::Resource(_) => Some(Refusal::BadResource),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let Some(answer) = error.as_database_error() else {
            return Self::Database(error);
        };
        match answer.code().as_deref() {
            Some("40001") => Self::Retry(error),
            Some("55P03" | "40P01") => Self::Busy(error),
            Some(code) => match Refusal::from_sqlstate(code) {
                Some(refusal) => Self::Refused {
                    refusal,
                    message: answer.message().to_owned(),
                },
                None => Self::Database(error),
            },
            None => Self::Database(error),
        }
    }
}
