//! Views of databases: kept and shown as their author described them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::gate::Call;
use super::{Answer, Effect, body, body_id, check, cut, list as list_of, paging, path_id, visible};
use crate::failure::Failure;
use crate::model::ids::parse_uuid;
use crate::model::query::{Filter, Sort};
use crate::model::render;
use crate::model::workspace::{View, Workspace};

pub(super) fn create(workspace: &mut Workspace, call: &Call, now: DateTime<Utc>) -> Answer {
    check(call, &[], &body::CREATE_VIEW)?;
    let given = &call.body;
    for key in ["create_database", "view_id", "position", "placement"] {
        if given.get(key).is_some() {
            return Err(Failure::not_simulated(&format!("views with {key}")));
        }
    }
    let source = body_id(&given["data_source_id"]).unwrap_or_default();
    let database = visible(
        workspace,
        workspace.data_sources.get(&source),
        "database",
        source,
    )?
    .database;
    if workspace.in_trash(source) {
        return Err(Failure::archived());
    }
    if body_id(&given["database_id"]).is_some_and(|asked| asked != database) {
        return Err(Failure::not_simulated(
            "views of a data source that stands in another database",
        ));
    }
    let kind = given["type"].as_str().unwrap_or("table");
    fits(workspace, (source, kind), given, now)?;
    let number = workspace.next_number();
    let kept = |key: &str| given.get(key).cloned().unwrap_or(Value::Null);
    let configuration = match kept("configuration") {
        Value::Null => json!({ "type": given["type"] }),
        configuration => configuration,
    };
    let view = View {
        id: workspace.ids.uuid(),
        number,
        database,
        data_source: source,
        name: given["name"].as_str().unwrap_or_default().to_owned(),
        kind: kind.to_owned(),
        filter: kept("filter"),
        sorts: kept("sorts"),
        quick_filters: kept("quick_filters"),
        configuration,
        created_by: workspace.bot().id,
        created_time: now,
        last_edited_time: now,
        deleted: false,
    };
    workspace.put_view(view.clone());
    Ok((render::view(&view), Effect::Changed(view.id)))
}

/// Refuses a view that asks its data source for what it has not.
fn fits(
    workspace: &Workspace,
    (source, kind): (Uuid, &str),
    given: &Value,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let properties = workspace
        .data_sources
        .get(&source)
        .map(|source| source.properties.as_slice())
        .unwrap_or_default();
    if let Some(filter) = given.get("filter").filter(|filter| !filter.is_null()) {
        Filter::read(filter, properties, now)?;
    }
    Sort::read(&given["sorts"], properties)?;
    for (property, condition) in given["quick_filters"].as_object().into_iter().flatten() {
        if condition.is_object() {
            let mut filter = condition.clone();
            filter["property"] = property.as_str().into();
            Filter::read(&filter, properties, now)?;
        }
    }
    match given["configuration"]["type"].as_str() {
        Some(other) if other != kind => Err(Failure::unrecorded(format!(
            "The configuration is that of a {other}, the view is a {kind}."
        ))),
        _ => Ok(()),
    }
}

/// A table, board or the like that somebody makes in Notion.
pub(crate) fn made_by_a_person(
    workspace: &mut Workspace,
    source: Uuid,
    (name, kind): (String, String),
    author: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    body::CREATE_VIEW.check(
        "body",
        &json!({ "data_source_id": source, "name": name, "type": kind }),
    )?;
    let held = workspace.data_sources.get(&source);
    let database = visible(workspace, held, "database", source)?.database;
    let view = View {
        id: workspace.ids.uuid(),
        number: workspace.next_number(),
        database,
        data_source: source,
        name,
        configuration: json!({ "type": kind }),
        kind,
        filter: Value::Null,
        sorts: Value::Null,
        quick_filters: Value::Null,
        created_by: author,
        created_time: now,
        last_edited_time: now,
        deleted: false,
    };
    workspace.put_view(view);
    Ok(())
}

fn known(workspace: &Workspace, id: Uuid) -> Result<&View, Failure> {
    let view = workspace
        .views
        .get(&id)
        .filter(|view| !view.deleted && workspace.shared(view.database));
    visible(workspace, view, "view", id)
}

pub(super) fn retrieve(workspace: &Workspace, call: &Call, id: &str) -> Result<Value, Failure> {
    let id = path_id("view_id", id)?;
    check(call, &[], &body::NOTHING)?;
    Ok(render::view(known(workspace, id)?))
}

pub(super) fn list(workspace: &Workspace, call: &Call) -> Result<Value, Failure> {
    check(
        call,
        &["database_id", "data_source_id", "start_cursor", "page_size"],
        &body::NOTHING,
    )?;
    let (cursor, size) = paging(call);
    let asked = |key: &str| {
        let given = call.query.iter().find(|(name, _)| name == key);
        given.and_then(|(_, id)| parse_uuid(id))
    };
    let (database, source) = (asked("database_id"), asked("data_source_id"));
    if database.is_none() && source.is_none() {
        return Err(Failure::unrecorded(
            "query failed validation: query.database_id or query.data_source_id should be defined, instead was `undefined`.",
        ));
    }
    let mut views: Vec<&View> = workspace
        .views
        .values()
        .filter(|view| !view.deleted && workspace.shared(view.database))
        .filter(|view| {
            database.is_none_or(|id| view.database == id)
                && source.is_none_or(|id| view.data_source == id)
        })
        .collect();
    views.sort_unstable_by_key(|view| view.number);
    let (shown, next) = cut(&views, cursor, size, |view| view.id)?;
    let results = shown
        .iter()
        .map(|view| json!({ "object": "view", "id": view.id }))
        .collect();
    Ok(list_of(results, next.map(|next| next.to_string()), "view"))
}

pub(super) fn update(
    workspace: &mut Workspace,
    call: &Call,
    id: &str,
    now: DateTime<Utc>,
) -> Answer {
    let id = path_id("view_id", id)?;
    check(call, &[], &body::UPDATE_VIEW)?;
    let mut view = known(workspace, id)?.clone();
    let given = &call.body;
    fits(workspace, (view.data_source, &view.kind), given, now)?;
    if let Some(name) = given["name"].as_str() {
        name.clone_into(&mut view.name);
    }
    let fields = [
        ("filter", &mut view.filter),
        ("sorts", &mut view.sorts),
        ("quick_filters", &mut view.quick_filters),
        ("configuration", &mut view.configuration),
    ];
    for (key, field) in fields {
        if let Some(value) = given.get(key) {
            *field = value.clone();
        }
    }
    view.last_edited_time = now;
    workspace.put_view(view.clone());
    Ok((render::view(&view), Effect::Changed(view.id)))
}

pub(super) fn delete(workspace: &mut Workspace, call: &Call, id: &str) -> Answer {
    let id = path_id("view_id", id)?;
    check(call, &[], &body::NOTHING)?;
    let mut view = known(workspace, id)?.clone();
    view.deleted = true;
    let mut gone = render::view(&view);
    if let Some(members) = gone.as_object_mut() {
        members.retain(|key, _| ["object", "id", "parent", "type"].contains(&key.as_str()));
    }
    let id = view.id;
    workspace.put_view(view);
    Ok((gone, Effect::Changed(id)))
}
