//! What a query keeps.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::condition::{Test, date_test, test, typed};
use super::instant;
use crate::failure::Failure;
use crate::model::schema::{self, Kind, Property, PropertyId};
use crate::model::workspace::{Page, Workspace};

/// A filter, read.
#[derive(Debug)]
pub(crate) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    /// A stored text property that equals a text: served by an index.
    Text {
        property: PropertyId,
        equals: String,
    },
    Property {
        property: Property,
        test: Test,
    },
    Created(Test),
    Edited(Test),
}

impl Filter {
    /// Reads a filter whose shape was checked.
    pub(crate) fn read(
        filter: &Value,
        properties: &[Property],
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let all = |key: &str| -> Option<Result<Vec<Self>, Failure>> {
            let members = filter.get(key)?.as_array()?;
            Some(
                members
                    .iter()
                    .map(|member| Self::read(member, properties, now))
                    .collect(),
            )
        };
        if let Some(members) = all("and") {
            return Ok(Self::All(members?));
        }
        if let Some(members) = all("or") {
            return Ok(Self::Any(members?));
        }
        if let Some(timestamp) = filter.get("timestamp").and_then(Value::as_str) {
            let condition = &filter[timestamp];
            let test = date_test(condition, now)?;
            return Ok(if timestamp == "created_time" {
                Self::Created(test)
            } else {
                Self::Edited(test)
            });
        }
        let named = filter["property"].as_str().unwrap_or_default();
        let property = schema::find(properties, named).ok_or_else(|| {
            Failure::validation(format!("Could not find property with name or id: {named}"))
        })?;
        let (kind, condition) = typed(filter)?;
        if !fits(&property.kind, kind) {
            return Err(Failure::validation(format!(
                "The property type in the database does not match the property type of the filter provided: database property {} does not match filter {kind}",
                property.kind.name()
            )));
        }
        if let (Kind::Title | Kind::RichText, Some(text)) = (
            &property.kind,
            condition.get("equals").and_then(Value::as_str),
        ) {
            return Ok(Self::Text {
                property: property.id.clone(),
                equals: text.to_owned(),
            });
        }
        let test = test(kind, condition, now)?;
        Ok(Self::Property {
            property: property.clone(),
            test,
        })
    }

    /// Rows that may match, when an index can tell without a look at every row.
    pub(super) fn candidates(&self, workspace: &mut Workspace, source: Uuid) -> Option<Vec<Uuid>> {
        match self {
            Self::Text { property, equals } => {
                Some(workspace.rows_with_text(source, property, equals))
            }
            Self::Any(members) => {
                let mut found = Vec::new();
                for member in members {
                    found.extend(member.candidates(workspace, source)?);
                }
                Some(found)
            }
            Self::All(members) => members
                .iter()
                .find_map(|member| member.candidates(workspace, source)),
            _ => None,
        }
    }

    pub(super) fn keeps(&self, workspace: &Workspace, page: &Page, now: DateTime<Utc>) -> bool {
        match self {
            Self::All(members) => members
                .iter()
                .all(|member| member.keeps(workspace, page, now)),
            Self::Any(members) => members
                .iter()
                .any(|member| member.keeps(workspace, page, now)),
            Self::Text { property, equals } => match page.cells.get(property) {
                Some(cell) => cell.reads(equals),
                None => equals.is_empty(),
            },
            Self::Property { property, test } => test.holds_for(workspace, page, property, now),
            Self::Created(test) => test.holds(&instant(page.created_time)),
            Self::Edited(test) => test.holds(&instant(page.last_edited_time)),
        }
    }
}

fn fits(kind: &Kind, filter: &str) -> bool {
    kind.name() == filter || (matches!(kind, Kind::Title) && filter == "rich_text")
}
