//! A workspace in memory: pure state, no I/O, time as an argument.

pub(crate) mod cell;
pub(crate) mod compute;
pub(crate) mod formula;
pub(crate) mod ids;
#[cfg(test)]
pub(crate) mod invariants;
pub(crate) mod query;
pub(crate) mod render;
pub(crate) mod schema;
pub(crate) mod text;
pub(crate) mod workspace;
pub(crate) mod write;
