//! Dashboards as data: the files of `schemas/`, parsed and validated without I/O beyond reading them.
//!
//! A dashboard that stands in [`Dashboards`] is consistent in itself and with the others; whether its source
//! exists and its columns fit is for [`crate::source::check`], which has a database to ask.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use crate::limit::Limit;
use crate::page::Fingerprint;
use crate::row;

mod check;
mod error;
mod feed;
mod fields;
mod json_schema;
mod parse;
mod property;
mod view;

pub(crate) use check::{is_emoji, is_identifier};
pub use error::SchemaError;
pub(crate) use error::did_you_mean;
pub use feed::{Feed, Part, Round};
pub use json_schema::{json_schema, json_schema_text};
pub(crate) use parse::Origin;
pub use view::View;

/// The dashboards that ship, in the order in which people see them.
const SHIPPED: [(&str, &str); 7] = [
    (
        "schemas/agent-activity.toml",
        include_str!("../../schemas/agent-activity.toml"),
    ),
    (
        "schemas/resource-claims.toml",
        include_str!("../../schemas/resource-claims.toml"),
    ),
    ("schemas/team.toml", include_str!("../../schemas/team.toml")),
    (
        "schemas/projects.toml",
        include_str!("../../schemas/projects.toml"),
    ),
    (
        "schemas/tasks.toml",
        include_str!("../../schemas/tasks.toml"),
    ),
    (
        "schemas/module-library.toml",
        include_str!("../../schemas/module-library.toml"),
    ),
    (
        "schemas/sync-status.toml",
        include_str!("../../schemas/sync-status.toml"),
    ),
];

/// The property that holds a row's key in Notion.
pub const KEY_PROPERTY: &str = "Claimboard Key";

/// The property that says what had to be changed to make a row fit.
pub const NOTE_PROPERTY: &str = "Sync Note";

/// What stands for the parts of a page that are no properties of its database.
const PAGE_PARTS: [(&str, &str, PropertyKind); 3] = [
    ("icon", "(page icon)", PropertyKind::Icon),
    ("cover", "(page cover)", PropertyKind::Cover),
    ("body", "(page body)", PropertyKind::Body),
];

/// A consistent set of dashboards: names are unique and every relation finds its target.
#[derive(Debug, Clone)]
pub struct Dashboards {
    entries: Vec<(Dashboard, Origin)>,
}

/// One Notion database, fed by one table or query.
#[derive(Debug, Clone, PartialEq)]
pub struct Dashboard {
    /// Unique name, and the database's title.
    pub name: String,
    /// Names that it had before.
    pub was: Vec<String>,
    /// Where it stands on the parent page: those with smaller numbers first.
    pub order: i64,
    /// An emoji shown beside the title.
    pub icon: Option<String>,
    /// Shown under the title.
    pub description: Option<String>,
    /// Where rows come from.
    pub source: Source,
    /// The columns that identify a row, at least one.
    pub key: Vec<String>,
    /// Longest time a change may go unnoticed.
    pub cadence: Duration,
    /// What may go or change without a person's word.
    pub limit: Limit,
    /// Whether what people change in mirrored cells is only reported, and stays until the row changes.
    pub report_only: bool,
    /// Skipped, with a notice, where the source does not exist.
    pub optional: bool,
    /// In the order in which people see them; exactly one title. Behind them what makes the page's icon, cover
    /// and body.
    pub properties: Vec<Property>,
    /// Views to make, in their order.
    pub views: Vec<View>,
}

/// Where a dashboard's rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `schema.table`, a table or a view.
    Table {
        /// Schema, `public` unless the file says otherwise.
        schema: String,
        /// Table or view.
        name: String,
    },
    /// A `SELECT` of its own.
    Query(String),
}

/// A property of a dashboard.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// Unique within the dashboard, and the property's name in Notion.
    pub name: String,
    /// Names that it had before.
    pub was: Vec<String>,
    /// What feeds it; nothing for formulas only.
    pub feed: Feed,
    /// What its values are rounded to.
    pub round: Option<Round>,
    /// Whether what people change in it is only reported; as the dashboard says, where the file leaves it out.
    pub report_only: Option<bool>,
    /// What it is in Notion.
    pub kind: PropertyKind,
}

/// What a property is in Notion.
#[derive(Debug, Clone, PartialEq)]
pub enum PropertyKind {
    /// The page's title.
    Title,
    /// Text.
    Text {
        /// Whether its marks and links are read from markdown.
        markdown: bool,
    },
    /// A number, shown in Notion's `format` (`number`, `percent`, `euro` …).
    Number {
        /// Notion's name of the format.
        format: String,
    },
    /// One of several options.
    Select {
        /// Known options; others are added as they come.
        options: Vec<SelectOption>,
    },
    /// One of a fixed set of states. Notion has no empty status, so a null and a value outside the options
    /// become the first one, the latter with a note.
    Status {
        /// All options, at least one.
        options: Vec<SelectOption>,
    },
    /// Several of several options; the column is an array, or text split at commas.
    MultiSelect {
        /// Known options; others are added as they come.
        options: Vec<SelectOption>,
    },
    /// A day or a minute, by the column's type.
    Date,
    /// Ticked or not.
    Checkbox,
    /// A link.
    Url,
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
    /// People of the workspace, by their addresses.
    People,
    /// Files that lie elsewhere, by their links.
    Files,
    /// Rows of another dashboard (or this one), by their key.
    Relation {
        /// Name of the related dashboard.
        dashboard: String,
    },
    /// Computed by Notion when looked at; costs no write.
    Formula {
        /// In Notion's formula language.
        expression: String,
    },
    /// The page's icon.
    Icon,
    /// The page's cover.
    Cover,
    /// The page's body.
    Body,
}

/// Values of the column and what people see for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectOption {
    /// What stands in the row.
    pub meets: Meets,
    /// As it stands in Notion.
    pub name: String,
    /// One of Notion's ten colours.
    pub color: String,
}

impl SelectOption {
    /// Whether it stands for numbers.
    pub(crate) fn is_from(&self) -> bool {
        matches!(self.meets, Meets::From(_))
    }
}

/// The values that an option stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Meets {
    /// This one.
    Value(String),
    /// Numbers from this one on, up to the next option of this kind.
    From(String),
    /// None at all.
    Null,
    /// Every one that no other option stands for.
    Other,
}

impl Dashboards {
    /// The dashboards that ship; those of the folder `extra` are added to them, or replace one of the same name.
    ///
    /// # Errors
    /// Everything that is wrong in any file, at once.
    pub fn load(extra: Option<&Path>) -> Result<Self, Vec<SchemaError>> {
        let extra = extra.map_or_else(|| Ok(Vec::new()), parse::read_folder)?;
        let shipped: Vec<_> = SHIPPED
            .iter()
            .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()))
            .collect();
        Self::parse(&shipped, &extra)
    }

    /// The same from texts: each file is its name, for messages, and its content.
    ///
    /// # Errors
    /// Everything that is wrong in any file, at once.
    pub fn parse(
        files: &[(String, String)],
        replacing: &[(String, String)],
    ) -> Result<Self, Vec<SchemaError>> {
        let mut errors = Vec::new();
        let mut entries = parse::files(files, &mut errors);
        let replacements = parse::files(replacing, &mut errors);
        check::unique_names(&entries, &mut errors);
        check::unique_names(&replacements, &mut errors);
        check::same_spelling(&entries, &replacements, &mut errors);
        for replacement in replacements {
            match entries
                .iter_mut()
                .find(|entry| entry.0.name.eq_ignore_ascii_case(&replacement.0.name))
            {
                Some(entry) => *entry = replacement,
                None => entries.push(replacement),
            }
        }
        check::relations(&entries, &mut errors);
        if errors.is_empty() {
            Ok(Self {
                entries: check::targets_first(entries),
            })
        } else {
            errors.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
            Err(errors)
        }
    }

    /// Every dashboard, relation targets before those that point to them where the relations have no cycle.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Dashboard> + Clone {
        self.entries.iter().map(|(dashboard, _)| dashboard)
    }

    /// The dashboard of this name.
    pub fn get(&self, name: &str) -> Option<&Dashboard> {
        self.iter().find(|dashboard| dashboard.name == name)
    }

    pub(crate) fn with_origins(&self) -> impl Iterator<Item = (&Dashboard, &Origin)> {
        self.entries
            .iter()
            .map(|(dashboard, origin)| (dashboard, origin))
    }
}

impl Dashboard {
    /// Hash of everything that decides what a row's page looks like: two dashboards with one digest make the
    /// same pages of the same rows. Names of types, colours and formulas belong to the database, not to its pages.
    pub fn digest(&self) -> Fingerprint {
        let properties: Vec<_> = self
            .data_properties()
            .map(|property| {
                let options: Vec<_> = property
                    .kind
                    .options()
                    .iter()
                    .map(|option| (&option.meets, &option.name))
                    .collect();
                json!([
                    property.name,
                    property.feed,
                    property.round,
                    property.kind.name(),
                    property.kind.related(),
                    options,
                    property.kind == PropertyKind::Text { markdown: true }
                ])
            })
            .collect();
        let source = match &self.source {
            Source::Table { schema, name } => json!([schema, name]),
            Source::Query(query) => json!(query),
        };
        let whole = json!([row::MAPPING, self.name, source, self.key, properties]);
        Fingerprint::of(whole.to_string().as_bytes())
    }

    /// Whether what people change in a property is written over.
    pub fn heals(&self, property: &str) -> bool {
        let own = self
            .properties
            .iter()
            .find(|one| one.name == property)
            .and_then(|one| one.report_only);
        !own.unwrap_or(self.report_only)
    }

    /// The properties that carry data, in order: one for each value of a [`crate::page::DesiredPage`].
    pub fn data_properties(&self) -> impl Iterator<Item = &Property> {
        self.properties
            .iter()
            .filter(|property| property.kind.carries_data())
    }
}

impl PropertyKind {
    /// The word for it in schema files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Text { .. } => "text",
            Self::Number { .. } => "number",
            Self::Select { .. } => "select",
            Self::Status { .. } => "status",
            Self::MultiSelect { .. } => "multi_select",
            Self::Date => "date",
            Self::Checkbox => "checkbox",
            Self::Url => "url",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::People => "people",
            Self::Files => "files",
            Self::Relation { .. } => "relation",
            Self::Formula { .. } => "formula",
            Self::Icon => "icon",
            Self::Cover => "cover",
            Self::Body => "body",
        }
    }

    /// Plain text.
    pub const PLAIN: Self = Self::Text { markdown: false };

    /// Whether it is a property of the database; the others are parts of each page itself.
    pub fn is_property(&self) -> bool {
        !matches!(self, Self::Icon | Self::Cover | Self::Body)
    }

    /// Whether pages carry a value of it; Notion computes the others.
    pub fn carries_data(&self) -> bool {
        !matches!(self, Self::Formula { .. })
    }

    /// The options that the file names; empty for kinds without options.
    pub fn options(&self) -> &[SelectOption] {
        match self {
            Self::Select { options } | Self::Status { options } | Self::MultiSelect { options } => {
                options
            }
            _ => &[],
        }
    }

    /// The dashboard that a relation points to.
    pub fn related(&self) -> Option<&str> {
        match self {
            Self::Relation { dashboard } => Some(dashboard),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
