//! `claimboard`: the protocol of claims for any agent that can run a command.

#[cfg(test)]
mod anything;
mod cli;
mod database;
mod desk;
mod enforcement;
mod environment;
mod failure;
mod git;
mod guard;
mod holding;
mod hook;
mod identity;
mod local;
mod mcp;
mod path;
mod place;
mod quote;
mod record;
mod reference;
mod run;
mod say;
mod seat;
mod shape;
mod verb;
mod wish;

use std::process::ExitCode;

use crate::cli::{Cli, Internal, Local, Verb};

fn main() -> ExitCode {
    if let Some(internal) = Internal::read() {
        return internal.execute();
    }
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match &cli.verb {
        // It may have to leave its starter's session, which it must before a runtime is there.
        Verb::Local(Local::Serve(args)) => local::keeper::serve(args),
        _ => cli.execute(),
    }
}
