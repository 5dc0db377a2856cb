//! What has to change in a database so that it is what its file says. Pure.
//!
//! Nothing that people made is lost by it: a property that stands in the way of another one keeps what is in it
//! under another name, an option stays, and a property that left the file stays until somebody asks for its end.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use crate::dashboard::{Dashboard, KEY_PROPERTY, NOTE_PROPERTY, Property, PropertyKind};
use crate::notion::convert;
use crate::page::Fingerprint;

/// The changes of one database.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Changes {
    /// Properties that get another name.
    pub(super) renamed: Vec<Renamed>,
    /// Properties that are added.
    pub(super) added: Vec<(String, Json)>,
    /// Properties that stand and are defined otherwise, by their ids, and what people are told.
    pub(super) redefined: Vec<(String, Json, String)>,
    /// Properties that left the file, by their names, and their ids.
    pub(super) left: BTreeMap<String, String>,
}

/// A property that gets another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Renamed {
    pub(super) id: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) why: Why,
}

/// Why a property gets another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The file says so: the same property, with all that is in it.
    Meant,
    /// It is of another type than the file's property of that name.
    Retyped,
    /// A person made it.
    NotOurs,
}

/// What is known of the database.
pub(super) struct Standing<'a> {
    /// Notion's ids of our properties by their names; empty where the answer to their making was lost.
    pub(super) property_ids: &'a BTreeMap<String, String>,
    /// How each was defined when it was made or changed last.
    pub(super) definitions: &'a BTreeMap<String, Fingerprint>,
    /// Its data source as Notion tells it.
    pub(super) data_source: &'a Json,
}

struct Column<'a> {
    id: &'a str,
    name: &'a str,
    config: &'a Json,
}

impl Changes {
    /// Compares. `target` tells the data source of a dashboard, if it has one by now.
    pub(super) fn of(
        dashboard: &Dashboard,
        standing: &Standing<'_>,
        target: impl Fn(&str) -> Option<uuid::Uuid>,
    ) -> Self {
        let columns: Vec<Column<'_>> = standing.data_source["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, config)| {
                let id = config["id"].as_str()?;
                Some(Column { id, name, config })
            })
            .collect();
        let by_id = |id: &str| columns.iter().find(|column| column.id == id);
        let by_name = |name: &str| columns.iter().find(|column| column.name == name);
        let wanted = wanted(dashboard);
        let mut names: BTreeSet<String> = columns.iter().map(|one| one.name.to_owned()).collect();
        let mut changes = Self::default();
        let mut kept = BTreeSet::new();
        // What is renamed on purpose frees its name for others, so that comes first.
        let ours: Vec<Option<&Column<'_>>> = wanted
            .iter()
            .map(|(name, kind, was)| {
                let bound = standing.property_ids.get(*name);
                let column = if **kind == PropertyKind::Title {
                    columns
                        .iter()
                        .find(|column| column.config["type"] == "title")
                } else {
                    match bound {
                        Some(id) if !id.is_empty() => by_id(id),
                        // Made, but the answer was lost.
                        Some(_) => by_name(name),
                        None => was
                            .iter()
                            .filter(|was| wanted.iter().all(|(name, ..)| name != *was))
                            .find_map(|was| by_id(standing.property_ids.get(was)?)),
                    }
                };
                column.inspect(|column| {
                    kept.insert(column.id);
                })
            })
            .collect();
        for ((name, kind, _), column) in wanted.iter().zip(&ours) {
            let Some(column) = column.filter(|column| same_type(kind, column.config, &target))
            else {
                continue;
            };
            let known = standing
                .property_ids
                .iter()
                .find(|(_, id)| *id == column.id);
            let from = known.map_or(column.name, |(known, _)| known.as_str());
            // A name that a person gave it stays: it is told by its id.
            if from != *name {
                names.remove(column.name);
                names.insert((*name).to_owned());
                changes.rename(column, from, name, Why::Meant);
            }
        }
        for ((name, kind, _), column) in wanted.iter().zip(&ours) {
            let fits = column.filter(|column| same_type(kind, column.config, &target));
            if let Some(column) = fits {
                changes.redefine(name, kind, column, standing, &target);
                continue;
            }
            let in_the_way = column.or_else(|| by_name(name)).filter(|column| {
                let renamed = changes.renamed.iter().any(|one| one.id == column.id);
                column.name == *name && !renamed
            });
            if let Some(column) = in_the_way {
                let why = if standing.property_ids.values().any(|id| id == column.id) {
                    Why::Retyped
                } else {
                    Why::NotOurs
                };
                let to = free_name(name, column, why, &names);
                names.insert(to.clone());
                changes.rename(column, name, &to, why);
                kept.remove(column.id);
            }
            if let Some(config) = convert::property_schema(kind, &target) {
                changes.added.push(((*name).to_owned(), config));
            }
        }
        changes.left = standing
            .property_ids
            .iter()
            .filter(|(_, id)| by_id(id).is_some() && !kept.contains(id.as_str()))
            .map(|(name, id)| {
                let renamed = changes.renamed.iter().find(|one| one.id == *id);
                (renamed.map_or(name, |one| &one.to).clone(), id.clone())
            })
            .collect();
        changes
    }

    fn rename(&mut self, column: &Column<'_>, from: &str, to: &str, why: Why) {
        self.renamed.push(Renamed {
            id: column.id.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            why,
        });
    }

    /// New options, and what the file defines otherwise than it did.
    fn redefine(
        &mut self,
        name: &str,
        kind: &PropertyKind,
        column: &Column<'_>,
        standing: &Standing<'_>,
        target: impl Fn(&str) -> Option<uuid::Uuid>,
    ) {
        let word = convert::property_type(kind);
        if let Some(held) = column.config[word]["options"].as_array() {
            let holds = |name: &str| {
                held.iter().any(|option| {
                    option["name"].as_str().map(str::to_lowercase) == Some(name.to_lowercase())
                })
            };
            let new: Vec<Json> = convert::options(kind.options())
                .into_iter()
                .filter(|option| !option["name"].as_str().is_some_and(holds))
                .collect();
            if !new.is_empty() {
                let told: Vec<&str> = new.iter().filter_map(|one| one["name"].as_str()).collect();
                let told = format!("{name}: new options {}", told.join(", "));
                // What is not named again would be taken away.
                let kept = held.iter().map(|option| json!({"id": option["id"]}));
                let all: Vec<Json> = kept.chain(new).collect();
                let config = json!({word: {"options": all}});
                self.redefined.push((column.id.to_owned(), config, told));
            }
            return;
        }
        let defined = matches!(
            kind,
            PropertyKind::Number { .. } | PropertyKind::Formula { .. }
        );
        if defined
            && standing.definitions.get(name) != Some(&definition(kind))
            && let Some(config) = convert::property_schema(kind, target)
        {
            let what = if word == "number" { "format" } else { word };
            let told = format!("{name}: another {what}");
            self.redefined.push((column.id.to_owned(), config, told));
        }
    }

    /// What people are told, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let renamed = self.renamed.iter().map(|one| match one.why {
            Why::Meant => format!("rename {:?} to {:?}", one.from, one.to),
            Why::Retyped => format!(
                "keep {:?}, which is of another type now, as {:?}, and make it anew",
                one.from, one.to
            ),
            Why::NotOurs => format!(
                "keep {:?}, which somebody made in Notion, as {:?}, and make our own",
                one.from, one.to
            ),
        });
        let added = self.added.iter().map(|(name, _)| format!("add {name:?}"));
        let redefined = self.redefined.iter().map(|(.., told)| told.clone());
        renamed.chain(added).chain(redefined).collect()
    }

    /// The names that change, by the properties' ids.
    pub(super) fn names(&self) -> Map<String, Json> {
        let renamed = self.renamed.iter();
        renamed
            .map(|one| (one.id.clone(), json!({"name": one.to})))
            .collect()
    }

    /// Everything else.
    pub(super) fn definitions(&self) -> Map<String, Json> {
        let added = self.added.iter();
        let redefined = self.redefined.iter();
        added
            .map(|(name, config)| (name.clone(), config.clone()))
            .chain(redefined.map(|(id, config, _)| (id.clone(), config.clone())))
            .collect()
    }
}

/// Names, kinds and former names of all that a database has to have, the daemon's own included.
pub(super) fn wanted(dashboard: &Dashboard) -> Vec<(&str, &PropertyKind, &[String])> {
    let own = [KEY_PROPERTY, NOTE_PROPERTY].map(|name| (name, &PropertyKind::PLAIN, [].as_slice()));
    dashboard
        .properties
        .iter()
        .filter(|property| property.kind.is_property())
        .map(
            |Property {
                 name, kind, was, ..
             }| (name.as_str(), kind, was.as_slice()),
        )
        .chain(own)
        .collect()
}

/// How a property is defined, as far as that can change without another type.
pub(super) fn definition(kind: &PropertyKind) -> Fingerprint {
    let config = convert::property_schema(kind, |_| Some(uuid::Uuid::nil()));
    Fingerprint::of(json!([kind.name(), config]).to_string().as_bytes())
}

/// How all properties of a dashboard are defined.
pub(super) fn definitions(dashboard: &Dashboard) -> BTreeMap<String, Fingerprint> {
    let wanted = wanted(dashboard).into_iter();
    wanted
        .map(|(name, kind, _)| (name.to_owned(), definition(kind)))
        .collect()
}

fn same_type(
    kind: &PropertyKind,
    config: &Json,
    target: impl Fn(&str) -> Option<uuid::Uuid>,
) -> bool {
    let points_there = kind.related().is_none_or(|related| {
        let to = config["relation"]["data_source_id"].as_str();
        // A target that has no database yet cannot be the one that stands.
        target(related).is_some_and(|wanted| to.and_then(|to| to.parse().ok()) == Some(wanted))
    });
    config["type"] == convert::property_type(kind) && points_there
}

fn free_name(name: &str, column: &Column<'_>, why: Why, taken: &BTreeSet<String>) -> String {
    let word = match why {
        Why::NotOurs => "own",
        _ => column.config["type"].as_str().unwrap_or("old"),
    };
    let first = format!("{name} ({word})");
    let mut free = first.clone();
    let mut number = 1;
    while taken.contains(&free) {
        number += 1;
        free = format!("{first} {number}");
    }
    free
}

#[cfg(test)]
mod tests;
