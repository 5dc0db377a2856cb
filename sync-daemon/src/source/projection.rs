//! The statements that read a dashboard's source. Identifiers come from schema files and are quoted, always;
//! everything else in them is written here.

use super::columns::{Column, Columns};
use crate::dashboard::{Dashboard, PropertyKind, Source, did_you_mean};
use crate::page::Key;
use crate::row::LONGEST_TEXT;

/// How to read a dashboard's source.
#[derive(Debug)]
pub(super) struct Projection {
    from: String,
    /// One text, null where any part is.
    key: String,
    /// Column and type of each part of the key.
    key_columns: Vec<(String, String)>,
    cells: Vec<Cell>,
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
                Some(column) if !identifies(column) => misfits.push(Misfit {
                    place: Place::Key,
                    message: format!(
                        "key column {name:?} is of type {}, whose values have no order",
                        column.type_name
                    ),
                    cure: "use a query that casts it to text".to_owned(),
                }),
                Some(column) => key_columns.push((in_source(name), column.type_name.clone())),
            }
        }
        let mut cells = Vec::new();
        for (index, property) in dashboard.properties.iter().enumerate() {
            let Some(name) = property
                .column
                .as_ref()
                .filter(|_| property.kind.carries_data())
            else {
                continue;
            };
            match columns.get(name) {
                None => misfits.push(missing(Place::Column(index), name, columns)),
                Some(column) => match cell(&property.kind, column) {
                    Ok(expression) => cells.push(Cell {
                        expression,
                        long: matches!(property.kind, PropertyKind::Title | PropertyKind::Text),
                    }),
                    Err(cure) => misfits.push(Misfit {
                        place: Place::Kind(index),
                        message: format!(
                            "property {:?} of type {} cannot hold column {name:?} of type {}",
                            property.name,
                            property.kind.name(),
                            column.type_name
                        ),
                        cure: cure.to_owned(),
                    }),
                },
            }
        }
        if !misfits.is_empty() {
            return Err(misfits);
        }
        Ok(Self {
            from: from_item(&dashboard.source),
            key: key(&key_columns),
            key_columns,
            cells,
        })
    }

    /// Key and hash of all rows, in order of the keys' bytes.
    pub(super) fn hashes(&self) -> String {
        let Self { from, key, .. } = self;
        let hash = self.hash();
        format!(
            "SELECT read.key, read.hash FROM (SELECT {key} AS key, {hash} AS hash FROM {from}) AS read \
             ORDER BY read.key COLLATE \"C\""
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
        let cells = array(self.cells.iter().map(|cell| {
            if cell.long {
                format!("left({}, {LONGEST_TEXT})", cell.expression)
            } else {
                cell.expression.clone()
            }
        }));
        let lengths = self.cells.iter().map(|cell| {
            if cell.long {
                format!("char_length({})", cell.expression)
            } else {
                "NULL".to_owned()
            }
        });
        let lengths = lengths.collect::<Vec<_>>().join(", ");
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
            .map(|((column, type_name), part)| {
                format!("{column} = CAST(wanted.{part} AS {type_name})")
            })
            .collect();
        format!(
            "SELECT {key}, {hash}, {cells}, ARRAY[{lengths}]::integer[] \
             FROM unnest({}) AS wanted(key, {}) JOIN {from} ON {} WHERE {key} = wanted.key",
            parameters.join(", "),
            parts.join(", "),
            matches.join(" AND ")
        )
    }

    fn hash(&self) -> String {
        let cells = array(self.cells.iter().map(|cell| cell.expression.clone()));
        format!("md5(CAST({cells} AS text))::uuid")
    }
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
pub(super) fn from_item(source: &Source) -> String {
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

pub(super) fn quote_identifier(name: &str) -> String {
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

fn key(columns: &[(String, String)]) -> String {
    if let [(column, _)] = columns {
        return format!("CAST({column} AS text)");
    }
    let parts = array(
        columns
            .iter()
            .map(|(column, _)| format!("CAST({column} AS text)")),
    );
    let present: Vec<_> = columns
        .iter()
        .map(|(column, _)| format!("{column} IS NOT NULL"))
        .collect();
    format!(
        "CASE WHEN {} THEN CAST(array_to_json({parts}) AS text) END",
        present.join(" AND ")
    )
}

/// Whether `=` tells the values of a column apart.
fn identifies(column: &Column) -> bool {
    !matches!(column.base.as_str(), "json" | "xml")
        && !matches!(column.category.as_str(), "G" | "Z")
}

/// The text form of a column for a kind of property, or what to do where there is none.
fn cell(kind: &PropertyKind, column: &Column) -> Result<String, &'static str> {
    let name = in_source(&column.name);
    let is_array = column.element.is_some();
    let text = format!("CAST({name} AS text)");
    match kind {
        PropertyKind::Title | PropertyKind::Text if is_array => {
            Ok(format!("array_to_string({name}, ', ')"))
        }
        PropertyKind::Number { .. } => match column.base.as_str() {
            "money" => Ok(format!("CAST(CAST({name} AS numeric) AS text)")),
            "int2" | "int4" | "int8" | "float4" | "float8" | "numeric" => Ok(text),
            _ => Err("choose the type text"),
        },
        PropertyKind::Date => match column.base.as_str() {
            "date" | "timestamp" | "timestamptz" => Ok(text),
            _ => Err("choose the type text, or use a query that casts it to a date or timestamptz"),
        },
        PropertyKind::Checkbox => match column.base.as_str() {
            "bool" => Ok(text),
            _ => Err("choose the type select, or use a query that compares it to something"),
        },
        PropertyKind::MultiSelect { .. } | PropertyKind::Relation { .. } if is_array => {
            Ok(items(&name))
        }
        PropertyKind::MultiSelect { .. } if matches!(column.base.as_str(), "json" | "jsonb") => {
            Ok(text)
        }
        PropertyKind::MultiSelect { .. } => Ok(format!(
            "CAST(array_to_json(string_to_array({text}, ',')) AS text)"
        )),
        PropertyKind::Relation { .. } => Ok(format!(
            "CASE WHEN {name} IS NOT NULL THEN CAST(array_to_json(ARRAY[{text}]) AS text) END"
        )),
        PropertyKind::Select { .. } | PropertyKind::Status { .. } if is_array => {
            Err("choose the type multi_select")
        }
        PropertyKind::Url | PropertyKind::Email | PropertyKind::Phone if is_array => {
            Err("choose the type text")
        }
        PropertyKind::Title
        | PropertyKind::Text
        | PropertyKind::Select { .. }
        | PropertyKind::Status { .. }
        | PropertyKind::Url
        | PropertyKind::Email
        | PropertyKind::Phone => Ok(text),
        PropertyKind::Formula { .. } => Err("a formula reads no column"),
    }
}

/// An array's items as a JSON array of texts.
fn items(array: &str) -> String {
    format!(
        "CASE WHEN {array} IS NOT NULL THEN CAST(array_to_json(ARRAY(\
         SELECT CAST(item AS text) FROM unnest({array}) AS item WHERE item IS NOT NULL)) AS text) END"
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
