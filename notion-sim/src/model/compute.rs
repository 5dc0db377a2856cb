//! Values that Notion computes when somebody looks: formulas and rollups.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::cell::{self, Cell, When};
use super::formula::{Computed, Context};
use super::query::blank;
use super::render;
use super::schema::{self, Kind, Property};
use super::workspace::{Page, Parent, Workspace};

/// Formulas may look at formulas and rollups, this deep; a circle ends here.
const DEEPEST: u8 = 8;

/// Notion looks at this many related pages at most.
const REFERENCES: usize = 25;

/// A property of a row as the formula language sees it.
pub(crate) fn value(
    workspace: &Workspace,
    page: &Page,
    property: &Property,
    now: DateTime<Utc>,
) -> Computed {
    Look { workspace, now }.value(page, property, DEEPEST)
}

/// A rollup as the API shows it.
pub(crate) fn rollup(
    workspace: &Workspace,
    page: &Page,
    property: &Property,
    now: DateTime<Utc>,
) -> Value {
    let Kind::Rollup { function, .. } = &property.kind else {
        return Value::Null;
    };
    let (values, shown) = Look { workspace, now }.rolled_up(page, property, DEEPEST);
    let mut answer = match aggregate(function, &values) {
        Some(Computed::Number(number)) => {
            json!({ "type": "number", "number": cell::number(number) })
        }
        Some(Computed::Date { start, end, day }) => {
            let when = |instant: DateTime<Utc>| shown_date(instant, day);
            json!({ "type": "date", "date": { "start": when(start), "end": end.map(when), "time_zone": null } })
        }
        Some(_) => json!({ "type": "number", "number": null }),
        None => json!({ "type": "array", "array": shown }),
    };
    answer["function"] = function.as_str().into();
    answer
}

pub(crate) fn shown_date(instant: DateTime<Utc>, day: bool) -> String {
    if day {
        When::Day(instant.date_naive()).render()
    } else {
        When::Minute(instant.fixed_offset()).render()
    }
}

struct Look<'a> {
    workspace: &'a Workspace,
    now: DateTime<Utc>,
}

impl Look<'_> {
    fn value(&self, page: &Page, property: &Property, depth: u8) -> Computed {
        if depth == 0 {
            return Computed::Empty;
        }
        let cell = page.cells.get(&property.id);
        match (&property.kind, cell) {
            (Kind::Formula(formula), _) => {
                let Some(properties) = schema_of(self.workspace, page) else {
                    return Computed::Empty;
                };
                // A formula that outlived a property that it names computes nothing.
                let complete = std::cell::Cell::new(true);
                let look = |named: &str| {
                    if let Some(property) = schema::find(properties, named) {
                        return self.value(page, property, depth - 1);
                    }
                    complete.set(false);
                    Computed::Empty
                };
                let made = formula.compute(&Context {
                    now: self.now,
                    property: &look,
                });
                if complete.get() {
                    made
                } else {
                    Computed::Empty
                }
            }
            (Kind::Rollup { function, .. }, _) => {
                let (values, _) = self.rolled_up(page, property, depth - 1);
                aggregate(function, &values).unwrap_or(Computed::List(values))
            }
            (Kind::CreatedTime, _) => Computed::Date {
                start: page.created_time,
                end: None,
                day: false,
            },
            (Kind::LastEditedTime, _) => Computed::Date {
                start: page.last_edited_time,
                end: None,
                day: false,
            },
            (Kind::CreatedBy, _) => self.person(page.created_by),
            (Kind::LastEditedBy, _) => self.person(page.last_edited_by),
            (Kind::UniqueId { prefix }, Some(Cell::UniqueId(number))) => {
                Computed::Text(match prefix {
                    Some(prefix) => format!("{prefix}-{number}"),
                    None => number.to_string(),
                })
            }
            (Kind::Checkbox, Some(Cell::Checkbox(value))) => Computed::Boolean(*value),
            (Kind::Checkbox, _) => Computed::Boolean(false),
            (kind, Some(Cell::Option(id))) => kind.option(id).map_or(Computed::Empty, |option| {
                Computed::Text(option.name.clone())
            }),
            (kind, Some(Cell::Options(ids))) => {
                let names = ids
                    .iter()
                    .filter_map(|id| kind.option(id))
                    .map(|option| option.name.clone());
                Computed::List(names.map(Computed::Text).collect())
            }
            (_, Some(Cell::Number(number))) => Computed::Number(*number),
            (_, Some(Cell::Date(range))) => Computed::Date {
                start: range.start.instant(),
                end: range.end.map(When::instant),
                day: matches!(range.start, When::Day(_)),
            },
            (_, Some(Cell::People(people))) => {
                Computed::List(people.iter().map(|id| self.person(*id)).collect())
            }
            (_, Some(Cell::Relation(pages))) => {
                let standing = self
                    .workspace
                    .standing(pages)
                    .filter_map(|id| self.workspace.pages.get(&id));
                Computed::List(standing.map(|page| Computed::Text(page.title())).collect())
            }
            (_, Some(Cell::Files(files))) => {
                let name = |file: &Value| file["name"].as_str().unwrap_or_default().to_owned();
                Computed::List(
                    files
                        .iter()
                        .map(|file| Computed::Text(name(file)))
                        .collect(),
                )
            }
            (_, Some(cell @ (Cell::Text(_) | Cell::Line(_)))) => Computed::Text(cell.plain()),
            (Kind::Title | Kind::RichText, _) => Computed::Text(String::new()),
            _ => Computed::Empty,
        }
    }

    fn person(&self, id: Uuid) -> Computed {
        self.workspace
            .user(id)
            .map_or(Computed::Empty, |user| Computed::Text(user.name.clone()))
    }

    /// The related rows' values, for computing and as the API shows them.
    fn rolled_up(
        &self,
        page: &Page,
        property: &Property,
        depth: u8,
    ) -> (Vec<Computed>, Vec<Value>) {
        let mut values = Vec::new();
        let mut shown = Vec::new();
        for (row, target) in rolled_up_from(self.workspace, page, property) {
            values.push(self.value(row, target, depth.saturating_sub(1)));
            // A rollup within a rollup is not shown again, so that no circle can run away.
            if !matches!(target.kind, Kind::Rollup { .. }) {
                let mut value = render::property_value(self.workspace, row, target, self.now);
                if let Some(members) = value.as_object_mut() {
                    members.shift_remove("id");
                }
                shown.push(value);
            }
        }
        (values, shown)
    }
}

fn schema_of<'a>(workspace: &'a Workspace, page: &Page) -> Option<&'a [Property]> {
    let Parent::DataSource(source) = page.parent else {
        return None;
    };
    let source = workspace.data_sources.get(&source)?;
    Some(source.properties.as_slice())
}

/// The related rows that a rollup looks at, each with the property that it takes from them.
pub(crate) fn rolled_up_from<'a>(
    workspace: &'a Workspace,
    page: &'a Page,
    property: &'a Property,
) -> impl Iterator<Item = (&'a Page, &'a Property)> {
    let related: &[Uuid] = match &property.kind {
        Kind::Rollup { relation, .. } => match page.cells.get(relation) {
            Some(Cell::Relation(related)) => related,
            _ => &[],
        },
        _ => &[],
    };
    workspace
        .standing(related)
        .take(REFERENCES)
        .filter_map(|id| workspace.pages.get(&id))
        .filter_map(move |row| {
            let Kind::Rollup { target, .. } = &property.kind else {
                return None;
            };
            let target = schema::by_id(schema_of(workspace, row)?, target)?;
            Some((row, target))
        })
}

/// What a rollup's function makes of the values; `None` for those that show the values themselves.
fn aggregate(function: &str, values: &[Computed]) -> Option<Computed> {
    #[expect(clippy::cast_precision_loss, reason = "at most 25 values")]
    let count = |number: usize| Some(Computed::Number(number as f64));
    let filled = values
        .iter()
        .filter(|value| !matches!(value, Computed::Boolean(_)) && !blank(value))
        .count();
    let checked = values
        .iter()
        .filter(|value| **value == Computed::Boolean(true))
        .count();
    let percent = |part: usize| {
        #[expect(clippy::cast_precision_loss, reason = "at most 25 values")]
        let share = if values.is_empty() {
            0.0
        } else {
            part as f64 / values.len() as f64
        };
        Some(Computed::Number(share))
    };
    let mut numbers: Vec<f64> = values
        .iter()
        .filter_map(|value| {
            if let Computed::Number(number) = value {
                Some(*number)
            } else {
                None
            }
        })
        .collect();
    numbers.sort_by(f64::total_cmp);
    let dates = || {
        values.iter().filter_map(|value| {
            if let Computed::Date {
                start, day: on_day, ..
            } = value
            {
                Some((*start, *on_day))
            } else {
                None
            }
        })
    };
    let date = |start: Option<(DateTime<Utc>, bool)>, end: Option<(DateTime<Utc>, bool)>| {
        Some(
            start.map_or(Computed::Empty, |(start, day)| Computed::Date {
                start,
                end: end.map(|(end, _)| end),
                day,
            }),
        )
    };
    let number = |value: Option<f64>| Some(value.map_or(Computed::Empty, Computed::Number));
    #[expect(clippy::cast_precision_loss, reason = "at most 25 values")]
    let length = numbers.len() as f64;
    match function {
        "count" => count(values.len()),
        "count_values" | "not_empty" => count(filled),
        "empty" => count(values.len() - filled),
        "unique" => {
            let mut seen: Vec<&Computed> = Vec::new();
            for value in values.iter().filter(|value| !blank(value)) {
                if !seen.contains(&value) {
                    seen.push(value);
                }
            }
            count(seen.len())
        }
        "percent_not_empty" => percent(filled),
        "percent_empty" => percent(values.len() - filled),
        "checked" => count(checked),
        "unchecked" => count(values.len() - checked),
        "percent_checked" => percent(checked),
        "percent_unchecked" => percent(values.len() - checked),
        "sum" => number(Some(numbers.iter().sum())),
        "average" => number((!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / length)),
        "median" => {
            let middle = numbers.len() / 2;
            number(match numbers.len() {
                0 => None,
                odd if odd % 2 == 1 => Some(numbers[middle]),
                _ => Some(f64::midpoint(numbers[middle - 1], numbers[middle])),
            })
        }
        "min" => number(numbers.first().copied()),
        "max" => number(numbers.last().copied()),
        "range" => number(
            numbers
                .first()
                .zip(numbers.last())
                .map(|(first, last)| last - first),
        ),
        "earliest_date" => date(dates().min(), None),
        "latest_date" => date(dates().max(), None),
        "date_range" => date(dates().min(), dates().max()),
        _ => None,
    }
}
