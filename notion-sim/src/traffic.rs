//! What stands between the wire and the API: the request window, the journal and the faults.

pub(crate) mod fault;
pub(crate) mod journal;
pub(crate) mod window;
