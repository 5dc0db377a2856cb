//! `claimboard-sync`: see the library.

use std::io::IsTerminal;
use std::process::ExitCode;

use sync_daemon::cli;
use sync_daemon::terminal::JsonLines;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    // A missing .env file is the normal case in production; a broken one must not go unnoticed.
    if let Err(error) = dotenvy::from_path(".env")
        && !error.not_found()
    {
        // A line that is wrong may hold a secret.
        let why = match error {
            dotenvy::Error::LineParse(..) => {
                "a line is not NAME=value; put quotes around values with spaces".to_owned()
            }
            other => other.to_string(),
        };
        return cli::refuse(&format!("the file .env cannot be used: {why}"));
    }
    let cli = cli::parse(std::env::args_os());
    let filter = EnvFilter::try_from_env("CLAIMBOARD_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,tokio_cron_scheduler=warn"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if std::env::var("CLAIMBOARD_LOG_FORMAT").is_ok_and(|format| format == "json") {
        logs.with_writer(|| JsonLines).json().init();
    } else {
        logs.with_target(false).init();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "cannot start");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(cli.execute(|name| std::env::var(name).ok()))
}
