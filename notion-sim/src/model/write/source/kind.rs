//! Reading a property's configuration.

use serde_json::Value;

use super::plan::Plan;
use crate::failure::Failure;
use crate::model::formula::Formula;
use crate::model::ids::Ids;
use crate::model::schema::{self, Choice, Group, Kind, Property, Type, next_color};
use crate::model::workspace::{DataSource, Workspace};

/// What a request makes of one property.
pub(super) struct Wanted<'a> {
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) kind: Type,
    pub(super) config: &'a Value,
    /// The property's type so far.
    pub(super) old: Option<&'a Kind>,
}

/// Reads a configuration; what it means for other data sources goes into the plan.
pub(super) fn read(
    workspace: &mut Workspace,
    source: &DataSource,
    plan: &mut Plan,
    wanted: &Wanted<'_>,
) -> Result<Kind, Failure> {
    let &Wanted {
        kind, config, old, ..
    } = wanted;
    let text = |key: &str| config[key].as_str();
    Ok(match kind {
        Type::Title => Kind::Title,
        Type::RichText => Kind::RichText,
        Type::Number => {
            let kept = match old {
                Some(Kind::Number { format }) => format.as_str(),
                _ => "number",
            };
            Kind::Number {
                format: text("format").unwrap_or(kept).to_owned(),
            }
        }
        Type::Select => Kind::Select {
            options: options(&mut workspace.ids, config, old)?,
        },
        Type::MultiSelect => Kind::MultiSelect {
            options: options(&mut workspace.ids, config, old)?,
        },
        Type::Status => status(&mut workspace.ids, config, old)?,
        Type::Date => Kind::Date,
        Type::People => Kind::People,
        Type::Files => Kind::Files,
        Type::Checkbox => Kind::Checkbox,
        Type::Url => Kind::Url,
        Type::Email => Kind::Email,
        Type::PhoneNumber => Kind::PhoneNumber,
        Type::CreatedTime => Kind::CreatedTime,
        Type::CreatedBy => Kind::CreatedBy,
        Type::LastEditedTime => Kind::LastEditedTime,
        Type::LastEditedBy => Kind::LastEditedBy,
        Type::UniqueId => Kind::UniqueId {
            prefix: text("prefix").map(str::to_owned),
        },
        Type::Formula => {
            let space = workspace.settings.id;
            let formula = Formula::compile(
                text("expression").unwrap_or_default(),
                &source.properties,
                source.id,
                space,
            );
            Kind::Formula(formula.map_err(|problem| {
                Failure::unrecorded(format!("Type error with formula: {problem}."))
            })?)
        }
        Type::Relation => relation(workspace, source, plan, wanted)?,
        Type::Rollup => rollup(workspace, source, config)?,
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
            return Err(Failure::unrecorded(format!(
                "Select option names must be unique (case-insensitive), \"{}\" is repeated.",
                option.name
            )));
        }
        options.push(option);
    }
    Ok(options)
}

pub(in crate::model::write) fn no_comma(name: &str) -> Result<(), Failure> {
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
    wanted: &Wanted<'_>,
) -> Result<Kind, Failure> {
    let &Wanted {
        id,
        name,
        config,
        old,
        ..
    } = wanted;
    let target = config["data_source_id"]
        .as_str()
        .and_then(crate::model::ids::parse_uuid)
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
    if matches!(old, Some(Kind::Relation { data_source, .. }) if *data_source != target) {
        plan.emptied.push(id.to_owned());
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
