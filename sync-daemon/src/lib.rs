//! Mirrors Postgres to Notion dashboards: the library behind `claimboard-sync`.
//!
//! A row's way, top to bottom: [`dashboard`] says what a board is; [`source`] reads rows and makes pages
//! of them; [`pass`] compares them with the [`ledger`] and [`reconcile`] decides what to write; the
//! [`backlog`] orders it under the [`budget`]; the [`writer`] records doubt, sends, and settles; the
//! [`driver`] says when. Where no schema file is yet, [`init`] writes one from the catalogue.

pub mod config;
pub mod dashboard;
pub mod markdown;
pub mod page;
pub mod row;
pub mod source;

pub mod init;

pub mod budget;
pub mod notion;

pub mod backlog;
pub mod board;
pub mod brief;
pub mod drift;
pub mod driver;
pub mod glimpse;
pub mod health;
pub mod ledger;
pub mod limit;
pub mod loss;
pub mod mark;
pub mod observer;
pub mod pass;
pub mod people;
pub mod reconcile;
pub mod retry;
pub mod schedule;
pub mod shelf;
pub mod tally;
pub mod tenure;
pub mod writer;

pub mod calendar;
pub mod cli;
pub mod doctor;
pub mod metrics;
pub mod open;
pub mod service;
pub mod status;
pub mod terminal;
pub mod web;

pub mod plan;
pub mod rebuild;
pub mod setup;
pub mod verify;
pub mod views;
pub mod why;

#[cfg(test)]
mod anything;
