//! What each verb does: one file a verb, its arguments included.

pub(crate) mod agents;
pub(crate) mod audit;
pub(crate) mod claim;
pub(crate) mod claims;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod free;
pub(crate) mod handoff;
pub(crate) mod history;
pub(crate) mod hook;
pub(crate) mod inbox;
pub(crate) mod local;
pub(crate) mod log;
pub(crate) mod mcp;
pub(crate) mod migrate;
pub(crate) mod release;
pub(crate) mod renew;
pub(crate) mod revoke;
pub(crate) mod roles;
pub(crate) mod summary;
pub(crate) mod tail;
pub(crate) mod verify_history;
pub(crate) mod watch;
pub(crate) mod who;

use crate::cli::{Local, Verb};
use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::run;
use crate::say::Answer;

/// How a verb ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// With something to say.
    Answered(Answer),
    /// It has said everything itself.
    Code(u8),
}

impl Verb {
    /// Whether it hears signals by itself, because more has to be done than to end.
    pub(crate) fn listens(&self) -> bool {
        match self {
            Self::Claim(_) | Self::Run(_) | Self::Mcp(_) | Self::Watch(_) => true,
            Self::Tail(args) => args.follows(),
            _ => false,
        }
    }

    /// Does it.
    pub(crate) async fn act(self, desk: &Desk) -> Result<Ended, Failure> {
        let answer = match self {
            Self::Claim(args) => claim::act(args, desk).await,
            Self::Renew(args) => renew::act(args, desk).await,
            Self::Release(args) => release::act(args, desk).await,
            Self::Handoff(args) => handoff::act(args, desk).await,
            Self::Log(args) => log::act(args, desk).await,
            Self::Run(args) => return run::act(args, desk).await.map(Ended::Code),
            Self::Mcp(args) => return Box::pin(mcp::act(args, desk)).await,
            Self::Who(args) => who::act(args, desk).await,
            Self::Claims(args) => claims::act(args, desk).await,
            Self::Free(args) => free::act(args, desk).await,
            Self::Agents(args) => agents::act(args, desk).await,
            Self::Watch(args) => return watch::act(args, desk).await,
            Self::Inbox(args) => inbox::act(args, desk).await,
            Self::Summary(args) => summary::act(args, desk).await,
            Self::Doctor(args) => doctor::act(args, desk).await,
            Self::Tail(args) => return tail::act(args, desk).await,
            Self::History(args) => history::act(args, desk).await,
            Self::VerifyHistory(args) => verify_history::act(args, desk).await,
            Self::Revoke(args) => revoke::act(args, desk).await,
            Self::Roles(args) => roles::act(args, desk).await,
            Self::Hook(hook) => return hook::act(hook, desk).await,
            Self::Audit(args) => audit::act(args, desk).await,
            Self::Migrate(args) => migrate::act(args, desk).await,
            Self::Local(Local::Status) => local::status(desk),
            Self::Local(Local::Stop) => local::stop(desk),
            Self::Local(Local::Psql { arguments }) => local::psql(&arguments, desk).await,
            Self::Completions(args) => Ok(completions::act(&args)),
            // Never comes here: it begins before anything else does.
            Self::Local(Local::Serve(_)) => return Ok(Ended::Code(Exit::Usage as u8)),
        };
        answer.map(Ended::Answered)
    }
}
