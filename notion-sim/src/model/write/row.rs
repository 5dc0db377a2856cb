//! Writing the properties of a row.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::source::no_comma;
use crate::failure::Failure;
use crate::failure::quoted;
use crate::model::cell::{Cell, DateRange, When};
use crate::model::ids::parse_uuid;
use crate::model::schema::{self, Choice, Kind, PropertyId, Type, next_color};
use crate::model::text;
use crate::model::workspace::{DataSource, Page, Parent, Workspace};

/// What a request writes to a row: `None` clears. The data source may gain options by it.
pub(crate) struct Written {
    pub(crate) cells: BTreeMap<PropertyId, Option<Cell>>,
    /// The schema, when options were added.
    source: Option<DataSource>,
}

/// Reads `properties` against the data source's schema; nothing is changed yet.
pub(crate) fn read(
    workspace: &mut Workspace,
    source: Uuid,
    properties: &Map<String, Value>,
) -> Result<Written, Failure> {
    let Some(held) = workspace.data_sources.get(&source) else {
        return Err(Failure::archived());
    };
    let mut named = Vec::with_capacity(properties.len());
    for (name, value) in properties {
        let property = schema::find(&held.properties, name)
            .ok_or_else(|| Failure::validation(format!("{name} is not a property that exists.")))?;
        let given = Type::named(&Type::WRITTEN, value);
        let expected = property.kind.name();
        if property.kind.computed() {
            return Err(Failure::unrecorded(format!(
                "Property values of type {expected} cannot be written: {name} is computed by Notion."
            )));
        }
        if given != Some(property.kind.of()) {
            return Err(Failure::validation(format!(
                "{name} is expected to be {expected}."
            )));
        }
        named.push((property.id.clone(), name, &value[expected]));
    }
    // Most writes add no option, so the schema is copied only when one must be added.
    let mut grown: Option<DataSource> = None;
    let mut cells = BTreeMap::new();
    for (id, name, value) in named {
        let cell = cell(workspace, source, &mut grown, &id, name, value)?;
        cells.insert(id, cell);
    }
    Ok(Written {
        cells,
        source: grown,
    })
}

fn cell(
    workspace: &mut Workspace,
    source: Uuid,
    grown: &mut Option<DataSource>,
    id: &str,
    name: &str,
    value: &Value,
) -> Result<Option<Cell>, Failure> {
    let held = grown
        .as_ref()
        .or_else(|| workspace.data_sources.get(&source));
    let kind = held
        .and_then(|held| schema::by_id(&held.properties, id))
        .map(|property| property.kind.clone());
    let Some(kind) = kind else { return Ok(None) };
    let ids = || {
        value
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .filter_map(|item| item["id"].as_str())
    };
    Ok(match &kind {
        Kind::Title | Kind::RichText => {
            Some(Cell::Text(text::read(value))).filter(|cell| !cell.plain().is_empty())
        }
        Kind::Number { .. } => value.as_f64().map(Cell::Number),
        Kind::Checkbox => value.as_bool().map(Cell::Checkbox),
        Kind::Url | Kind::Email | Kind::PhoneNumber => {
            value.as_str().map(|line| Cell::Line(line.to_owned()))
        }
        Kind::Date => date(name, value)?.map(Cell::Date),
        Kind::Files => value
            .as_array()
            .map(|files| Cell::Files(files.iter().map(file).collect())),
        Kind::Status { options, .. } => {
            if value.is_null() {
                default_status(&kind)
            } else {
                let option = known(&kind, value);
                let option = option.ok_or_else(|| {
                    let asked = value["name"].as_str().or(value["id"].as_str()).unwrap_or_default();
                    let names: Vec<String> = options.iter().map(|option| format!("\"{}\"", option.name)).collect();
                    Failure::validation(format!(
                        "Invalid status option. Status option \"{asked}\" does not exist. Available options: {}.",
                        names.join(", ")
                    ))
                })?;
                Some(Cell::Option(option.id.clone()))
            }
        }
        Kind::Select { .. } if value.is_null() => None,
        Kind::Select { .. } => Some(Cell::Option(chosen(workspace, source, grown, id, value)?)),
        Kind::MultiSelect { .. } => {
            let mut options: Vec<String> = Vec::new();
            for item in value.as_array().map(Vec::as_slice).unwrap_or_default() {
                let option = chosen(workspace, source, grown, id, item)?;
                if !options.contains(&option) {
                    options.push(option);
                }
            }
            (!options.is_empty()).then_some(Cell::Options(options))
        }
        Kind::People => {
            let mut people = Vec::new();
            for given in ids() {
                let person = parse_uuid(given).filter(|id| workspace.user(*id).is_some());
                let person = person.ok_or_else(|| not_found(workspace, "user", given))?;
                if !people.contains(&person) {
                    people.push(person);
                }
            }
            (!people.is_empty()).then_some(Cell::People(people))
        }
        Kind::Relation { data_source, .. } => {
            let mut pages = Vec::new();
            for given in ids() {
                let page = parse_uuid(given)
                    .and_then(|id| workspace.pages.get(&id))
                    .filter(|page| workspace.shared(page.id));
                let page = page.ok_or_else(|| not_found(workspace, "page", given))?;
                if page.parent != Parent::DataSource(*data_source) {
                    return Err(Failure::unrecorded(format!(
                        "{name} relates to another data source: page {given} is not one of its rows."
                    )));
                }
                if !pages.contains(&page.id) {
                    pages.push(page.id);
                }
            }
            (!pages.is_empty()).then_some(Cell::Relation(pages))
        }
        _ => None,
    })
}

/// A file as answers show it, with its type; Notion keeps only references here.
fn file(given: &Value) -> Value {
    let kind = if given.get("file").is_some() {
        "file"
    } else {
        "external"
    };
    let mut content = json!({ "url": given[kind]["url"] });
    if kind == "file" {
        content["expiry_time"] = given[kind]
            .get("expiry_time")
            .cloned()
            .unwrap_or_else(|| json!("2100-01-01T00:00:00.000Z"));
    }
    json!({ "name": given["name"], "type": kind, kind: content })
}

pub(crate) fn not_found(workspace: &Workspace, what: &str, id: &str) -> Failure {
    let bot = workspace.bot();
    Failure::not_found(what, id, (&bot.name, &bot.id.to_string()))
}

pub(super) fn default_status(kind: &Kind) -> Option<Cell> {
    let Kind::Status { options, groups } = kind else {
        return None;
    };
    let first = groups.iter().find_map(|group| group.options.first());
    first
        .or_else(|| options.first().map(|option| &option.id))
        .map(|id| Cell::Option(id.clone()))
}

fn known<'a>(kind: &'a Kind, value: &Value) -> Option<&'a Choice> {
    match (value["id"].as_str(), value["name"].as_str()) {
        (Some(id), _) if kind.option(id).is_some() => kind.option(id),
        (_, Some(name)) => kind.option_named(name),
        _ => None,
    }
}

/// The id of the option that a value names; an unknown name becomes an option silently, as in Notion.
fn chosen(
    workspace: &mut Workspace,
    source: Uuid,
    grown: &mut Option<DataSource>,
    property: &str,
    value: &Value,
) -> Result<String, Failure> {
    let held = grown
        .as_ref()
        .or_else(|| workspace.data_sources.get(&source));
    let kind = held
        .and_then(|held| schema::by_id(&held.properties, property))
        .map(|property| &property.kind);
    if let Some(option) = kind.and_then(|kind| known(kind, value)) {
        return Ok(option.id.clone());
    }
    let Some(name) = value["name"].as_str() else {
        let asked = value["id"].as_str().unwrap_or_default();
        return Err(Failure::unrecorded(format!(
            "Invalid select option id: {asked}"
        )));
    };
    no_comma(name)?;
    let id = workspace.ids.uuid().to_string();
    if grown.is_none() {
        *grown = workspace.data_sources.get(&source).cloned();
    }
    let properties = grown.as_mut().map(|grown| &mut grown.properties);
    let property =
        properties.and_then(|properties| properties.iter_mut().find(|held| held.id == property));
    if let Some(options) = property.and_then(|property| property.kind.options_mut()) {
        let color = value["color"]
            .as_str()
            .map_or_else(|| next_color(options.len()), str::to_owned);
        options.push(Choice {
            id: id.clone(),
            name: name.to_owned(),
            color,
            description: None,
        });
    }
    Ok(id)
}

fn date(name: &str, value: &Value) -> Result<Option<DateRange>, Failure> {
    let at = |key: &str| -> Result<Option<When>, Failure> {
        let Some(given) = value[key].as_str() else {
            return Ok(None);
        };
        When::read(given).map(Some).ok_or_else(|| {
            let was = quoted(&value[key]);
            Failure::unrecorded(format!(
                "body failed validation: body.properties.{name}.date.{key} should be a valid ISO 8601 date string, instead was `{was}`."
            ))
        })
    };
    let Some(start) = at("start")? else {
        return Ok(None);
    };
    let end = at("end")?;
    if end.is_some_and(|end| end.instant() < start.instant()) {
        return Err(Failure::unrecorded("Start date must be before end date."));
    }
    // Times in UTC need no zone: the answer shows none.
    let time_zone = value["time_zone"]
        .as_str()
        .filter(|zone| !matches!(*zone, "UTC" | "Etc/UTC"));
    Ok(Some(DateRange {
        start,
        end,
        time_zone: time_zone.map(str::to_owned),
    }))
}

/// What a copy of a page holds; its number is its own.
pub(crate) fn copied(page: &Page) -> Written {
    let held = page.cells.iter();
    let cells = held.filter(|(_, cell)| !matches!(cell, Cell::UniqueId(_)));
    Written {
        cells: cells
            .map(|(id, cell)| (id.clone(), Some(cell.clone())))
            .collect(),
        source: None,
    }
}

impl Written {
    /// Stores a page with these values, any options they added, and the other ends of two-way relations.
    pub(crate) fn commit(self, workspace: &mut Workspace, mut page: Page) {
        if let Some(mut source) = self.source {
            // The row's own number was drawn after the schema was copied.
            let drawn = workspace
                .data_sources
                .get(&source.id)
                .map(|held| held.last_unique_id);
            source.last_unique_id = drawn.unwrap_or(source.last_unique_id);
            workspace.put_data_source(source);
        }
        let mut mirrored = Vec::new();
        for (id, cell) in self.cells {
            let before = page.cells.remove(&id);
            mirrored.push((id.clone(), related(before.as_ref()), related(cell.as_ref())));
            if let Some(cell) = cell {
                page.cells.insert(id, cell);
            }
        }
        let (page_id, parent) = (page.id, page.parent);
        workspace.put_page(page);
        let Parent::DataSource(source) = parent else {
            return;
        };
        for (id, before, after) in mirrored {
            let property = workspace
                .data_sources
                .get(&source)
                .and_then(|source| schema::by_id(&source.properties, &id));
            let Some(Kind::Relation {
                synced: Some(mirror),
                ..
            }) = property.map(|property| property.kind.clone())
            else {
                continue;
            };
            for other in before.iter().filter(|other| !after.contains(other)) {
                mirror_in(workspace, *other, &mirror, |pages| {
                    pages.retain(|related| *related != page_id);
                });
            }
            for other in after.iter().filter(|other| !before.contains(other)) {
                mirror_in(workspace, *other, &mirror, |pages| pages.push(page_id));
            }
        }
    }
}

fn related(cell: Option<&Cell>) -> Vec<Uuid> {
    if let Some(Cell::Relation(pages)) = cell {
        pages.clone()
    } else {
        Vec::new()
    }
}

fn mirror_in(
    workspace: &mut Workspace,
    page: Uuid,
    property: &str,
    change: impl FnOnce(&mut Vec<Uuid>),
) {
    let Some(mut page) = workspace.pages.get(&page).cloned() else {
        return;
    };
    let mut pages = related(page.cells.get(property));
    change(&mut pages);
    if pages.is_empty() {
        page.cells.remove(property);
    } else {
        page.cells
            .insert(property.to_owned(), Cell::Relation(pages));
    }
    workspace.put_page(page);
}

/// What stands in a new row before anything is written: numbers and the first status.
pub(crate) fn defaults(workspace: &mut Workspace, source: Uuid) -> BTreeMap<PropertyId, Cell> {
    let Some(held) = workspace.data_sources.get(&source) else {
        return BTreeMap::new();
    };
    let mut cells = BTreeMap::new();
    let mut numbered = None;
    for property in &held.properties {
        match &property.kind {
            Kind::Status { .. } => {
                if let Some(cell) = default_status(&property.kind) {
                    cells.insert(property.id.clone(), cell);
                }
            }
            Kind::UniqueId { .. } => numbered = Some(property.id.clone()),
            _ => {}
        }
    }
    if let Some(id) = numbered
        && let Some(number) = workspace.draw_unique_id(source)
    {
        cells.insert(id, Cell::UniqueId(number));
    }
    cells
}
