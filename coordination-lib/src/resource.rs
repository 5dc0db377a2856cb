//! Names of what can be claimed: one spelling in, one canonical name and one range out.
//!
//! | spelling | covers |
//! |---|---|
//! | `src/main.rs`, `table:modules` | that one name |
//! | `src/`, `src/*`, `src/**` | `src` and everything below it |
//! | `*` | everything in the workspace, logical names such as `table:modules` too |
//! | `docs*` | every name that begins with `docs` |
//! | `src/*/mod.rs`, `src/a?.rs`, `{a,b}` | widened to the names that begin with what stands before the first wildcard |
//!
//! `*`, `?`, `{` and `[` begin a wildcard; a backslash before one of `*?[]{}\` makes it an ordinary character. Case is kept and
//! distinguishes. A name with a scheme has something on both sides of its colon: neither `:x` nor `table:`. The SQL function `coordination.parse_resource` says the same, and the tests hold the two against each other.

use std::fmt;
use std::str::FromStr;

use unicode_normalization::is_nfc;

const LONGEST: usize = 1024;

/// A parsed name. Two resources are equal when their canonical names are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resource {
    name: String,
    span: Span,
    widened: bool,
}

/// What a resource covers. Any two spans are nested or apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Span {
    /// One name.
    Point(String),
    /// Every name that begins with this; with nothing, all of them. A subtree's prefix ends with a slash and covers its root too.
    Prefix(String),
}

/// Why a spelling is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("resource {spelling:?} {problem}")]
pub struct ResourceError {
    spelling: String,
    problem: &'static str,
}

impl Resource {
    /// Parses a spelling, with wildcards.
    pub fn parse(spelling: &str) -> Result<Self, ResourceError> {
        parse(spelling).map_err(|problem| ResourceError {
            spelling: spelling.chars().take(80).collect(),
            problem,
        })
    }

    /// A name without wildcards, such as a path that a tool reports: every character stands for itself.
    pub fn literal(name: &str) -> Result<Self, ResourceError> {
        Self::parse(&escape(name))
    }

    /// The one canonical spelling.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether more is covered than the spelling said, because of its wildcards.
    pub fn widened(&self) -> bool {
        self.widened
    }

    /// What it covers.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Whether two resources have anything in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.span.covers(&other.span) || other.span.covers(&self.span)
    }

    /// Whether everything in `other` is in this one.
    pub fn covers(&self, other: &Self) -> bool {
        self.span.covers(&other.span)
    }
}

impl Span {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Point(this), Self::Point(other)) => this == other,
            (Self::Point(_), Self::Prefix(_)) => false,
            (Self::Prefix(prefix), Self::Prefix(other)) => other.starts_with(prefix),
            (Self::Prefix(prefix), Self::Point(other)) => {
                // A name's point is the name and a slash, so that a subtree covers its own root.
                other.starts_with(prefix) || prefix.strip_suffix('/') == Some(other)
            }
        }
    }

    /// The range in the database: the lower bound, and the upper one, which only a point includes. `None` is unbounded.
    pub fn bounds(&self) -> (Option<String>, Option<String>) {
        match self {
            Self::Point(name) => (Some(format!("{name}/")), Some(format!("{name}/"))),
            Self::Prefix(prefix) if prefix.is_empty() => (None, None),
            Self::Prefix(prefix) => (Some(prefix.clone()), successor(prefix)),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for Resource {
    type Err = ResourceError;

    fn from_str(spelling: &str) -> Result<Self, Self::Err> {
        Self::parse(spelling)
    }
}

fn parse(spelling: &str) -> Result<Resource, &'static str> {
    if spelling.is_empty() {
        return Err("is empty: name a file, a subtree such as dir/*, or * for everything");
    }
    if spelling.len() > LONGEST {
        return Err("is longer than 1024 bytes: claim a subtree above it");
    }
    if spelling.chars().any(char::is_control) {
        return Err("contains a control character: remove it");
    }
    if !is_nfc(spelling) {
        return Err("is not in Unicode normalization form C: normalize it first");
    }
    let spelling_in_tree = spelling.strip_prefix("./").unwrap_or(spelling);
    let (literal, rest) = split_at_wildcard(spelling_in_tree)?;
    check_segments(spelling_in_tree)?;

    let resource = if rest.is_empty() && !literal.ends_with('/') {
        Resource {
            name: escape(&literal),
            span: Span::Point(literal),
            widened: false,
        }
    } else {
        let exact =
            matches!(rest, "" | "*" | "**") && (literal.is_empty() || literal.ends_with('/'));
        Resource {
            name: escape(&literal) + "*",
            span: Span::Prefix(literal),
            widened: !exact,
        }
    };
    if resource.name.len() > LONGEST {
        return Err("is longer than 1024 bytes: claim a subtree above it");
    }
    Ok(resource)
}

/// What stands before the first wildcard, with escapes resolved, and the rest as it is.
fn split_at_wildcard(spelling: &str) -> Result<(String, &str), &'static str> {
    let mut literal = String::with_capacity(spelling.len());
    let mut wildcard = None;
    let mut characters = spelling.char_indices();
    while let Some((at, character)) = characters.next() {
        let meant = match character {
            '\\' => match characters.next() {
                Some((_, escaped @ ('*' | '?' | '[' | ']' | '{' | '}' | '\\'))) => escaped,
                _ => {
                    return Err(
                        "contains a backslash that escapes nothing: separate segments by /",
                    );
                }
            },
            '*' | '?' | '[' | '{' => {
                wildcard = wildcard.or(Some(at));
                continue;
            }
            ordinary => ordinary,
        };
        if wildcard.is_none() {
            literal.push(meant);
        }
    }
    Ok((literal, &spelling[wildcard.unwrap_or(spelling.len())..]))
}

fn check_segments(spelling: &str) -> Result<(), &'static str> {
    let segments = || spelling.strip_suffix('/').unwrap_or(spelling).split('/');
    if segments().any(|segment| segment == "..") {
        return Err("contains a .. segment: spell it from the workspace's root");
    }
    if spelling.is_empty() || segments().any(|segment| segment == ".") {
        return Err("contains a . segment: leave it out");
    }
    if spelling.starts_with(':') {
        return Err("begins with a colon: name a scheme before it, such as table:modules");
    }
    let first = match spelling.split_once('/') {
        None => spelling,
        Some((first, rest)) if rest.bytes().all(|byte| byte == b'*') => first,
        Some(_) => "",
    };
    if first.ends_with(':') {
        return Err(
            "has nothing behind its colon: name it, such as table:modules, or table:* for all of the scheme",
        );
    }
    if segments().any(str::is_empty) {
        return Err(
            "contains an empty segment: spell it from the workspace's root, without // or a leading /",
        );
    }
    Ok(())
}

fn escape(literal: &str) -> String {
    let mut escaped = String::with_capacity(literal.len());
    for character in literal.chars() {
        if matches!(character, '*' | '?' | '[' | '{' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// The least string that is greater than every string with this prefix, in code-point order.
fn successor(prefix: &str) -> Option<String> {
    let mut stem = prefix.to_owned();
    while let Some(last) = stem.pop() {
        // The range of `char` knows that there are no surrogates.
        if let Some(next) = (last..=char::MAX).nth(1) {
            stem.push(next);
            return Some(stem);
        }
    }
    None
}

#[cfg(test)]
mod tests;
