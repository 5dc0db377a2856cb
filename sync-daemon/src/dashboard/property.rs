//! From a `[[property]]` of a schema file to a [`Property`].

use super::error::did_you_mean;
use super::fields::{Fields, File};
use super::{
    Feed, KEY_PROPERTY, Meets, NOTE_PROPERTY, PAGE_PARTS, Property, PropertyKind, SelectOption,
    check, feed,
};

pub(super) const TYPES: [&str; 15] = [
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
    "people",
    "files",
    "relation",
    "formula",
];

pub(super) const COLORS: [&str; 10] = [
    "default", "gray", "brown", "orange", "yellow", "green", "blue", "purple", "pink", "red",
];

pub(super) const FORMATS: [&str; 41] = [
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
    "argentine_peso",
    "uruguayan_peso",
    "peruvian_sol",
];

/// A key of a `[[property]]`.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// The types for which it means something; none for all.
    pub(super) types: &'static [&'static str],
    pub(super) says: &'static str,
}

const fn key(name: &'static str, types: &'static [&'static str], says: &'static str) -> Key {
    Key { name, types, says }
}

pub(super) const KEYS: [Key; 15] = [
    key(
        "name",
        &[],
        "Unique within the dashboard, and the property's name in Notion.",
    ),
    key(
        "was",
        &[],
        "The name it had before, or a list: it is renamed and keeps what is in it.",
    ),
    key("type", &[], "What it is in Notion."),
    key(
        "column",
        &[],
        "The column that feeds it; for a relation to a key of several columns a list.",
    ),
    key(
        "template",
        &["title", "text"],
        "Words and columns, as in \"{first_name} {last_name}\".",
    ),
    key(
        "markdown",
        &["text"],
        "true: marks and links are read from markdown.",
    ),
    key(
        "end",
        &["date"],
        "A second column, where the range ends that `column` begins.",
    ),
    key(
        "round",
        &["number", "date"],
        "What values are rounded to, so that noise costs no write: 10, 0.5, \"5m\".",
    ),
    key("format", &["number"], "How Notion shows the number."),
    key(
        "to",
        &["relation"],
        "The dashboard it points to, which may be this one.",
    ),
    key(
        "through",
        &["relation"],
        "A join table; `column` and `from` are then columns of it.",
    ),
    key(
        "from",
        &["relation"],
        "The join table's column that holds the key of the row at hand.",
    ),
    key("expression", &["formula"], "In Notion's formula language."),
    key(
        "options",
        &["select", "status", "multi_select"],
        "What values people see as what, in which colour.",
    ),
    key(
        "heal",
        &[],
        "What becomes of a person's edits here, if not what the dashboard says: \"overwrite\" or \"report\".",
    ),
];

/// Where the parts of a property stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PropertyLines {
    pub(crate) name: usize,
    pub(crate) column: usize,
    pub(crate) kind: usize,
    pub(crate) to: usize,
}

pub(super) fn property(
    file: &mut File<'_>,
    fields: &Fields<'_>,
) -> (Property, PropertyLines, bool) {
    file.only(fields, &KEYS.map(|key| key.name));
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
        let parts = PAGE_PARTS.map(|(_, name, _)| name);
        check::not_reserved(file, name_line, &name, &[KEY_PROPERTY, NOTE_PROPERTY]);
        check::not_reserved(file, name_line, &name, &parts);
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
    let (kind, to_line) = known.map_or((PropertyKind::PLAIN, fields.line), |word| {
        kind(file, fields, &name, &word.value)
    });

    let (feed, column_line) = if known.is_some() {
        feed::feed(file, fields, &name, &kind)
    } else {
        (Feed::Nothing, fields.line)
    };
    let round = feed::round(file, fields, &kind);
    let lines = PropertyLines {
        name: name_line,
        column: column_line,
        kind: kind_line,
        to: to_line,
    };
    (
        Property {
            name,
            was: file
                .texts(fields, "was")
                .map(|was| was.value)
                .unwrap_or_default(),
            feed,
            round,
            report_only: fields
                .has("heal")
                .then(|| super::parse::report_only(file, fields)),
            kind,
        },
        lines,
        known.is_some(),
    )
}

fn kind(file: &mut File<'_>, fields: &Fields<'_>, name: &str, word: &str) -> (PropertyKind, usize) {
    for Key {
        name: key, types, ..
    } in KEYS.iter().filter(|key| !key.types.is_empty())
    {
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
        "people" => PropertyKind::People,
        "files" => PropertyKind::Files,
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
        _ => PropertyKind::Text {
            markdown: file.boolean(fields, "markdown").unwrap_or(false),
        },
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

/// The keys of an option, and what they say.
pub(super) const OPTION_KEYS: [(&str, &str); 6] = [
    ("value", "As it stands in the column."),
    (
        "from",
        "A number: for values from it on, up to the next option with \"from\".",
    ),
    ("null", "true: for rows without a value."),
    (
        "other",
        "true: for every value that no other option stands for.",
    ),
    ("name", "What people see; the value itself if left out."),
    ("color", "One of Notion's colours."),
];

fn meets(file: &mut File<'_>, fields: &Fields<'_>, property: &str) -> Option<Meets> {
    let mut found = Vec::new();
    found.extend(
        file.text(fields, "value")
            .map(|value| Meets::Value(value.value)),
    );
    if let Some((number, line)) = file.raw(fields, "from") {
        if number.parse::<f64>().is_ok_and(f64::is_finite) {
            found.push(Meets::From(number));
        } else {
            file.refuse(
                line,
                format!(
                    "an option of property {property:?} begins from {number:?}, which is no number"
                ),
                "write a number, such as from = 80",
            );
        }
    }
    let mut off = false;
    for (key, meets) in [("null", Meets::Null), ("other", Meets::Other)] {
        match file.boolean(fields, key) {
            Some(true) => found.push(meets),
            Some(false) => off = true,
            None => {}
        }
    }
    let named = ["value", "from", "null", "other"]
        .iter()
        .any(|key| fields.has(key));
    match (found.len(), named && !off) {
        (0, false) => file.refuse(
            fields.line,
            format!("an option of property {property:?} has no value"),
            "add value = \"…\", as it stands in the column, or one of from = 80, null = true, other = true",
        ),
        (2.., _) => file.refuse(
            fields.line,
            format!("an option of property {property:?} stands for several things"),
            "keep one of value, from, null and other; several options may share a name",
        ),
        _ => {}
    }
    found.into_iter().next()
}

fn options(file: &mut File<'_>, fields: &Fields<'_>, property: &str) -> Vec<SelectOption> {
    let mut options: Vec<SelectOption> = Vec::new();
    for fields in file.tables(
        fields,
        "options",
        "options = [{ value = \"todo\", name = \"To do\", color = \"gray\" }, …]",
    ) {
        file.only(&fields, &OPTION_KEYS.map(|(key, _)| key));
        let name = file.text(&fields, "name");
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
        let Some(meets) = meets(file, &fields, property) else {
            continue;
        };
        let name = match (name, &meets) {
            (Some(name), _) => name.value,
            (None, Meets::Value(value)) => value.clone(),
            (None, _) => String::new(),
        };
        check::option(file, fields.line, property, &name, &meets, &options);
        options.push(SelectOption {
            meets,
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
