//! Queries, search and users: everything that answers with a list.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::gate::Call;
use super::{FILTER_PROPERTIES, body, check, cut, list, page_size, paging, path_id, visible};
use crate::failure::Failure;
use crate::model::query::{self, Enough, Filter, Sort};
use crate::model::render;
use crate::model::schema::{self, Property};
use crate::model::text;
use crate::model::workspace::{User, Workspace};
use crate::model::write::row::not_found;

pub(super) fn query(
    workspace: &mut Workspace,
    call: &Call,
    id: &str,
    now: DateTime<Utc>,
) -> Result<Value, Failure> {
    let id = path_id("data_source_id", id)?;
    check(call, &["filter_properties"], &body::QUERY)?;
    let given = &call.body;
    let source = visible(workspace, workspace.data_sources.get(&id), "database", id)?;
    if workspace.in_trash(id) {
        return Err(not_found(workspace, "database", &id.to_string()));
    }
    let sorts = Sort::read(&given["sorts"], &source.properties)?;
    let filter = given
        .get("filter")
        .map(|filter| Filter::read(filter, &source.properties, now))
        .transpose()?;
    let kept = kept(call, &source.properties).map_err(|name| {
        Failure::validation(format!(
            "The schema for the data source with the following ID is malformed: {id}. The provided `filter_properties` contains an invalid attribute: {name}."
        ))
    })?;
    let cursor = given["start_cursor"]
        .as_str()
        .filter(|cursor| !cursor.is_empty())
        .map(Cursor::read)
        .transpose()?;
    let size = page_size(given["page_size"].as_f64());
    let session = cursor
        .as_ref()
        .map_or_else(|| workspace.ids.uuid(), |cursor| cursor.session);

    let wanted = if given["result_type"] == "data_source" {
        None
    } else {
        Some(())
    };
    let archived = given["is_archived"] == true;
    let rows: Vec<Uuid> = match wanted {
        Some(()) => {
            // One more than is shown tells whether there are more.
            let enough = Enough::From(cursor.as_ref().map(|cursor| cursor.row), size + 1);
            let rows = query::run(
                workspace,
                id,
                filter.as_ref(),
                &sorts,
                enough,
                (archived, now),
            );
            rows.iter().map(|row| row.id).collect()
        }
        None => Vec::new(),
    };
    let start = match cursor {
        None => 0,
        Some(cursor) => position(workspace, id, &rows, &cursor, !sorts.is_empty())?,
    };
    let limit = workspace.query_limit;
    let end = (start + size).min(rows.len()).min(limit);
    let stopped = end == limit && rows.len() > limit;
    let next = rows
        .get(end)
        .filter(|_| !stopped)
        .map(|next| format!("s:{session}:{next}"));
    let shown = rows.get(start..end).unwrap_or_default();
    let keep = |property: &Property| kept.as_ref().is_none_or(|kept| kept.contains(&property.id));
    let results = shown
        .iter()
        .filter_map(|id| workspace.pages.get(id))
        .map(|page| render::page(workspace, page, now, call.version, &keep))
        .collect();
    let mut answer = list(results, next, "page_or_data_source");
    if stopped {
        answer["request_status"] =
            json!({ "type": "incomplete", "incomplete_reason": "query_result_limit_reached" });
    }
    Ok(answer)
}

/// The ids of the properties that `filter_properties` keeps; all without it. An unknown name comes back as the error.
pub(super) fn kept(call: &Call, properties: &[Property]) -> Result<Option<Vec<String>>, String> {
    let mut kept = None;
    for (_, named) in call
        .query
        .iter()
        .filter(|(key, _)| key.split('[').next() == Some(FILTER_PROPERTIES))
    {
        let kept = kept.get_or_insert_with(Vec::new);
        if !named.is_empty() {
            let property = schema::find(properties, named).ok_or_else(|| named.clone())?;
            kept.push(property.id.clone());
        }
    }
    Ok(kept)
}

struct Cursor {
    session: Uuid,
    row: Uuid,
    given: String,
}

impl Cursor {
    fn read(given: &str) -> Result<Self, Failure> {
        let refused =
            || Failure::validation(format!("The start_cursor provided is invalid: {given}"));
        let (session, row) = match given.strip_prefix("s:") {
            Some(rest) => rest.split_once(':').ok_or_else(refused)?,
            None => ("", given),
        };
        let session = if session.is_empty() {
            Uuid::nil()
        } else {
            session.parse().map_err(|_| refused())?
        };
        Ok(Self {
            session,
            row: row.parse().map_err(|_| refused())?,
            given: given.to_owned(),
        })
    }
}

/// Where the list goes on. The row may have left the result since: then its place in the order tells.
fn position(
    workspace: &Workspace,
    source: Uuid,
    rows: &[Uuid],
    cursor: &Cursor,
    sorted: bool,
) -> Result<usize, Failure> {
    if let Some(at) = rows.iter().position(|row| *row == cursor.row) {
        return Ok(at);
    }
    let refused = || {
        Failure::validation(format!(
            "The start_cursor provided is invalid: {}",
            cursor.given
        ))
    };
    let row = workspace.pages.get(&cursor.row).ok_or_else(refused)?;
    if row.parent != crate::model::workspace::Parent::DataSource(source) || sorted {
        return Err(refused());
    }
    let older = |id: &Uuid| {
        workspace
            .pages
            .get(id)
            .is_some_and(|page| page.number < row.number)
    };
    Ok(rows.iter().position(older).unwrap_or(rows.len()))
}

/// What the shape of a search lets through, and search does not have.
fn check_search_sort(sort: &Map<String, Value>) -> Result<(), Failure> {
    let has = |key: &str| sort.contains_key(key);
    let message = match sort.get("property").and_then(Value::as_str) {
        _ if sort.is_empty() => {
            "body.sort should specify either `{ \"property\": \"relevance\" }` or `{ \"timestamp\": \"last_edited_time\", \"direction\": \"ascending\" | \"descending\" }`."
        }
        Some("relevance") if has("timestamp") || has("direction") => {
            "body.sort with `{ \"property\": \"relevance\" }` cannot include `timestamp` or `direction`."
        }
        Some("relevance") => return Ok(()),
        Some(other) => {
            return Err(Failure::validation(format!(
                "body.sort.property should be \"relevance\", instead was `{other}`."
            )));
        }
        None if sort.get("timestamp").and_then(Value::as_str) != Some("last_edited_time") => {
            "body.sort.timestamp should be \"last_edited_time\" when sorting by timestamp."
        }
        None if !has("direction") => {
            "body.sort.direction should be defined when body.sort.timestamp is \"last_edited_time\"."
        }
        None => return Ok(()),
    };
    Err(Failure::validation(message))
}

pub(super) fn search(
    workspace: &Workspace,
    call: &Call,
    now: DateTime<Utc>,
) -> Result<Value, Failure> {
    check(call, &[], &body::SEARCH)?;
    let given = &call.body;
    if let Some(sort) = given["sort"].as_object() {
        check_search_sort(sort)?;
    }
    let text = given["query"]
        .as_str()
        .unwrap_or_default()
        .trim()
        .to_lowercase();
    let object = given.pointer("/filter/value").and_then(Value::as_str);
    let trash = given
        .pointer("/filter/in_trash")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let matches = |title: &str, id: Uuid| {
        workspace.in_trash(id) == trash
            && workspace.shared(id)
            && title.to_lowercase().contains(&text)
    };
    let mut found: Vec<(DateTime<Utc>, u64, Uuid, bool)> = Vec::new();
    if object != Some("data_source") {
        let pages = workspace
            .pages
            .values()
            .filter(|page| matches(&page.title(), page.id));
        found.extend(pages.map(|page| (page.last_edited_time, page.number, page.id, true)));
    }
    if object != Some("page") {
        let sources = workspace
            .data_sources
            .values()
            .filter(|source| matches(&text::plain(&source.title), source.id));
        found.extend(
            sources.map(|source| (source.last_edited_time, source.number, source.id, false)),
        );
    }
    found.sort_unstable_by_key(|(edited, number, ..)| (*edited, *number));
    if given.pointer("/sort/direction").and_then(Value::as_str) != Some("ascending") {
        found.reverse();
    }
    let size = page_size(given["page_size"].as_f64());
    let (shown, next) = cut(
        &found,
        given["start_cursor"].as_str(),
        size,
        |(.., id, _)| *id,
    )?;
    let results = shown
        .iter()
        .filter_map(|(.., id, is_page)| {
            if *is_page {
                workspace
                    .pages
                    .get(id)
                    .map(|page| render::page(workspace, page, now, call.version, &|_| true))
            } else {
                workspace
                    .data_sources
                    .get(id)
                    .map(|source| render::data_source(workspace, source, call.version))
            }
        })
        .collect();
    Ok(list(
        results,
        next.map(|next| next.to_string()),
        "page_or_data_source",
    ))
}

pub(super) fn users(workspace: &Workspace, call: &Call) -> Result<Value, Failure> {
    check(call, &["start_cursor", "page_size"], &body::NOTHING)?;
    let (cursor, size) = paging(call);
    let everybody: Vec<&User> = workspace
        .settings
        .people
        .iter()
        .chain(workspace.settings.bots())
        .collect();
    let (shown, next) = cut(&everybody, cursor, size, |user| user.id)?;
    let results = shown
        .iter()
        .map(|user| render::user(workspace, user))
        .collect();
    Ok(list(results, next.map(|next| next.to_string()), "user"))
}

pub(super) fn user(workspace: &Workspace, call: &Call, id: &str) -> Result<Value, Failure> {
    let id = path_id("user_id", id)?;
    check(call, &[], &body::NOTHING)?;
    let user = workspace
        .user(id)
        .ok_or_else(|| not_found(workspace, "user", &id.to_string()))?;
    Ok(render::user(workspace, user))
}
