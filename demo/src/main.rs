//! `make demo`: a live board in one command.

mod daemon;
mod fleet;
mod stage;
mod summary;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Private Postgres, simulated Notion, three agents and the daemon, until Ctrl-C or for some seconds.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seconds of live work after the first load; then drain, compare every row with its page, and print a summary
    #[arg(long = "for", value_name = "SECONDS")]
    live: Option<u64>,
    /// Port of the board
    #[arg(long, default_value_t = 8710)]
    port: u16,
    /// Where the demo keeps its data
    #[arg(long, default_value = ".demo", value_name = "FOLDER")]
    data: PathBuf,
    /// What the simulated workspace's plan allows
    #[arg(long, default_value_t = 600, value_name = "NUMBER")]
    requests_per_minute: u32,
    /// How long the simulated Notion takes for an answer
    #[arg(long, default_value_t = 150, value_name = "MILLISECONDS")]
    latency_ms: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let stop = stop_signals()?;
    let play = stage::Play {
        live: arguments.live.map(Duration::from_secs),
        port: arguments.port,
        data: arguments.data,
        requests_per_minute: arguments.requests_per_minute,
        latency_ms: arguments.latency_ms,
    };
    stage::play(play, stop).await
}

/// Cancelled by Ctrl-C, SIGTERM, or the terminal's end.
fn stop_signals() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    for kind in [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ] {
        let (stop, mut signals) = (stop.clone(), signal(kind)?);
        tokio::spawn(async move {
            signals.recv().await;
            stop.cancel();
        });
    }
    Ok(stop)
}
