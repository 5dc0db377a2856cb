//! The page for people. Pure; everything that comes from rows is text, whatever it looks like.

use std::fmt::Write;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::scene::Scene;
use crate::status::{DashboardStatus, Service, Status};

/// The whole page. It loads itself again every few seconds.
pub(super) fn render(
    status: &Status,
    scene: &Scene,
    turned: Duration,
    started: DateTime<Utc>,
    now: DateTime<Utc>,
) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"5\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Claimboard sync</title>\
         <link rel=\"stylesheet\" href=\"/style.css\"></head><body>\n",
    );
    headline(&mut page, status, turned, started, now);
    dashboards(&mut page, status);
    people(&mut page, scene, now);
    writes(&mut page, scene, now);
    page.push_str("</body></html>\n");
    page
}

fn headline(
    page: &mut String,
    status: &Status,
    turned: Duration,
    started: DateTime<Utc>,
    now: DateTime<Utc>,
) {
    let unready = status.unready();
    let (class, word) = if turned > super::WEDGED {
        ("bad", "the work loop is stuck")
    } else if !unready.is_empty() {
        ("bad", "not ready")
    } else if status.dashboards.iter().all(DashboardStatus::keeps_promise) {
        ("good", "every board is as fresh as promised")
    } else {
        ("late", "some boards are behind")
    };
    let _ = write!(
        page,
        "<header><h1>Claimboard sync</h1><p class=\"{class}\">{word}</p></header>\n<dl>"
    );
    let mut figure = |name: &str, value: String| {
        let _ = write!(
            page,
            "<div><dt>{name}</dt><dd>{}</dd></div>",
            escape(&value)
        );
    };
    figure("Postgres", service(&status.postgres));
    figure("Notion", service(&status.notion));
    figure("Waiting", format!("{} pages", status.backlog));
    figure(
        "Caught up",
        match status.caught_up_in_seconds() {
            _ if status.backlog == 0 => "yes".to_owned(),
            Some(0) => "within seconds".to_owned(),
            Some(seconds) => format!(
                "in about {}",
                span(Duration::from_secs(seconds).as_secs_f64())
            ),
            None => "once nothing is away".to_owned(),
        },
    );
    figure(
        "Budget window",
        format!(
            "{} of {} requests",
            status.requests_used, status.requests_limit
        ),
    );
    figure(
        "Of Notion's limit",
        format!("{} %", status.percent_of_limit()),
    );
    figure("Written", format!("{} pages", status.written));
    figure("Running for", span((now - started).as_seconds_f64()));
    page.push_str("</dl>\n");
}

fn service(service: &Service) -> String {
    match (&service.problem, service.away_seconds) {
        (Some(problem), Some(seconds)) => format!("away for {}: {problem}", span(seconds)),
        (Some(problem), None) => problem.clone(),
        (None, _) => "there".to_owned(),
    }
}

fn dashboards(page: &mut String, status: &Status) {
    page.push_str(
        "<h2>Dashboards</h2><table><thead><tr><th>Dashboard<th>Age<th>Promise<th>Rows<th>Waiting<th>Longest<th>Written\
         <th>p50<th>p95<th>Errors</tr></thead><tbody>\n",
    );
    for one in &status.dashboards {
        let class = if one.keeps_promise() { "good" } else { "late" };
        let age = one
            .age_seconds()
            .map_or_else(|| "not read yet".to_owned(), span);
        let quantile = |share| {
            let staleness = &one.counts.staleness;
            staleness
                .quantile(share)
                .map_or_else(|| "–".to_owned(), |bound| format!("≤ {}", span(bound)))
        };
        let _ = writeln!(
            page,
            "<tr><th>{}<td class=\"{class}\">{age}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
            escape(&one.name),
            span(one.promise_seconds),
            one.counts.rows,
            one.backlog,
            span(one.stale_seconds),
            one.counts.written,
            quantile(0.5),
            quantile(0.95),
            errors(one),
        );
    }
    page.push_str("</tbody></table>\n");
}

fn errors(one: &DashboardStatus) -> String {
    let mut errors = Vec::new();
    if let Some(problem) = &one.stands_still {
        errors.push(format!(
            "<strong>stands still: {}</strong>",
            escape(problem)
        ));
    }
    if one.problems > 0 {
        errors.push(format!("{} rows cannot be shown", one.problems));
    }
    if one.in_doubt > 0 {
        errors.push(format!("{} pages in doubt", one.in_doubt));
    }
    if one.counts.retried > 0 {
        errors.push(format!("{} attempts repeated", one.counts.retried));
    }
    errors.join("; ")
}

fn people(page: &mut String, scene: &Scene, now: DateTime<Utc>) {
    if let Some(problem) = &scene.problem {
        let _ = writeln!(
            page,
            "<p class=\"bad\">agents, claims and writes cannot be read now: {}</p>",
            escape(problem)
        );
    }
    page.push_str("<h2>Agents</h2><table><thead><tr><th>Agent<th>Workspace<th>Status<th>Task<th>Progress<th>Last word</tr></thead><tbody>\n");
    for one in &scene.agents {
        let cells = [
            one.name.clone(),
            one.workspace.clone(),
            one.status.clone(),
            one.current_task.clone().unwrap_or_default(),
            one.progress.clone().unwrap_or_default(),
            one.last_update.map(|at| ago(at, now)).unwrap_or_default(),
        ];
        row(page, &cells);
    }
    page.push_str("</tbody></table>\n<h2>Claims</h2><table><thead><tr><th>Resource<th>Workspace<th>Mode<th>Held by<th>Since<th>Until<th>Why</tr></thead><tbody>\n");
    for one in &scene.claims {
        let cells = [
            one.resource.clone(),
            one.workspace.clone(),
            one.mode.clone(),
            one.claimed_by.clone(),
            one.started.map(|at| ago(at, now)).unwrap_or_default(),
            one.expires_at
                .map(|at| format!("{} UTC", at.format("%H:%M:%S")))
                .unwrap_or_default(),
            one.reason.clone().unwrap_or_default(),
        ];
        row(page, &cells);
    }
    page.push_str("</tbody></table>\n");
}

fn writes(page: &mut String, scene: &Scene, now: DateTime<Utc>) {
    page.push_str("<h2>Last writes</h2><table><thead><tr><th>When<th>Dashboard<th>Row<th>What<th>Outcome</tr></thead><tbody>\n");
    for one in &scene.writes {
        let outcome = one
            .outcome
            .clone()
            .unwrap_or_else(|| "not answered yet".to_owned());
        row(
            page,
            &[
                ago(one.sent_at, now),
                one.dashboard.clone(),
                one.key.clone(),
                one.kind.clone(),
                outcome,
            ],
        );
    }
    page.push_str("</tbody></table>\n");
}

fn row(page: &mut String, cells: &[String]) {
    page.push_str("<tr>");
    for cell in cells {
        let short: String = cell.chars().take(200).collect();
        let _ = write!(page, "<td>{}", escape(&short));
    }
    page.push_str("</tr>\n");
}

fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} ago", span((now - at).as_seconds_f64()))
}

/// A length of time, to the precision that people care for.
fn span(seconds: f64) -> String {
    match seconds.max(0.0) {
        seconds if seconds < 9.95 => format!("{seconds:.1} s"),
        seconds if seconds < 120.0 => format!("{seconds:.0} s"),
        seconds if seconds < 7_200.0 => format!("{:.0} min", seconds / 60.0),
        seconds if seconds < 172_800.0 => format!("{:.0} h", seconds / 3_600.0),
        seconds => format!("{:.0} days", seconds / 86_400.0),
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Marks that turn the direction of what follows could make a name look like another.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.push('\u{fffd}'),
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_of_rows_stays_text(text in any::<String>()) {
            let escaped = escape(&text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            prop_assert!(!escaped.chars().any(char::is_control));
        }
    }

    #[test]
    fn spans_are_told_as_people_do() {
        let spans: Vec<_> = [0.04, 9.94, 59.6, 3_600.0, 90_000.0, 864_000.0]
            .map(span)
            .into();
        assert_eq!(
            spans,
            ["0.0 s", "9.9 s", "60 s", "60 min", "25 h", "10 days"]
        );
    }
}
