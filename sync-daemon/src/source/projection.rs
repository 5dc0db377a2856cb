//! The statements that read a dashboard's source. Identifiers come from schema files and are quoted, always;
//! everything else in them is written here.

use super::columns::{Column, Columns};
use crate::dashboard::{Dashboard, PropertyKind, Source, did_you_mean};
use crate::page::Key;
use crate::row::LONGEST_TEXT;

mod cell;

/// How to read a dashboard's source.
#[derive(Debug)]
pub(super) struct Projection {
    from: String,
    /// One text, null where any part is.
    key: String,
    key_columns: Vec<KeyColumn>,
    cells: Vec<Cell>,
    /// A bigint: the larger, the newer the row.
    newness: String,
}

#[derive(Debug)]
struct KeyColumn {
    expression: String,
    /// Its type, where `=` tells values of it apart and may use an index; the others compare by their text.
    type_name: Option<String>,
}

#[derive(Debug)]
struct Cell {
    expression: String,
    long: bool,
}

/// A part of a dashboard that does not fit its source.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) place: Place,
    pub(super) message: String,
    pub(super) cure: String,
}

/// Where in the schema file the misfit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Key,
    /// The column of the property with this index.
    Column(usize),
    /// Its type.
    Kind(usize),
}

impl Projection {
    pub(super) fn new(dashboard: &Dashboard, columns: &Columns) -> Result<Self, Vec<Misfit>> {
        let mut misfits = Vec::new();
        let mut key_columns = Vec::new();
        for name in &dashboard.key {
            match columns.get(name) {
                None => misfits.push(missing(Place::Key, name, columns)),
                Some(column) => key_columns.push(KeyColumn {
                    expression: in_source(name),
                    type_name: has_equality(column).then(|| column.type_name.clone()),
                }),
            }
        }
        let mut cells = Vec::new();
        for (index, property) in dashboard.properties.iter().enumerate() {
            if !property.kind.carries_data() {
                continue;
            }
            let absent: Vec<_> = property
                .feed
                .columns()
                .filter(|name| columns.get(name).is_none())
                .collect();
            if !absent.is_empty() {
                let absent = absent.into_iter();
                misfits.extend(absent.map(|name| missing(Place::Column(index), name, columns)));
                continue;
            }
            match cell::expression(property, columns, &dashboard.key) {
                Ok(expression) => cells.push(Cell {
                    expression,
                    long: matches!(
                        property.kind,
                        PropertyKind::Title | PropertyKind::Text { .. } | PropertyKind::Body
                    ),
                }),
                Err(refused) => misfits.push(Misfit {
                    place: Place::Kind(index),
                    message: format!(
                        "property {:?} of type {} cannot hold column {:?} of type {}",
                        property.name,
                        property.kind.name(),
                        refused.column,
                        refused.type_name
                    ),
                    cure: refused.cure.to_owned(),
                }),
            }
        }
        if !misfits.is_empty() {
            return Err(misfits);
        }
        Ok(Self {
            from: from_item(&dashboard.source),
            key: key(key_columns.iter().map(|column| column.expression.as_str())),
            newness: newness(&dashboard.key, columns),
            key_columns,
            cells,
        })
    }

    /// Key and hash of all rows, in order of the keys' bytes.
    pub(super) fn hashes(&self) -> String {
        let Self {
            from, key, newness, ..
        } = self;
        let hash = self.hash();
        format!(
            "SELECT read.key, read.hash, read.newness FROM (SELECT {key} AS key, {hash} AS hash, {newness} AS newness FROM {from}) AS read \
             ORDER BY read.key COLLATE \"C\""
        )
    }

    /// The same of up to `$2` rows whose version a transaction wrote that is no older than `$1`. Row versions carry the
    /// low half of a transaction's number, so ages are compared; one that is too old to tell counts as new, and its
    /// hash says that it is not.
    pub(super) fn written_since(&self) -> String {
        let Self {
            from, key, newness, ..
        } = self;
        let hash = self.hash();
        format!(
            "SELECT {key}, {hash}, {newness} FROM {from} \
             WHERE age(source.xmin) <= age(CAST(CAST($1 AS xid8) AS xid)) AND {key} IS NOT NULL LIMIT $2"
        )
    }

    /// Key, hash, cells and the lengths of long cells, of the rows with the keys `$1`, whose parts are `$2`, `$3` …
    pub(super) fn rows(&self) -> String {
        let Self {
            from,
            key,
            key_columns,
            ..
        } = self;
        let hash = self.hash();
        let cells = array(self.cells.iter().map(Cell::shown));
        let lengths: Vec<_> = self.cells.iter().map(Cell::length).collect();
        let lengths = lengths.join(", ");
        let parameters: Vec<_> = (0..=key_columns.len())
            .map(|index| format!("${}::text[]", index + 1))
            .collect();
        let parts: Vec<_> = (0..key_columns.len())
            .map(|index| format!("part{index}"))
            .collect();
        // The parts find rows through an index; the whole text decides, since equal need not be the same (1.0, 1.00).
        let matches: Vec<_> = key_columns
            .iter()
            .zip(&parts)
            .map(
                |(
                    KeyColumn {
                        expression,
                        type_name,
                    },
                    part,
                )| match type_name {
                    Some(type_name) => format!("{expression} = CAST(wanted.{part} AS {type_name})"),
                    None => format!("CAST({expression} AS text) = wanted.{part}"),
                },
            )
            .collect();
        format!(
            "SELECT {key}, {hash}, {cells}, ARRAY[{lengths}]::integer[] \
             FROM unnest({}) AS wanted(key, {}) JOIN {from} ON {} WHERE {key} = wanted.key",
            parameters.join(", "),
            parts.join(", "),
            matches.join(" AND ")
        )
    }

    /// Of what people see: however large a value is, its beginning and its length decide.
    fn hash(&self) -> String {
        let lengths = self
            .cells
            .iter()
            .filter(|cell| cell.long)
            .map(|cell| format!("CAST({} AS text)", cell.length()));
        let cells = array(self.cells.iter().map(Cell::shown).chain(lengths));
        format!("md5(CAST({cells} AS text))::uuid")
    }
}

impl Cell {
    fn shown(&self) -> String {
        if self.long {
            format!("left({}, {LONGEST_TEXT})", self.expression)
        } else {
            self.expression.clone()
        }
    }

    fn length(&self) -> String {
        if self.long {
            format!("char_length({})", self.expression)
        } else {
            "NULL".to_owned()
        }
    }
}

/// Columns that say when a row came to be or was changed, by custom; the first that is there counts.
const TIMES: [&str; 5] = [
    "created_at",
    "inserted_at",
    "created",
    "updated_at",
    "modified_at",
];

/// Which of two rows is newer: by such a column, or by a key that is counted up.
fn newness(key: &[String], columns: &Columns) -> String {
    let column = |name: &str, types: &[&str]| {
        columns
            .get(name)
            .filter(|column| types.contains(&column.base.as_str()))
            .map(|_| in_source(name))
    };
    let time = TIMES
        .iter()
        .find_map(|name| column(name, &["timestamptz", "timestamp", "date"]));
    if let Some(time) = time {
        return format!(
            "CASE WHEN isfinite({time}) THEN coalesce(CAST(extract(epoch FROM {time}) * 1000 AS bigint), 0) ELSE 0 END"
        );
    }
    let counted = match key {
        [one] => column(one, &["int2", "int4", "int8"]),
        _ => None,
    };
    counted.map_or_else(
        || "CAST(0 AS bigint)".to_owned(),
        |column| format!("coalesce(CAST({column} AS bigint), 0)"),
    )
}

/// Each part of each key, part by part, as `$2`, `$3` … of [`Projection::rows`].
pub(super) fn key_parts(keys: &[Key], parts: usize) -> Vec<Vec<Option<String>>> {
    if parts == 1 {
        return vec![keys.iter().cloned().map(Some).collect()];
    }
    let mut columns = vec![Vec::with_capacity(keys.len()); parts];
    for key in keys {
        // A key that has another number of parts was made by another schema file; it finds no row.
        let mut texts = serde_json::from_str::<Vec<String>>(key)
            .unwrap_or_default()
            .into_iter();
        for column in &mut columns {
            column.push(texts.next());
        }
    }
    columns
}

/// The source as an item of a FROM clause, by the name of `source`.
pub(crate) fn from_item(source: &Source) -> String {
    match source {
        Source::Table { schema, name } => {
            format!(
                "{}.{} AS source",
                quote_identifier(schema),
                quote_identifier(name)
            )
        }
        // On lines of its own, so that a comment at its end cannot swallow the rest.
        Source::Query(query) => format!("(\n{query}\n) AS source"),
    }
}

pub(crate) fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn in_source(column: &str) -> String {
    format!("source.{}", quote_identifier(column))
}

fn array(expressions: impl Iterator<Item = String>) -> String {
    format!(
        "ARRAY[{}]::text[]",
        expressions.collect::<Vec<_>>().join(", ")
    )
}

/// The key as one text, null where any part is.
fn key<'a>(columns: impl Iterator<Item = &'a str>) -> String {
    let columns: Vec<_> = columns.collect();
    if let [column] = columns.as_slice() {
        return format!("CAST({column} AS text)");
    }
    let parts = array(
        columns
            .iter()
            .map(|column| format!("CAST({column} AS text)")),
    );
    // Of a composite, IS NOT NULL would ask about its fields.
    let present: Vec<_> = columns
        .iter()
        .map(|column| format!("CAST({column} AS text) IS NOT NULL"))
        .collect();
    format!(
        "CASE WHEN {} THEN CAST(array_to_json({parts}) AS text) END",
        present.join(" AND ")
    )
}

/// Whether `=` is sure to tell the values of a column apart. Types of others may have none, or one that means
/// something else (two boxes are equal when their areas are).
fn has_equality(column: &Column) -> bool {
    matches!(column.category.as_str(), "S" | "D" | "B" | "E" | "I" | "T")
        || matches!(
            column.base.as_str(),
            "int2"
                | "int4"
                | "int8"
                | "oid"
                | "numeric"
                | "float4"
                | "float8"
                | "money"
                | "uuid"
                | "bytea"
                | "jsonb"
        )
}

fn missing(place: Place, name: &str, columns: &Columns) -> Misfit {
    Misfit {
        place,
        message: format!("the source has no column {name:?}"),
        cure: did_you_mean(name, columns.names()),
    }
}

/// Whether the text form of a column can be that of a key: types of one family, or text on either side.
pub(super) fn relates(from: &Column, to: &Column) -> bool {
    let family = |base: &str| {
        if matches!(base, "int2" | "int4" | "int8") {
            "integer".to_owned()
        } else {
            base.to_owned()
        }
    };
    let item = from.element.as_ref().unwrap_or(&from.base);
    from.holds_text() || to.holds_text() || family(item) == family(&to.base)
}
