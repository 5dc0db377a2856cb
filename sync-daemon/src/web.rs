//! The status page and its siblings: `/` for people, `/status` for programs, `/metrics` for Prometheus,
//! `/healthz` and `/readyz` for whoever starts and watches the daemon.
//!
//! Everything only looks: there is nothing that a request could change. The work loop publishes what it
//! knows ([`Seen`]); a request reads that, and asks Postgres only for agents, claims and last writes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use chrono::Utc;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use crate::config::ListenConfig;
use crate::metrics;
use crate::service::Seen;
use crate::status::Memory;

mod door;
mod page;
mod scene;

use door::Door;
use scene::Scene;

/// A work loop that has not turned for so long is wedged.
const WEDGED: Duration = Duration::from_secs(60);

/// What every page is served with: nothing from elsewhere, nothing that runs, in nobody's frame.
const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

#[derive(Debug, Clone)]
struct Shared {
    seen: watch::Receiver<Seen>,
    started: chrono::DateTime<Utc>,
    /// Whoever asks Postgres does so alone: the connections are the mirror's.
    asking: Arc<Mutex<()>>,
}

impl Shared {
    async fn scene(&self, seen: &Seen) -> Scene {
        let _alone = self.asking.lock().await;
        Scene::read(seen.pool.as_ref()).await
    }
}

/// Opens the door. An address that nobody asked for and that is taken is no reason not to mirror.
pub async fn bind(config: &ListenConfig) -> Result<Option<TcpListener>, std::io::Error> {
    let Some(address) = &config.address else {
        return Ok(None);
    };
    match TcpListener::bind(address).await {
        Ok(listener) => {
            if let Ok(local) = listener.local_addr() {
                tracing::info!(%local, "status page on http://{local}/");
            }
            Ok(Some(listener))
        }
        Err(error) if config.given => Err(error),
        Err(error) => {
            tracing::warn!(address, %error, "no status page: set CLAIMBOARD_LISTEN to another address, or to off");
            Ok(None)
        }
    }
}

/// Serves until `shutdown`.
pub async fn serve(
    listener: TcpListener,
    config: &ListenConfig,
    seen: watch::Receiver<Seen>,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let door = Arc::new(Door::new(config));
    let shared = Shared {
        seen,
        started: Utc::now(),
        asking: Arc::default(),
    };
    let routes = Router::new()
        .route("/", get(people))
        .route("/style.css", get(style))
        .route("/status", get(status))
        .route("/metrics", get(prometheus))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(|| async {
            (
                StatusCode::NOT_FOUND,
                "there is /, /status, /metrics, /healthz and /readyz\n",
            )
        })
        .with_state(shared)
        .layer(middleware::from_fn_with_state(door, door::check))
        .layer(middleware::map_response(async |mut response: Response| {
            for (name, value) in HEADERS {
                response
                    .headers_mut()
                    .insert(name, axum::http::HeaderValue::from_static(value));
            }
            response
        }));
    axum::serve(listener, routes)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}

async fn people(State(shared): State<Shared>) -> impl IntoResponse {
    let seen = shared.seen.borrow().clone();
    let scene = shared.scene(&seen).await;
    let turned = seen.at.elapsed();
    let page = page::render(&seen.status, &scene, turned, shared.started, Utc::now());
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page)
}

async fn style() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("web/style.css"),
    )
}

async fn status(State(shared): State<Shared>) -> impl IntoResponse {
    let seen = shared.seen.borrow().clone();
    let scene = shared.scene(&seen).await;
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started_at": shared.started,
        "at": Utc::now(),
        "ready": seen.status.unready().is_empty(),
        "not_ready": seen.status.unready(),
        "loop_turned_seconds_ago": seen.at.elapsed().as_secs_f64(),
        "caught_up_in_seconds": seen.status.caught_up_in_seconds(),
        "percent_of_limit": seen.status.percent_of_limit(),
        "memory": memory(shared.started),
        "sync": *seen.status,
        "agents": scene.agents,
        "claims": scene.claims,
        "last_writes": scene.writes,
        "problem": scene.problem,
    }))
}

async fn prometheus(State(shared): State<Shared>) -> impl IntoResponse {
    let seen = shared.seen.borrow().clone();
    (
        [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)],
        metrics::render(&seen.status, memory(shared.started)),
    )
}

/// The process does its work, whatever is away.
async fn healthz(State(shared): State<Shared>) -> (StatusCode, String) {
    let turned = shared.seen.borrow().at.elapsed();
    if turned > WEDGED {
        let text = format!("the work loop has not turned for {} s\n", turned.as_secs());
        return (StatusCode::SERVICE_UNAVAILABLE, text);
    }
    (StatusCode::OK, "ok\n".to_owned())
}

/// Rows reach pages.
async fn readyz(State(shared): State<Shared>) -> (StatusCode, String) {
    let reasons = shared.seen.borrow().status.unready();
    if reasons.is_empty() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    (
        StatusCode::SERVICE_UNAVAILABLE,
        format!("{}\n", reasons.join("\n")),
    )
}

/// Resident memory, where the system tells.
fn memory(started: chrono::DateTime<Utc>) -> Option<Memory> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970")]
    let started_at = started.timestamp_millis() as f64 / 1000.0;
    Some(Memory {
        resident_bytes: kilobytes * 1024,
        started_at,
    })
}
