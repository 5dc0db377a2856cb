//! Reading all pages of a data source, beyond the 10,000 at which one query stops.

use std::collections::HashSet;

use serde_json::{Value as Json, json};

use super::{Client, Error, Gate, convert};
use crate::budget::Lane;
use crate::retry;

/// Every page outside the trash, each once, oldest first.
pub async fn all_pages(
    client: &Client,
    gate: &Gate,
    data_source: uuid::Uuid,
) -> Result<Vec<Json>, Error> {
    let mut pages: Vec<Json> = Vec::new();
    let mut seen = HashSet::new();
    let mut since: Option<String> = None;
    loop {
        let before = pages.len();
        let complete = window(client, gate, data_source, since.as_deref(), |page| {
            if convert::id(&page).is_some_and(|id| seen.insert(id)) {
                pages.push(page);
            }
        })
        .await?;
        let last = pages
            .last()
            .and_then(|page| page["created_time"].as_str())
            .map(str::to_owned);
        if complete || pages.len() == before {
            return Ok(pages);
        }
        // Creation times never change, so a window that starts at the last one seen misses nothing.
        since = last;
    }
}

/// One query to its end. Returns whether Notion says that the end was reached.
async fn window(
    client: &Client,
    gate: &Gate,
    data_source: uuid::Uuid,
    since: Option<&str>,
    mut take: impl FnMut(Json),
) -> Result<bool, Error> {
    let mut cursor: Option<String> = None;
    loop {
        let mut body = json!({
            "page_size": 100,
            "sorts": [{"timestamp": "created_time", "direction": "ascending"}],
        });
        if let Some(since) = since {
            body["filter"] =
                json!({"timestamp": "created_time", "created_time": {"on_or_after": since}});
        }
        if let Some(cursor) = &cursor {
            body["start_cursor"] = json!(cursor);
        }
        let mut answer = retry::read(gate, Lane::Live, async |permit| {
            client.query(permit, data_source, &body).await
        })
        .await?;
        for page in answer["results"]
            .as_array_mut()
            .map(std::mem::take)
            .unwrap_or_default()
        {
            take(page);
        }
        cursor = answer["next_cursor"].as_str().map(str::to_owned);
        if answer["has_more"] != true || cursor.is_none() {
            return Ok(answer["request_status"]["type"] != "incomplete");
        }
    }
}

/// All page ids of a relation that the page shows only in part.
pub async fn whole_relation(
    client: &Client,
    gate: &Gate,
    page: super::PageId,
    property: &str,
) -> Result<Vec<String>, Error> {
    let (mut ids, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let answer = retry::read(gate, Lane::Live, async |permit| {
            client
                .property_items(permit, page, property, cursor.as_deref())
                .await
        })
        .await?;
        let items = answer["results"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        ids.extend(
            items
                .iter()
                .filter_map(|item| item["relation"]["id"].as_str().map(str::to_owned)),
        );
        cursor = answer["next_cursor"].as_str().map(str::to_owned);
        if answer["has_more"] != true || cursor.is_none() {
            return Ok(ids);
        }
    }
}
