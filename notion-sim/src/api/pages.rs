//! Pages: rows of data sources, and pages under pages.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::containers::look;
use super::gate::Call;
use super::lists::kept;
use super::{Answer, Effect, blocks, body, body_id, check, editable, path_id, visible};
use crate::failure::Failure;
use crate::model::cell::Cell;
use crate::model::schema::{self, Kind, Property, TITLE};
use crate::model::text;
use crate::model::workspace::{Page, Parent, Workspace};
use crate::model::write::row;
use crate::model::{compute, render};

pub(super) fn create(workspace: &mut Workspace, call: &Call, now: DateTime<Utc>) -> Answer {
    check(call, &["filter_properties"], &body::CREATE_PAGE)?;
    let given = &call.body;
    let made_from = |key: &str| {
        let asked = given.get(key);
        asked.is_some_and(|asked| asked["type"] != "none")
    };
    if made_from("markdown") || made_from("template") {
        return Err(Failure::not_simulated(
            "pages made from markdown or a template",
        ));
    }
    if given
        .get("position")
        .is_some_and(|at| at["type"] != "page_end")
    {
        return Err(Failure::not_simulated("pages anywhere but at the end"));
    }
    if given.get("children").is_some() && given.get("content").is_some() {
        return Err(Failure::unrecorded(
            "body.children and body.content are two names of the same: send one of them.",
        ));
    }
    let parent = parent(workspace, &given["parent"])?;
    let none = Map::new();
    let properties = given["properties"].as_object().unwrap_or(&none);
    let children = given.get("children").or_else(|| given.get("content"));
    let children = blocks::read(children.unwrap_or(&Value::Null), "body.children", 1)?;
    super::room(workspace, 1 + blocks::count(&children), now)?;
    let id = workspace.ids.uuid();
    let author = workspace.bot().id;
    let mut page = Page {
        id,
        number: 0,
        parent,
        created_time: now,
        created_by: author,
        last_edited_time: now,
        last_edited_by: author,
        icon: look(&given["icon"]),
        cover: look(&given["cover"]),
        in_trash: false,
        is_archived: false,
        is_locked: false,
        cells: BTreeMap::new(),
    };
    if let Parent::DataSource(source) = parent {
        let written = row::read(workspace, source, properties)?;
        page.cells = row::defaults(workspace, source);
        page.number = workspace.next_number();
        written.commit(workspace, page);
    } else {
        page.cells = only_title(properties)?;
        page.number = workspace.next_number();
        workspace.put_page(page);
    }
    blocks::insert(workspace, Parent::Page(id), children, author, now);
    answer(workspace, call, id, now, Effect::PageCreated(id))
}

fn parent(workspace: &Workspace, given: &Value) -> Result<Parent, Failure> {
    let open = |id: Uuid, parent: Parent| {
        if workspace.in_trash(id) {
            Err(Failure::archived())
        } else {
            Ok(parent)
        }
    };
    if let Some(id) = body_id(&given["data_source_id"]) {
        visible(workspace, workspace.data_sources.get(&id), "database", id)?;
        return open(id, Parent::DataSource(id));
    }
    if let Some(id) = body_id(&given["database_id"]) {
        let database = visible(workspace, workspace.databases.get(&id), "database", id)?;
        let [source] = database.data_sources.as_slice() else {
            return Err(Failure::unrecorded(
                "Databases with multiple data sources are not supported in this API version. Use a data_source_id as the parent.",
            ));
        };
        return open(*source, Parent::DataSource(*source));
    }
    if let Some(id) = body_id(&given["page_id"]) {
        visible(workspace, workspace.pages.get(&id), "page", id)?;
        return open(id, Parent::Page(id));
    }
    Ok(Parent::Workspace)
}

/// A page outside a data source has a title and nothing else.
fn only_title(properties: &Map<String, Value>) -> Result<BTreeMap<String, Cell>, Failure> {
    let mut cells = BTreeMap::new();
    for (name, value) in properties {
        match value.get("title") {
            Some(title) => {
                cells.insert(TITLE.to_owned(), Cell::Text(text::read(title)));
            }
            None => {
                return Err(Failure::validation(format!(
                    "{name} is not a property that exists."
                )));
            }
        }
    }
    Ok(cells)
}

pub(super) fn retrieve(
    workspace: &Workspace,
    call: &Call,
    id: &str,
    now: DateTime<Utc>,
) -> Result<Value, Failure> {
    let id = path_id("page_id", id)?;
    // Of all calls, this one takes members that nobody declared.
    super::query_members(call)?;
    body::NOTHING.check("body", &call.body)?;
    visible(workspace, workspace.pages.get(&id), "page", id)?;
    answer(workspace, call, id, now, Effect::Read).map(|(page, _)| page)
}

pub(super) fn update(
    workspace: &mut Workspace,
    call: &Call,
    id: &str,
    now: DateTime<Utc>,
) -> Answer {
    let id = path_id("page_id", id)?;
    check(call, &["filter_properties"], &body::UPDATE_PAGE)?;
    let given = &call.body;
    let mut page = visible(workspace, workspace.pages.get(&id), "page", id)?.clone();
    let (was_trashed, asked) = (page.in_trash, given["in_trash"].as_bool());
    editable(workspace, id, given)?;
    if asked == Some(true) && page.parent == Parent::Workspace {
        return Err(Failure::workspace_level());
    }
    if given.get("template").is_some() {
        return Err(Failure::not_simulated("making a page anew from a template"));
    }
    let none = Map::new();
    let properties = given["properties"].as_object().unwrap_or(&none);
    let written = if let Parent::DataSource(source) = page.parent {
        Some(row::read(workspace, source, properties)?)
    } else {
        page.cells.extend(only_title(properties)?);
        None
    };
    if given.get("icon").is_some() {
        page.icon = look(&given["icon"]);
    }
    if given.get("cover").is_some() {
        page.cover = look(&given["cover"]);
    }
    page.in_trash = asked.unwrap_or(page.in_trash);
    page.is_locked = given["is_locked"].as_bool().unwrap_or(page.is_locked);
    page.is_archived = given["is_archived"].as_bool().unwrap_or(page.is_archived);
    page.last_edited_time = now;
    page.last_edited_by = workspace.bot().id;
    let trashed = page.in_trash;
    match written {
        Some(written) => written.commit(workspace, page),
        None => workspace.put_page(page),
    }
    if given["erase_content"] == true {
        blocks::erase(workspace, id);
    }
    let effect = match (was_trashed, trashed) {
        (false, true) => Effect::PageTrashed(id),
        (true, false) => Effect::PageRestored(id),
        _ => Effect::PageUpdated(id),
    };
    answer(workspace, call, id, now, effect)
}

fn answer(
    workspace: &Workspace,
    call: &Call,
    id: Uuid,
    now: DateTime<Utc>,
    effect: Effect,
) -> Answer {
    let page = visible(workspace, workspace.pages.get(&id), "page", id)?;
    let schema: &[Property] = match page.parent {
        Parent::DataSource(source) => workspace
            .data_sources
            .get(&source)
            .map_or(&[], |source| &source.properties),
        _ => &[],
    };
    // Notion reads this parameter leniently on pages: an unknown name keeps nothing.
    let kept = kept(call, schema).unwrap_or(Some(Vec::new()));
    let keep = |property: &Property| kept.as_ref().is_none_or(|kept| kept.contains(&property.id));
    Ok((
        render::page(workspace, page, now, call.version, &keep),
        effect,
    ))
}

/// One property, in full: lists come item by item, without the cut of page objects.
pub(super) fn property(
    workspace: &Workspace,
    call: &Call,
    id: &str,
    named: &str,
    now: DateTime<Utc>,
) -> Result<Value, Failure> {
    let id = path_id("page_id", id)?;
    check(call, &["start_cursor", "page_size"], &body::NOTHING)?;
    let page = visible(workspace, workspace.pages.get(&id), "page", id)?;
    let title = Property {
        id: TITLE.to_owned(),
        name: TITLE.to_owned(),
        description: None,
        kind: schema::Kind::Title,
    };
    let property = match page.parent {
        Parent::DataSource(source) => workspace
            .data_sources
            .get(&source)
            .and_then(|source| schema::find(&source.properties, named)),
        _ => Some(&title).filter(|_| named == TITLE),
    };
    let property = property.ok_or_else(|| {
        Failure::validation(format!("Could not find property with name or id: {named}"))
    })?;
    let kind = property.kind.name();
    let shown = match property.kind {
        // Items are never cut, and a rollup's are those of its relation.
        Kind::Rollup { .. } => return rolled_up(workspace, call, (page, property), now),
        Kind::Relation { .. } | Kind::People | Kind::Title | Kind::RichText => {
            items(workspace, page, property)
        }
        _ => {
            let value = render::property_value(workspace, page, property, now);
            return Ok(item(property, value[kind].clone()));
        }
    };
    item_list(call, property, &shown, json!({}))
}

fn item(property: &Property, value: Value) -> Value {
    let kind = property.kind.name();
    let id = schema::encoded(&property.id);
    let mut item = json!({ "object": "property_item", "type": kind, "id": id });
    item[kind] = value;
    item
}

/// The members of a list property, each as an item.
fn items(workspace: &Workspace, page: &Page, property: &Property) -> Vec<Value> {
    let values: Vec<Value> = match page.cells.get(&property.id) {
        Some(Cell::Relation(pages)) => workspace
            .standing(pages)
            .map(|page| json!({ "id": page }))
            .collect(),
        Some(Cell::People(people)) => people
            .iter()
            .filter_map(|id| workspace.user(*id))
            .map(|user| render::user(workspace, user))
            .collect(),
        Some(Cell::Text(spans)) => text::render(spans).as_array().cloned().unwrap_or_default(),
        _ => Vec::new(),
    };
    values
        .into_iter()
        .map(|value| item(property, value))
        .collect()
}

/// A rollup's items are the related pages; what was made of them stands beside the list.
fn rolled_up(
    workspace: &Workspace,
    call: &Call,
    (page, property): (&Page, &Property),
    now: DateTime<Utc>,
) -> Result<Value, Failure> {
    let mut made = compute::rollup(workspace, page, property, now);
    if made.get("array").is_some() {
        made["array"] = json!([]);
    }
    let relation = match (page.parent, &property.kind) {
        (Parent::DataSource(source), Kind::Rollup { relation, .. }) => workspace
            .data_sources
            .get(&source)
            .and_then(|source| schema::by_id(&source.properties, relation)),
        _ => None,
    };
    let related = relation.map_or_else(Vec::new, |relation| items(workspace, page, relation));
    item_list(call, property, &related, made)
}

/// The page of a list of items that a call asks for.
fn item_list(
    call: &Call,
    property: &Property,
    items: &[Value],
    described: Value,
) -> Result<Value, Failure> {
    let (cursor, size) = super::paging(call);
    let start: usize = match cursor {
        None => 0,
        Some(cursor) => cursor
            .parse()
            .ok()
            .filter(|start| *start < items.len())
            .ok_or_else(|| {
                Failure::validation(format!("The start_cursor provided is invalid: {cursor}"))
            })?,
    };
    let end = (start + size).min(items.len());
    let next = (end < items.len()).then(|| end.to_string());
    let mut list = super::list(items[start..end].to_vec(), next, "property_item");
    let (id, kind) = (schema::encoded(&property.id), property.kind.name());
    let mut about = json!({ "id": id, "next_url": null, "type": kind });
    about[kind] = described;
    list["property_item"] = about;
    Ok(list)
}
