//! Conditions on one value of a row.

use std::cmp::Ordering;

use chrono::{DateTime, Datelike, Days, Months, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::blank;
use crate::failure::Failure;
use crate::model::cell::{Cell, When};
use crate::model::compute;
use crate::model::formula::Computed;
use crate::model::schema::{Kind, Property};
use crate::model::workspace::{Page, Workspace};

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

/// The types that a property filter may name, in Notion's order.
pub(crate) const FILTERS: [&str; 22] = [
    "title",
    "rich_text",
    "number",
    "checkbox",
    "select",
    "multi_select",
    "status",
    "date",
    "people",
    "files",
    "url",
    "email",
    "phone_number",
    "relation",
    "created_by",
    "created_time",
    "last_edited_by",
    "last_edited_time",
    "formula",
    "unique_id",
    "rollup",
    "verification",
];

/// The type of a property filter and its condition.
pub(super) fn typed(given: &Value) -> Result<(&'static str, &Value), Failure> {
    FILTERS
        .into_iter()
        .find_map(|kind| given.get(kind).map(|condition| (kind, condition)))
        .ok_or_else(|| Failure::validation("body.filter should name the type of its condition."))
}

pub(super) fn test(kind: &str, condition: &Value, now: DateTime<Utc>) -> Result<Test, Failure> {
    let unknown = || {
        Failure::unrecorded(format!(
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

pub(super) fn date_test(condition: &Value, now: DateTime<Utc>) -> Result<Test, Failure> {
    let unknown = || Failure::unrecorded("The date filter has no condition that Notion knows.");
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
        let was = crate::failure::quoted(operand);
        Failure::unrecorded(format!(
            "body failed validation: body.filter should be a valid ISO 8601 date string, instead was `{was}`."
        ))
    })?;
    Ok(Test::Date { operator, operand })
}

impl Test {
    pub(super) fn holds_for(
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

    pub(super) fn holds(&self, value: &Computed) -> bool {
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
