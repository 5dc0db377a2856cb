#![doc = include_str!("../README.md")]

mod claim;
mod error;
mod id;
mod lease;
mod log;
mod migrate;
mod resource;
mod session;

pub use claim::{
    Claim, ClaimOutcome, ClaimRequest, Ending, Holder, Loss, Mode, Predecessor, ReleaseOutcome,
    RenewOutcome, holders_in,
};
pub use error::{Error, Refusal};
pub use id::{ClaimId, LogId, SessionId, Token};
pub use lease::Lease;
pub use log::{LogEntry, Logged, Status};
pub use migrate::migrate;
pub use resource::{Resource, ResourceError, Span};
pub use session::{Secret, Session};
