//! Views of a dashboard, from the `[[view]]` sections of its file.

use super::error::did_you_mean;
use super::fields::{Fields, File};
use super::{Property, PropertyKind, check};

/// The types of a view.
pub(super) const TYPES: [&str; 4] = ["table", "board", "timeline", "calendar"];

/// The keys of a `[[view]]`, and what they say.
pub(super) const KEYS: [(&str, &str); 8] = [
    ("name", "The view's name, unique within the dashboard."),
    ("type", "How it shows the pages."),
    (
        "group",
        "The property whose options make the columns of a board or the groups of a table.",
    ),
    ("date", "The date that a timeline or calendar goes by."),
    (
        "sort",
        "Properties to sort by, the first first; \"-Due\" is latest first.",
    ),
    ("hide", "Properties that it does not show."),
    (
        "show",
        "The only properties that it shows, besides the title.",
    ),
    (
        "filter",
        "Which pages it shows: a property and the value, or a list of values, that it has.",
    ),
];

/// A view that the file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its name in Notion.
    pub name: String,
    /// `table`, `board`, `timeline` or `calendar`.
    pub kind: String,
    /// The property whose options are its groups.
    pub group: Option<String>,
    /// The property that a timeline or calendar goes by.
    pub date: Option<String>,
    /// Properties to sort by, and whether from the last to the first.
    pub sort: Vec<(String, bool)>,
    /// Properties that it does not show.
    pub hide: Vec<String>,
    /// Properties and the values of which a page must have one.
    pub filter: Vec<(String, Vec<String>)>,
}

pub(super) fn views(
    file: &mut File<'_>,
    fields: &Fields<'_>,
    properties: &[Property],
) -> Vec<View> {
    let mut views: Vec<View> = Vec::new();
    for fields in file.tables(fields, "view", "[[view]] sections") {
        let view = view(file, &fields, properties);
        if views
            .iter()
            .any(|other| other.name.to_lowercase() == view.name.to_lowercase())
        {
            file.refuse(
                fields.line,
                format!("view {:?} stands twice", view.name),
                "rename one",
            );
        }
        views.push(view);
    }
    views
}

fn view(file: &mut File<'_>, fields: &Fields<'_>, properties: &[Property]) -> View {
    file.only(fields, &KEYS.map(|(key, _)| key));
    let name = file.text(fields, "name");
    let line = name.as_ref().map_or(fields.line, |name| name.line);
    let name = name.map(|name| name.value).unwrap_or_default();
    check::title(file, line, "view", &name);
    let kind = file
        .text(fields, "type")
        .map_or_else(|| "table".to_owned(), |kind| kind.value);
    if !TYPES.contains(&kind.as_str()) {
        let cure = did_you_mean(&kind, TYPES);
        file.refuse(
            line,
            format!("view {name:?} has the unknown type {kind:?}"),
            cure,
        );
    }
    let known = |name: &str| properties.iter().find(|property| property.name == name);
    let refer = |file: &mut File<'_>, line: usize, wanted: &str| {
        if known(wanted).is_none() {
            let names = properties.iter().map(|property| property.name.as_str());
            file.refuse(
                line,
                format!("view {name:?} refers to property {wanted:?}, which does not exist"),
                did_you_mean(wanted, names),
            );
        }
    };
    let one = |file: &mut File<'_>, key: &str, fits: &dyn Fn(&PropertyKind) -> bool, cure: &str| {
        let property = file.text(fields, key)?;
        refer(file, property.line, &property.value);
        if known(&property.value).is_some_and(|known| !fits(&known.kind)) {
            let message = format!("view {name:?} cannot go by property {:?}", property.value);
            file.refuse(property.line, message, cure);
        }
        Some(property.value)
    };
    let group = one(
        file,
        "group",
        &|kind| {
            matches!(
                kind,
                PropertyKind::Select { .. }
                    | PropertyKind::Status { .. }
                    | PropertyKind::MultiSelect { .. }
            )
        },
        "name one of type select, status or multi_select",
    );
    let date = one(
        file,
        "date",
        &|kind| matches!(kind, PropertyKind::Date),
        "name one of type date",
    );
    let list = |file: &mut File<'_>, key: &str| {
        let names = file.texts(fields, key);
        let line = names.as_ref().map_or(fields.line, |names| names.line);
        let names = names.map(|names| names.value).unwrap_or_default();
        for name in &names {
            refer(
                file,
                line,
                name.strip_prefix('-')
                    .filter(|_| key == "sort")
                    .unwrap_or(name),
            );
        }
        names
    };
    let sort = list(file, "sort");
    let mut hide = list(file, "hide");
    let show = list(file, "show");
    if fields.has("show") {
        let others = properties.iter().filter(|property| {
            property.kind != PropertyKind::Title && !show.contains(&property.name)
        });
        hide.extend(others.map(|property| property.name.clone()));
    }
    let filter = file.lists(fields, "filter");
    let filter_line = fields.span("filter").map_or(line, |span| file.line(&span));
    for (property, _) in &filter {
        refer(file, filter_line, property);
        let fits = |kind: &PropertyKind| {
            !matches!(
                kind,
                PropertyKind::Date | PropertyKind::Relation { .. } | PropertyKind::Formula { .. }
            )
        };
        if known(property).is_some_and(|known| !fits(&known.kind)) {
            file.refuse(
                filter_line,
                format!("view {name:?} cannot filter by property {property:?}"),
                "filter by a text, number, option or checkbox",
            );
        }
    }
    let needs = |key: &str, kinds: &[&str], has: bool| {
        kinds.contains(&kind.as_str()) && !has && !fields.has(key)
    };
    if needs("group", &["board"], group.is_some()) {
        file.refuse(
            line,
            format!("view {name:?} is a board without groups"),
            "add a line such as group = \"State\"",
        );
    }
    if needs("date", &["timeline", "calendar"], date.is_some()) {
        file.refuse(
            line,
            format!("view {name:?} is a {kind} without a date"),
            "add a line such as date = \"Due\"",
        );
    }
    View {
        name,
        kind,
        group,
        date,
        sort: sort
            .into_iter()
            .map(|name| match name.strip_prefix('-') {
                Some(name) => (name.to_owned(), true),
                None => (name, false),
            })
            .collect(),
        hide,
        filter,
    }
}
