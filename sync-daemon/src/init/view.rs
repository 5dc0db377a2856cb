//! Views in which people look at such a table: a board of its states, a timeline or calendar of its dates. Pure.

use super::catalog::Table;
use super::choose::is_bookkeeping;
use super::draft::{Choice, Line, View};
use super::words;

/// Most groups that stand beside each other on a screen.
const MOST_GROUPS: usize = 12;

/// The longest name from which a view's is made.
const LONGEST_NAME: usize = 90;

/// Last words of columns that say how far a row has come.
const STATES: [&str; 6] = ["status", "state", "stage", "phase", "progress", "step"];

/// Words of dates by which people plan.
const PLANS: [&str; 9] = [
    "due",
    "deadline",
    "planned",
    "scheduled",
    "expected",
    "appointment",
    "event",
    "start",
    "starts",
];

/// Words of dates that nobody looks for in a calendar.
const LIVES: [&str; 7] = [
    "birth",
    "birthday",
    "birthdate",
    "born",
    "dob",
    "hire",
    "hired",
];

/// Columns of an address: beside them a state is a place.
const PLACES: [&str; 5] = ["city", "zip", "postal_code", "postcode", "country"];

pub(super) fn propose(table: &Table, key: &[String], choices: &[Choice]) -> Vec<View> {
    board(table, key, choices)
        .into_iter()
        .chain(dates(table, choices))
        .collect()
}

fn board(table: &Table, key: &[String], choices: &[Choice]) -> Option<View> {
    let has_groups = |choice: &&Choice| {
        choice.lines.iter().any(|(_, line)| {
            matches!(line, Line::Options(options) if (2..=MOST_GROUPS).contains(&options.len()))
        })
    };
    let in_address = table
        .columns
        .iter()
        .any(|column| PLACES.contains(&words::snake(&column.name).as_str()));
    let is_state = |choice: &&Choice| {
        let words = words::words(&choice.column);
        words
            .last()
            .is_some_and(|word| STATES.contains(&word.as_str()) && !(in_address && word == "state"))
    };
    let by = choices
        .iter()
        .filter(|choice| choice.kind == "select")
        .filter(|choice| !choice.off && choice.name.chars().count() <= LONGEST_NAME)
        .filter(is_state)
        .find(has_groups)?;
    let mut lines = vec![("group", Line::text(&by.name))];
    // A card has no column heads: a bare number or time on it says nothing.
    let is_noise =
        |choice: &&Choice| key.contains(&choice.column) || is_bookkeeping(&choice.column);
    let hidden: Vec<String> = choices
        .iter()
        .filter(|choice| !choice.off && !matches!(choice.kind, "title" | "relation"))
        .filter(|choice| choice.name != by.name)
        .filter(is_noise)
        .map(|choice| choice.name.clone())
        .collect();
    if !hidden.is_empty() {
        lines.push(("hide", Line::texts(&hidden)));
    }
    Some(View {
        name: format!("By {}", by.name.to_lowercase()),
        kind: "board",
        lines,
    })
}

fn dates(table: &Table, choices: &[Choice]) -> Option<View> {
    let is_range = |choice: &Choice| {
        table
            .columns
            .iter()
            .any(|column| column.name == choice.column && column.base.ends_with("range"))
    };
    let has = |choice: &Choice, any_of: &[&str]| {
        let words = words::words(&choice.column);
        words.iter().any(|word| any_of.contains(&word.as_str()))
    };
    // The first of the likeliest.
    let by = choices
        .iter()
        .filter(|choice| choice.kind == "date" && !choice.off)
        .filter(|choice| !is_bookkeeping(&choice.column) && !has(choice, &LIVES))
        .min_by_key(|choice| (!is_range(choice), !has(choice, &PLANS)))?;
    let (name, kind) = if is_range(by) {
        ("Timeline", "timeline")
    } else {
        ("Calendar", "calendar")
    };
    Some(View {
        name: name.to_owned(),
        kind,
        lines: vec![("date", Line::text(&by.name))],
    })
}
