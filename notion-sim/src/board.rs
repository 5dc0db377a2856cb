//! The page at `/`: the workspace as people see it in Notion.

use std::sync::Arc;

use axum::Router;

use crate::server::Shared;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
}
