//! Blocks: the bodies of pages, and pages and databases as blocks of the page they stand on.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::block_body::{self, ELSEWHERE, KINDS};
use super::gate::Call;
use super::shape::{Shape, object, optional};
use super::{Answer, Effect, body, body_id, check, cut, editable, list, paging, path_id, visible};
use crate::failure::Failure;
use crate::failure::quoted;
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

/// Types of blocks that Notion has and the simulator has not are told plainly.
fn only_simulated(given: &Value) -> Result<(), Failure> {
    let named = |kind: &&str| given["type"] == *kind || given.get(*kind).is_some();
    match ELSEWHERE.iter().find(|kind| named(kind)) {
        Some(kind) => Err(Failure::not_simulated(&format!("blocks of type {kind}"))),
        None => Ok(()),
    }
}

/// What a block has beside its content; most of it stands in answers, and may be sent back.
const COMMON: [&str; 12] = [
    "object",
    "type",
    "children",
    "id",
    "parent",
    "created_time",
    "created_by",
    "last_edited_time",
    "last_edited_by",
    "has_children",
    "archived",
    "in_trash",
];

fn read_one(given: &Value, path: &str, level: u8) -> Result<NewBlock, Failure> {
    only_simulated(given)?;
    let asked = given.get("type").and_then(Value::as_str);
    let found = KINDS.into_iter().find(|kind| given.get(*kind).is_some());
    let wanted = asked.filter(|asked| KINDS.contains(asked));
    let Some(kind) = found.filter(|kind| asked.is_none_or(|asked| asked == *kind)) else {
        let wanted = wanted.unwrap_or("paragraph");
        return Err(Failure::unrecorded(format!(
            "body failed validation: {path}.{wanted} should be defined, instead was `undefined`."
        )));
    };
    let members = given.as_object().into_iter().flatten();
    for (stranger, value) in members {
        if stranger != kind && !COMMON.contains(&stranger.as_str()) {
            let was = quoted(value);
            return Err(Failure::validation(format!(
                "body failed validation: {path}.{stranger} should be not present, instead was `{was}`."
            )));
        }
    }
    let mut content = given[kind].clone();
    let nested = content.as_object_mut();
    let children = nested
        .and_then(|content| content.shift_remove("children"))
        .or_else(|| given.get("children").cloned());
    let children = children.unwrap_or(Value::Null);
    if level > DEEPEST && !children.is_null() {
        return Err(Failure::unrecorded(format!(
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
pub(crate) fn count(blocks: &[NewBlock]) -> usize {
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

/// The standing blocks right below a page or block; pages and databases are not among them.
fn body_of(workspace: &Workspace, parent: Uuid) -> Vec<Uuid> {
    workspace
        .children(parent)
        .filter(|id| workspace.blocks.contains_key(id))
        .collect()
}

/// How many blocks stand below a page or block.
pub(crate) fn below(workspace: &Workspace, parent: Uuid) -> usize {
    let here = body_of(workspace, parent);
    here.iter().map(|id| 1 + below(workspace, *id)).sum()
}

/// Copies what stands below a page or block to the end of another.
pub(crate) fn copy(
    workspace: &mut Workspace,
    from: Uuid,
    to: Parent,
    author: Uuid,
    now: DateTime<Utc>,
) {
    for id in body_of(workspace, from) {
        let (copy, number) = (workspace.ids.uuid(), workspace.next_number());
        if let Some(block) = workspace.blocks.get(&id).cloned() {
            workspace.put_block(Block {
                id: copy,
                number,
                parent: to,
                created_by: author,
                created_time: now,
                last_edited_time: now,
                ..block
            });
            self::copy(workspace, id, Parent::Block(copy), author, now);
        }
    }
}

/// Throws a page's body away; pages and databases on it stay.
pub(super) fn erase(workspace: &mut Workspace, page: Uuid) {
    for id in body_of(workspace, page) {
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
    only_simulated(&call.body)?;
    check(call, &[], &body::UPDATE_BLOCK)?;
    exists(workspace, id)?;
    let Some(mut block) = workspace.blocks.get(&id).cloned() else {
        return Err(Failure::unrecorded(
            "Pages and databases are updated by their own endpoints.",
        ));
    };
    editable(workspace, id, &call.body)?;
    let mut named = KINDS
        .iter()
        .filter(|kind| call.body.get(**kind).is_some() || call.body["type"] == **kind);
    if let Some(other) = named.find(|kind| **kind != block.kind) {
        return Err(Failure::unrecorded(format!(
            "Block {id} is of type {} and cannot become one of type {other}.",
            block.kind
        )));
    }
    let asked = call.body["in_trash"].as_bool();
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
    if workspace.in_trash(id) {
        return Err(Failure::archived());
    }
    if let Some(mut page) = workspace.pages.get(&id).cloned() {
        if page.parent == Parent::Workspace {
            return Err(Failure::workspace_level());
        }
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
