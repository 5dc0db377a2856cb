//! The whole system at work: real Postgres, the real daemon as a process, Notion's API over real HTTP.

mod stage;

mod bad_input;
mod board;
mod changes;
mod crash;
mod degradation;
mod hostile;
mod missed;
mod misuse;
mod outage;
mod ownership;
mod page;
mod restored;
mod retention;
mod samples;
mod service;
mod standby;
mod sync_status;
mod tidy;
mod views;
mod whole_page;
mod word;
