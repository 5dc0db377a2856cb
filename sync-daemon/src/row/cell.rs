//! From a cell to a value that Notion can hold, with a note where that changed it.

use chrono::{NaiveDate, NaiveDateTime, Timelike};
use serde_json::Value as Json;
use url::Url;

use super::Cell;
use super::limits::{
    LONGEST_ADDRESS, LONGEST_LIST, LONGEST_OPTION, LONGEST_TEXT, LONGEST_URL, beginning,
    longest_text, quote, thousands, units,
};
use crate::dashboard::{Meets, PropertyKind, SelectOption, is_emoji};
use crate::markdown;
use crate::page::{self, Date, Value};

type Note = Option<String>;

/// Integers up to here are exact in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

pub(super) fn value(kind: &PropertyKind, cell: Cell) -> (Value, Note) {
    let Cell { text, characters } = cell;
    let short = text.as_deref();
    match kind {
        PropertyKind::Title => map(long_text(text, characters), Value::Title),
        PropertyKind::Text { markdown: false } => map(long_text(text, characters), Value::Text),
        PropertyKind::Text { markdown: true } => rich_text(long_text(text, characters)),
        PropertyKind::Body => body(long_text(text, characters)),
        PropertyKind::Number { .. } => map(optional(short, number), Value::Number),
        PropertyKind::Select { options } => {
            let (name, note) = optional(short, |text| select(text, options));
            (
                Value::Select(name.or_else(|| of_null(short, options))),
                note,
            )
        }
        PropertyKind::Status { options } => map(status(short, options), Value::Status),
        PropertyKind::MultiSelect { options } => {
            map(multi_select(short, options), Value::MultiSelect)
        }
        PropertyKind::Date => match short.filter(|text| text.starts_with('[')) {
            Some(points) => date_range(points),
            None => map(optional(short, date), Value::Date),
        },
        PropertyKind::Checkbox => (Value::Checkbox(matches!(short, Some("true" | "t"))), None),
        PropertyKind::Url => map(optional(short, url), Value::Url),
        PropertyKind::Email => map(optional(short, email), Value::Email),
        PropertyKind::Phone => map(optional(short, phone), Value::Phone),
        PropertyKind::Relation { .. } => map(relation(short), Value::Relation),
        PropertyKind::People => map(people(short), Value::People),
        PropertyKind::Files => map(files(short), Value::Files),
        PropertyKind::Icon => map(optional(short, icon), Value::Icon),
        PropertyKind::Cover => map(optional(short, picture), Value::Cover),
        PropertyKind::Formula { .. } => unreachable!("formulas carry no data"),
    }
}

fn map<T>((plain, note): (T, Note), into: impl FnOnce(T) -> Value) -> (Value, Note) {
    (into(plain), note)
}

/// Reads what is there; null and blank text are nothing at all.
fn optional<T>(
    text: Option<&str>,
    read: impl FnOnce(&str) -> (Option<T>, Note),
) -> (Option<T>, Note) {
    match text.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => read(text),
        None => (None, None),
    }
}

fn long_text(text: Option<String>, characters: Option<usize>) -> (String, Note) {
    let mut text = text.unwrap_or_default();
    let whole = characters.unwrap_or(0).max(text.chars().count());
    text.retain(|character| character != '\0');
    let kept = longest_text(&text).len();
    text.truncate(kept);
    let kept = text.chars().count();
    let note = (kept < whole).then(|| {
        format!(
            "cut to {} of {} characters",
            thousands(kept),
            thousands(whole)
        )
    });
    (text, note)
}

fn rich_text((text, note): (String, Note)) -> (Value, Note) {
    let (spans, whole) = markdown::fitting(markdown::spans(&text));
    let too_many = || format!("cut to its first {} runs of one look", page::PIECES);
    (Value::Rich(spans), note.or_else(|| (!whole).then(too_many)))
}

fn body((text, note): (String, Note)) -> (Value, Note) {
    let (_, whole) = markdown::blocks(&text);
    let too_long = || {
        format!(
            "cut to {} blocks of at most {} characters",
            thousands(markdown::MOST_BLOCKS),
            thousands(LONGEST_TEXT)
        )
    };
    (Value::Body(text), note.or_else(|| (!whole).then(too_long)))
}

fn number(text: &str) -> (Option<f64>, Note) {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => {
            let rounded = number.abs() >= EXACT && digits(text) != digits(&number.to_string());
            let note = rounded
                .then(|| format!("{} rounded to the 15 digits that Notion keeps", quote(text)));
            // A negative zero would not come back as one.
            (Some(number + 0.0), note)
        }
        _ => (
            None,
            Some(format!(
                "{} is not a number that Notion can hold; left empty",
                quote(text)
            )),
        ),
    }
}

/// Significant digits of a decimal number.
fn digits(number: &str) -> String {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

fn known<'o>(text: &str, options: &'o [SelectOption]) -> Option<&'o SelectOption> {
    let trimmed = text.trim();
    let by =
        |matches: &dyn Fn(&SelectOption) -> bool| options.iter().find(|option| matches(option));
    by(&|option| matches!(&option.meets, Meets::Value(value) if value == text))
        .or_else(|| {
            by(&|option| matches!(&option.meets, Meets::Value(value) if value.trim() == trimmed))
        })
        .or_else(|| by(&|option| option.name == trimmed))
        .or_else(|| by(&|option| option.name.to_lowercase() == trimmed.to_lowercase()))
        .or_else(|| band(trimmed, options))
        .or_else(|| by(&|option| option.meets == Meets::Other))
}

/// The option whose number is the largest that the value reaches.
fn band<'o>(text: &str, options: &'o [SelectOption]) -> Option<&'o SelectOption> {
    let number: f64 = text.parse().ok()?;
    let reached = options.iter().filter_map(|option| match &option.meets {
        Meets::From(from) => {
            Some((from.parse::<f64>().ok()?, option)).filter(|(from, _)| *from <= number)
        }
        _ => None,
    });
    reached
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, option)| option)
}

/// What people see where there is nothing.
fn of_null(text: Option<&str>, options: &[SelectOption]) -> Option<String> {
    let nothing = text.is_none_or(|text| text.trim().is_empty());
    let option = options.iter().find(|option| option.meets == Meets::Null);
    option.filter(|_| nothing).map(|option| option.name.clone())
}

fn select(text: &str, options: &[SelectOption]) -> (Option<String>, Note) {
    if let Some(option) = known(text, options) {
        return (Some(option.name.clone()), None);
    }
    let clean = text
        .replace(|character: char| character.is_control(), " ")
        .replace(',', ";");
    let name = beginning(clean.trim(), LONGEST_OPTION).trim_end();
    let note = if units(clean.trim()) > LONGEST_OPTION {
        Some(format!(
            "{} cut to {LONGEST_OPTION} characters, the most an option can hold",
            quote(text)
        ))
    } else if text.contains(',') {
        Some(format!(
            "{} written as {}; options cannot hold commas",
            quote(text),
            quote(name)
        ))
    } else {
        None
    };
    // A cut or an exchanged comma can end at a known name: then it is that option, by its spelling.
    let name = known(name, options).map_or(name, |option| &option.name);
    ((!name.is_empty()).then(|| name.to_owned()), note)
}

fn status(text: Option<&str>, options: &[SelectOption]) -> (Option<String>, Note) {
    let first = options.first().map(|option| option.name.clone());
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        return (of_null(text, options).or(first), None);
    };
    if let Some(option) = known(text, options) {
        return (Some(option.name.clone()), None);
    }
    let shown = first.as_deref().map_or_else(
        || "left empty".to_owned(),
        |name| format!("shown as {}", quote(name)),
    );
    let note = format!("{} is none of its states; {shown}", quote(text));
    (first, Some(note))
}

fn multi_select(text: Option<&str>, options: &[SelectOption]) -> (Vec<String>, Note) {
    let (items, unreadable) = list(text);
    let mut names: Vec<String> = Vec::new();
    let mut notes: Vec<String> = unreadable.into_iter().collect();
    for item in items {
        let (name, note) = optional(Some(&item), |item| select(item, options));
        notes.extend(note);
        if let Some(name) = name.filter(|name| {
            !names
                .iter()
                .any(|other| other.to_lowercase() == name.to_lowercase())
        }) {
            names.push(name);
        }
    }
    if names.is_empty() {
        names.extend(of_null(None, options));
    }
    notes.extend(cut_list(&mut names, "options"));
    (names, (!notes.is_empty()).then(|| notes.join("; ")))
}

fn relation(text: Option<&str>) -> (Vec<String>, Note) {
    let (items, unreadable) = list(text);
    let mut keys: Vec<String> = Vec::new();
    for key in items {
        if !key.is_empty() && !keys.contains(&key) {
            keys.push(key);
        }
    }
    let cut = cut_list(&mut keys, "related rows");
    (keys, unreadable.or(cut))
}

/// Addresses in small letters, each once; whose they are is for [`crate::people`] to say.
fn people(text: Option<&str>) -> (Vec<String>, Note) {
    let (items, unreadable) = list(text);
    let mut addresses: Vec<String> = Vec::new();
    for item in items {
        let address = item.trim().to_lowercase();
        if !address.is_empty() && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    let cut = cut_list(&mut addresses, "people");
    (addresses, unreadable.or(cut))
}

fn files(text: Option<&str>) -> (Vec<String>, Note) {
    let (items, unreadable) = list(text);
    let mut links: Vec<String> = Vec::new();
    let mut notes: Vec<String> = unreadable.into_iter().collect();
    for item in items.iter().flat_map(|item| item.split_whitespace()) {
        let (link, note) = picture(item);
        notes.extend(note);
        links.extend(link.filter(|link| !links.contains(link)));
    }
    notes.extend(cut_list(&mut links, "files"));
    (links, (!notes.is_empty()).then(|| notes.join("; ")))
}

/// The link of something that Notion fetches by itself.
fn picture(text: &str) -> (Option<String>, Note) {
    let of_web = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        && !text.contains(|character: char| character.is_whitespace() || character.is_control());
    fitting(
        text,
        LONGEST_URL,
        of_web,
        "a link that begins with https://",
    )
}

fn icon(text: &str) -> (Option<String>, Note) {
    if is_emoji(text) {
        return (Some(text.to_owned()), None);
    }
    let (link, note) = picture(text);
    let neither = || format!("{} is neither an emoji nor a link; left empty", quote(text));
    (link, note.map(|_| neither()))
}

fn cut_list(list: &mut Vec<String>, what: &str) -> Note {
    let whole = list.len();
    list.truncate(LONGEST_LIST);
    (whole > LONGEST_LIST).then(|| format!("cut to {LONGEST_LIST} of {} {what}", thousands(whole)))
}

/// The items of a JSON array; anything else counts as a list of one.
fn list(text: Option<&str>) -> (Vec<String>, Note) {
    let plain = |item: Json| match item {
        Json::Null => None,
        Json::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    match text.map(serde_json::from_str::<Json>) {
        None => (Vec::new(), None),
        Some(Ok(Json::Array(items))) => (items.into_iter().filter_map(plain).collect(), None),
        Some(Ok(other)) => (plain(other).into_iter().collect(), None),
        Some(Err(_)) => {
            let note = text
                .map(|text| format!("{} is not a list that can be read; left empty", quote(text)));
            (Vec::new(), note)
        }
    }
}

fn date(text: &str) -> (Option<Date>, Note) {
    let read = match text.split_once(' ') {
        None => day(text).map(Date::Day),
        Some((date, time)) => minute(date, time).map(Date::Minute),
    };
    let note = || {
        format!(
            "{} is not a date from year 1 to 9999; left empty",
            quote(text)
        )
    };
    (read, read.is_none().then(note))
}

/// From a JSON array of a beginning and an end.
fn date_range(points: &str) -> (Value, Note) {
    let points: Vec<Option<String>> = serde_json::from_str(points).unwrap_or_default();
    let mut points = points.iter().map(|point| optional(point.as_deref(), date));
    let ((start, start_note), (end, end_note)) = (
        points.next().unwrap_or_default(),
        points.next().unwrap_or_default(),
    );
    let mut notes: Vec<String> = start_note.into_iter().chain(end_note).collect();
    let value = match (start, end) {
        (Some(start), Some(end)) => match start.at().cmp(&end.at()) {
            std::cmp::Ordering::Less if start.is_day() == end.is_day() => {
                Value::DateRange(start, end)
            }
            std::cmp::Ordering::Less => {
                Value::DateRange(Date::Minute(start.at()), Date::Minute(end.at()))
            }
            std::cmp::Ordering::Equal => Value::Date(Some(start)),
            std::cmp::Ordering::Greater => {
                notes.push("ends before it begins; shown without its end".to_owned());
                Value::Date(Some(start))
            }
        },
        (None, Some(end)) => {
            notes.push("has no beginning; shown as its end".to_owned());
            Value::Date(Some(end))
        }
        (start, None) => Value::Date(start),
    };
    (value, (!notes.is_empty()).then(|| notes.join("; ")))
}

fn day(text: &str) -> Option<NaiveDate> {
    let four_digits = text.len() == 10 && text.as_bytes()[..4].iter().all(u8::is_ascii_digit);
    let day = four_digits.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())??;
    (!text.starts_with("0000")).then_some(day)
}

fn minute(date: &str, time: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    let time = time.strip_suffix("+00").unwrap_or(time);
    let time = chrono::NaiveTime::parse_from_str(time, "%H:%M:%S%.f").ok()?;
    let time = time.with_nanosecond(0)?.with_second(0)?;
    Some(NaiveDateTime::new(day(date)?, time).and_utc())
}

fn url(text: &str) -> (Option<String>, Note) {
    let valid = Url::parse(text)
        .is_ok_and(|url| !matches!(url.scheme(), "javascript" | "data" | "vbscript"))
        && !text.contains(|character: char| character.is_whitespace() || character.is_control());
    fitting(text, LONGEST_URL, valid, "a link that Notion can hold")
}

fn email(text: &str) -> (Option<String>, Note) {
    let valid = text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty()
            && host.contains(|character: char| character.is_alphanumeric())
            && !host.contains('@')
    }) && !text
        .contains(|character: char| character.is_whitespace() || character.is_control());
    fitting(text, LONGEST_ADDRESS, valid, "an e-mail address")
}

fn phone(text: &str) -> (Option<String>, Note) {
    let valid = !text.contains(char::is_control);
    fitting(
        text,
        LONGEST_ADDRESS,
        valid,
        "a phone number that Notion can hold",
    )
}

fn fitting(text: &str, limit: usize, valid: bool, what: &str) -> (Option<String>, Note) {
    let length = units(text);
    if length > limit {
        let limit = thousands(limit);
        let note = format!(
            "{} is longer than the {limit} characters that Notion can hold; left empty",
            quote(text)
        );
        (None, Some(note))
    } else if valid {
        (Some(text.to_owned()), None)
    } else {
        (
            None,
            Some(format!("{} is not {what}; left empty", quote(text))),
        )
    }
}
