//! The shapes of request bodies and query strings.

use std::sync::LazyLock;

use super::block_body::KINDS;
use super::shape::Shape::{Any, AtLeast, Boolean, Null, Number, Object, OneOf, Text, True, Uuid};
use super::shape::{
    Field, Shape, items, nullable, object, open, optional, or_null, record, required, union,
};
use super::view_body;
use crate::model::schema::{COLORS, Type};
use crate::model::workspace::VIEW_KINDS;

/// Notion's caps: units of a text, items of an array, options in one request.
pub(super) const TEXT: usize = 2000;
pub(super) const ITEMS: usize = 100;

pub(super) const API_COLORS: &[&str] = &[
    "default",
    "gray",
    "brown",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "red",
    "default_background",
    "gray_background",
    "brown_background",
    "orange_background",
    "yellow_background",
    "green_background",
    "blue_background",
    "purple_background",
    "pink_background",
    "red_background",
];

/// The colours of Notion's own icons, and of lines in charts.
pub(super) const ICON_COLORS: &[&str] = &[
    "gray",
    "lightgray",
    "brown",
    "yellow",
    "orange",
    "green",
    "blue",
    "purple",
    "pink",
    "red",
];

const NUMBER_FORMATS: &[&str] = &[
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

const ROLLUP_FUNCTIONS: &[&str] = &[
    "count",
    "count_values",
    "empty",
    "not_empty",
    "unique",
    "show_unique",
    "percent_empty",
    "percent_not_empty",
    "sum",
    "average",
    "median",
    "min",
    "max",
    "range",
    "earliest_date",
    "latest_date",
    "date_range",
    "checked",
    "unchecked",
    "percent_checked",
    "percent_unchecked",
    "count_per_group",
    "percent_per_group",
    "show_original",
];

pub(super) fn length(min: usize, max: usize) -> Shape {
    Shape::Length { min, max }
}

/// Members that answers carry and requests may send back.
fn tolerated(fields: &mut Vec<Field>, keys: &[&'static str]) {
    fields.extend(keys.iter().map(|key| optional(key, Any)));
}

pub(super) fn rich_text() -> Shape {
    let annotations = object(vec![
        optional("bold", Boolean),
        optional("italic", Boolean),
        optional("strikethrough", Boolean),
        optional("underline", Boolean),
        optional("code", Boolean),
        optional("color", OneOf(API_COLORS)),
    ]);
    let item = |kind: &'static [&'static str], content: Shape| {
        let mut fields = vec![required(kind[0], content), optional("type", OneOf(kind))];
        fields.push(optional("annotations", annotations.clone()));
        tolerated(&mut fields, &["plain_text", "href"]);
        object(fields)
    };
    let link = nullable(open(vec![required("url", length(0, TEXT))]));
    let text = object(vec![
        required("content", length(0, TEXT)),
        optional("link", link),
    ]);
    let equation = object(vec![required("expression", length(1, 1000))]);
    items(
        union(vec![
            item(&["text"], text),
            item(&["mention"], mention()),
            item(&["equation"], equation),
        ]),
        ITEMS,
    )
}

fn mention() -> Shape {
    let branch = |kind: &'static [&'static str], content: Shape| {
        object(vec![
            required(kind[0], content),
            optional("type", OneOf(kind)),
        ])
    };
    let reference = || open(vec![required("id", Uuid)]);
    union(vec![
        branch(&["user"], reference()),
        branch(&["page"], reference()),
        branch(&["database"], reference()),
        branch(&["date"], date()),
    ])
}

fn date() -> Shape {
    object(vec![
        required("start", Text),
        optional("end", nullable(Text)),
        optional("time_zone", nullable(Text)),
    ])
}

pub(super) fn icon() -> Shape {
    let custom_emoji = object(vec![
        required("id", Uuid),
        optional("name", Text),
        optional("url", Text),
    ]);
    let native = object(vec![
        required("name", length(1, TEXT)),
        optional("color", OneOf(ICON_COLORS)),
    ]);
    union(vec![
        object(vec![
            required("emoji", length(1, 40)),
            optional("type", OneOf(&["emoji"])),
        ]),
        object(vec![
            required("external", object(vec![required("url", length(1, TEXT))])),
            optional("type", OneOf(&["external"])),
        ]),
        object(vec![
            required("custom_emoji", custom_emoji),
            optional("type", OneOf(&["custom_emoji"])),
        ]),
        object(vec![
            required("icon", native),
            optional("type", OneOf(&["icon"])),
        ]),
        uploaded(),
    ])
}

/// A file that was uploaded before.
fn uploaded() -> Shape {
    object(vec![
        required("file_upload", object(vec![required("id", Text)])),
        optional("type", OneOf(&["file_upload"])),
    ])
}

fn cover() -> Shape {
    union(vec![
        object(vec![
            required("external", object(vec![required("url", length(1, TEXT))])),
            optional("type", OneOf(&["external"])),
        ]),
        uploaded(),
    ])
}

fn options() -> Shape {
    let option = |id: Field, name: Field| {
        object(vec![
            id,
            name,
            optional("color", OneOf(&COLORS)),
            optional("description", nullable(Text)),
            optional("group", Text),
        ])
    };
    let by_name = option(required("name", length(1, 100)), optional("id", Text));
    let by_id = option(required("id", Text), optional("name", length(1, 100)));
    items(union(vec![by_name, by_id]), ITEMS)
}

/// A property's configuration: one branch per type.
fn property_config() -> Vec<Shape> {
    let branch = |kind: &Type| {
        let mut fields = vec![
            required(kind.name(), config(*kind)),
            optional("type", OneOf(kind.only())),
            optional("name", length(1, TEXT)),
            optional("description", nullable(length(1, 280))),
        ];
        tolerated(&mut fields, &["id"]);
        object(fields)
    };
    Type::ALL.iter().map(branch).collect()
}

fn config(kind: Type) -> Shape {
    let relation = |how: &'static [&'static str], config: Shape| {
        open(vec![
            required("data_source_id", Uuid),
            optional("type", OneOf(how)),
            required(how[0], config),
        ])
    };
    let rollup = |relation: &'static str, rolled: &'static str| {
        open(vec![
            required("function", OneOf(ROLLUP_FUNCTIONS)),
            required(relation, Text),
            required(rolled, Text),
        ])
    };
    match kind {
        Type::Number => object(vec![optional("format", OneOf(NUMBER_FORMATS))]),
        Type::Formula => object(vec![optional("expression", Text)]),
        Type::Select | Type::MultiSelect => object(vec![optional("options", options())]),
        Type::Status => open(vec![optional("options", options())]),
        Type::Relation => {
            let mirror = open(vec![
                optional("synced_property_id", Text),
                optional("synced_property_name", length(1, TEXT)),
            ]);
            union(vec![
                relation(&["single_property"], object(Vec::new())),
                relation(&["dual_property"], mirror),
            ])
        }
        Type::Rollup => union(vec![
            rollup("relation_property_name", "rollup_property_name"),
            rollup("relation_property_id", "rollup_property_name"),
            rollup("relation_property_name", "rollup_property_id"),
            rollup("relation_property_id", "rollup_property_id"),
        ]),
        Type::UniqueId => object(vec![optional("prefix", nullable(Text))]),
        _ => object(Vec::new()),
    }
}

/// A property's value: one branch per type that can be written.
fn property_value() -> Shape {
    let branch = |kind: Type| {
        let mut fields = vec![
            required(kind.name(), value(kind)),
            optional("type", OneOf(kind.only())),
        ];
        tolerated(&mut fields, &["id", "has_more", "name"]);
        object(fields)
    };
    union(Type::WRITTEN.map(branch).to_vec())
}

fn value(kind: Type) -> Shape {
    let choice = || {
        let common = || {
            vec![
                optional("color", OneOf(&COLORS)),
                optional("description", nullable(Text)),
            ]
        };
        let mut by_id = vec![
            required("id", length(1, 100)),
            optional("name", length(1, 100)),
        ];
        by_id.extend(common());
        let mut by_name = vec![
            required("name", length(1, 100)),
            optional("id", length(1, 100)),
        ];
        by_name.extend(common());
        vec![object(by_id), object(by_name)]
    };
    let with_null = |mut branches: Vec<Shape>| {
        branches.push(Null);
        union(branches)
    };
    let file = |kind: &'static [&'static str]| {
        let content = object(vec![
            required("url", length(1, TEXT)),
            optional("expiry_time", Text),
        ]);
        object(vec![
            required(kind[0], content),
            required("name", length(1, 100)),
            optional("type", OneOf(kind)),
        ])
    };
    let reference = || items(open(vec![required("id", Uuid)]), ITEMS);
    match kind {
        Type::Title | Type::RichText => rich_text(),
        Type::Number => nullable(Number),
        Type::Url => nullable(length(1, TEXT)),
        Type::Email | Type::PhoneNumber => nullable(length(1, 200)),
        Type::Select | Type::Status => with_null(choice()),
        Type::MultiSelect => items(union(choice()), ITEMS),
        Type::People | Type::Relation => reference(),
        Type::Date => nullable(date()),
        Type::Checkbox => Boolean,
        Type::Files => items(union(vec![file(&["external"]), file(&["file"])]), ITEMS),
        // Notion computes the others.
        _ => Any,
    }
}

fn page_or_workspace() -> Shape {
    union(vec![
        object(vec![
            required("type", OneOf(&["page_id"])),
            required("page_id", Uuid),
        ]),
        object(vec![
            required("type", OneOf(&["workspace"])),
            required("workspace", True),
        ]),
    ])
}

/// Which template makes a page; a page that exists cannot ask for none.
fn template(none: bool) -> Shape {
    let branch = |kind: &'static [&'static str], mut fields: Vec<Field>| {
        fields.insert(0, required("type", OneOf(kind)));
        object(fields)
    };
    let zone = || optional("timezone", Text);
    let mut branches = vec![
        branch(&["default"], vec![zone()]),
        branch(
            &["template_id"],
            vec![required("template_id", Uuid), zone()],
        ),
    ];
    if none {
        branches.insert(0, branch(&["none"], Vec::new()));
    }
    union(branches)
}

/// Where something new stands among what is there.
fn place(start: &'static [&'static str], end: &'static [&'static str]) -> Shape {
    let block = object(vec![required("id", Uuid)]);
    union(vec![
        object(vec![
            required("type", OneOf(&["after_block"])),
            required("after_block", block),
        ]),
        object(vec![required("type", OneOf(start))]),
        object(vec![required("type", OneOf(end))]),
    ])
}

/// One member of an order: by what, and which way.
pub(super) fn directed(by: Field) -> Shape {
    open(vec![
        by,
        required("direction", OneOf(&["ascending", "descending"])),
    ])
}

pub(super) fn sorts() -> Shape {
    let timestamps = OneOf(&["created_time", "last_edited_time"]);
    let by = union(vec![
        directed(required("property", Text)),
        directed(required("timestamp", timestamps)),
    ]);
    items(by, ITEMS)
}

macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident = $shape:expr;)*) => {
        $($(#[$doc])* pub(crate) static $name: LazyLock<Shape> = LazyLock::new(|| $shape);)*
    };
}

shapes! {
    /// Takes no member at all.
    NOTHING = object(Vec::new());
    CREATE_DATABASE = object(vec![
        required("parent", page_or_workspace()),
        optional("title", rich_text()),
        optional("description", rich_text()),
        optional("is_inline", Boolean),
        optional("initial_data_source", object(vec![optional("properties", record(union(property_config())))])),
        optional("icon", nullable(icon())),
        optional("cover", nullable(cover())),
    ]);
    UPDATE_DATABASE = object(vec![
        optional("parent", page_or_workspace()),
        optional("title", rich_text()),
        optional("description", rich_text()),
        optional("is_inline", Boolean),
        optional("icon", nullable(icon())),
        optional("cover", nullable(cover())),
        optional("in_trash", Boolean),
        optional("is_locked", Boolean),
    ]);
    CREATE_DATA_SOURCE = object(vec![
        required("parent", object(vec![required("database_id", Uuid), optional("type", OneOf(&["database_id"]))])),
        required("properties", record(union(property_config()))),
        optional("title", rich_text()),
        optional("icon", nullable(icon())),
    ]);
    /// The properties of a new data source.
    CREATE_DATA_SOURCE_PROPERTIES = record(union(property_config()));
    UPDATE_DATA_SOURCE = {
        let mut change = property_config();
        change.push(object(vec![
            required("name", length(1, TEXT)),
            optional("description", nullable(length(1, 280))),
        ]));
        change.push(Null);
        object(vec![
            optional("title", rich_text()),
            optional("icon", nullable(icon())),
            optional("properties", record(union(change))),
            optional("in_trash", Boolean),
            optional("parent", object(vec![required("database_id", Uuid), optional("type", OneOf(&["database_id"]))])),
        ])
    };
    QUERY = object(vec![
        optional("sorts", sorts()),
        optional("filter", super::filter::filter()),
        optional("start_cursor", or_null(Text)),
        optional("page_size", AtLeast(1)),
        optional("result_type", OneOf(&["page", "data_source"])),
        optional("is_archived", Boolean),
    ]);
    CREATE_PAGE = object(vec![
        required("parent", union(vec![
            object(vec![required("page_id", Uuid), optional("type", OneOf(&["page_id"]))]),
            object(vec![required("database_id", Uuid), optional("type", OneOf(&["database_id"]))]),
            object(vec![
                required("data_source_id", Uuid),
                optional("type", OneOf(&["data_source_id"])),
                optional("database_id", Uuid),
            ]),
            object(vec![required("workspace", True), optional("type", OneOf(&["workspace"]))]),
        ])),
        optional("properties", record(property_value())),
        optional("icon", nullable(icon())),
        optional("cover", nullable(cover())),
        optional("content", items(Object, ITEMS)),
        optional("children", items(Object, ITEMS)),
        optional("markdown", Text),
        optional("allow_async", Boolean),
        optional("template", template(true)),
        optional("position", place(&["page_start"], &["page_end"])),
    ]);
    UPDATE_PAGE = object(vec![
        optional("properties", record(property_value())),
        optional("icon", nullable(icon())),
        optional("cover", nullable(cover())),
        optional("is_locked", Boolean),
        optional("in_trash", Boolean),
        optional("is_archived", Boolean),
        optional("template", template(false)),
        optional("erase_content", Boolean),
    ]);
    SEARCH = object(vec![
        optional("sort", union(vec![
            object(vec![
                required("timestamp", OneOf(&["last_edited_time"])),
                optional("direction", OneOf(&["ascending", "descending"])),
            ]),
            object(vec![required("property", OneOf(&["relevance"]))]),
            object(vec![
                optional("property", Text),
                optional("timestamp", Text),
                optional("direction", OneOf(&["ascending", "descending"])),
            ]),
        ])),
        optional("query", Text),
        optional("start_cursor", or_null(Uuid)),
        optional("page_size", Number),
        optional("filter", union(vec![
            object(vec![
                required("property", OneOf(&["object"])),
                required("value", OneOf(&["page", "data_source"])),
                optional("in_trash", Boolean),
            ]),
            object(vec![required("in_trash", Boolean)]),
        ])),
    ]);
    APPEND_CHILDREN = object(vec![
        required("children", items(Object, ITEMS)),
        optional("position", place(&["start"], &["end"])),
        optional("after", Uuid),
    ]);
    UPDATE_BLOCK = {
        let mut fields: Vec<Field> = KINDS.into_iter().map(|kind| optional(kind, Object)).collect();
        fields.push(optional("type", OneOf(&KINDS)));
        fields.push(optional("in_trash", Boolean));
        object(fields)
    };
    /// What a person writes at the end of a page.
    CHILDREN = object(vec![required("children", items(Object, ITEMS))]);
    CREATE_VIEW = {
        let mut fields = vec![
            required("data_source_id", Uuid),
            required("name", length(1, TEXT)),
            required("type", OneOf(VIEW_KINDS)),
            optional("database_id", Uuid),
            optional("view_id", Uuid),
            optional("create_database", Object),
            optional("position", Object),
            optional("placement", Object),
        ];
        fields.extend(view_body::of_new_view());
        object(fields)
    };
    UPDATE_VIEW = {
        let mut fields = vec![optional("name", length(1, TEXT))];
        fields.extend(view_body::of_changed_view());
        object(fields)
    };
}
