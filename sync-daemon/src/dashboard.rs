//! Dashboards as data: the files of `schemas/`, parsed and validated without I/O beyond reading them.

use std::time::Duration;

/// One Notion database, fed by one table or query.
#[derive(Debug, Clone, PartialEq)]
pub struct Dashboard {
    /// Unique name, and the database's title.
    pub name: String,
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
    /// Skipped, with a notice, where the source does not exist.
    pub optional: bool,
    /// In the order in which people see them; exactly one title.
    pub properties: Vec<Property>,
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
    /// The column that feeds it; `None` for formulas only.
    pub column: Option<String>,
    /// What it is in Notion.
    pub kind: PropertyKind,
}

/// What a property is in Notion.
#[derive(Debug, Clone, PartialEq)]
pub enum PropertyKind {
    /// The page's title.
    Title,
    /// Plain text.
    Text,
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
    /// One of a fixed set of states.
    Status {
        /// All options; a value outside them is noted and left empty.
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
}

/// A value of the column and what people see for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectOption {
    /// As it stands in the row.
    pub value: String,
    /// As it stands in Notion.
    pub name: String,
    /// One of Notion's ten colours.
    pub color: String,
}
