//! The protocol on a real Postgres: one private cluster for the whole run, a database for each test.

mod assertions;
mod board;
mod circles;
mod compat;
mod connecting;
mod database;
mod direct;
mod durability;
mod guard;
mod history;
mod interleavings;
mod keepalive;
mod leases;
mod migrations;
mod names;
mod overlap;
mod pass_on;
mod pooled;
mod races;
mod record;
mod requests;
mod roles;
mod sets;
mod verbs;
mod waiting;
