//! What a claim from the command line costs, as wall time of the whole process, against the smallest thing that psql can do
//! with the same server. Turn by turn, so that a busy machine slows both.
#![expect(clippy::print_stdout, reason = "a benchmark reports to people")]

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use local_postgres::{Cluster, Settings};

const ROUNDS: usize = 100;
/// How many times psql's time a claim may take.
const TARGET: f64 = 3.0;
const PROGRAM: &str = env!("CARGO_BIN_EXE_claimboard");

fn main() -> ExitCode {
    let cluster = Cluster::temporary(&Settings::default()).expect("a private cluster starts");
    cluster
        .create_database("bench")
        .expect("a database is created");
    let folder = tempfile::tempdir().expect("a folder is made");
    let url = cluster.url("bench");
    timed(claimboard(folder.path(), &url, &["migrate"]));

    let (mut claims, mut others) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let name = format!("bench:{round}");
        others.push(timed(psql(&url)));
        claims.push(timed(claimboard(folder.path(), &url, &["claim", &name])));
    }
    let (claim, other) = (median(claims), median(others));
    let ratio = claim.as_secs_f64() / other.as_secs_f64();
    println!("{:52} {:>10}  {:>8}", "number", "measured", "target");
    println!(
        "{:52} {ratio:>8.2} x  {:>8}",
        "warm claim / psql -c 'select 1', wall time, p50",
        format!("<= {TARGET} x")
    );
    println!("{claim:.1?} against {other:.1?}, {ROUNDS} turns");
    if ratio > TARGET {
        println!("missed: a claim costs more than it may");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn claimboard(folder: &Path, url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(arguments)
        .current_dir(folder)
        .env("DATABASE_URL", url)
        .env("CLAIMBOARD_AGENT", "bench")
        .env("CLAIMBOARD_WORKSPACE", "bench")
        .env("XDG_STATE_HOME", folder);
    command
}

/// The program itself: on Debian, what is on PATH is a script around it, which takes longer.
fn psql(url: &str) -> Command {
    let said = Command::new("pg_config").arg("--bindir").output();
    let program = said
        .ok()
        .and_then(|said| String::from_utf8(said.stdout).ok())
        .map(|folder| Path::new(folder.trim()).join("psql"))
        .filter(|program| program.is_file())
        .unwrap_or_else(|| "psql".into());
    let mut command = Command::new(program);
    command.args(["-X", "-c", "select 1", url]);
    command
}

fn timed(mut command: Command) -> Duration {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let started = Instant::now();
    let status = command.status().expect("it runs");
    let took = started.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    took
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
