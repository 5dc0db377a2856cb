//! What goes wrong: an exit code, what happened, and what to do next.

use std::fmt::Write as _;

use coordination::{Error, Refusal};

/// How the program ends. `run` has codes of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Granted, or done.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// The answer is no: somebody holds it, or an offence was found.
    No = 3,
    /// The claim was lost.
    Lost = 4,
    /// A signal ended it, as a shell says it.
    HungUp = 129,
    Interrupted = 130,
    Terminated = 143,
}

/// An error, for people.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) what: String,
    pub(crate) next: String,
}

impl Failure {
    /// The caller did something wrong.
    pub(crate) fn usage(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            what: what.into(),
            next: next.into(),
        }
    }

    /// Something around us did.
    pub(crate) fn failed(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failed,
            what: what.into(),
            next: next.into(),
        }
    }

    /// The file system refused.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::failed(
            format!("{}: {error}", path.display()),
            "check who owns it and whether the disk is full",
        )
    }
}

/// An error and its causes in one line; a cause that the error itself has told is not told twice.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.ends_with(&told) {
            let _ = write!(text, ": {told}");
        }
        cause = error.source();
    }
    text
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::Resource(_) => Self {
                exit: Exit::Usage,
                what: error.to_string(),
                next: next_of(Refusal::BadResource),
            },
            Error::Refused { refusal, message } => Self {
                exit: exit_of(*refusal),
                what: message.clone(),
                next: next_of(*refusal),
            },
            Error::Database(source) => Self::from_sql(source),
            Error::Busy(_) | Error::Retry(_) => Self::failed(error.to_string(), "try again"),
            _ => Self::failed(
                with_causes(&error),
                "`claimboard doctor` looks at what is wrong",
            ),
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Error::from(error).into()
    }
}

impl Failure {
    fn from_sql(error: &sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(|answer| answer.code().map(std::borrow::Cow::into_owned));
        let what = format!("the database could not do it: {}", with_causes(error));
        match code.as_deref() {
            Some("3F000" | "42883" | "42P01" | "42703" | "42804") => Self::usage(
                "this database does not hold the protocol that this program speaks",
                "`claimboard migrate` makes or updates schema `coordination`, as the database's owner",
            ),
            Some("42501") => Self::usage(
                what,
                "make the roles with `claimboard roles --apply` as an operator, and grant claimboard_agent to this login (claimboard_operator for `revoke`)",
            ),
            Some("57P01" | "57P02" | "57P03") => {
                Self::failed(what, "the server is going down or coming up: try again")
            }
            _ => Self::failed(what, "`claimboard doctor` looks at what is wrong"),
        }
    }
}

fn exit_of(refusal: Refusal) -> Exit {
    match refusal {
        Refusal::Held | Refusal::Deadlock | Refusal::Unclaimed => Exit::No,
        Refusal::Lost => Exit::Lost,
        Refusal::BadResource
        | Refusal::BadArgument
        | Refusal::UnknownWorkspace
        | Refusal::KeyReused
        | Refusal::NoSlots => Exit::Usage,
        _ => Exit::Failed,
    }
}

/// What to type after a refusal.
fn next_of(refusal: Refusal) -> String {
    let next = match refusal {
        Refusal::Held | Refusal::Unclaimed => {
            "`claimboard who RESOURCE` names the holder; wait with `claimboard claim RESOURCE --wait 45`, or work elsewhere"
        }
        Refusal::Lost => "stop working on what was lost, and claim it again before you go on",
        Refusal::NotYours => "`claimboard claims` shows what is held, and by whom",
        Refusal::BadResource => {
            "name a file, a subtree such as docs/, or scheme:name; see `claimboard --help`"
        }
        Refusal::BadArgument => {
            "`claimboard --help` and the verb's own --help show what can be typed"
        }
        Refusal::NoSession => "claim something first: that opens the agent's session",
        Refusal::UnknownWorkspace => "claim something there first, or check --workspace",
        Refusal::KeyReused => "use another --key for another wish",
        Refusal::AppendOnly => "write another row instead: `claimboard log note`",
        Refusal::Deadlock => "release what the others wait for, or work on something else",
        Refusal::NoSlots => "claim it without --slot, or let an operator give it slots",
        // A newer library refuses for reasons that this program does not know.
        _ => "`claimboard doctor` looks at what is wrong",
    };
    next.to_owned()
}
