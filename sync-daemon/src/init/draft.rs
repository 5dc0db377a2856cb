//! A board in the making, and the schema file that says it.

use std::fmt::Write as _;

use crate::dashboard::{Source, is_identifier};

/// Properties that a database takes, less the two that the daemon adds.
const MOST_PROPERTIES: usize = 498;

/// Bytes of schema that a database takes, less what the daemon's own properties may need.
const MOST_BYTES: usize = 49_000;

/// A board.
#[derive(Debug, Clone)]
pub(super) struct Board {
    pub(super) name: String,
    pub(super) icon: &'static str,
    pub(super) comment: Option<String>,
    pub(super) source: Source,
    pub(super) key: Vec<String>,
    /// And why.
    pub(super) cadence: (&'static str, &'static str),
    pub(super) also_titles: Vec<String>,
    pub(super) choices: Vec<Choice>,
    pub(super) views: Vec<View>,
}

/// A view.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) lines: Vec<(&'static str, Line)>,
}

/// A property.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) column: String,
    pub(super) lines: Vec<(&'static str, Line)>,
    /// What the database says about it.
    pub(super) comment: Option<String>,
    /// Why it is as it is.
    pub(super) remark: Option<String>,
    /// Written as a comment: there for who wants it.
    pub(super) off: bool,
    /// A type that no rule knows.
    pub(super) unknown_type: Option<String>,
}

/// A value of TOML.
#[derive(Debug, Clone)]
pub(super) enum Line {
    Text(String),
    Texts(Vec<String>),
    /// Value, name and colour.
    Options(Vec<(String, String, &'static str)>),
}

impl Choice {
    pub(super) fn new(name: String, kind: &'static str) -> Self {
        Self {
            name,
            kind,
            column: String::new(),
            lines: Vec::new(),
            comment: None,
            remark: None,
            off: false,
            unknown_type: None,
        }
    }

    /// The columns of the table that feed it.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        let of_line = self.lines.iter().find_map(|(key, line)| match line {
            Line::Texts(columns) if *key == "column" => Some(columns.as_slice()),
            _ => None,
        });
        let several = of_line.unwrap_or(std::slice::from_ref(&self.column));
        several
            .iter()
            .map(String::as_str)
            .filter(|column| !column.is_empty())
    }

    /// What it takes of Notion's limit for a schema.
    fn bytes(&self) -> usize {
        let options = self.lines.iter().map(|(_, line)| match line {
            Line::Options(options) => options.iter().map(|(_, name, _)| name.len() + 60).sum(),
            _ => 0,
        });
        self.name.len() + 60 + options.sum::<usize>()
    }
}

impl Line {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// One text, or a list of several.
    pub(super) fn texts(texts: &[String]) -> Self {
        match texts {
            [one] => Self::text(one),
            several => Self::Texts(several.to_vec()),
        }
    }

    /// A table, in a list where a dot or quotes would mislead.
    pub(super) fn table(schema: &str, name: &str) -> Self {
        let misleads = |name: &str| name.contains('.') || !is_identifier(name);
        if misleads(schema) || misleads(name) {
            Self::Texts(vec![schema.to_owned(), name.to_owned()])
        } else {
            Self::Text(format!("{schema}.{name}"))
        }
    }

    fn toml(&self) -> String {
        match self {
            Self::Text(text) => quote(text),
            Self::Texts(texts) => {
                let texts: Vec<_> = texts.iter().map(|text| quote(text)).collect();
                format!("[{}]", texts.join(", "))
            }
            Self::Options(options) => {
                let mut lines = String::from("[\n");
                for (value, name, color) in options {
                    let _ = writeln!(
                        lines,
                        "    {{ value = {}, name = {}, color = {} }},",
                        quote(value),
                        quote(name),
                        quote(color)
                    );
                }
                lines + "]"
            }
        }
    }
}

impl Board {
    /// Turns off what is beyond Notion's limits.
    pub(super) fn fit(&mut self) {
        let (mut count, mut bytes) = (0, 0);
        for choice in self.choices.iter_mut().filter(|choice| !choice.off) {
            count += 1;
            bytes += choice.bytes();
            if count > MOST_PROPERTIES || bytes > MOST_BYTES {
                choice.off = true;
                choice.remark = Some(
                    "beyond the 500 properties and 50 KB of schema that Notion takes".to_owned(),
                );
            }
        }
    }

    /// Properties that are on.
    pub(super) fn shown(&self) -> usize {
        self.choices.iter().filter(|choice| !choice.off).count()
    }

    /// Columns left out because Notion takes no more.
    pub(super) fn cut(&self) -> usize {
        self.choices
            .iter()
            .filter(|choice| {
                choice.off
                    && choice
                        .remark
                        .as_ref()
                        .is_some_and(|remark| remark.starts_with("beyond"))
            })
            .count()
    }

    /// The schema file.
    pub(super) fn toml(&self) -> String {
        let mut text = format!("#:schema {}\n", super::JSON_SCHEMA);
        let from = match &self.source {
            Source::Table { schema, name } => format!("{schema}.{name}"),
            Source::Query(_) => "a query".to_owned(),
        };
        comment(
            &mut text,
            &format!("Written by `claimboard-sync init` from {from}; yours to edit."),
        );
        text.push('\n');
        let mut line = |key: &str, value: String, why: &str| {
            let _ = match why {
                "" => writeln!(text, "{key} = {value}"),
                why => writeln!(text, "{key} = {value}  # {why}"),
            };
        };
        line("name", quote(&self.name), "");
        line("icon", quote(self.icon), "");
        if let Some(comment) = &self.comment {
            let description = format!(
                "{} Mirrored from {from} in Postgres: edit there, not here.",
                sentence(comment)
            );
            line("description", quote(&description), "");
        }
        match &self.source {
            Source::Table { schema, name } => line("source", Line::table(schema, name).toml(), ""),
            Source::Query(query) => line("query", quote(query), ""),
        }
        line("key", Line::texts(&self.key).toml(), "");
        line("cadence", quote(self.cadence.0), self.cadence.1);
        for choice in &self.choices {
            text.push('\n');
            if choice.kind == "title" && !self.also_titles.is_empty() {
                let others = self.also_titles.join(", ");
                comment(
                    &mut text,
                    &format!("As a title would do as well: {others}."),
                );
            }
            choice.write(&mut text);
        }
        for view in &self.views {
            text.push('\n');
            view.write(&mut text);
        }
        text
    }
}

impl View {
    fn write(&self, text: &mut String) {
        let _ = writeln!(text, "[[view]]");
        let _ = writeln!(text, "name = {}", quote(&self.name));
        let _ = writeln!(text, "type = {}", quote(self.kind));
        for (key, line) in &self.lines {
            let _ = writeln!(text, "{key} = {}", line.toml());
        }
    }
}

impl Choice {
    pub(super) fn write(&self, text: &mut String) {
        for about in [&self.comment, &self.remark].into_iter().flatten() {
            comment(text, &sentence(about));
        }
        if let Some(type_name) = &self.unknown_type {
            comment(
                text,
                &format!("No rule knows the type {type_name}: its text."),
            );
        }
        let mut section = String::from("[[property]]\n");
        let _ = writeln!(section, "name = {}", quote(&self.name));
        let _ = writeln!(section, "type = {}", quote(self.kind));
        for (key, line) in &self.lines {
            let _ = writeln!(section, "{key} = {}", line.toml());
        }
        if self.off {
            for line in section.lines() {
                let _ = writeln!(text, "# {line}");
            }
        } else {
            text.push_str(&section);
        }
    }
}

/// A text of JSON is one of TOML, but for one sign.
fn quote(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

fn comment(text: &mut String, words: &str) {
    let _ = writeln!(text, "# {}", words.replace(char::is_control, " "));
}

fn sentence(words: &str) -> String {
    let words: String = words.trim().chars().take(1500).collect();
    let mut letters = words.chars();
    let capital = letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    });
    if capital.ends_with(['.', '!', '?']) {
        capital
    } else {
        capital + "."
    }
}
