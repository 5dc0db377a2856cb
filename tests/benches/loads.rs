//! `make bench`: what loads cost, against the optimum of the window and a straightforward peer, in one run.
//!
//! The simulator answers in 150 ms, give or take a third, with 180 requests a minute, the limit of most plans, for the
//! first load, the burst and the claim, and without a limit where only memory and requests count. About forty minutes.
#![expect(clippy::print_stdout, reason = "a benchmark reports to people")]

#[path = "../system/stage.rs"]
#[expect(dead_code, reason = "the stage has more than a benchmark needs")]
mod stage;

use std::process::Stdio;
use std::time::{Duration, Instant};

use notion_sim::Options;
use serde_json::json;
use sync_daemon::board::Board;
use sync_daemon::dashboard::Dashboards;
use sync_daemon::ledger::Ledger;
use sync_daemon::pass::{Queued, pass};
use sync_daemon::source::Snapshot;
use tokio::process::Child;

use stage::{NO_STATUS, Stage, eventually_within, plenty, said, text};

const LIMIT: u32 = 180;

const ITEMS: &str = r#"
name = "Items"
source = "item"
key = "id"
cadence = "30s"
[[property]]
name = "Name"
type = "title"
column = "name"
[[property]]
name = "Amount"
type = "number"
column = "amount"
[[property]]
name = "Kind"
type = "select"
column = "kind"
[[property]]
name = "Created"
type = "date"
column = "created_at"
"#;

const TABLE: &str = "
CREATE TABLE item (id int PRIMARY KEY, name text, amount int, kind text, created_at timestamptz);
";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let only = std::env::args()
        .nth(1)
        .filter(|word| !word.starts_with('-'));
    let wanted = |name: &str| only.as_ref().is_none_or(|only| only == name);
    println!("{:58} {:>12}  {:>8}", "number", "measured", "target");
    if wanted("burst") {
        burst_and_peer().await?;
    }
    if wanted("first-load") {
        first_load().await?;
    }
    if wanted("claim") {
        claim_during_load().await?;
    }
    if wanted("memory") {
        memory_and_rebuild(10_000, "<= 30 MB").await?;
        memory_and_rebuild(100_000, "<= 100 MB").await?;
    }
    if wanted("pass") {
        full_pass().await?;
    }
    if wanted("idle") {
        idle().await?;
    }
    Ok(())
}

fn line(what: &str, measured: impl std::fmt::Display, target: &str) {
    println!("{what:58} {measured:>12}  {target:>8}");
}

fn measured() -> Options {
    Options {
        requests_per_minute: LIMIT,
        latency_ms: 150,
        ..Options::default()
    }
}

async fn rows(stage: &Stage, from: i32, to: i32) -> anyhow::Result<()> {
    sqlx::query(
        "INSERT INTO item SELECT n, 'Item ' || n, n % 1000, 'Kind ' || n % 9, now() + n * interval '1 second'
         FROM generate_series($1, $2) n",
    )
    .bind(from)
    .bind(to)
    .execute(&stage.pool)
    .await?;
    Ok(())
}

/// A stage with the one board, set up, and its first window over.
async fn set_up(options: Options, budget: u32) -> anyhow::Result<Stage> {
    let limited = options.requests_per_minute == LIMIT;
    let stage = Stage::bare(TABLE, &[("items.toml", ITEMS)], options).await;
    let mut setup = stage.command(&["setup"]);
    setup.env("NOTION_REQUESTS_PER_MINUTE", budget.to_string());
    anyhow::ensure!(said(setup).await.code == 0, "setup works");
    if limited {
        tokio::time::sleep(Duration::from_secs(61)).await;
    }
    Ok(stage)
}

fn run(stage: &Stage, budget: u32) -> anyhow::Result<Child> {
    let mut daemon = stage.command(&["run"]);
    daemon
        .env("NOTION_REQUESTS_PER_MINUTE", budget.to_string())
        .stderr(Stdio::null());
    Ok(daemon.spawn()?)
}

async fn created(stage: &Stage, pages: u64, patience: Duration) {
    eventually_within(patience, "the pages are made", async || {
        stage.notion.stats().page_creates >= pages
    })
    .await;
}

/// A hundred rows at once on a board that stands, and the same by a peer that looks each row up and writes it, 350 ms
/// apart.
async fn burst_and_peer() -> anyhow::Result<()> {
    let stage = set_up(measured(), LIMIT).await?;
    rows(&stage, 1, 20).await?;
    let daemon = run(&stage, LIMIT)?;
    created(&stage, 20, Duration::from_mins(2)).await;
    tokio::time::sleep(Duration::from_secs(62)).await;
    let started = Instant::now();
    rows(&stage, 101, 200).await?;
    created(&stage, 120, Duration::from_mins(3)).await;
    let ours = started.elapsed().as_secs_f64();
    line("burst of 100 rows", format!("{ours:.1} s"), "<= 6 s");
    drop(daemon);

    let stage = set_up(measured(), LIMIT).await?;
    let source: sqlx::types::Uuid =
        sqlx::query_scalar("SELECT data_source_id FROM sync.dashboards WHERE name = 'Items'")
            .fetch_one(&stage.pool)
            .await?;
    let started = Instant::now();
    for id in 101..=200 {
        let sent = Instant::now();
        let filter = json!({"filter": {"property": "Claimboard Key", "rich_text": {"equals": id.to_string()}}});
        stage
            .notion_request("POST", &format!("v1/data_sources/{source}/query"), filter)
            .await;
        tokio::time::sleep(Duration::from_millis(350).saturating_sub(sent.elapsed())).await;
        let sent = Instant::now();
        let word = |word: String| json!([{"text": {"content": word}}]);
        let page = json!({
            "parent": {"type": "data_source_id", "data_source_id": source},
            "properties": {
                "Name": {"title": word(format!("Item {id}"))},
                "Claimboard Key": {"rich_text": word(id.to_string())},
                "Amount": {"number": id % 1000},
            },
        });
        stage.notion_request("POST", "v1/pages", page).await;
        tokio::time::sleep(Duration::from_millis(350).saturating_sub(sent.elapsed())).await;
    }
    let peer = started.elapsed().as_secs_f64();
    line(
        "the same, query and write each row 350 ms apart",
        format!("{peer:.1} s"),
        "",
    );
    line("peer / ours", format!("{:.1} x", peer / ours), "");
    Ok(())
}

/// A thousand rows against the optimum of the window: what does not fit into the first waits for the next ones.
async fn first_load() -> anyhow::Result<()> {
    let stage = set_up(measured(), LIMIT).await?;
    rows(&stage, 1, 1_000).await?;
    let started = Instant::now();
    let daemon = run(&stage, LIMIT)?;
    created(&stage, 120, Duration::from_mins(5)).await;
    line(
        "first 120 pages of a load of 1,000",
        format!("{:.1} s", started.elapsed().as_secs_f64()),
        "<= 7 s",
    );
    let newest = stage.pages("Items").await;
    let oldest_key = newest
        .iter()
        .filter_map(|page| text(page, "Claimboard Key").parse::<u32>().ok())
        .min();
    line(
        "the oldest row among them (of 1,000, the newest leave first)",
        format!("{}", oldest_key.unwrap_or_default()),
        "",
    );
    created(&stage, 1_000, Duration::from_mins(12)).await;
    let took = started.elapsed().as_secs_f64();
    let optimum = f64::from((1_000 - 1) / LIMIT) * 60.0;
    line(
        "first load of 1,000 rows / optimum of the window",
        format!("{:.3} x", took / optimum),
        "<= 1.03 x",
    );
    let stats = stage.notion.stats();
    let writes = stats.page_creates + stats.page_updates;
    line(
        "writes per row",
        format!("{:.3}", f64::from(u32::try_from(writes)?) / 1_000.0),
        "<= 1.02",
    );
    drop(daemon);
    Ok(())
}

/// Claims made in the midst of a first load of ten thousand rows: how long each takes to the board.
async fn claim_during_load() -> anyhow::Result<()> {
    let stage = set_up(measured(), LIMIT).await?;
    rows(&stage, 1, 10_000).await?;
    let daemon = run(&stage, LIMIT)?;
    let session = coordination::Session::open(&stage.pool, "bench", "bench").await?;
    let mut worst = Duration::ZERO;
    for round in 0..12 {
        tokio::time::sleep(Duration::from_secs(14)).await;
        let resource = format!("modules/{round}.md");
        let started = Instant::now();
        let outcome = session
            .claim(coordination::ClaimRequest::new(resource.clone()))
            .await?;
        anyhow::ensure!(
            matches!(outcome, coordination::ClaimOutcome::Granted(_)),
            "nobody else claims here"
        );
        eventually_within(Duration::from_mins(2), "the claim is shown", async || {
            let pages = stage.pages("Resource Claims").await;
            pages.iter().any(|page| text(page, "Resource") == resource)
        })
        .await;
        worst = worst.max(started.elapsed());
    }
    line(
        "slowest of 12 claims in the midst of a load of 10,000",
        format!("{:.1} s", worst.as_secs_f64()),
        "<= 5 s",
    );
    drop(daemon);
    Ok(())
}

/// Memory while a load waits and after it, a pass over what stands, and the ledger anew.
async fn memory_and_rebuild(count: i32, target: &str) -> anyhow::Result<()> {
    let stage = set_up(plenty(), 6_000).await?;
    rows(&stage, 1, count).await?;
    let daemon = run(&stage, 6_000)?;
    let pages = u64::try_from(count)?;
    created(&stage, pages.min(12_000), Duration::from_mins(30)).await;
    let peak = memory_mb(daemon.id(), "VmHWM:")?;
    line(
        &format!("daemon's memory, peak of a load of {count} rows"),
        format!("{peak:.1} MB"),
        target,
    );
    drop(daemon);
    if count > 10_000 {
        return Ok(());
    }
    stage.await_clean_for(Duration::from_mins(5)).await;
    let before = stage.notion.stats();
    let rebuilt = stage.daemon(&["rebuild", "--json"]).await;
    let after = stage.notion.stats();
    anyhow::ensure!(rebuilt.code == 0, "{rebuilt:?}");
    let boards: i64 = sqlx::query_scalar("SELECT count(*) FROM sync.dashboards")
        .fetch_one(&stage.pool)
        .await?;
    line(
        &format!(
            "requests of a rebuild of {count} rows, beside one for each of {} empty boards",
            boards - 1
        ),
        after.requests - before.requests - u64::try_from(boards - 1)?,
        "100",
    );
    line(
        "writes of it",
        after.page_updates + after.page_creates - before.page_updates - before.page_creates,
        "0",
    );
    Ok(())
}

/// A full pass over a hundred thousand rows that stand as they should, and the query for their hashes in `psql`.
async fn full_pass() -> anyhow::Result<()> {
    let stage = set_up(plenty(), 6_000).await?;
    rows(&stage, 1, 100_000).await?;
    let dashboards = Dashboards::load(Some(stage.schemas.path())).expect("valid schema files");
    let dashboard = dashboards.get("Items").expect("it is there").clone();
    let ledger = Ledger::new(stage.pool.clone());
    let binding = ledger.bindings().await?.remove("Items").expect("set up");
    let mut snapshot = Snapshot::begin(&stage.pool).await?;
    let hashes = snapshot.hashes(&dashboard).await?.rows;
    snapshot.finish().await?;
    let (keys, versions): (Vec<_>, Vec<_>) =
        hashes.into_iter().map(|row| (row.key, row.hash)).unzip();
    sqlx::query(
        "INSERT INTO sync.pages (dashboard, key, state, page_id, source_hash)
         SELECT 'Items', key, 'synced', gen_random_uuid(), hash FROM unnest($1::text[], $2::uuid[]) AS known (key, hash)",
    )
    .bind(&keys)
    .bind(&versions)
    .execute(&stage.pool)
    .await?;
    sqlx::raw_sql("ANALYZE").execute(&stage.pool).await?;
    let board = Board { dashboard, binding };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let started = Instant::now();
        let mut snapshot = Snapshot::begin(&stage.pool).await?;
        let seen = pass(&ledger, &board, &mut snapshot, &Queued::default()).await?;
        anyhow::ensure!(seen.findings.is_empty(), "nothing differs");
        ours.push(started.elapsed());
        drop(snapshot);
        let started = Instant::now();
        let query = "SELECT id::text COLLATE \"C\", md5(ARRAY[left(name, 200000), amount::text, kind, created_at::text, char_length(name)::text]::text)::uuid FROM item ORDER BY 1";
        let status = tokio::process::Command::new("psql")
            .args(["-qAtX", "-o", "/dev/null", "-c", query, &stage.url])
            .status()
            .await?;
        anyhow::ensure!(status.success(), "psql works");
        theirs.push(started.elapsed());
    }
    ours.sort_unstable();
    theirs.sort_unstable();
    line(
        "full pass over 100,000 unchanged rows / hash query in psql",
        format!("{:.2} x", ours[2].as_secs_f64() / theirs[2].as_secs_f64()),
        "<= 3 x",
    );
    Ok(())
}

/// What a board that stands costs, Sync Status included.
async fn idle() -> anyhow::Result<()> {
    let stage = Stage::bare(TABLE, &[("items.toml", ITEMS)], measured()).await;
    std::fs::remove_file(stage.schemas.path().join(NO_STATUS.0))?;
    anyhow::ensure!(stage.daemon(&["setup"]).await.code == 0, "setup works");
    rows(&stage, 1, 50).await?;
    let daemon = run(&stage, LIMIT)?;
    created(&stage, 50, Duration::from_mins(5)).await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    let writes = |stats: &notion_sim::Stats| {
        stats.page_creates + stats.page_updates + stats.page_trashes + stats.page_restores
    };
    let before = stage.notion.stats();
    tokio::time::sleep(Duration::from_mins(5)).await;
    let after = stage.notion.stats();
    let written = writes(&after) - writes(&before);
    line(
        "page writes in five idle minutes: the heartbeat",
        written,
        "5",
    );
    line(
        "other requests in five idle minutes, of the budget",
        format!(
            "{:.1} %",
            f64::from(u32::try_from(after.requests - before.requests - written)?)
                / f64::from(LIMIT * 5)
                * 100.0
        ),
        "<= 5 %",
    );
    drop(daemon);
    Ok(())
}

fn memory_mb(pid: Option<u32>, what: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.unwrap_or_default()))?;
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    Ok(line
        .unwrap_or_default()
        .trim()
        .trim_end_matches(" kB")
        .parse::<f64>()?
        / 1_024.0)
}
