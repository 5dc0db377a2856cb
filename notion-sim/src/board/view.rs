//! Views that are no tables: boards, galleries, lists, calendars and timelines.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};

use super::cell;
use super::html::Html;
use super::page;
use super::table::{self, Rows};
use crate::model::cell::{Cell, DateRange};
use crate::model::schema::{self, Choice, Kind, Property};
use crate::model::workspace::{Page, Workspace};

/// A card shows so many properties beside its title.
const CARD_PROPERTIES: usize = 4;

/// Shows the rows as their view says; false when that is a table.
pub(super) fn show(
    html: &mut Html,
    workspace: &Workspace,
    rows: &Rows,
    now: DateTime<Utc>,
) -> bool {
    let look = Look {
        workspace,
        rows,
        now,
    };
    match rows.kind() {
        "board" => look.board(html),
        "gallery" => look.cards(html, "gallery", &look.pages(), &[]),
        "list" => look.cards(html, "lines", &look.pages(), &[]),
        "calendar" => look.calendar(html),
        "timeline" => look.timeline(html),
        _ => return false,
    }
    true
}

struct Look<'a> {
    workspace: &'a Workspace,
    rows: &'a Rows,
    now: DateTime<Utc>,
}

impl<'a> Look<'a> {
    fn pages(&self) -> Vec<&'a Page> {
        let ids = self.rows.ids.iter();
        ids.filter_map(|id| self.workspace.pages.get(id)).collect()
    }

    /// The property that the view names, or the first that suits it.
    fn property(&self, named: Option<&str>, suits: fn(&Kind) -> bool) -> Option<&'a Property> {
        let properties = &self.rows.source.properties;
        let named = named.and_then(|named| schema::find(properties, named));
        let first = || properties.iter().find(|property| suits(&property.kind));
        named
            .filter(|property| suits(&property.kind))
            .or_else(first)
    }

    fn configured(&self, pointer: &str) -> Option<&'a str> {
        self.rows.configuration()?.pointer(pointer)?.as_str()
    }

    fn board(&self, html: &mut Html) {
        let Some(by) = self.property(self.configured("/group_by/property_id"), has_options) else {
            html.raw("<p class=\"muted\">This board has no property to group by.</p>");
            return;
        };
        html.raw(
            "<div class=\"scroll board\" tabindex=\"0\" role=\"region\" aria-label=\"Board\">",
        );
        let pages = self.pages();
        let stands_in = |page: &Page, id: Option<&str>| match page.cells.get(&by.id) {
            Some(Cell::Option(held)) => id == Some(held),
            Some(Cell::Options(held)) => id.is_some_and(|id| held.iter().any(|held| held == id)),
            _ => id.is_none(),
        };
        let mut groups: Vec<(Option<&Choice>, Vec<&Page>)> = Vec::new();
        for option in by.kind.options().iter().map(Some).chain([None]) {
            let id = option.map(|option| option.id.as_str());
            let here = pages.iter().copied().filter(|page| stands_in(page, id));
            groups.push((option, here.collect()));
        }
        let empty_shown = self
            .rows
            .configuration()
            .is_none_or(|view| view.pointer("/group_by/hide_empty_groups") != Some(&true.into()));
        for (option, here) in groups {
            if here.is_empty() && (option.is_none() || !empty_shown) {
                continue;
            }
            let name = option.map_or("Nothing chosen", |option| option.name.as_str());
            html.raw("<section class=\"column\" data-key=\"g")
                .text(option.map_or("", |option| option.id.as_str()))
                .raw("\" aria-label=\"")
                .text(name)
                .raw("\"><h2>");
            match option {
                Some(option) => cell::pill(html, option, matches!(by.kind, Kind::Status { .. })),
                None => _ = html.raw("<span class=\"pill\">").text(name).raw("</span>"),
            }
            html.raw(" <span class=\"muted small\">")
                .text(&table::grouped(here.len()))
                .raw("</span></h2>");
            self.cards(html, "stack", &here, std::slice::from_ref(&by.id));
            html.raw("</section>");
        }
        html.raw("</div>");
    }

    fn cards(&self, html: &mut Html, class: &'static str, pages: &[&Page], without: &[String]) {
        html.raw("<ul class=\"").raw(class).raw("\">");
        for page in pages {
            html.raw("<li class=\"card\" data-key=\"").show(page.id);
            if self.rows.stands(self.workspace, page) {
                html.raw("\" data-same></li>");
                continue;
            }
            html.raw("\"><a class=\"name\" href=\"/p/")
                .show(page.id)
                .raw("\">");
            page::name(html, page, 160);
            html.raw("</a>");
            self.values(html, page, without);
            html.raw("</li>");
        }
        html.raw("</ul>");
    }

    /// The first properties that hold something, each with its name.
    fn values(&self, html: &mut Html, page: &Page, without: &[String]) {
        let columns = self.rows.columns.iter().filter(|property| {
            !matches!(property.kind, Kind::Title)
                && !table::is_helper(property)
                && !without.contains(&property.id)
        });
        let mut shown = 0;
        for property in columns {
            let mut value = Html::default();
            if shown < CARD_PROPERTIES
                && cell::in_table(&mut value, self.workspace, page, property, self.now)
            {
                shown += 1;
                html.raw("<div class=\"value\" title=\"")
                    .text(&property.name)
                    .raw("\">")
                    .append(&value);
                if matches!(property.kind, Kind::Checkbox) {
                    html.raw(" ").text(&property.name);
                }
                html.raw("</div>");
            }
        }
    }

    /// The rows that have a date, with the days from its start to its end.
    fn dated(&self, by: &Property) -> Vec<(&'a Page, NaiveDate, NaiveDate)> {
        let mut dated: Vec<_> = self
            .pages()
            .into_iter()
            .filter_map(|page| {
                let (start, end) = days(page, by)?;
                Some((page, start, end.max(start)))
            })
            .collect();
        dated.sort_by_key(|(page, start, _)| (*start, page.number));
        dated
    }

    fn by_date(&self) -> Option<&'a Property> {
        self.property(self.configured("/date_property_id"), is_date)
    }

    /// The month of today, or the next one in which something happens.
    fn calendar(&self, html: &mut Html) {
        let Some(by) = self.by_date() else {
            html.raw("<p class=\"muted\">This calendar has no date to go by.</p>");
            return;
        };
        let dated = self.dated(by);
        let today = self.now.date_naive();
        let of_today = today.with_day(1).unwrap_or(today);
        let wanted = self.rows.month.unwrap_or_else(|| {
            let ahead = dated.iter().find(|(_, _, end)| *end >= of_today);
            let day = ahead.or(dated.last()).map_or(of_today, |(_, start, end)| {
                if *start <= of_today && of_today <= *end {
                    of_today
                } else {
                    *start
                }
            });
            day.with_day(1).unwrap_or(day)
        });
        html.raw("<div class=\"calendar\"><p class=\"months\">");
        for (label, month) in [
            ("Earlier", wanted.checked_sub_months(Months::new(1))),
            ("", None),
            ("Later", wanted.checked_add_months(Months::new(1))),
        ] {
            match month {
                Some(month) => {
                    table::address(html, self.rows);
                    html.raw("&amp;month=")
                        .text(&month.format("%Y-%m-%d").to_string())
                        .raw("\">")
                        .raw(label)
                        .raw("</a> ");
                }
                None => {
                    html.raw("<strong>")
                        .text(&wanted.format("%B %Y").to_string())
                        .raw("</strong> ");
                }
            }
        }
        html.raw("</p><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Month\"><table><thead><tr>");
        for day in ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] {
            html.raw("<th scope=\"col\">").raw(day).raw("</th>");
        }
        html.raw("</tr></thead><tbody>");
        let ahead = Days::new(u64::from(wanted.weekday().num_days_from_sunday()));
        let first = wanted.checked_sub_days(ahead).unwrap_or(wanted);
        let month = first.iter_days().take(42).collect::<Vec<_>>();
        for week in month.chunks(7) {
            if week[0] > wanted && week[0].month() != wanted.month() {
                break;
            }
            html.raw("<tr>");
            for day in week {
                html.raw("<td class=\"");
                html.raw(if *day == today { "today " } else { "" });
                html.raw(if day.month() == wanted.month() {
                    ""
                } else {
                    "outside"
                });
                html.raw("\"><span class=\"day\">")
                    .show(day.day())
                    .raw("</span>");
                for (page, ..) in dated
                    .iter()
                    .filter(|(_, start, end)| start <= day && day <= end)
                {
                    html.raw("<a class=\"event\" data-key=\"")
                        .show(page.id)
                        .raw("\" href=\"/p/")
                        .show(page.id)
                        .raw("\">");
                    page::name(html, page, 60);
                    html.raw("</a>");
                }
                html.raw("</td>");
            }
            html.raw("</tr>");
        }
        html.raw("</tbody></table></div></div>");
    }

    fn timeline(&self, html: &mut Html) {
        let dated = self.by_date().map(|by| self.dated(by)).unwrap_or_default();
        let first = dated.iter().map(|(_, start, _)| *start).min();
        let last = dated.iter().map(|(.., end)| *end).max();
        let (Some(first), Some(last)) = (first, last) else {
            html.raw("<p class=\"muted\">No row has a date.</p>");
            return;
        };
        let length = (last - first).num_days() + 1;
        html.raw("<div class=\"scroll timeline\" tabindex=\"0\" role=\"region\" aria-label=\"Timeline\"><table><thead><tr><th scope=\"col\">Name</th><th scope=\"col\" class=\"span\"><span>");
        html.text(&day_name(first))
            .raw("</span><span>")
            .text(&day_name(last))
            .raw("</span></th></tr></thead><tbody>");
        for (page, start, end) in dated {
            html.raw("<tr data-key=\"")
                .show(page.id)
                .raw("\"><th scope=\"row\"><a href=\"/p/")
                .show(page.id)
                .raw("\">");
            page::name(html, page, 60);
            let label = if start == end {
                day_name(start)
            } else {
                format!("{} to {}", day_name(start), day_name(end))
            };
            // A drawing, because the page's policy allows no styles of its own to a bar.
            html.raw("</a></th><td><svg role=\"img\" viewBox=\"0 0 ")
                .show(length)
                .raw(" 1\" preserveAspectRatio=\"none\" aria-label=\"")
                .text(&label)
                .raw("\"><rect x=\"")
                .show((start - first).num_days())
                .raw("\" width=\"")
                .show((end - start).num_days() + 1)
                .raw("\" y=\"0\" height=\"1\"></rect></svg><span class=\"muted small\">")
                .text(&label)
                .raw("</span></td></tr>");
        }
        html.raw("</tbody></table></div>");
    }
}

fn day_name(day: NaiveDate) -> String {
    day.format("%b %-d, %Y").to_string()
}

fn has_options(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Status { .. } | Kind::Select { .. } | Kind::MultiSelect { .. }
    )
}

fn is_date(kind: &Kind) -> bool {
    matches!(kind, Kind::Date | Kind::CreatedTime | Kind::LastEditedTime)
}

fn days(page: &Page, by: &Property) -> Option<(NaiveDate, NaiveDate)> {
    let day = |at: DateTime<Utc>| (at.date_naive(), at.date_naive());
    match (&by.kind, page.cells.get(&by.id)) {
        (Kind::CreatedTime, _) => Some(day(page.created_time)),
        (Kind::LastEditedTime, _) => Some(day(page.last_edited_time)),
        (_, Some(Cell::Date(DateRange { start, end, .. }))) => {
            let start = start.instant().date_naive();
            Some((start, end.map_or(start, |end| end.instant().date_naive())))
        }
        _ => None,
    }
}

/// A month as an address names it, by its first day.
pub(super) fn month(given: Option<&str>) -> Option<NaiveDate> {
    let day: NaiveDate = given?.parse().ok()?;
    // The weeks around it must exist as well.
    (1900..=2200)
        .contains(&day.year())
        .then(|| day.with_day(1))
        .flatten()
}

/// Kinds of views that are shown otherwise than Notion shows them.
pub(super) fn is_simplified(kind: &str) -> bool {
    matches!(kind, "form" | "chart" | "map" | "dashboard")
}
