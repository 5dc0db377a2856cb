//! The background process that owns the local cluster and ends it when nobody came for an hour.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use local_postgres::{Cluster, Settings};
use sqlx::{Connection as _, PgConnection};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{DATABASE, Running, note_in};
use crate::environment::Environment;
use crate::failure::with_causes;
use crate::say::Say;

/// How often it looks whether somebody came, at most.
const GLANCE: Duration = Duration::from_mins(1);
/// A server that cannot be asked so many times in a row is broken: the next use starts a new one.
const PATIENCE: u32 = 3;
/// How long a server may take to answer, and how soon one that did not is asked again.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a server that was killed may take to start again, and the pause between two attempts: its last processes are on their way out.
const REVIVAL: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);

/// `claimboard local serve`
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard local serve --idle 1d

Prints `ready` once the cluster answers. SIGTERM stops it.")]
pub(crate) struct Args {
    /// The cluster's folder [default: see `claimboard --help`]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Leave the starter's session first
    #[arg(long, hide = true)]
    detach: bool,
    /// How long without a visitor until it ends
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = crate::cli::duration)]
    idle: Duration,
}

/// Keeps the cluster until it is stopped or idle. Says `ready`, `in use` or `failed: …` on standard output, once.
pub(crate) fn serve(args: &Args) -> ExitCode {
    let folder = match &args.folder {
        Some(folder) => std::path::absolute(folder).map_err(|error| error.to_string()),
        None => Environment::read()
            .and_then(|environment| super::folder(&environment))
            .map_err(|failure| failure.what),
    };
    let said = folder
        .map_err(|what| format!("failed: {what}"))
        .and_then(|folder| {
            if args.detach {
                detach(&folder, args.idle).map_err(|error| format!("failed: {error}"))
            } else {
                keep(&folder, args.idle)
            }
        });
    match said {
        Ok(()) => ExitCode::SUCCESS,
        Err(word) => {
            let _ = Say::line(&word.replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

/// Becomes the leader of a new session and starts the keeper, which is init's child once this process has ended.
fn detach(folder: &Path, idle: Duration) -> std::io::Result<()> {
    nix::unistd::setsid()?;
    close_inherited();
    Command::new(std::env::current_exe()?)
        .args(["local", "serve", "--folder"])
        .arg(folder)
        .args(["--idle", &idle.as_secs().to_string()])
        .current_dir("/")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(())
}

/// A descriptor that a shell left open (a lock, a pipe) would stay open for as long as the cluster runs.
fn close_inherited() {
    let open: Vec<i32> = ["/proc/self/fd", "/dev/fd"]
        .into_iter()
        .find_map(|folder| fs::read_dir(folder).ok())
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&descriptor| descriptor > 2)
        .collect();
    for descriptor in open {
        // The listing's own is closed already.
        let _ = nix::unistd::close(descriptor);
    }
}

fn keep(folder: &Path, idle: Duration) -> Result<(), String> {
    let failed = |what: &str| format!("failed: {what}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&error.to_string()))?;
    // From here on a request to stop is heard, and answered once the cluster has started.
    let mut ears = runtime
        .block_on(async { Ears::open() })
        .map_err(|error| failed(&error.to_string()))?;
    super::make(folder).map_err(|error| failed(&error.to_string()))?;
    let mut cluster = match Cluster::start(folder, &Settings::default()) {
        Ok(cluster) => cluster,
        Err(local_postgres::Error::InUse { .. }) => return Err("in use".to_owned()),
        Err(error) => return Err(failed(&with_causes(&error))),
    };
    cluster
        .create_database(DATABASE)
        .map_err(|error| failed(&with_causes(&error)))?;
    publish(&cluster).map_err(|error| failed(&error.to_string()))?;
    // The cluster serves whether or not its starter still listens.
    let _ = Say::line("ready");

    runtime.block_on(watch(&mut cluster, idle, &mut ears));
    // First the note, so that whoever comes now waits for the next cluster.
    let _ = fs::remove_file(note_in(folder));
    // What goes wrong now, the next start meets and tells.
    let _ = cluster.stop();
    Ok(())
}

/// Whole or not at all: others may read at any time.
fn publish(cluster: &Cluster) -> std::io::Result<()> {
    let running = Running {
        pid: std::process::id().cast_signed(),
        url: cluster.url(DATABASE),
        socket_dir: cluster.socket_dir().to_owned(),
    };
    let note = note_in(cluster.data_dir());
    let unfinished = note.with_extension("unfinished");
    fs::write(&unfinished, serde_json::to_vec(&running)?)?;
    fs::rename(&unfinished, &note)
}

struct Ears {
    terminate: Signal,
    interrupt: Signal,
    child: Signal,
}

impl Ears {
    fn open() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            child: signal(SignalKind::child())?,
        })
    }

    /// Whether it is to stop: else a child of ours has ended.
    async fn hear(&mut self) -> bool {
        tokio::select! {
            _ = self.terminate.recv() => true,
            _ = self.interrupt.recv() => true,
            _ = self.child.recv() => false,
        }
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Returns when asked to stop, when nobody was there for `idle`, or when the server is broken. One that was killed starts again.
async fn watch(cluster: &mut Cluster, idle: Duration, ears: &mut Ears) {
    let glance = (idle / 4).clamp(Duration::from_millis(100), GLANCE);
    let url = cluster.url("postgres");
    let mut last_visit = Instant::now();
    let mut seen = None;
    let mut failures = 0;
    loop {
        let pause = if failures > 0 {
            glance.min(ANSWER)
        } else {
            glance
        };
        tokio::select! {
            stops = ears.hear() => if stops { return },
            () = tokio::time::sleep(pause) => {}
        }
        if cluster.has_ended() {
            if !revive(cluster, ears).await {
                return;
            }
            // Its statistics went with it.
            seen = None;
        }
        let asked = tokio::select! {
            () = ears.stop() => return,
            asked = tokio::time::timeout(ANSWER, visitors(&url)) => asked,
        };
        if let Ok(Ok((now, ever))) = asked {
            failures = 0;
            if now > 0 || seen != Some(ever) {
                last_visit = Instant::now();
            }
            seen = Some(ever);
        } else {
            failures += 1;
        }
        if failures == PATIENCE || last_visit.elapsed() > idle || !stands(cluster.data_dir()) {
            return;
        }
    }
}

/// Starts the server again, so that those who were connected find it where it was.
async fn revive(cluster: &mut Cluster, ears: &mut Ears) -> bool {
    let started = Instant::now();
    while stands(cluster.data_dir()) && cluster.restart().is_err() {
        if started.elapsed() > REVIVAL {
            return false;
        }
        tokio::select! {
            () = ears.stop() => return false,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    !cluster.has_ended()
}

/// How many are connected now, and how many ever were.
async fn visitors(url: &str) -> Result<(i64, i64), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let counted = sqlx::query_as(
        "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
         (SELECT coalesce(sum(sessions), 0)::bigint FROM pg_stat_database WHERE datname <> 'postgres')",
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    Ok(counted)
}

/// Whoever removed the folder meant the cluster too.
fn stands(folder: &Path) -> bool {
    note_in(folder).exists()
}
