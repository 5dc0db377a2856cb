//! The board as lines of a screen. Pure.

use chrono::{DateTime, Local, Utc};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::board::Board;
use crate::path::shown;
use crate::quote::clean;
use crate::say::span;

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Bold,
    Faint,
    Reverse,
}

/// A line, never wider than the screen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) parts: Vec<(Paint, String)>,
}

/// What cells are cleaned to; the screen cuts them further.
const CELL: usize = 500;

/// Exactly as many lines as the screen has.
pub(super) fn draw(
    board: &Board,
    trouble: Option<&str>,
    width: u16,
    height: u16,
    now: DateTime<Utc>,
) -> Vec<Line> {
    let (width, height) = (usize::from(width), usize::from(height));
    let agents: Vec<_> = board
        .agents
        .iter()
        .map(|agent| {
            let seen = agent
                .last_update
                .map(|at| span(now - at))
                .unwrap_or_default();
            let doing = [agent.current_task.as_deref(), agent.progress.as_deref()];
            let doing = doing.into_iter().flatten().collect::<Vec<_>>().join(" ");
            let words = agent.blockers.as_deref().unwrap_or_default();
            vec![
                cell(&agent.agent, 20),
                cell(&agent.status, 8),
                cell(&seen, 8),
                cell(&doing, 24),
                cell(words, CELL),
            ]
        })
        .collect();
    let claims: Vec<_> = board
        .claims
        .iter()
        .map(|claim| {
            vec![
                cell(shown(&claim.resource), 32),
                cell(&claim.claimed_by, 20),
                cell(&span(claim.expires_at - now), 8),
                cell(claim.reason.as_deref().unwrap_or_default(), CELL),
            ]
        })
        .collect();
    let waits: Vec<_> = board
        .waits
        .iter()
        .map(|wait| {
            let names: Vec<&str> = wait.names.iter().map(|name| shown(name)).collect();
            vec![
                cell(&wait.agent, 20),
                cell(&span(now - wait.queued_at), 8),
                cell(&names.join(" "), CELL),
            ]
        })
        .collect();
    let log: Vec<_> = board
        .log
        .iter()
        .rev()
        .map(|row| {
            let clock = row.timestamp.with_timezone(&Local).format("%H:%M:%S");
            let about = row.resource.as_deref().map(shown).unwrap_or_default();
            let words = format!("{about} {}", row.message.as_deref().unwrap_or_default());
            vec![
                cell(&clock.to_string(), 8),
                cell(&row.agent, 20),
                cell(&row.action, 10),
                cell(words.trim(), CELL),
            ]
        })
        .collect();

    let mut screen = Vec::new();
    let clock = now.with_timezone(&Local).format("%H:%M:%S");
    let head = match trouble {
        Some(trouble) => format!(" OLD, {} ", clean(trouble, CELL)),
        None => format!(" {}  {clock}  q ends ", clean(&board.workspace, 60)),
    };
    screen.push(one(Paint::Reverse, &head, width));
    let parts = [
        ("agents", agents),
        ("claims", claims),
        ("waiting", waits),
        ("log", log),
    ];
    let shares = shares(
        height.saturating_sub(1 + parts.len()),
        parts.each_ref().map(|(_, rows)| rows.len()),
    );
    for ((title, rows), share) in parts.into_iter().zip(shares) {
        let more = rows.len() - share.min(rows.len());
        let title = match (rows.len(), more) {
            (0, _) => format!("{title}: none"),
            (all, 0) => format!("{title}: {all}"),
            (all, more) => format!("{title}: {all}, {more} not shown"),
        };
        screen.push(one(Paint::Bold, &title, width));
        screen.extend(table(&rows[..rows.len() - more], width));
    }
    screen.resize_with(height, Line::default);
    screen
}

/// How many rows each part gets: what it needs, or an equal share of what the others leave.
fn shares(room: usize, needs: [usize; 4]) -> [usize; 4] {
    let mut given = [0; 4];
    let mut left = room;
    while left > 0 {
        let hungry: Vec<usize> = (0..4).filter(|&part| given[part] < needs[part]).collect();
        if hungry.is_empty() {
            break;
        }
        for part in hungry {
            if left > 0 {
                given[part] += 1;
                left -= 1;
            }
        }
    }
    given
}

fn cell(text: &str, most: usize) -> String {
    cut(&clean(text, CELL), most)
}

/// Columns as wide as their widest cell; the first is bold, and the last takes what is left.
fn table(rows: &[Vec<String>], width: usize) -> Vec<Line> {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .map(|row| row[column].width())
                .max()
                .unwrap_or(0)
        })
        .collect();
    rows.iter()
        .map(|row| {
            let mut line = Line::default();
            let mut left = width;
            for (column, text) in row.iter().enumerate() {
                let is_last = column + 1 == columns;
                let padding = if is_last {
                    0
                } else {
                    widths[column] - text.width() + 2
                };
                let text = cut(&format!("{text}{:padding$}", ""), left);
                left -= text.width();
                let paint = if column == 0 {
                    Paint::Bold
                } else if is_last {
                    Paint::Faint
                } else {
                    Paint::Plain
                };
                line.parts.push((paint, text));
            }
            line
        })
        .collect()
}

fn one(paint: Paint, text: &str, width: usize) -> Line {
    Line {
        parts: vec![(paint, cut(text, width))],
    }
}

/// As much of a text as fits into so many columns.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for character in text.chars() {
        let wide = character.width().unwrap_or(0);
        if used + wide + 1 > columns {
            break;
        }
        used += wide;
        kept.push(character);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests;
