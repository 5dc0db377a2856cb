//! Changing the model as a request asks: schemas and rows. All or nothing: a refusal leaves no trace.

mod convert;
pub(crate) mod row;
pub(crate) mod source;
