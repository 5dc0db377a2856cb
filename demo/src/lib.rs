//! What `make demo` shows: the sample domain, and the instruments that measure a run from outside.

pub mod journal;
pub mod sample;
