//! From the text of a schema file to a [`Dashboard`].
//!
//! Reading goes on after a mistake with a harmless stand-in, so that one run of the daemon names every
//! mistake in every file; a set with mistakes is never used.

use std::path::Path;
use std::time::Duration;

use toml::de::DeTable;

use super::error::{SchemaError, did_you_mean};
use super::fields::{Fields, File};
use super::{
    Dashboard, KEY_PROPERTY, NOTE_PROPERTY, Property, PropertyKind, SelectOption, Source, check,
};

pub(super) const TYPES: [&str; 13] = [
    "title",
    "text",
    "number",
    "select",
    "status",
    "multi_select",
    "date",
    "checkbox",
    "url",
    "email",
    "phone",
    "relation",
    "formula",
];

const COLORS: [&str; 10] = [
    "default", "gray", "brown", "orange", "yellow", "green", "blue", "purple", "pink", "red",
];

const FORMATS: [&str; 39] = [
    "number",
    "number_with_commas",
    "percent",
    "dollar",
    "australian_dollar",
    "canadian_dollar",
    "singapore_dollar",
    "euro",
    "pound",
    "yen",
    "ruble",
    "rupee",
    "won",
    "yuan",
    "real",
    "lira",
    "rupiah",
    "franc",
    "hong_kong_dollar",
    "new_zealand_dollar",
    "krona",
    "norwegian_krone",
    "mexican_peso",
    "rand",
    "new_taiwan_dollar",
    "danish_krone",
    "zloty",
    "baht",
    "forint",
    "koruna",
    "shekel",
    "chilean_peso",
    "philippine_peso",
    "dirham",
    "colombian_peso",
    "riyal",
    "ringgit",
    "leu",
    "peruvian_sol",
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

/// Where the parts of a property stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PropertyLines {
    pub(crate) name: usize,
    pub(crate) column: usize,
    pub(crate) kind: usize,
    pub(crate) to: usize,
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
    file.only(
        fields,
        &[
            "name",
            "icon",
            "description",
            "source",
            "query",
            "key",
            "cadence",
            "optional",
            "property",
        ],
    );
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

    let dashboard = Dashboard {
        name,
        icon: icon.map(|icon| icon.value),
        description: description.map(|description| description.value),
        source,
        key,
        cadence,
        optional,
        properties,
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

fn source(file: &mut File<'_>, fields: &Fields<'_>) -> (Source, usize) {
    let table = file.text(fields, "source");
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
            let names: Vec<&str> = table.value.split('.').collect();
            let source = match names.as_slice() {
                [name] if check::is_identifier(name) => Source::Table {
                    schema: "public".to_owned(),
                    name: (*name).to_owned(),
                },
                [schema, name] if check::is_identifier(schema) && check::is_identifier(name) => {
                    Source::Table {
                        schema: (*schema).to_owned(),
                        name: (*name).to_owned(),
                    }
                }
                _ => {
                    file.refuse(
                        table.line,
                        format!("source {:?} is not the name of a table", table.value),
                        "write schema.table, as Postgres spells it and without quotes; for anything else use \
                         query = \"select …\"",
                    );
                    stand_in
                }
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

fn duration(text: &str) -> Option<Duration> {
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

fn property(file: &mut File<'_>, fields: &Fields<'_>) -> (Property, PropertyLines, bool) {
    file.only(
        fields,
        &[
            "name",
            "type",
            "column",
            "format",
            "to",
            "expression",
            "options",
        ],
    );
    let name = file.text(fields, "name");
    if !fields.has("name") {
        file.refuse(
            fields.line,
            "the property has no name",
            "add a line such as name = \"Due\"",
        );
    }
    let (name, name_line) = name.map_or_else(
        || (String::new(), fields.line),
        |name| (name.value, name.line),
    );
    if fields.has("name") {
        check::title(file, name_line, "property", &name);
        check::not_reserved(file, name_line, &name, &[KEY_PROPERTY, NOTE_PROPERTY]);
    }

    let word = file.text(fields, "type");
    if !fields.has("type") {
        file.refuse(
            fields.line,
            format!("property {name:?} has no type"),
            format!("add type = \"…\" with one of {}", TYPES.join(", ")),
        );
    }
    let known = word
        .as_ref()
        .filter(|word| TYPES.contains(&word.value.as_str()));
    if let (Some(word), None) = (&word, known) {
        let cure = did_you_mean(&word.value, TYPES);
        file.refuse(
            word.line,
            format!("property {name:?} has the unknown type {:?}", word.value),
            cure,
        );
    }
    let kind_line = word.as_ref().map_or(fields.line, |word| word.line);
    let (kind, to_line) = known.map_or((PropertyKind::Text, fields.line), |word| {
        kind(file, fields, &name, &word.value)
    });

    let column = file.text(fields, "column");
    let column_line = column.as_ref().map_or(fields.line, |column| column.line);
    match &column {
        Some(_) if !kind.carries_data() => file.refuse(
            column_line,
            format!("property {name:?} is a formula and has a column"),
            "remove the column; a formula reads other properties by prop(\"Name\")",
        ),
        Some(column) if !check::is_identifier(&column.value) => file.refuse(
            column_line,
            format!("column {:?} cannot be the name of a column", column.value),
            "write the column's name as Postgres spells it, without quotes",
        ),
        None if !fields.has("column") && kind.carries_data() && known.is_some() => file.refuse(
            fields.line,
            format!("property {name:?} has no column"),
            "add a line such as column = \"due_on\"",
        ),
        _ => {}
    }
    let lines = PropertyLines {
        name: name_line,
        column: column_line,
        kind: kind_line,
        to: to_line,
    };
    (
        Property {
            name,
            column: column.map(|column| column.value),
            kind,
        },
        lines,
        known.is_some(),
    )
}

fn kind(file: &mut File<'_>, fields: &Fields<'_>, name: &str, word: &str) -> (PropertyKind, usize) {
    for (key, types) in [
        ("format", &["number"] as &[_]),
        ("to", &["relation"]),
        ("expression", &["formula"]),
        ("options", &["select", "status", "multi_select"]),
    ] {
        if let Some(span) = fields.span(key).filter(|_| !types.contains(&word)) {
            let line = file.line(&span);
            file.refuse(
                line,
                format!("{key:?} means nothing for property {name:?} of type {word}"),
                format!("remove it, or choose the type {}", types.join(" or ")),
            );
        }
    }
    let mut to_line = fields.line;
    let kind = match word {
        "title" => PropertyKind::Title,
        "number" => PropertyKind::Number {
            format: format(file, fields),
        },
        "select" => PropertyKind::Select {
            options: options(file, fields, name),
        },
        "status" => {
            let options = options(file, fields, name);
            if !fields.has("options") || options.is_empty() {
                file.refuse(
                    fields.line,
                    format!("property {name:?} is a status without options"),
                    "add options = [{ value = \"open\", name = \"Open\" }, …], or choose the type select",
                );
            }
            PropertyKind::Status { options }
        }
        "multi_select" => PropertyKind::MultiSelect {
            options: options(file, fields, name),
        },
        "date" => PropertyKind::Date,
        "checkbox" => PropertyKind::Checkbox,
        "url" => PropertyKind::Url,
        "email" => PropertyKind::Email,
        "phone" => PropertyKind::Phone,
        "relation" => {
            let to = file.text(fields, "to");
            if !fields.has("to") {
                file.refuse(
                    fields.line,
                    format!("property {name:?} does not say which dashboard it points to"),
                    "add a line such as to = \"Projects\"",
                );
            }
            to_line = to.as_ref().map_or(fields.line, |to| to.line);
            PropertyKind::Relation {
                dashboard: to.map(|to| to.value).unwrap_or_default(),
            }
        }
        "formula" => {
            let expression = file.text(fields, "expression");
            if !fields.has("expression") {
                file.refuse(
                    fields.line,
                    format!("property {name:?} has no expression"),
                    "add a line such as expression = 'prop(\"Price\") * prop(\"Count\")'",
                );
            }
            PropertyKind::Formula {
                expression: expression.map(|text| text.value).unwrap_or_default(),
            }
        }
        _ => PropertyKind::Text,
    };
    (kind, to_line)
}

fn format(file: &mut File<'_>, fields: &Fields<'_>) -> String {
    let Some(format) = file.text(fields, "format") else {
        return "number".to_owned();
    };
    if !FORMATS.contains(&format.value.as_str()) {
        let cure = did_you_mean(&format.value, FORMATS);
        file.refuse(
            format.line,
            format!("unknown number format {:?}", format.value),
            cure,
        );
    }
    format.value
}

fn options(file: &mut File<'_>, fields: &Fields<'_>, property: &str) -> Vec<SelectOption> {
    let mut options: Vec<SelectOption> = Vec::new();
    for fields in file.tables(
        fields,
        "options",
        "options = [{ value = \"todo\", name = \"To do\", color = \"gray\" }, …]",
    ) {
        file.only(&fields, &["value", "name", "color"]);
        let (value, name) = (file.text(&fields, "value"), file.text(&fields, "name"));
        let color = file.text(&fields, "color");
        if let Some(color) = color
            .as_ref()
            .filter(|color| !COLORS.contains(&color.value.as_str()))
        {
            let cure = did_you_mean(&color.value, COLORS);
            file.refuse(
                color.line,
                format!("unknown colour {:?}", color.value),
                cure,
            );
        }
        let Some(value) = value else {
            if !fields.has("value") {
                file.refuse(
                    fields.line,
                    format!("an option of property {property:?} has no value"),
                    "add value = \"…\", as it stands in the column",
                );
            }
            continue;
        };
        let name = name.map_or_else(|| value.value.clone(), |name| name.value);
        check::option(file, fields.line, property, &name, &value.value, &options);
        options.push(SelectOption {
            value: value.value,
            name,
            color: color.map_or_else(|| "default".to_owned(), |color| color.value),
        });
    }
    if options.len() > 100 {
        file.refuse(
            fields.line,
            format!(
                "property {property:?} has {} options, Notion takes 100",
                options.len()
            ),
            "name fewer; others are added as rows bring them",
        );
    }
    options
}
