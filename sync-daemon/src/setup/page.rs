//! The head of the parent page: what the databases below it are, where each comes from, and that edits are
//! overwritten. The list follows the files; the databases themselves stand in the order in which they were made.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::{Error, Setup, cure};
use crate::budget::Lane;
use crate::dashboard::{Dashboard, Source};
use crate::ledger::Binding;
use crate::notion::{Error as NotionError, convert};
use crate::retry;

const HEADING: &str = "Mirrored from Postgres";

/// By its beginning the head is found again.
const KNOWN_BY: &str = "These databases show rows of Postgres";

const SAYS: &str = "These databases show rows of Postgres, and claimboard-sync keeps them up to date. What somebody \
    changes in a mirrored cell is overwritten: change it in Postgres. Comments, properties and views of your own, \
    and what you write in pages, stay.";

/// Makes the head, and its list what the files say.
pub(super) async fn arrange(
    setup: &Setup<'_>,
    dashboards: &[&Dashboard],
    bindings: &HashMap<String, Binding>,
) -> Result<(), Error> {
    arranged(setup, dashboards, bindings)
        .await
        .map_err(|source| Error::Notion {
            dashboard: "(the parent page)".to_owned(),
            cure: cure(&source),
            source,
        })
}

async fn arranged(
    setup: &Setup<'_>,
    dashboards: &[&Dashboard],
    bindings: &HashMap<String, Binding>,
) -> Result<(), NotionError> {
    let wanted: Vec<Json> = dashboards
        .iter()
        .filter_map(|dashboard| Some(line(dashboard, bindings.get(&dashboard.name)?)))
        .collect();
    let standing = children(setup, setup.parent).await?;
    let head = standing.iter().find(|block| {
        convert::plain_text(&block["callout"]["rich_text"])
            .is_some_and(|text| text.starts_with(KNOWN_BY))
    });
    let Some(head) = head.and_then(convert::id) else {
        let callout = json!({
            "rich_text": convert::rich_text(SAYS),
            "icon": convert::picture("🔁"),
            "color": "gray_background",
        });
        let head = json!({"children": [
            {"object": "block", "type": "heading_2", "heading_2": {"rich_text": convert::rich_text(HEADING)}},
            {"object": "block", "type": "callout", "callout": callout},
        ]});
        // Not repeated: a head whose answer was lost is found by the next setup.
        let permit = setup.gate.admit(Lane::Live).await;
        let answer = setup.client.append(permit, setup.parent, &head).await?;
        let made = answer["results"].as_array().and_then(|all| all.last());
        let callout = made.and_then(convert::id);
        let callout = callout.ok_or(NotionError::Unexpected("block id"))?;
        return append(setup, callout, &wanted).await;
    };
    let lines = children(setup, head).await?;
    for (at, standing) in lines.iter().enumerate() {
        let Some(id) = convert::id(standing) else {
            continue;
        };
        let permit = match wanted.get(at) {
            Some(wanted) if says(standing) == says(wanted) => continue,
            _ => setup.gate.admit(Lane::Live).await,
        };
        match wanted.get(at) {
            Some(wanted) => {
                let text = &wanted["bulleted_list_item"]["rich_text"];
                let change = json!({"bulleted_list_item": {"rich_text": text}});
                setup.client.update_block(permit, id, &change).await?;
            }
            None => {
                setup.client.delete_block(permit, id).await?;
            }
        }
    }
    append(setup, head, wanted.get(lines.len()..).unwrap_or_default()).await
}

/// Text and links of a line.
fn says(line: &Json) -> Vec<(Option<&str>, Option<&str>)> {
    let parts = line["bulleted_list_item"]["rich_text"].as_array();
    let parts = parts.into_iter().flatten().map(|part| &part["text"]);
    parts
        .map(|text| (text["content"].as_str(), text["link"]["url"].as_str()))
        .collect()
}

fn line(dashboard: &Dashboard, binding: &Binding) -> Json {
    let url = format!("https://www.notion.so/{}", binding.database_id.simple());
    let from = match &dashboard.source {
        Source::Table { schema, name } => format!("{schema}.{name}"),
        Source::Query(_) => "a query".to_owned(),
    };
    let name = match &dashboard.icon {
        Some(icon) => format!("{icon} {}", dashboard.name),
        None => dashboard.name.clone(),
    };
    json!({"object": "block", "type": "bulleted_list_item", "bulleted_list_item": {"rich_text": [
        {"type": "text", "text": {"content": name, "link": {"url": url}}},
        {"type": "text", "text": {"content": format!(": from {from}")}},
    ]}})
}

async fn append(setup: &Setup<'_>, head: uuid::Uuid, lines: &[Json]) -> Result<(), NotionError> {
    for lines in lines.chunks(100) {
        let permit = setup.gate.admit(Lane::Live).await;
        let body = json!({"children": lines});
        setup.client.append(permit, head, &body).await?;
    }
    Ok(())
}

async fn children(setup: &Setup<'_>, of: uuid::Uuid) -> Result<Vec<Json>, NotionError> {
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut answer = retry::read(setup.gate, Lane::Live, async |permit| {
            setup.client.children(permit, of, cursor.as_deref()).await
        })
        .await?;
        if let Some(blocks) = answer["results"].as_array_mut() {
            found.append(blocks);
        }
        cursor = answer["next_cursor"].as_str().map(str::to_owned);
        if answer["has_more"] != true || cursor.is_none() {
            return Ok(found);
        }
    }
}
