//! The API as pure functions: a workspace, a call and the time in; a body or a refusal out.

mod block_body;
pub(crate) mod blocks;
pub(crate) mod body;
mod containers;
pub(crate) mod filter;
pub(crate) mod gate;
mod lists;
mod pages;
pub(crate) mod route;
pub(crate) mod shape;
mod view_body;
pub(crate) mod views;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::failure::Failure;
use crate::model::ids::parse_uuid;
use crate::model::render;
use crate::model::workspace::Workspace;
use crate::model::write::row::not_found;
use gate::Call;
use route::Route;
use shape::{Shape, object, optional};

/// What a successful call did, for counting and for naming what was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    DatabaseCreated(Uuid),
    SchemaChanged(Uuid),
    PageCreated(Uuid),
    PageUpdated(Uuid),
    PageTrashed(Uuid),
    PageRestored(Uuid),
    Queried,
    Read,
    /// Any other change.
    Changed(Uuid),
}

impl Effect {
    /// The object that a write committed.
    pub(crate) fn committed(self) -> Option<Uuid> {
        match self {
            Self::DatabaseCreated(id)
            | Self::SchemaChanged(id)
            | Self::PageCreated(id)
            | Self::PageUpdated(id)
            | Self::PageTrashed(id)
            | Self::PageRestored(id)
            | Self::Changed(id) => Some(id),
            Self::Queried | Self::Read => None,
        }
    }
}

/// The one member of a query string that may be a list.
const FILTER_PROPERTIES: &str = "filter_properties";

type Answer = Result<(Value, Effect), Failure>;

/// Runs an admitted call.
pub(crate) fn run(workspace: &mut Workspace, call: &Call, now: DateTime<Utc>) -> Answer {
    let read = |value: Result<Value, Failure>| value.map(|value| (value, Effect::Read));
    match &call.route {
        Route::Me => {
            check(call, &[], &body::NOTHING)?;
            Ok((render::user(workspace, workspace.bot()), Effect::Read))
        }
        Route::Users => read(lists::users(workspace, call)),
        Route::User(id) => read(lists::user(workspace, call, id)),
        Route::Search => read(lists::search(workspace, call, now)),
        Route::CreateDatabase => containers::create_database(workspace, call, now),
        Route::Database(id) => read(containers::database(workspace, call, id)),
        Route::UpdateDatabase(id) => containers::update_database(workspace, call, id),
        Route::CreateDataSource => containers::create_data_source(workspace, call, now),
        Route::DataSource(id) => read(containers::data_source(workspace, call, id)),
        Route::UpdateDataSource(id) => containers::update_data_source(workspace, call, id, now),
        Route::Query(id) => {
            lists::query(workspace, call, id, now).map(|list| (list, Effect::Queried))
        }
        Route::CreatePage => pages::create(workspace, call, now),
        Route::Page(id) => read(pages::retrieve(workspace, call, id, now)),
        Route::UpdatePage(id) => pages::update(workspace, call, id, now),
        Route::PageProperty(id, property) => {
            read(pages::property(workspace, call, id, property, now))
        }
        Route::Block(id) => read(blocks::retrieve(workspace, call, id)),
        Route::UpdateBlock(id) => blocks::update(workspace, call, id, now),
        Route::DeleteBlock(id) => blocks::delete(workspace, call, id),
        Route::Children(id) => read(blocks::children(workspace, call, id)),
        Route::AppendChildren(id) => blocks::append(workspace, call, id, now),
        Route::CreateView => views::create(workspace, call, now),
        Route::Views => read(views::list(workspace, call)),
        Route::View(id) => read(views::retrieve(workspace, call, id)),
        Route::UpdateView(id) => views::update(workspace, call, id, now),
        Route::DeleteView(id) => views::delete(workspace, call, id),
        Route::Elsewhere(what) => Err(Failure::not_simulated(what)),
    }
}

/// Checks the query string, which takes only `members`, and then the body.
fn check(call: &Call, members: &[&'static str], body: &Shape) -> Result<(), Failure> {
    let declared = |key: &&'static str| {
        let shape = match *key {
            "page_size" => Shape::Number,
            "start_cursor" => Shape::Text,
            "database_id" | "data_source_id" => Shape::Uuid,
            _ => Shape::Any,
        };
        optional(key, shape)
    };
    object(members.iter().map(declared).collect()).check("query", &query_members(call)?)?;
    // Before the shapes, whose refusals would name an upload as one of the ways.
    if let Some(properties) = call.body["properties"].as_object() {
        let mut files = properties
            .values()
            .filter_map(|value| value["files"].as_array())
            .flatten();
        if files.any(|file| file["file_upload"].is_object()) {
            return Err(Failure::not_simulated("files that were uploaded"));
        }
    }
    body.check("body", &call.body)?;
    look_is_simulated(&call.body)
}

/// Refuses an icon or a cover out of what the simulator has not.
fn look_is_simulated(given: &Value) -> Result<(), Failure> {
    for look in [&given["icon"], &given["cover"]] {
        if look["file_upload"].is_object() {
            return Err(Failure::not_simulated("files that were uploaded"));
        }
        if look["custom_emoji"].is_object() {
            return Err(Failure::not_simulated("icons that are custom emojis"));
        }
    }
    Ok(())
}

/// The query string as one object; only `filter_properties` may be a list.
fn query_members(call: &Call) -> Result<Value, Failure> {
    let mut given = serde_json::Map::new();
    for (key, value) in &call.query {
        let (name, is_list) = key
            .split_once('[')
            .map_or((key.as_str(), false), |(name, _)| (name, true));
        let repeated = given
            .insert(name.to_owned(), gate::coerced(value))
            .is_some();
        if (repeated || is_list) && name != FILTER_PROPERTIES {
            return Err(Failure::validation(format!(
                "Conflicting values for \"{name}\" in query parameters."
            )));
        }
    }
    Ok(Value::Object(given))
}

/// An id of the path, or the refusal for a malformed one.
fn path_id(key: &'static str, given: &str) -> Result<Uuid, Failure> {
    let path = json!({ key: given });
    object(vec![shape::required(key, Shape::Uuid)]).check("path", &path)?;
    parse_uuid(given).ok_or_else(Failure::invalid_url)
}

/// Refuses what a plan of few blocks has no room for.
pub(crate) fn room(workspace: &Workspace, more: usize, now: DateTime<Utc>) -> Result<(), Failure> {
    match workspace.block_limit {
        Some(limit) if !workspace.has_room(more) => {
            Err(Failure::block_limit(limit, workspace.blocks_used(), now))
        }
        _ => Ok(()),
    }
}

/// An id of a checked body.
fn body_id(value: &Value) -> Option<Uuid> {
    value.as_str().and_then(parse_uuid)
}

/// The page of a list that starts at `start`.
fn list(results: Vec<Value>, next_cursor: Option<String>, kind: &str) -> Value {
    let mut list = json!({
        "object": "list",
        "results": null,
        "next_cursor": null,
        "has_more": next_cursor.is_some(),
        "type": kind,
    });
    list["results"] = Value::Array(results);
    list["next_cursor"] = next_cursor.into();
    list[kind] = json!({});
    list
}

/// Cuts one page out of a list: `cursor` names its first item.
fn cut<'a, T>(
    all: &'a [T],
    cursor: Option<&str>,
    size: usize,
    id: impl Fn(&T) -> Uuid,
) -> Result<(&'a [T], Option<Uuid>), Failure> {
    let start = match cursor {
        None => 0,
        Some(cursor) => all
            .iter()
            .position(|item| id(item).to_string() == cursor)
            .ok_or_else(|| {
                Failure::validation(format!("The start_cursor provided is invalid: {cursor}"))
            })?,
    };
    let end = all.len().min(start + size);
    Ok((&all[start..end], all.get(end).map(id)))
}

/// The cursor and the size of page that a checked query string asks for.
fn paging(call: &Call) -> (Option<&str>, usize) {
    let member = |key: &str| {
        let found = call.query.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    };
    let size = member("page_size").and_then(|size| gate::coerced(size).as_f64());
    (member("start_cursor"), page_size(size))
}

/// Nothing, and nothing sensible, is the largest page.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped before"
)]
fn page_size(asked: Option<f64>) -> usize {
    match asked {
        Some(size) if size >= 1.0 => size.min(100.0) as usize,
        _ => 100,
    }
}

/// Refuses a change of what is in the trash: only restoring it changes it, and that it stays there changes nothing.
fn editable(workspace: &Workspace, id: Uuid, given: &Value) -> Result<(), Failure> {
    let above = workspace
        .ancestry(id)
        .skip(1)
        .any(|id| workspace.marked_trash(id));
    let asked = given["in_trash"].as_bool();
    let alone = given.as_object().is_some_and(|given| given.len() == 1);
    if above || workspace.marked_trash(id) && asked != Some(false) && !(asked.is_some() && alone) {
        return Err(Failure::archived());
    }
    Ok(())
}

/// The object of a path, when it exists and is shared.
fn visible<'a, T>(
    workspace: &'a Workspace,
    found: Option<&'a T>,
    what: &str,
    id: Uuid,
) -> Result<&'a T, Failure> {
    found
        .filter(|_| workspace.shared(id))
        .ok_or_else(|| not_found(workspace, what, &id.to_string()))
}
