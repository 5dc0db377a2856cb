//! The daemon's parts against a real Postgres.

mod column_types;
mod database;
mod glimpse;
mod init;
mod program;
mod source;
