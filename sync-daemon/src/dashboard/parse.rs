//! From the text of a schema file to a [`Dashboard`].
//!
//! Reading goes on after a mistake with a harmless stand-in, so that one run of the daemon names every
//! mistake in every file; a set with mistakes is never used.

use std::path::Path;
use std::time::Duration;

use toml::de::DeTable;

use crate::limit::{Limit, Trashes};

use super::error::SchemaError;
use super::fields::{Fields, File};
use super::property::{PropertyLines, property};
use super::{Dashboard, Feed, PAGE_PARTS, Property, Source, check, feed, view};

/// The keys of a dashboard, and what they say.
pub(super) const KEYS: [(&str, &str); 16] = [
    (
        "name",
        "The database's title in Notion, unique whatever the case.",
    ),
    (
        "was",
        "The name it had before, or a list: its database is renamed and keeps its pages.",
    ),
    (
        "order",
        "Where it stands on the parent page: smaller numbers first, 0 if left out.",
    ),
    ("icon", "One emoji."),
    (
        "description",
        "Shown under the title; at most 2,000 characters.",
    ),
    (
        "source",
        "schema.table, as Postgres spells it and without quotes; a list where a name has a dot.",
    ),
    ("query", "A SELECT instead of a table."),
    (
        "key",
        "The column that identifies a row, or a list of columns.",
    ),
    (
        "cadence",
        "The longest time a change may go unnoticed, \"1s\" to \"1d\".",
    ),
    ("optional", "Left out where its source does not exist."),
    (
        "trash_limit",
        "The most pages that one plan may trash unasked: \"20%, 50\", one of the two, or \"off\".",
    ),
    (
        "change_limit",
        "The part of all pages in which one plan may change the same properties unasked: \"90%\", or \"off\".",
    ),
    (
        "heal",
        "What becomes of a person's edits: \"overwrite\" (if left out) or \"report\".",
    ),
    (
        "page",
        "Columns that make each page's icon, cover and body.",
    ),
    (
        "view",
        "Views that are made in Notion, and kept as they are here.",
    ),
    (
        "property",
        "In the order in which people see them; exactly one is the title.",
    ),
];

/// Where the parts of a dashboard stand in its file.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) file: String,
    pub(crate) name: usize,
    pub(crate) source: usize,
    pub(crate) key: usize,
    pub(crate) properties: Vec<PropertyLines>,
}

/// Name and text of each `*.toml` file of a folder, by name.
pub(super) fn read_folder(folder: &Path) -> Result<Vec<(String, String)>, Vec<SchemaError>> {
    let unreadable = |path: &Path, error: std::io::Error| SchemaError {
        file: path.display().to_string(),
        line: 0,
        message: format!("cannot be read: {error}"),
        cure: "check CLAIMBOARD_SCHEMAS and the rights of the daemon's user".to_owned(),
    };
    let entries = std::fs::read_dir(folder).map_err(|error| vec![unreadable(folder, error)])?;
    let mut errors = Vec::new();
    let mut files = Vec::new();
    for entry in entries {
        let path = match entry {
            Ok(entry) => entry.path(),
            Err(error) => {
                errors.push(unreadable(folder, error));
                continue;
            }
        };
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            match std::fs::read_to_string(&path) {
                Ok(text) => files.push((path.display().to_string(), text)),
                Err(error) => errors.push(unreadable(&path, error)),
            }
        }
    }
    files.sort();
    if errors.is_empty() {
        Ok(files)
    } else {
        Err(errors)
    }
}

pub(super) fn files(
    files: &[(String, String)],
    errors: &mut Vec<SchemaError>,
) -> Vec<(Dashboard, Origin)> {
    files
        .iter()
        .filter_map(|(name, text)| {
            let (table, mistakes) = DeTable::parse_recoverable(text);
            let mut file = File::new(name, text, errors);
            for mistake in &mistakes {
                let line = mistake.span().map_or(0, |span| file.line(&span));
                file.refuse(
                    line,
                    format!("not TOML: {}", mistake.message()),
                    "correct the syntax",
                );
            }
            mistakes
                .is_empty()
                .then(|| dashboard(&mut file, name, &Fields::of(table.get_ref())))
        })
        .collect()
}

fn dashboard(file: &mut File<'_>, file_name: &str, fields: &Fields<'_>) -> (Dashboard, Origin) {
    file.only(fields, &KEYS.map(|(key, _)| key));
    let name = file.text(fields, "name");
    if !fields.has("name") {
        file.refuse(
            1,
            "the dashboard has no name",
            "add a line such as name = \"Invoices\"",
        );
    }
    let (name, name_line) =
        name.map_or_else(|| (file_name.to_owned(), 1), |name| (name.value, name.line));
    check::title(file, name_line, "dashboard", &name);

    let icon = file.text(fields, "icon");
    if let Some(icon) = icon.as_ref().filter(|icon| !check::is_emoji(&icon.value)) {
        file.refuse(
            icon.line,
            format!("icon {:?} is not an emoji", icon.value),
            "write one emoji such as \"📦\"",
        );
    }
    let description = file.text(fields, "description");
    if let Some(long) = description
        .as_ref()
        .filter(|text| text.value.encode_utf16().count() > 2000)
    {
        file.refuse(
            long.line,
            "the description is longer than 2,000 characters",
            "shorten it",
        );
    }

    let (source, source_line) = source(file, fields);
    let (key, key_line) = key(file, fields);
    let cadence = cadence(file, fields);
    let optional = file.boolean(fields, "optional").unwrap_or(false);

    let limit = Limit {
        trashes: trash_limit(file, fields),
        changes: change_limit(file, fields),
    };

    let mut properties = Vec::new();
    let mut lines = Vec::new();
    let mut all_types_known = true;
    for fields in file.tables(fields, "property", "[[property]] sections") {
        let (property, at, type_known) = property(file, &fields);
        properties.push(property);
        lines.push(at);
        all_types_known &= type_known;
    }
    check::properties(file, &properties, &lines, all_types_known);

    let views = view::views(file, fields, &properties);
    page_parts(file, fields, &mut properties, &mut lines);

    let was = file.texts(fields, "was");
    let dashboard = Dashboard {
        name,
        was: was.map(|was| was.value).unwrap_or_default(),
        order: file.integer(fields, "order").unwrap_or(0),
        icon: icon.map(|icon| icon.value),
        description: description.map(|description| description.value),
        source,
        key,
        cadence,
        limit,
        report_only: report_only(file, fields),
        optional,
        properties,
        views,
    };
    let origin = Origin {
        file: file_name.to_owned(),
        name: name_line,
        source: source_line,
        key: key_line,
        properties: lines,
    };
    (dashboard, origin)
}

/// Reads `[page]`: what makes a page's icon, cover and body.
fn page_parts(
    file: &mut File<'_>,
    fields: &Fields<'_>,
    properties: &mut Vec<Property>,
    lines: &mut Vec<PropertyLines>,
) {
    let Some(fields) = file.table(fields, "page", "a section [page]") else {
        return;
    };
    file.only(&fields, &PAGE_PARTS.map(|(key, ..)| key));
    for (key, name, kind) in PAGE_PARTS {
        let Some(column) = file.text(&fields, key) else {
            continue;
        };
        feed::identifier(file, column.line, &column.value);
        properties.push(Property {
            name: name.to_owned(),
            was: Vec::new(),
            feed: Feed::Column(column.value),
            round: None,
            report_only: None,
            kind,
        });
        lines.push(PropertyLines {
            name: column.line,
            column: column.line,
            kind: column.line,
            to: column.line,
        });
    }
}

fn source(file: &mut File<'_>, fields: &Fields<'_>) -> (Source, usize) {
    let table = file.texts(fields, "source");
    let query = file.text(fields, "query");
    let stand_in = Source::Query(String::new());
    match (table, query) {
        (Some(table), Some(query)) => {
            file.refuse(
                query.line.max(table.line),
                "both \"source\" and \"query\" say where rows come from",
                "keep one of them",
            );
            (stand_in, query.line)
        }
        (Some(table), None) => {
            let source = if let Some((schema, name)) = feed::table(&table.value) {
                Source::Table { schema, name }
            } else {
                file.refuse(
                    table.line,
                    format!("source {:?} is not the name of a table", table.value.join(".")),
                    "write schema.table, as Postgres spells it and without quotes; for anything else use \
                     query = \"select …\"",
                );
                stand_in
            };
            (source, table.line)
        }
        (None, Some(query)) => {
            let text = query
                .value
                .trim_end()
                .trim_end_matches(';')
                .trim_end()
                .to_owned();
            if text.trim().is_empty() {
                file.refuse(
                    query.line,
                    "the query is empty",
                    "write query = \"select …\"",
                );
            }
            let span = fields.span("query").unwrap_or_default();
            (Source::Query(text), file.first_line_of_text(&span))
        }
        (None, None) => {
            if !fields.has("source") && !fields.has("query") {
                file.refuse(
                    1,
                    "nothing says where rows come from",
                    "add a line such as source = \"public.invoices\"",
                );
            }
            (stand_in, 1)
        }
    }
}

fn key(file: &mut File<'_>, fields: &Fields<'_>) -> (Vec<String>, usize) {
    let example = "name the columns that identify a row, such as key = \"id\" or key = [\"order_id\", \"line\"]";
    let Some(key) = file.texts(fields, "key") else {
        if !fields.has("key") {
            file.refuse(1, "the dashboard has no key", example);
        }
        return (Vec::new(), 1);
    };
    if key.value.is_empty() || key.value.iter().any(|column| !check::is_identifier(column)) {
        file.refuse(key.line, "the key names no column", example);
    }
    for (index, column) in key.value.iter().enumerate() {
        if key.value[..index].contains(column) {
            file.refuse(
                key.line,
                format!("the key names column {column:?} twice"),
                "remove one",
            );
        }
    }
    (key.value, key.line)
}

fn cadence(file: &mut File<'_>, fields: &Fields<'_>) -> Duration {
    const DAY: Duration = Duration::from_hours(24);
    let cure = "write a time from \"1s\" to \"1d\", such as \"30s\", \"2m\" or \"1h\"";
    let Some(text) = file.text(fields, "cadence") else {
        if !fields.has("cadence") {
            file.refuse(1, "the dashboard has no cadence", cure);
        }
        return DAY;
    };
    let cadence = duration(&text.value);
    match cadence {
        Some(cadence) if (Duration::from_secs(1)..=DAY).contains(&cadence) => cadence,
        _ => {
            file.refuse(
                text.line,
                format!("cadence {:?} is not possible", text.value),
                cure,
            );
            DAY
        }
    }
}

pub(super) fn report_only(file: &mut File<'_>, fields: &Fields<'_>) -> bool {
    let Some(heal) = file.text(fields, "heal") else {
        return false;
    };
    if !["overwrite", "report"].contains(&heal.value.as_str()) {
        file.refuse(
            heal.line,
            format!("heal {:?} is not possible", heal.value),
            "write \"overwrite\" or \"report\"",
        );
    }
    heal.value == "report"
}

/// `"20%, 50"`: a percentage, a number, or both; `"off"`.
fn trash_limit(file: &mut File<'_>, fields: &Fields<'_>) -> Option<Trashes> {
    let Some(text) = file.text(fields, "trash_limit") else {
        return Limit::default().trashes;
    };
    if text.value == "off" {
        return None;
    }
    let mut limit = Trashes {
        percent: 100,
        pages: usize::MAX,
    };
    for part in text.value.split(',').map(str::trim) {
        match (percentage(part), part.parse()) {
            (Some(percent), _) => limit.percent = percent,
            (None, Ok(pages)) => limit.pages = pages,
            (None, Err(_)) => file.refuse(
                text.line,
                format!("trash_limit {:?} is not possible", text.value),
                "write a percentage and a number such as \"20%, 50\", one of them, or \"off\"",
            ),
        }
    }
    Some(limit)
}

fn change_limit(file: &mut File<'_>, fields: &Fields<'_>) -> Option<usize> {
    let Some(text) = file.text(fields, "change_limit") else {
        return Limit::default().changes;
    };
    if text.value == "off" {
        return None;
    }
    let percent = percentage(&text.value);
    if percent.is_none() {
        file.refuse(
            text.line,
            format!("change_limit {:?} is not possible", text.value),
            "write a percentage such as \"90%\", or \"off\"",
        );
    }
    percent
}

fn percentage(text: &str) -> Option<usize> {
    let number = text.strip_suffix('%')?.trim().parse().ok()?;
    (number <= 100).then_some(number)
}

pub(super) fn duration(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u64 = text[..text.len() - 1].parse().ok()?;
    number.checked_mul(unit).map(Duration::from_secs)
}
