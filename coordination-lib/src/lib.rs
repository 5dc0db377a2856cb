#![doc = include_str!("../README.md")]

mod claim;
mod connect;
mod error;
mod id;
mod keepalive;
mod lease;
mod log;
mod migrate;
mod record;
mod resource;
mod session;
mod turn;
mod verify_history;
mod wait;

pub use claim::{
    Claim, ClaimOutcome, ClaimRequest, Ending, HandoffOutcome, Held, Holder, Loss, Mode,
    Predecessor, ReleaseOutcome, RenewOutcome, SetOutcome, holders_in, revoke,
};
pub use connect::{connect, connect_now};
pub use error::{Error, Refusal};
pub use id::{ClaimId, LogId, SessionId, TicketId, Token};
pub use keepalive::{Kept, Trust};
pub use lease::Lease;
pub use log::{LogEntry, Logged, Status};
pub use migrate::{ROLES_SQL, migrate, schema_sql, schema_version};
pub use record::{LogRow, PastClaim, claims_between, history_of, log_page};
pub use resource::{Resource, ResourceError, Span};
pub use session::{Secret, Session};
pub use verify_history::{History, Offence, verify_history};
pub use wait::{Waiter, Waiting};
