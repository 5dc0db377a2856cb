//! `make bench`: the numbers, as ratios within one run. Absolute times depend on the machine; ratios hold.
//!
//! The simulator answers every request in 150 ms, give or take a third, and grants 180 requests a minute
//! for the first load (the limit of most plans) and 600 for the demo. About eight minutes in all.
#![expect(clippy::print_stdout, reason = "a benchmark reports to people")]

#[path = "../system/stage.rs"]
#[expect(dead_code, reason = "the stage has more than a benchmark needs")]
mod stage;

use std::time::{Duration, Instant};

use coordination::{ClaimOutcome, ClaimRequest, Session};
use notion_sim::Options;
use serde_json::Value;
use tokio::process::Command;

use stage::{Stage, binary, eventually_within, plenty, said};

/// How many seconds `init --all` may take on a hundred tables.
const INIT_SECONDS: f64 = 5.0;

/// Requests a minute of most plans.
const LIMIT: u32 = 180;

/// What the window alone makes a load of this many requests take, if all of it is free at the start.
fn optimum(requests: u64) -> f64 {
    let windows = (requests - 1) / u64::from(LIMIT);
    f64::from(u32::try_from(windows).expect("few windows")) * 60.0
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    println!("{:52} {:>10}  {:>8}", "number", "measured", "target");
    claim_against_commit().await?;
    let init = a_hundred_tables().await?;
    first_load_and_idle().await?;
    demo().await?;
    anyhow::ensure!(
        init <= INIT_SECONDS,
        "missed: init --all takes {init:.2} s, and may take {INIT_SECONDS} s"
    );
    Ok(())
}

fn line(what: &str, measured: impl std::fmt::Display, target: &str) {
    println!("{what:52} {measured:>10}  {target:>8}");
}

/// One client: the median of claim, and of a one-row durable insert, turn by turn.
async fn claim_against_commit() -> anyhow::Result<()> {
    let stage = Stage::bare(
        "CREATE TABLE plain (id bigserial PRIMARY KEY, word text)",
        &[],
        plenty(),
    )
    .await;
    coordination::migrate(&stage.pool).await?;
    let session = Session::open(&stage.pool, "bench", "bench").await?;
    let (mut commits, mut claims) = (Vec::new(), Vec::new());
    for round in 0..1_000 {
        let started = Instant::now();
        sqlx::query("INSERT INTO plain (word) VALUES ($1)")
            .bind("word")
            .execute(&stage.pool)
            .await?;
        commits.push(started.elapsed());
        let request = ClaimRequest::new(format!("modules/{round}.md"));
        let started = Instant::now();
        let outcome = session.claim(request).await?;
        claims.push(started.elapsed());
        anyhow::ensure!(
            matches!(outcome, ClaimOutcome::Granted(_)),
            "nobody else claims here"
        );
    }
    let (commit, claim) = (median(commits), median(claims));
    line(
        "claim / one-row durable commit, one client, p50",
        format!("{:.2} x", claim.as_secs_f64() / commit.as_secs_f64()),
        "<= 5 x",
    );
    Ok(())
}

/// Schema files for a database of a hundred tables with a hundred thousand rows, linked in a chain: how many seconds they take.
async fn a_hundred_tables() -> anyhow::Result<f64> {
    let stage = Stage::bare(
        "DO $$ BEGIN FOR n IN 1..100 LOOP
             EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, name text, state text, price numeric(9,2), email text,
                 at timestamptz DEFAULT now(), on_day date, done boolean, tags text[], note jsonb%s)', n,
                 CASE WHEN n > 1 THEN format(', parent_id int REFERENCES t%s', n - 1) ELSE '' END);
             EXECUTE format('INSERT INTO t%s (id, name, state, price, email)
                 SELECT i, ''row '' || i, (ARRAY[''open'',''paid''])[1 + i %% 2], i, i || ''@example.org'' FROM generate_series(1, 1000) i', n);
         END LOOP; END $$; ANALYZE",
        &[],
        plenty(),
    )
    .await;
    let started = Instant::now();
    let said = stage.daemon(&["init", "--all", "public", "--json"]).await;
    let took = started.elapsed().as_secs_f64();
    anyhow::ensure!(said.code == 0, "init failed: {}", said.stderr);
    let written = said.json()["written"].as_array().map_or(0, Vec::len);
    anyhow::ensure!(written == 100, "{written} files");
    line(
        "init --all on a hundred tables",
        format!("{took:.2} s"),
        &format!("<= {INIT_SECONDS} s"),
    );
    Ok(took)
}

/// The sample domain: first load against the optimum of the window, memory, and silence afterwards.
async fn first_load_and_idle() -> anyhow::Result<()> {
    let options = Options {
        requests_per_minute: LIMIT,
        latency_ms: 150,
        ..Options::default()
    };
    let stage = Stage::bare("", &[], options).await;
    demo::sample::load(&stage.pool).await?;
    let mut setup = stage.command(&["setup"]);
    setup.env("NOTION_REQUESTS_PER_MINUTE", LIMIT.to_string());
    anyhow::ensure!(said(setup).await.code == 0, "setup works");
    // The window that setup used is over when the load begins, as it is for the optimum.
    tokio::time::sleep(Duration::from_secs(61)).await;

    let mut daemon = stage.command(&["run"]);
    daemon
        .env("NOTION_REQUESTS_PER_MINUTE", LIMIT.to_string())
        .stderr(std::process::Stdio::null());
    let started = Instant::now();
    let daemon = daemon.spawn()?;
    let rows: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM cadence_people) + (SELECT count(*) FROM cadence_projects)
              + (SELECT count(*) FROM cadence_tasks) + (SELECT count(*) FROM modules)",
    )
    .fetch_one(&stage.pool)
    .await?;
    let rows = u64::try_from(rows)?;
    eventually_within(Duration::from_mins(8), "the first load", async || {
        stage.notion.stats().page_creates >= rows
    })
    .await;
    let took = started.elapsed().as_secs_f64();
    line(
        "first load of the sample / optimum of the window",
        format!("{:.3} x", took / optimum(rows)),
        "<= 1.1 x",
    );

    let memory = memory_mb(daemon.id())?;
    line(
        "daemon's memory with the sample (peak)",
        format!("{memory:.1} MB"),
        "<= 40 MB",
    );

    let writes = |stage: &Stage| {
        let stats = stage.notion.stats();
        (
            stats.page_creates + stats.page_updates + stats.page_trashes + stats.page_restores,
            stats.requests,
        )
    };
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (before, requests_before) = writes(&stage);
    let processor_before = processor_seconds(daemon.id())?;
    tokio::time::sleep(Duration::from_mins(5)).await;
    let (after, requests_after) = writes(&stage);
    line("page writes in five idle minutes", after - before, "0");
    line(
        "other requests in five idle minutes",
        requests_after - requests_before - (after - before),
        "",
    );
    let processor = (processor_seconds(daemon.id())? - processor_before) / 300.0 * 100.0;
    line(
        "processor time while idle, of one core",
        format!("{processor:.2} %"),
        "< 5 %",
    );
    Ok(())
}

/// A minute of the demo: lag and writes per changed row under three agents' load.
async fn demo() -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new()?;
    let mut command = Command::new(binary("demo"));
    command
        .args(["--for", "60", "--port", "0", "--latency-ms", "150"])
        .current_dir(folder.path());
    let said = said(command).await;
    anyhow::ensure!(said.code == 0, "the demo failed: {}", said.stderr);
    let report: Value = serde_json::from_str(said.stdout.lines().last().unwrap_or_default())?;
    line(
        "writes per changed row",
        &report["writes_per_changed_row"],
        "<= 1.02",
    );
    line(
        "commit to page under the demo's load, p50 ms",
        &report["lag_p50_ms"],
        "<= 2000",
    );
    line(
        "commit to page under the demo's load, p95 ms",
        &report["lag_p95_ms"],
        "",
    );
    println!("{report}");
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn memory_mb(pid: Option<u32>) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.unwrap_or_default()))?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap_or_default();
    Ok(peak.trim().trim_end_matches(" kB").parse::<f64>()? / 1_024.0)
}

/// User and system time of a process; the clock ticks a hundred times a second on Linux.
fn processor_seconds(pid: Option<u32>) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.unwrap_or_default()))?;
    let (_, after_name) = stat.rsplit_once(')').unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    Ok(ticks
        .map(|ticks| ticks.parse::<f64>().unwrap_or_default())
        .sum::<f64>()
        / 100.0)
}
