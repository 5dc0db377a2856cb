//! The page at `/`: the workspace as people see it in Notion, following live.
//!
//! Everything is rendered here; a small script fetches the same address again when something changed and
//! swaps what differs. It says which version it shows, so that rows that stand as they were are only named. All text goes through [`html::Html`], which escapes it.

mod cell;
mod html;
mod layout;
mod page;
mod panel;
mod table;
mod view;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use uuid::Uuid;

use crate::server::Shared;
use crate::simulator::Simulator;
use html::Html;

/// A watcher asks again after this long, even if nothing happened.
const PATIENCE: Duration = Duration::from_secs(25);

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(home))
        .route("/d/{source}", get(database))
        .route("/p/{page}", get(one_page))
        .route("/trash", get(trash))
        .route("/_board/panel", get(only_panel))
        .route("/_board/changes", get(changes))
        .route(
            "/_board/style.css",
            get(async || asset("text/css; charset=utf-8", include_str!("board/style.css"))),
        )
        .route(
            "/_board/script.js",
            get(async || {
                asset(
                    "text/javascript; charset=utf-8",
                    include_str!("board/script.js"),
                )
            }),
        )
}

fn asset(kind: &'static str, content: &'static str) -> Response {
    (
        [
            (CONTENT_TYPE, kind),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (CACHE_CONTROL, "no-cache"),
        ],
        content,
    )
        .into_response()
}

fn shown(status: StatusCode, html: Html) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    (status, headers, html.into_string()).into_response()
}

/// What a watcher compares: the workspace's version, how far time was moved, and a count of all that happened.
fn version(shared: &Shared, simulator: &Simulator) -> String {
    let (content, ahead) = (simulator.workspace.version(), shared.clock.ahead_millis());
    format!("{content}.{ahead}.{}", *shared.changed.borrow())
}

fn look<'a>(shared: &Shared, simulator: &'a Simulator) -> layout::Look<'a> {
    layout::Look {
        simulator,
        now: shared.clock.now(),
        version: version(shared, simulator),
    }
}

async fn home(State(shared): State<Arc<Shared>>) -> Response {
    let simulator = shared.simulator();
    shown(StatusCode::OK, look(&shared, &simulator).home())
}

/// What a person chose to see of a database.
#[derive(Debug, Default, Deserialize)]
struct Choice {
    view: Option<Uuid>,
    from: Option<usize>,
    month: Option<String>,
    /// The version of the workspace that the watcher shows already.
    since: Option<u64>,
}

async fn database(
    State(shared): State<Arc<Shared>>,
    Path(source): Path<String>,
    choice: Result<Query<Choice>, QueryRejection>,
) -> Response {
    let mut simulator = shared.simulator();
    let now = shared.clock.now();
    // What is no choice chooses nothing, and what is no id is nobody's.
    let choice = choice.map(|Query(choice)| choice).unwrap_or_default();
    let source = source.parse().unwrap_or_default();
    let rows = table::Rows::choose(&mut simulator.workspace, source, &choice, now);
    let look = look(&shared, &simulator);
    match rows {
        Some(rows) => shown(StatusCode::OK, look.database(&rows)),
        None => missing(&look),
    }
}

async fn one_page(State(shared): State<Arc<Shared>>, Path(page): Path<String>) -> Response {
    let simulator = shared.simulator();
    let page: Uuid = page.parse().unwrap_or_default();
    let look = look(&shared, &simulator);
    match simulator.workspace.pages.get(&page) {
        Some(_) if page == simulator.root() => shown(StatusCode::OK, look.home()),
        Some(page) => shown(StatusCode::OK, look.page(page)),
        None => missing(&look),
    }
}

async fn trash(State(shared): State<Arc<Shared>>) -> Response {
    let simulator = shared.simulator();
    shown(StatusCode::OK, look(&shared, &simulator).trash())
}

fn missing(look: &layout::Look<'_>) -> Response {
    shown(StatusCode::NOT_FOUND, look.missing())
}

async fn only_panel(State(shared): State<Arc<Shared>>) -> Response {
    let simulator = shared.simulator();
    let mut html = Html::default();
    panel::compact(&mut html, &simulator, shared.clock.now());
    shown(StatusCode::OK, html)
}

#[derive(Deserialize)]
struct Since {
    seen: String,
}

/// Answers as soon as what the watcher saw is old, with what stands now; with nothing when that did not happen for long.
async fn changes(State(shared): State<Arc<Shared>>, Query(since): Query<Since>) -> Response {
    let mut changed = shared.changed.subscribe();
    let state = || version(&shared, &shared.simulator());
    let news = async {
        loop {
            let now = state();
            if now != since.seen {
                break Some(now);
            }
            if changed.changed().await.is_err() {
                break None;
            }
        }
    };
    let heard = tokio::select! {
        heard = tokio::time::timeout(PATIENCE, news) => heard.ok().flatten(),
        () = shared.stop.cancelled() => None,
    };
    let headers = [(CONTENT_TYPE, "text/plain"), (CACHE_CONTROL, "no-store")];
    match heard {
        Some(version) => (headers, version).into_response(),
        None => (StatusCode::NO_CONTENT, headers).into_response(),
    }
}
