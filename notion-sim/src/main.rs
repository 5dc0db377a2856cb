//! `notion-sim`: a local Notion on the loopback interface.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use notion_sim::{Limit, Options, Server};
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
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    token: Option<String>,
    /// Keep the workspace in this file; it survives the end of the process, however sudden
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The workspace's plan, which sets the requests of a token's window, and the blocks there may be
    #[arg(long, value_enum, default_value_t = Plan::Plus)]
    plan: Plan,
    /// Requests in a token's 60-second window, whatever the plan says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    requests_per_minute: Option<u32>,
    /// Requests of all tokens together: a minute, or in so many seconds
    #[arg(long, value_name = "N[/SECONDS]")]
    workspace_limit: Option<Limit>,
    /// Requests to one endpoint, such as query=60 or search=30; may be given several times
    #[arg(long, value_name = "ENDPOINT=N[/SECONDS]", value_parser = endpoint_limit)]
    endpoint_limit: Vec<(String, Limit)>,
    /// Each answer of the API takes this long, give or take a third
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=600_000))]
    latency_ms: u64,
    /// Print one line of JSON when ready, with `url`, `token` and `root_page_id`
    #[arg(long)]
    json: bool,
}

/// Notion's plans, as far as the API feels them.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Plan {
    /// 180 requests a minute, 1,000 blocks
    Free,
    /// 180 requests a minute
    Plus,
    /// 600 requests a minute
    Business,
    /// 600 requests a minute
    Enterprise,
}

impl Plan {
    fn requests_per_minute(self) -> u32 {
        match self {
            Self::Free | Self::Plus => 180,
            Self::Business | Self::Enterprise => 600,
        }
    }

    fn block_limit(self) -> Option<u64> {
        matches!(self, Self::Free).then_some(1000)
    }
}

fn endpoint_limit(text: &str) -> Result<(String, Limit), String> {
    let (endpoint, limit) = text
        .split_once('=')
        .ok_or("write an endpoint and its limit, such as query=60")?;
    Ok((endpoint.to_owned(), limit.parse()?))
}

const EXAMPLES: &str = "\
Examples:
  notion-sim
      In memory, at http://127.0.0.1:8710/
  notion-sim --data board.jsonl --plan business --latency-ms 150
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
        requests_per_minute: arguments
            .requests_per_minute
            .unwrap_or_else(|| arguments.plan.requests_per_minute()),
        workspace_limit: arguments.workspace_limit,
        endpoint_limits: arguments.endpoint_limit,
        block_limit: arguments.plan.block_limit(),
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
