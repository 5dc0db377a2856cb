//! A data source as a table, whole or through one of its views.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::html::Html;
use super::{Choice, cell, view};
use crate::model::query::{self, Enough, Filter, Sort};
use crate::model::schema::{self, Kind, Property};
use crate::model::workspace::{DataSource, Page, View, Workspace};

/// Rows on one page of a table.
const PAGE: usize = 500;

/// Helper columns of the daemon, shown last and dimmed.
const HELPERS: [&str; 2] = ["Claimboard Key", "Sync Note"];

/// What one page of the table shows.
pub(super) struct Rows {
    pub(super) source: DataSource,
    views: Vec<View>,
    view: Option<Uuid>,
    /// What a calendar shows.
    pub(super) month: Option<NaiveDate>,
    pub(super) columns: Vec<Property>,
    pub(super) ids: Vec<Uuid>,
    total: usize,
    from: usize,
    /// The version that the watcher shows, where rows can be compared with it.
    since: Option<u64>,
}

impl Rows {
    /// `None` when there is no such data source.
    pub(super) fn choose(
        workspace: &mut Workspace,
        source: Uuid,
        choice: &Choice,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let (view, from) = (choice.view, choice.from.unwrap_or(0));
        let source = workspace.data_sources.get(&source)?.clone();
        let mut views: Vec<View> = workspace
            .views
            .values()
            .filter(|view| !view.deleted && view.data_source == source.id)
            .cloned()
            .collect();
        views.sort_unstable_by_key(|view| view.number);
        let chosen = views.iter().find(|known| Some(known.id) == view);
        let properties = &source.properties;
        // A view's filter may have outlived a property: then the view shows every row, as Notion does.
        let filter = chosen
            .filter(|view| view.filter.is_object())
            .and_then(|view| Filter::read(&view.filter, properties, now).ok());
        let sorts = chosen
            .and_then(|view| Sort::read(&view.sorts, properties).ok())
            .unwrap_or_default();
        let mut ids: Vec<Uuid> = query::run(
            workspace,
            source.id,
            filter.as_ref(),
            &sorts,
            Enough::All,
            (false, now),
        )
        .iter()
        .map(|page| page.id)
        .collect();
        if sorts.is_empty() {
            ids.reverse();
        }
        let total = ids.len();
        let from = if from < total { from } else { 0 };
        let ids = ids.into_iter().skip(from).take(PAGE).collect();
        let columns = columns(
            properties,
            chosen.map(|view| &view.configuration["properties"]),
        );
        let view = chosen.map(|view| view.id);
        let since = choice
            .since
            .filter(|since| workspace.frame_stood_at(*since))
            .filter(|_| !looks_far(workspace, &source));
        Some(Self {
            source,
            views,
            view,
            month: view::month(choice.month.as_deref()),
            columns,
            ids,
            total,
            from,
            since,
        })
    }

    /// Whether the watcher shows this row already: then it is only named, by its key.
    pub(super) fn stands(&self, workspace: &Workspace, page: &Page) -> bool {
        self.since
            .is_some_and(|since| workspace.row_stood_at(page, since))
    }

    fn chosen(&self) -> Option<&View> {
        self.views.iter().find(|view| Some(view.id) == self.view)
    }

    pub(super) fn kind(&self) -> &str {
        self.chosen().map_or("table", |view| view.kind.as_str())
    }

    pub(super) fn configuration(&self) -> Option<&Value> {
        self.chosen().map(|view| &view.configuration)
    }
}

/// Whether a row shows more than its own values and those of the rows that it relates to: then no version tells when it changed.
fn looks_far(workspace: &Workspace, source: &DataSource) -> bool {
    source.properties.iter().any(|property| {
        let Kind::Rollup {
            relation, target, ..
        } = &property.kind
        else {
            return false;
        };
        let far = match schema::by_id(&source.properties, relation).map(|held| &held.kind) {
            Some(Kind::Relation { data_source, .. }) => workspace.data_sources.get(data_source),
            _ => None,
        };
        let target = far.and_then(|far| schema::by_id(&far.properties, target));
        target.is_none_or(|target| {
            matches!(
                target.kind,
                Kind::Formula(_) | Kind::Rollup { .. } | Kind::Relation { .. }
            )
        })
    })
}

/// Title first, helpers last; a view may hide and reorder.
fn columns(properties: &[Property], configured: Option<&Value>) -> Vec<Property> {
    let configured = configured
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let place = |property: &Property| {
        configured.iter().position(|entry| {
            entry["property_id"]
                .as_str()
                .and_then(|named| schema::find(properties, named))
                .is_some_and(|named| named.id == property.id)
        })
    };
    let hidden =
        |property: &Property| place(property).is_some_and(|at| configured[at]["visible"] == false);
    let mut columns: Vec<Property> = properties
        .iter()
        .filter(|property| !hidden(property))
        .cloned()
        .collect();
    columns.sort_by_key(|property| {
        (
            !matches!(property.kind, Kind::Title),
            is_helper(property),
            place(property).unwrap_or(usize::MAX),
        )
    });
    columns
}

pub(super) fn is_helper(property: &Property) -> bool {
    HELPERS
        .iter()
        .any(|helper| property.name.starts_with(helper))
}

pub(super) fn show(html: &mut Html, workspace: &Workspace, rows: &Rows, now: DateTime<Utc>) {
    tabs(html, rows);
    if !view::show(html, workspace, rows, now) {
        if view::is_simplified(rows.kind()) {
            html.raw("<p class=\"muted\">notion-sim shows a ")
                .text(rows.kind())
                .raw(" as a table.</p>");
        }
        table(html, workspace, rows, now);
    }
    foot(html, rows);
}

fn table(html: &mut Html, workspace: &Workspace, rows: &Rows, now: DateTime<Utc>) {
    html.raw("<div class=\"scroll table\" tabindex=\"0\" role=\"region\" aria-label=\"Rows\"><table class=\"rows\"><thead><tr>");
    for property in &rows.columns {
        html.raw("<th scope=\"col\" data-key=\"h")
            .text(&property.id)
            .raw("\"");
        if is_helper(property) {
            html.raw(" class=\"helper\"");
        }
        if let Some(description) = &property.description {
            html.raw(" title=\"").text(description).raw("\"");
        }
        html.raw("><span class=\"glyph\" aria-hidden=\"true\">")
            .raw(cell::glyph(&property.kind))
            .raw("</span>");
        html.text(&property.name).raw("</th>");
    }
    html.raw("</tr></thead><tbody>");
    for page in rows.ids.iter().filter_map(|id| workspace.pages.get(id)) {
        html.raw("<tr data-key=\"").show(page.id);
        if rows.stands(workspace, page) {
            html.raw("\" data-same></tr>");
            continue;
        }
        html.raw("\">");
        for property in &rows.columns {
            html.raw("<td data-key=\"").text(&property.id).raw("\"");
            html.raw(cell::class(property, is_helper(property)))
                .raw("><div>");
            cell::in_table(html, workspace, page, property, now);
            html.raw("</div></td>");
        }
        html.raw("</tr>");
    }
    html.raw("</tbody></table></div>");
}

fn foot(html: &mut Html, rows: &Rows) {
    html.raw("<p class=\"foot muted\">");
    if rows.total == 0 {
        html.raw("No rows.");
    } else {
        let until = rows.from + rows.ids.len();
        if rows.ids.len() < rows.total {
            html.text(&grouped(rows.from + 1))
                .raw("–")
                .text(&grouped(until))
                .raw(" of ");
        }
        html.text(&counted(rows.total, "row", "rows"));
        if rows.from > 0 {
            pager(html, rows, rows.from.saturating_sub(PAGE), "Earlier rows");
        }
        if until < rows.total {
            pager(html, rows, until, "Later rows");
        }
    }
    html.raw("</p>");
}

fn tabs(html: &mut Html, rows: &Rows) {
    if rows.views.is_empty() {
        return;
    }
    html.raw("<nav class=\"tabs\" aria-label=\"Views\">");
    let tab = |html: &mut Html, view: Option<&View>| {
        html.raw("<a href=\"/d/").show(rows.source.id);
        if let Some(view) = view {
            html.raw("?view=").show(view.id);
        }
        html.raw("\"");
        if view.map(|view| view.id) == rows.view {
            html.raw(" aria-current=\"page\"");
        }
        html.raw(">")
            .text(view.map_or("All rows", |view| view.name.as_str()))
            .raw("</a>");
    };
    tab(html, None);
    for view in &rows.views {
        tab(html, Some(view));
    }
    html.raw("</nav>");
}

/// The start of a link to the chosen view, which a parameter follows.
pub(super) fn address(html: &mut Html, rows: &Rows) {
    html.raw("<a href=\"/d/").show(rows.source.id).raw("?view=");
    if let Some(view) = rows.view {
        html.show(view);
    }
}

fn pager(html: &mut Html, rows: &Rows, from: usize, label: &'static str) {
    html.raw(" · <a href=\"/d/")
        .show(rows.source.id)
        .raw("?from=")
        .show(from);
    if let Some(view) = rows.view {
        html.raw("&amp;view=").show(view);
    }
    html.raw("\">").raw(label).raw("</a>");
}

/// A whole number with its thousands apart.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + 4);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

pub(super) fn counted(number: usize, one: &str, several: &str) -> String {
    format!(
        "{} {}",
        grouped(number),
        if number == 1 { one } else { several }
    )
}
