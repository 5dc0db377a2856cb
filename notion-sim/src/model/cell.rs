//! A row's stored values, in their canonical form.

use chrono::{
    DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, Timelike, Utc,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::text::{self, Span};

/// What stands in one property of one page. Options are kept by id, so that renaming one renames it everywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cell {
    Text(Vec<Span>),
    Number(f64),
    Option(String),
    Options(Vec<String>),
    Date(DateRange),
    Checkbox(bool),
    /// A url, an address or a phone number.
    Line(String),
    People(Vec<Uuid>),
    Files(Vec<Value>),
    Relation(Vec<Uuid>),
    UniqueId(u64),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DateRange {
    pub(crate) start: When,
    #[serde(default)]
    pub(crate) end: Option<When>,
    #[serde(default)]
    pub(crate) time_zone: Option<String>,
}

/// A day, or an instant cut to the minute: Notion keeps no seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    Day(NaiveDate),
    Minute(DateTime<FixedOffset>),
}

impl When {
    pub(crate) fn read(given: &str) -> Option<Self> {
        if let Ok(day) = given.parse::<NaiveDate>() {
            return (given.len() == 10).then_some(Self::Day(day));
        }
        let instant = DateTime::parse_from_rfc3339(given)
            .ok()
            .or_else(|| DateTime::parse_from_str(given, "%Y-%m-%dT%H:%M%:z").ok())
            .or_else(|| {
                let minute = given.strip_suffix('Z').unwrap_or(given);
                ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
                    .iter()
                    .find_map(|format| NaiveDateTime::parse_from_str(minute, format).ok())
                    .map(|local| local.and_utc().fixed_offset())
            })?;
        instant.trunc_subsecs(0).with_second(0).map(Self::Minute)
    }

    pub(crate) fn render(self) -> String {
        match self {
            Self::Day(day) => day.format("%Y-%m-%d").to_string(),
            Self::Minute(instant) => instant.format("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
        }
    }

    pub(crate) fn instant(self) -> DateTime<Utc> {
        match self {
            Self::Day(day) => day.and_time(NaiveTime::MIN).and_utc(),
            Self::Minute(instant) => instant.to_utc(),
        }
    }
}

impl DateRange {
    pub(crate) fn render(&self) -> Value {
        json!({
            "start": self.start.render(),
            "end": self.end.map(When::render),
            "time_zone": self.time_zone,
        })
    }
}

impl Cell {
    /// The text that a text filter or a plain look sees.
    pub(crate) fn plain(&self) -> String {
        match self {
            Self::Text(spans) => text::plain(spans),
            Self::Line(line) => line.clone(),
            _ => String::new(),
        }
    }

    /// Whether that text is this one.
    pub(crate) fn reads(&self, text: &str) -> bool {
        match self {
            Self::Text(spans) => text::reads(spans, text),
            Self::Line(line) => line == text,
            _ => text.is_empty(),
        }
    }
}

/// A number as JSON writes it: whole numbers without a point.
pub(crate) fn number(value: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and within the range that f64 holds exactly"
    )]
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
        json!(value as i64)
    } else {
        json!(value)
    }
}
