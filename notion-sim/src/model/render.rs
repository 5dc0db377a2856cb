//! From the model to the JSON that the API shows, key by key in Notion's order.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::cell::{self, Cell, DateRange};
use super::compute;
use super::formula::{Computed, Type};
use super::schema::{Choice, Kind, Property, TITLE, encoded};
use super::text;
use super::workspace::{Block, DataSource, Database, Page, Parent, User, View, Workspace, minute};

/// Answers cut lists of references at this many.
const REFERENCES: usize = 25;

/// The version whose shapes an answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// 2025-09-03: objects still carry `archived`.
    Y2025,
    /// 2026-03-11.
    Y2026,
}

fn millis(instant: DateTime<Utc>) -> String {
    minute(instant).format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn address(id: Uuid) -> String {
    format!("{HOST}{}", id.simple())
}

/// Where objects have stood since July 2026, and before.
const HOST: &str = "https://app.notion.com/p/";
const OLDER_HOST: &str = "https://www.notion.so/";

/// An object's address on the older host; any other stays.
pub(crate) fn moved(url: &str) -> String {
    match url.strip_prefix(HOST) {
        Some(id) => format!("{OLDER_HOST}{id}"),
        None => url.to_owned(),
    }
}

fn partial_user(id: Uuid) -> Value {
    json!({ "object": "user", "id": id })
}

/// `archived` belongs to the older version's objects, after everything else.
fn dated(mut object: Value, version: Version, in_trash: bool) -> Value {
    if version == Version::Y2025 {
        object["archived"] = in_trash.into();
    }
    object
}

pub(crate) fn parent(workspace: &Workspace, parent: Parent) -> Value {
    match parent {
        Parent::Workspace => json!({ "type": "workspace", "workspace": true }),
        Parent::Page(id) => json!({ "type": "page_id", "page_id": id }),
        Parent::Block(id) => json!({ "type": "block_id", "block_id": id }),
        Parent::Database(id) => json!({ "type": "database_id", "database_id": id }),
        Parent::DataSource(id) => {
            let database = workspace
                .data_sources
                .get(&id)
                .map(|source| source.database);
            json!({ "type": "data_source_id", "data_source_id": id, "database_id": database })
        }
    }
}

pub(crate) fn user(workspace: &Workspace, user: &User) -> Value {
    let mut object =
        json!({ "object": "user", "id": user.id, "name": user.name, "avatar_url": null });
    if let Some(email) = &user.email {
        object["type"] = "person".into();
        object["person"] = json!({ "email": email });
    } else {
        object["type"] = "bot".into();
        object["bot"] = json!({
            "owner": { "type": "workspace", "workspace": true },
            "workspace_name": workspace.settings.name,
            "workspace_id": workspace.settings.id,
            "workspace_limits": { "max_file_upload_size_in_bytes": 5_242_880 },
        });
    }
    object
}

pub(crate) fn database(workspace: &Workspace, database: &Database, version: Version) -> Value {
    let created = database
        .created_time
        .format("%Y-%m-%dT%H:%M:%S%.3f+00:00")
        .to_string();
    let sources: Vec<Value> = database
        .data_sources
        .iter()
        .filter_map(|id| workspace.data_sources.get(id))
        .filter(|source| !source.in_trash)
        .map(|source| json!({ "id": source.id, "name": text::plain(&source.title) }))
        .collect();
    let in_trash = workspace.in_trash(database.id);
    let object = json!({
        "object": "database",
        "id": database.id,
        "title": text::render(&database.title),
        "description": text::render(&database.description),
        "parent": parent(workspace, database.parent),
        "is_inline": database.is_inline,
        "in_trash": in_trash,
        "is_locked": database.is_locked,
        "created_time": created,
        "last_edited_time": created,
        "data_sources": sources,
        "icon": database.icon,
        "cover": database.cover,
        "url": address(database.id),
        "public_url": null,
    });
    dated(object, version, in_trash)
}

pub(crate) fn data_source(workspace: &Workspace, source: &DataSource, version: Version) -> Value {
    let database = workspace.databases.get(&source.database);
    let mut properties = Map::new();
    for property in &source.properties {
        properties.insert(
            property.name.clone(),
            property_config(workspace, source, property),
        );
    }
    let in_trash = workspace.in_trash(source.id);
    let object = json!({
        "object": "data_source",
        "id": source.id,
        "cover": database.and_then(|database| database.cover.clone()),
        "icon": source.icon.clone().or_else(|| database.and_then(|database| database.icon.clone())),
        "created_time": millis(source.created_time),
        "created_by": partial_user(source.created_by),
        "last_edited_by": partial_user(source.last_edited_by),
        "last_edited_time": millis(source.last_edited_time),
        "title": text::render(&source.title),
        "description": database.map(|database| text::render(&database.description)),
        "is_inline": database.is_some_and(|database| database.is_inline),
        "properties": properties,
        "parent": { "type": "database_id", "database_id": source.database },
        "database_parent": database.map(|database| parent(workspace, database.parent)),
        "url": address(source.database),
        "public_url": null,
        "in_trash": in_trash,
    });
    dated(object, version, in_trash)
}

fn option_config(option: &Choice) -> Value {
    json!({ "id": option.id, "name": option.name, "color": option.color, "description": option.description })
}

fn property_config(workspace: &Workspace, source: &DataSource, property: &Property) -> Value {
    let options = || {
        property
            .kind
            .options()
            .iter()
            .map(option_config)
            .collect::<Vec<_>>()
    };
    let config = match &property.kind {
        Kind::Number { format } => json!({ "format": format }),
        Kind::Select { .. } | Kind::MultiSelect { .. } => json!({ "options": options() }),
        Kind::Status { groups, .. } => {
            let groups: Vec<Value> = groups
                .iter()
                .map(|group| {
                    json!({ "id": group.id, "name": group.name, "color": group.color, "option_ids": group.options })
                })
                .collect();
            json!({ "options": options(), "groups": groups })
        }
        Kind::Formula(formula) => json!({ "expression": formula.text() }),
        Kind::Relation {
            data_source,
            synced,
        } => {
            let target = workspace.data_sources.get(data_source);
            let mut config = json!({ "database_id": target.map(|target| target.database), "data_source_id": data_source });
            let other = synced.as_ref().and_then(|id| {
                target
                    .and_then(|target| target.properties.iter().find(|property| property.id == *id))
            });
            if let Some(other) = other {
                config["type"] = "dual_property".into();
                config["dual_property"] = json!({ "synced_property_name": other.name, "synced_property_id": encoded(&other.id) });
            } else {
                config["type"] = "single_property".into();
                config["single_property"] = json!({});
            }
            config
        }
        Kind::Rollup {
            function,
            relation,
            target,
        } => {
            let own = source
                .properties
                .iter()
                .find(|property| property.id == *relation);
            let far = match own.map(|property| &property.kind) {
                Some(Kind::Relation { data_source, .. }) => workspace.data_sources.get(data_source),
                _ => None,
            };
            let rolled = far.and_then(|far| {
                far.properties
                    .iter()
                    .find(|property| property.id == *target)
            });
            json!({
                "rollup_property_name": rolled.map(|property| property.name.as_str()).unwrap_or_default(),
                "relation_property_name": own.map(|property| property.name.as_str()).unwrap_or_default(),
                "rollup_property_id": target,
                "relation_property_id": relation,
                "function": function,
            })
        }
        Kind::UniqueId { prefix } => json!({ "prefix": prefix }),
        _ => json!({}),
    };
    let mut object = json!({
        "id": encoded(&property.id),
        "name": property.name,
        "description": property.description,
        "type": property.kind.name(),
    });
    object[property.kind.name()] = config;
    object
}

/// A page with the properties that `keep` lets through.
pub(crate) fn page(
    workspace: &Workspace,
    page: &Page,
    now: DateTime<Utc>,
    version: Version,
    keep: &dyn Fn(&Property) -> bool,
) -> Value {
    let mut properties = Map::new();
    if let Parent::DataSource(source) = page.parent {
        let schema = workspace
            .data_sources
            .get(&source)
            .map(|source| source.properties.as_slice());
        for property in schema
            .unwrap_or_default()
            .iter()
            .filter(|property| keep(property))
        {
            properties.insert(
                property.name.clone(),
                property_value(workspace, page, property, now),
            );
        }
    } else {
        let title = page.cells.get(TITLE);
        let spans = if let Some(Cell::Text(spans)) = title {
            spans.as_slice()
        } else {
            &[]
        };
        properties.insert(
            "title".to_owned(),
            json!({ "id": TITLE, "type": "title", "title": text::render(spans) }),
        );
    }
    let in_trash = workspace.in_trash(page.id);
    let mut object = json!({
        "object": "page",
        "id": page.id,
        "created_time": millis(page.created_time),
        "last_edited_time": millis(page.last_edited_time),
        "created_by": partial_user(page.created_by),
        "last_edited_by": partial_user(page.last_edited_by),
        "cover": page.cover,
        "icon": page.icon,
        "parent": parent(workspace, page.parent),
        "in_trash": in_trash,
        "is_archived": page.is_archived,
        "is_locked": page.is_locked,
        "properties": null,
        "url": address(page.id),
        "public_url": null,
    });
    object["properties"] = Value::Object(properties);
    dated(object, version, in_trash)
}

/// One property of one page.
pub(crate) fn property_value(
    workspace: &Workspace,
    page: &Page,
    property: &Property,
    now: DateTime<Utc>,
) -> Value {
    let mut object = json!({ "id": encoded(&property.id), "type": property.kind.name() });
    let cell = page.cells.get(&property.id);
    let option = |id: &String| {
        let option = property.kind.option(id);
        option.map(|option| json!({ "id": option.id, "name": option.name, "color": option.color }))
    };
    let everybody = |ids: &[Uuid]| {
        let known = ids
            .iter()
            .filter_map(|id| workspace.user(*id))
            .take(REFERENCES);
        Value::Array(known.map(|known| user(workspace, known)).collect())
    };
    let value = match (&property.kind, cell) {
        (Kind::Title | Kind::RichText, cell) => match cell {
            Some(Cell::Text(spans)) => text::render(spans),
            _ => json!([]),
        },
        (_, Some(Cell::Number(number))) => cell::number(*number),
        (_, Some(Cell::Option(id))) => option(id).unwrap_or(Value::Null),
        (_, Some(Cell::Options(ids))) => Value::Array(ids.iter().filter_map(option).collect()),
        (_, Some(Cell::Date(range))) => DateRange::render(range),
        (_, Some(Cell::Checkbox(value))) => json!(value),
        (_, Some(Cell::Line(line))) => json!(line),
        (_, Some(Cell::Files(files))) => json!(files),
        (_, Some(Cell::People(people))) => everybody(people),
        (Kind::Relation { .. }, cell) => {
            let related = if let Some(Cell::Relation(related)) = cell {
                related.as_slice()
            } else {
                &[]
            };
            let standing: Vec<Uuid> = workspace.standing(related).take(REFERENCES + 1).collect();
            object["has_more"] = (standing.len() > REFERENCES).into();
            Value::Array(
                standing
                    .iter()
                    .take(REFERENCES)
                    .map(|id| json!({ "id": id }))
                    .collect(),
            )
        }
        (Kind::UniqueId { prefix }, cell) => {
            let number = if let Some(Cell::UniqueId(number)) = cell {
                Some(number)
            } else {
                None
            };
            json!({ "prefix": prefix, "number": number })
        }
        (Kind::Formula(formula), _) => formula_value(
            &compute::value(workspace, page, property, now),
            formula.result(),
        ),
        (Kind::Rollup { .. }, _) => compute::rollup(workspace, page, property, now),
        (Kind::CreatedTime, _) => json!(millis(page.created_time)),
        (Kind::LastEditedTime, _) => json!(millis(page.last_edited_time)),
        (Kind::CreatedBy, _) => workspace
            .user(page.created_by)
            .map_or(Value::Null, |by| user(workspace, by)),
        (Kind::LastEditedBy, _) => workspace
            .user(page.last_edited_by)
            .map_or(Value::Null, |by| user(workspace, by)),
        (Kind::Checkbox, _) => json!(false),
        (Kind::MultiSelect { .. } | Kind::People | Kind::Files, _) => json!([]),
        _ => Value::Null,
    };
    object[property.kind.name()] = value;
    if let Some(has_more) = object
        .as_object_mut()
        .and_then(|members| members.shift_remove("has_more"))
    {
        object["has_more"] = has_more;
    }
    object
}

fn formula_value(value: &Computed, result: Type) -> Value {
    match value {
        Computed::Number(number) => json!({ "type": "number", "number": cell::number(*number) }),
        Computed::Boolean(value) => json!({ "type": "boolean", "boolean": value }),
        Computed::Date { start, end, day } => {
            let when = |instant: DateTime<Utc>| compute::shown_date(instant, *day);
            json!({ "type": "date", "date": { "start": when(*start), "end": end.map(when), "time_zone": null } })
        }
        Computed::Empty => match result {
            Type::Number => json!({ "type": "number", "number": null }),
            Type::Boolean => json!({ "type": "boolean", "boolean": false }),
            Type::Date => json!({ "type": "date", "date": null }),
            _ => json!({ "type": "string", "string": null }),
        },
        text => json!({ "type": "string", "string": text.text() }),
    }
}

pub(crate) fn block(workspace: &Workspace, block: &Block, version: Version) -> Value {
    let has_children = workspace.children(block.id).next().is_some();
    let author = block.created_by;
    let mut object = json!({
        "object": "block",
        "id": block.id,
        "parent": parent(workspace, block.parent),
        "created_time": millis(block.created_time),
        "last_edited_time": millis(block.last_edited_time),
        "created_by": partial_user(author),
        "last_edited_by": partial_user(author),
        "has_children": has_children,
        "in_trash": block.in_trash,
        "type": block.kind,
    });
    object[block.kind.as_str()] = block.content.clone();
    dated(object, version, block.in_trash)
}

/// A page or a database as a block of the page it stands on.
pub(crate) fn child(workspace: &Workspace, id: Uuid, version: Version) -> Option<Value> {
    if let Some(known) = workspace.blocks.get(&id) {
        return Some(block(workspace, known, version));
    }
    let (hangs, created, edited, by, kind, title) = if let Some(page) = workspace.pages.get(&id) {
        let title = page.title();
        (
            page.parent,
            page.created_time,
            page.last_edited_time,
            (page.created_by, page.last_edited_by),
            "child_page",
            title,
        )
    } else {
        let database = workspace.databases.get(&id)?;
        let bot = workspace.settings.bot.id;
        let title = text::plain(&database.title);
        (
            database.parent,
            database.created_time,
            database.created_time,
            (bot, bot),
            "child_database",
            title,
        )
    };
    let in_trash = workspace.in_trash(id);
    let mut object = json!({
        "object": "block",
        "id": id,
        "parent": parent(workspace, hangs),
        "created_time": millis(created),
        "last_edited_time": millis(edited),
        "created_by": partial_user(by.0),
        "last_edited_by": partial_user(by.1),
        "has_children": kind == "child_page" && workspace.children(id).next().is_some(),
        "in_trash": in_trash,
        "type": kind,
    });
    object[kind] = json!({ "title": title });
    Some(dated(object, version, in_trash))
}

pub(crate) fn view(view: &View) -> Value {
    let author = partial_user(view.created_by);
    json!({
        "object": "view",
        "id": view.id,
        "parent": { "type": "database_id", "database_id": view.database },
        "name": view.name,
        "type": view.kind,
        "created_time": millis(view.created_time),
        "last_edited_time": millis(view.last_edited_time),
        "url": format!("{}?v={}", address(view.database), view.id.simple()),
        "data_source_id": view.data_source,
        "created_by": author,
        "last_edited_by": author,
        "filter": view.filter,
        "sorts": view.sorts,
        "quick_filters": view.quick_filters,
        "configuration": view.configuration,
    })
}
