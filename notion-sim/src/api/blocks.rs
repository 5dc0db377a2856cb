//! Blocks: the bodies of pages, and pages and databases as blocks of the page they stand on.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::block_body::{self, KINDS};
use super::failure::Failure;
use super::gate::Call;
use super::shape::{Shape, object, optional, quoted};
use super::{Answer, Effect, body, body_id, check, cut, list, paging, path_id, visible};
use crate::model::render::{self, Version};
use crate::model::workspace::{Block, Parent, Workspace};

/// Notion takes two levels of children in one request.
const DEEPEST: u8 = 2;

/// A block of a request, checked.
pub(crate) struct NewBlock {
    kind: &'static str,
    content: Value,
    children: Vec<NewBlock>,
}

pub(crate) fn read(given: &Value, path: &str, level: u8) -> Result<Vec<NewBlock>, Failure> {
    let given = given.as_array().map(Vec::as_slice).unwrap_or_default();
    given
        .iter()
        .enumerate()
        .map(|(i, block)| read_one(block, &format!("{path}[{i}]"), level))
        .collect()
}

fn read_one(given: &Value, path: &str, level: u8) -> Result<NewBlock, Failure> {
    let found = KINDS.into_iter().find(|kind| given.get(*kind).is_some());
    let Some(kind) = found else {
        if let Some(other) = given["type"]
            .as_str()
            .filter(|other| given.get(*other).is_some())
        {
            return Err(Failure::not_simulated(&format!("blocks of type {other}")));
        }
        return Err(Failure::validation(format!(
            "body failed validation: {path}.paragraph should be defined, instead was `undefined`."
        )));
    };
    let mut content = given[kind].clone();
    let nested = content.as_object_mut();
    let children = nested
        .and_then(|content| content.shift_remove("children"))
        .or_else(|| given.get("children").cloned());
    let children = children.unwrap_or(Value::Null);
    if level > DEEPEST && !children.is_null() {
        return Err(Failure::validation(format!(
            "body failed validation: {path}.{kind}.children should be not present."
        )));
    }
    let children = read(&children, &format!("{path}.{kind}.children"), level + 1)?;
    Ok(NewBlock {
        kind,
        content: block_body::read(kind, &content, &format!("{path}.{kind}"))?,
        children,
    })
}

/// How many blocks these are, with all that stand in them.
pub(super) fn count(blocks: &[NewBlock]) -> usize {
    let nested = blocks.iter().map(|block| count(&block.children));
    blocks.len() + nested.sum::<usize>()
}

pub(crate) fn insert(
    workspace: &mut Workspace,
    parent: Parent,
    blocks: Vec<NewBlock>,
    author: Uuid,
    now: DateTime<Utc>,
) -> Vec<Uuid> {
    let mut ids = Vec::with_capacity(blocks.len());
    for new in blocks {
        let id = workspace.ids.uuid();
        let number = workspace.next_number();
        workspace.put_block(Block {
            id,
            number,
            parent,
            kind: new.kind.to_owned(),
            content: new.content,
            in_trash: false,
            created_by: author,
            created_time: now,
            last_edited_time: now,
        });
        insert(workspace, Parent::Block(id), new.children, author, now);
        ids.push(id);
    }
    ids
}

/// Throws a page's body away; pages and databases on it stay.
pub(super) fn erase(workspace: &mut Workspace, page: Uuid) {
    let body: Vec<Uuid> = workspace
        .children(page)
        .filter(|id| workspace.blocks.contains_key(id))
        .collect();
    for id in body {
        trash(workspace, id, true);
    }
}

fn trash(workspace: &mut Workspace, id: Uuid, in_trash: bool) {
    if let Some(mut block) = workspace.blocks.get(&id).cloned() {
        block.in_trash = in_trash;
        workspace.put_block(block);
    }
}

fn exists(workspace: &Workspace, id: Uuid) -> Result<(), Failure> {
    let known = workspace.blocks.contains_key(&id)
        || workspace.pages.contains_key(&id)
        || workspace.databases.contains_key(&id);
    visible(workspace, known.then_some(&()), "block", id).copied()
}

fn rendered(workspace: &Workspace, call: &Call, id: Uuid) -> Result<Value, Failure> {
    exists(workspace, id)?;
    render::child(workspace, id, call.version).ok_or_else(Failure::invalid_url)
}

pub(super) fn retrieve(workspace: &Workspace, call: &Call, id: &str) -> Result<Value, Failure> {
    let id = path_id("block_id", id)?;
    check(call, &[], &body::NOTHING)?;
    rendered(workspace, call, id)
}

pub(super) fn children(workspace: &Workspace, call: &Call, id: &str) -> Result<Value, Failure> {
    let id = path_id("block_id", id)?;
    check(call, &["start_cursor", "page_size"], &body::NOTHING)?;
    let (cursor, size) = paging(call);
    if let Some(cursor) = cursor {
        object(vec![optional("start_cursor", Shape::Uuid)])
            .check("query", &json!({ "start_cursor": cursor }))?;
    }
    exists(workspace, id)?;
    let standing: Vec<Uuid> = workspace
        .children(id)
        .filter(|child| !workspace.in_trash(*child))
        .collect();
    let (shown, next) = cut(&standing, cursor, size, |id| *id)?;
    let results = shown
        .iter()
        .filter_map(|id| render::child(workspace, *id, call.version))
        .collect();
    Ok(list(results, next.map(|next| next.to_string()), "block"))
}

pub(super) fn append(
    workspace: &mut Workspace,
    call: &Call,
    id: &str,
    now: DateTime<Utc>,
) -> Answer {
    let id = path_id("block_id", id)?;
    check(call, &[], &body::APPEND_CHILDREN)?;
    if call.version == Version::Y2026
        && let Some(after) = call.body.get("after")
    {
        // 2026-03-11 put `position` in its place.
        let was = quoted(after);
        return Err(Failure::validation(format!(
            "body failed validation: body.after should be not present, instead was `{was}`."
        )));
    }
    exists(workspace, id)?;
    if workspace.in_trash(id) {
        return Err(Failure::archived());
    }
    let parent = if workspace.pages.contains_key(&id) {
        Parent::Page(id)
    } else {
        Parent::Block(id)
    };
    let asked = call
        .body
        .pointer("/position/type")
        .and_then(Value::as_str)
        .unwrap_or("end");
    let after = body_id(&call.body["after"]).or_else(|| {
        call.body
            .pointer("/position/after_block/id")
            .and_then(body_id)
    });
    if asked == "start" || after.is_some_and(|after| workspace.children(id).last() != Some(after)) {
        return Err(Failure::not_simulated(
            "appending blocks anywhere but at the end",
        ));
    }
    let blocks = read(&call.body["children"], "body.children", 1)?;
    super::room(workspace, count(&blocks), now)?;
    let author = workspace.bot().id;
    let ids = insert(workspace, parent, blocks, author, now);
    let results = ids
        .iter()
        .filter_map(|id| render::child(workspace, *id, call.version))
        .collect();
    Ok((list(results, None, "block"), Effect::Changed(id)))
}

pub(super) fn update(
    workspace: &mut Workspace,
    call: &Call,
    id: &str,
    now: DateTime<Utc>,
) -> Answer {
    let id = path_id("block_id", id)?;
    check(call, &[], &body::ANYTHING)?;
    exists(workspace, id)?;
    let Some(mut block) = workspace.blocks.get(&id).cloned() else {
        return Err(Failure::validation(
            "Pages and databases are updated by their own endpoints.",
        ));
    };
    let asked = call.body["in_trash"].as_bool();
    if workspace.in_trash(id) && asked != Some(false) {
        return Err(Failure::archived());
    }
    if let Some(given) = call.body.get(&block.kind) {
        block.content = block_body::changed(&block.kind, &block.content, given)?;
    }
    block.in_trash = asked.unwrap_or(block.in_trash);
    block.last_edited_time = now;
    workspace.put_block(block);
    rendered(workspace, call, id).map(|block| (block, Effect::Changed(id)))
}

pub(super) fn delete(workspace: &mut Workspace, call: &Call, id: &str) -> Answer {
    let id = path_id("block_id", id)?;
    check(call, &[], &body::NOTHING)?;
    exists(workspace, id)?;
    if let Some(mut page) = workspace.pages.get(&id).cloned() {
        page.in_trash = true;
        workspace.put_page(page);
    } else if let Some(mut database) = workspace.databases.get(&id).cloned() {
        database.in_trash = true;
        workspace.put_database(database);
    } else {
        trash(workspace, id, true);
    }
    rendered(workspace, call, id).map(|block| (block, Effect::Changed(id)))
}
