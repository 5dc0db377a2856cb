//! Memory and connections over time, as SVG.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::gauge::Sample;
use crate::report::Report;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 60.0;
const GAP: f64 = 60.0;
const COLOURS: [&str; 6] = [
    "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#555555",
];

/// The whole picture.
pub(crate) fn draw(report: &Report) -> String {
    let memory = |one: &Sample| {
        one.memory
            .iter()
            .map(|(name, kilobytes)| (name.clone(), float(*kilobytes) / 1024.0))
            .collect()
    };
    let connections = |one: &Sample| {
        one.connections
            .iter()
            .map(|(name, count)| (name.clone(), float(*count)))
            .collect()
    };
    let log = |one: &Sample| {
        let rows = one.log_rows.map(|rows| float(rows.unsigned_abs()));
        rows.map(|rows| ("agent log".to_owned(), rows))
            .into_iter()
            .collect()
    };
    let charts: [(&str, Curve); 3] = [
        ("resident memory, MB", &memory),
        ("connections", &connections),
        ("rows of the agent log", &log),
    ];
    let height = (HEIGHT + GAP) * 3.0 + 20.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        WIDTH + LEFT + 160.0
    );
    for (index, (title, curve)) in charts.into_iter().enumerate() {
        let top = 40.0 + (HEIGHT + GAP) * float(index as u64);
        chart(&mut svg, report, title, top, curve);
    }
    svg.push_str("</svg>\n");
    svg
}

/// The named values of one look.
type Curve<'a> = &'a dyn Fn(&Sample) -> Vec<(String, f64)>;

fn chart(svg: &mut String, report: &Report, title: &str, top: f64, curve: Curve<'_>) {
    let looks: Vec<(f64, Vec<(String, f64)>)> = report
        .samples
        .iter()
        .map(|one| (one.at.as_secs_f64(), curve(one)))
        .collect();
    let values = || looks.iter().flat_map(|(_, values)| values);
    let most = values().map(|(_, value)| *value).fold(1.0, f64::max) * 1.05;
    let names: BTreeSet<&String> = values().map(|(name, _)| name).collect();
    let x = |at: f64| LEFT + at / report.seconds() * WIDTH;
    let y = |value: f64| top + HEIGHT - value / most * HEIGHT;
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"{}\" font-size=\"14\">{title}</text>\
         <rect x=\"{LEFT}\" y=\"{top}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"none\" stroke=\"#999\"/>",
        top - 8.0
    );
    for share in [0.0, 0.5, 1.0] {
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{:.0}</text><text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{:.0} s</text>",
            LEFT - 6.0,
            y(share * most) + 4.0,
            share * most,
            LEFT + share * WIDTH,
            top + HEIGHT + 16.0,
            share * report.seconds()
        );
    }
    for (index, name) in names.into_iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let mut path = String::new();
        let mut drawing = false;
        for (at, values) in &looks {
            let value = values.iter().find(|(known, _)| known == name);
            // A look without a value is a gap: the process or the server was away.
            if let Some((_, value)) = value {
                let verb = if drawing { 'L' } else { 'M' };
                let _ = write!(path, "{verb}{:.1} {:.1}", x(*at), y(*value));
            }
            drawing = value.is_some();
        }
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>\
             <text x=\"{}\" y=\"{}\" fill=\"{colour}\">{name}</text>",
            LEFT + WIDTH + 10.0,
            top + 14.0 + 16.0 * float(index as u64)
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "small enough for a picture")]
fn float(value: u64) -> f64 {
    value as f64
}
