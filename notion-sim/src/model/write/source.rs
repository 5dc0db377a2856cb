//! Schema changes of a data source.

mod kind;
mod plan;

use serde_json::{Map, Value};

pub(super) use kind::no_comma;

use crate::failure::Failure;
use crate::model::ids::Ids;
use crate::model::schema::{self, Kind, Property, TITLE, Type};
use crate::model::workspace::{DataSource, Workspace};
use kind::Wanted;
use plan::Plan;

/// Applies the `properties` of a request to a data source that may be new, then stores it.
pub(crate) fn apply(
    workspace: &mut Workspace,
    mut source: DataSource,
    changes: &Map<String, Value>,
) -> Result<(), Failure> {
    let mut plan = Plan::default();
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
            return Err(Failure::unrecorded(
                "A data source can have only one title property.",
            ));
        }
    }
    let numbers = |property: &&Property| matches!(property.kind, Kind::UniqueId { .. });
    if source.properties.iter().filter(numbers).count() > 1 {
        return Err(Failure::unrecorded(
            "A data source can have only one unique_id property.",
        ));
    }
    in_asked_order(&mut source, &known, changes);
    check_count(&source)?;
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
        let kind = Type::named(Type::ALL, change);
        let Some(kind) = kind else {
            return Err(Failure::validation(format!(
                "{named} is not a property that exists."
            )));
        };
        let id = if kind == Type::Title {
            TITLE.to_owned()
        } else {
            fresh_id(&mut workspace.ids, source)
        };
        let wanted = Wanted {
            id: &id,
            name: named,
            kind,
            config: &change[kind.name()],
            old: None,
        };
        let kind = kind::read(workspace, source, plan, &wanted)?;
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
            return Err(Failure::unrecorded(format!(
                "Cannot rename {named}: a property named {name} exists already."
            )));
        }
        name.clone_into(&mut source.properties[at].name);
    }
    if let Some(description) = change.get("description") {
        source.properties[at].description = description.as_str().map(str::to_owned);
    }
    if let Some(wanted) = Type::named(Type::ALL, change) {
        let old = source.properties[at].clone();
        let was_title = matches!(old.kind, Kind::Title);
        if was_title != (wanted == Type::Title) {
            return Err(Failure::unrecorded(
                "Cannot change the type of the title property, or make another one the title.",
            ));
        }
        let asked = Wanted {
            id: &id,
            name: &old.name,
            kind: wanted,
            config: &change[wanted.name()],
            old: Some(&old.kind),
        };
        let kind = kind::read(workspace, source, plan, &asked)?;
        if old.kind.of() != wanted {
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
        return Err(Failure::unrecorded("Cannot delete the title property."));
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

fn fresh_id(ids: &mut Ids, source: &DataSource) -> String {
    loop {
        let id = ids.property();
        if schema::find(&source.properties, &id).is_none() {
            return id;
        }
    }
}

fn check_count(source: &DataSource) -> Result<(), Failure> {
    const LIMIT: usize = 500;
    let count = source.properties.len();
    if count > LIMIT {
        return Err(Failure::unrecorded(format!(
            "The data source has too many properties: {count}, at most {LIMIT} are allowed."
        )));
    }
    Ok(())
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
        Some((size, largest)) if total > LIMIT => Err(Failure::unrecorded(format!(
            "The schema of the data source is too large: {total} bytes, at most {LIMIT} are allowed. The largest property is {} with {size} bytes.",
            largest.name
        ))),
        _ => Ok(()),
    }
}
