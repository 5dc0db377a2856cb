//! Does a formula fit the schema, and what does it yield?

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::function::Function::{self, self as F};
use super::parse::{Expression, Operator};
use crate::model::schema::{self, Kind, Property};

/// The type of a formula's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Type {
    Number,
    Text,
    Boolean,
    Date,
    List,
    /// Not known before it is computed.
    Any,
}

impl Type {
    fn word(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Text => "text",
            Self::Boolean => "checkbox",
            Self::Date => "date",
            Self::List => "list",
            Self::Any => "any",
        }
    }

    fn fits(self, wanted: Self) -> bool {
        self == wanted || self == Self::Any || wanted == Self::Any
    }

    fn or(self, other: Self) -> Self {
        if self == other { self } else { Self::Any }
    }
}

pub(super) fn type_of(expression: &Expression, properties: &[Property]) -> Result<Type, String> {
    Check {
        properties,
        variables: HashMap::new(),
    }
    .expression(expression)
}

struct Check<'a> {
    properties: &'a [Property],
    variables: HashMap<String, Type>,
}

impl Check<'_> {
    fn expression(&mut self, expression: &Expression) -> Result<Type, String> {
        Ok(match expression {
            Expression::Number(_) => Type::Number,
            Expression::Text(_) => Type::Text,
            Expression::Boolean(_) => Type::Boolean,
            Expression::Property(named) => {
                let property = schema::find(self.properties, named)
                    .ok_or_else(|| format!("undefined property \"{named}\""))?;
                property_type(&property.kind)
            }
            Expression::Variable(name) => *self
                .variables
                .get(name)
                .ok_or_else(|| format!("undefined variable {name}"))?,
            Expression::List(items) => {
                for item in items {
                    self.expression(item)?;
                }
                Type::List
            }
            Expression::Negate(inner) => self.wanted(inner, Type::Number, "-")?,
            Expression::Not(inner) => {
                self.expression(inner)?;
                Type::Boolean
            }
            Expression::Binary(operator, left, right) => self.binary(*operator, left, right)?,
            Expression::If(condition, then, otherwise) => {
                self.expression(condition)?;
                self.expression(then)?.or(self.expression(otherwise)?)
            }
            Expression::Let(bound, body) => {
                for (name, value) in bound {
                    let known = self.expression(value)?;
                    self.variables.insert(name.clone(), known);
                }
                self.expression(body)?
            }
            Expression::Call(function, arguments) => self.call(*function, arguments)?,
        })
    }

    fn wanted(&mut self, expression: &Expression, wanted: Type, by: &str) -> Result<Type, String> {
        let found = self.expression(expression)?;
        if found.fits(wanted) {
            Ok(wanted)
        } else {
            Err(format!(
                "{by} expects {}, found {}",
                wanted.word(),
                found.word()
            ))
        }
    }

    fn binary(
        &mut self,
        operator: Operator,
        left: &Expression,
        right: &Expression,
    ) -> Result<Type, String> {
        let (a, b) = (self.expression(left)?, self.expression(right)?);
        Ok(match operator {
            Operator::Or
            | Operator::And
            | Operator::Equal
            | Operator::Unequal
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => Type::Boolean,
            Operator::Add if a == Type::Text || b == Type::Text => Type::Text,
            Operator::Add if a == Type::Any || b == Type::Any => Type::Any,
            _ => {
                for found in [a, b] {
                    if !found.fits(Type::Number) {
                        return Err(format!(
                            "an arithmetic operator expects number, found {}",
                            found.word()
                        ));
                    }
                }
                Type::Number
            }
        })
    }

    fn call(&mut self, function: Function, arguments: &[Expression]) -> Result<Type, String> {
        let mut types = Vec::with_capacity(arguments.len());
        for argument in arguments {
            types.push(self.expression(argument)?);
        }
        let wants = |index: usize, wanted: Type| match types.get(index) {
            Some(found) if !found.fits(wanted) => Err(format!(
                "{}() expects {}, found {}",
                function.name(),
                wanted.word(),
                found.word()
            )),
            _ => Ok(()),
        };
        Ok(match function {
            F::If | F::First | F::Last | F::At => Type::Any,
            F::Ifs => {
                let values = (0..types.len()).filter(|i| i % 2 == 1 || i + 1 == types.len());
                values
                    .map(|i| types[i])
                    .reduce(Type::or)
                    .unwrap_or(Type::Any)
            }
            F::Empty
            | F::And
            | F::Or
            | F::Not
            | F::Equal
            | F::Unequal
            | F::Contains
            | F::Includes => Type::Boolean,
            F::Now | F::Today => Type::Date,
            F::DateBetween => {
                wants(0, Type::Date)?;
                wants(1, Type::Date)?;
                wants(2, Type::Text)?;
                unit_is_known(&arguments[2])?;
                Type::Number
            }
            F::DateAdd | F::DateSubtract => {
                wants(0, Type::Date)?;
                wants(1, Type::Number)?;
                wants(2, Type::Text)?;
                unit_is_known(&arguments[2])?;
                Type::Date
            }
            F::DateStart | F::DateEnd => {
                wants(0, Type::Date)?;
                Type::Date
            }
            F::FormatDate => {
                wants(0, Type::Date)?;
                wants(1, Type::Text)?;
                Type::Text
            }
            F::ParseDate => {
                wants(0, Type::Text)?;
                Type::Date
            }
            F::FromTimestamp => {
                wants(0, Type::Number)?;
                Type::Date
            }
            F::Timestamp
            | F::Minute
            | F::Hour
            | F::Day
            | F::DayOfMonth
            | F::Week
            | F::Month
            | F::Year => {
                wants(0, Type::Date)?;
                Type::Number
            }
            F::Format | F::Lower | F::Upper | F::Trim | F::Style | F::Join => Type::Text,
            F::Substring | F::Repeat | F::Replace | F::ReplaceAll | F::PadStart | F::PadEnd => {
                Type::Text
            }
            F::Split => Type::List,
            F::Concat => types[0],
            F::ToNumber | F::Length | F::Min | F::Max | F::Sum | F::Mean => Type::Number,
            F::Add if types.contains(&Type::Text) => Type::Text,
            F::Abs | F::Ceil | F::Floor | F::Round | F::Sqrt | F::Sign => {
                wants(0, Type::Number)?;
                Type::Number
            }
            F::Add | F::Subtract | F::Multiply | F::Divide | F::Mod | F::Pow => {
                wants(0, Type::Number)?;
                wants(1, Type::Number)?;
                Type::Number
            }
        })
    }
}

pub(super) const UNITS: [&str; 7] = [
    "years", "quarters", "months", "weeks", "days", "hours", "minutes",
];

fn unit_is_known(unit: &Expression) -> Result<(), String> {
    match unit {
        Expression::Text(unit) if !UNITS.contains(&unit.as_str()) => Err(format!(
            "\"{unit}\" is not a unit of time; use one of {}",
            UNITS.join(", ")
        )),
        _ => Ok(()),
    }
}

fn property_type(kind: &Kind) -> Type {
    match kind {
        Kind::Title
        | Kind::RichText
        | Kind::Select { .. }
        | Kind::Status { .. }
        | Kind::Url
        | Kind::Email
        | Kind::PhoneNumber
        | Kind::UniqueId { .. }
        | Kind::CreatedBy
        | Kind::LastEditedBy => Type::Text,
        Kind::Number { .. } => Type::Number,
        Kind::Checkbox => Type::Boolean,
        Kind::Date | Kind::CreatedTime | Kind::LastEditedTime => Type::Date,
        Kind::MultiSelect { .. } | Kind::People | Kind::Files | Kind::Relation { .. } => Type::List,
        Kind::Formula(formula) => formula.result(),
        Kind::Rollup { .. } => Type::Any,
    }
}
