//! What every state must fulfil, whatever was asked: the tests' yardstick.

use std::collections::HashSet;

use uuid::Uuid;

use super::cell::Cell;
use super::schema::{self, Kind, Property, TITLE};
use super::workspace::{DataSource, Page, Parent, VIEW_KINDS, Workspace};

/// The first thing that is wrong with a state.
pub(crate) fn violated(workspace: &Workspace) -> Option<String> {
    let source = |source| {
        wrong_schema(workspace, source)
            .or_else(|| wrong_numbers(workspace, source))
            .or_else(|| wrong_home(workspace, source))
    };
    workspace
        .data_sources
        .values()
        .find_map(source)
        .or_else(|| {
            workspace
                .pages
                .values()
                .find_map(|page| wrong_row(workspace, page))
        })
        .or_else(|| wrong_parents(workspace))
        .or_else(|| wrong_views(workspace))
}

fn wrong_schema(workspace: &Workspace, source: &DataSource) -> Option<String> {
    let titles = source.properties.iter().filter(|held| held.id == TITLE);
    if titles.count() != 1 {
        return Some(format!("{} has not one title", source.id));
    }
    source
        .properties
        .iter()
        .enumerate()
        .find_map(|(at, property)| {
            let mut others = source.properties[at + 1..].iter();
            if others.any(|other| other.id == property.id || other.name == property.name) {
                return Some(format!("{} names {} twice", source.id, property.name));
            }
            if let Kind::Status { options, groups } = &property.kind {
                let grouped: usize = groups.iter().map(|group| group.options.len()).sum();
                if grouped != options.len() {
                    return Some(format!("{} has options without a group", property.name));
                }
            }
            let Kind::Relation {
                data_source,
                synced: Some(mirror),
            } = &property.kind
            else {
                return None;
            };
            let far = workspace.data_sources.get(data_source);
            let back = far.and_then(|far| schema::by_id(&far.properties, mirror));
            let Some(Kind::Relation {
                synced: Some(own),
                data_source: home,
            }) = back.map(|back| &back.kind)
            else {
                return Some(format!("{} has lost its other end", property.name));
            };
            if (own, home) != (&property.id, &source.id) {
                return Some(format!(
                    "{} is not its other end's other end",
                    property.name
                ));
            }
            one_sided(workspace, source, property, mirror)
        })
}

/// A row whose two-way relation shows it, but not it the row.
fn one_sided(
    workspace: &Workspace,
    source: &DataSource,
    property: &Property,
    mirror: &str,
) -> Option<String> {
    workspace.rows(source.id).find_map(|row| {
        let missing = related(row, &property.id).iter().find(|far| {
            let far = workspace.pages.get(far);
            far.is_none_or(|far| !related(far, mirror).contains(&row.id))
        })?;
        Some(format!(
            "{missing} does not relate back to {} by {}",
            row.id, property.name
        ))
    })
}

fn related<'a>(row: &'a Page, property: &str) -> &'a [Uuid] {
    match row.cells.get(property) {
        Some(Cell::Relation(related)) => related,
        _ => &[],
    }
}

/// Every row has a number of its own, of those that were given out.
fn wrong_numbers(workspace: &Workspace, source: &DataSource) -> Option<String> {
    let mut numbered = source
        .properties
        .iter()
        .filter(|property| matches!(property.kind, Kind::UniqueId { .. }));
    let property = numbered.next()?;
    if numbered.next().is_some() {
        return Some(format!("{} numbers its rows twice", source.id));
    }
    let mut seen = HashSet::new();
    workspace.rows(source.id).find_map(|row| {
        let Some(Cell::UniqueId(number)) = row.cells.get(&property.id) else {
            return Some(format!("{} has no number", row.id));
        };
        let given_out = (1..=source.last_unique_id).contains(number);
        (!given_out || !seen.insert(*number)).then(|| format!("{} has the number {number}", row.id))
    })
}

/// A data source and its database know each other.
fn wrong_home(workspace: &Workspace, source: &DataSource) -> Option<String> {
    let held = |id: &Uuid| {
        let database = workspace.databases.get(id);
        database.is_some_and(|database| database.data_sources.contains(&source.id))
    };
    let holders = workspace.databases.keys().filter(|id| held(id)).count();
    (holders != 1 || !held(&source.database))
        .then(|| format!("{} is not in its database alone", source.id))
}

/// Everything hangs, in the end, under the workspace.
fn wrong_parents(workspace: &Workspace) -> Option<String> {
    let all = || {
        let (pages, blocks) = (workspace.pages.keys(), workspace.blocks.keys());
        let sources = workspace.data_sources.keys();
        pages
            .chain(blocks)
            .chain(workspace.databases.keys())
            .chain(sources)
    };
    let known: HashSet<Uuid> = all().copied().collect();
    all().find_map(|id| {
        let above: Vec<Uuid> = workspace.ancestry(*id).collect();
        let lost = above.iter().find(|above| !known.contains(above));
        let circle = above.iter().collect::<HashSet<_>>().len() < above.len();
        (lost.is_some() || circle).then(|| format!("{id} hangs under nothing or under itself"))
    })
}

fn wrong_views(workspace: &Workspace) -> Option<String> {
    workspace.views.values().find_map(|view| {
        let home = workspace
            .data_sources
            .get(&view.data_source)
            .map(|source| source.database);
        let right = home == Some(view.database)
            && VIEW_KINDS.contains(&view.kind.as_str())
            && !view.name.is_empty();
        (!right).then(|| format!("the view {} is {view:?}", view.id))
    })
}

/// Rows hold values of their schema's properties, and relations lead to rows of the right data source.
fn wrong_row(workspace: &Workspace, page: &Page) -> Option<String> {
    let Parent::DataSource(source) = page.parent else {
        let strange = page.cells.keys().find(|id| *id != TITLE)?;
        return Some(format!("{} is no row and holds {strange}", page.id));
    };
    let properties = &workspace.data_sources.get(&source)?.properties;
    page.cells.iter().find_map(|(id, cell)| {
        let Some(property) = schema::by_id(properties, id) else {
            return Some(format!("{} holds a value of no property", page.id));
        };
        if let Kind::Relation { data_source, .. } = &property.kind {
            let rows = related(page, id).iter().map(|id| workspace.pages.get(id));
            for row in rows {
                if row.map(|row| row.parent) != Some(Parent::DataSource(*data_source)) {
                    return Some(format!(
                        "{} relates to {row:?} by {}",
                        page.id, property.name
                    ));
                }
            }
        }
        (!fits(cell, &property.kind))
            .then(|| format!("{} holds {cell:?} in {:?}", page.id, property.kind))
    })
}

fn fits(cell: &Cell, kind: &Kind) -> bool {
    match (cell, kind) {
        (Cell::Text(_), Kind::Title | Kind::RichText)
        | (Cell::Date(_), Kind::Date)
        | (Cell::Checkbox(_), Kind::Checkbox)
        | (Cell::Line(_), Kind::Url | Kind::Email | Kind::PhoneNumber)
        | (Cell::People(_), Kind::People)
        | (Cell::Files(_), Kind::Files)
        | (Cell::Relation(_), Kind::Relation { .. })
        | (Cell::UniqueId(_), Kind::UniqueId { .. }) => true,
        (Cell::Number(number), Kind::Number { .. }) => number.is_finite(),
        (Cell::Option(id), Kind::Select { .. } | Kind::Status { .. }) => kind.option(id).is_some(),
        (Cell::Options(ids), Kind::MultiSelect { .. }) => {
            ids.iter().all(|id| kind.option(id).is_some())
        }
        _ => false,
    }
}
