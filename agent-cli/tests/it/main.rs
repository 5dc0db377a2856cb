//! The real binary, each call a process of its own, on a real Postgres.

mod claiming;
mod exits;
mod fleet;
mod local;
mod looking;
mod pages;
mod paths;
mod running;
mod shapes;
