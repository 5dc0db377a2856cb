//! A dashboard together with its Notion database: what every effect needs to know of both.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

use crate::dashboard::{Dashboard, KEY_PROPERTY, NOTE_PROPERTY, PropertyKind, Source};
use crate::ledger::Binding;
use crate::notion::{PageId, convert};
use crate::page::{DesiredPage, Fingerprint, Key, Value};
use crate::reconcile::NamedValue;

/// A dashboard that was set up.
#[derive(Debug, Clone)]
pub struct Board {
    /// What is wanted.
    pub dashboard: Dashboard,
    /// Where it stands.
    pub binding: Binding,
}

/// A page as Notion returned it, in our words.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadPage {
    /// Notion's id.
    pub id: PageId,
    /// The key that it carries.
    pub key: Key,
    /// When it was created, to the minute.
    pub created_at: Option<DateTime<Utc>>,
    /// What stands in our properties; one that a person retyped or deleted is missing.
    pub values: Vec<NamedValue>,
}

impl Board {
    /// The dashboard's name.
    pub fn name(&self) -> &str {
        &self.dashboard.name
    }

    /// Whether all pages were examined under the dashboard's present definition.
    pub fn is_examined(&self) -> bool {
        self.binding.digest == Some(self.dashboard.digest())
    }

    /// Names and kinds of everything that the daemon writes to a page, the key and the note included.
    pub fn written(&self) -> impl Iterator<Item = (&str, &PropertyKind)> {
        self.dashboard
            .properties
            .iter()
            .filter(|property| property.kind.carries_data())
            .map(|property| (property.name.as_str(), &property.kind))
            .chain([
                (NOTE_PROPERTY, &PropertyKind::PLAIN),
                (KEY_PROPERTY, &PropertyKind::PLAIN),
            ])
    }

    /// Names of written properties that its database does not have, as far as is known.
    pub fn unbound(&self) -> Vec<String> {
        self.written()
            .filter(|(_, kind)| kind.is_property())
            .filter(|(name, _)| !self.binding.property_ids.contains_key(*name))
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// A page's values with the names of their properties.
    pub fn named_values(&self, page: &DesiredPage) -> Vec<NamedValue> {
        let own = [
            Value::Text(page.note.clone()),
            Value::Text(page.key.clone()),
        ];
        self.written()
            .map(|(name, _)| name.to_owned())
            .zip(page.values.iter().cloned().chain(own))
            .collect()
    }

    /// Relations of a page: the related dashboard and the keys, property by property.
    pub fn relations<'a>(
        &'a self,
        values: &'a [NamedValue],
    ) -> impl Iterator<Item = (&'a str, &'a [Key])> {
        values.iter().filter_map(|(name, value)| match value {
            Value::Relation(keys) if !keys.is_empty() => {
                Some((self.related(name)?, keys.as_slice()))
            }
            _ => None,
        })
    }

    /// Whether it shows how the mirroring goes, heartbeat included.
    pub fn shows_heartbeat(&self) -> bool {
        matches!(&self.dashboard.source, Source::Table { schema, name } if schema == "sync" && name == "status")
    }

    /// Whether its pages point to others.
    pub fn has_relations(&self) -> bool {
        self.written()
            .any(|(_, kind)| matches!(kind, PropertyKind::Relation { .. }))
    }

    /// The dashboard that a relation property points to.
    pub fn related(&self, property: &str) -> Option<&str> {
        self.written()
            .find(|(name, _)| *name == property)
            .and_then(|(_, kind)| match kind {
                PropertyKind::Relation { dashboard } => Some(dashboard.as_str()),
                _ => None,
            })
    }

    /// Values as a page write, without the body. Properties are addressed by id, so that a person's rename does no
    /// harm.
    pub fn page_write(&self, values: &[NamedValue]) -> Json {
        let mut write = json!({"properties": {}});
        for (name, value) in values {
            let mut content = convert::write_value(value);
            match value {
                Value::Icon(_) => write["icon"] = content["icon"].take(),
                Value::Cover(_) => write["cover"] = content["cover"].take(),
                Value::Body(_) => {}
                _ => {
                    let id = self.binding.property_ids.get(name).unwrap_or(name);
                    write["properties"][id] = content;
                }
            }
        }
        write
    }

    /// A filter for pages that carry one of these keys; at most 100.
    pub fn key_filter(&self, keys: &[Key]) -> Json {
        let property = self
            .binding
            .property_ids
            .get(KEY_PROPERTY)
            .map_or(KEY_PROPERTY, String::as_str);
        let one = |key: &Key| json!({"property": property, "rich_text": {"equals": key}});
        json!({"or": keys.iter().map(one).collect::<Vec<_>>()})
    }

    /// What stands in our properties of a page, whether or not it carries a key.
    pub fn values(&self, page: &Json) -> Vec<NamedValue> {
        let by_id = convert::properties_by_id(page);
        self.written()
            .filter_map(|(name, kind)| {
                let holder = if kind.is_property() {
                    by_id.get(self.binding.property_ids.get(name)?.as_str())?
                } else {
                    page
                };
                Some((name.to_owned(), convert::read_value(kind, holder)?))
            })
            .collect()
    }

    /// Reads a page; `None` for one that carries no key, or a key that a person copied: it is theirs, and left alone.
    pub fn read(&self, page: &Json) -> Option<ReadPage> {
        self.read_by(page, None)
    }

    /// The same, where pages that `me` made are ours in any case.
    pub fn read_by(&self, page: &Json, me: Option<uuid::Uuid>) -> Option<ReadPage> {
        let hands = &self.binding.hands;
        let made_by = convert::id(&page["created_by"]);
        let ours = |hand| hands.contains(&hand) || me == Some(hand);
        if !hands.is_empty() && !made_by.is_none_or(ours) {
            return None;
        }
        let values = self.values(page);
        let key = values.iter().find_map(|(name, value)| match value {
            Value::Text(key) if name == KEY_PROPERTY && !key.is_empty() => Some(key.clone()),
            _ => None,
        })?;
        Some(ReadPage {
            id: convert::id(page)?,
            key,
            created_at: page["created_time"].as_str().and_then(|at| at.parse().ok()),
            values,
        })
    }

    /// Names of relation properties that stand in the page only in part.
    pub fn cut_relations<'a>(&'a self, page: &'a Json) -> impl Iterator<Item = (&'a str, &'a str)> {
        let by_id = convert::properties_by_id(page);
        self.written().filter_map(move |(name, _)| {
            let id = self.binding.property_ids.get(name)?;
            (by_id.get(id.as_str())?["has_more"] == true).then_some((name, id.as_str()))
        })
    }
}

impl ReadPage {
    /// A fingerprint per property that was read.
    pub fn fingerprints(&self) -> BTreeMap<String, Fingerprint> {
        fingerprints(&self.values)
    }
}

/// A fingerprint per value.
pub fn fingerprints(values: &[NamedValue]) -> BTreeMap<String, Fingerprint> {
    values
        .iter()
        .map(|(name, value)| (name.clone(), value.fingerprint()))
        .collect()
}

/// One page a key: the oldest of several, and the others.
pub fn oldest_of_each(pages: Vec<ReadPage>) -> (HashMap<Key, ReadPage>, Vec<ReadPage>) {
    let (mut kept, mut others) = (HashMap::<Key, ReadPage>::new(), Vec::new());
    for page in pages {
        match kept.entry(page.key.clone()) {
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(page);
            }
            std::collections::hash_map::Entry::Occupied(mut place) => {
                let older = (page.created_at, page.id) < (place.get().created_at, place.get().id);
                others.push(if older { place.insert(page) } else { page });
            }
        }
    }
    (kept, others)
}
