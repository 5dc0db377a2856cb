//! From what the catalogue says about a table to a board that people like to look at. Pure.

use std::collections::{HashMap, HashSet};

use sqlx::postgres::types::Oid;

use super::catalog::{Column, Foreign, Table};
use super::draft::{Board, Choice, Line};
use super::{kind, title, view, words};
use crate::dashboard::Source;

/// A table that has a dashboard, or gets one.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) dashboard: String,
    pub(super) key: Vec<String>,
}

/// A join table, and what it joins.
#[derive(Debug, Clone)]
pub(super) struct Join {
    pub(super) source: Source,
    pub(super) from: Foreign,
    pub(super) to: Foreign,
}

/// What is known around a table.
pub(super) struct Around<'a> {
    pub(super) targets: &'a HashMap<Oid, Target>,
    /// Names of all tables, for what has no dashboard.
    pub(super) names: &'a HashMap<Oid, String>,
    /// Join tables to show on this board.
    pub(super) joins: Vec<&'a Join>,
}

/// Whether a table says nothing but which rows of two others belong together: its key is made of two foreign
/// keys, and the rest is when that was written.
pub(super) fn join(table: &Table, key: &[String], targets: &HashMap<Oid, Target>) -> Option<Join> {
    let [from, to] = table.foreign.as_slice() else {
        return None;
    };
    let mut joined: Vec<&String> = from.columns.iter().chain(&to.columns).collect();
    let distinct = joined.iter().collect::<HashSet<_>>().len() == joined.len();
    joined.sort();
    let mut key: Vec<&String> = key.iter().collect();
    key.sort();
    let others_are_times = table
        .columns
        .iter()
        .filter(|column| !joined.contains(&&column.name))
        .all(|column| is_bookkeeping(&column.name));
    let reaches = |foreign: &Foreign| targets.contains_key(&foreign.target);
    (distinct && joined == key && others_are_times && reaches(from) && reaches(to)).then(|| Join {
        source: table.source.clone(),
        from: from.clone(),
        to: to.clone(),
    })
}

/// Makes the board of a table.
pub(super) fn board(table: &Table, name: String, key: &[String], around: &Around<'_>) -> Board {
    let title = title::choose(table, key);
    let mut choices = vec![title.choice.clone()];
    let mut late = Vec::new();
    for column in &table.columns {
        if title.columns.contains(&column.name) && !is_foreign(table, &column.name) {
            continue;
        }
        let choice = relation(table, column, around.targets)
            .unwrap_or_else(|| Some(plain(table, column, key, around)));
        let Some(choice) = choice else { continue };
        let is_key = key.contains(&column.name) && choice.kind != "relation";
        if is_key || is_bookkeeping(&column.name) || choice.off {
            late.push(choice);
        } else {
            choices.push(choice);
        }
    }
    choices.extend(
        table
            .foreign
            .iter()
            .filter(|foreign| foreign.columns.len() > 1)
            .filter_map(|foreign| wide_relation(foreign, around.targets)),
    );
    choices.extend(
        around
            .joins
            .iter()
            .filter_map(|join| through(join, key, around.targets)),
    );
    choices.extend(late);
    unique_names(&mut choices);
    let mut board = Board {
        icon: words::icon(&words::words(&name)),
        name,
        comment: table.comment.clone(),
        source: table.source.clone(),
        key: key.to_vec(),
        cadence: cadence(table),
        also_titles: title.others,
        choices,
        views: Vec::new(),
    };
    board.fit();
    board.views = view::propose(table, key, &board.choices);
    board
}

/// A column that is no relation, though it may point to a table without a dashboard.
fn plain(table: &Table, column: &Column, key: &[String], around: &Around<'_>) -> Choice {
    let mut choice = kind::choose(table, column, key);
    let points_to = table
        .foreign
        .iter()
        .filter(|foreign| foreign.columns.contains(&column.name))
        .find_map(|foreign| around.names.get(&foreign.target));
    if let Some(target) = points_to.filter(|_| choice.remark.is_none()) {
        choice.remark = Some(format!(
            "points to {target}, which has no dashboard; with one it can be a relation"
        ));
    }
    choice
}

/// How soon a change should show, by how much there is to look at.
fn cadence(table: &Table) -> (&'static str, &'static str) {
    match table.kind.as_str() {
        "m" => ("10m", "a materialized view changes when it is refreshed"),
        _ if table.rows >= 100_000.0 => ("15m", "a large table, read whole at each look"),
        _ if table.rows >= 10_000.0 => ("5m", "ten thousand rows or more, read whole at each look"),
        _ => ("2m", "the longest time a change may go unnoticed"),
    }
}

fn is_foreign(table: &Table, column: &str) -> bool {
    table
        .foreign
        .iter()
        .any(|foreign| foreign.columns.iter().any(|name| name == column))
}

pub(super) fn is_bookkeeping(column: &str) -> bool {
    matches!(
        words::snake(column).as_str(),
        "created_at"
            | "updated_at"
            | "last_update"
            | "last_updated"
            | "modified_at"
            | "created"
            | "updated"
            | "modified"
            | "create_date"
            | "modified_date"
            | "inserted_at"
            | "deleted_at"
            | "created_on"
            | "updated_on"
            | "rowguid"
    )
}

/// The relation that a column is: `None` where it is none, `Some(None)` where it is only part of a wider one.
#[expect(
    clippy::option_option,
    reason = "a part of a wider key has no property, which is not the same as no relation"
)]
fn relation(
    table: &Table,
    column: &Column,
    targets: &HashMap<Oid, Target>,
) -> Option<Option<Choice>> {
    let of_column: Vec<&Foreign> = table
        .foreign
        .iter()
        .filter(|foreign| foreign.columns.contains(&column.name))
        .collect();
    let single = of_column
        .iter()
        .find(|foreign| foreign.columns.len() == 1 && reaches_key(foreign, targets).is_some());
    if let Some(foreign) = single {
        let target = &targets[&foreign.target];
        let mut choice = Choice::new(
            without_id(&column.name).unwrap_or_else(|| words::name(&words::words(&column.name))),
            "relation",
        );
        choice.column.clone_from(&column.name);
        choice.lines = vec![
            ("to", Line::text(&target.dashboard)),
            ("column", Line::text(&column.name)),
        ];
        return Some(Some(choice));
    }
    let in_wider = of_column
        .iter()
        .any(|foreign| foreign.columns.len() > 1 && reaches_key(foreign, targets).is_some());
    in_wider.then_some(None)
}

/// The target of a foreign key, and where in the foreign key each column of the target's key stands.
fn reaches_key<'a>(
    foreign: &Foreign,
    targets: &'a HashMap<Oid, Target>,
) -> Option<(&'a Target, Vec<usize>)> {
    let target = targets.get(&foreign.target)?;
    let places: Option<Vec<usize>> = target
        .key
        .iter()
        .map(|key| foreign.target_columns.iter().position(|name| name == key))
        .collect();
    let places = places?;
    (places.len() == foreign.columns.len()).then_some((target, places))
}

/// The columns of a foreign key in the order of the target's key.
fn in_key_order(foreign: &Foreign, places: &[usize]) -> Vec<String> {
    places
        .iter()
        .map(|place| foreign.columns[*place].clone())
        .collect()
}

fn wide_relation(foreign: &Foreign, targets: &HashMap<Oid, Target>) -> Option<Choice> {
    let (target, places) = reaches_key(foreign, targets)?;
    let mut choice = Choice::new(one_of(&target.dashboard), "relation");
    choice.column = foreign.columns.join("_");
    choice.lines = vec![
        ("to", Line::text(&target.dashboard)),
        ("column", Line::texts(&in_key_order(foreign, &places))),
    ];
    Some(choice)
}

fn through(join: &Join, key: &[String], targets: &HashMap<Oid, Target>) -> Option<Choice> {
    let Source::Table { schema, name } = &join.source else {
        return None;
    };
    let (own, own_places) = reaches_key(&join.from, targets)?;
    let (target, places) = reaches_key(&join.to, targets)?;
    if own.key != key {
        return None;
    }
    let mut choice = Choice::new(target.dashboard.clone(), "relation");
    choice.column.clone_from(name);
    choice.comment = Some(format!(
        "By the join table {schema}.{name}, which has no dashboard of its own."
    ));
    choice.lines = vec![
        ("to", Line::text(&target.dashboard)),
        ("through", Line::table(schema, name)),
        ("from", Line::texts(&in_key_order(&join.from, &own_places))),
        ("column", Line::texts(&in_key_order(&join.to, &places))),
    ];
    Some(choice)
}

/// `customer_id` points to a Customer; `None` where the name is no such thing.
fn without_id(column: &str) -> Option<String> {
    let mut words = words::words(column);
    matches!(words.last().map(String::as_str), Some("id" | "fk" | "key" | "code") if words.len() > 1)
        .then(|| {
            words.pop();
            words::name(&words)
        })
}

/// A dashboard's name for one of its rows.
fn one_of(dashboard: &str) -> String {
    words::name(&words::last(&words::words(dashboard), words::singular))
}

/// Makes names differ, whatever the case, and leaves the daemon's own alone.
fn unique_names(choices: &mut [Choice]) {
    let mut taken: HashSet<String> = [
        crate::dashboard::KEY_PROPERTY,
        crate::dashboard::NOTE_PROPERTY,
    ]
    .map(str::to_lowercase)
    .into();
    for choice in choices {
        let wanted = if choice.name.is_empty() {
            "Column".to_owned()
        } else {
            choice.name.clone()
        };
        let column = words::name(&words::words(&choice.column));
        let with_column = if column == wanted {
            wanted.clone()
        } else {
            format!("{wanted} ({column})")
        };
        let numbered = (2..).map(|number| format!("{wanted} {number}"));
        let name = [wanted.clone(), with_column]
            .into_iter()
            .chain(numbered)
            .find(|name| {
                !taken.contains(&name.to_lowercase()) && name.encode_utf16().count() <= 100
            })
            .unwrap_or(wanted);
        taken.insert(name.to_lowercase());
        choice.name = name;
    }
}
