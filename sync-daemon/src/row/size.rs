//! Keeping a page within what one request can carry.

use super::limits::thousands;
use crate::dashboard::Property;
use crate::markdown::Span;
use crate::page::{self, Value};

/// Notion refuses bodies above 512,000 bytes; the rest is for what surrounds the values.
const LARGEST_REQUEST: usize = 500_000;
const ENVELOPE: usize = 2_000;
/// Room that the longest note can take: 2,000 characters of three bytes.
const NOTE: usize = 6_200;
/// What long texts may count on, however much the other properties take.
const ROOM_FOR_TEXTS: usize = 100_000;

/// Cuts the longest values until the page fits one request, with a note for each that was cut.
pub(super) fn shrink(
    key: &str,
    properties: &[&Property],
    values: &mut [Value],
    notes: &mut Vec<String>,
) {
    let names: usize = properties
        .iter()
        .map(|property| json_length(&property.name).max(40) + 60)
        .sum();
    let available = LARGEST_REQUEST.saturating_sub(ENVELOPE + NOTE + names + text_size(key));
    if values.iter().map(size).sum::<usize>() <= available {
        return;
    }
    let was: Vec<Option<usize>> = values.iter().map(count).collect();
    let mut sizes: Vec<usize> = values.iter().map(size).collect();
    let texts: usize = values
        .iter()
        .zip(&sizes)
        .filter(|(value, _)| is_text(value))
        .map(|(_, size)| size)
        .sum();
    let mut others: usize = sizes.iter().sum::<usize>() - texts;
    while others > available.saturating_sub(ROOM_FOR_TEXTS.min(texts)) {
        let candidates = values
            .iter()
            .zip(&sizes)
            .enumerate()
            .filter(|(_, (value, _))| !is_text(value));
        let Some(largest) = candidates
            .max_by_key(|(_, (_, size))| **size)
            .map(|(index, _)| index)
        else {
            break;
        };
        halve(&mut values[largest]);
        others -= sizes[largest];
        sizes[largest] = size(&values[largest]);
        others += sizes[largest];
    }
    let level = level(values, available.saturating_sub(others));
    for value in values.iter_mut() {
        if let Value::Title(text) | Value::Text(text) = value {
            let kept = fitting(text, level).len();
            text.truncate(kept);
        }
    }
    for ((property, value), was) in properties.iter().zip(values.iter()).zip(was) {
        match (was, count(value)) {
            (Some(was), Some(is)) if is < was => notes.push(format!(
                "{}: cut to {} of {}, because one page carries at most 500 kB",
                property.name,
                thousands(is),
                thousands(was)
            )),
            (Some(_), None) => notes.push(format!(
                "{}: left empty, because one page carries at most 500 kB",
                property.name
            )),
            _ => {}
        }
    }
}

/// The size to which texts must be cut so that all fit `available`, shorter ones staying whole.
fn level(values: &[Value], available: usize) -> usize {
    let mut sizes: Vec<usize> = values
        .iter()
        .filter(|value| is_text(value))
        .map(size)
        .collect();
    sizes.sort_unstable();
    let mut rest = available;
    for (index, size) in sizes.iter().enumerate() {
        let share = rest / (sizes.len() - index);
        if *size > share {
            return share;
        }
        rest -= size;
    }
    usize::MAX
}

/// The longest beginning of a text whose [`text_size`] is at most `limit`.
fn fitting(text: &str, limit: usize) -> &str {
    let mut size = json_length("");
    let mut kept = 0;
    for piece in page::pieces(text) {
        size += PIECE_OVERHEAD;
        for character in piece.chars() {
            size += escaped_length(character);
            if size > limit {
                return &text[..kept];
            }
            kept += character.len_utf8();
        }
    }
    text
}

/// Characters of a text, items of a list, presence of anything else.
fn count(value: &Value) -> Option<usize> {
    match value {
        Value::Title(text) | Value::Text(text) => Some(text.chars().count()),
        Value::MultiSelect(list)
        | Value::Relation(list)
        | Value::People(list)
        | Value::Files(list) => Some(list.len()),
        Value::Rich(spans) => Some(spans.len()),
        Value::Url(single)
        | Value::Email(single)
        | Value::Phone(single)
        | Value::Icon(single)
        | Value::Cover(single)
        | Value::Select(single) => single.as_ref().map(|_| 1),
        Value::Status(_)
        | Value::Number(_)
        | Value::Date(_)
        | Value::DateRange(..)
        | Value::Checkbox(_)
        | Value::Body(_) => None,
    }
}

fn halve(value: &mut Value) {
    match value {
        Value::MultiSelect(list)
        | Value::Relation(list)
        | Value::People(list)
        | Value::Files(list) => list.truncate(list.len() / 2),
        Value::Rich(spans) => spans.truncate(spans.len() / 2),
        Value::Url(single)
        | Value::Email(single)
        | Value::Phone(single)
        | Value::Icon(single)
        | Value::Cover(single)
        | Value::Select(single) => *single = None,
        Value::Title(_)
        | Value::Text(_)
        | Value::Status(_)
        | Value::Number(_)
        | Value::Date(_)
        | Value::DateRange(..)
        | Value::Checkbox(_)
        | Value::Body(_) => {}
    }
}

fn is_text(value: &Value) -> bool {
    matches!(value, Value::Title(_) | Value::Text(_))
}

/// `{"type":"text","text":{"content":"","link":null}},` and some air.
const PIECE_OVERHEAD: usize = 60;

/// Bytes of a value in a request, at most.
fn size(value: &Value) -> usize {
    match value {
        Value::Title(text) | Value::Text(text) => text_size(text),
        Value::MultiSelect(names) => names.iter().map(|name| json_length(name) + 20).sum(),
        Value::Relation(list) | Value::People(list) => list.len() * 60,
        Value::Files(links) => links.iter().map(|link| json_length(link) + 190).sum(),
        Value::Rich(spans) => spans.iter().map(span_size).sum(),
        Value::Url(single)
        | Value::Email(single)
        | Value::Phone(single)
        | Value::Icon(single)
        | Value::Cover(single)
        | Value::Select(single) => single.as_deref().map_or(0, json_length),
        // A body travels by itself; the others are too small to be worth cutting, and the allowance for names
        // covers them.
        Value::Status(_)
        | Value::Number(_)
        | Value::Date(_)
        | Value::DateRange(..)
        | Value::Checkbox(_)
        | Value::Body(_) => 0,
    }
}

/// The marks, and the link that each piece repeats.
fn span_size(span: &Span) -> usize {
    let link = span.link.as_deref().map_or(0, json_length);
    text_size(&span.text) + page::pieces(&span.text).count() * (link + 110)
}

fn text_size(text: &str) -> usize {
    page::pieces(text).count() * PIECE_OVERHEAD + json_length(text)
}

fn json_length(text: &str) -> usize {
    text.chars().map(escaped_length).sum::<usize>() + 2
}

fn escaped_length(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    }
}
