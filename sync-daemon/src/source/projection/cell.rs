//! The text of a property's value, as an expression of SQL. None of them can fail on any value of a column's
//! type: one odd row must not hide the others.

use super::{array, in_source, key, quote_identifier};
use crate::dashboard::{Feed, Part, Property, PropertyKind, Round, SelectOption};
use crate::source::columns::{Column, Columns};

/// Bytes of binary data that are shown.
const SHOWN_BYTES: usize = 1000;

/// A column that a kind of property cannot hold.
pub(super) struct Refused {
    pub(super) column: String,
    pub(super) type_name: String,
    pub(super) cure: &'static str,
}

/// The expression for a property, all of whose columns exist.
pub(super) fn expression(
    property: &Property,
    columns: &Columns,
    dashboard_key: &[String],
) -> Result<String, Refused> {
    let column = |name: &str| {
        columns
            .get(name)
            .expect("the columns were looked for before")
    };
    match &property.feed {
        Feed::Nothing => Ok("NULL".to_owned()),
        Feed::Column(name) => of_column(&property.kind, property.round.as_ref(), column(name)),
        Feed::Columns(names) => {
            let names: Vec<_> = names.iter().map(|name| in_source(name)).collect();
            let key = key(names.iter().map(String::as_str));
            Ok(format!(
                "CASE WHEN {key} IS NOT NULL THEN CAST(array_to_json(ARRAY[{key}]) AS text) END"
            ))
        }
        Feed::Template(parts) => Ok(template(parts, &column)),
        Feed::Span { start, end } => {
            let points = [column(start), column(end)];
            let round = property.round.as_ref();
            let [Ok(start), Ok(end)] = points.map(|point| point_in_time(point, round)) else {
                let odd = points
                    .into_iter()
                    .find(|point| point_in_time(point, round).is_err())
                    .unwrap_or(points[0]);
                return Err(refuse(
                    odd,
                    "choose columns of date, timestamp or timestamptz",
                ));
            };
            Ok(span(&start, &end))
        }
        Feed::Through {
            schema,
            table,
            from,
            to,
        } => Ok(through(schema, table, from, to, dashboard_key)),
    }
}

fn refuse(column: &Column, cure: &'static str) -> Refused {
    Refused {
        column: column.name.clone(),
        type_name: column.type_name.clone(),
        cure,
    }
}

/// A column as a text that people read.
fn text(column: &Column) -> String {
    let name = in_source(&column.name);
    if column.element.is_some() {
        return format!("array_to_string({name}, ', ')");
    }
    match column.base.as_str() {
        // Half a gigabyte of bytes would be more than a text can be.
        "bytea" => format!(
            "CASE WHEN octet_length({name}) <= {SHOWN_BYTES} THEN CAST({name} AS text) \
             ELSE CAST(substring({name} FROM 1 FOR {SHOWN_BYTES}) AS text) \
             || '… (' || octet_length({name}) || ' bytes)' END"
        ),
        // A cast would add the length of the mask, which nobody wrote.
        "inet" => format!("CASE WHEN {name} IS NOT NULL THEN format('%s', {name}) END"),
        _ => format!("CAST({name} AS text)"),
    }
}

fn of_column(
    kind: &PropertyKind,
    round: Option<&Round>,
    column: &Column,
) -> Result<String, Refused> {
    let name = in_source(&column.name);
    let is_array = column.element.is_some();
    let text = text(column);
    match kind {
        PropertyKind::Number { .. } => {
            number(column, round).ok_or_else(|| refuse(column, "choose the type text"))
        }
        PropertyKind::Date => match column.base.as_str() {
            "daterange" => Ok(format!(
                "CASE WHEN NOT isempty({name}) THEN {} END",
                span(
                    &format!("CAST(lower({name}) AS text)"),
                    // A range of days ends before its upper bound; infinity has no day before.
                    &format!(
                        "CASE WHEN isfinite(upper({name})) THEN CAST(upper({name}) - 1 AS text) END"
                    ),
                )
            )),
            "tstzrange" | "tsrange" => Ok(format!(
                "CASE WHEN NOT isempty({name}) THEN {} END",
                span(
                    &rounded_time(&format!("lower({name})"), round),
                    &rounded_time(&format!("upper({name})"), round),
                )
            )),
            _ => point_in_time(column, round).map_err(|()| {
                refuse(
                    column,
                    "choose the type text, or use a query that casts it to a date or timestamptz",
                )
            }),
        },
        PropertyKind::Checkbox => match column.base.as_str() {
            "bool" => Ok(text),
            _ => Err(refuse(
                column,
                "choose the type select, or use a query that compares it to something",
            )),
        },
        PropertyKind::MultiSelect { .. }
        | PropertyKind::Relation { .. }
        | PropertyKind::People
        | PropertyKind::Files
            if is_array =>
        {
            Ok(items(&name))
        }
        PropertyKind::MultiSelect { .. } | PropertyKind::People | PropertyKind::Files
            if matches!(column.base.as_str(), "json" | "jsonb") =>
        {
            Ok(text)
        }
        PropertyKind::MultiSelect { .. } | PropertyKind::People => Ok(format!(
            "CAST(array_to_json(string_to_array({text}, ',')) AS text)"
        )),
        PropertyKind::Relation { .. } | PropertyKind::Files => Ok(format!(
            "CASE WHEN CAST({name} AS text) IS NOT NULL \
             THEN CAST(array_to_json(ARRAY[CAST({name} AS text)]) AS text) END"
        )),
        PropertyKind::Select { .. } | PropertyKind::Status { .. } if is_array => {
            Err(refuse(column, "choose the type multi_select"))
        }
        // With its currency it would be no number from which an option could begin.
        PropertyKind::Select { options } | PropertyKind::Status { options }
            if column.base == "money" && options.iter().any(SelectOption::is_from) =>
        {
            Ok(format!("CAST(CAST({name} AS numeric) AS text)"))
        }
        PropertyKind::Url | PropertyKind::Email | PropertyKind::Phone if is_array => {
            Err(refuse(column, "choose the type text"))
        }
        PropertyKind::Icon | PropertyKind::Cover if is_array => Err(refuse(
            column,
            "name a column of text, or use a query that picks one",
        )),
        PropertyKind::Formula { .. } => Err(refuse(column, "a formula reads no column")),
        PropertyKind::Title
        | PropertyKind::Text { .. }
        | PropertyKind::Select { .. }
        | PropertyKind::Status { .. }
        | PropertyKind::Url
        | PropertyKind::Email
        | PropertyKind::Phone
        | PropertyKind::Icon
        | PropertyKind::Cover
        | PropertyKind::Body => Ok(text),
    }
}

fn number(column: &Column, round: Option<&Round>) -> Option<String> {
    let name = in_source(&column.name);
    let number = match column.base.as_str() {
        "money" => format!("CAST({name} AS numeric)"),
        "int2" | "int4" | "int8" | "float4" | "float8" | "numeric" | "oid" => name,
        _ => return None,
    };
    let Some(Round::Step(step)) = round else {
        return Some(format!("CAST({number} AS text)"));
    };
    let number = match column.base.as_str() {
        "oid" => format!("CAST({number} AS bigint)"),
        _ => number,
    };
    Some(format!(
        "CAST(round(CAST({number} AS numeric) / {step}) * {step} AS text)"
    ))
}

fn point_in_time(column: &Column, round: Option<&Round>) -> Result<String, ()> {
    let name = in_source(&column.name);
    match column.base.as_str() {
        "date" => Ok(format!("CAST({name} AS text)")),
        "timestamp" | "timestamptz" => Ok(rounded_time(&name, round)),
        _ => Err(()),
    }
}

fn rounded_time(time: &str, round: Option<&Round>) -> String {
    let Some(Round::Seconds(seconds)) = round else {
        return format!("CAST({time} AS text)");
    };
    // Outside of what Notion can hold, rounding could leave what Postgres can.
    format!(
        "CASE WHEN {time} BETWEEN '0002-01-01' AND '9999-01-01' \
         THEN CAST(date_bin(make_interval(secs => {seconds}), {time}, '2001-01-01 00:00:00') AS text) \
         ELSE CAST({time} AS text) END"
    )
}

/// A beginning and an end as a JSON array; null where both are.
fn span(start: &str, end: &str) -> String {
    format!(
        "CASE WHEN coalesce({start}, {end}) IS NOT NULL \
         THEN CAST(array_to_json({}) AS text) END",
        array([start.to_owned(), end.to_owned()].into_iter())
    )
}

/// Null where every column is, so that a row of nothing has no title of mere words.
fn template<'a>(parts: &[Part], column: &impl Fn(&str) -> &'a Column) -> String {
    let pieces: Vec<_> = parts
        .iter()
        .map(|part| match part {
            Part::Words(words) => quote_literal(words),
            Part::Column(name) => text(column(name)),
        })
        .collect();
    let columns: Vec<_> = parts
        .iter()
        .zip(&pieces)
        .filter(|(part, _)| matches!(part, Part::Column(_)))
        .map(|(_, piece)| piece.as_str())
        .collect();
    format!(
        "CASE WHEN coalesce({}) IS NOT NULL THEN btrim(concat({})) END",
        columns.join(", "),
        pieces.join(", ")
    )
}

fn quote_literal(words: &str) -> String {
    format!("E'{}'", words.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The keys of the related rows as a JSON array of texts.
fn through(
    schema: &str,
    table: &str,
    from: &[String],
    to: &[String],
    dashboard_key: &[String],
) -> String {
    let via = |column: &String| format!("via.{}", quote_identifier(column));
    let matches: Vec<_> = from
        .iter()
        .zip(dashboard_key)
        .map(|(from, key)| format!("{} = {}", via(from), in_source(key)))
        .collect();
    let to: Vec<_> = to.iter().map(via).collect();
    let key = key(to.iter().map(String::as_str));
    format!(
        "(SELECT CAST(array_to_json(array_agg(item.key ORDER BY item.key COLLATE \"C\")) AS text) \
         FROM (SELECT {key} AS key FROM {}.{} AS via WHERE {}) AS item WHERE item.key IS NOT NULL)",
        quote_identifier(schema),
        quote_identifier(table),
        matches.join(" AND ")
    )
}

/// An array's items as a JSON array of texts.
fn items(array: &str) -> String {
    format!(
        "CASE WHEN {array} IS NOT NULL THEN CAST(array_to_json(ARRAY(\
         SELECT CAST(item AS text) FROM unnest({array}) AS item WHERE item IS NOT NULL)) AS text) END"
    )
}
