//! Writes schema files from the catalogue: any table becomes a board in one line, and the file is yours to edit.
//!
//! What the catalogue says is read in `catalog`; everything after that is decided by pure functions.

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::postgres::PgConnection;
use sqlx::postgres::types::Oid;

use crate::dashboard::{Dashboard, Feed, Property, Source, did_you_mean};
use crate::source::described_query;

mod catalog;
mod choose;
mod draft;
mod kind;
mod title;
mod update;
mod view;
mod words;

use catalog::{Column, Table};
use choose::{Around, Join, Target};
pub use update::{Update, update};

/// The file that tells editors what may stand in a schema file; each file that `init` writes names it.
pub const JSON_SCHEMA: &str = "dashboard.schema.json";

/// What boards are wanted for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Tables (`schema.table` or `table`) or schemas.
    pub targets: Vec<String>,
    /// Everything in this schema.
    pub all: Option<String>,
    /// A `SELECT`.
    pub query: Option<String>,
    /// The board's name, where one board is wanted.
    pub name: Option<String>,
    /// The key's columns, where one board is wanted.
    pub key: Vec<String>,
}

/// A schema file to be.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Draft {
    /// Name of the file.
    pub file: String,
    /// Name of the dashboard.
    pub name: String,
    /// Number of properties.
    pub properties: usize,
    /// What stands in the file.
    #[serde(skip)]
    pub text: String,
}

/// What came of it.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Outcome {
    /// In the order of their names.
    pub drafts: Vec<Draft>,
    /// What a person should know: what was left out, and why.
    pub remarks: Vec<String>,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such table or schema.
    #[error("{wanted:?} is neither a table, a view nor a schema of this database; {cure}")]
    Unknown {
        /// What was asked for.
        wanted: String,
        /// What to do about it.
        cure: String,
    },
    /// There is nothing in the schema.
    #[error("schema {0:?} has no table or view; create one, or name another schema")]
    Empty(String),
    /// One board was described, and several or none were asked for.
    #[error("--name and --key describe one board; name one table or query with them")]
    OneBoard,
    /// Nothing was asked for.
    #[error("nothing to write; name tables, or --all with a schema, or --query")]
    Nothing,
    /// Nothing says what tells rows apart.
    #[error(
        "{table} has no key that tells its rows apart; name its columns, such as --key {example}"
    )]
    NoKey {
        /// The table or query.
        table: String,
        /// Columns that might be it.
        example: String,
    },
    /// The key that was named is not there.
    #[error("{table} has no column {column:?}; {cure}")]
    NoColumn {
        /// The table or query.
        table: String,
        /// What was named.
        column: String,
        /// What to do about it.
        cure: String,
    },
    /// The table cannot be read.
    #[error("{table} cannot be read: {message}; grant the daemon's user SELECT on it")]
    Unreadable {
        /// The table.
        table: String,
        /// What Postgres said.
        message: String,
    },
    /// The query is wrong.
    #[error("the query cannot be read{}: {message}; correct it", .line.map(|line| format!(" (line {line})")).unwrap_or_default())]
    Query {
        /// Line of the query, from 1.
        line: Option<usize>,
        /// What Postgres said.
        message: String,
    },
    /// Postgres could not be asked.
    #[error("cannot read the catalogue")]
    Database(#[from] sqlx::Error),
}

/// Makes schema files; `existing` are the dashboards that there are already.
pub async fn init(
    connection: &mut PgConnection,
    wanted: &Wanted,
    existing: &[Dashboard],
) -> Result<Outcome, Error> {
    let relations = catalog::relations(connection).await?;
    let (mut tables, one_by_one) = chosen(connection, wanted, &relations).await?;
    if tables.is_empty() {
        return Err(Error::Nothing);
    }
    if tables.len() != 1 && (wanted.name.is_some() || !wanted.key.is_empty()) {
        return Err(Error::OneBoard);
    }
    let mut outcome = Outcome::default();
    catalog::describe(connection, &mut tables).await?;
    let mut ready: Vec<(Table, Vec<String>)> = Vec::new();
    for mut table in tables {
        if let Some(dashboard) = existing.iter().find(|one| one.source == table.source) {
            outcome.remarks.push(format!(
                "{} has dashboard {:?} already; left as it is",
                called(&table.source),
                dashboard.name
            ));
            continue;
        }
        if let Some((dashboard, property)) = shown_as_join(&table, existing).filter(|_| !one_by_one)
        {
            outcome.remarks.push(format!(
                "{} is shown by {property:?} of dashboard {dashboard:?} already; left as it is",
                called(&table.source)
            ));
            continue;
        }
        match key_of(connection, &mut table, &wanted.key).await {
            Ok(key) => ready.push((table, key)),
            Err(error @ (Error::NoKey { .. } | Error::Unreadable { .. })) if !one_by_one => {
                outcome.remarks.push(format!("left out: {error}"));
            }
            Err(error) => return Err(error),
        }
    }
    let all = all_names(&relations);
    let names = names(&ready, wanted, existing);
    let mut targets = existing_targets(existing, &relations);
    for ((table, key), name) in ready.iter().zip(&names) {
        let target = Target {
            dashboard: name.clone(),
            key: key.clone(),
        };
        targets.extend(table.oid.map(|oid| (oid, target)));
    }
    let joins = if one_by_one {
        Vec::new()
    } else {
        joins(&ready, &targets)
    };
    for join in &joins {
        targets.retain(|oid, _| *oid != join.0);
    }
    for ((table, key), name) in ready.iter().zip(names) {
        if joins.iter().any(|(oid, _)| Some(*oid) == table.oid) {
            continue;
        }
        let around = Around {
            targets: &targets,
            names: &all,
            joins: joins
                .iter()
                .map(|(_, join)| join)
                .filter(|join| Some(join.from.target) == table.oid)
                .collect(),
        };
        let board = choose::board(table, name, key, &around);
        remark(&board, table, &mut outcome.remarks);
        outcome.drafts.push(Draft {
            file: format!("{}.toml", file_name(&board.name)),
            properties: board.shown(),
            text: board.toml(),
            name: board.name,
        });
    }
    Ok(outcome)
}

/// The dashboard, and its property, that shows this table as a relation.
fn shown_as_join<'a>(table: &Table, existing: &'a [Dashboard]) -> Option<(&'a str, &'a str)> {
    existing.iter().find_map(|dashboard| {
        let shows = |property: &&Property| {
            matches!((&property.feed, &table.source),
                (Feed::Through { schema, table, .. }, Source::Table { schema: own, name })
                if schema == own && table == name)
        };
        let property = dashboard.properties.iter().find(shows)?;
        Some((dashboard.name.as_str(), property.name.as_str()))
    })
}

fn all_names(relations: &[Table]) -> HashMap<Oid, String> {
    let tables = relations.iter();
    tables
        .filter_map(|table| Some((table.oid?, called(&table.source))))
        .collect()
}

fn called(source: &Source) -> String {
    match source {
        Source::Table { schema, name } => format!("{schema}.{name}"),
        Source::Query(_) => "the query".to_owned(),
    }
}

/// Schemas of this project: nobody means them by a wrong name.
const OWN: [&str; 2] = ["coordination", "sync"];

fn of_schema(table: &Table, schema: &str) -> bool {
    matches!(&table.source, Source::Table { schema: own, .. } if own == schema)
}

/// The tables that are wanted, and whether each was named by itself.
async fn chosen(
    connection: &mut PgConnection,
    wanted: &Wanted,
    relations: &[Table],
) -> Result<(Vec<Table>, bool), Error> {
    let unknown = |wanted: &str| {
        let names: Vec<String> = relations
            .iter()
            .filter(|table| !OWN.iter().any(|own| of_schema(table, own)))
            .map(|table| called(&table.source))
            .collect();
        let with_schema = if wanted.contains('.') {
            wanted.to_owned()
        } else {
            format!("public.{wanted}")
        };
        Error::Unknown {
            wanted: wanted.to_owned(),
            cure: did_you_mean(&with_schema, names.iter().map(String::as_str)),
        }
    };
    if let Some(query) = &wanted.query {
        if !wanted.targets.is_empty() || wanted.all.is_some() {
            return Err(Error::OneBoard);
        }
        return Ok((vec![of_query(connection, query).await?], true));
    }
    let mut tables: Vec<Table> = Vec::new();
    let mut one_by_one = true;
    for target in wanted.targets.iter().chain(&wanted.all) {
        let public = format!("public.{target}");
        let is_schema = Some(target) == wanted.all.as_ref();
        let one = relations
            .iter()
            .find(|table| !is_schema && [target, &public].contains(&&called(&table.source)));
        one_by_one &= one.is_some();
        let found: Vec<&Table> = one.map_or_else(
            || {
                let tables = relations.iter();
                tables.filter(|table| of_schema(table, target)).collect()
            },
            |table| vec![table],
        );
        if found.is_empty() {
            let is_there: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)",
            )
            .bind(target)
            .persistent(false)
            .fetch_one(&mut *connection)
            .await?;
            return Err(if is_there {
                Error::Empty(target.clone())
            } else {
                unknown(target)
            });
        }
        for table in found {
            if !tables.iter().any(|other| other.oid == table.oid) {
                tables.push(table.clone());
            }
        }
    }
    Ok((tables, one_by_one))
}

async fn of_query(connection: &mut PgConnection, query: &str) -> Result<Table, Error> {
    let query = query.trim().trim_end_matches(';').trim_end().to_owned();
    let source = Source::Query(query);
    let columns = described_query(connection, &source)
        .await
        .map_err(|refused| match refused {
            Ok((line, message)) => Error::Query { line, message },
            Err(error) => Error::Database(error),
        })?;
    let columns = columns.into_iter().map(|column| Column {
        table: Oid(0),
        name: column.name,
        type_name: column.type_name,
        base: column.base,
        category: column.category,
        element: column.element,
        modifier: -1,
        not_null: false,
        readable: true,
        comment: None,
        labels: None,
        checks: None,
    });
    let mut table = Table {
        oid: None,
        source,
        kind: "q".to_owned(),
        comment: None,
        rows: -1.0,
        readable: true,
        columns: Vec::new(),
        keys: Vec::new(),
        foreign: Vec::new(),
        checks: Vec::new(),
        unspelled: Vec::new(),
        sample: Vec::new(),
    };
    columns.for_each(|column| table.add(column));
    Ok(table)
}

/// Reads a few rows, and finds the columns that tell rows apart: those that were named, the primary key, a unique
/// index, or for what can have neither the first columns that do so in the rows that there are.
async fn key_of(
    connection: &mut PgConnection,
    table: &mut Table,
    named: &[String],
) -> Result<Vec<String>, Error> {
    let name = called(&table.source);
    let is_query = matches!(table.source, Source::Query(_));
    let unreadable = |message: String| {
        if is_query {
            Error::Query {
                line: None,
                message,
            }
        } else {
            Error::Unreadable {
                table: name.clone(),
                message,
            }
        }
    };
    if !table.readable || table.columns.is_empty() {
        return Err(unreadable("no column of it may be read".to_owned()));
    }
    catalog::sample(connection, table)
        .await?
        .map_err(unreadable)?;
    let columns = || table.columns.iter().map(|column| column.name.as_str());
    if let Some(column) = named
        .iter()
        .find(|column| !columns().any(|name| name == *column))
    {
        return Err(Error::NoColumn {
            table: name,
            column: column.clone(),
            cure: did_you_mean(column, columns()),
        });
    }
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let not_null = |key: &&Vec<String>| {
        key.iter().all(|part| {
            table
                .columns
                .iter()
                .any(|column| column.name == *part && column.not_null)
        })
    };
    if let Some(key) = table.keys.iter().find(not_null) {
        return Ok(key.clone());
    }
    let candidates = candidates(table);
    let found = if matches!(table.kind.as_str(), "r" | "p") {
        // What a table does not promise today's rows cannot prove, but a unique index without nulls comes close.
        catalog::distinct(connection, table, &table.keys).await?
    } else {
        catalog::distinct(connection, table, &candidates).await?
    };
    found.ok_or_else(|| Error::NoKey {
        table: name,
        example: candidates
            .first()
            .map_or_else(|| "id".to_owned(), |columns| columns.join(",")),
    })
}

/// Columns that look like a key, the likeliest first.
fn candidates(table: &Table) -> Vec<Vec<String>> {
    let own = match &table.source {
        Source::Table { name, .. } => words::last(&words::words(name), words::singular).join("_"),
        Source::Query(_) => String::new(),
    };
    let likely = |name: &str| match words::snake(name).as_str() {
        "id" | "uuid" | "key" => 0,
        name if name == format!("{own}_id") => 1,
        name if name.ends_with("id") => 2,
        name if name.ends_with("_no") || name.ends_with("number") || name.ends_with("code") => 3,
        "name" | "title" | "slug" => 4,
        _ => 5,
    };
    let mut names: Vec<&str> = table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    names.sort_by_key(|name| likely(name));
    names.truncate(4);
    let singles = names.iter().map(|name| vec![(*name).to_owned()]);
    let pairs = names.iter().enumerate().flat_map(|(at, first)| {
        names[at + 1..]
            .iter()
            .map(|second| vec![(*first).to_owned(), (*second).to_owned()])
    });
    singles.chain(pairs).collect()
}

/// A name for each board, unlike all others.
fn names(ready: &[(Table, Vec<String>)], wanted: &Wanted, existing: &[Dashboard]) -> Vec<String> {
    let mut taken: HashSet<String> = existing
        .iter()
        .map(|dashboard| dashboard.name.to_lowercase())
        .collect();
    let named = |(table, _): &(Table, Vec<String>)| {
        let (schema, name) = match &table.source {
            Source::Table { schema, name } => (schema.as_str(), name.as_str()),
            Source::Query(_) => ("query", "query"),
        };
        let is_table = matches!(table.kind.as_str(), "r" | "p" | "f");
        let number = |word: &str| {
            if is_table {
                words::plural(word)
            } else {
                word.to_owned()
            }
        };
        let wanted = wanted
            .name
            .clone()
            .unwrap_or_else(|| words::name(&words::last(&words::words(name), number)));
        let wanted = if wanted.is_empty() {
            "Table".to_owned()
        } else {
            wanted
        };
        let by_schema = format!("{wanted} ({schema})");
        let by_table = format!(
            "{wanted} ({schema} {})",
            name.replace(char::is_control, " ").trim()
        );
        let numbered = (2..).map(|number| format!("{wanted} {number}"));
        let name = [wanted.clone(), by_schema, by_table]
            .into_iter()
            .chain(numbered)
            .find(|name| {
                !taken.contains(&name.to_lowercase()) && name.encode_utf16().count() <= 100
            })
            .unwrap_or(wanted);
        taken.insert(name.to_lowercase());
        name
    };
    ready.iter().map(named).collect()
}

fn existing_targets(existing: &[Dashboard], relations: &[Table]) -> HashMap<Oid, Target> {
    relations
        .iter()
        .filter_map(|table| {
            let dashboard = existing.iter().find(|one| one.source == table.source)?;
            let target = Target {
                dashboard: dashboard.name.clone(),
                key: dashboard.key.clone(),
            };
            Some((table.oid?, target))
        })
        .collect()
}

/// The join tables among these, by their number. One that another table points to is no mere join.
fn joins(ready: &[(Table, Vec<String>)], targets: &HashMap<Oid, Target>) -> Vec<(Oid, Join)> {
    let pointed_to: HashSet<Oid> = ready
        .iter()
        .flat_map(|(table, _)| &table.foreign)
        .map(|foreign| foreign.target)
        .collect();
    let of_ready: HashSet<Oid> = ready.iter().filter_map(|(table, _)| table.oid).collect();
    ready
        .iter()
        .filter_map(|(table, key)| {
            let oid = table.oid.filter(|oid| !pointed_to.contains(oid))?;
            let join = choose::join(table, key, targets)?;
            of_ready.contains(&join.from.target).then_some((oid, join))
        })
        .collect()
}

/// A name that every file system takes.
fn file_name(name: &str) -> String {
    let plain: String = name
        .to_lowercase()
        .chars()
        .map(|character| {
            if character.is_alphanumeric() {
                character
            } else {
                '-'
            }
        })
        .collect();
    let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    let mut file = parts.join("-");
    while file.len() > 120 {
        file.pop();
    }
    if file.is_empty() {
        "table".to_owned()
    } else {
        file
    }
}

fn remark(board: &draft::Board, table: &Table, remarks: &mut Vec<String>) {
    let name = called(&table.source);
    let unknown: BTreeSet<&String> = board
        .choices
        .iter()
        .filter_map(|choice| choice.unknown_type.as_ref())
        .collect();
    for type_name in unknown {
        let remark = format!("no rule knows the type {type_name}; its columns are shown as text");
        if !remarks.contains(&remark) {
            remarks.push(remark);
        }
    }
    for column in &table.unspelled {
        remarks.push(format!(
            "{name}: column {column:?} left out; a file cannot spell a name with quotes around it, a query can give it another"
        ));
    }
    if board.cut() > 0 {
        remarks.push(format!(
            "{name}: {} columns stand in the file as comments, because a Notion database takes 500 properties and 50 KB of schema",
            board.cut()
        ));
    }
    let is_view = matches!(table.kind.as_str(), "v" | "m" | "f" | "q");
    if is_view {
        remarks.push(format!(
            "{name}: no constraint says what its key is; {} tells apart the rows that there are",
            board.key.join(", ")
        ));
    }
}

#[cfg(test)]
mod tests;
