//! The daemon's parts against a real Postgres.

mod database;
mod init;
mod source;
mod types;
