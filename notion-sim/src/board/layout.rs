//! The frame of every page, and the pages that are not a table or a row.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::html::Html;
use super::{page, panel, table};
use crate::model::text;
use crate::model::workspace::{DataSource, Page, Parent, Workspace};
use crate::simulator::Simulator;

pub(super) struct Look<'a> {
    pub(super) simulator: &'a Simulator,
    pub(super) now: DateTime<Utc>,
    /// What a watcher compares.
    pub(super) version: String,
}

/// An emoji icon as text; other icons live elsewhere on the net and are not fetched.
pub(super) fn emoji(icon: Option<&Value>) -> Option<&str> {
    icon.and_then(|icon| icon["emoji"].as_str())
}

/// A database's name: its source's, its own, or Notion's word for neither.
pub(super) fn source_name(workspace: &Workspace, source: &DataSource) -> String {
    let own = text::plain(&source.title);
    let database = || {
        workspace
            .databases
            .get(&source.database)
            .map(|database| text::plain(&database.title))
    };
    Some(own)
        .filter(|name| !name.is_empty())
        .or_else(database)
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "Untitled".to_owned())
}

pub(super) fn source_icon<'a>(workspace: &'a Workspace, source: &'a DataSource) -> &'a str {
    let database = || {
        workspace
            .databases
            .get(&source.database)
            .and_then(|database| database.icon.as_ref())
    };
    emoji(source.icon.as_ref().or_else(database)).unwrap_or("🗃️")
}

impl<'a> Look<'a> {
    pub(super) fn workspace(&self) -> &'a Workspace {
        &self.simulator.workspace
    }

    /// Standing data sources in the order in which they were made, with their rows.
    fn sources(&self) -> Vec<(&'a DataSource, usize)> {
        let workspace = self.workspace();
        let mut sources: Vec<&DataSource> = workspace
            .data_sources
            .values()
            .filter(|source| !workspace.in_trash(source.id))
            .collect();
        sources.sort_unstable_by_key(|source| source.number);
        let standing = |source: &DataSource| {
            workspace
                .rows(source.id)
                .filter(|page| !page.in_trash)
                .count()
        };
        sources
            .into_iter()
            .map(|source| (source, standing(source)))
            .collect()
    }

    fn frame(&self, title: &str, here: Option<Uuid>, main: impl FnOnce(&mut Html)) -> Html {
        let mut html = Html::default();
        html.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><title>")
            .text(title)
            .raw("</title><link rel=\"stylesheet\" href=\"/_board/style.css\"><script src=\"/_board/script.js\" defer></script></head><body data-version=\"")
            .text(&self.version)
            .raw("\"><nav class=\"sidebar\" aria-label=\"Workspace\">");
        self.sidebar(&mut html, here);
        panel::compact(&mut html, self.simulator, self.now);
        html.raw("</nav><main id=\"main\">");
        main(&mut html);
        html.raw("</main></body></html>\n");
        html
    }

    fn sidebar(&self, html: &mut Html, here: Option<Uuid>) {
        let workspace = self.workspace();
        let root = workspace.pages.get(&self.simulator.root());
        let current = |html: &mut Html, is: bool| {
            if is {
                html.raw(" aria-current=\"page\"");
            }
        };
        html.raw("<a class=\"home\" href=\"/\"");
        current(html, here == root.map(|root| root.id));
        html.raw("><span class=\"icon\" aria-hidden=\"true\">")
            .text(
                root.and_then(|root| emoji(root.icon.as_ref()))
                    .unwrap_or("🧭"),
            )
            .raw("</span><span class=\"label\">")
            .text(&root.map(Page::title).unwrap_or_default())
            .raw("</span></a><ul class=\"tree\">");
        for (source, rows) in self.sources() {
            html.raw("<li data-key=\"")
                .show(source.id)
                .raw("\"><a href=\"/d/")
                .show(source.id)
                .raw("\"");
            current(html, here == Some(source.id));
            html.raw("><span class=\"icon\" aria-hidden=\"true\">")
                .text(source_icon(workspace, source))
                .raw("</span><span class=\"label\">")
                .text(&source_name(workspace, source))
                .raw("</span><span class=\"count\">")
                .text(&table::grouped(rows))
                .raw("</span></a></li>");
        }
        let trashed = workspace
            .pages
            .values()
            .filter(|page| page.in_trash)
            .count()
            + workspace
                .databases
                .values()
                .filter(|database| database.in_trash)
                .count();
        html.raw("</ul><a class=\"trash\" href=\"/trash\"");
        current(html, here == Some(Uuid::nil()));
        html.raw("><span class=\"icon\" aria-hidden=\"true\">🗑️</span><span class=\"label\">Trash</span><span class=\"count\">")
            .text(&table::grouped(trashed))
            .raw("</span></a>");
    }

    pub(super) fn home(&self) -> Html {
        let workspace = self.workspace();
        let root = workspace.pages.get(&self.simulator.root());
        let title = root.map(Page::title).unwrap_or_default();
        let sources = self.sources();
        self.frame(&title, root.map(|root| root.id), |html| {
            html.raw("<header><h1><span class=\"icon\" aria-hidden=\"true\">")
                .text(
                    root.and_then(|root| emoji(root.icon.as_ref()))
                        .unwrap_or("🧭"),
                )
                .raw("</span> ")
                .text(&title)
                .raw("</h1></header>");
            if sources.is_empty() {
                self.welcome(html);
            } else {
                html.raw("<ul class=\"cards\">");
                for (source, rows) in &sources {
                    html.raw("<li data-key=\"")
                        .show(source.id)
                        .raw("\"><a href=\"/d/")
                        .show(source.id);
                    html.raw("\"><span class=\"icon\" aria-hidden=\"true\">")
                        .text(source_icon(workspace, source))
                        .raw("</span><strong>")
                        .text(&source_name(workspace, source))
                        .raw("</strong><span class=\"muted\">")
                        .text(&table::counted(*rows, "row", "rows"))
                        .raw("</span></a></li>");
                }
                html.raw("</ul>");
            }
            if let Some(root) = root {
                page::body(html, workspace, root.id);
            }
            panel::full(html, self.simulator, self.now);
        })
    }

    /// Nothing is here yet: say how to begin.
    fn welcome(&self, html: &mut Html) {
        html.raw("<section class=\"welcome\"><p>This is a local Notion. It is empty: a client that speaks Notion's API fills it, and this page follows.</p><p>The integration's token was printed at start. The page that is shared with it:</p><pre>")
            .show(self.simulator.root())
            .raw("</pre><p>Try it:</p><pre>curl -X POST \"$NOTION_BASE_URL/v1/databases\" \\\n  -H \"Authorization: Bearer $NOTION_TOKEN\" -H \"Notion-Version: 2026-03-11\" -H \"Content-Type: application/json\" \\\n  -d '{\"parent\":{\"type\":\"page_id\",\"page_id\":\"")
            .show(self.simulator.root())
            .raw("\"},\"title\":[{\"text\":{\"content\":\"Hello\"}}],\n       \"initial_data_source\":{\"properties\":{\"Name\":{\"title\":{}}}}}'</pre></section>");
    }

    pub(super) fn database(&self, rows: &table::Rows) -> Html {
        let workspace = self.workspace();
        let source = &rows.source;
        let name = source_name(workspace, source);
        self.frame(&name, Some(source.id), |html| {
            let database = workspace.databases.get(&source.database);
            html.raw("<header><h1><span class=\"icon\" aria-hidden=\"true\">")
                .text(source_icon(workspace, source))
                .raw("</span> ")
                .text(&name);
            if database.is_some_and(|database| database.is_locked) {
                html.raw(" <span class=\"badge\">🔒 Locked</span>");
            }
            if workspace.in_trash(source.id) {
                html.raw(" <span class=\"badge\">In the trash</span>");
            }
            html.raw("</h1>");
            let description = database
                .map(|database| text::plain(&database.description))
                .unwrap_or_default();
            if !description.is_empty() {
                html.raw("<p class=\"muted\">")
                    .text(&description)
                    .raw("</p>");
            }
            html.raw("</header>");
            table::show(html, workspace, rows, self.now);
        })
    }

    pub(super) fn page(&self, page: &Page) -> Html {
        let workspace = self.workspace();
        let title = page.title();
        let name = if title.is_empty() {
            "Untitled"
        } else {
            title.as_str()
        };
        let source = if let Parent::DataSource(source) = page.parent {
            Some(source)
        } else {
            None
        };
        self.frame(name, source, |html| {
            page::show(html, workspace, page, name, self.now);
        })
    }

    pub(super) fn trash(&self) -> Html {
        let workspace = self.workspace();
        let mut pages: Vec<&Page> = workspace
            .pages
            .values()
            .filter(|page| page.in_trash)
            .collect();
        pages.sort_unstable_by_key(|page| std::cmp::Reverse((page.last_edited_time, page.number)));
        let databases: Vec<_> = workspace
            .databases
            .values()
            .filter(|database| database.in_trash)
            .collect();
        self.frame("Trash", Some(Uuid::nil()), |html| {
            html.raw("<header><h1><span class=\"icon\" aria-hidden=\"true\">🗑️</span> Trash</h1><p class=\"muted\">Hidden from queries, refused for edits; the API can restore it.</p></header>");
            if pages.is_empty() && databases.is_empty() {
                html.raw("<p class=\"muted\">Nothing is in the trash.</p>");
                return;
            }
            html.raw("<ul class=\"list\">");
            for database in databases {
                html.raw("<li data-key=\"").show(database.id).raw("\"><span class=\"icon\" aria-hidden=\"true\">🗃️</span> ");
                html.text(&text::plain(&database.title)).raw(" <span class=\"muted\">database</span></li>");
            }
            for page in pages.iter().take(500) {
                let source = if let Parent::DataSource(source) = page.parent { workspace.data_sources.get(&source) } else { None };
                html.raw("<li data-key=\"").show(page.id).raw("\"><a href=\"/p/").show(page.id).raw("\">");
                page::name(html, page, 80);
                html.raw("</a>");
                if let Some(source) = source {
                    html.raw(" <span class=\"muted\">in ").text(&source_name(workspace, source)).raw("</span>");
                }
                html.raw("</li>");
            }
            html.raw("</ul>");
        })
    }

    pub(super) fn missing(&self) -> Html {
        self.frame("Not found", None, |html| {
            html.raw("<header><h1>Not found</h1></header><p>There is no such page or database in this workspace. <a href=\"/\">See what there is</a>.</p>");
        })
    }
}
