//! What must hold in a set of dashboards, as far as it can be known without a database.

use std::collections::HashSet;

use super::error::{SchemaError, did_you_mean};
use super::fields::File;
use super::parse::Origin;
use super::property::PropertyLines;
use super::{Dashboard, Feed, Meets, Property, PropertyKind, SelectOption};

/// Notion's limit of 500 properties, less the two that the daemon adds.
const MOST_PROPERTIES: usize = 498;
/// Notion's limit of 50 KB for a schema, less the daemon's own properties.
const MOST_BYTES: usize = 49_500;
const LONGEST_NAME: usize = 100;
/// Postgres cuts identifiers at 63 bytes.
const LONGEST_IDENTIFIER: usize = 63;

/// A name that a file can spell: one with quotes around it is taken for a mistake.
pub(crate) fn is_identifier(name: &str) -> bool {
    let quoted = name.len() > 1 && name.starts_with('"') && name.ends_with('"');
    may_be_a_name(name) && !quoted
}

pub(super) fn may_be_a_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST_IDENTIFIER && !name.contains('\0')
}

pub(crate) fn is_emoji(icon: &str) -> bool {
    const KEYCAP: char = '\u{20e3}';
    let pictures = |character: char| {
        matches!(character,
            '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2194}'..='\u{21aa}'
            | '\u{231a}'..='\u{23ff}' | '\u{24c2}' | '\u{25aa}'..='\u{27bf}' | '\u{2934}' | '\u{2935}'
            | '\u{2b05}'..='\u{2b55}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
    };
    (1..=16).contains(&icon.chars().count())
        && icon
            .chars()
            .next()
            .is_some_and(|first| pictures(first) || icon.ends_with(KEYCAP))
        && icon
            .chars()
            .all(|character| !character.is_alphabetic() && !character.is_whitespace())
}

/// Checks the name of a dashboard or a property.
pub(super) fn title(file: &mut File<'_>, line: usize, what: &str, name: &str) {
    if name.trim() != name || name.is_empty() {
        file.refuse(
            line,
            format!("{what} name {name:?} is empty or has spaces around it"),
            "write a name without",
        );
    }
    if name.chars().any(char::is_control) {
        file.refuse(
            line,
            format!("{what} name {name:?} has a control character"),
            "remove it",
        );
    }
    if name.encode_utf16().count() > LONGEST_NAME {
        file.refuse(
            line,
            format!("{what} name {name:?} is longer than {LONGEST_NAME} characters"),
            "shorten it",
        );
    }
}

pub(super) fn not_reserved(file: &mut File<'_>, line: usize, name: &str, reserved: &[&str]) {
    if let Some(reserved) = reserved.iter().find(|reserved| same(reserved, name)) {
        file.refuse(
            line,
            format!("property name {reserved:?} is reserved for the daemon's own use"),
            "choose another name",
        );
    }
}

pub(super) fn option(
    file: &mut File<'_>,
    line: usize,
    property: &str,
    name: &str,
    meets: &Meets,
    earlier: &[SelectOption],
) {
    if name.contains(',') {
        file.refuse(
            line,
            format!("option {name:?} of property {property:?} has a comma"),
            "use another sign, such as \";\"",
        );
    }
    if name.trim() != name || name.is_empty() || name.chars().any(char::is_control) {
        file.refuse(
            line,
            format!("option {name:?} of property {property:?} is empty, has spaces around it or a control character"),
            "give it a name = \"…\" that people can read",
        );
    }
    if name.encode_utf16().count() > 100 {
        file.refuse(
            line,
            format!("option {name:?} of property {property:?} is longer than 100 characters"),
            "shorten it",
        );
    }
    if earlier.iter().any(|other| other.meets == *meets) {
        let what = match meets {
            Meets::Value(value) => format!("value {value:?}"),
            Meets::From(number) => format!("from = {number}"),
            Meets::Null => "null".to_owned(),
            Meets::Other => "other".to_owned(),
        };
        file.refuse(
            line,
            format!("{what} of property {property:?} has two options"),
            "remove one",
        );
    }
    // Several values may share one option by its exact name; two spellings of one name are a mistake.
    if let Some(other) = earlier
        .iter()
        .find(|other| same(&other.name, name) && other.name != name)
    {
        file.refuse(
            line,
            format!(
                "options {:?} and {name:?} of property {property:?} differ only in case",
                other.name
            ),
            "Notion takes them for one; use one spelling",
        );
    }
}

/// Checks the properties of one dashboard against each other.
pub(super) fn properties(
    file: &mut File<'_>,
    properties: &[Property],
    lines: &[PropertyLines],
    all_types_known: bool,
) {
    let mut seen: Vec<&str> = Vec::new();
    for (property, at) in properties.iter().zip(lines) {
        if !property.name.is_empty() && seen.iter().any(|name| same(name, &property.name)) {
            file.refuse(
                at.name,
                format!("property {:?} stands twice", property.name),
                "rename one; upper and lower case count as the same",
            );
        }
        seen.push(&property.name);
    }
    let titles: Vec<usize> = properties
        .iter()
        .zip(lines)
        .filter(|(property, _)| property.kind == PropertyKind::Title)
        .map(|(_, at)| at.kind)
        .collect();
    match titles.as_slice() {
        [_] => {}
        [] if !all_types_known => {}
        [] => file.refuse(
            1,
            "no property is the title",
            "give the property that names a row type = \"title\"",
        ),
        [_, second, ..] => {
            file.refuse(
                *second,
                format!("{} properties are titles", titles.len()),
                "keep one; make the others text",
            );
        }
    }
    let properties: Vec<&Property> = properties
        .iter()
        .filter(|property| property.kind.is_property())
        .collect();
    if properties.len() > MOST_PROPERTIES {
        file.refuse(
            1,
            format!(
                "the dashboard has {} properties, Notion takes {MOST_PROPERTIES} besides ours",
                properties.len()
            ),
            "leave some out",
        );
    }
    let bytes: usize = properties.iter().copied().map(schema_bytes).sum();
    if bytes > MOST_BYTES {
        file.refuse(
            1,
            format!(
                "the dashboard's properties and options take {} KB, Notion takes 50 KB of schema",
                bytes / 1000
            ),
            "leave some out, or name fewer options; others are added as rows bring them",
        );
    }
    for (property, at) in properties.iter().zip(lines) {
        let PropertyKind::Formula { expression } = &property.kind else {
            continue;
        };
        for name in referred(expression) {
            if !seen.contains(&name.as_str()) {
                let cure = did_you_mean(
                    &name,
                    seen.iter().copied().filter(|other| *other != property.name),
                );
                file.refuse(
                    at.name,
                    format!(
                        "formula {:?} refers to property {name:?}, which does not exist",
                        property.name
                    ),
                    cure,
                );
            }
        }
    }
}

/// About what a property takes of Notion's limit for a schema: as its definition is written, with air for ids.
fn schema_bytes(property: &Property) -> usize {
    let options = property.kind.options().iter();
    let options: usize = options.map(|option| option.name.len() + 60).sum();
    let formula = match &property.kind {
        PropertyKind::Formula { expression } => expression.len(),
        _ => 0,
    };
    property.name.len() + 50 + options + formula
}

/// The names in `prop("…")`, outside of other texts.
fn referred(expression: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = expression;
    while let Some(quote) = rest.find('"') {
        let before = rest[..quote].trim_end();
        let is_reference = before
            .strip_suffix('(')
            .is_some_and(|head| head.trim_end().ends_with("prop"));
        let mut text = String::new();
        let mut end = rest.len();
        let mut characters = rest[quote + 1..].char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    end = quote + 1 + at + 1;
                    break;
                }
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                plain => text.push(plain),
            }
        }
        if is_reference {
            names.push(text);
        }
        rest = &rest[end..];
    }
    names
}

pub(super) fn unique_names(entries: &[(Dashboard, Origin)], errors: &mut Vec<SchemaError>) {
    for (index, (dashboard, origin)) in entries.iter().enumerate() {
        if let Some((_, first)) = entries[..index]
            .iter()
            .find(|(other, _)| same(&other.name, &dashboard.name))
        {
            errors.push(SchemaError {
                file: origin.file.clone(),
                line: origin.name,
                message: format!(
                    "dashboard {:?} stands in {} already",
                    dashboard.name, first.file
                ),
                cure: "rename one".to_owned(),
            });
        }
    }
}

/// A file that replaces a dashboard is called as that is: by another spelling it would get a second database.
pub(super) fn same_spelling(
    entries: &[(Dashboard, Origin)],
    replacements: &[(Dashboard, Origin)],
    errors: &mut Vec<SchemaError>,
) {
    for (dashboard, origin) in replacements {
        let replaced = entries
            .iter()
            .find(|(other, _)| same(&other.name, &dashboard.name) && other.name != dashboard.name);
        if let Some((other, first)) = replaced {
            errors.push(SchemaError {
                file: origin.file.clone(),
                line: origin.name,
                message: format!(
                    "dashboard {:?} and {:?} of {} differ only in case",
                    dashboard.name, other.name, first.file
                ),
                cure: format!(
                    "write {:?} to replace that one, or another name",
                    other.name
                ),
            });
        }
    }
}

pub(super) fn relations(entries: &[(Dashboard, Origin)], errors: &mut Vec<SchemaError>) {
    let names: Vec<&str> = entries
        .iter()
        .map(|(dashboard, _)| dashboard.name.as_str())
        .collect();
    for (dashboard, origin) in entries {
        for (property, at) in dashboard.properties.iter().zip(&origin.properties) {
            if let Some(target) = property
                .kind
                .related()
                .filter(|target| !target.is_empty() && !names.contains(target))
            {
                errors.push(SchemaError {
                    file: origin.file.clone(),
                    line: at.to,
                    message: format!(
                        "property {:?} points to dashboard {target:?}, which does not exist",
                        property.name
                    ),
                    cure: did_you_mean(target, names.iter().copied()),
                });
            }
            errors.extend(
                key_widths(dashboard, property, entries).map(|(message, cure)| SchemaError {
                    file: origin.file.clone(),
                    line: at.column,
                    message,
                    cure,
                }),
            );
        }
    }
}

/// Whether a relation names as many columns as the keys have that it joins.
fn key_widths(
    dashboard: &Dashboard,
    property: &Property,
    entries: &[(Dashboard, Origin)],
) -> Option<(String, String)> {
    let target = &entries
        .iter()
        .find(|(target, _)| property.kind.related() == Some(&target.name))?
        .0;
    let wrong = |what: &str, has: usize, of: &Dashboard| {
        (
            format!(
                "property {:?} names {has} columns as the key of {:?}, which has {}",
                property.name,
                of.name,
                of.key.len()
            ),
            format!(
                "name {what} as a list in the order of that key: {}",
                of.key.join(", ")
            ),
        )
    };
    match &property.feed {
        Feed::Columns(columns) if columns.len() != target.key.len() => {
            Some(wrong("column", columns.len(), target))
        }
        Feed::Through { to, .. } if to.len() != target.key.len() => {
            Some(wrong("column", to.len(), target))
        }
        Feed::Through { from, .. } if from.len() != dashboard.key.len() => {
            Some(wrong("from", from.len(), dashboard))
        }
        _ => None,
    }
}

/// Moves relation targets before those that point to them, and keeps the order otherwise.
pub(super) fn targets_first(entries: Vec<(Dashboard, Origin)>) -> Vec<(Dashboard, Origin)> {
    let mut order = Vec::with_capacity(entries.len());
    let mut visited = HashSet::new();
    for index in 0..entries.len() {
        visit(index, &entries, &mut visited, &mut order);
    }
    let mut entries: Vec<_> = entries.into_iter().map(Some).collect();
    order
        .into_iter()
        .filter_map(|index| entries[index].take())
        .collect()
}

fn visit(
    index: usize,
    entries: &[(Dashboard, Origin)],
    visited: &mut HashSet<usize>,
    order: &mut Vec<usize>,
) {
    if !visited.insert(index) {
        return;
    }
    for target in entries[index]
        .0
        .properties
        .iter()
        .filter_map(|property| property.kind.related())
    {
        if let Some(target) = entries
            .iter()
            .position(|(dashboard, _)| dashboard.name == target)
        {
            visit(target, entries, visited, order);
        }
    }
    order.push(index);
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}
