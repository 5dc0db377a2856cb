//! Guards at the places where writes happen: `git commit`, `git push`, and the tool calls of coding agents.
//!
//! They are as strong as their host makes them: a person may pass `--no-verify`, and a program may write files without asking anybody.

pub(crate) mod host;
pub(crate) mod install;
pub(crate) mod patch;
pub(crate) mod shell;
pub(crate) mod tool_call;
