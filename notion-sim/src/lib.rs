//! A local Notion, faithful enough to trust: the API, a page to look at, faults on demand.
//!
//! ```no_run
//! # async fn run() -> Result<(), notion_sim::StartError> {
//! let server = notion_sim::Server::start(notion_sim::Options::default()).await?;
//! println!("{} with {}", server.url(), server.token());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod api;
mod board;
mod clock;
mod control;
mod data_file;
mod failure;
mod http;
mod model;
mod people;
mod server;
mod simulator;
mod traffic;

pub use data_file::DataFileError;
pub use server::{Options, Server, StartError};
pub use traffic::journal::Stats;
pub use traffic::window::Limit;
