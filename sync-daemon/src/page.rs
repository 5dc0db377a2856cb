//! Our words for a page: what the daemon wants to stand in Notion, without a word of Notion's JSON.
//!
//! A [`DesiredPage`] is computed from a row and nothing else. Its values are canonical: exactly what a
//! reader would get back after writing them (datetimes cut to the minute, text within limits, options
//! trimmed), so that one fingerprint serves for what was wanted, what was written and what was read.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::markdown::Span;

/// UTF-16 units that one element of a text can hold.
pub const PIECE: usize = 2000;

/// Elements of one text.
pub const PIECES: usize = 100;

/// A row's key within its dashboard, as text; composite keys are a JSON array of texts.
pub type Key = String;

/// Hash of a row's projected columns, computed by Postgres.
pub type SourceHash = uuid::Uuid;

/// The page that a row should have.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredPage {
    /// The row's key.
    pub key: Key,
    /// Hash of the row version this page was computed from.
    pub source_hash: SourceHash,
    /// One value per property that carries data, in the dashboard's order (formulas carry none).
    pub values: Vec<Value>,
    /// What had to be changed to make the row fit Notion's limits; empty for most rows.
    pub note: String,
}

/// A property's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// The page's title.
    Title(String),
    /// Plain text; at most 200,000 UTF-16 units.
    Text(String),
    /// Text with marks and links.
    Rich(Vec<Span>),
    /// A finite number.
    Number(Option<f64>),
    /// The name of one option.
    Select(Option<String>),
    /// The name of one status option.
    Status(Option<String>),
    /// Names of options, in the row's order, without repeats.
    MultiSelect(Vec<String>),
    /// A day, or a minute in UTC.
    Date(Option<Date>),
    /// From one point in time to a later one.
    DateRange(Date, Date),
    /// Ticked or not.
    Checkbox(bool),
    /// A link.
    Url(Option<String>),
    /// An address.
    Email(Option<String>),
    /// A number to call.
    Phone(Option<String>),
    /// Addresses of people; ids of users only once they are resolved.
    People(Vec<String>),
    /// Links to files that lie elsewhere.
    Files(Vec<String>),
    /// Keys of rows of the related dashboard; page ids only once the writer resolves them.
    Relation(Vec<Key>),
    /// The page's icon: an emoji, or the link of a picture.
    Icon(Option<String>),
    /// The link of the page's cover.
    Cover(Option<String>),
    /// The page's body, as markdown.
    Body(String),
}

/// A point in time as Notion keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Date {
    /// A calendar day without a time zone.
    Day(NaiveDate),
    /// An instant, cut to the minute because Notion keeps no seconds.
    Minute(DateTime<Utc>),
}

impl Date {
    /// Whether it is a whole day.
    pub fn is_day(self) -> bool {
        matches!(self, Self::Day(_))
    }

    /// The instant at which it begins, days being UTC's.
    pub fn at(self) -> DateTime<Utc> {
        match self {
            Self::Day(day) => day.and_time(chrono::NaiveTime::MIN).and_utc(),
            Self::Minute(at) => at,
        }
    }
}

/// Sixteen bytes of SHA-256 over a value's canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(uuid::Uuid);

/// Splits a text into the longest pieces that one element can hold, never within a character.
pub fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut units = 0;
        let end = rest.char_indices().find_map(|(at, character)| {
            units += character.len_utf16();
            (units > PIECE).then_some(at)
        });
        let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

impl Value {
    /// The fingerprint of this value. Equal values have equal fingerprints, in every process and version
    /// that shares this serialisation; a changed serialisation costs one rewrite per page.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&serde_json::to_vec(self).expect("a value is plain data"))
    }
}

impl Fingerprint {
    /// Hashes bytes that are canonical already.
    pub fn of(canonical: &[u8]) -> Self {
        let digest = Sha256::digest(canonical);
        let mut head = [0; 16];
        head.copy_from_slice(&digest[..16]);
        Self(uuid::Uuid::from_bytes(head))
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl From<uuid::Uuid> for Fingerprint {
    fn from(id: uuid::Uuid) -> Self {
        Self(id)
    }
}

impl From<Fingerprint> for uuid::Uuid {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.0
    }
}
