//! Formulas: Notion's expression language as far as dashboards use it.
//!
//! A formula is checked and rewritten when it enters the schema (names of properties become references by
//! id, as Notion does it) and computed whenever somebody looks. What this subset cannot compute is refused
//! at the door, so that no dashboard shows a blank that the real Notion would fill.

mod check;
mod evaluate;
mod function;
mod parse;

#[cfg(test)]
mod tests;

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use check::Type;
pub(crate) use evaluate::{Computed, Context};

use super::schema::{self, Property};
use parse::{Expression, Parsed};

/// A formula of the schema.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub(crate) struct Formula {
    text: String,
    result: Type,
    expression: Expression,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    text: String,
    result: Type,
}

impl Formula {
    /// Checks what a person wrote against the schema, and rewrites `prop("Name")` to references.
    pub(crate) fn compile(
        written: &str,
        properties: &[Property],
        source: Uuid,
        space: Uuid,
    ) -> Result<Self, String> {
        let parsed = parse::parse(written)?;
        let result = check::type_of(&parsed.expression, properties)?;
        let text = rewritten(written, &parsed, properties, source, space);
        let expression = parse::parse(&text)?.expression;
        Ok(Self {
            text,
            result,
            expression,
        })
    }

    /// The formula as the API shows it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What kind of value it yields.
    pub(crate) fn result(&self) -> Type {
        self.result
    }

    pub(crate) fn compute(&self, context: &Context<'_>) -> Computed {
        evaluate::evaluate(&self.expression, context)
    }
}

impl TryFrom<Stored> for Formula {
    type Error = String;

    fn try_from(Stored { text, result }: Stored) -> Result<Self, String> {
        let expression = parse::parse(&text)?.expression;
        Ok(Self {
            text,
            result,
            expression,
        })
    }
}

impl From<Formula> for Stored {
    fn from(Formula { text, result, .. }: Formula) -> Self {
        Self { text, result }
    }
}

fn rewritten(
    written: &str,
    parsed: &Parsed,
    properties: &[Property],
    source: Uuid,
    space: Uuid,
) -> String {
    let mut text = String::with_capacity(written.len() * 2);
    let mut from = 0;
    for reference in &parsed.references {
        let id = schema::find(properties, &reference.named)
            .map_or(reference.named.as_str(), |property| &property.id);
        text.push_str(&written[from..reference.span.start]);
        let id = schema::encoded(id);
        let _ = write!(text, "{{{{notion:block_property:{id}:{source}:{space}}}}}");
        from = reference.span.end;
    }
    text.push_str(&written[from..]);
    text
}
