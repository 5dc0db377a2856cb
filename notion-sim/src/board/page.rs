//! One page: its properties, and its body.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::html::Html;
use super::layout::{emoji, source_icon, source_name};
use super::{cell, table};
use crate::model::schema::Kind;
use crate::model::workspace::{Page, Parent, Workspace};

pub(super) fn show(
    html: &mut Html,
    workspace: &Workspace,
    page: &Page,
    title: &str,
    now: DateTime<Utc>,
) {
    let source = if let Parent::DataSource(source) = page.parent {
        workspace.data_sources.get(&source)
    } else {
        None
    };
    html.raw("<article class=\"page\"><header>");
    if let Some(source) = source {
        html.raw("<p class=\"crumbs\"><a href=\"/d/")
            .show(source.id)
            .raw("\"><span aria-hidden=\"true\">");
        html.text(source_icon(workspace, source))
            .raw("</span> ")
            .text(&source_name(workspace, source))
            .raw("</a></p>");
    }
    html.raw("<h1>");
    if let Some(icon) = emoji(page.icon.as_ref()) {
        html.raw("<span class=\"icon\" aria-hidden=\"true\">")
            .text(icon)
            .raw("</span> ");
    }
    html.text(title);
    if page.is_locked {
        html.raw(" <span class=\"badge\">🔒 Locked</span>");
    }
    if workspace.in_trash(page.id) {
        html.raw(" <span class=\"badge\">In the trash</span>");
    }
    html.raw("</h1></header><dl class=\"properties\">");
    let properties = source
        .map(|source| source.properties.as_slice())
        .unwrap_or_default();
    let mut shown: Vec<_> = properties
        .iter()
        .filter(|property| !matches!(property.kind, Kind::Title))
        .collect();
    shown.sort_by_key(|property| table::is_helper(property));
    for property in shown {
        html.raw("<div data-key=\"").text(&property.id).raw("\"");
        if table::is_helper(property) {
            html.raw(" class=\"helper\"");
        }
        html.raw("><dt><span class=\"glyph\" aria-hidden=\"true\">")
            .raw(cell::glyph(&property.kind))
            .raw("</span>")
            .text(&property.name)
            .raw("</dt><dd>");
        if !cell::in_full(html, workspace, page, property, now) {
            html.raw("<span class=\"empty\">Empty</span>");
        }
        html.raw("</dd></div>");
    }
    html.raw("</dl>");
    body(html, workspace, page.id);
    html.raw("</article>");
}

/// A page's icon, if it has one, and title, as others refer to it.
pub(super) fn name(html: &mut Html, page: &Page, limit: usize) {
    if let Some(icon) = emoji(page.icon.as_ref()) {
        html.raw("<span class=\"icon\" aria-hidden=\"true\">")
            .text(icon)
            .raw("</span>");
    }
    let title = page.title();
    html.clipped(if title.is_empty() { "Untitled" } else { &title }, limit);
}

/// The blocks of a page, and the pages on it.
pub(super) fn body(html: &mut Html, workspace: &Workspace, parent: Uuid) {
    let shown = |id: &Uuid| !workspace.databases.contains_key(id) && !workspace.in_trash(*id);
    let mut children = workspace.children(parent).filter(shown).peekable();
    if children.peek().is_none() {
        return;
    }
    html.raw("<div class=\"body\">");
    for id in children {
        if let Some(page) = workspace.pages.get(&id) {
            html.raw("<p data-key=\"")
                .show(id)
                .raw("\"><a class=\"chip\" href=\"/p/")
                .show(id)
                .raw("\">");
            name(html, page, 120);
            html.raw("</a></p>");
        } else if let Some(block) = workspace.blocks.get(&id) {
            self::block(html, &block.kind, &block.content);
            body(html, workspace, id);
        }
    }
    html.raw("</div>");
}

fn block(html: &mut Html, kind: &str, content: &Value) {
    let (open, close) = match kind {
        "heading_1" => ("<h2>", "</h2>"),
        // Authors skip levels, and a page's outline must not: the lower ones only look smaller.
        "heading_2" => ("<h2 class=\"second\">", "</h2>"),
        "heading_3" | "heading_4" => ("<h2 class=\"third\">", "</h2>"),
        "bulleted_list_item" | "numbered_list_item" => ("<p class=\"item\">", "</p>"),
        "to_do" if content["checked"] == true => (
            "<p><span class=\"box ticked\" role=\"img\" aria-label=\"done\"></span> ",
            "</p>",
        ),
        "to_do" => (
            "<p><span class=\"box\" role=\"img\" aria-label=\"to do\"></span> ",
            "</p>",
        ),
        "quote" => ("<blockquote>", "</blockquote>"),
        "callout" => ("<p class=\"callout\">", "</p>"),
        "code" => ("<pre><code>", "</code></pre>"),
        "divider" => ("<hr>", ""),
        _ => ("<p>", "</p>"),
    };
    html.raw(open);
    for span in content["rich_text"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
    {
        html.text(span["plain_text"].as_str().unwrap_or_default());
    }
    if let Some(url) = content["url"]
        .as_str()
        .or(content["external"]["url"].as_str())
    {
        cell::link(html, url, 120);
    }
    html.text(content["expression"].as_str().unwrap_or_default());
    html.raw(close);
}
