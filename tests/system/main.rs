//! The whole system at work: real Postgres, the real daemon as a process, Notion's API over real HTTP.

mod stage;

mod board;
mod crash;
mod missed;
mod misuse;
mod outage;
mod samples;
mod standby;
mod tidy;
mod views;
mod word;
