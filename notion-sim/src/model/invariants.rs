//! What every state must fulfil, whatever was asked: the tests' yardstick.

use super::cell::Cell;
use super::schema::{self, Kind, TITLE};
use super::workspace::{Parent, Workspace};

/// The first thing that is wrong with a state.
pub(crate) fn violated(workspace: &Workspace) -> Option<String> {
    for source in workspace.data_sources.values() {
        let titles = source.properties.iter().filter(|held| held.id == TITLE);
        if titles.count() != 1 {
            return Some(format!("{} has not one title", source.id));
        }
        for (at, property) in source.properties.iter().enumerate() {
            let others = &source.properties[at + 1..];
            if others
                .iter()
                .any(|other| other.id == property.id || other.name == property.name)
            {
                return Some(format!("{} names {} twice", source.id, property.name));
            }
            if let Kind::Status { options, groups } = &property.kind {
                let grouped: usize = groups.iter().map(|group| group.options.len()).sum();
                if grouped != options.len() {
                    return Some(format!("{} has options without a group", property.name));
                }
            }
            if let Kind::Relation {
                data_source,
                synced: Some(mirror),
            } = &property.kind
            {
                let far = workspace.data_sources.get(data_source);
                let back = far.and_then(|far| schema::by_id(&far.properties, mirror));
                if !matches!(
                    back.map(|back| &back.kind),
                    Some(Kind::Relation { synced: Some(id), .. }) if *id == property.id
                ) {
                    return Some(format!("{} has lost its other end", property.name));
                }
            }
        }
    }
    workspace.pages.values().find_map(|page| {
        let Parent::DataSource(source) = page.parent else {
            return None;
        };
        let properties = &workspace.data_sources.get(&source)?.properties;
        page.cells.iter().find_map(|(id, cell)| {
            let Some(property) = schema::by_id(properties, id) else {
                return Some(format!("{} holds a value of no property", page.id));
            };
            (!fits(cell, &property.kind))
                .then(|| format!("{} holds {cell:?} in {:?}", page.id, property.kind))
        })
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
