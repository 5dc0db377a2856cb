//! Databases and their data sources.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::gate::Call;
use super::{Answer, Effect, body, body_id, check, editable, path_id, room, visible};
use crate::failure::Failure;
use crate::model::render;
use crate::model::text;
use crate::model::workspace::{DataSource, Database, Parent, View, Workspace};
use crate::model::write::source;

pub(super) fn create_database(
    workspace: &mut Workspace,
    call: &Call,
    now: DateTime<Utc>,
) -> Answer {
    only_simulated(call.body.pointer("/initial_data_source/properties"))?;
    check(call, &[], &body::CREATE_DATABASE)?;
    let given = &call.body;
    let parent = parent(workspace, &given["parent"])?;
    room(workspace, 1, now)?;
    let (id, source_id) = (workspace.ids.uuid(), workspace.ids.uuid());
    let default = json!({ "Name": { "title": {} } });
    let properties = given
        .pointer("/initial_data_source/properties")
        .unwrap_or(&default);
    let title = text::read(&given["title"]);
    let source = new_source(workspace, source_id, id, title.clone(), now);
    let number = workspace.next_number();
    let database = Database {
        id,
        number,
        parent,
        title,
        description: text::read(&given["description"]),
        icon: look(&given["icon"]),
        cover: look(&given["cover"]),
        is_inline: given["is_inline"] == true,
        in_trash: false,
        is_locked: false,
        created_time: now,
        data_sources: vec![source_id],
    };
    source::apply(workspace, source, members(properties))?;
    let answer = |workspace: &Workspace, database: &Database| {
        render::database(workspace, database, call.version)
    };
    workspace.put_database(database.clone());
    Ok((answer(workspace, &database), Effect::DatabaseCreated(id)))
}

/// Types of properties that Notion has and the simulator has not are told plainly.
fn only_simulated(properties: Option<&Value>) -> Result<(), Failure> {
    const ELSEWHERE: [&str; 5] = [
        "button",
        "location",
        "verification",
        "last_visited_time",
        "place",
    ];
    let properties = properties.and_then(Value::as_object);
    let mut configs = properties.into_iter().flat_map(Map::values);
    let found = configs.find_map(|config| {
        ELSEWHERE
            .into_iter()
            .find(|kind| config.get(*kind).is_some_and(Value::is_object))
    });
    match found {
        Some(kind) => Err(Failure::not_simulated(&format!(
            "properties of type {kind}"
        ))),
        None => Ok(()),
    }
}

fn members(value: &Value) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NONE)
}

fn new_source(
    workspace: &mut Workspace,
    id: Uuid,
    database: Uuid,
    title: Vec<text::Span>,
    now: DateTime<Utc>,
) -> DataSource {
    let author = workspace.bot().id;
    DataSource {
        id,
        number: workspace.next_number(),
        database,
        title,
        icon: None,
        in_trash: false,
        created_time: now,
        created_by: author,
        last_edited_time: now,
        last_edited_by: author,
        properties: Vec::new(),
        last_unique_id: 0,
    }
}

/// Icons and covers are kept as they are sent, with their type; one of Notion's own icons is gray unless it says otherwise.
pub(super) fn look(given: &Value) -> Option<Value> {
    let sent = given.as_object()?;
    let kind = sent.keys().find(|key| *key != "type")?;
    let mut look = json!({ "type": kind, kind.as_str(): sent[kind] });
    if kind == "icon" && look["icon"]["color"].is_null() {
        look["icon"]["color"] = "gray".into();
    }
    Some(look)
}

fn parent(workspace: &Workspace, given: &Value) -> Result<Parent, Failure> {
    let Some(id) = body_id(&given["page_id"]) else {
        return Ok(Parent::Workspace);
    };
    visible(workspace, workspace.pages.get(&id), "page", id)?;
    if workspace.in_trash(id) {
        return Err(Failure::archived());
    }
    Ok(Parent::Page(id))
}

/// Refuses to hang an object below itself.
fn no_circle(workspace: &Workspace, id: Uuid, parent: Uuid) -> Result<(), Failure> {
    if workspace.ancestry(parent).any(|above| above == id) {
        return Err(Failure::unrecorded(format!(
            "Cannot move {id} below itself: {parent} hangs under it."
        )));
    }
    Ok(())
}

pub(super) fn database(workspace: &Workspace, call: &Call, id: &str) -> Result<Value, Failure> {
    let id = path_id("database_id", id)?;
    check(call, &[], &body::NOTHING)?;
    let database = visible(workspace, workspace.databases.get(&id), "database", id)?;
    Ok(render::database(workspace, database, call.version))
}

pub(super) fn update_database(workspace: &mut Workspace, call: &Call, id: &str) -> Answer {
    let id = path_id("database_id", id)?;
    check(call, &[], &body::UPDATE_DATABASE)?;
    let given = &call.body;
    let mut database = visible(workspace, workspace.databases.get(&id), "database", id)?.clone();
    editable(workspace, id, given)?;
    if given.get("parent").is_some() {
        database.parent = parent(workspace, &given["parent"])?;
        if let Parent::Page(page) = database.parent {
            no_circle(workspace, id, page)?;
        }
    }
    if given.get("title").is_some() {
        database.title = text::read(&given["title"]);
    }
    if given.get("description").is_some() {
        database.description = text::read(&given["description"]);
    }
    if given.get("icon").is_some() {
        database.icon = look(&given["icon"]);
    }
    if given.get("cover").is_some() {
        database.cover = look(&given["cover"]);
    }
    let flag = |key: &str, old: bool| given[key].as_bool().unwrap_or(old);
    database.is_inline = flag("is_inline", database.is_inline);
    database.in_trash = flag("in_trash", database.in_trash);
    database.is_locked = flag("is_locked", database.is_locked);
    // A database of one source shares its title with it.
    if let ([only], true) = (
        database.data_sources.as_slice(),
        given.get("title").is_some(),
    ) && let Some(mut source) = workspace.data_sources.get(only).cloned()
    {
        source.title.clone_from(&database.title);
        workspace.put_data_source(source);
    }
    workspace.put_database(database.clone());
    Ok((
        render::database(workspace, &database, call.version),
        Effect::Changed(id),
    ))
}

pub(super) fn create_data_source(
    workspace: &mut Workspace,
    call: &Call,
    now: DateTime<Utc>,
) -> Answer {
    only_simulated(call.body.get("properties"))?;
    check(call, &[], &body::CREATE_DATA_SOURCE)?;
    let given = &call.body;
    let database = body_id(&given["parent"]["database_id"]).unwrap_or_default();
    let mut database = visible(
        workspace,
        workspace.databases.get(&database),
        "database",
        database,
    )?
    .clone();
    if workspace.in_trash(database.id) {
        return Err(Failure::archived());
    }
    let id = workspace.ids.uuid();
    let mut new = new_source(workspace, id, database.id, text::read(&given["title"]), now);
    new.icon = look(&given["icon"]);
    source::apply(workspace, new, members(&given["properties"]))?;
    database.data_sources.push(id);
    workspace.put_database(database);
    answer_source(workspace, call, id, Effect::SchemaChanged(id))
}

pub(super) fn data_source(workspace: &Workspace, call: &Call, id: &str) -> Result<Value, Failure> {
    let id = path_id("data_source_id", id)?;
    check(call, &[], &body::NOTHING)?;
    let source = visible(workspace, workspace.data_sources.get(&id), "database", id)?;
    Ok(render::data_source(workspace, source, call.version))
}

pub(super) fn update_data_source(
    workspace: &mut Workspace,
    call: &Call,
    id: &str,
    now: DateTime<Utc>,
) -> Answer {
    let id = path_id("data_source_id", id)?;
    only_simulated(call.body.get("properties"))?;
    check(call, &[], &body::UPDATE_DATA_SOURCE)?;
    let given = &call.body;
    let mut source = visible(workspace, workspace.data_sources.get(&id), "database", id)?.clone();
    let database = source.database;
    editable(workspace, id, given)?;
    if given.get("title").is_some() {
        source.title = text::read(&given["title"]);
    }
    if given.get("icon").is_some() {
        source.icon = look(&given["icon"]);
    }
    source.in_trash = given["in_trash"].as_bool().unwrap_or(source.in_trash);
    source.last_edited_time = now;
    source.last_edited_by = workspace.bot().id;
    let moved = body_id(&given["parent"]["database_id"]).filter(|to| *to != database);
    if let Some(to) = moved {
        visible(workspace, workspace.databases.get(&to), "database", to)?;
        if workspace.in_trash(to) {
            return Err(Failure::archived());
        }
        no_circle(workspace, id, to)?;
        source.database = to;
    }
    let title = source.title.clone();
    source::apply(workspace, source, members(&given["properties"]))?;
    for (held, enters) in [
        (Some(database).filter(|_| moved.is_some()), false),
        (moved, true),
    ] {
        if let Some(mut held) = held.and_then(|held| workspace.databases.get(&held).cloned()) {
            held.data_sources.retain(|other| *other != id);
            if enters {
                held.data_sources.push(id);
            }
            workspace.put_database(held);
        }
    }
    if let Some(to) = moved {
        let views: Vec<View> = workspace
            .views
            .values()
            .filter(|view| view.data_source == id)
            .cloned()
            .collect();
        for view in views {
            workspace.put_view(View {
                database: to,
                ..view
            });
        }
    }
    if given.get("title").is_some()
        && let Some(mut database) = workspace.databases.get(&moved.unwrap_or(database)).cloned()
        && database.data_sources == [id]
    {
        database.title = title;
        workspace.put_database(database);
    }
    answer_source(workspace, call, id, Effect::SchemaChanged(id))
}

fn answer_source(workspace: &Workspace, call: &Call, id: Uuid, effect: Effect) -> Answer {
    let source = visible(workspace, workspace.data_sources.get(&id), "database", id)?;
    Ok((render::data_source(workspace, source, call.version), effect))
}
