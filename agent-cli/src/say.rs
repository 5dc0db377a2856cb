//! What is said: an answer on standard output, for people or as JSON, and everything else on standard error.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use chrono::{DateTime, Local, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::failure::{Exit, Failure};

/// How answers are given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Say {
    pub(crate) json: bool,
    colour: bool,
}

/// What a verb answers: one JSON object, and the same for people.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) exit: Exit,
    pub(crate) json: Map<String, Value>,
    pub(crate) text: String,
}

impl Answer {
    /// An answer; `json` must be an object.
    pub(crate) fn new(exit: Exit, json: Value, text: impl Into<String>) -> Self {
        let json = match json {
            Value::Object(object) => object,
            other => Map::from_iter([("answer".to_owned(), other)]),
        };
        Self {
            exit,
            json,
            text: text.into(),
        }
    }
}

impl Say {
    pub(crate) fn new(json: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        Self {
            json,
            colour: !json && !plain && io::stdout().is_terminal(),
        }
    }

    /// One answer.
    pub(crate) fn answer(self, mut answer: Answer, local: bool) -> Result<Exit, Failure> {
        let text = if self.json {
            if local {
                answer.json.insert("local".to_owned(), Value::Bool(true));
            }
            json_line(&Value::Object(answer.json))
        } else {
            answer.text
        };
        let text = text.trim_end_matches('\n');
        if !text.is_empty() {
            Self::line(text)?;
        }
        Ok(answer.exit)
    }

    /// One line on standard output; `false` when nobody reads it any more, which is no error.
    pub(crate) fn line(text: &str) -> Result<bool, Failure> {
        let mut out = io::stdout().lock();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Failure::failed(
                format!(
                    "what was asked for was done, but standard output cannot be written: {error}"
                ),
                "make room where it goes, and look with `claimboard claims` or `claimboard tail`",
            )),
        }
    }

    /// What went wrong. For machines on standard output, as every answer.
    pub(crate) fn failure(self, failure: &Failure, local: bool) -> Exit {
        if self.json {
            let mut object = Map::from_iter([
                ("outcome".to_owned(), Value::from("failed")),
                ("error".to_owned(), Value::from(failure.what.clone())),
                ("next".to_owned(), Value::from(failure.next.clone())),
            ]);
            if local {
                object.insert("local".to_owned(), Value::Bool(true));
            }
            if Self::line(&json_line(&Value::Object(object))).is_ok() {
                return failure.exit;
            }
        }
        Self::aside(&format!(
            "claimboard: {}\n  {}",
            plain(&failure.what),
            plain(&failure.next)
        ));
        failure.exit
    }

    /// Something beside the answer, for people.
    pub(crate) fn note(self, text: &str) {
        if !self.json {
            Self::aside(&format!("claimboard: {}", plain(text)));
        }
    }

    /// What must be said at every use, JSON or not. There is nobody to tell that this cannot be said.
    pub(crate) fn aside(text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.painted("32", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.painted("31", text)
    }

    pub(crate) fn name(self, text: &str) -> String {
        self.painted("1", text)
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.painted("2", text)
    }

    fn painted(self, style: &str, text: &str) -> String {
        let text = plain(text);
        if self.colour {
            format!("\x1b[{style}m{text}\x1b[0m")
        } else {
            text
        }
    }
}

/// Without what a terminal would obey: names and messages are other agents' words.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' => '\n',
            '\t' => ' ',
            obeyed if is_obeyed(obeyed) => '\u{fffd}',
            other => other,
        })
        .collect()
}

/// One line of JSON, with everything that a terminal would obey written as JSON's escapes.
pub(crate) fn json_line(value: &Value) -> String {
    let text = value.to_string();
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if is_obeyed(character) {
            let _ = write!(line, "\\u{:04x}", u32::from(character));
        } else {
            line.push(character);
        }
    }
    line
}

/// Controls, and marks that turn the direction of what follows: they make text look like other text.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// In one line, for tables.
pub(crate) fn one_line(text: &str) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A moment as people read it: `14:30:05 (in 12m)`, with the day if it is not today.
pub(crate) fn moment(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let local = at.with_timezone(&Local);
    let clock = if local.date_naive() == now.with_timezone(&Local).date_naive() {
        local.format("%H:%M:%S")
    } else {
        local.format("%Y-%m-%d %H:%M")
    };
    if at >= now {
        format!("{clock} (in {})", span(at - now))
    } else {
        format!("{clock} ({} ago)", span(now - at))
    }
}

/// `45s`, `12m`, `3h 20m`, `2d 4h`.
pub(crate) fn span(span: TimeDelta) -> String {
    let seconds = (span.num_milliseconds() + 500) / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) if seconds % 60 != 0 && minutes < 10 => format!("{minutes}m {}s", seconds % 60),
        (0, 0, _) => format!("{minutes}m"),
        (0, _, _) if minutes % 60 == 0 => format!("{hours}h"),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        _ if hours % 24 == 0 => format!("{days}d"),
        _ => format!("{days}d {}h", hours % 24),
    }
}

/// Columns that fit their contents, two spaces apart; the last one is as long as it is. Cells may be painted.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| visible_width(cell))
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < row.len() {
                let gap = widths[column] - visible_width(cell) + 2;
                let _ = write!(text, "{:gap$}", "");
            }
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// How many characters are seen: paint is not.
fn visible_width(cell: &str) -> usize {
    let mut paint = false;
    let mut width = 0;
    for character in cell.chars() {
        match character {
            '\x1b' => paint = true,
            'm' if paint => paint = false,
            _ if !paint => width += 1,
            _ => {}
        }
    }
    width
}

#[cfg(test)]
mod tests;
