//! `claimboard`: the protocol of claims for any agent that can run a command.

mod cli;
mod database;
mod desk;
mod environment;
mod failure;
mod git;
mod holding;
mod identity;
mod local;
mod path;
mod place;
mod record;
mod reference;
mod run;
mod say;
mod shape;
mod verb;
mod wish;

use std::process::ExitCode;

use crate::cli::{Cli, Local, Verb};

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match &cli.verb {
        // One leaves the starter's session, the other becomes another program: both before a runtime is there.
        Verb::Local(Local::Serve(args)) => local::keeper::serve(args),
        Verb::RunCommand(args) => run::become_command(args),
        _ => cli.execute(),
    }
}
