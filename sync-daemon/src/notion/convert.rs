//! The only mapping between our words and Notion's JSON, in both directions.
//!
//! Reading is lenient: a property of an unknown type, or one that a person retyped, reads as `None` and
//! is then simply different from what we want. A relation's value holds page ids here, not keys: see
//! [`Value::Relation`].

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Timelike, Utc};
use serde_json::{Map, Value as Json, json};

use super::PageId;
use crate::dashboard::{PropertyKind, SelectOption};
use crate::page::{Date, Value, pieces};

/// A property's definition for a data source. `None` for a relation whose target has no data source yet.
pub fn property_schema(
    kind: &PropertyKind,
    data_source_of: impl Fn(&str) -> Option<uuid::Uuid>,
) -> Option<Json> {
    Some(match kind {
        PropertyKind::Title => json!({"title": {}}),
        PropertyKind::Text => json!({"rich_text": {}}),
        PropertyKind::Number { format } => json!({"number": {"format": format}}),
        PropertyKind::Select { options: known } => json!({"select": {"options": options(known)}}),
        PropertyKind::Status { options: known } => json!({"status": {"options": options(known)}}),
        PropertyKind::MultiSelect { options: known } => {
            json!({"multi_select": {"options": options(known)}})
        }
        PropertyKind::Date => json!({"date": {}}),
        PropertyKind::Checkbox => json!({"checkbox": {}}),
        PropertyKind::Url => json!({"url": {}}),
        PropertyKind::Email => json!({"email": {}}),
        PropertyKind::Phone => json!({"phone_number": {}}),
        PropertyKind::Relation { dashboard } => {
            json!({"relation": {"data_source_id": data_source_of(dashboard)?, "single_property": {}}})
        }
        PropertyKind::Formula { expression } => json!({"formula": {"expression": expression}}),
    })
}

/// Notion's name of a property's type.
pub fn property_type(kind: &PropertyKind) -> &'static str {
    match kind {
        PropertyKind::Title => "title",
        PropertyKind::Text => "rich_text",
        PropertyKind::Number { .. } => "number",
        PropertyKind::Select { .. } => "select",
        PropertyKind::Status { .. } => "status",
        PropertyKind::MultiSelect { .. } => "multi_select",
        PropertyKind::Date => "date",
        PropertyKind::Checkbox => "checkbox",
        PropertyKind::Url => "url",
        PropertyKind::Email => "email",
        PropertyKind::Phone => "phone_number",
        PropertyKind::Relation { .. } => "relation",
        PropertyKind::Formula { .. } => "formula",
    }
}

fn options(known: &[SelectOption]) -> Vec<Json> {
    // Two values may share one name: "to do" and "open" are both "To do" to people.
    let mut seen = Vec::new();
    known
        .iter()
        .filter(|option| {
            !seen.contains(&&option.name) && {
                seen.push(&option.name);
                true
            }
        })
        .map(|option| json!({"name": option.name, "color": option.color}))
        .collect()
}

/// Plain text as rich text, split where Notion's limit for one element demands it.
pub fn rich_text(text: &str) -> Json {
    pieces(text)
        .map(|content| json!({"type": "text", "text": {"content": content}}))
        .collect()
}

/// A value as a page write wants it.
pub fn write_value(value: &Value) -> Json {
    let option = |name: &Option<String>| name.as_ref().map(|name| json!({"name": name}));
    match value {
        Value::Title(text) => json!({"title": rich_text(text)}),
        Value::Text(text) => json!({"rich_text": rich_text(text)}),
        Value::Number(number) => json!({"number": number}),
        Value::Select(name) => json!({"select": option(name)}),
        Value::Status(name) => json!({"status": option(name)}),
        Value::MultiSelect(names) => {
            json!({"multi_select": names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>()})
        }
        Value::Date(date) => json!({"date": date.map(write_date)}),
        Value::DateRange(start, end) => {
            let mut range = write_date(*start);
            range["end"] = write_date(*end)["start"].take();
            json!({"date": range})
        }
        Value::Checkbox(ticked) => json!({"checkbox": ticked}),
        Value::Url(url) => json!({"url": url}),
        Value::Email(address) => json!({"email": address}),
        Value::Phone(number) => json!({"phone_number": number}),
        Value::Relation(pages) => {
            json!({"relation": pages.iter().map(|id| json!({"id": id})).collect::<Vec<_>>()})
        }
    }
}

fn write_date(date: Date) -> Json {
    match date {
        Date::Day(day) => json!({"start": day.format("%Y-%m-%d").to_string()}),
        Date::Minute(at) => json!({"start": at.format("%Y-%m-%dT%H:%M:00.000Z").to_string()}),
    }
}

/// A page's property as Notion returns it. `None` where it is not of the wanted kind.
pub fn read_value(kind: &PropertyKind, property: &Json) -> Option<Value> {
    let content = property.get(property_type(kind))?;
    let text = || content.as_str().map(str::to_owned);
    let option = || content["name"].as_str().map(str::to_owned);
    Some(match kind {
        PropertyKind::Title => Value::Title(plain_text(content)?),
        PropertyKind::Text => Value::Text(plain_text(content)?),
        PropertyKind::Number { .. } => Value::Number(content.as_f64()),
        PropertyKind::Select { .. } => Value::Select(option()),
        PropertyKind::Status { .. } => Value::Status(option()),
        PropertyKind::MultiSelect { .. } => Value::MultiSelect(
            content
                .as_array()?
                .iter()
                .filter_map(|one| one["name"].as_str().map(str::to_owned))
                .collect(),
        ),
        PropertyKind::Date => match (read_date(&content["start"]), &content["end"]) {
            (start, Json::Null) => Value::Date(start),
            (start, end) => Value::DateRange(start?, read_date(end)?),
        },
        PropertyKind::Checkbox => Value::Checkbox(content.as_bool()?),
        PropertyKind::Url => Value::Url(text()),
        PropertyKind::Email => Value::Email(text()),
        PropertyKind::Phone => Value::Phone(text()),
        PropertyKind::Relation { .. } => Value::Relation(
            content
                .as_array()?
                .iter()
                .filter_map(|one| one["id"].as_str().map(str::to_owned))
                .collect(),
        ),
        PropertyKind::Formula { .. } => return None,
    })
}

/// Rich text as people read it.
pub fn plain_text(elements: &Json) -> Option<String> {
    elements
        .as_array()?
        .iter()
        .map(|element| {
            element["plain_text"]
                .as_str()
                .or_else(|| element["text"]["content"].as_str())
        })
        .collect()
}

fn read_date(point: &Json) -> Option<Date> {
    let point = point.as_str()?;
    if point.len() == 10 {
        return NaiveDate::parse_from_str(point, "%Y-%m-%d")
            .ok()
            .map(Date::Day);
    }
    let at = DateTime::parse_from_rfc3339(point)
        .ok()?
        .with_timezone(&Utc);
    at.with_second(0)?.with_nanosecond(0).map(Date::Minute)
}

/// A page's properties by their ids, as they stand.
pub fn properties_by_id(page: &Json) -> BTreeMap<&str, &Json> {
    page["properties"]
        .as_object()
        .into_iter()
        .flat_map(Map::values)
        .filter_map(|property| Some((property["id"].as_str()?, property)))
        .collect()
}

/// An object's own id.
pub fn id(object: &Json) -> Option<PageId> {
    object["id"].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests;
