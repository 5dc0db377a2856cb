//! Computing a formula for one row, now.

use std::cmp::Ordering;
use std::collections::HashMap;

use chrono::{DateTime, Datelike, Days, DurationRound, Months, TimeDelta, Timelike, Utc};

use super::function::Function::{self, self as F};
use super::parse::{Expression, Operator};

/// A value of the formula language.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Computed {
    Empty,
    Number(f64),
    Text(String),
    Boolean(bool),
    Date {
        start: DateTime<Utc>,
        end: Option<DateTime<Utc>>,
        day: bool,
    },
    List(Vec<Computed>),
}

/// What a formula may look at.
pub(crate) struct Context<'a> {
    pub(crate) now: DateTime<Utc>,
    /// A property's value in the row.
    pub(crate) property: &'a dyn Fn(&str) -> Computed,
}

/// A text may be repeated or padded to this many characters at most.
const LONGEST: usize = 10_000;

pub(super) fn evaluate(expression: &Expression, context: &Context<'_>) -> Computed {
    Run {
        context,
        variables: HashMap::new(),
    }
    .value(expression)
}

struct Run<'a> {
    context: &'a Context<'a>,
    variables: HashMap<String, Computed>,
}

impl Computed {
    fn date(instant: DateTime<Utc>) -> Self {
        Self::Date {
            start: instant,
            end: None,
            day: false,
        }
    }

    fn number(value: f64) -> Self {
        if value.is_finite() {
            Self::Number(value)
        } else {
            Self::Empty
        }
    }

    pub(crate) fn holds(&self) -> bool {
        match self {
            Self::Boolean(value) => *value,
            other => !other.is_empty(),
        }
    }

    /// Notion counts 0 and false as empty, too.
    fn is_empty(&self) -> bool {
        match self {
            Self::Empty | Self::Boolean(false) => true,
            Self::Number(number) => *number == 0.0,
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Boolean(true) | Self::Date { .. } => false,
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Number(number) => super::super::cell::number(*number).to_string(),
            Self::Text(text) => text.clone(),
            Self::Boolean(value) => value.to_string(),
            Self::Date { start, end, day } => {
                let format = if *day {
                    "%B %-d, %Y"
                } else {
                    "%B %-d, %Y %-I:%M %p"
                };
                let shown = |instant: &DateTime<Utc>| instant.format(format).to_string();
                match end {
                    Some(end) => format!("{} → {}", shown(start), shown(end)),
                    None => shown(start),
                }
            }
            Self::List(items) => items.iter().map(Self::text).collect::<Vec<_>>().join(","),
        }
    }

    fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text
                .trim()
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite()),
            Self::Boolean(value) => Some(f64::from(u8::from(*value))),
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age fit")]
            Self::Date { start, .. } => Some(start.timestamp_millis() as f64),
            Self::Empty | Self::List(_) => None,
        }
    }

    fn as_date(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Date { start, .. } => Some(*start),
            _ => None,
        }
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Date { start: a, .. }, Self::Date { start: b, .. }) => Some(a.cmp(b)),
            _ => self.as_number()?.partial_cmp(&other.as_number()?),
        }
    }
}

impl Run<'_> {
    fn value(&mut self, expression: &Expression) -> Computed {
        match expression {
            Expression::Number(number) => Computed::Number(*number),
            Expression::Text(text) => Computed::Text(text.clone()),
            Expression::Boolean(value) => Computed::Boolean(*value),
            Expression::Property(named) => (self.context.property)(named),
            Expression::Variable(name) => {
                self.variables.get(name).cloned().unwrap_or(Computed::Empty)
            }
            Expression::List(items) => {
                Computed::List(items.iter().map(|item| self.value(item)).collect())
            }
            Expression::Negate(inner) => self
                .value(inner)
                .as_number()
                .map_or(Computed::Empty, |number| Computed::number(-number)),
            Expression::Not(inner) => Computed::Boolean(!self.value(inner).holds()),
            Expression::Binary(operator, left, right) => self.binary(*operator, left, right),
            Expression::If(condition, then, otherwise) => {
                if self.value(condition).holds() {
                    self.value(then)
                } else {
                    self.value(otherwise)
                }
            }
            Expression::Let(bound, body) => {
                for (name, value) in bound {
                    let value = self.value(value);
                    self.variables.insert(name.clone(), value);
                }
                self.value(body)
            }
            Expression::Call(Function::Ifs, arguments) => self.first_that_holds(arguments),
            Expression::Call(function, arguments) => {
                let values: Vec<Computed> = arguments
                    .iter()
                    .map(|argument| self.value(argument))
                    .collect();
                call(*function, &values, self.context.now)
            }
        }
    }

    fn first_that_holds(&mut self, arguments: &[Expression]) -> Computed {
        let mut pairs = arguments.chunks(2);
        pairs
            .find_map(|pair| match pair {
                [condition, value] => self.value(condition).holds().then(|| self.value(value)),
                [otherwise] => Some(self.value(otherwise)),
                _ => None,
            })
            .unwrap_or(Computed::Empty)
    }

    fn binary(&mut self, operator: Operator, left: &Expression, right: &Expression) -> Computed {
        let a = self.value(left);
        match operator {
            Operator::Or if a.holds() => return Computed::Boolean(true),
            Operator::And if !a.holds() => return Computed::Boolean(false),
            _ => {}
        }
        let b = self.value(right);
        operate(operator, &a, &b)
    }
}

fn operate(operator: Operator, a: &Computed, b: &Computed) -> Computed {
    let compared = |holds: fn(Ordering) -> bool| Computed::Boolean(a.order(b).is_some_and(holds));
    let arithmetic = |compute: fn(f64, f64) -> f64| {
        let (a, b) = (a.as_number().unwrap_or(0.0), b.as_number().unwrap_or(0.0));
        Computed::number(compute(a, b))
    };
    match operator {
        Operator::Or | Operator::And => Computed::Boolean(b.holds()),
        Operator::Equal => Computed::Boolean(a == b),
        Operator::Unequal => Computed::Boolean(a != b),
        Operator::Less => compared(Ordering::is_lt),
        Operator::LessOrEqual => compared(Ordering::is_le),
        Operator::Greater => compared(Ordering::is_gt),
        Operator::GreaterOrEqual => compared(Ordering::is_ge),
        Operator::Add if matches!(a, Computed::Text(_)) || matches!(b, Computed::Text(_)) => {
            Computed::Text(a.text() + &b.text())
        }
        Operator::Add => arithmetic(|a, b| a + b),
        Operator::Subtract => arithmetic(|a, b| a - b),
        Operator::Multiply => arithmetic(|a, b| a * b),
        Operator::Divide => arithmetic(|a, b| a / b),
        Operator::Remainder => arithmetic(|a, b| a % b),
        Operator::Power => arithmetic(f64::powf),
    }
}

fn call(function: Function, values: &[Computed], now: DateTime<Utc>) -> Computed {
    let empty = Computed::Empty;
    let first = values.first().unwrap_or(&empty);
    let second = values.get(1).unwrap_or(&empty);
    let third = values.get(2).unwrap_or(&empty);
    let text = |value: String| Computed::Text(value);
    let of_date = |read: fn(DateTime<Utc>) -> u32| {
        first.as_date().map_or(Computed::Empty, |date| {
            Computed::Number(f64::from(read(date)))
        })
    };
    let of_number = |compute: fn(f64) -> f64| {
        first
            .as_number()
            .map_or(Computed::Empty, |value| Computed::number(compute(value)))
    };
    match function {
        F::If | F::Ifs => Computed::Empty,
        F::Empty => Computed::Boolean(first.is_empty()),
        F::And => Computed::Boolean(values.iter().all(Computed::holds)),
        F::Or => Computed::Boolean(values.iter().any(Computed::holds)),
        F::Not => Computed::Boolean(!first.holds()),
        F::Equal => operate(Operator::Equal, first, second),
        F::Unequal => operate(Operator::Unequal, first, second),
        F::Now => Computed::date(now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now)),
        F::Today => Computed::Date {
            start: midnight(now),
            end: None,
            day: true,
        },
        F::DateBetween => match (first.as_date(), second.as_date()) {
            (Some(a), Some(b)) => between(a, b, &third.text()),
            _ => Computed::Empty,
        },
        F::DateAdd => shifted(first, second, &third.text(), false),
        F::DateSubtract => shifted(first, second, &third.text(), true),
        F::DateStart => match first {
            Computed::Date { start, day, .. } => Computed::Date {
                start: *start,
                end: None,
                day: *day,
            },
            _ => Computed::Empty,
        },
        F::DateEnd => match first {
            Computed::Date { start, end, day } => Computed::Date {
                start: end.unwrap_or(*start),
                end: None,
                day: *day,
            },
            _ => Computed::Empty,
        },
        F::FormatDate => first.as_date().map_or(Computed::Empty, |date| {
            text(formatted(date, &second.text()))
        }),
        F::ParseDate => {
            super::super::cell::When::read(&first.text()).map_or(Computed::Empty, |when| {
                let day = matches!(when, super::super::cell::When::Day(_));
                Computed::Date {
                    start: when.instant(),
                    end: None,
                    day,
                }
            })
        }
        F::Timestamp => first.as_number().map_or(Computed::Empty, Computed::Number),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "out of range yields no date"
        )]
        F::FromTimestamp => first
            .as_number()
            .and_then(|millis| DateTime::from_timestamp_millis(millis as i64))
            .map_or(Computed::Empty, Computed::date),
        F::Minute => of_date(|date| date.minute()),
        F::Hour => of_date(|date| date.hour()),
        F::Day => of_date(|date| date.weekday().number_from_monday()),
        F::DayOfMonth => of_date(|date| date.day()),
        F::Week => of_date(|date| date.iso_week().week()),
        F::Month => of_date(|date| date.month()),
        F::Year => of_date(|date| date.year().unsigned_abs()),
        F::Format | F::Style => text(first.text()),
        F::ToNumber => first.as_number().map_or(Computed::Empty, Computed::number),
        F::Length => match first {
            Computed::List(items) => count(items.len()),
            other => count(other.text().encode_utf16().count()),
        },
        F::Substring => {
            let characters: Vec<char> = first.text().chars().collect();
            let from = index(second).min(characters.len());
            let to = values
                .get(2)
                .map_or(characters.len(), index)
                .clamp(from, characters.len());
            text(characters[from..to].iter().collect())
        }
        F::Contains => Computed::Boolean(first.text().contains(&second.text())),
        F::Includes => {
            Computed::Boolean(matches!(first, Computed::List(items) if items.contains(second)))
        }
        F::Replace => text(first.text().replacen(&second.text(), &third.text(), 1)),
        F::ReplaceAll if second.text().is_empty() => text(first.text()),
        F::ReplaceAll => text(
            first
                .text()
                .replace(&second.text(), &third.text())
                .chars()
                .take(LONGEST)
                .collect(),
        ),
        F::Lower => text(first.text().to_lowercase()),
        F::Upper => text(first.text().to_uppercase()),
        F::Trim => text(first.text().trim().to_owned()),
        F::Repeat => {
            let once = first.text();
            let times = index(second).min(LONGEST / once.len().max(1));
            text(once.repeat(times))
        }
        F::PadStart => text(padding(first, second, third) + &first.text()),
        F::PadEnd => text(first.text() + &padding(first, second, third)),
        F::Split => Computed::List(
            first
                .text()
                .split(&second.text())
                .map(|part| text(part.to_owned()))
                .collect(),
        ),
        F::Join => match first {
            Computed::List(items) => text(
                items
                    .iter()
                    .map(Computed::text)
                    .collect::<Vec<_>>()
                    .join(&second.text()),
            ),
            other => text(other.text()),
        },
        F::Concat
            if values
                .iter()
                .any(|value| matches!(value, Computed::List(_))) =>
        {
            Computed::List(flattened(values).cloned().collect())
        }
        F::Concat => text(values.iter().map(Computed::text).collect()),
        F::At => item(first, index(second)),
        F::First => item(first, 0),
        F::Last => match first {
            Computed::List(items) => items.last().cloned().unwrap_or(Computed::Empty),
            _ => Computed::Empty,
        },
        F::Abs => of_number(f64::abs),
        F::Ceil => of_number(f64::ceil),
        F::Floor => of_number(f64::floor),
        F::Round => {
            let places = second.as_number().unwrap_or(0.0).clamp(-15.0, 15.0);
            let scale = 10f64.powf(places.trunc());
            first.as_number().map_or(Computed::Empty, |value| {
                Computed::number((value * scale).round() / scale)
            })
        }
        F::Sqrt => of_number(f64::sqrt),
        F::Sign => of_number(|value| if value == 0.0 { 0.0 } else { value.signum() }),
        F::Min => numbers(values)
            .reduce(f64::min)
            .map_or(Computed::Empty, Computed::number),
        F::Max => numbers(values)
            .reduce(f64::max)
            .map_or(Computed::Empty, Computed::number),
        F::Sum => Computed::number(numbers(values).sum()),
        #[expect(
            clippy::cast_precision_loss,
            reason = "a list of so many items does not exist"
        )]
        F::Mean => Computed::number(numbers(values).sum::<f64>() / numbers(values).count() as f64),
        F::Add => operate(Operator::Add, first, second),
        F::Subtract => operate(Operator::Subtract, first, second),
        F::Multiply => operate(Operator::Multiply, first, second),
        F::Divide => operate(Operator::Divide, first, second),
        F::Mod => operate(Operator::Remainder, first, second),
        F::Pow => operate(Operator::Power, first, second),
    }
}

fn midnight(instant: DateTime<Utc>) -> DateTime<Utc> {
    instant
        .duration_trunc(TimeDelta::days(1))
        .unwrap_or(instant)
}

#[expect(clippy::cast_precision_loss, reason = "lengths are small")]
fn count(length: usize) -> Computed {
    Computed::Number(length as f64)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range before"
)]
fn index(value: &Computed) -> usize {
    value.as_number().unwrap_or(0.0).clamp(0.0, 1_000_000.0) as usize
}

fn item(list: &Computed, at: usize) -> Computed {
    match list {
        Computed::List(items) => items.get(at).cloned().unwrap_or(Computed::Empty),
        _ => Computed::Empty,
    }
}

fn padding(text: &Computed, length: &Computed, filler: &Computed) -> String {
    let missing = index(length)
        .min(LONGEST)
        .saturating_sub(text.text().chars().count());
    filler.text().chars().cycle().take(missing).collect()
}

fn flattened(values: &[Computed]) -> impl Iterator<Item = &Computed> {
    values.iter().flat_map(|value| match value {
        Computed::List(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    })
}

fn numbers(values: &[Computed]) -> impl Iterator<Item = f64> {
    flattened(values).filter_map(Computed::as_number)
}

fn between(a: DateTime<Utc>, b: DateTime<Utc>, unit: &str) -> Computed {
    let elapsed = a - b;
    let whole = match unit {
        "minutes" => elapsed.num_minutes(),
        "hours" => elapsed.num_hours(),
        "days" => elapsed.num_days(),
        "weeks" => elapsed.num_weeks(),
        "months" => months_between(a, b),
        "quarters" => months_between(a, b) / 3,
        "years" => months_between(a, b) / 12,
        _ => return Computed::Empty,
    };
    #[expect(clippy::cast_precision_loss, reason = "spans of time are small")]
    Computed::Number(whole as f64)
}

fn months_between(a: DateTime<Utc>, b: DateTime<Utc>) -> i64 {
    if a < b {
        return -months_between(b, a);
    }
    let months = i64::from(a.year() - b.year()) * 12 + i64::from(a.month()) - i64::from(b.month());
    let rest = (b.day(), b.time()) > (a.day(), a.time());
    months - i64::from(rest)
}

fn shifted(date: &Computed, by: &Computed, unit: &str, back: bool) -> Computed {
    let (Computed::Date { start, end, day }, Some(amount)) = (date, by.as_number()) else {
        return Computed::Empty;
    };
    #[expect(clippy::cast_possible_truncation, reason = "clamped before")]
    let amount = amount.clamp(-1e6, 1e6) as i64 * if back { -1 } else { 1 };
    let shift = |instant: DateTime<Utc>| shift(instant, amount, unit);
    match (shift(*start), end.map(shift)) {
        (Some(start), None) => Computed::Date {
            start,
            end: None,
            day: *day && !matches!(unit, "hours" | "minutes"),
        },
        (Some(start), Some(Some(end))) => Computed::Date {
            start,
            end: Some(end),
            day: *day,
        },
        _ => Computed::Empty,
    }
}

fn shift(instant: DateTime<Utc>, amount: i64, unit: &str) -> Option<DateTime<Utc>> {
    let months = |months: i64| {
        let count = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
        if months < 0 {
            instant.checked_sub_months(count)
        } else {
            instant.checked_add_months(count)
        }
    };
    let days = |days: i64| {
        let count = Days::new(days.unsigned_abs());
        if days < 0 {
            instant.checked_sub_days(count)
        } else {
            instant.checked_add_days(count)
        }
    };
    match unit {
        "years" => months(amount * 12),
        "quarters" => months(amount * 3),
        "months" => months(amount),
        "weeks" => days(amount * 7),
        "days" => days(amount),
        "hours" => instant.checked_add_signed(TimeDelta::hours(amount)),
        "minutes" => instant.checked_add_signed(TimeDelta::minutes(amount)),
        _ => None,
    }
}

/// Notion's letters (those of moment.js), the common ones.
fn formatted(date: DateTime<Utc>, pattern: &str) -> String {
    const LETTERS: [(&str, &str); 17] = [
        ("YYYY", "%Y"),
        ("YY", "%y"),
        ("MMMM", "%B"),
        ("MMM", "%b"),
        ("MM", "%m"),
        ("M", "%-m"),
        ("DD", "%d"),
        ("D", "%-d"),
        ("dddd", "%A"),
        ("ddd", "%a"),
        ("HH", "%H"),
        ("H", "%-H"),
        ("hh", "%I"),
        ("h", "%-I"),
        ("mm", "%M"),
        ("A", "%p"),
        ("a", "%P"),
    ];
    let mut text = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if let Some(end) = rest.strip_prefix('[').and_then(|inner| inner.find(']')) {
            text.push_str(&rest[1..=end]);
            rest = &rest[end + 2..];
        } else if let Some((letters, format)) = LETTERS
            .iter()
            .find(|(letters, _)| rest.starts_with(letters))
        {
            text.push_str(&date.format(format).to_string());
            rest = &rest[letters.len()..];
        } else {
            text.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    text
}
