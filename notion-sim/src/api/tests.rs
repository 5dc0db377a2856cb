//! Calls against a workspace, without HTTP.
