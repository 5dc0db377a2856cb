//! The protocol on a real Postgres: one private cluster for the whole run, a database for each test.

mod database;
mod verbs;
