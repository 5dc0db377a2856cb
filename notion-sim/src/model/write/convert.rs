//! What becomes of a value when its property changes type.

use crate::model::cell::{Cell, When, number};
use crate::model::ids::Ids;
use crate::model::schema::{Choice, Kind, next_color};
use crate::model::text::Span;

/// The value in its new type, or `None` when it cannot be kept. New options are added to `to`.
pub(super) fn converted(cell: &Cell, from: &Kind, to: &mut Kind, ids: &mut Ids) -> Option<Cell> {
    let text = shown(cell, from);
    match to {
        Kind::Title | Kind::RichText => {
            Some(Cell::Text(vec![Span::plain(text)])).filter(|_| !shown(cell, from).is_empty())
        }
        Kind::Number { .. } => text
            .trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .map(Cell::Number),
        Kind::Checkbox => Some(Cell::Checkbox(matches!(
            text.to_lowercase().as_str(),
            "yes" | "true" | "1"
        ))),
        Kind::Url | Kind::Email | Kind::PhoneNumber => {
            (!text.is_empty()).then_some(Cell::Line(text))
        }
        Kind::Date => When::read(&text).map(|start| {
            Cell::Date(crate::model::cell::DateRange {
                start,
                end: None,
                time_zone: None,
            })
        }),
        Kind::Select { .. } => option(&text, to, ids).map(Cell::Option),
        Kind::MultiSelect { .. } => {
            let options: Vec<String> = text
                .split(',')
                .filter_map(|name| option(name.trim(), to, ids))
                .collect();
            (!options.is_empty()).then_some(Cell::Options(options))
        }
        Kind::Status { options, .. } => {
            let known = options
                .iter()
                .find(|option| option.name == text)
                .or_else(|| options.first());
            known.map(|option| Cell::Option(option.id.clone()))
        }
        _ => None,
    }
}

fn shown(cell: &Cell, kind: &Kind) -> String {
    let name = |id: &String| kind.option(id).map(|option| option.name.clone());
    match cell {
        Cell::Text(_) | Cell::Line(_) => cell.plain(),
        Cell::Number(value) => number(*value).to_string(),
        Cell::Option(id) => name(id).unwrap_or_default(),
        Cell::Options(ids) => ids.iter().filter_map(name).collect::<Vec<_>>().join(", "),
        Cell::Date(range) => range.start.render(),
        Cell::Checkbox(value) => if *value { "Yes" } else { "No" }.to_owned(),
        Cell::UniqueId(number) => number.to_string(),
        Cell::People(_) | Cell::Files(_) | Cell::Relation(_) => String::new(),
    }
}

fn option(name: &str, kind: &mut Kind, ids: &mut Ids) -> Option<String> {
    let name: String = name.replace(',', " ").chars().take(100).collect();
    if name.is_empty() {
        return None;
    }
    if let Some(known) = kind.option_named(&name) {
        return Some(known.id.clone());
    }
    let options = kind.options_mut()?;
    let id = ids.uuid().to_string();
    options.push(Choice {
        id: id.clone(),
        name,
        color: next_color(options.len()),
        description: None,
    });
    Some(id)
}
