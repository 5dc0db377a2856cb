//! Reading a TOML table field by field, so that every mistake in it is told with its line.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{SchemaError, did_you_mean};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

/// A file that is being read, and what was found wrong in it so far.
pub(super) struct File<'a> {
    name: &'a str,
    text: &'a str,
    errors: &'a mut Vec<SchemaError>,
}

/// One table of a file.
pub(super) struct Fields<'a> {
    table: &'a DeTable<'a>,
    /// Where the table begins.
    pub(super) line: usize,
}

impl<'a> File<'a> {
    pub(super) fn new(name: &'a str, text: &'a str, errors: &'a mut Vec<SchemaError>) -> Self {
        Self { name, text, errors }
    }

    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        1 + before.matches('\n').count()
    }

    /// Where the content of a text begins: a multi-line text drops the line break after its quotes.
    pub(super) fn first_line_of_text(&self, span: &Range<usize>) -> usize {
        let raw = self.text.get(span.start..).unwrap_or_default();
        let dropped = ["\"\"\"", "'''"]
            .iter()
            .filter_map(|quotes| raw.strip_prefix(quotes))
            .any(|content| content.starts_with(['\r', '\n']));
        self.line(span) + usize::from(dropped)
    }

    pub(super) fn refuse(
        &mut self,
        line: usize,
        message: impl Into<String>,
        cure: impl Into<String>,
    ) {
        self.errors.push(SchemaError {
            file: self.name.to_owned(),
            line,
            message: message.into(),
            cure: cure.into(),
        });
    }

    /// Refuses keys that mean nothing here.
    pub(super) fn only(&mut self, fields: &Fields<'_>, known: &[&str]) {
        for key in fields.table.keys() {
            let word: &str = key.get_ref();
            if !known.contains(&word) {
                let line = self.line(&key.span());
                self.refuse(
                    line,
                    format!("unknown key {word:?}"),
                    did_you_mean(word, known.iter().copied()),
                );
            }
        }
    }

    pub(super) fn text(&mut self, fields: &Fields<'_>, key: &str) -> Option<At<String>> {
        let value = fields.table.get(key)?;
        let line = self.line(&value.span());
        if let Some(text) = value.get_ref().as_str() {
            return Some(At {
                value: text.to_owned(),
                line,
            });
        }
        self.mistyped(key, value, "a text in quotes");
        None
    }

    /// A text, or a list of texts.
    pub(super) fn texts(&mut self, fields: &Fields<'_>, key: &str) -> Option<At<Vec<String>>> {
        let value = fields.table.get(key)?;
        let line = self.line(&value.span());
        let texts = match value.get_ref() {
            DeValue::String(text) => Some(vec![text.clone().into_owned()]),
            DeValue::Array(items) => items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect(),
            _ => None,
        };
        if texts.is_none() {
            self.mistyped(key, value, "a text in quotes or a list of them");
        }
        texts.map(|value| At { value, line })
    }

    /// A number or a text, as it is written, and its line.
    pub(super) fn raw(&mut self, fields: &Fields<'_>, key: &str) -> Option<(String, usize)> {
        let value = fields.table.get(key)?;
        let line = self.line(&value.span());
        match value.get_ref() {
            DeValue::String(text) => Some((text.clone().into_owned(), line)),
            DeValue::Integer(_) | DeValue::Float(_) => {
                Some((self.text.get(value.span())?.to_owned(), line))
            }
            _ => {
                self.mistyped(key, value, "a number, or a text in quotes");
                None
            }
        }
    }

    /// A table of texts, numbers and truths, or lists of them, each as text.
    pub(super) fn lists(&mut self, fields: &Fields<'_>, key: &str) -> Vec<(String, Vec<String>)> {
        let Some(value) = fields.table.get(key) else {
            return Vec::new();
        };
        let expected = "a table such as { State = [\"Open\", \"Paid\"] }";
        let DeValue::Table(table) = value.get_ref() else {
            self.mistyped(key, value, expected);
            return Vec::new();
        };
        let mut lists = Vec::new();
        for (name, value) in table {
            let items = match value.get_ref() {
                DeValue::Array(items) => items.iter().collect(),
                _ => vec![value],
            };
            let texts: Option<Vec<String>> = items.iter().map(|item| self.plain(item)).collect();
            match texts.filter(|texts| !texts.is_empty()) {
                Some(texts) => lists.push((name.get_ref().clone().into_owned(), texts)),
                None => self.mistyped(key, value, expected),
            }
        }
        lists
    }

    fn plain(&self, value: &Spanned<DeValue<'_>>) -> Option<String> {
        match value.get_ref() {
            DeValue::String(text) => Some(text.clone().into_owned()),
            DeValue::Boolean(truth) => Some(truth.to_string()),
            DeValue::Integer(_) | DeValue::Float(_) => {
                self.text.get(value.span()).map(str::to_owned)
            }
            _ => None,
        }
    }

    /// A table within the table.
    pub(super) fn table<'t>(
        &mut self,
        fields: &Fields<'t>,
        key: &str,
        example: &str,
    ) -> Option<Fields<'t>> {
        let value = fields.table.get(key)?;
        if let DeValue::Table(table) = value.get_ref() {
            let line = self.line(&value.span());
            return Some(Fields { table, line });
        }
        self.mistyped(key, value, example);
        None
    }

    pub(super) fn integer(&mut self, fields: &Fields<'_>, key: &str) -> Option<i64> {
        let value = fields.table.get(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(_) => self
                .text
                .get(value.span())
                .and_then(|text| text.parse().ok()),
            _ => None,
        };
        if number.is_none() {
            self.mistyped(key, value, "a whole number");
        }
        number
    }

    pub(super) fn boolean(&mut self, fields: &Fields<'_>, key: &str) -> Option<bool> {
        let value = fields.table.get(key)?;
        let boolean = value.get_ref().as_bool();
        if boolean.is_none() {
            self.mistyped(key, value, "true or false");
        }
        boolean
    }

    pub(super) fn tables<'t>(
        &mut self,
        fields: &Fields<'t>,
        key: &str,
        example: &str,
    ) -> Vec<Fields<'t>> {
        let Some(value) = fields.table.get(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.mistyped(key, value, example);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::Table(table) => tables.push(Fields {
                    table,
                    line: self.line(&item.span()),
                }),
                _ => self.mistyped(key, item, example),
            }
        }
        tables
    }

    fn mistyped(&mut self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) {
        let line = self.line(&value.span());
        let found = value.get_ref().type_str();
        self.refuse(
            line,
            format!("{key:?} is of type {found}"),
            format!("write {expected}"),
        );
    }
}

impl<'a> Fields<'a> {
    pub(super) fn of(table: &'a DeTable<'a>) -> Self {
        Self { table, line: 1 }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where the value of a key begins in the file.
    pub(super) fn span(&self, key: &str) -> Option<Range<usize>> {
        self.table.get(key).map(Spanned::span)
    }
}
