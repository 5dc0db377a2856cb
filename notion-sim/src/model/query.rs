//! Filters and sorts over the rows of a data source.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, Months, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::cell::{Cell, When};
use super::compute;
use super::formula::Computed;
use super::schema::{self, Kind, Property, PropertyId};
use super::workspace::{Page, Workspace, minute};
use crate::api::failure::Failure;
use crate::api::filter;

/// What a query keeps.
#[derive(Debug)]
pub(crate) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    /// A stored text property that equals a text: served by an index.
    Text {
        property: PropertyId,
        equals: String,
    },
    Property {
        property: Property,
        test: Test,
    },
    Created(Test),
    Edited(Test),
}

/// A condition on one value.
#[derive(Debug)]
pub(crate) enum Test {
    Empty(bool),
    Text {
        operator: TextOperator,
        operand: String,
    },
    Number {
        operator: NumberOperator,
        operand: f64,
    },
    Boolean {
        equals: bool,
    },
    /// Ids or names of options, people or pages, any of which must be there (or none).
    OneOf {
        operands: Vec<String>,
        wanted: bool,
    },
    Date {
        operator: DateOperator,
        operand: When,
    },
    Within {
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    },
    Rollup {
        quantifier: Quantifier,
        test: Box<Test>,
    },
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum TextOperator {
    Equals,
    DoesNotEqual,
    Contains,
    DoesNotContain,
    StartsWith,
    EndsWith,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum NumberOperator {
    Equals,
    DoesNotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum DateOperator {
    Equals,
    Before,
    After,
    OnOrBefore,
    OnOrAfter,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Quantifier {
    Any,
    Every,
    None,
}

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

impl Filter {
    /// Reads a filter whose shape was checked.
    pub(crate) fn read(
        filter: &Value,
        properties: &[Property],
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let all = |key: &str| -> Option<Result<Vec<Self>, Failure>> {
            let members = filter.get(key)?.as_array()?;
            Some(
                members
                    .iter()
                    .map(|member| Self::read(member, properties, now))
                    .collect(),
            )
        };
        if let Some(members) = all("and") {
            return Ok(Self::All(members?));
        }
        if let Some(members) = all("or") {
            return Ok(Self::Any(members?));
        }
        if let Some(timestamp) = filter.get("timestamp").and_then(Value::as_str) {
            let condition = &filter[timestamp];
            let test = date_test(condition, now)?;
            return Ok(if timestamp == "created_time" {
                Self::Created(test)
            } else {
                Self::Edited(test)
            });
        }
        let named = filter["property"].as_str().unwrap_or_default();
        let property = schema::find(properties, named).ok_or_else(|| {
            Failure::validation(format!("Could not find property with name or id: {named}"))
        })?;
        let (kind, condition) = typed(filter)?;
        if !fits(&property.kind, kind) {
            return Err(Failure::validation(format!(
                "The property type in the database does not match the property type of the filter provided: database property {} does not match filter {kind}",
                property.kind.name()
            )));
        }
        if let (Kind::Title | Kind::RichText, Some(text)) = (
            &property.kind,
            condition.get("equals").and_then(Value::as_str),
        ) {
            return Ok(Self::Text {
                property: property.id.clone(),
                equals: text.to_owned(),
            });
        }
        let test = test(kind, condition, now)?;
        Ok(Self::Property {
            property: property.clone(),
            test,
        })
    }

    /// Rows that may match, when an index can tell without a look at every row.
    fn candidates(&self, workspace: &mut Workspace, source: Uuid) -> Option<Vec<Uuid>> {
        match self {
            Self::Text { property, equals } => {
                Some(workspace.rows_with_text(source, property, equals))
            }
            Self::Any(members) => {
                let mut found = Vec::new();
                for member in members {
                    found.extend(member.candidates(workspace, source)?);
                }
                Some(found)
            }
            Self::All(members) => members
                .iter()
                .find_map(|member| member.candidates(workspace, source)),
            _ => None,
        }
    }

    fn keeps(&self, workspace: &Workspace, page: &Page, now: DateTime<Utc>) -> bool {
        match self {
            Self::All(members) => members
                .iter()
                .all(|member| member.keeps(workspace, page, now)),
            Self::Any(members) => members
                .iter()
                .any(|member| member.keeps(workspace, page, now)),
            Self::Text { property, equals } => match page.cells.get(property) {
                Some(cell) => cell.reads(equals),
                None => equals.is_empty(),
            },
            Self::Property { property, test } => test.holds_for(workspace, page, property, now),
            Self::Created(test) => test.holds(&instant(page.created_time)),
            Self::Edited(test) => test.holds(&instant(page.last_edited_time)),
        }
    }
}

fn instant(at: DateTime<Utc>) -> Computed {
    Computed::Date {
        start: minute(at),
        end: None,
        day: false,
    }
}

/// The type of a property filter and its condition.
fn typed(given: &Value) -> Result<(&'static str, &Value), Failure> {
    filter::kinds()
        .find_map(|kind| given.get(kind).map(|condition| (kind, condition)))
        .ok_or_else(|| Failure::validation("body.filter should name the type of its condition."))
}

fn fits(kind: &Kind, filter: &str) -> bool {
    kind.name() == filter || (matches!(kind, Kind::Title) && filter == "rich_text")
}

fn test(kind: &str, condition: &Value, now: DateTime<Utc>) -> Result<Test, Failure> {
    let unknown = || {
        Failure::validation(format!(
            "The filter for {kind} has no condition that this property type knows."
        ))
    };
    let members = condition.as_object().ok_or_else(unknown)?;
    let (operator, operand) = members.iter().next().ok_or_else(unknown)?;
    match operator.as_str() {
        "is_empty" => return Ok(Test::Empty(true)),
        "is_not_empty" => return Ok(Test::Empty(false)),
        _ => {}
    }
    match kind {
        "title" | "rich_text" | "url" | "email" | "phone_number" | "string" => {
            let operator = match operator.as_str() {
                "equals" => TextOperator::Equals,
                "does_not_equal" => TextOperator::DoesNotEqual,
                "contains" => TextOperator::Contains,
                "does_not_contain" => TextOperator::DoesNotContain,
                "starts_with" => TextOperator::StartsWith,
                "ends_with" => TextOperator::EndsWith,
                _ => return Err(unknown()),
            };
            let operand = operand.as_str().ok_or_else(unknown)?.to_owned();
            Ok(Test::Text { operator, operand })
        }
        "number" | "unique_id" => {
            let operator = match operator.as_str() {
                "equals" => NumberOperator::Equals,
                "does_not_equal" => NumberOperator::DoesNotEqual,
                "greater_than" => NumberOperator::Greater,
                "less_than" => NumberOperator::Less,
                "greater_than_or_equal_to" => NumberOperator::GreaterOrEqual,
                "less_than_or_equal_to" => NumberOperator::LessOrEqual,
                _ => return Err(unknown()),
            };
            Ok(Test::Number {
                operator,
                operand: operand.as_f64().ok_or_else(unknown)?,
            })
        }
        "checkbox" => {
            let equals = operand.as_bool().ok_or_else(unknown)?;
            Ok(Test::Boolean {
                equals: equals == (operator == "equals"),
            })
        }
        "select" | "status" | "multi_select" | "people" | "created_by" | "last_edited_by"
        | "relation" => {
            let operands = match operand {
                Value::String(one) => vec![one.clone()],
                Value::Array(several) => several
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
                _ => return Err(unknown()),
            };
            let wanted = match operator.as_str() {
                "equals" | "contains" => true,
                "does_not_equal" | "does_not_contain" => false,
                _ => return Err(unknown()),
            };
            Ok(Test::OneOf { operands, wanted })
        }
        "date" | "created_time" | "last_edited_time" => date_test(condition, now),
        "formula" => test(operator, operand, now),
        "rollup" => {
            let quantifier = match operator.as_str() {
                "any" => Quantifier::Any,
                "every" => Quantifier::Every,
                "none" => Quantifier::None,
                _ => return test(operator, operand, now),
            };
            let (kind, condition) = typed(operand)?;
            Ok(Test::Rollup {
                quantifier,
                test: Box::new(test(kind, condition, now)?),
            })
        }
        _ => Err(unknown()),
    }
}

fn date_test(condition: &Value, now: DateTime<Utc>) -> Result<Test, Failure> {
    let unknown = || Failure::validation("The date filter has no condition that Notion knows.");
    let (operator, operand) = condition
        .as_object()
        .and_then(|members| members.iter().next())
        .ok_or_else(unknown)?;
    let today = now.date_naive();
    let day = |day: Option<chrono::NaiveDate>| day.map_or(now, |day| When::Day(day).instant());
    let week_starts =
        today.checked_sub_days(Days::new(u64::from(today.weekday().num_days_from_sunday())));
    let within = |from: Option<chrono::NaiveDate>, until: Option<chrono::NaiveDate>| {
        Ok(Test::Within {
            from: day(from),
            until: day(until.and_then(|until| until.succ_opt())),
        })
    };
    let operator = match operator.as_str() {
        "is_empty" => return Ok(Test::Empty(true)),
        "is_not_empty" => return Ok(Test::Empty(false)),
        "this_week" => {
            return within(
                week_starts,
                week_starts.and_then(|start| start.checked_add_days(Days::new(6))),
            );
        }
        "past_week" => return within(today.checked_sub_days(Days::new(7)), Some(today)),
        "past_month" => return within(today.checked_sub_months(Months::new(1)), Some(today)),
        "past_year" => return within(today.checked_sub_months(Months::new(12)), Some(today)),
        "next_week" => return within(Some(today), today.checked_add_days(Days::new(7))),
        "next_month" => return within(Some(today), today.checked_add_months(Months::new(1))),
        "next_year" => return within(Some(today), today.checked_add_months(Months::new(12))),
        "equals" => DateOperator::Equals,
        "before" => DateOperator::Before,
        "after" => DateOperator::After,
        "on_or_before" => DateOperator::OnOrBefore,
        "on_or_after" => DateOperator::OnOrAfter,
        _ => return Err(unknown()),
    };
    let given = operand.as_str().ok_or_else(unknown)?;
    let relative = match given {
        "today" => Some(Some(today)),
        "tomorrow" => Some(today.succ_opt()),
        "yesterday" => Some(today.pred_opt()),
        "one_week_ago" => Some(today.checked_sub_days(Days::new(7))),
        "one_week_from_now" => Some(today.checked_add_days(Days::new(7))),
        "one_month_ago" => Some(today.checked_sub_months(Months::new(1))),
        "one_month_from_now" => Some(today.checked_add_months(Months::new(1))),
        _ => None,
    };
    let point = match relative {
        Some(day) => day.map(When::Day),
        None => When::read(given),
    };
    let operand = point.ok_or_else(|| {
        let was = crate::api::shape::quoted(operand);
        Failure::validation(format!(
            "body failed validation: body.filter should be a valid ISO 8601 date string, instead was `{was}`."
        ))
    })?;
    Ok(Test::Date { operator, operand })
}

impl Test {
    fn holds_for(
        &self,
        workspace: &Workspace,
        page: &Page,
        property: &Property,
        now: DateTime<Utc>,
    ) -> bool {
        if let Self::Rollup { quantifier, test } = self {
            let mut rolled = compute::rolled_up_from(workspace, page, property);
            let mut holds =
                |(row, target): (&Page, &Property)| test.holds_for(workspace, row, target, now);
            return match quantifier {
                Quantifier::Any => rolled.any(&mut holds),
                Quantifier::Every => rolled.all(&mut holds),
                Quantifier::None => !rolled.any(&mut holds),
            };
        }
        if let Self::OneOf { operands, wanted } = self {
            let me = operands.iter().any(|operand| operand == ME);
            let matches = |id: &str, name: &str| {
                operands
                    .iter()
                    .any(|operand| same(operand, id) || operand == name)
            };
            let person =
                |id: &Uuid| matches(&id.to_string(), "") || (me && *id == workspace.bot().id);
            let found = match page.cells.get(&property.id) {
                Some(Cell::Option(id)) => property
                    .kind
                    .option(id)
                    .is_some_and(|option| matches(id, &option.name)),
                Some(Cell::Options(ids)) => ids.iter().any(|id| {
                    property
                        .kind
                        .option(id)
                        .is_some_and(|option| matches(id, &option.name))
                }),
                Some(Cell::People(ids)) => ids.iter().any(person),
                Some(Cell::Relation(ids)) => workspace
                    .standing(ids)
                    .any(|id| matches(&id.to_string(), "")),
                _ => match property.kind {
                    Kind::CreatedBy => person(&page.created_by),
                    Kind::LastEditedBy => person(&page.last_edited_by),
                    _ => false,
                },
            };
            return found == *wanted;
        }
        if let (Kind::UniqueId { .. }, Some(Cell::UniqueId(number))) =
            (&property.kind, page.cells.get(&property.id))
        {
            #[expect(clippy::cast_precision_loss, reason = "numbers of rows are small")]
            return self.holds(&Computed::Number(*number as f64));
        }
        self.holds(&compute::value(workspace, page, property, now))
    }

    fn holds(&self, value: &Computed) -> bool {
        match self {
            Self::Empty(wanted) => blank(value) == *wanted,
            Self::Text { operator, operand } => {
                let text = value.text();
                let (lower, wanted) = (text.to_lowercase(), operand.to_lowercase());
                match operator {
                    TextOperator::Equals => text == *operand,
                    TextOperator::DoesNotEqual => text != *operand,
                    TextOperator::Contains => lower.contains(&wanted),
                    TextOperator::DoesNotContain => !lower.contains(&wanted),
                    TextOperator::StartsWith => lower.starts_with(&wanted),
                    TextOperator::EndsWith => lower.ends_with(&wanted),
                }
            }
            Self::Number { operator, operand } => {
                let order = if let Computed::Number(number) = value {
                    number.partial_cmp(operand)
                } else {
                    None
                };
                match operator {
                    NumberOperator::Equals => order == Some(Ordering::Equal),
                    NumberOperator::DoesNotEqual => order != Some(Ordering::Equal),
                    NumberOperator::Greater => order == Some(Ordering::Greater),
                    NumberOperator::Less => order == Some(Ordering::Less),
                    NumberOperator::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
                    NumberOperator::LessOrEqual => order.is_some_and(Ordering::is_le),
                }
            }
            Self::Boolean { equals } => value.holds() == *equals,
            Self::OneOf { operands, wanted } => operands.contains(&value.text()) == *wanted,
            Self::Date { operator, operand } => {
                let Computed::Date { start, .. } = value else {
                    return false;
                };
                let order = match operand {
                    When::Day(day) => start.date_naive().cmp(day),
                    When::Minute(instant) => start.cmp(&instant.to_utc()),
                };
                match operator {
                    DateOperator::Equals => order.is_eq(),
                    DateOperator::Before => order.is_lt(),
                    DateOperator::After => order.is_gt(),
                    DateOperator::OnOrBefore => order.is_le(),
                    DateOperator::OnOrAfter => order.is_ge(),
                }
            }
            Self::Within { from, until } => {
                matches!(value, Computed::Date { start, .. } if start >= from && *start < *until + TimeDelta::zero())
            }
            // Only a rollup's related rows can be asked, not what was made of them.
            Self::Rollup { .. } => false,
        }
    }
}

/// How a filter names the integration that asks.
const ME: &str = "me";

fn same(operand: &str, id: &str) -> bool {
    operand == id
        || (operand.len() == 32
            && id.len() == 36
            && id.bytes().filter(|b| *b != b'-').eq(operand.bytes()))
}

pub(super) fn blank(value: &Computed) -> bool {
    match value {
        Computed::Empty => true,
        Computed::Text(text) => text.is_empty(),
        Computed::List(items) => items.is_empty(),
        Computed::Number(_) | Computed::Boolean(_) | Computed::Date { .. } => false,
    }
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

/// How much of an unsorted result is looked for: a look at every row takes long when there are thousands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Enough {
    All,
    /// So many rows from this one on, or from the start.
    From(Option<Uuid>, usize),
}

impl Enough {
    fn of<'a>(self, rows: impl Iterator<Item = &'a Page>) -> Vec<&'a Page> {
        let Self::From(first, count) = self else {
            return rows.collect();
        };
        let mut left = first.is_none().then_some(count);
        let mut found = Vec::new();
        for row in rows {
            if left.is_none() && Some(row.id) == first {
                left = Some(count);
            }
            found.push(row);
            if let Some(left) = &mut left {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    break;
                }
            }
        }
        found
    }
}

/// The rows that stand and match, in the asked order; without one, the newest first. Archived rows are a world of their own.
pub(crate) fn run<'a>(
    workspace: &'a mut Workspace,
    source: Uuid,
    filter: Option<&Filter>,
    sorts: &[Sort],
    enough: Enough,
    (archived, now): (bool, DateTime<Utc>),
) -> Vec<&'a Page> {
    let candidates = filter.and_then(|filter| filter.candidates(workspace, source));
    let workspace = &*workspace;
    let keeps = |page: &&Page| {
        !page.in_trash
            && page.is_archived == archived
            && filter.is_none_or(|filter| filter.keeps(workspace, page, now))
    };
    let mut rows: Vec<&Page> = match candidates {
        Some(ids) => {
            let by_number: BTreeMap<u64, &Page> = ids
                .iter()
                .filter_map(|id| workspace.pages.get(id))
                .map(|page| (page.number, page))
                .collect();
            by_number.into_values().rev().filter(keeps).collect()
        }
        None if sorts.is_empty() => enough.of(workspace.rows(source).rev().filter(keeps)),
        None => workspace.rows(source).filter(keeps).collect(),
    };
    if !sorts.is_empty() {
        rows = ordered(workspace, rows, sorts, now);
    }
    rows
}

fn ordered<'a>(
    workspace: &Workspace,
    rows: Vec<&'a Page>,
    sorts: &[Sort],
    now: DateTime<Utc>,
) -> Vec<&'a Page> {
    let keys = |page: &Page| -> Vec<Computed> {
        sorts
            .iter()
            .map(|sort| sort_key(workspace, page, sort, now))
            .collect()
    };
    let mut keyed: Vec<(Vec<Computed>, &Page)> =
        rows.into_iter().map(|page| (keys(page), page)).collect();
    keyed.sort_by(|(a, first), (b, second)| {
        let by_keys = a
            .iter()
            .zip(b)
            .zip(sorts)
            .map(|((a, b), sort)| compared(a, b, sort.descending));
        by_keys
            .fold(Ordering::Equal, Ordering::then)
            .then(first.number.cmp(&second.number))
    });
    keyed.into_iter().map(|(_, page)| page).collect()
}

fn sort_key(workspace: &Workspace, page: &Page, sort: &Sort, now: DateTime<Utc>) -> Computed {
    match &sort.by {
        SortBy::Created => instant(page.created_time),
        SortBy::Edited => instant(page.last_edited_time),
        SortBy::Property(property) => {
            let cell = page.cells.get(&property.id);
            #[expect(
                clippy::cast_precision_loss,
                reason = "numbers of rows and options are small"
            )]
            match (&property.kind, cell) {
                (Kind::UniqueId { .. }, Some(Cell::UniqueId(number))) => {
                    Computed::Number(*number as f64)
                }
                // Selects are ordered as their options are, not by name.
                (kind @ (Kind::Select { .. } | Kind::Status { .. }), Some(Cell::Option(id))) => {
                    let position = kind.options().iter().position(|option| option.id == *id);
                    position.map_or(Computed::Empty, |position| {
                        Computed::Number(position as f64)
                    })
                }
                _ => compute::value(workspace, page, property, now),
            }
        }
    }
}

/// Blank values come last in either direction.
fn compared(a: &Computed, b: &Computed, descending: bool) -> Ordering {
    match (blank(a), blank(b)) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let order = match (a, b) {
        (Computed::Number(a), Computed::Number(b)) => a.total_cmp(b),
        (Computed::Boolean(a), Computed::Boolean(b)) => a.cmp(b),
        (Computed::Date { start: a, .. }, Computed::Date { start: b, .. }) => a.cmp(b),
        _ => a
            .text()
            .to_lowercase()
            .cmp(&b.text().to_lowercase())
            .then_with(|| a.text().cmp(&b.text())),
    };
    if descending { order.reverse() } else { order }
}
