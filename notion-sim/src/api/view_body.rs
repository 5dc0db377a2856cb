//! The shapes of what a view shows: its filter bar, its order and, type by type, its configuration.

use super::body::{ICON_COLORS, ITEMS, directed, sorts};
use super::filter::{by_property, filter};
use super::shape::Shape::{AtLeast, Boolean, Number, OneOf, Text};
use super::shape::{Field, Shape, items, nullable, object, optional, record, required, union};

/// No bound is published for the properties that a configuration speaks of.
const UNBOUNDED: usize = usize::MAX;

const SIZES: &[&str] = &["small", "medium", "large"];
const HEIGHTS: &[&str] = &["small", "medium", "large", "extra_large"];
const ORDERS: &[&str] = &["manual", "ascending", "descending"];
const SPANS: &[&str] = &["relative", "day", "week", "month", "year"];
const TEXTS: &[&str] = &["exact", "alphabet_prefix"];
const AGGREGATORS: &[&str] = &[
    "count",
    "count_values",
    "sum",
    "average",
    "median",
    "min",
    "max",
    "range",
    "unique",
    "empty",
    "not_empty",
    "percent_empty",
    "percent_not_empty",
    "checked",
    "unchecked",
    "percent_checked",
    "percent_unchecked",
    "earliest_date",
    "latest_date",
    "date_range",
];
const THEMES: &[&str] = &[
    "gray", "blue", "yellow", "green", "purple", "teal", "orange", "pink", "red", "auto",
    "colorful",
];

/// What a new view shows.
pub(super) fn of_new_view() -> Vec<Field> {
    vec![
        optional("filter", filter()),
        optional("sorts", sorts()),
        optional("quick_filters", record(condition())),
        optional("configuration", configuration()),
    ]
}

/// What a change may let a view show. The SDK's declarations let it sort by properties only.
pub(super) fn of_changed_view() -> Vec<Field> {
    let by_property = directed(required("property", Text));
    vec![
        optional("filter", nullable(filter())),
        optional("sorts", nullable(items(by_property, ITEMS))),
        optional("quick_filters", nullable(record(nullable(condition())))),
        optional("configuration", configuration()),
    ]
}

/// What a quick filter says of the property that its key names.
fn condition() -> Shape {
    union(by_property(&[]))
}

/// A value that null takes back.
fn clearable(key: &'static str, shape: Shape) -> Field {
    optional(key, nullable(shape))
}

fn typed(types: &'static [&'static str], mut fields: Vec<Field>) -> Shape {
    fields.insert(0, required("type", OneOf(types)));
    object(fields)
}

fn configuration() -> Shape {
    union(vec![
        table(),
        board(),
        typed(&["list"], vec![shown("properties")]),
        calendar(),
        timeline(),
        gallery(),
        chart(),
        form(),
        map(),
    ])
}

fn table() -> Shape {
    let subtasks = object(vec![
        optional("property_id", Text),
        optional(
            "display_mode",
            OneOf(&["show", "hidden", "flattened", "disabled"]),
        ),
        optional(
            "filter_scope",
            OneOf(&["parents", "parents_and_subitems", "subitems"]),
        ),
        optional("toggle_column_id", Text),
    ]);
    typed(
        &["table"],
        vec![
            shown("properties"),
            clearable("group_by", group()),
            clearable("subtasks", subtasks),
            optional("wrap_cells", Boolean),
            optional("frozen_column_index", Number),
            optional("show_vertical_lines", Boolean),
        ],
    )
}

fn board() -> Shape {
    let mut fields = vec![
        required("group_by", group()),
        clearable("sub_group_by", group()),
        shown("properties"),
    ];
    fields.extend(cards());
    typed(&["board"], fields)
}

fn gallery() -> Shape {
    let mut fields = vec![shown("properties")];
    fields.extend(cards());
    typed(&["gallery"], fields)
}

fn calendar() -> Shape {
    typed(
        &["calendar"],
        vec![
            required("date_property_id", Text),
            shown("properties"),
            clearable("view_range", OneOf(&["week", "month"])),
            clearable("show_weekends", Boolean),
        ],
    )
}

fn timeline() -> Shape {
    let zooms = OneOf(&[
        "hours", "day", "week", "bi_week", "month", "quarter", "year", "5_years",
    ]);
    let preference = object(vec![
        required("zoom_level", zooms),
        optional("center_timestamp", Number),
    ]);
    let arrows = object(vec![clearable("property_id", Text)]);
    typed(
        &["timeline"],
        vec![
            required("date_property_id", Text),
            clearable("end_date_property_id", Text),
            shown("properties"),
            clearable("show_table", Boolean),
            shown("table_properties"),
            clearable("preference", preference),
            clearable("arrows_by", arrows),
            clearable("color_by", Boolean),
        ],
    )
}

fn form() -> Shape {
    let permissions = OneOf(&["none", "comment_only", "reader", "read_and_write", "editor"]);
    typed(
        &["form"],
        vec![
            clearable("is_form_closed", Boolean),
            clearable("anonymous_submissions", Boolean),
            clearable("submission_permissions", permissions),
        ],
    )
}

fn map() -> Shape {
    typed(
        &["map"],
        vec![
            clearable("height", OneOf(HEIGHTS)),
            clearable("map_by", Text),
            shown("properties"),
        ],
    )
}

fn chart() -> Shape {
    let aggregation = || {
        object(vec![
            required("aggregator", OneOf(AGGREGATORS)),
            optional("property_id", Text),
        ])
    };
    let line = object(vec![
        required("value", Number),
        required("label", Text),
        required("color", OneOf(ICON_COLORS)),
        required("dash_style", OneOf(&["solid", "dash"])),
        optional("id", Text),
    ]);
    let kinds = OneOf(&["column", "bar", "line", "donut", "number"]);
    let orders = OneOf(&[
        "manual",
        "x_ascending",
        "x_descending",
        "y_ascending",
        "y_descending",
    ]);
    typed(
        &["chart"],
        vec![
            required("chart_type", kinds),
            clearable("x_axis", group()),
            clearable("y_axis", aggregation()),
            clearable("x_axis_property_id", Text),
            clearable("y_axis_property_id", Text),
            clearable("value", aggregation()),
            clearable("sort", orders),
            clearable("color_theme", OneOf(THEMES)),
            clearable("height", OneOf(HEIGHTS)),
            clearable("hide_empty_groups", Boolean),
            clearable("legend_position", OneOf(&["off", "bottom", "side"])),
            clearable("show_data_labels", Boolean),
            clearable("axis_labels", OneOf(&["none", "x_axis", "y_axis", "both"])),
            clearable(
                "grid_lines",
                OneOf(&["none", "horizontal", "vertical", "both"]),
            ),
            clearable("cumulative", Boolean),
            clearable("smooth_line", Boolean),
            clearable("hide_line_fill_area", Boolean),
            clearable("group_style", OneOf(&["normal", "percent", "side_by_side"])),
            clearable("y_axis_min", Number),
            clearable("y_axis_max", Number),
            clearable(
                "donut_labels",
                OneOf(&["none", "value", "name", "name_and_value"]),
            ),
            clearable("hide_title", Boolean),
            clearable("stack_by", group()),
            clearable("reference_lines", items(line, UNBOUNDED)),
            clearable("caption", Text),
            clearable("color_by_value", Boolean),
        ],
    )
}

/// Which properties a view shows, and how.
fn shown(key: &'static str) -> Field {
    let dates = OneOf(&[
        "full",
        "short",
        "month_day_year",
        "day_month_year",
        "year_month_day",
        "relative",
    ]);
    let property = object(vec![
        required("property_id", Text),
        optional("visible", Boolean),
        optional("width", Number),
        optional("wrap", Boolean),
        optional("status_show_as", OneOf(&["select", "checkbox"])),
        optional("card_property_width_mode", OneOf(&["full_line", "inline"])),
        optional("date_format", dates),
        optional("time_format", OneOf(&["12_hour", "24_hour", "hidden"])),
    ]);
    clearable(key, items(property, UNBOUNDED))
}

/// How cards look.
fn cards() -> Vec<Field> {
    let cover = typed(
        &["page_cover", "page_content", "property"],
        vec![optional("property_id", Text)],
    );
    vec![
        clearable("cover", cover),
        clearable("cover_size", OneOf(SIZES)),
        clearable("cover_aspect", OneOf(&["contain", "cover"])),
        clearable("card_layout", OneOf(&["list", "compact"])),
    ]
}

/// What rows are grouped by; each type of property has its way.
fn group() -> Shape {
    let sort = || required("sort", object(vec![required("type", OneOf(ORDERS))]));
    let hide = || optional("hide_empty_groups", Boolean);
    let by = |types, more: Vec<Field>| {
        let mut fields = vec![required("property_id", Text)];
        fields.extend(more);
        fields.push(hide());
        typed(types, fields)
    };
    let way = |ways| required("group_by", OneOf(ways));
    let start_of_week = || optional("start_day_of_week", AtLeast(0));
    let ranges = || ["range_start", "range_end", "range_size"].map(|key| optional(key, Number));
    let numbers = || std::iter::once(sort()).chain(ranges()).collect::<Vec<_>>();
    let of_formula = union(vec![
        typed(&["date"], vec![way(SPANS), sort(), start_of_week()]),
        typed(&["text"], vec![way(TEXTS), sort()]),
        typed(&["number"], numbers()),
        typed(&["checkbox"], vec![sort()]),
    ]);
    union(vec![
        by(&["select", "multi_select"], vec![sort()]),
        by(&["status"], vec![way(&["group", "option"]), sort()]),
        by(&["person", "created_by", "last_edited_by"], vec![sort()]),
        by(&["relation"], vec![sort()]),
        by(
            &["date", "created_time", "last_edited_time"],
            vec![way(SPANS), sort(), start_of_week()],
        ),
        by(
            &["text", "title", "url", "email", "phone_number"],
            vec![way(TEXTS), sort()],
        ),
        by(&["number"], numbers()),
        by(&["checkbox"], vec![sort()]),
        by(&["formula"], vec![required("group_by", of_formula)]),
    ])
}
