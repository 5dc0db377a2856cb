//! The thin layer between HTTP and the simulator.

pub(crate) mod listener;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rand::RngExt;

use crate::api::gate::{BODY_LIMIT, Incoming};
use crate::failure::Failure;
use crate::server::Shared;
use crate::simulator::Reply;
use crate::{board, control};
use listener::Wire;

const JSON: &str = "application/json; charset=utf-8";

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let local = Router::new()
        .merge(board::routes())
        .merge(control::routes())
        .layer(axum::middleware::from_fn(only_local));
    Router::new()
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .merge(local)
        .fallback(api)
        .with_state(shared)
}

async fn api(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    // One byte more than allowed is enough to know, and to answer as Notion does.
    let body = match axum::body::to_bytes(body, BODY_LIMIT * 16).await {
        Ok(body) => body,
        Err(_) => Bytes::from(vec![b' '; BODY_LIMIT + 1]),
    };
    let header = |name| {
        parts
            .headers
            .get(name)
            .map(|value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let (authorization, version) = (header(AUTHORIZATION.as_str()), header("notion-version"));
    let json = header(CONTENT_TYPE.as_str()).is_some_and(|kind| {
        kind.split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    });
    let incoming = Incoming {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        authorization: authorization.as_deref(),
        version: version.as_deref(),
        json,
        body: &body,
    };
    let reply = shared.simulator().serve(&incoming, shared.clock.now());
    shared.changed.send_modify(|version| *version += 1);
    let pause = Duration::from_millis(latency(shared.latency_ms) + reply.delay_millis);
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    if reply.dropped {
        wire.cut();
    }
    response(reply)
}

/// `N` give or take a third, uniformly.
fn latency(millis: u64) -> u64 {
    let third = millis / 3;
    if third == 0 {
        millis
    } else {
        rand::rng().random_range(millis - third..=millis + third)
    }
}

fn response(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(html) = reply.html {
        return (
            status,
            [
                (CONTENT_TYPE.as_str(), "text/html"),
                ("cf-ray", "8f1c0ffee0sim-FRA"),
            ],
            html,
        )
            .into_response();
    }
    let mut response = Response::new(Body::from(reply.body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    let mut add = |name: &'static str, value: Option<String>| {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    };
    add("x-notion-request-id", reply.request_id);
    add(RETRY_AFTER.as_str(), reply.retry_after);
    response
}

/// Pages of other sites must neither read the workspace nor act on it: neither by a name that resolves here, nor from their origin.
async fn only_local(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = text(headers, HOST.as_str());
    let local = host.as_deref().is_some_and(is_local);
    let foreign = text(headers, ORIGIN.as_str()).is_some_and(|origin| {
        let named = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        named.is_none() || named != host.as_deref()
    });
    if local && !foreign {
        return next.run(request).await;
    }
    let failure = Failure::new(
        403,
        "forbidden",
        "This part of notion-sim answers only to its own address on this machine.",
    );
    (
        StatusCode::FORBIDDEN,
        [(CONTENT_TYPE, JSON)],
        failure.body("").to_string(),
    )
        .into_response()
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}
