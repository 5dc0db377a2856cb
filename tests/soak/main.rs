//! The soak: the whole system with agents at work, load, faults and restarts, for as long as is asked for.
//!
//! `FOR` says how long (`45s`, `30m`, `2h`; half a minute among the other tests, `make soak` runs 30 minutes). The first third kills
//! the daemon every ten seconds; then each of the other faults has its turn, over and over. It ends by a report below `target/soak`:
//! figures, memory and connections as a picture, and whether history and pages prove right. It fails if anything did not heal.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a harness reports to people"
)]

mod cast;
mod fault;
mod gauge;
mod load;
mod picture;
mod report;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use cast::Cast;
use fault::Fault;
use gauge::Gauge;
use report::Report;

/// Short enough to be one test among others.
const DEFAULT: Duration = Duration::from_secs(30);
/// A kill in each.
const ROUND: Duration = Duration::from_secs(10);
/// How long healing may take: pauses between attempts double up to a minute, and machines are slow.
const PATIENCE: Duration = Duration::from_mins(4);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let length = std::env::var("FOR").map_or(Ok(DEFAULT), |text| length(&text))?;
    println!("soak: {} s", length.as_secs());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = folder()?;
    let mut cast = Cast::enter(&folder).await?;
    let begun = demo::journal::now(&cast.pool).await?;
    let mut report = Report::begin(length);

    let stop = CancellationToken::new();
    let load = tokio::spawn(load::run(cast.pool.clone(), stop.clone()));
    let gauge = Gauge::start(cast.pool.clone(), cast.watched(), stop.clone());
    play(&mut cast, length, &mut report).await?;

    stop.cancel();
    report.load = load.await?;
    report.samples = gauge.read().await?;
    cast.bow(&mut report, PATIENCE).await?;
    report.measure(&cast, begun).await?;
    cast.leave().await?;

    let picture = folder.join("soak.svg");
    std::fs::write(&picture, picture::draw(&report))?;
    std::fs::write(
        folder.join("soak.json"),
        serde_json::to_string_pretty(&report.json())?,
    )?;
    println!("{}", report.json());
    println!("soak: the picture is {}", picture.display());
    let wrong = report.wrong();
    if !wrong.is_empty() {
        eprintln!("soak: {}", wrong.join("\nsoak: "));
        std::process::exit(1);
    }
    Ok(())
}

/// The first third kills the daemon in each round, the rest goes through the other faults.
async fn play(cast: &mut Cast, length: Duration, report: &mut Report) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut others = Fault::OTHERS.iter().cycle();
    loop {
        let at = started.elapsed();
        if at >= length {
            return Ok(());
        }
        let fault = if at < length / 3 {
            Fault::Kill
        } else {
            *others.next().expect("a cycle does not end")
        };
        let round = Instant::now();
        fault.strike(cast).await?;
        // A kill is followed by the next one, whatever came of it; everything else must heal.
        let healed = fault == Fault::Kill || cast.healed(PATIENCE).await;
        report.struck(fault, healed.then(|| round.elapsed()));
        if !healed {
            return Ok(());
        }
        cast.mend()?;
        tokio::time::sleep(ROUND.saturating_sub(round.elapsed())).await;
    }
}

/// Where the report goes, beside the build.
fn folder() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(3).context("no folder for the report")?;
    let folder = target.join("soak");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// `90s`, `30m`, `2h`.
fn length(text: &str) -> anyhow::Result<Duration> {
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        _ => anyhow::bail!("FOR is {text:?}, not a time such as 45s, 30m or 2h"),
    };
    let count: u64 = text[..text.len() - 1]
        .parse()
        .with_context(|| format!("FOR is {text:?}, not a time such as 45s, 30m or 2h"))?;
    Ok(Duration::from_secs(count * unit))
}
