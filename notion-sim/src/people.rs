//! What people do in Notion's own interface, where no integration is asked.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::api::gate::can_be_sent;
use crate::api::{blocks, body, room, views};
use crate::failure::Failure;
use crate::model::schema::{self, TITLE};
use crate::model::workspace::{Connection, Page, Parent, User, Workspace};
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
    /// Locks a page or a database for people; the API still writes.
    Lock {
        id: Uuid,
    },
    Unlock {
        id: Uuid,
    },
    /// Adds a row.
    AddPage {
        data_source: Uuid,
        properties: Map<String, Value>,
    },
    /// Writes blocks at the end of a page, as a request would.
    AddBlocks {
        page: Uuid,
        children: Value,
    },
    /// Makes a view of a database.
    AddView {
        data_source: Uuid,
        name: String,
        #[serde(rename = "type")]
        kind: String,
    },
    /// Adds a property, configured as in a request.
    AddProperty {
        data_source: Uuid,
        name: String,
        config: Value,
    },
    /// Revokes the integration's token, or the given one.
    RevokeToken {
        #[serde(default)]
        token: Option<String>,
    },
    /// Makes another token; the old one is refused.
    RenewToken {
        token: String,
    },
    /// Installs another integration, with a token, a bot and a window of its own.
    Connect {
        name: String,
        token: String,
    },
}

pub(crate) fn act(
    simulator: &mut Simulator,
    act: Act,
    now: DateTime<Utc>,
) -> Result<Value, Failure> {
    let workspace = &mut simulator.workspace;
    workspace.block_limit = simulator.windows.limits.blocks;
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
            let change = json!({ "name": name });
            body::UPDATE_DATA_SOURCE
                .check("body", &json!({ "properties": { &property: change } }))?;
            change_schema(workspace, data_source, &property, &change, now)?;
        }
        Act::DeleteProperty {
            data_source,
            property,
        } => {
            change_schema(workspace, data_source, &property, &Value::Null, now)?;
        }
        Act::Trash { id } => trash(workspace, id, true, now)?,
        Act::Restore { id } => trash(workspace, id, false, now)?,
        Act::Unshare { id } => {
            let known = workspace.pages.contains_key(&id) || workspace.databases.contains_key(&id);
            if !known {
                return Err(not_found(workspace, "page or database", &id.to_string()));
            }
            workspace.change_settings(|settings| {
                settings.unshared.insert(id);
            });
        }
        Act::Share { id } => workspace.change_settings(|settings| {
            settings.unshared.remove(&id);
        }),
        Act::Lock { id } => lock(workspace, id, true)?,
        Act::Unlock { id } => lock(workspace, id, false)?,
        Act::AddPage {
            data_source,
            properties,
        } => {
            let id = add(workspace, data_source, &properties, now)?;
            simulator.save()?;
            return Ok(json!({ "done": true, "id": id }));
        }
        Act::AddBlocks { page, children } => {
            known(workspace, page)?;
            body::CHILDREN.check("body", &json!({ "children": children }))?;
            let new = blocks::read(&children, "body.children", 1)?;
            room(workspace, blocks::count(&new), now)?;
            let author = person(workspace);
            blocks::insert(workspace, Parent::Page(page), new, author, now);
        }
        Act::AddView {
            data_source,
            name,
            kind,
        } => views::made_by_a_person(workspace, data_source, (name, kind), person(workspace), now)?,
        Act::AddProperty {
            data_source,
            name,
            config,
        } => {
            body::CREATE_DATA_SOURCE_PROPERTIES.check("config", &json!({ &name: config }))?;
            change_schema(workspace, data_source, &name, &config, now)?;
        }
        Act::RevokeToken { token } => revoke(workspace, token.as_deref())?,
        Act::Connect { name, token } => {
            let id = connect(workspace, name, token)?;
            simulator.save()?;
            return Ok(json!({ "done": true, "id": id }));
        }
        Act::RenewToken { token } => {
            sendable(&token)?;
            workspace.change_settings(|settings| {
                settings.token = token;
                settings.token_revoked = false;
            });
        }
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

fn add(
    workspace: &mut Workspace,
    source: Uuid,
    properties: &Map<String, Value>,
    now: DateTime<Utc>,
) -> Result<Uuid, Failure> {
    body::UPDATE_PAGE.check("body", &json!({ "properties": properties }))?;
    if !workspace.data_sources.contains_key(&source) {
        return Err(not_found(workspace, "database", &source.to_string()));
    }
    room(workspace, 1, now)?;
    let written = row::read(workspace, source, properties)?;
    let author = person(workspace);
    let id = workspace.ids.uuid();
    let page = Page {
        id,
        number: workspace.next_number(),
        parent: Parent::DataSource(source),
        created_time: now,
        created_by: author,
        last_edited_time: now,
        last_edited_by: author,
        icon: None,
        cover: None,
        in_trash: false,
        is_archived: false,
        is_locked: false,
        cells: row::defaults(workspace, source),
    };
    written.commit(workspace, page);
    Ok(id)
}

fn lock(workspace: &mut Workspace, id: Uuid, is_locked: bool) -> Result<(), Failure> {
    if let Some(mut page) = workspace.pages.get(&id).cloned() {
        page.is_locked = is_locked;
        workspace.put_page(page);
    } else if let Some(mut database) = workspace.databases.get(&id).cloned() {
        database.is_locked = is_locked;
        workspace.put_database(database);
    } else {
        return Err(not_found(workspace, "page or database", &id.to_string()));
    }
    Ok(())
}

fn revoke(workspace: &mut Workspace, token: Option<&str>) -> Result<(), Failure> {
    let mut known = true;
    workspace.change_settings(|settings| match token {
        Some(token) if token != settings.token => {
            let other = settings
                .others
                .iter_mut()
                .find(|other| other.token == token);
            known = other.map(|other| other.token_revoked = true).is_some();
        }
        _ => settings.token_revoked = true,
    });
    if known {
        Ok(())
    } else {
        Err(Failure::validation("no integration has this token"))
    }
}

fn sendable(token: &str) -> Result<(), Failure> {
    if can_be_sent(token) {
        Ok(())
    } else {
        Err(Failure::validation(
            "a token is of letters, digits and signs of ASCII, without spaces, and not empty",
        ))
    }
}

fn connect(workspace: &mut Workspace, name: String, token: String) -> Result<Uuid, Failure> {
    sendable(&token)?;
    let settings = &workspace.settings;
    if token == settings.token || settings.others.iter().any(|other| other.token == token) {
        return Err(Failure::validation("an integration has this token already"));
    }
    let id = workspace.ids.uuid();
    let bot = User {
        id,
        name,
        email: None,
    };
    workspace.change_settings(|settings| {
        settings.others.push(Connection {
            bot,
            token,
            token_revoked: false,
        });
    });
    Ok(id)
}

/// A copy relates to the same rows and has the same body, and takes a number of its own.
fn duplicate(workspace: &mut Workspace, id: Uuid, now: DateTime<Utc>) -> Result<Uuid, Failure> {
    let mut page = known(workspace, id)?;
    room(workspace, 1 + blocks::below(workspace, id), now)?;
    let written = row::copied(&page);
    page.cells = match page.parent {
        Parent::DataSource(source) => row::defaults(workspace, source),
        _ => BTreeMap::new(),
    };
    page.id = workspace.ids.uuid();
    page.number = workspace.next_number();
    page.created_time = now;
    page.created_by = person(workspace);
    page.last_edited_time = now;
    page.last_edited_by = page.created_by;
    let (copy, author) = (page.id, page.created_by);
    written.commit(workspace, page);
    blocks::copy(workspace, id, Parent::Page(copy), author, now);
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
