//! The API at work: the request window, counters and the last requests.

use chrono::{DateTime, Utc};

use super::html::Html;
use super::table::{counted, grouped};
use crate::simulator::Simulator;
use crate::traffic::journal::Entry;
use crate::traffic::window::Standing;

/// The small one, on every page.
pub(super) fn compact(html: &mut Html, simulator: &Simulator, now: DateTime<Utc>) {
    let stats = simulator.journal.stats();
    html.raw(
        "<section class=\"panel\" id=\"panel\" aria-label=\"API at work\"><h2>API at work</h2>",
    );
    meter(html, simulator, now);
    html.raw("<dl><div><dt>Requests</dt><dd>")
        .text(&number(stats.requests))
        .raw("</dd></div><div><dt>Page writes</dt><dd>")
        .text(&number(
            stats.page_creates + stats.page_updates + stats.page_trashes + stats.page_restores,
        ))
        .raw("</dd></div><div><dt>429s</dt><dd>")
        .text(&number(stats.rate_limited))
        .raw("</dd></div>");
    let faults = simulator.faults.standing().len();
    if faults > 0 {
        html.raw("<div class=\"warn\"><dt>Faults set</dt><dd>")
            .show(faults)
            .raw("</dd></div>");
    }
    html.raw("</dl><ol class=\"ticker\">");
    for entry in simulator.journal.latest(6) {
        html.raw("<li data-key=\"r")
            .show(entry.number)
            .raw("\"><span class=\"verb\">")
            .text(&entry.method)
            .raw("</span> <span class=\"path\">");
        html.text(&short(&entry.path)).raw("</span>");
        status(html, entry);
        html.raw("</li>");
    }
    html.raw("</ol></section>");
}

/// The large one, on the first page.
pub(super) fn full(html: &mut Html, simulator: &Simulator, now: DateTime<Utc>) {
    let stats = simulator.journal.stats();
    html.raw("<section class=\"work\"><h2>API at work</h2><ul class=\"figures\">");
    let figures = [
        ("pages created", stats.page_creates),
        ("pages updated", stats.page_updates),
        ("pages trashed", stats.page_trashes),
        ("queries", stats.queries),
        ("refused", stats.refused),
        ("429s", stats.rate_limited),
        ("failed", stats.failed),
    ];
    for (label, value) in figures {
        html.raw("<li><strong>")
            .text(&number(value))
            .raw("</strong> <span class=\"muted\">")
            .text(label)
            .raw("</span></li>");
    }
    html.raw("</ul>");
    faults(html, simulator);
    if stats.requests == 0 {
        html.raw("<p class=\"muted\">No request has come yet.</p></section>");
        return;
    }
    html.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Last requests\"><table class=\"requests\"><thead><tr><th scope=\"col\">When</th><th scope=\"col\">Request</th><th scope=\"col\">Answer</th><th scope=\"col\">Cost</th><th scope=\"col\">Fault</th></tr></thead><tbody>");
    for entry in simulator.journal.latest(25) {
        html.raw("<tr data-key=\"r")
            .show(entry.number)
            .raw("\"><td>")
            .text(&ago(now, entry.time))
            .raw("</td><td><span class=\"verb\">");
        html.text(&entry.method)
            .raw("</span> ")
            .clipped(&entry.path, 90)
            .raw("</td><td>");
        status(html, entry);
        if let Some(code) = entry.code {
            html.raw(" <span class=\"muted\">")
                .text(code)
                .raw("</span>");
        }
        html.raw("</td><td>")
            .show(entry.cost)
            .raw("</td><td>")
            .text(entry.fault.unwrap_or(""))
            .raw("</td></tr>");
    }
    html.raw("</tbody></table></div></section>");
}

fn meter(html: &mut Html, simulator: &Simulator, now: DateTime<Utc>) {
    bar(html, "Requests used in this window", simulator.budget(now));
    if let Some(window) = simulator.windows.of_workspace(now) {
        bar(html, "Requests of the whole workspace", window);
    }
    if let Some(limit) = simulator.windows.limits.blocks {
        html.raw("<p class=\"muted small\">")
            .text(&number(simulator.workspace.blocks_used()))
            .raw(" of ")
            .text(&number(limit))
            .raw(" blocks used</p>");
    }
}

fn bar(html: &mut Html, label: &'static str, window: Standing) {
    html.raw("<meter min=\"0\" max=\"")
        .show(window.limit)
        .raw("\" high=\"")
        .show(f64::from(window.limit) * 0.95);
    html.raw("\" value=\"")
        .show(window.used)
        .raw("\" aria-label=\"")
        .raw(label)
        .raw("\">")
        .show(window.used)
        .raw("</meter><p class=\"muted small\">");
    let limit = counted(window.limit as usize, "request", "requests");
    if window.seconds > 0 {
        html.show(window.used)
            .raw(" of ")
            .text(&limit)
            .raw(" used, ")
            .show(window.seconds)
            .raw(" s left");
    } else {
        html.text(&limit).raw(" a window, none used now");
    }
    html.raw("</p>");
}

/// The faults that stand, each with what it waits for.
fn faults(html: &mut Html, simulator: &Simulator) {
    let standing = simulator.faults.standing();
    if standing.is_empty() {
        return;
    }
    html.raw("<h3>Faults set</h3><ul class=\"list\">");
    for fault in standing {
        html.raw("<li>").text(&fault.described()).raw("</li>");
    }
    html.raw("</ul>");
}

fn status(html: &mut Html, entry: &Entry) {
    html.raw(match entry.status {
        200..=299 if entry.fault.is_none() => " <span class=\"ok\">",
        200..=299 | 429 => " <span class=\"slow\">",
        _ => " <span class=\"bad\">",
    });
    html.show(entry.status).raw("</span>");
}

/// A path with its ids cut, as it fits the sidebar.
fn short(path: &str) -> String {
    let segments = path.strip_prefix("/v1").unwrap_or(path).split('/');
    let cut = segments.map(|segment| {
        if segment.len() >= 32 {
            format!("{}…", &segment.chars().take(4).collect::<String>())
        } else {
            segment.chars().take(16).collect()
        }
    });
    cut.collect::<Vec<String>>().join("/")
}

fn number(value: u64) -> String {
    grouped(usize::try_from(value).unwrap_or(usize::MAX))
}

pub(super) fn ago(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    match (now - then).num_seconds() {
        ..=1 => "now".to_owned(),
        seconds @ 2..=59 => format!("{seconds} s ago"),
        seconds @ 60..=3599 => format!("{} min ago", seconds / 60),
        seconds => format!("{} h ago", seconds / 3600),
    }
}
