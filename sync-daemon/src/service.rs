//! The daemon as a service: opens what it needs however long that is away, mirrors while it holds the right
//! to, takes up a changed configuration, and stops.
//!
//! Whatever is away is said, in the log once and in the status always, and is no reason to end: a service
//! manager that starts us again could do no more than we do. Drivers follow each other, when the dashboards
//! are loaded again, the claim is lost or the pool is; what one knew, the next takes over ([`Carried`]).

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::board::Board;
use crate::config::DatabaseConfig;
use crate::driver::{Carried, Driver, Ended, Mode};
use crate::notion::{Client, Gate};
use crate::open::{Database, load_boards};
use crate::shelf::Shelf;
use crate::tenure::{RESOURCE, Tenure};
use crate::writer::{Writer, with_cause};

mod opening;
mod signal;
pub mod systemd;
mod voice;

use opening::Turn;
pub use signal::{Reloads, reloads, stopped, while_held};
pub use voice::Seen;
use voice::Voice;

/// How long a claim may take to be given back: over a dead connection it never is.
const FAREWELL: Duration = Duration::from_secs(5);

/// Mirrors until stopped. Returns the pages that were written.
pub async fn run(
    config: &DatabaseConfig,
    client: Arc<Client>,
    gate: &Gate,
    shutdown: CancellationToken,
    mut reloads: Reloads,
    status: watch::Sender<Seen>,
) -> anyhow::Result<u64> {
    let mut voice = Voice::new(status);
    let mut carried = Carried::default();
    let mut skipped = Vec::new();
    while !shutdown.is_cancelled() {
        let health = &mut carried.postgres;
        let opened = opening::database(config, health, &mut voice, &shutdown).await?;
        let Some((mut database, mut boards)) = opened else {
            break;
        };
        let tenure = match opening::tenure(&database, health, &mut voice, &shutdown).await? {
            Turn::Granted(tenure) => tenure,
            Turn::Lost => continue,
            Turn::Stopped => break,
        };
        // What other processes sent meanwhile counts in the same window.
        let gate = Gate::new(gate.used().1);
        if let Ok(recent) = database.ledger.recent_requests().await {
            gate.recall(&recent);
        }
        // Until the claim or the pool is lost, or the daemon is stopped.
        loop {
            tell_skipped(&mut skipped, &database);
            tracing::info!(dashboards = boards.len(), "mirroring");
            let stop = while_held(&tenure, &shutdown);
            let writer = writer(&database, &tenure, boards, &client, &gate);
            let driver =
                Driver::new(database.pool.clone(), Arc::new(writer), Mode::Forever).resume(carried);
            systemd::ready();
            let (ended, loaded) = mirror(
                driver,
                &database,
                config,
                &client,
                &stop,
                &mut reloads,
                &mut voice,
            )
            .await;
            carried = ended.carried;
            match loaded {
                Some(loaded) if !ended.lost_postgres && !tenure.trust().lost().is_cancelled() => {
                    (database, boards) = loaded;
                }
                _ => break,
            }
        }
        if tenure.trust().lost().is_cancelled() {
            tracing::warn!(
                "the claim {RESOURCE} is lost; nothing is written until it is held again"
            );
        }
        if tokio::time::timeout(FAREWELL, tenure.end()).await.is_err() {
            tracing::warn!("the claim {RESOURCE} was not given back; its lease ends by itself");
        }
    }
    systemd::stopping();
    Ok(carried.written)
}

/// Runs one driver to its end. Also returns the dashboards for the next one, if they were loaded again.
async fn mirror(
    driver: Driver,
    database: &Database,
    config: &DatabaseConfig,
    client: &Client,
    stop: &CancellationToken,
    reloads: &mut Reloads,
    voice: &mut Voice,
) -> (Ended, Option<(Database, Vec<Board>)>) {
    let running = driver.run(stop.clone(), |driver| voice.mirrors(driver, &database.pool));
    let mut running = std::pin::pin!(running);
    let mut reloading = JoinSet::new();
    let mut next = None;
    loop {
        tokio::select! {
            ended = &mut running => return (ended, next),
            () = reloads.next(), if reloading.is_empty() => {
                systemd::reloading();
                client.forget_token();
                let (pool, schemas) = (database.pool.clone(), config.schemas.clone());
                reloading.spawn(async move { load_boards(pool, schemas.as_deref()).await });
            }
            Some(loaded) = reloading.join_next() => match loaded.expect("loading does not panic") {
                Ok(loaded) => {
                    tracing::info!(dashboards = loaded.1.len(), "reloaded: token and dashboards");
                    next = Some(loaded);
                    stop.cancel();
                }
                Err(error) => {
                    let problem = with_cause(&error);
                    tracing::error!(problem, "token reloaded; the dashboards stay as they were");
                    systemd::ready();
                }
            }
        }
    }
}

fn writer(
    database: &Database,
    tenure: &Tenure,
    boards: Vec<Board>,
    client: &Arc<Client>,
    gate: &Gate,
) -> Writer {
    Writer {
        pool: database.pool.clone(),
        shelf: Shelf::default(),
        ledger: tenure.ledger.clone(),
        client: Arc::clone(client),
        gate: gate.clone(),
        trust: tenure.trust(),
        boards,
        me: OnceLock::new(),
        told: std::sync::Mutex::default(),
    }
}

fn tell_skipped(skipped: &mut Vec<String>, database: &Database) {
    if *skipped != database.absent {
        skipped.clone_from(&database.absent);
        for name in skipped {
            tracing::info!(
                dashboard = name,
                "dashboard skipped: its table does not exist in this database"
            );
        }
    }
}
