//! The title that a person would choose. Pure.

use super::catalog::{Column, Table};
use super::draft::{Choice, Line};
use super::words;
use crate::dashboard::Source;

/// The title of a board.
pub(super) struct Title {
    pub(super) choice: Choice,
    /// The columns that it shows whole.
    pub(super) columns: Vec<String>,
    /// Other columns that would do.
    pub(super) others: Vec<String>,
}

/// Below this, a row is better called by what it is and its key.
const GOOD: u32 = 40;

pub(super) fn choose(table: &Table, key: &[String]) -> Title {
    let of_what = of_what(table);
    let mut candidates: Vec<(u32, &Column)> = table
        .columns
        .iter()
        .enumerate()
        .filter(|(at, column)| can_be(table, *at, column))
        .map(|(_, column)| (score(column, &of_what), column))
        .filter(|(score, _)| *score > 0)
        .collect();
    candidates.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let has_whole_name = table.columns.iter().any(|column| {
        matches!(
            words::snake(&column.name).as_str(),
            "name" | "full_name" | "display_name" | "fullname"
        )
    });
    let others = |used: &[String]| {
        candidates
            .iter()
            .filter(|(score, column)| *score >= GOOD / 2 && !used.contains(&column.name))
            .map(|(_, column)| column.name.clone())
            .take(3)
            .collect()
    };
    if !has_whole_name && let Some((first, last)) = first_and_last(table) {
        let columns = vec![first.clone(), last.clone()];
        let mut choice = Choice::new("Name".to_owned(), "title");
        choice.lines = vec![(
            "template",
            Line::text(&format!("{} {}", braces(&first), braces(&last))),
        )];
        return Title {
            choice,
            others: others(&columns),
            columns,
        };
    }
    if let Some((_, column)) = candidates.first().filter(|(score, _)| *score >= GOOD) {
        let columns = vec![column.name.clone()];
        let mut choice = Choice::new(words::name(&words::words(&column.name)), "title");
        choice.column.clone_from(&column.name);
        choice.comment.clone_from(&column.comment);
        choice.lines = vec![("column", Line::text(&column.name))];
        return Title {
            choice,
            others: others(&columns),
            columns,
        };
    }
    let name = words::name(&of_what);
    let own_id = key.iter().find(|column| {
        let column = words::snake(column);
        column == "id" || column == format!("{}_id", of_what.join("_"))
    });
    let shown = own_id.map_or(key, std::slice::from_ref);
    let parts: Vec<_> = shown.iter().map(|column| braces(column)).collect();
    let mut choice = Choice::new(name.clone(), "title");
    "title".clone_into(&mut choice.column);
    choice.comment = Some("No column names a row; so what it is, and its key.".to_owned());
    choice.lines = vec![(
        "template",
        Line::text(&format!(
            "{} {}",
            name.replace('{', "{{").replace('}', "}}"),
            parts.join(" · ")
        )),
    )];
    Title {
        choice,
        columns: Vec::new(),
        others: candidates
            .iter()
            .map(|(_, column)| column.name.clone())
            .take(3)
            .collect(),
    }
}

/// A column as a part of a template. One whose name has a closing brace cannot be told from the words.
fn braces(column: &str) -> String {
    format!("{{{column}}}")
}

/// The words for one row.
fn of_what(table: &Table) -> Vec<String> {
    let words = match &table.source {
        Source::Table { name, .. } => words::words(name),
        Source::Query(_) => vec!["row".to_owned()],
    };
    words::last(&words, words::singular)
}

/// Short texts that are neither a link to elsewhere nor one of a few values.
fn can_be(table: &Table, at: usize, column: &Column) -> bool {
    let is_text = column.element.is_none()
        && matches!(
            column.base.as_str(),
            "text" | "varchar" | "bpchar" | "citext" | "name"
        )
        && !column.name.contains(['{', '}']);
    let is_foreign = table
        .foreign
        .iter()
        .any(|foreign| foreign.columns.contains(&column.name));
    let values: Vec<&str> = table
        .sample
        .iter()
        .filter_map(|row| row.get(at)?.as_deref())
        .collect();
    let short = values.iter().all(|value| value.chars().count() <= 150);
    let filled = values.is_empty() || values.iter().any(|value| !value.trim().is_empty());
    is_text && !is_foreign && short && filled
}

fn score(column: &Column, of_what: &[String]) -> u32 {
    let words = words::words(&column.name);
    let name = words.join("_");
    let own = of_what.join("_");
    let own_last = of_what.last().cloned().unwrap_or_default();
    match name.as_str() {
        "name" | "title" => 100,
        "full_name" | "display_name" | "fullname" => 98,
        "label" | "subject" | "headline" | "caption" | "summary" => 90,
        "first_name" | "last_name" | "firstname" | "lastname" | "middle_name" | "given_name"
        | "family_name" => 30,
        "company" | "company_name" | "organization" => 85,
        "username" | "user_name" | "login" | "handle" | "nickname" => 70,
        "email" | "e_mail" | "email_address" => 60,
        "code" | "sku" | "number" | "reference" | "slug" | "symbol" | "key" => 55,
        "address" | "street" | "line1" | "address1" => 50,
        "description" => 41,
        "city" => 42,
        _ if name == own || name == own_last => 97,
        _ if name == format!("{own}_name") || name == format!("{own}_title") => 97,
        _ if name == format!("{own_last}_name") || name == format!("{own_last}_title") => 96,
        _ => match words.last().map(String::as_str) {
            Some("name" | "title") => 80,
            Some("number" | "code" | "no" | "sku") => 52,
            Some("description") => 35,
            _ => 10,
        },
    }
}

fn first_and_last(table: &Table) -> Option<(String, String)> {
    let find = |names: &[&str]| {
        table
            .columns
            .iter()
            .find(|column| {
                names.contains(&words::snake(&column.name).as_str())
                    && !column.name.contains(['{', '}'])
            })
            .map(|column| column.name.clone())
    };
    Some((
        find(&["first_name", "firstname", "given_name", "forename"])?,
        find(&["last_name", "lastname", "family_name", "surname"])?,
    ))
}
