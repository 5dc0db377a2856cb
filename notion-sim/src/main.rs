//! `notion-sim`: a local Notion on the loopback interface.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use notion_sim::{Options, Server};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A local Notion: the API to write against, a page to look at, faults on demand.
///
/// Point a client at the printed address instead of <https://api.notion.com>, with the printed token; the
/// workspace has one page, shared with the integration, under which databases can be created. Open the
/// address in a browser to see the workspace as Notion would show it.
#[derive(Parser)]
#[command(version, max_term_width = 100, after_long_help = EXAMPLES)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8710)]
    port: u16,
    /// The integration's token; without it, the data file's or a fresh one
    #[arg(long)]
    token: Option<String>,
    /// Keep the workspace in this file; it survives the end of the process, however sudden
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Requests in a 60-second window: 180 on most of Notion's plans, 600 on the larger ones
    #[arg(long, value_name = "N", default_value_t = 180, value_parser = clap::value_parser!(u32).range(1..))]
    requests_per_minute: u32,
    /// Each answer of the API takes this long, give or take a third
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=600_000))]
    latency_ms: u64,
    /// Print one line of JSON when ready, with `url`, `token` and `root_page_id`
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  notion-sim
      In memory, at http://127.0.0.1:8710/
  notion-sim --data board.jsonl --requests-per-minute 600 --latency-ms 150
      Kept in a file, as a workspace on a larger plan, about as quick as Notion
  notion-sim --port 0 --json
      For scripts: any free port, told on standard output

Faults, while it runs (more in the documentation):
  curl -d '{\"kind\":\"unavailable_after_commit\",\"path\":\"/v1/pages\",\"count\":1}' http://127.0.0.1:8710/_sim/faults
  curl http://127.0.0.1:8710/_sim/requests

Exit codes: 0 stopped by a signal, 1 failed, 2 usage";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "notion-sim: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut interrupted = signal(SignalKind::interrupt()).context("could not watch for Ctrl-C")?;
    let mut terminated = signal(SignalKind::terminate()).context("could not watch for the end")?;
    let server = Server::start(Options {
        port: arguments.port,
        token: arguments.token,
        data: arguments.data,
        requests_per_minute: arguments.requests_per_minute,
        latency_ms: arguments.latency_ms,
    })
    .await?;
    announce(&server, arguments.json).context("could not print where the server listens")?;
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    server.shutdown().await;
    Ok(())
}

fn announce(server: &Server, json: bool) -> io::Result<()> {
    let (url, token, root) = (server.url(), server.token(), server.root_page_id());
    let mut out = io::stdout().lock();
    if json {
        let line = serde_json::json!({ "url": url, "token": token, "root_page_id": root });
        writeln!(out, "{line}")?;
    } else {
        writeln!(
            out,
            "notion-sim is ready; open {url}/ to look at the workspace"
        )?;
        writeln!(out, "  API           {url}/v1")?;
        writeln!(out, "  token         {token}")?;
        writeln!(out, "  root page     {root}")?;
    }
    out.flush()
}
