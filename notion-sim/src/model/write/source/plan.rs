//! What a change of a schema means for rows and for other data sources.

use std::collections::HashMap;

use uuid::Uuid;

use crate::model::cell::Cell;
use crate::model::schema::{self, Kind, Property};
use crate::model::workspace::{DataSource, Page, Workspace};
use crate::model::write::convert::converted;

/// What the change means beyond the data source's own schema.
#[derive(Default)]
pub(super) struct Plan {
    /// Properties whose type changed, as they were.
    pub(super) retyped: Vec<Property>,
    /// Properties that lost options, which rows may still hold.
    pub(super) pruned: Vec<String>,
    /// Relations that point elsewhere now, so that no row keeps what they held.
    pub(super) emptied: Vec<String>,
    pub(super) removed: Vec<String>,
    /// Own relations that a new property in another data source mirrors.
    pub(super) synced: Vec<(Uuid, Property)>,
    /// Mirrors in other data sources that go with a removed relation.
    pub(super) others: Vec<(Uuid, String)>,
}

/// Takes options out of a row that its property no longer has; a status falls back to the first.
fn prune(page: &mut Page, property: &Property) -> bool {
    let stands = |id: &String| property.kind.option(id).is_some();
    let kept = match page.cells.get(&property.id) {
        Some(Cell::Option(id)) if !stands(id) => super::super::row::default_status(&property.kind),
        Some(Cell::Options(ids)) if !ids.iter().all(stands) => {
            let left: Vec<String> = ids.iter().filter(|id| stands(id)).cloned().collect();
            (!left.is_empty()).then_some(Cell::Options(left))
        }
        _ => return false,
    };
    match kept {
        Some(cell) => page.cells.insert(property.id.clone(), cell),
        None => page.cells.remove(&property.id),
    };
    true
}

/// Adds the other end of a relation, under a name that is free.
fn push_mirror(source: &mut DataSource, mirror: Property) {
    let taken = |name: &str| source.properties.iter().any(|held| held.name == name);
    let mut name = mirror.name.clone();
    let mut number = 1;
    while taken(&name) {
        name = format!("{} {number}", mirror.name);
        number += 1;
    }
    source.properties.push(Property { name, ..mirror });
}

/// Takes a property's values out of every row.
fn empty(workspace: &mut Workspace, source: Uuid, property: &str) {
    let holding: Vec<Page> = workspace
        .rows(source)
        .filter(|page| page.cells.contains_key(property))
        .cloned()
        .collect();
    for mut page in holding {
        page.cells.remove(property);
        workspace.put_page(page);
    }
}

/// The relation that a mirror shows the other end of.
fn own_end(mirror: &Property) -> Option<String> {
    match &mirror.kind {
        Kind::Relation { synced, .. } => synced.clone(),
        _ => None,
    }
}

/// Enters what a relation holds already into its new other end.
fn fill(workspace: &mut Workspace, (source, own): (Uuid, &str), (target, mirror): (Uuid, &str)) {
    let mut back: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for row in workspace.rows(source) {
        if let Some(Cell::Relation(related)) = row.cells.get(own) {
            for other in related {
                back.entry(*other).or_default().push(row.id);
            }
        }
    }
    let others: Vec<Page> = workspace
        .rows(target)
        .filter(|row| back.contains_key(&row.id))
        .cloned()
        .collect();
    for mut other in others {
        let rows = back.remove(&other.id).unwrap_or_default();
        other.cells.insert(mirror.to_owned(), Cell::Relation(rows));
        workspace.put_page(other);
    }
}

impl Plan {
    /// Stores the data source, and what its change means for rows and for other data sources.
    pub(super) fn commit(self, workspace: &mut Workspace, mut source: DataSource) {
        let source_id = source.id;
        let mirrors: Vec<(Uuid, String, Option<String>)> = self
            .synced
            .iter()
            .map(|(target, mirror)| (*target, mirror.id.clone(), own_end(mirror)))
            .collect();
        for (target, mirror) in self.synced {
            if target == source_id {
                push_mirror(&mut source, mirror);
            } else if let Some(mut other) = workspace.data_sources.get(&target).cloned() {
                push_mirror(&mut other, mirror);
                workspace.put_data_source(other);
            }
        }
        let mut removed = self.removed;
        for (target, mirror) in self.others {
            if target == source_id {
                source.properties.retain(|property| property.id != mirror);
                removed.push(mirror);
            } else if let Some(mut other) = workspace.data_sources.get(&target).cloned() {
                other.properties.retain(|property| property.id != mirror);
                workspace.put_data_source(other);
                empty(workspace, target, &mirror);
            }
        }
        removed.extend(self.emptied);
        let touches_rows =
            !(self.retyped.is_empty() && removed.is_empty() && self.pruned.is_empty());
        let pages: Vec<Page> = if touches_rows {
            workspace.rows(source_id).cloned().collect()
        } else {
            Vec::new()
        };
        for mut page in pages {
            let mut changed = false;
            for id in &removed {
                changed |= page.cells.remove(id).is_some();
            }
            for old in &self.retyped {
                let Some(cell) = page.cells.remove(&old.id) else {
                    continue;
                };
                changed = true;
                let Some(property) = source
                    .properties
                    .iter_mut()
                    .find(|property| property.id == old.id)
                else {
                    continue;
                };
                if let Some(cell) =
                    converted(&cell, &old.kind, &mut property.kind, &mut workspace.ids)
                {
                    page.cells.insert(old.id.clone(), cell);
                }
            }
            for id in &self.pruned {
                if let Some(property) = schema::by_id(&source.properties, id) {
                    changed |= prune(&mut page, property);
                }
            }
            if changed {
                workspace.put_page(page);
            }
        }
        let numbers = source
            .properties
            .iter()
            .find(|property| matches!(property.kind, Kind::UniqueId { .. }));
        if let Some(id) = numbers.map(|property| property.id.clone()) {
            let unnumbered: Vec<Page> = workspace
                .rows(source_id)
                .filter(|page| !page.cells.contains_key(&id))
                .cloned()
                .collect();
            for mut page in unnumbered {
                source.last_unique_id += 1;
                page.cells
                    .insert(id.clone(), Cell::UniqueId(source.last_unique_id));
                workspace.put_page(page);
            }
        }
        workspace.put_data_source(source);
        for (target, mirror, own) in mirrors {
            if let Some(own) = own {
                fill(workspace, (source_id, &own), (target, &mirror));
            }
        }
    }
}
