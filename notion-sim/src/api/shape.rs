//! Checking a body or a query string against a declared shape, and wording what is wrong as Notion does.
//!
//! An object's members are read in their declared order and the first wrong one answers alone; members
//! that nobody declared are named only when all declared ones hold. When no branch of a union holds, the
//! branches whose problems lie deepest answer, and their problems at one path become one line.

use serde_json::Value;

use crate::failure::{Failure, quoted};
use crate::model::ids::parse_uuid;

/// What a value has to be.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Any,
    Text,
    Number,
    Boolean,
    Null,
    True,
    Object,
    Uuid,
    OneOf(&'static [&'static str]),
    /// A whole number of at least this.
    AtLeast(i64),
    /// Text whose length in UTF-16 units lies within.
    Length {
        min: usize,
        max: usize,
    },
    Items {
        item: Box<Shape>,
        max: usize,
    },
    /// An object whose every member has this shape.
    Record(Box<Shape>),
    Fields {
        fields: Vec<Field>,
        open: bool,
    },
    Union(Vec<Shape>),
    /// Takes null as well, though refusals do not say so.
    OrNull(Box<Shape>),
}

/// One declared member of an object.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    key: &'static str,
    shape: Shape,
    required: bool,
}

pub(crate) fn required(key: &'static str, shape: Shape) -> Field {
    Field {
        key,
        shape,
        required: true,
    }
}

pub(crate) fn optional(key: &'static str, shape: Shape) -> Field {
    Field {
        key,
        shape,
        required: false,
    }
}

pub(crate) fn object(fields: Vec<Field>) -> Shape {
    Shape::Fields {
        fields,
        open: false,
    }
}

/// An object that may carry members nobody declared.
pub(crate) fn open(fields: Vec<Field>) -> Shape {
    Shape::Fields { fields, open: true }
}

pub(crate) fn union(branches: Vec<Shape>) -> Shape {
    Shape::Union(branches)
}

pub(crate) fn nullable(shape: Shape) -> Shape {
    Shape::Union(vec![shape, Shape::Null])
}

/// Nullable by Notion's declarations, but not by what its refusals name.
pub(crate) fn or_null(shape: Shape) -> Shape {
    Shape::OrNull(Box::new(shape))
}

pub(crate) fn items(item: Shape, max: usize) -> Shape {
    Shape::Items {
        item: Box::new(item),
        max,
    }
}

pub(crate) fn record(item: Shape) -> Shape {
    Shape::Record(Box::new(item))
}

#[derive(Debug, Clone)]
pub(crate) struct Problem {
    path: Vec<String>,
    expected: Vec<String>,
    optional: bool,
    /// How the value is quoted: its JSON, cut, or `undefined`.
    was: String,
}

impl Shape {
    /// Checks `value`, which stands under `root` (`body`, `query` or `path`) in the refusal's text.
    pub(crate) fn check(&self, root: &str, value: &Value) -> Result<(), Failure> {
        self.check_at(root, root, value)
    }

    /// The same for a value that stands at `path` somewhere below `root`.
    pub(crate) fn check_at(&self, root: &str, path: &str, value: &Value) -> Result<(), Failure> {
        if self.holds(value) {
            return Ok(());
        }
        let problems = self.problems(value, &[path.to_owned()]);
        match problems.as_slice() {
            [] => Ok(()),
            [one] => Err(Failure::validation(format!(
                "{root} failed validation: {}",
                one.line()
            ))),
            several => {
                let lines: Vec<String> = several.iter().map(Problem::line).collect();
                Err(Failure::validation(format!(
                    "{root} failed validation. Fix one:\n{}",
                    lines.join("\n")
                )))
            }
        }
    }

    /// Whether there are no problems, without wording any: most requests are right.
    pub(crate) fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Text => value.is_string(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Null => value.is_null(),
            Self::True => value == &Value::Bool(true),
            Self::Object => value.is_object(),
            Self::Uuid => value.as_str().and_then(parse_uuid).is_some(),
            Self::OneOf(choices) => value.as_str().is_some_and(|text| choices.contains(&text)),
            #[expect(clippy::cast_precision_loss, reason = "the bounds are small")]
            Self::AtLeast(low) => value
                .as_f64()
                .is_some_and(|number| number.fract() == 0.0 && number >= *low as f64),
            Self::Length { min, max } => value
                .as_str()
                .is_some_and(|text| (*min..=*max).contains(&text.encode_utf16().count())),
            Self::Items { item, max } => value.as_array().is_some_and(|values| {
                values.len() <= *max && values.iter().all(|each| item.holds(each))
            }),
            Self::Record(item) => value
                .as_object()
                .is_some_and(|members| members.values().all(|each| item.holds(each))),
            Self::Fields { fields, open } => value.as_object().is_some_and(|members| {
                let right = |field: &Field| match members.get(field.key) {
                    Some(member) => field.shape.holds(member),
                    None => !field.required,
                };
                let declared = |key: &String| fields.iter().any(|field| field.key == key);
                fields.iter().all(right) && (*open || members.keys().all(declared))
            }),
            Self::Union(branches) => branches.iter().any(|branch| branch.holds(value)),
            Self::OrNull(shape) => value.is_null() || shape.holds(value),
        }
    }

    pub(crate) fn problems(&self, value: &Value, path: &[String]) -> Vec<Problem> {
        let expected = |what: &str| vec![Problem::new(path, what, quoted(value))];
        let fails = |holds: bool, what: &str| if holds { Vec::new() } else { expected(what) };
        match self {
            Self::Any => Vec::new(),
            Self::Text => fails(value.is_string(), "a string"),
            Self::Number => fails(value.is_number(), "a number"),
            Self::Boolean => fails(value.is_boolean(), "a boolean"),
            Self::Null => fails(value.is_null(), "`null`"),
            Self::True => fails(value == &Value::Bool(true), "`true`"),
            Self::Object => fails(value.is_object(), "an object"),
            Self::Uuid => match value.as_str() {
                None => expected("a string"),
                Some(text) => fails(parse_uuid(text).is_some(), "a valid uuid"),
            },
            Self::OneOf(choices) => {
                if value.as_str().is_some_and(|text| choices.contains(&text)) {
                    return Vec::new();
                }
                let mut problem = Problem::new(path, "", quoted(value));
                problem.expected = choices
                    .iter()
                    .map(|choice| format!("`\"{choice}\"`"))
                    .collect();
                vec![problem]
            }
            Self::AtLeast(low) => match value.as_f64() {
                None => expected("a number"),
                Some(number) if number.fract() != 0.0 => expected("an integer"),
                #[expect(clippy::cast_precision_loss, reason = "the bounds are small")]
                Some(number) => fails(number >= *low as f64, &format!("≥ `{low}`")),
            },
            Self::Length { min, max } => match value.as_str() {
                None => expected("a string"),
                Some(text) => length_problems(text.encode_utf16().count(), *min, *max, path),
            },
            Self::Items { item, max } => match value.as_array() {
                None => expected("an array"),
                Some(values) => {
                    let too_many = length_problems(values.len(), 0, *max, path);
                    if !too_many.is_empty() {
                        return too_many;
                    }
                    values
                        .iter()
                        .enumerate()
                        .map(|(i, each)| item.problems(each, &extended(path, &format!("[{i}]"))))
                        .find(|problems| !problems.is_empty())
                        .unwrap_or_default()
                }
            },
            Self::Record(item) => match value.as_object() {
                None => expected("an object"),
                Some(members) => members
                    .iter()
                    .map(|(key, each)| item.problems(each, &extended(path, key)))
                    .find(|problems| !problems.is_empty())
                    .unwrap_or_default(),
            },
            Self::Fields { fields, open } => field_problems(fields, *open, value, path),
            Self::Union(branches) => union_problems(branches, value, path),
            Self::OrNull(_) if value.is_null() => Vec::new(),
            Self::OrNull(shape) => shape.problems(value, path),
        }
    }
}

fn length_problems(length: usize, min: usize, max: usize, path: &[String]) -> Vec<Problem> {
    let bound = if length < min {
        format!("≥ `{min}`")
    } else if length > max {
        format!("≤ `{max}`")
    } else {
        return Vec::new();
    };
    vec![Problem::new(
        &extended(path, "length"),
        &bound,
        length.to_string(),
    )]
}

fn field_problems(fields: &[Field], open: bool, value: &Value, path: &[String]) -> Vec<Problem> {
    let Some(members) = value.as_object() else {
        return vec![Problem::new(path, "an object", quoted(value))];
    };
    for field in fields {
        let here = extended(path, field.key);
        match members.get(field.key) {
            None if field.required => {
                return vec![Problem::new(&here, "defined", "undefined".to_owned())];
            }
            None => {}
            Some(member) => {
                let mut problems = field.shape.problems(member, &here);
                if problems.is_empty() {
                    continue;
                }
                for problem in problems.iter_mut().filter(|problem| problem.path == here) {
                    problem.optional = !field.required;
                }
                return problems;
            }
        }
    }
    if open {
        return Vec::new();
    }
    members
        .iter()
        .filter(|(key, _)| fields.iter().all(|field| field.key != key.as_str()))
        .map(|(key, member)| Problem::new(&extended(path, key), "not present", quoted(member)))
        .collect()
}

fn union_problems(branches: &[Shape], value: &Value, path: &[String]) -> Vec<Problem> {
    let mut found = Vec::with_capacity(branches.len());
    for branch in branches {
        let problems = branch.problems(value, path);
        if problems.is_empty() {
            return Vec::new();
        }
        found.push(problems);
    }
    let depth = |problems: &[Problem]| {
        problems
            .iter()
            .map(|problem| problem.path.len())
            .max()
            .unwrap_or(0)
    };
    let deepest = found
        .iter()
        .map(|problems| depth(problems))
        .max()
        .unwrap_or(0);
    let mut merged: Vec<Problem> = Vec::new();
    for problem in found
        .into_iter()
        .filter(|problems| depth(problems) == deepest)
        .flatten()
    {
        match merged.iter_mut().find(|held| held.path == problem.path) {
            None => merged.push(problem),
            Some(held) => {
                for each in problem.expected {
                    if !held.expected.contains(&each) {
                        held.expected.push(each);
                    }
                }
                held.optional |= problem.optional;
            }
        }
    }
    merged
}

impl Problem {
    fn new(path: &[String], expected: &str, was: String) -> Self {
        Self {
            path: path.to_vec(),
            expected: vec![expected.to_owned()],
            optional: false,
            was,
        }
    }

    fn line(&self) -> String {
        let mut expected = self.expected.clone();
        if self.optional {
            expected.push("`undefined`".to_owned());
        }
        let expected = match expected.as_slice() {
            [one] => one.clone(),
            [one, other] => format!("{one} or {other}"),
            [most @ .., last] => format!("{}, or {last}", most.join(", ")),
            [] => String::new(),
        };
        let path = self.path.join(".").replace(".[", "[");
        format!("{path} should be {expected}, instead was `{}`.", self.was)
    }
}

fn extended(path: &[String], member: &str) -> Vec<String> {
    let mut path = path.to_vec();
    path.push(member.to_owned());
    path
}
