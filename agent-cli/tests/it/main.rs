//! The real binary, each call a process of its own, on a real Postgres.

mod auditing;
mod claiming;
mod exits;
mod fleet;
mod hooks;
mod local;
mod looking;
mod mcp;
mod pages;
mod paths;
mod running;
mod shapes;
mod watching;
