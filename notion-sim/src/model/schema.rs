//! A data source's schema: its properties, their types and their options.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::formula::Formula;

/// An id of a property, not URL-encoded.
pub(crate) type PropertyId = String;

/// The id that every title property has.
pub(crate) const TITLE: &str = "title";

pub(crate) const COLORS: [&str; 10] = [
    "default", "gray", "brown", "orange", "yellow", "green", "blue", "purple", "pink", "red",
];

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Property {
    pub(crate) id: PropertyId,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Title,
    RichText,
    Number {
        format: String,
    },
    Select {
        options: Vec<Choice>,
    },
    MultiSelect {
        options: Vec<Choice>,
    },
    Status {
        options: Vec<Choice>,
        groups: Vec<Group>,
    },
    Date,
    People,
    Files,
    Checkbox,
    Url,
    Email,
    PhoneNumber,
    Formula(Formula),
    Relation {
        data_source: Uuid,
        synced: Option<PropertyId>,
    },
    Rollup {
        function: String,
        relation: PropertyId,
        target: PropertyId,
    },
    UniqueId {
        prefix: Option<String>,
    },
    CreatedTime,
    CreatedBy,
    LastEditedTime,
    LastEditedBy,
}

macro_rules! types {
    ($($kind:ident => $name:literal,)+) => {
        /// A property's type.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Type {
            $($kind,)+
        }

        impl Type {
            /// In the order in which Notion declares their configurations.
            pub(crate) const ALL: &[Self] = &[$(Self::$kind),+];

            /// The name alone, as what a request may choose from.
            pub(crate) fn only(self) -> &'static [&'static str] {
                match self {
                    $(Self::$kind => &[$name],)+
                }
            }
        }
    };
}

types! {
    Number => "number",
    Formula => "formula",
    Select => "select",
    MultiSelect => "multi_select",
    Status => "status",
    Relation => "relation",
    Rollup => "rollup",
    UniqueId => "unique_id",
    Title => "title",
    RichText => "rich_text",
    Url => "url",
    People => "people",
    Files => "files",
    Email => "email",
    PhoneNumber => "phone_number",
    Date => "date",
    Checkbox => "checkbox",
    CreatedBy => "created_by",
    CreatedTime => "created_time",
    LastEditedBy => "last_edited_by",
    LastEditedTime => "last_edited_time",
}

impl Type {
    /// Those that can be written, in the order in which Notion declares their values.
    pub(crate) const WRITTEN: [Self; 14] = [
        Self::Title,
        Self::RichText,
        Self::Number,
        Self::Url,
        Self::Select,
        Self::MultiSelect,
        Self::People,
        Self::Email,
        Self::PhoneNumber,
        Self::Date,
        Self::Checkbox,
        Self::Relation,
        Self::Files,
        Self::Status,
    ];

    /// Notion's name of the type.
    pub(crate) fn name(self) -> &'static str {
        self.only()[0]
    }

    /// The first of these types that a request names.
    pub(crate) fn named(types: &[Self], given: &Value) -> Option<Self> {
        let mut types = types.iter().copied();
        types.find(|kind| given.get(kind.name()).is_some())
    }
}

/// An option of a select, multi-select or status property.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Choice {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) color: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
}

/// A group of status options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) color: String,
    pub(crate) options: Vec<String>,
}

impl Kind {
    pub(crate) fn of(&self) -> Type {
        match self {
            Self::Number { .. } => Type::Number,
            Self::Formula(_) => Type::Formula,
            Self::Select { .. } => Type::Select,
            Self::MultiSelect { .. } => Type::MultiSelect,
            Self::Status { .. } => Type::Status,
            Self::Relation { .. } => Type::Relation,
            Self::Rollup { .. } => Type::Rollup,
            Self::UniqueId { .. } => Type::UniqueId,
            Self::Title => Type::Title,
            Self::RichText => Type::RichText,
            Self::Url => Type::Url,
            Self::People => Type::People,
            Self::Files => Type::Files,
            Self::Email => Type::Email,
            Self::PhoneNumber => Type::PhoneNumber,
            Self::Date => Type::Date,
            Self::Checkbox => Type::Checkbox,
            Self::CreatedBy => Type::CreatedBy,
            Self::CreatedTime => Type::CreatedTime,
            Self::LastEditedBy => Type::LastEditedBy,
            Self::LastEditedTime => Type::LastEditedTime,
        }
    }

    /// Notion's name of the type.
    pub(crate) fn name(&self) -> &'static str {
        self.of().name()
    }

    /// Whether Notion computes the value, so that nobody can write it.
    pub(crate) fn computed(&self) -> bool {
        !Type::WRITTEN.contains(&self.of())
    }

    pub(crate) fn options(&self) -> &[Choice] {
        match self {
            Self::Select { options }
            | Self::MultiSelect { options }
            | Self::Status { options, .. } => options,
            _ => &[],
        }
    }

    pub(crate) fn options_mut(&mut self) -> Option<&mut Vec<Choice>> {
        match self {
            Self::Select { options }
            | Self::MultiSelect { options }
            | Self::Status { options, .. } => Some(options),
            _ => None,
        }
    }

    pub(crate) fn option(&self, id: &str) -> Option<&Choice> {
        self.options().iter().find(|option| option.id == id)
    }

    /// Names are unique whatever their case.
    pub(crate) fn option_named(&self, name: &str) -> Option<&Choice> {
        let options = self.options();
        options
            .iter()
            .find(|option| option.name == name)
            .or_else(|| {
                let name = name.to_lowercase();
                options
                    .iter()
                    .find(|option| option.name.to_lowercase() == name)
            })
    }
}

/// The colour of an option that nobody coloured.
pub(crate) fn next_color(taken: usize) -> String {
    COLORS[(taken * 7 + 1) % COLORS.len()].to_owned()
}

/// What `encodeURIComponent` makes of a property id, which is how the API shows it.
pub(crate) fn encoded(id: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(id.len() * 3);
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The property that a request names, by name, id or encoded id.
pub(crate) fn find<'a>(properties: &'a [Property], named: &str) -> Option<&'a Property> {
    let by =
        |matches: &dyn Fn(&Property) -> bool| properties.iter().find(|property| matches(property));
    by(&|property| property.name == named)
        .or_else(|| by(&|property| property.id == named))
        .or_else(|| by(&|property| encoded(&property.id) == named))
}

pub(crate) fn by_id<'a>(properties: &'a [Property], id: &str) -> Option<&'a Property> {
    properties.iter().find(|property| property.id == id)
}
