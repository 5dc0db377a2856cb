//! Notion's API, as far as the daemon uses it: a thin client of our own.
//!
//! `transport` sends one request and says what its answer means; [`convert`] is the only place that
//! knows both our words and Notion's JSON; `gate` admits requests under the budget. Nothing here
//! retries a write: the backlog and the next pass do.

pub mod convert;
mod error;
mod gate;
pub mod listing;
mod transport;

pub use error::{Error, Meaning, Refusal};
pub use gate::{Gate, Permit};
pub use transport::{Client, Token};

/// Notion's id of a page.
pub type PageId = uuid::Uuid;
