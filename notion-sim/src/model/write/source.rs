//! Schema changes of a data source.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::convert::converted;
use crate::api::failure::Failure;
use crate::model::cell::Cell;
use crate::model::formula::Formula;
use crate::model::ids::Ids;
use crate::model::schema::{self, Choice, Group, Kind, Property, TITLE, next_color};
use crate::model::workspace::{DataSource, Page, Workspace};

const CONFIG_KINDS: [&str; 21] = [
    "title",
    "rich_text",
    "number",
    "select",
    "multi_select",
    "status",
    "date",
    "people",
    "files",
    "checkbox",
    "url",
    "email",
    "phone_number",
    "formula",
    "relation",
    "rollup",
    "unique_id",
    "created_time",
    "created_by",
    "last_edited_time",
    "last_edited_by",
];

/// Applies the `properties` of a request to a data source that may be new, then stores it.
pub(crate) fn apply(
    workspace: &mut Workspace,
    mut source: DataSource,
    changes: &Map<String, Value>,
) -> Result<(), Failure> {
    let mut plan = Plan {
        retyped: Vec::new(),
        pruned: Vec::new(),
        removed: Vec::new(),
        synced: Vec::new(),
        others: Vec::new(),
    };
    let known: Vec<String> = source
        .properties
        .iter()
        .map(|property| property.id.clone())
        .collect();
    // What looks at other properties comes after them: rollups need relations, formulas need everything.
    for phase in [Phase::Plain, Phase::Rollups, Phase::Formulas] {
        let mut waiting: Vec<(&String, &Value)> = changes
            .iter()
            .filter(|(_, change)| Phase::of(change) == phase)
            .collect();
        while !waiting.is_empty() {
            let mut refused = None;
            let mut left = Vec::new();
            for &(named, change) in &waiting {
                match change_one(workspace, &mut source, &mut plan, named, change) {
                    Ok(()) => {}
                    Err(failure) if phase == Phase::Formulas => {
                        refused.get_or_insert(failure);
                        left.push((named, change));
                    }
                    Err(failure) => return Err(failure),
                }
            }
            // Formulas may look at each other; when no more of them compiles, the first refusal stands.
            if let Some(failure) = refused.filter(|_| left.len() == waiting.len()) {
                return Err(failure);
            }
            waiting = left;
        }
    }
    match source
        .properties
        .iter()
        .filter(|property| matches!(property.kind, Kind::Title))
        .count()
    {
        1 => {}
        0 => return Err(Failure::validation("Title is not provided")),
        _ => {
            return Err(Failure::validation(
                "A data source can have only one title property.",
            ));
        }
    }
    in_asked_order(&mut source, &known, changes);
    check_size(&source)?;
    plan.commit(workspace, source);
    Ok(())
}

/// New properties stand in the order in which the request names them, whatever was read first.
fn in_asked_order(source: &mut DataSource, known: &[String], changes: &Map<String, Value>) {
    let first_new = source
        .properties
        .iter()
        .take_while(|property| known.contains(&property.id))
        .count();
    let place = |property: &Property| changes.keys().position(|named| *named == property.name);
    source.properties[first_new..].sort_by_key(|property| place(property).unwrap_or(usize::MAX));
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Phase {
    Plain,
    Rollups,
    Formulas,
}

impl Phase {
    fn of(change: &Value) -> Self {
        match (change.get("rollup"), change.get("formula")) {
            (Some(_), _) => Self::Rollups,
            (None, Some(_)) => Self::Formulas,
            (None, None) => Self::Plain,
        }
    }
}

/// What the change means beyond the data source's own schema.
struct Plan {
    /// Properties whose type changed, as they were.
    retyped: Vec<Property>,
    /// Properties that lost options, which rows may still hold.
    pruned: Vec<String>,
    removed: Vec<String>,
    /// Own relations that a new property in another data source mirrors.
    synced: Vec<(Uuid, Property)>,
    /// Mirrors in other data sources that go with a removed relation.
    others: Vec<(Uuid, String)>,
}

fn change_one(
    workspace: &mut Workspace,
    source: &mut DataSource,
    plan: &mut Plan,
    named: &str,
    change: &Value,
) -> Result<(), Failure> {
    let known = schema::find(&source.properties, named).map(|property| property.id.clone());
    if change.is_null() {
        let id = known.ok_or_else(|| {
            Failure::validation(format!("{named} is not a property that exists."))
        })?;
        return remove(source, plan, &id);
    }
    let Some(id) = known else {
        let kind = config_kind(change);
        let Some(kind) = kind else {
            return Err(Failure::validation(format!(
                "{named} is not a property that exists."
            )));
        };
        let id = if kind == "title" {
            TITLE.to_owned()
        } else {
            fresh_id(&mut workspace.ids, source)
        };
        let kind = read_kind(
            workspace,
            source,
            plan,
            &id,
            named,
            kind,
            &change[kind],
            None,
        )?;
        let description = change["description"].as_str().map(str::to_owned);
        source.properties.push(Property {
            id,
            name: named.to_owned(),
            description,
            kind,
        });
        return Ok(());
    };
    let at = source
        .properties
        .iter()
        .position(|property| property.id == id)
        .unwrap_or_default();
    if let Some(name) = change.get("name").and_then(Value::as_str) {
        let taken = source
            .properties
            .iter()
            .any(|property| property.id != id && property.name == name);
        if taken {
            return Err(Failure::validation(format!(
                "Cannot rename {named}: a property named {name} exists already."
            )));
        }
        name.clone_into(&mut source.properties[at].name);
    }
    if let Some(description) = change.get("description") {
        source.properties[at].description = description.as_str().map(str::to_owned);
    }
    if let Some(wanted) = config_kind(change) {
        let old = source.properties[at].clone();
        let was_title = matches!(old.kind, Kind::Title);
        if was_title != (wanted == "title") {
            return Err(Failure::validation(
                "Cannot change the type of the title property, or make another one the title.",
            ));
        }
        let name = old.name.clone();
        let kind = read_kind(
            workspace,
            source,
            plan,
            &id,
            &name,
            wanted,
            &change[wanted],
            Some(&old.kind),
        )?;
        if old.kind.name() != wanted {
            forget_mirror(plan, &old);
            plan.retyped.push(old);
        } else if old
            .kind
            .options()
            .iter()
            .any(|option| kind.option(&option.id).is_none())
        {
            plan.pruned.push(id);
        }
        source.properties[at].kind = kind;
    }
    Ok(())
}

fn remove(source: &mut DataSource, plan: &mut Plan, id: &str) -> Result<(), Failure> {
    let Some(at) = source
        .properties
        .iter()
        .position(|property| property.id == id)
    else {
        return Ok(());
    };
    if matches!(source.properties[at].kind, Kind::Title) {
        return Err(Failure::validation("Cannot delete the title property."));
    }
    let gone = source.properties.remove(at);
    forget_mirror(plan, &gone);
    plan.removed.push(gone.id);
    Ok(())
}

fn forget_mirror(plan: &mut Plan, property: &Property) {
    if let Kind::Relation {
        data_source,
        synced: Some(mirror),
    } = &property.kind
    {
        plan.others.push((*data_source, mirror.clone()));
    }
}

fn config_kind(config: &Value) -> Option<&'static str> {
    CONFIG_KINDS
        .into_iter()
        .find(|kind| config.get(*kind).is_some())
}

fn fresh_id(ids: &mut Ids, source: &DataSource) -> String {
    loop {
        let id = ids.property();
        if schema::find(&source.properties, &id).is_none() {
            return id;
        }
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one place where a configuration meets everything it may refer to"
)]
fn read_kind(
    workspace: &mut Workspace,
    source: &DataSource,
    plan: &mut Plan,
    id: &str,
    name: &str,
    kind: &str,
    config: &Value,
    old: Option<&Kind>,
) -> Result<Kind, Failure> {
    let text = |key: &str| config[key].as_str();
    Ok(match kind {
        "title" => Kind::Title,
        "rich_text" => Kind::RichText,
        "number" => {
            let kept = match old {
                Some(Kind::Number { format }) => format.as_str(),
                _ => "number",
            };
            Kind::Number {
                format: text("format").unwrap_or(kept).to_owned(),
            }
        }
        "select" => Kind::Select {
            options: options(&mut workspace.ids, config, old)?,
        },
        "multi_select" => Kind::MultiSelect {
            options: options(&mut workspace.ids, config, old)?,
        },
        "status" => status(&mut workspace.ids, config, old)?,
        "date" => Kind::Date,
        "people" => Kind::People,
        "files" => Kind::Files,
        "checkbox" => Kind::Checkbox,
        "url" => Kind::Url,
        "email" => Kind::Email,
        "phone_number" => Kind::PhoneNumber,
        "created_time" => Kind::CreatedTime,
        "created_by" => Kind::CreatedBy,
        "last_edited_time" => Kind::LastEditedTime,
        "last_edited_by" => Kind::LastEditedBy,
        "unique_id" => Kind::UniqueId {
            prefix: text("prefix").map(str::to_owned),
        },
        "formula" => {
            let space = workspace.settings.id;
            let formula = Formula::compile(
                text("expression").unwrap_or_default(),
                &source.properties,
                source.id,
                space,
            );
            Kind::Formula(formula.map_err(|problem| {
                Failure::validation(format!("Type error with formula: {problem}."))
            })?)
        }
        "relation" => relation(workspace, source, plan, (id, name), config, old)?,
        _ => rollup(workspace, source, config)?,
    })
}

fn options(ids: &mut Ids, config: &Value, old: Option<&Kind>) -> Result<Vec<Choice>, Failure> {
    let held = old.map(Kind::options).unwrap_or_default();
    let Some(given) = config["options"].as_array() else {
        return Ok(held.to_vec());
    };
    let mut options: Vec<Choice> = Vec::with_capacity(given.len());
    for option in given {
        let (id, name, color) = (
            option["id"].as_str(),
            option["name"].as_str(),
            option["color"].as_str(),
        );
        let known = held.iter().find(|held| match (id, name) {
            (Some(id), _) if held.id == id => true,
            (_, Some(name)) => held.name.to_lowercase() == name.to_lowercase(),
            _ => false,
        });
        let description = option["description"].as_str().map(str::to_owned);
        let option = if let Some(known) = known {
            if color.is_some_and(|color| color != known.color) {
                return Err(Failure::validation(match name {
                    Some(name) => format!("Cannot update color of select with name: {name}."),
                    None => format!("Cannot update color of select with id: {}.", known.id),
                }));
            }
            let description = if option.get("description").is_some() {
                description
            } else {
                known.description.clone()
            };
            Choice {
                description,
                ..known.clone()
            }
        } else {
            let name = name.unwrap_or_default();
            no_comma(name)?;
            let color = color.map_or_else(|| next_color(options.len()), str::to_owned);
            Choice {
                id: ids.uuid().to_string(),
                name: name.to_owned(),
                color,
                description,
            }
        };
        if options
            .iter()
            .any(|other| other.name.to_lowercase() == option.name.to_lowercase())
        {
            return Err(Failure::validation(format!(
                "Select option names must be unique (case-insensitive), \"{}\" is repeated.",
                option.name
            )));
        }
        options.push(option);
    }
    Ok(options)
}

pub(super) fn no_comma(name: &str) -> Result<(), Failure> {
    if name.contains(',') {
        return Err(Failure::validation(format!(
            "Invalid select option, commas not allowed: {name}"
        )));
    }
    Ok(())
}

/// Groups cannot be defined by the API: new options land in To-do, unless they name one of the three.
fn status(ids: &mut Ids, config: &Value, old: Option<&Kind>) -> Result<Kind, Failure> {
    let mut groups = match old {
        Some(Kind::Status { groups, .. }) => groups.clone(),
        _ => [
            ("To-do", "gray"),
            ("In progress", "blue"),
            ("Complete", "green"),
        ]
        .into_iter()
        .map(|(name, color)| Group {
            id: ids.uuid().to_string(),
            name: name.to_owned(),
            color: color.to_owned(),
            options: Vec::new(),
        })
        .collect(),
    };
    let fresh = !matches!(old, Some(Kind::Status { .. }));
    let listed = config["options"].as_array();
    let options = if fresh && listed.is_none() {
        [
            ("Not started", "default"),
            ("In progress", "blue"),
            ("Done", "green"),
        ]
        .into_iter()
        .zip(&mut groups)
        .map(|((name, color), group)| {
            let id = ids.uuid().to_string();
            group.options.push(id.clone());
            Choice {
                id,
                name: name.to_owned(),
                color: color.to_owned(),
                description: None,
            }
        })
        .collect()
    } else {
        options(ids, config, old)?
    };
    for group in &mut groups {
        group
            .options
            .retain(|id| options.iter().any(|option| option.id == *id));
    }
    for option in &options {
        if groups
            .iter()
            .any(|group| group.options.contains(&option.id))
        {
            continue;
        }
        let asked = listed.and_then(|listed| {
            listed
                .iter()
                .find(|given| given["name"] == option.name.as_str())
        });
        let asked = asked
            .and_then(|given| given["group"].as_str())
            .unwrap_or("To-do");
        let at = groups
            .iter()
            .position(|group| group.name == asked)
            .unwrap_or(0);
        groups[at].options.push(option.id.clone());
    }
    Ok(Kind::Status { options, groups })
}

fn relation(
    workspace: &mut Workspace,
    source: &DataSource,
    plan: &mut Plan,
    (id, name): (&str, &str),
    config: &Value,
    old: Option<&Kind>,
) -> Result<Kind, Failure> {
    let target = config["data_source_id"]
        .as_str()
        .and_then(crate::api::shape::parse_uuid)
        .unwrap_or_default();
    let known = target == source.id
        || (workspace.data_sources.contains_key(&target)
            && workspace.shared(target)
            && !workspace.in_trash(target));
    if !known {
        let bot = workspace.bot();
        return Err(Failure::not_found(
            "database",
            &target.to_string(),
            (&bot.name, &bot.id.to_string()),
        ));
    }
    let dual = config.get("dual_property");
    let synced = match (dual, old) {
        (None, _) => None,
        (
            Some(_),
            Some(Kind::Relation {
                data_source,
                synced: Some(mirror),
            }),
        ) if *data_source == target => Some(mirror.clone()),
        (Some(dual), _) => {
            let mirror = workspace.ids.property();
            let wanted = dual["synced_property_name"].as_str();
            let title = crate::model::text::plain(&source.title);
            let mirror_name =
                wanted.map_or_else(|| format!("Related to {title} ({name})"), str::to_owned);
            let kind = Kind::Relation {
                data_source: source.id,
                synced: Some(id.to_owned()),
            };
            plan.synced.push((
                target,
                Property {
                    id: mirror.clone(),
                    name: mirror_name,
                    description: None,
                    kind,
                },
            ));
            Some(mirror)
        }
    };
    if let Some(Kind::Relation {
        data_source,
        synced: Some(mirror),
    }) = old
        && synced.as_ref() != Some(mirror)
    {
        plan.others.push((*data_source, mirror.clone()));
    }
    Ok(Kind::Relation {
        data_source: target,
        synced,
    })
}

fn rollup(workspace: &Workspace, source: &DataSource, config: &Value) -> Result<Kind, Failure> {
    let named = |what: &str| {
        let key = |suffix: &str| config[format!("{what}_property_{suffix}")].as_str();
        key("id")
            .or_else(|| key("name"))
            .unwrap_or_default()
            .to_owned()
    };
    let (relation, rolled) = (named("relation"), named("rollup"));
    let missing =
        |name: &str| Failure::validation(format!("{name} is not a property that exists."));
    let own = schema::find(&source.properties, &relation).ok_or_else(|| missing(&relation))?;
    let Kind::Relation { data_source, .. } = &own.kind else {
        return Err(Failure::validation(format!(
            "{relation} is expected to be relation."
        )));
    };
    let far = if *data_source == source.id {
        Some(source)
    } else {
        workspace.data_sources.get(data_source)
    };
    let target = far
        .and_then(|far| schema::find(&far.properties, &rolled))
        .ok_or_else(|| missing(&rolled))?;
    let function = config["function"]
        .as_str()
        .unwrap_or("show_original")
        .to_owned();
    Ok(Kind::Rollup {
        function,
        relation: own.id.clone(),
        target: target.id.clone(),
    })
}

/// Notion recommends 50 KB and refuses more, naming the largest property.
fn check_size(source: &DataSource) -> Result<(), Failure> {
    const LIMIT: usize = 50 * 1024;
    let size = |property: &Property| serde_json::to_string(property).map_or(0, |text| text.len());
    let sizes: Vec<(usize, &Property)> = source
        .properties
        .iter()
        .map(|property| (size(property), property))
        .collect();
    let total: usize = sizes.iter().map(|(size, _)| size).sum();
    match sizes.iter().max_by_key(|(size, _)| *size) {
        Some((size, largest)) if total > LIMIT => Err(Failure::validation(format!(
            "The schema of the data source is too large: {total} bytes, at most {LIMIT} are allowed. The largest property is {} with {size} bytes.",
            largest.name
        ))),
        _ => Ok(()),
    }
}

/// Takes options out of a row that its property no longer has; a status falls back to the first.
fn prune(page: &mut Page, property: &Property) -> bool {
    let stands = |id: &String| property.kind.option(id).is_some();
    let kept = match page.cells.get(&property.id) {
        Some(Cell::Option(id)) if !stands(id) => super::row::default_status(&property.kind),
        Some(Cell::Options(ids)) if !ids.iter().all(stands) => {
            let left: Vec<String> = ids.iter().filter(|id| stands(id)).cloned().collect();
            (!left.is_empty()).then_some(Cell::Options(left))
        }
        _ => return false,
    };
    match kept {
        Some(cell) => page.cells.insert(property.id.clone(), cell),
        None => page.cells.remove(&property.id),
    };
    true
}

/// Adds the other end of a relation, under a name that is free.
fn push_mirror(source: &mut DataSource, mirror: Property) {
    let taken = |name: &str| source.properties.iter().any(|held| held.name == name);
    let mut name = mirror.name.clone();
    let mut number = 1;
    while taken(&name) {
        name = format!("{} {number}", mirror.name);
        number += 1;
    }
    source.properties.push(Property { name, ..mirror });
}

/// Takes a property's values out of every row.
fn empty(workspace: &mut Workspace, source: Uuid, property: &str) {
    let holding: Vec<Page> = workspace
        .rows(source)
        .filter(|page| page.cells.contains_key(property))
        .cloned()
        .collect();
    for mut page in holding {
        page.cells.remove(property);
        workspace.put_page(page);
    }
}

impl Plan {
    fn commit(self, workspace: &mut Workspace, mut source: DataSource) {
        let source_id = source.id;
        for (target, mirror) in self.synced {
            if target == source_id {
                push_mirror(&mut source, mirror);
            } else if let Some(mut other) = workspace.data_sources.get(&target).cloned() {
                push_mirror(&mut other, mirror);
                workspace.put_data_source(other);
            }
        }
        let mut removed = self.removed;
        for (target, mirror) in self.others {
            if target == source_id {
                source.properties.retain(|property| property.id != mirror);
                removed.push(mirror);
            } else if let Some(mut other) = workspace.data_sources.get(&target).cloned() {
                other.properties.retain(|property| property.id != mirror);
                workspace.put_data_source(other);
                empty(workspace, target, &mirror);
            }
        }
        let touches_rows =
            !(self.retyped.is_empty() && removed.is_empty() && self.pruned.is_empty());
        let pages: Vec<Page> = if touches_rows {
            workspace.rows(source_id).cloned().collect()
        } else {
            Vec::new()
        };
        for mut page in pages {
            let mut changed = false;
            for id in &removed {
                changed |= page.cells.remove(id).is_some();
            }
            for old in &self.retyped {
                let Some(cell) = page.cells.remove(&old.id) else {
                    continue;
                };
                changed = true;
                let Some(property) = source
                    .properties
                    .iter_mut()
                    .find(|property| property.id == old.id)
                else {
                    continue;
                };
                if let Some(cell) =
                    converted(&cell, &old.kind, &mut property.kind, &mut workspace.ids)
                {
                    page.cells.insert(old.id.clone(), cell);
                }
            }
            for id in &self.pruned {
                if let Some(property) = schema::by_id(&source.properties, id) {
                    changed |= prune(&mut page, property);
                }
            }
            if changed {
                workspace.put_page(page);
            }
        }
        let numbers = source
            .properties
            .iter()
            .find(|property| matches!(property.kind, Kind::UniqueId { .. }));
        if let Some(id) = numbers.map(|property| property.id.clone()) {
            let unnumbered: Vec<Page> = workspace
                .rows(source_id)
                .filter(|page| !page.cells.contains_key(&id))
                .cloned()
                .collect();
            for mut page in unnumbered {
                source.last_unique_id += 1;
                page.cells
                    .insert(id.clone(), Cell::UniqueId(source.last_unique_id));
                workspace.put_page(page);
            }
        }
        workspace.put_data_source(source);
    }
}
