//! The shape of a query's filter: compounds nest twice, a property filter names its type, and each type has its conditions.

use super::body::ITEMS;
use super::shape::Shape::{Boolean, Number, Object, OneOf, Text, True, Uuid};
use super::shape::{Field, Shape, items, object, open, optional, required, union};
use crate::model::query::FILTERS;

/// What a filter of this type may say.
fn condition(kind: &str) -> Shape {
    match kind {
        "number" | "unique_id" => number(),
        "checkbox" => checkbox(),
        "select" | "status" => equal(),
        "multi_select" => containing(),
        "date" | "created_time" | "last_edited_time" => date(),
        "people" | "created_by" | "last_edited_by" => people(),
        "files" => files(),
        "relation" => relation(),
        "formula" => formula(),
        "rollup" => rollup(),
        "verification" => Object,
        _ => text(),
    }
}

/// The types that may stand under a rollup's `any`, `every` and `none`.
const ROLLED_UP: [&str; 10] = [
    "rich_text",
    "number",
    "checkbox",
    "select",
    "multi_select",
    "relation",
    "date",
    "people",
    "files",
    "status",
];

/// One of these operators, or a look whether there is a value at all.
fn existing(operators: &[&'static str], operand: &Shape) -> Shape {
    let mut branches = one_of(operators, operand);
    branches.extend(one_of(&["is_empty", "is_not_empty"], &True));
    union(branches)
}

fn one_of(operators: &[&'static str], operand: &Shape) -> Vec<Shape> {
    let branch = |operator: &&'static str| object(vec![required(operator, operand.clone())]);
    operators.iter().map(branch).collect()
}

fn text() -> Shape {
    let operators = [
        "equals",
        "does_not_equal",
        "contains",
        "does_not_contain",
        "starts_with",
        "ends_with",
    ];
    existing(&operators, &Text)
}

fn number() -> Shape {
    let operators = [
        "equals",
        "does_not_equal",
        "greater_than",
        "less_than",
        "greater_than_or_equal_to",
        "less_than_or_equal_to",
    ];
    existing(&operators, &Number)
}

fn checkbox() -> Shape {
    union(one_of(&["equals", "does_not_equal"], &Boolean))
}

fn choices() -> Shape {
    union(vec![Text, items(Text, ITEMS)])
}

fn equal() -> Shape {
    existing(&["equals", "does_not_equal"], &choices())
}

fn containing() -> Shape {
    existing(&["contains", "does_not_contain"], &choices())
}

fn relation() -> Shape {
    existing(&["contains", "does_not_contain"], &Uuid)
}

fn files() -> Shape {
    existing(&[], &Text)
}

fn people() -> Shape {
    let person = union(vec![Uuid, OneOf(&["me"])]);
    existing(&["contains", "does_not_contain"], &person)
}

fn date() -> Shape {
    let points = ["equals", "before", "after", "on_or_before", "on_or_after"];
    let spans = [
        "this_week",
        "past_week",
        "past_month",
        "past_year",
        "next_week",
        "next_month",
        "next_year",
    ];
    let mut branches = one_of(&points, &Text);
    branches.extend(one_of(&spans, &object(Vec::new())));
    branches.extend(one_of(&["is_empty", "is_not_empty"], &True));
    union(branches)
}

fn formula() -> Shape {
    union(vec![
        object(vec![required("string", text())]),
        object(vec![required("checkbox", checkbox())]),
        object(vec![required("number", number())]),
        object(vec![required("date", date())]),
    ])
}

fn rollup() -> Shape {
    let each = ROLLED_UP.map(|kind| object(vec![required(kind, condition(kind))]));
    let each = union(each.to_vec());
    let mut branches = one_of(&["any", "none", "every"], &each);
    branches.push(object(vec![required("date", date())]));
    branches.push(object(vec![required("number", number())]));
    union(branches)
}

/// The conditions on a property, one for each of its types, with the members that name the property.
pub(super) fn by_property(named: &[Field]) -> Vec<Shape> {
    let of_type = |kind| {
        let mut fields = vec![required(kind, condition(kind))];
        fields.extend_from_slice(named);
        object(fields)
    };
    FILTERS.into_iter().map(of_type).collect()
}

/// The filter of a query or of a view.
pub(super) fn filter() -> Shape {
    let conditions = || {
        let named = [required("property", Text), optional("type", Text)];
        let by_time = ["created_time", "last_edited_time"]
            .into_iter()
            .map(|kind| {
                object(vec![
                    required(kind, date()),
                    required("timestamp", OneOf(&["created_time", "last_edited_time"])),
                    optional("type", Text),
                ])
            });
        by_property(&named)
            .into_iter()
            .chain(by_time)
            .collect::<Vec<_>>()
    };
    let compounds = |member: Shape| {
        ["or", "and"]
            .into_iter()
            .map(|key| open(vec![required(key, items(member.clone(), ITEMS))]))
            .collect::<Vec<_>>()
    };
    let innermost = union(conditions());
    let mut inner = conditions();
    inner.extend(compounds(innermost));
    let mut outer = compounds(union(inner));
    outer.extend(conditions());
    union(outer)
}
