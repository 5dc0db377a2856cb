//! What stands in a block: its shape in requests, and the same in full as answers show it.

use serde_json::{Map, Value, json};

use super::body::{API_COLORS, TEXT, icon, length, rich_text};
use super::containers::look;
use super::shape::Shape::{Boolean, OneOf};
use super::shape::{Shape, nullable, object, optional, required};
use crate::failure::Failure;
use crate::model::text;

/// The types of block that are kept.
pub(super) const KINDS: [&str; 18] = [
    "paragraph",
    "heading_1",
    "heading_2",
    "heading_3",
    "heading_4",
    "bulleted_list_item",
    "numbered_list_item",
    "to_do",
    "toggle",
    "quote",
    "callout",
    "code",
    "divider",
    "equation",
    "bookmark",
    "embed",
    "image",
    "table_of_contents",
];

/// The types that Notion has beside them.
pub(super) const ELSEWHERE: [&str; 17] = [
    "audio",
    "breadcrumb",
    "column",
    "column_list",
    "file",
    "link_to_page",
    "meeting_notes",
    "pdf",
    "synced_block",
    "tab",
    "table",
    "table_row",
    "template",
    "transcription",
    "video",
    "child_page",
    "child_database",
];

fn shape(kind: &str) -> Shape {
    let color = || optional("color", OneOf(API_COLORS));
    let caption = || optional("caption", rich_text());
    let url = |least| required("url", length(least, TEXT));
    object(match kind {
        "divider" => Vec::new(),
        "table_of_contents" => vec![color()],
        "equation" => vec![required("expression", length(1, 1000))],
        "bookmark" | "embed" => vec![url(0), caption()],
        "image" => vec![
            required("external", object(vec![url(1)])),
            optional("type", OneOf(&["external"])),
            caption(),
        ],
        "code" => vec![
            required("rich_text", rich_text()),
            optional("language", length(1, TEXT)),
            caption(),
        ],
        _ => {
            let mut fields = vec![required("rich_text", rich_text()), color()];
            match kind {
                "to_do" => fields.push(optional("checked", Boolean)),
                "paragraph" | "callout" => fields.push(optional("icon", nullable(icon()))),
                _ if is_heading(kind) => fields.push(optional("is_toggleable", Boolean)),
                _ => {}
            }
            fields
        }
    })
}

fn is_heading(kind: &str) -> bool {
    kind.starts_with("heading_")
}

/// Reads the content of a new block, which stands at `path`.
pub(super) fn read(kind: &str, given: &Value, path: &str) -> Result<Value, Failure> {
    if let Some(type_of_file) = given["type"].as_str().filter(|_| kind == "image")
        && type_of_file != "external"
    {
        return Err(Failure::not_simulated(&format!(
            "images of type {type_of_file}"
        )));
    }
    shape(kind).check_at("body", path, given)?;
    super::look_is_simulated(given)?;
    let mut content = Map::new();
    for (key, default) in members(kind) {
        let value = match (key, &given[key]) {
            ("rich_text" | "caption", given) => text::render(&text::read(given)),
            (_, Value::Null) => default,
            ("icon", given) => look(given).unwrap_or_default(),
            (_, given) => given.clone(),
        };
        content.insert(key.to_owned(), value);
    }
    Ok(Value::Object(content))
}

/// The content after an update, which names only what changes.
pub(super) fn changed(kind: &str, held: &Value, given: &Value) -> Result<Value, Failure> {
    let path = format!("body.{kind}");
    Shape::Object.check_at("body", &path, given)?;
    let mut whole = held.clone();
    if let (Some(whole), Some(given)) = (whole.as_object_mut(), given.as_object()) {
        whole.extend(
            given
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
    }
    read(kind, &whole, &path)
}

/// A content's members in Notion's order, with what stands in those that nobody gave.
fn members(kind: &str) -> Vec<(&'static str, Value)> {
    let color = ("color", json!("default"));
    let empty = |key| (key, json!([]));
    match kind {
        "divider" => Vec::new(),
        "table_of_contents" => vec![color],
        "equation" => vec![("expression", json!(""))],
        "bookmark" | "embed" => vec![empty("caption"), ("url", json!(""))],
        "image" => vec![
            empty("caption"),
            ("type", json!("external")),
            ("external", json!({})),
        ],
        "code" => vec![
            empty("caption"),
            empty("rich_text"),
            ("language", json!("plain text")),
        ],
        _ => {
            let mut members = vec![empty("rich_text")];
            match kind {
                "to_do" => members.push(("checked", json!(false))),
                "paragraph" | "callout" => members.push(("icon", Value::Null)),
                _ if is_heading(kind) => members.push(("is_toggleable", json!(false))),
                _ => {}
            }
            members.push(color);
            members
        }
    }
}
