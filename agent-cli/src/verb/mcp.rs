//! `claimboard mcp`

use std::path::PathBuf;

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::mcp;
use crate::verb::Ended;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard mcp --agent alpha
  claude mcp add claimboard -- claimboard mcp
  codex mcp add claimboard -- claimboard mcp

Six tools: start, claim, release, log, who, wait. Speaks the revisions 2026-07-28 and 2025-11-25 of the
Model Context Protocol, and older ones.

Without a name, the agent is called as its client is. A second server of the same name is agent
NAME-2, so that two clients with the same settings exclude each other. Whatever is called below the
same client (hooks, `claimboard` in its shell) is the same agent.

While standard input is open the session's claims are renewed, whoever of the agent made them. When it
closes they are not released: work may be half done, and a client that restarts goes on with them.
They expire within their ttl (of claims made here: 5 minutes), and those who are refused meanwhile
read that the client is gone.")]
pub(crate) struct Args {
    /// The folder that paths are relative to [default: the repository's root, else the current folder]
    #[arg(long, value_name = "FOLDER")]
    directory: Option<PathBuf>,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Ended, Failure> {
    let mut desk = desk.clone();
    desk.place = desk.place.home(args.directory.as_deref())?;
    mcp::serve(desk).await?;
    Ok(Ended::Code(Exit::Done as u8))
}
