//! Where a property's value comes from: a column, several of them, or a join table.

use serde::Serialize;

use super::fields::{Fields, File};
use super::{PropertyKind, check};

/// What feeds a property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Feed {
    /// Nothing: Notion computes it.
    Nothing,
    /// One column.
    Column(String),
    /// The columns that together hold a key of the related dashboard.
    Columns(Vec<String>),
    /// Words and columns, one after the other.
    Template(Vec<Part>),
    /// Two columns: a beginning and an end.
    Span {
        /// The beginning.
        start: String,
        /// The end.
        end: String,
    },
    /// Rows of a join table.
    Through {
        /// Schema of the join table.
        schema: String,
        /// The join table.
        table: String,
        /// Its columns that hold the key of the row at hand, in the order of the dashboard's key.
        from: Vec<String>,
        /// Its columns that hold the key of the related row, in the order of that dashboard's key.
        to: Vec<String>,
    },
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// As it stands.
    Words(String),
    /// The text of a column.
    Column(String),
}

/// What a value is rounded to, so that noise costs no write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Round {
    /// A multiple of this decimal number.
    Step(String),
    /// A multiple of so many seconds.
    Seconds(u64),
}

impl Feed {
    /// The columns of the source that it reads.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let columns: Vec<&str> = match self {
            Self::Nothing | Self::Through { .. } => Vec::new(),
            Self::Column(column) => vec![column],
            Self::Columns(columns) => columns.iter().map(String::as_str).collect(),
            Self::Template(parts) => parts
                .iter()
                .filter_map(|part| match part {
                    Part::Column(column) => Some(column.as_str()),
                    Part::Words(_) => None,
                })
                .collect(),
            Self::Span { start, end } => vec![start, end],
        };
        columns.into_iter()
    }
}

/// Reads what feeds a property, and the line that says so.
pub(super) fn feed(
    file: &mut File<'_>,
    fields: &Fields<'_>,
    name: &str,
    kind: &PropertyKind,
) -> (Feed, usize) {
    let template = file.text(fields, "template");
    let columns = file.texts(fields, "column");
    let line = template
        .as_ref()
        .map(|template| template.line)
        .or(columns.as_ref().map(|columns| columns.line))
        .unwrap_or(fields.line);
    if !kind.carries_data() {
        if fields.has("column") || fields.has("template") {
            file.refuse(
                line,
                format!("property {name:?} is a formula and has a column"),
                "remove the column; a formula reads other properties by prop(\"Name\")",
            );
        }
        return (Feed::Nothing, line);
    }
    for column in columns.iter().flat_map(|columns| &columns.value) {
        identifier(file, line, column);
    }
    let columns = columns.map(|columns| columns.value);
    let feed = match (template, columns) {
        (Some(_), Some(_)) => {
            file.refuse(
                line,
                format!("property {name:?} has a column and a template"),
                "keep one of them; a template names its columns in braces",
            );
            Feed::Nothing
        }
        (Some(template), None) => parts(file, line, name, &template.value),
        (None, Some(columns)) => of_columns(file, fields, line, name, kind, columns),
        (None, None) => {
            if !fields.has("column") && !fields.has("template") {
                file.refuse(
                    fields.line,
                    format!("property {name:?} has no column"),
                    "add a line such as column = \"due_on\"",
                );
            }
            Feed::Nothing
        }
    };
    (feed, line)
}

fn of_columns(
    file: &mut File<'_>,
    fields: &Fields<'_>,
    line: usize,
    name: &str,
    kind: &PropertyKind,
    mut columns: Vec<String>,
) -> Feed {
    if let Some(through) = file.texts(fields, "through") {
        let from = file.texts(fields, "from").map(|from| from.value);
        for column in from.iter().flatten() {
            identifier(file, through.line, column);
        }
        let Some(from) = from.filter(|from| !from.is_empty()) else {
            file.refuse(
                through.line,
                format!("property {name:?} does not say which column of its join table points here"),
                "add a line such as from = \"film_id\"; column names the one that points to the related row",
            );
            return Feed::Nothing;
        };
        let Some((schema, table)) = table(&through.value) else {
            file.refuse(
                through.line,
                format!("property {name:?} goes through something that is not the name of a table"),
                "write schema.table, as Postgres spells it and without quotes",
            );
            return Feed::Nothing;
        };
        return Feed::Through {
            schema,
            table,
            from,
            to: columns,
        };
    }
    if let Some(end) = file.text(fields, "end") {
        identifier(file, end.line, &end.value);
        return match columns.pop().filter(|_| columns.is_empty()) {
            Some(start) => Feed::Span {
                start,
                end: end.value,
            },
            None => Feed::Nothing,
        };
    }
    match columns.len() {
        1 => Feed::Column(columns.remove(0)),
        2.. if matches!(kind, PropertyKind::Relation { .. }) => Feed::Columns(columns),
        _ => {
            file.refuse(
                line,
                format!(
                    "property {name:?} of type {} names {} columns",
                    kind.name(),
                    columns.len()
                ),
                "name one, or write template = \"{first} {last}\" with type title or text",
            );
            Feed::Nothing
        }
    }
}

/// Schema and name of a table: `name`, `schema.name`, or the two in a list where a name has a dot or quotes of its own.
pub(super) fn table(names: &[String]) -> Option<(String, String)> {
    let names: Vec<&str> = match names {
        [one] => one.split('.').collect(),
        [schema, name] if check::may_be_a_name(schema) && check::may_be_a_name(name) => {
            return Some((schema.clone(), name.clone()));
        }
        _ => return None,
    };
    match names.as_slice() {
        [name] if check::is_identifier(name) => Some(("public".to_owned(), (*name).to_owned())),
        [schema, name] if check::is_identifier(schema) && check::is_identifier(name) => {
            Some(((*schema).to_owned(), (*name).to_owned()))
        }
        _ => None,
    }
}

pub(super) fn identifier(file: &mut File<'_>, line: usize, column: &str) {
    if !check::is_identifier(column) {
        file.refuse(
            line,
            format!("column {column:?} cannot be the name of a column"),
            "write the column's name as Postgres spells it, without quotes",
        );
    }
}

/// Reads `"{first} {last}"`; `{{` and `}}` stand for braces.
fn parts(file: &mut File<'_>, line: usize, name: &str, template: &str) -> Feed {
    let mut parts = Vec::new();
    let mut words = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        words.push_str(&rest[..at]);
        let (brace, after) = (&rest[at..=at], &rest[at + 1..]);
        if let Some(after) = after.strip_prefix(brace) {
            words.push_str(brace);
            rest = after;
            continue;
        }
        let Some((column, after)) = after.split_once('}').filter(|_| brace == "{") else {
            file.refuse(
                line,
                format!("the template of property {name:?} has a brace without its other half"),
                "write {column}, and {{ or }} for a brace that people see",
            );
            return Feed::Nothing;
        };
        identifier(file, line, column);
        if !words.is_empty() {
            parts.push(Part::Words(std::mem::take(&mut words)));
        }
        parts.push(Part::Column(column.to_owned()));
        rest = after;
    }
    words.push_str(rest);
    if !words.is_empty() {
        parts.push(Part::Words(words));
    }
    if !parts.iter().any(|part| matches!(part, Part::Column(_))) {
        file.refuse(
            line,
            format!("the template of property {name:?} names no column"),
            "name them in braces, such as \"{first_name} {last_name}\"",
        );
    }
    Feed::Template(parts)
}

/// Reads what a property is rounded to.
pub(super) fn round(
    file: &mut File<'_>,
    fields: &Fields<'_>,
    kind: &PropertyKind,
) -> Option<Round> {
    let (raw, line) = file.raw(fields, "round")?;
    let (round, cure) = match kind {
        PropertyKind::Date => (
            super::parse::duration(&raw)
                .filter(|time| time.as_secs() >= 60)
                .map(|time| Round::Seconds(time.as_secs())),
            "write a time of a minute or more, such as round = \"5m\"",
        ),
        _ => (
            raw.parse::<f64>()
                .ok()
                .filter(|step| step.is_finite() && *step > 0.0)
                .map(|step| Round::Step(step.to_string())),
            "write a number above zero, such as round = 10 or round = 0.5",
        ),
    };
    if round.is_none() {
        file.refuse(line, format!("cannot round to {raw:?}"), cure);
    }
    round
}
