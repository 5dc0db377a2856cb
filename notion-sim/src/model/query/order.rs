//! The order of a query's rows.

use std::cmp::Ordering;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Enough, blank, instant};
use crate::failure::Failure;
use crate::model::cell::Cell;
use crate::model::compute;
use crate::model::formula::Computed;
use crate::model::schema::{self, Kind, Property};
use crate::model::workspace::{Page, Workspace};

/// One level of an order.
#[derive(Debug)]
pub(crate) struct Sort {
    by: SortBy,
    descending: bool,
}

#[derive(Debug)]
enum SortBy {
    Property(Property),
    Created,
    Edited,
}

impl Sort {
    /// Reads sorts whose shape was checked.
    pub(crate) fn read(sorts: &Value, properties: &[Property]) -> Result<Vec<Self>, Failure> {
        let read = |sort: &Value| {
            let descending = sort["direction"] == "descending";
            let by = match (sort["property"].as_str(), sort["timestamp"].as_str()) {
                (Some(named), _) => {
                    let property = schema::find(properties, named).ok_or_else(|| {
                        Failure::validation(format!(
                            "Could not find sort property with name or id: {named}"
                        ))
                    })?;
                    SortBy::Property(property.clone())
                }
                (None, Some("created_time")) => SortBy::Created,
                (None, _) => SortBy::Edited,
            };
            Ok(Self { by, descending })
        };
        sorts
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .map(read)
            .collect()
    }
}

/// What a row is ordered by, worked out once.
struct Key {
    value: Computed,
    /// Texts are ordered whatever their case.
    lower: String,
}

impl Key {
    fn new(value: Computed) -> Self {
        let lower = match &value {
            Computed::Text(_) | Computed::List(_) => value.text().to_lowercase(),
            _ => String::new(),
        };
        Self { value, lower }
    }

    /// Blank values come last in either direction; values of different kinds keep apart.
    fn compare(&self, other: &Self, descending: bool) -> Ordering {
        match (blank(&self.value), blank(&other.value)) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) => {}
        }
        let order = match (&self.value, &other.value) {
            (Computed::Number(a), Computed::Number(b)) => a.total_cmp(b),
            (Computed::Boolean(a), Computed::Boolean(b)) => a.cmp(b),
            (Computed::Date { start: a, .. }, Computed::Date { start: b, .. }) => a.cmp(b),
            (a, b) => rank(a)
                .cmp(&rank(b))
                .then_with(|| self.lower.cmp(&other.lower))
                .then_with(|| a.text().cmp(&b.text())),
        };
        if descending { order.reverse() } else { order }
    }
}

fn rank(value: &Computed) -> u8 {
    match value {
        Computed::Empty => 0,
        Computed::Number(_) => 1,
        Computed::Boolean(_) => 2,
        Computed::Date { .. } => 3,
        Computed::Text(_) | Computed::List(_) => 4,
    }
}

/// A sort with the places of its property's options, which are many rows' keys.
struct Level<'a> {
    sort: &'a Sort,
    places: HashMap<&'a str, usize>,
}

impl<'a> Level<'a> {
    fn new(sort: &'a Sort) -> Self {
        let places = match &sort.by {
            // Selects are ordered as their options are, not by name.
            SortBy::Property(Property {
                kind: kind @ (Kind::Select { .. } | Kind::Status { .. }),
                ..
            }) => {
                let options = kind.options().iter().enumerate();
                options
                    .map(|(at, option)| (option.id.as_str(), at))
                    .collect()
            }
            _ => HashMap::new(),
        };
        Self { sort, places }
    }

    fn key(&self, workspace: &Workspace, page: &Page, now: DateTime<Utc>) -> Key {
        let property = match &self.sort.by {
            SortBy::Created => return Key::new(instant(page.created_time)),
            SortBy::Edited => return Key::new(instant(page.last_edited_time)),
            SortBy::Property(property) => property,
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "numbers of rows and options are small"
        )]
        Key::new(match (&property.kind, page.cells.get(&property.id)) {
            (Kind::UniqueId { .. }, Some(Cell::UniqueId(number))) => {
                Computed::Number(*number as f64)
            }
            (Kind::Select { .. } | Kind::Status { .. }, Some(Cell::Option(id))) => {
                let place = self.places.get(id.as_str());
                place.map_or(Computed::Empty, |place| Computed::Number(*place as f64))
            }
            _ => compute::value(workspace, page, property, now),
        })
    }
}

/// The rows in order, as far as they are asked for: to put thousands in order for the first hundred takes long.
pub(super) fn ordered<'a>(
    workspace: &Workspace,
    rows: impl Iterator<Item = &'a Page>,
    sorts: &[Sort],
    enough: Enough,
    now: DateTime<Utc>,
) -> Vec<&'a Page> {
    let levels: Vec<Level<'_>> = sorts.iter().map(Level::new).collect();
    let mut keys: Vec<Key> = Vec::new();
    let mut places: Vec<(usize, &Page)> = Vec::new();
    for page in rows {
        places.push((keys.len(), page));
        keys.extend(levels.iter().map(|level| level.key(workspace, page, now)));
    }
    let order = |(a, first): &(usize, &Page), (b, second): &(usize, &Page)| {
        let by_keys = levels
            .iter()
            .enumerate()
            .map(|(at, level)| keys[a + at].compare(&keys[b + at], level.sort.descending));
        by_keys
            .fold(Ordering::Equal, Ordering::then)
            .then(first.number.cmp(&second.number))
    };
    if let Some(wanted) = wanted(&places, enough, order)
        && wanted < places.len()
    {
        places.select_nth_unstable_by(wanted, order);
        places.truncate(wanted);
    }
    places.sort_unstable_by(order);
    places.into_iter().map(|(_, page)| page).collect()
}

/// How many of the first rows are enough; `None` when all are wanted, or the row to go on from is gone.
fn wanted(
    places: &[(usize, &Page)],
    enough: Enough,
    order: impl Fn(&(usize, &Page), &(usize, &Page)) -> Ordering,
) -> Option<usize> {
    match enough {
        Enough::All => None,
        Enough::From(None, count) => Some(count),
        Enough::From(Some(first), count) => {
            let first: Uuid = first;
            let from = places.iter().find(|(_, page)| page.id == first)?;
            let before = places.iter().filter(|place| order(place, from).is_lt());
            Some(before.count() + count)
        }
    }
}
