//! Values cut short for people: what a page shows, and what a plan makes of it.

use std::collections::BTreeMap;

use crate::page::{Date, Value};
use crate::reconcile::NamedValue;

/// By the name of the property.
pub type Briefs = BTreeMap<String, String>;

/// Characters that are kept: enough to recognise a value, little enough to keep one for each cell.
const KEPT: usize = 120;

/// Each value in a few words.
pub fn briefs(values: &[NamedValue]) -> Briefs {
    values
        .iter()
        .map(|(name, value)| (name.clone(), brief(value)))
        .collect()
}

/// A value in a few words; nothing for an empty one.
pub fn brief(value: &Value) -> String {
    let whole = match value {
        Value::Title(text) | Value::Text(text) | Value::Body(text) => text.clone(),
        Value::Rich(spans) => spans.iter().map(|span| span.text.as_str()).collect(),
        Value::Number(number) => number.map_or_else(String::new, |number| number.to_string()),
        Value::Select(text)
        | Value::Status(text)
        | Value::Url(text)
        | Value::Email(text)
        | Value::Phone(text)
        | Value::Icon(text)
        | Value::Cover(text) => text.clone().unwrap_or_default(),
        Value::MultiSelect(texts)
        | Value::Relation(texts)
        | Value::People(texts)
        | Value::Files(texts) => texts.join(", "),
        Value::Date(date) => date.map_or_else(String::new, point),
        Value::DateRange(start, end) => format!("{} – {}", point(*start), point(*end)),
        Value::Checkbox(ticked) => if *ticked { "yes" } else { "no" }.to_owned(),
    };
    let mut characters = whole.chars();
    let mut kept: String = characters.by_ref().take(KEPT).collect();
    if characters.next().is_some() {
        kept.push('…');
    }
    // A null character cannot stand in the ledger.
    kept.replace('\0', "\u{fffd}")
}

fn point(date: Date) -> String {
    match date {
        Date::Day(day) => day.to_string(),
        Date::Minute(at) => at.format("%Y-%m-%d %H:%M UTC").to_string(),
    }
}
