//! What people do in Notion's own interface, where no integration is asked.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::api::body;
use crate::api::failure::Failure;
use crate::model::schema::{self, TITLE};
use crate::model::workspace::{Page, Parent, Workspace};
use crate::model::write::row::{self, not_found};
use crate::model::write::source;
use crate::simulator::Simulator;

/// One thing that somebody does.
#[derive(Debug, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Act {
    /// Writes into a row, in the shape of a page update.
    EditCells {
        page: Uuid,
        properties: Map<String, Value>,
    },
    /// Copies a row, its key and all.
    DuplicatePage {
        page: Uuid,
    },
    RenameProperty {
        data_source: Uuid,
        property: String,
        name: String,
    },
    DeleteProperty {
        data_source: Uuid,
        property: String,
    },
    /// Moves a page or a database to the trash.
    Trash {
        id: Uuid,
    },
    Restore {
        id: Uuid,
    },
    /// Stops sharing a page or a database, and all below it, with the integration.
    Unshare {
        id: Uuid,
    },
    Share {
        id: Uuid,
    },
    RevokeToken,
    /// Makes another token; the old one is refused.
    RenewToken {
        token: String,
    },
}

pub(crate) fn act(
    simulator: &mut Simulator,
    act: Act,
    now: DateTime<Utc>,
) -> Result<Value, Failure> {
    let workspace = &mut simulator.workspace;
    match act {
        Act::EditCells { page, properties } => edit(workspace, page, &properties, now)?,
        Act::DuplicatePage { page } => {
            let id = duplicate(workspace, page, now)?;
            simulator.save()?;
            return Ok(json!({ "done": true, "id": id }));
        }
        Act::RenameProperty {
            data_source,
            property,
            name,
        } => {
            change_schema(
                workspace,
                data_source,
                &property,
                &json!({ "name": name }),
                now,
            )?;
        }
        Act::DeleteProperty {
            data_source,
            property,
        } => {
            change_schema(workspace, data_source, &property, &Value::Null, now)?;
        }
        Act::Trash { id } => trash(workspace, id, true, now)?,
        Act::Restore { id } => trash(workspace, id, false, now)?,
        Act::Unshare { id } => workspace.change_settings(|settings| {
            settings.unshared.insert(id);
        }),
        Act::Share { id } => workspace.change_settings(|settings| {
            settings.unshared.remove(&id);
        }),
        Act::RevokeToken => workspace.change_settings(|settings| settings.token_revoked = true),
        Act::RenewToken { token } => workspace.change_settings(|settings| {
            settings.token = token;
            settings.token_revoked = false;
        }),
    }
    simulator.save()?;
    Ok(json!({ "done": true }))
}

fn person(workspace: &Workspace) -> Uuid {
    workspace
        .settings
        .people
        .first()
        .map_or(workspace.settings.bot.id, |person| person.id)
}

fn known(workspace: &Workspace, id: Uuid) -> Result<Page, Failure> {
    workspace
        .pages
        .get(&id)
        .cloned()
        .ok_or_else(|| not_found(workspace, "page", &id.to_string()))
}

fn edit(
    workspace: &mut Workspace,
    id: Uuid,
    properties: &Map<String, Value>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    body::UPDATE_PAGE.check("body", &json!({ "properties": properties }))?;
    let mut page = known(workspace, id)?;
    let Parent::DataSource(source) = page.parent else {
        return Err(Failure::validation(format!(
            "{id} is not a row of a data source"
        )));
    };
    let written = row::read(workspace, source, properties)?;
    page.last_edited_time = now;
    page.last_edited_by = person(workspace);
    written.commit(workspace, page);
    Ok(())
}

fn duplicate(workspace: &mut Workspace, id: Uuid, now: DateTime<Utc>) -> Result<Uuid, Failure> {
    let mut page = known(workspace, id)?;
    page.id = workspace.ids.uuid();
    page.number = workspace.next_number();
    page.created_time = now;
    page.created_by = person(workspace);
    page.last_edited_time = now;
    page.last_edited_by = page.created_by;
    let copy = page.id;
    workspace.put_page(page);
    Ok(copy)
}

fn change_schema(
    workspace: &mut Workspace,
    id: Uuid,
    property: &str,
    change: &Value,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let source = workspace.data_sources.get(&id).cloned();
    let mut source = source.ok_or_else(|| not_found(workspace, "database", &id.to_string()))?;
    if schema::find(&source.properties, property).is_some_and(|property| property.id == TITLE)
        && change.is_null()
    {
        return Err(Failure::validation("nobody can delete the title property"));
    }
    source.last_edited_time = now;
    source.last_edited_by = person(workspace);
    source::apply(
        workspace,
        source,
        &Map::from_iter([(property.to_owned(), change.clone())]),
    )
}

fn trash(
    workspace: &mut Workspace,
    id: Uuid,
    in_trash: bool,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    if let Some(mut page) = workspace.pages.get(&id).cloned() {
        page.in_trash = in_trash;
        page.last_edited_time = now;
        page.last_edited_by = person(workspace);
        workspace.put_page(page);
    } else if let Some(mut database) = workspace.databases.get(&id).cloned() {
        database.in_trash = in_trash;
        workspace.put_database(database);
    } else {
        return Err(not_found(workspace, "page or database", &id.to_string()));
    }
    Ok(())
}
