//! A value as people see it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::html::Html;
use super::page;
use crate::model::cell::{Cell, When};
use crate::model::compute;
use crate::model::formula::Computed;
use crate::model::schema::{Choice, Kind, Property};
use crate::model::text::Span;
use crate::model::workspace::{Page, Workspace};

/// In a table, a text shows so much of itself, and a list so many items.
const TABLE_TEXT: usize = 160;
const TABLE_ITEMS: usize = 4;

/// A sign for a property's type.
pub(super) fn glyph(kind: &Kind) -> &'static str {
    match kind {
        Kind::Title => "Aa",
        Kind::RichText => "≡",
        Kind::Number { .. } => "#",
        Kind::Select { .. } => "▾",
        Kind::MultiSelect { .. } => "☰",
        Kind::Status { .. } => "◌",
        Kind::Date => "▦",
        Kind::People | Kind::CreatedBy | Kind::LastEditedBy => "☺",
        Kind::Files => "⎙",
        Kind::Checkbox => "☑",
        Kind::Url => "🔗\u{fe0e}",
        Kind::Email => "@",
        Kind::PhoneNumber => "☏",
        Kind::Formula(_) => "Σ",
        Kind::Relation { .. } => "↗",
        Kind::Rollup { .. } => "⌕",
        Kind::UniqueId { .. } => "№",
        Kind::CreatedTime | Kind::LastEditedTime => "◷",
    }
}

/// The class attribute of a table's cell.
pub(super) fn class(property: &Property, helper: bool) -> &'static str {
    match &property.kind {
        _ if helper => " class=\"helper\"",
        Kind::Title => " class=\"title\"",
        Kind::Number { .. } => " class=\"number\"",
        Kind::RichText => " class=\"prose\"",
        _ => "",
    }
}

/// The value in one line; nothing for an empty one, and false.
pub(super) fn in_table(
    html: &mut Html,
    workspace: &Workspace,
    page: &Page,
    property: &Property,
    now: DateTime<Utc>,
) -> bool {
    if matches!(property.kind, Kind::Title) {
        html.raw("<a href=\"/p/").show(page.id).raw("\">");
        page::name(html, page, TABLE_TEXT);
        html.raw("</a>");
        return true;
    }
    Shown {
        workspace,
        now,
        items: TABLE_ITEMS,
        text: TABLE_TEXT,
    }
    .value(html, page, property)
}

/// The whole value; false when there is none.
pub(super) fn in_full(
    html: &mut Html,
    workspace: &Workspace,
    page: &Page,
    property: &Property,
    now: DateTime<Utc>,
) -> bool {
    Shown {
        workspace,
        now,
        items: usize::MAX,
        text: usize::MAX,
    }
    .value(html, page, property)
}

struct Shown<'a> {
    workspace: &'a Workspace,
    now: DateTime<Utc>,
    items: usize,
    text: usize,
}

impl Shown<'_> {
    fn value(&self, html: &mut Html, page: &Page, property: &Property) -> bool {
        let kind = &property.kind;
        let Some(cell) = page.cells.get(&property.id) else {
            return match kind {
                Kind::Checkbox => {
                    tick(html, false);
                    true
                }
                Kind::Formula(_)
                | Kind::Rollup { .. }
                | Kind::CreatedTime
                | Kind::LastEditedTime
                | Kind::CreatedBy
                | Kind::LastEditedBy => self.computed(
                    html,
                    &compute::value(self.workspace, page, property, self.now),
                    kind,
                ),
                _ => false,
            };
        };
        match cell {
            Cell::Text(spans) => self.spans(html, spans),
            Cell::Number(number) => {
                let format = if let Kind::Number { format } = kind {
                    format.as_str()
                } else {
                    "number"
                };
                html.text(&formatted(*number, format));
            }
            Cell::Option(id) => {
                let Some(option) = kind.option(id) else {
                    return false;
                };
                pill(html, option, matches!(kind, Kind::Status { .. }));
            }
            Cell::Options(ids) => {
                let options: Vec<&Choice> = ids.iter().filter_map(|id| kind.option(id)).collect();
                self.several(html, &options, |html, option| pill(html, option, false));
            }
            Cell::Date(range) => {
                date(html, range.start);
                if let Some(end) = range.end {
                    html.raw(" → ");
                    date(html, end);
                }
            }
            Cell::Checkbox(value) => tick(html, *value),
            Cell::Line(line) => match kind {
                Kind::Url => link(html, line, self.text.min(200)),
                Kind::Email => {
                    html.raw("<a href=\"mailto:")
                        .text(line)
                        .raw("\">")
                        .clipped(line, self.text)
                        .raw("</a>");
                }
                _ => {
                    html.clipped(line, self.text);
                }
            },
            Cell::People(people) => self.several(html, people, |html, id| self.person(html, *id)),
            Cell::Files(files) => self.several(html, files, |html, file| {
                html.raw("<span class=\"chip\">")
                    .clipped(file["name"].as_str().unwrap_or("file"), 60)
                    .raw("</span>");
            }),
            Cell::Relation(related) => {
                let standing: Vec<&Page> = self
                    .workspace
                    .standing(related)
                    .filter_map(|id| self.workspace.pages.get(&id))
                    .collect();
                if standing.is_empty() {
                    return false;
                }
                self.several(html, &standing, |html, other| {
                    html.raw("<a class=\"chip\" href=\"/p/")
                        .show(other.id)
                        .raw("\">");
                    page::name(html, other, 48);
                    html.raw("</a>");
                });
            }
            Cell::UniqueId(number) => {
                html.raw("<span class=\"muted\">");
                if let Kind::UniqueId {
                    prefix: Some(prefix),
                } = kind
                {
                    html.text(prefix).raw("-");
                }
                html.show(number).raw("</span>");
            }
        }
        true
    }

    fn several<T>(&self, html: &mut Html, items: &[T], one: impl Fn(&mut Html, &T)) {
        for item in items.iter().take(self.items) {
            one(html, item);
            html.raw(" ");
        }
        if items.len() > self.items {
            html.raw("<span class=\"muted\">+")
                .show(items.len() - self.items)
                .raw("</span>");
        }
    }

    fn spans(&self, html: &mut Html, spans: &[Span]) {
        let mut left = self.text;
        for span in spans {
            let text = crate::model::text::plain(std::slice::from_ref(span));
            let safe = span.link().filter(|url| is_web(url));
            if let Some(url) = safe {
                html.raw("<a rel=\"noopener noreferrer\" target=\"_blank\" href=\"")
                    .text(url)
                    .raw("\">")
                    .clipped(&text, left)
                    .raw("</a>");
            } else {
                html.clipped(&text, left);
            }
            left = left.saturating_sub(text.chars().count());
            if left == 0 {
                break;
            }
        }
    }

    fn person(&self, html: &mut Html, id: Uuid) {
        let name = self
            .workspace
            .user(id)
            .map_or("Somebody", |user| user.name.as_str());
        html.raw("<span class=\"person\"><span class=\"face\" aria-hidden=\"true\">")
            .clipped_initial(name)
            .raw("</span>")
            .text(name)
            .raw("</span>");
    }

    fn computed(&self, html: &mut Html, value: &Computed, kind: &Kind) -> bool {
        match value {
            Computed::Empty => return false,
            Computed::Text(text) if text.is_empty() => return false,
            Computed::Boolean(value) => tick(html, *value),
            Computed::Number(number) => {
                let percent = matches!(kind, Kind::Rollup { function, .. } if function.starts_with("percent"));
                html.text(&formatted(
                    *number,
                    if percent {
                        "percent"
                    } else {
                        "number_with_commas"
                    },
                ));
            }
            Computed::Date { start, end, day } => {
                let when = |at: DateTime<Utc>| {
                    if *day {
                        When::Day(at.date_naive())
                    } else {
                        When::Minute(at.fixed_offset())
                    }
                };
                date(html, when(*start));
                if let Some(end) = end {
                    html.raw(" → ");
                    date(html, when(*end));
                }
            }
            Computed::List(items) if matches!(kind, Kind::Rollup { .. }) => {
                self.several(html, items, |html, item| {
                    html.raw("<span class=\"chip\">")
                        .clipped(&item.text(), 48)
                        .raw("</span>");
                });
            }
            other => {
                html.clipped(&other.text(), self.text);
            }
        }
        true
    }
}

impl Html {
    fn clipped_initial(&mut self, name: &str) -> &mut Self {
        let initial: String = name.chars().next().into_iter().collect();
        self.text(&initial)
    }
}

pub(super) fn pill(html: &mut Html, option: &Choice, dot: bool) {
    html.raw(if dot {
        "<span class=\"pill state "
    } else {
        "<span class=\"pill "
    })
    .text(&option.color)
    .raw("\">");
    // Names that bring their own light need no second one.
    if dot
        && option
            .name
            .starts_with(|first: char| first.is_alphanumeric())
    {
        html.raw("<span class=\"dot\" aria-hidden=\"true\"></span>");
    }
    html.text(&option.name).raw("</span>");
}

fn tick(html: &mut Html, value: bool) {
    html.raw(if value {
        "<span class=\"box ticked\" role=\"img\" aria-label=\"yes\"></span>"
    } else {
        "<span class=\"box\" role=\"img\" aria-label=\"no\"></span>"
    });
}

fn date(html: &mut Html, when: When) {
    html.raw("<time datetime=\"")
        .text(&when.render())
        .raw("\">");
    html.text(&match when {
        When::Day(day) => day.format("%b %-d, %Y").to_string(),
        When::Minute(at) => at.format("%b %-d, %Y %H:%M").to_string(),
    });
    html.raw("</time>");
}

fn is_web(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    lower.starts_with("https://") || lower.starts_with("http://")
}

/// A link without its scheme; what is no web address is shown as text.
pub(super) fn link(html: &mut Html, url: &str, limit: usize) {
    if !is_web(url) {
        html.clipped(url, limit);
        return;
    }
    let shown = url
        .split_once("://")
        .map_or(url, |(_, rest)| rest)
        .trim_end_matches('/');
    html.raw("<a rel=\"noopener noreferrer\" target=\"_blank\" href=\"")
        .text(url)
        .raw("\">")
        .clipped(shown, limit.min(64))
        .raw("</a>");
}

/// A number as its format shows it.
fn formatted(number: f64, format: &str) -> String {
    let symbol = match format {
        "dollar" => "$",
        "euro" => "€",
        "pound" => "£",
        "yen" | "yuan" => "¥",
        "rupee" => "₹",
        "won" => "₩",
        "ruble" => "₽",
        "australian_dollar" => "A$",
        "canadian_dollar" => "CA$",
        "franc" => "CHF ",
        "real" => "R$",
        "krona" | "danish_krone" | "norwegian_krone" => "kr ",
        "zloty" => "zł ",
        "number" => return plain(number),
        "percent" => return format!("{}%", plain((number * 1e10).round() / 1e8)),
        "number_with_commas" => return with_commas(number, None),
        _ => "¤",
    };
    let sign = if number < 0.0 { "-" } else { "" };
    format!("{sign}{symbol}{}", with_commas(number.abs(), Some(2)))
}

fn plain(number: f64) -> String {
    crate::model::cell::number(number).to_string()
}

fn with_commas(number: f64, places: Option<usize>) -> String {
    let text = match places {
        Some(places) => format!("{number:.places$}"),
        None => plain(number),
    };
    let (whole, rest) = text
        .split_once('.')
        .map_or((text.as_str(), ""), |(whole, rest)| (whole, rest));
    let (sign, digits) = whole
        .strip_prefix('-')
        .map_or(("", whole), |digits| ("-", digits));
    let grouped = digits
        .parse()
        .map_or_else(|_| digits.to_owned(), super::table::grouped);
    if rest.is_empty() {
        format!("{sign}{grouped}")
    } else {
        format!("{sign}{grouped}.{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::formatted;

    #[test]
    fn numbers_are_shown_by_their_format() {
        let cases = [
            (1234.5, "number", "1234.5"),
            (1_234_567.0, "number_with_commas", "1,234,567"),
            (-1234.5, "number_with_commas", "-1,234.5"),
            (0.07, "percent", "7%"),
            (1234.5, "dollar", "$1,234.50"),
            (-3.0, "euro", "-€3.00"),
            (1e300, "number", "1e+300"),
        ];
        for (number, format, shown) in cases {
            assert_eq!(formatted(number, format), shown, "{number} as {format}");
        }
    }
}
