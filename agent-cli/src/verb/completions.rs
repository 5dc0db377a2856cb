//! `claimboard completions`

use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::json;

use crate::cli::Cli;
use crate::failure::Exit;
use crate::say::Answer;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard completions bash > ~/.local/share/bash-completion/completions/claimboard
  claimboard completions zsh  > ~/.zfunc/_claimboard
  claimboard completions fish > ~/.config/fish/completions/claimboard.fish

JSON: script")]
pub(crate) struct Args {
    /// For which shell
    shell: Shell,
}

pub(crate) fn act(args: &Args) -> Answer {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "claimboard", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    Answer::new(Exit::Done, json!({"script": script}), script)
}
