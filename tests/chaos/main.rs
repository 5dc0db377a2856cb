//! Chaos: many processes, a server that crashes, and a witness beside the database that believes only what the clients saw.
//!
//! `RACES` says how many races must be run (5,000 among the other tests; `make chaos` runs 1,000,000), `SEED` repeats a run's choices; what the machine makes of them differs each time.
//! A race is an attempt that was in flight at once with an incompatible one that ended before it: of two that meet, one is counted.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a harness reports to people"
)]

mod client;
mod conductor;
mod diary;
mod ground;
mod report;
mod witness;

use std::path::Path;
use std::time::Duration;

use conductor::Plan;

/// What the harness must notice, each within a few seconds: it proves nothing if it cannot fail.
const SABOTAGES: [(&str, &str); 2] = [
    (
        "a constraint that excludes nothing",
        "ALTER TABLE coordination.claims DROP CONSTRAINT claims_no_overlap;
         ALTER TABLE coordination.claims ADD CONSTRAINT claims_no_overlap
         EXCLUDE USING gist (workspace WITH =, span WITH &&, sharers WITH &&, rival WITH <>) WHERE (released_at IS NULL AND id < 0)",
    ),
    (
        "a closer that does not look whether the lease is over",
        "DO $$
         DECLARE
           sound text := pg_get_functiondef((SELECT oid FROM pg_proc WHERE proname = 'claim' AND pronamespace = 'coordination'::regnamespace));
         BEGIN
           ASSERT strpos(sound, ' AND c.expires_at <= clock_timestamp()') > 0, 'there is nothing to break';
           EXECUTE replace(sound, ' AND c.expires_at <= clock_timestamp()', '');
         END $$",
    ),
];

fn number(name: &str, default: u64) -> anyhow::Result<u64> {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .map_err(|_| anyhow::anyhow!("{name} is not a number: {text}")),
        Err(_) => Ok(default),
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, url, diary, number, seed] = &arguments[..]
        && role == "client"
    {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        return runtime.block_on(client::run(
            url,
            Path::new(diary),
            number.parse()?,
            seed.parse()?,
        ));
    }
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(conduct())
}

async fn conduct() -> anyhow::Result<()> {
    let races = number("RACES", 5_000)?;
    let seed = number("SEED", rand::random_range(0..1_000_000))?;
    println!("chaos: {races} races, SEED={seed}");
    for (name, sabotage) in SABOTAGES {
        let plan = Plan {
            seed,
            clients: 12,
            races: u64::MAX,
            restarts: 0,
            patience: Duration::from_mins(5),
            sabotage: Some(sabotage),
        };
        let report = conductor::run(plan).await?;
        println!(
            "chaos: {name}: {} double grants seen in {} s",
            report.double_grants.len(),
            report.seconds
        );
        anyhow::ensure!(
            !report.double_grants.is_empty(),
            "the harness does not notice {name}: {}",
            report.json()
        );
    }
    let plan = Plan {
        seed,
        clients: number("CLIENTS", 24)?,
        races,
        restarts: 2 + races / 250_000,
        patience: Duration::from_mins(10) + Duration::from_millis(races * 20),
        sabotage: None,
    };
    let report = conductor::run(plan).await?;
    println!("{}", report.json());
    if !report.is_clean() {
        eprintln!("chaos: the protocol was broken; SEED={seed} makes the same choices again");
        std::process::exit(1);
    }
    anyhow::ensure!(
        report.races >= races,
        "only {} of {races} races were run in time; give it a faster machine, or fewer races",
        report.races
    );
    Ok(())
}
