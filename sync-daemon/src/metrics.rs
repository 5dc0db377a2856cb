//! What Prometheus reads. Pure: a status in, text out. Labels are the dashboards of the schema files and
//! fixed words, so the number of series is bounded.

use std::fmt::Write;

use crate::status::{DashboardStatus, Memory, Status};

/// The type that answers of this module have.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A figure of one dashboard, where it is known.
type Figure = fn(&DashboardStatus) -> Option<f64>;

/// The text of `/metrics`.
pub fn render(status: &Status, memory: Option<Memory>) -> String {
    let mut text = Text::default();
    text.family("claimboard_sync_info", "gauge", "The daemon's version");
    text.sample("", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);

    text.family(
        "claimboard_sync_service_up",
        "gauge",
        "1 if the service answers, 0 while it is away",
    );
    for (name, service) in [("postgres", &status.postgres), ("notion", &status.notion)] {
        let up = f64::from(u8::from(service.problem.is_none()));
        text.sample("", &[("service", name)], up);
    }
    text.single(
        "claimboard_sync_requests_total",
        "counter",
        "Requests to Notion since the start",
        number(status.requests_sent),
    );
    text.single(
        "claimboard_sync_window_requests",
        "gauge",
        "Requests that count against the 60-second window now",
        count(status.requests_used),
    );
    text.single(
        "claimboard_sync_window_limit_requests",
        "gauge",
        "Requests that the 60-second window allows",
        count(status.requests_limit),
    );

    let families: [(&str, &str, &str, Figure); 10] = [
        (
            "claimboard_sync_backlog_pages",
            "gauge",
            "Pages that wait or are being written",
            |one| Some(count(one.backlog)),
        ),
        (
            "claimboard_sync_age_seconds",
            "gauge",
            "How old what the board shows may be",
            DashboardStatus::age_seconds,
        ),
        (
            "claimboard_sync_promise_seconds",
            "gauge",
            "How old it may become",
            |one| Some(one.promise_seconds),
        ),
        (
            "claimboard_sync_stands_still",
            "gauge",
            "1 while nothing can be written to the dashboard",
            |one| Some(f64::from(u8::from(one.stands_still.is_some()))),
        ),
        (
            "claimboard_sync_doubtful_pages",
            "gauge",
            "Creates whose answer is not known",
            |one| Some(count(one.in_doubt)),
        ),
        (
            "claimboard_sync_problem_rows",
            "gauge",
            "Rows that cannot be shown",
            |one| Some(count(one.problems)),
        ),
        (
            "claimboard_sync_source_rows",
            "gauge",
            "Rows of the source at the last pass",
            |one| Some(count(one.counts.rows)),
        ),
        (
            "claimboard_sync_passes_total",
            "counter",
            "Passes over the source that ended well",
            |one| Some(number(one.counts.passes)),
        ),
        (
            "claimboard_sync_failed_passes_total",
            "counter",
            "Passes over the source that failed",
            |one| Some(number(one.counts.failed_passes)),
        ),
        (
            "claimboard_sync_pass_seconds_total",
            "counter",
            "Time spent in passes",
            |one| Some(one.counts.passing.as_secs_f64()),
        ),
    ];
    for (name, kind, help, figure) in families {
        text.family(name, kind, help);
        for dashboard in &status.dashboards {
            if let Some(value) = figure(dashboard) {
                text.sample("", &[("dashboard", &dashboard.name)], value);
            }
        }
    }

    text.family(
        "claimboard_sync_writes_total",
        "counter",
        "Attempts to write a page, by outcome",
    );
    for dashboard in &status.dashboards {
        let counts = &dashboard.counts;
        for (outcome, value) in [
            ("written", counts.written),
            ("retried", counts.retried),
            ("refused", counts.refused),
        ] {
            text.sample(
                "",
                &[("dashboard", &dashboard.name), ("outcome", outcome)],
                number(value),
            );
        }
    }

    text.family(
        "claimboard_sync_staleness_seconds",
        "histogram",
        "From the moment a change was seen until its page was written",
    );
    for dashboard in &status.dashboards {
        let staleness = &dashboard.counts.staleness;
        let mut all = 0;
        for (bound, within) in staleness.cumulative() {
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| bound.to_string());
            text.sample(
                "_bucket",
                &[("dashboard", &dashboard.name), ("le", &bound)],
                number(within),
            );
            all = within;
        }
        text.sample(
            "_sum",
            &[("dashboard", &dashboard.name)],
            staleness.sum().as_secs_f64(),
        );
        text.sample("_count", &[("dashboard", &dashboard.name)], number(all));
    }

    if let Some(memory) = memory {
        text.single(
            "process_resident_memory_bytes",
            "gauge",
            "Resident memory",
            number(memory.resident_bytes),
        );
        text.single(
            "process_start_time_seconds",
            "gauge",
            "When the process started, in seconds since 1970",
            memory.started_at,
        );
    }
    text.text
}

#[derive(Default)]
struct Text {
    text: String,
    name: &'static str,
}

impl Text {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn single(&mut self, name: &'static str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help);
        self.sample("", &[], value);
    }

    fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escape(value)))
            .collect();
        let braces = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        let _ = writeln!(self.text, "{}{suffix}{braces} {value}", self.name);
    }
}

fn escape(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has only floats")]
fn number(value: u64) -> f64 {
    value as f64
}

fn count(value: usize) -> f64 {
    number(value as u64)
}

#[cfg(test)]
mod tests;
