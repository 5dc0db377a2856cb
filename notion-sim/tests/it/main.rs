//! The simulator over real HTTP, and its binary as a process.

mod api;
mod board;
mod client;
mod data_file;
mod faults;
mod filters;
mod limits;
mod refusals;
mod sources;
mod trash;
