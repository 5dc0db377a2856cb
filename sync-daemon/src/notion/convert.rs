//! The only mapping between our words and Notion's JSON, in both directions.
//!
//! Reading is lenient: a property of an unknown type, or one that a person retyped, reads as `None` and
//! is then simply different from what we want. A relation's value holds page ids here, not keys: see
//! [`Value::Relation`].

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Timelike, Utc};
use serde_json::{Map, Value as Json, json};

use super::PageId;
use crate::dashboard::{PropertyKind, SelectOption};
use crate::markdown::{self, Block, BlockKind, Span};
use crate::page::{Date, Value, pieces};

/// A property's definition for a data source. `None` for a relation whose target has no data source yet, and for
/// what is no property.
pub fn property_schema(
    kind: &PropertyKind,
    data_source_of: impl Fn(&str) -> Option<uuid::Uuid>,
) -> Option<Json> {
    Some(match kind {
        PropertyKind::Title => json!({"title": {}}),
        PropertyKind::Text { .. } => json!({"rich_text": {}}),
        PropertyKind::Number { format } => json!({"number": {"format": format}}),
        PropertyKind::Select { options: known } => json!({"select": {"options": options(known)}}),
        PropertyKind::Status { options: known } => json!({"status": {"options": options(known)}}),
        PropertyKind::MultiSelect { options: known } => {
            json!({"multi_select": {"options": options(known)}})
        }
        PropertyKind::Date => json!({"date": {}}),
        PropertyKind::Checkbox => json!({"checkbox": {}}),
        PropertyKind::Url => json!({"url": {}}),
        PropertyKind::Email => json!({"email": {}}),
        PropertyKind::Phone => json!({"phone_number": {}}),
        PropertyKind::People => json!({"people": {}}),
        PropertyKind::Files => json!({"files": {}}),
        PropertyKind::Relation { dashboard } => {
            json!({"relation": {"data_source_id": data_source_of(dashboard)?, "single_property": {}}})
        }
        PropertyKind::Formula { expression } => json!({"formula": {"expression": expression}}),
        PropertyKind::Icon | PropertyKind::Cover | PropertyKind::Body => return None,
    })
}

/// Notion's name of a property's type.
pub fn property_type(kind: &PropertyKind) -> &'static str {
    match kind {
        PropertyKind::Title => "title",
        PropertyKind::Text { .. } => "rich_text",
        PropertyKind::Number { .. } => "number",
        PropertyKind::Select { .. } => "select",
        PropertyKind::Status { .. } => "status",
        PropertyKind::MultiSelect { .. } => "multi_select",
        PropertyKind::Date => "date",
        PropertyKind::Checkbox => "checkbox",
        PropertyKind::Url => "url",
        PropertyKind::Email => "email",
        PropertyKind::Phone => "phone_number",
        PropertyKind::People => "people",
        PropertyKind::Files => "files",
        PropertyKind::Relation { .. } => "relation",
        PropertyKind::Formula { .. } => "formula",
        PropertyKind::Icon => "icon",
        PropertyKind::Cover => "cover",
        PropertyKind::Body => "children",
    }
}

/// Options as a data source takes them.
pub fn options(known: &[SelectOption]) -> Vec<Json> {
    // Two values may share one name: "to do" and "open" are both "To do" to people.
    let mut seen = Vec::new();
    known
        .iter()
        .filter(|option| {
            !seen.contains(&&option.name) && {
                seen.push(&option.name);
                true
            }
        })
        .map(|option| json!({"name": option.name, "color": option.color}))
        .collect()
}

/// Plain text as rich text, split where Notion's limit for one element demands it.
pub fn rich_text(text: &str) -> Json {
    pieces(text)
        .map(|content| json!({"type": "text", "text": {"content": content}}))
        .collect()
}

/// Text with marks and links as rich text.
pub fn marked_text(spans: &[Span]) -> Json {
    spans
        .iter()
        .flat_map(|span| {
            pieces(&span.text).map(move |content| {
                let link = span.link.as_ref().map(|url| json!({"url": url}));
                json!({
                    "type": "text",
                    "text": {"content": content, "link": link},
                    "annotations": {
                        "bold": span.bold, "italic": span.italic, "strikethrough": span.strikethrough, "code": span.code,
                    },
                })
            })
        })
        .collect()
}

/// Blocks as Notion takes them.
pub fn blocks(blocks: &[Block]) -> Vec<Json> {
    blocks.iter().map(block).collect()
}

fn block(block: &Block) -> Json {
    let text = marked_text(&block.spans);
    let (kind, mut content) = match &block.kind {
        BlockKind::Paragraph => ("paragraph".to_owned(), json!({"rich_text": text})),
        BlockKind::Heading(level) => (format!("heading_{level}"), json!({"rich_text": text})),
        BlockKind::Bullet => ("bulleted_list_item".to_owned(), json!({"rich_text": text})),
        BlockKind::Numbered => ("numbered_list_item".to_owned(), json!({"rich_text": text})),
        BlockKind::ToDo(ticked) => (
            "to_do".to_owned(),
            json!({"rich_text": text, "checked": ticked}),
        ),
        BlockKind::Quote => ("quote".to_owned(), json!({"rich_text": text})),
        BlockKind::Code(language) => (
            "code".to_owned(),
            json!({"rich_text": text, "language": code_language(language)}),
        ),
        BlockKind::Image(url) => (
            "image".to_owned(),
            json!({"type": "external", "external": {"url": url}, "caption": text}),
        ),
        BlockKind::Divider => ("divider".to_owned(), json!({})),
    };
    if !block.children.is_empty() {
        content["children"] = blocks(&block.children).into();
    }
    let mut json = json!({"object": "block", "type": kind});
    json[kind] = content;
    json
}

/// Notion refuses languages that it does not know.
fn code_language(name: &str) -> &'static str {
    const KNOWN: [(&str, &[&str]); 28] = [
        ("bash", &[]),
        ("c", &[]),
        ("c#", &["csharp", "cs"]),
        ("c++", &["cpp"]),
        ("css", &[]),
        ("diff", &[]),
        ("docker", &["dockerfile"]),
        ("go", &["golang"]),
        ("graphql", &[]),
        ("haskell", &["hs"]),
        ("html", &[]),
        ("java", &[]),
        ("javascript", &["js"]),
        ("json", &[]),
        ("kotlin", &["kt"]),
        ("lua", &[]),
        ("makefile", &["make"]),
        ("markdown", &["md"]),
        ("perl", &[]),
        ("php", &[]),
        ("python", &["py"]),
        ("ruby", &["rb"]),
        ("rust", &["rs"]),
        ("shell", &["sh", "zsh", "console"]),
        ("sql", &["postgresql", "postgres"]),
        ("swift", &[]),
        ("typescript", &["ts"]),
        ("yaml", &["yml"]),
    ];
    let name = name.to_lowercase();
    let word = name.split([' ', ',', '{']).next().unwrap_or_default();
    KNOWN
        .iter()
        .find(|(known, aliases)| *known == word || aliases.contains(&word))
        .map_or("plain text", |(known, _)| known)
}

/// A picture from elsewhere, or an emoji.
pub fn picture(word: &str) -> Json {
    if word.starts_with("https://") || word.starts_with("http://") {
        json!({"type": "external", "external": {"url": word}})
    } else {
        json!({"type": "emoji", "emoji": word})
    }
}

/// What people see of a file: the last part of its link.
fn file_name(link: &str) -> String {
    let path = link.split(['?', '#']).next().unwrap_or_default();
    let name = path.trim_end_matches('/').rsplit('/').next();
    let name: String = name.unwrap_or_default().chars().take(100).collect();
    if name.encode_utf16().count() <= 100 && !name.is_empty() {
        name
    } else {
        "file".to_owned()
    }
}

/// A value as a page write wants it: what stands under its property, or for the parts of a page under their own
/// names.
pub fn write_value(value: &Value) -> Json {
    let option = |name: &Option<String>| name.as_ref().map(|name| json!({"name": name}));
    match value {
        Value::Title(text) => json!({"title": rich_text(text)}),
        Value::Text(text) => json!({"rich_text": rich_text(text)}),
        Value::Number(number) => json!({"number": number}),
        Value::Select(name) => json!({"select": option(name)}),
        Value::Status(name) => json!({"status": option(name)}),
        Value::MultiSelect(names) => {
            json!({"multi_select": names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>()})
        }
        Value::Date(date) => json!({"date": date.map(write_date)}),
        Value::DateRange(start, end) => {
            let mut range = write_date(*start);
            range["end"] = write_date(*end)["start"].take();
            json!({"date": range})
        }
        Value::Checkbox(ticked) => json!({"checkbox": ticked}),
        Value::Url(url) => json!({"url": url}),
        Value::Email(address) => json!({"email": address}),
        Value::Phone(number) => json!({"phone_number": number}),
        Value::Rich(spans) => json!({"rich_text": marked_text(spans)}),
        Value::People(users) => {
            json!({"people": users.iter().map(|id| json!({"id": id})).collect::<Vec<_>>()})
        }
        Value::Files(links) => {
            let file = |link: &String| json!({"type": "external", "name": file_name(link), "external": {"url": link}});
            json!({"files": links.iter().map(file).collect::<Vec<_>>()})
        }
        Value::Icon(word) => json!({"icon": word.as_deref().map(picture)}),
        Value::Cover(link) => json!({"cover": link.as_deref().map(picture)}),
        Value::Body(text) => json!({"children": blocks(&markdown::blocks(text).0)}),
        Value::Relation(pages) => {
            json!({"relation": pages.iter().map(|id| json!({"id": id})).collect::<Vec<_>>()})
        }
    }
}

fn write_date(date: Date) -> Json {
    match date {
        Date::Day(day) => json!({"start": day.format("%Y-%m-%d").to_string()}),
        Date::Minute(at) => json!({"start": at.format("%Y-%m-%dT%H:%M:00.000Z").to_string()}),
    }
}

/// A page's property as Notion returns it. `None` where it is not of the wanted kind.
pub fn read_value(kind: &PropertyKind, property: &Json) -> Option<Value> {
    let content = property.get(property_type(kind))?;
    let text = || content.as_str().map(str::to_owned);
    let option = || Some(spelled(kind, content["name"].as_str()?));
    Some(match kind {
        PropertyKind::Title => Value::Title(plain_text(content)?),
        PropertyKind::Text { markdown: false } => Value::Text(plain_text(content)?),
        PropertyKind::Text { markdown: true } => Value::Rich(read_spans(content)?),
        PropertyKind::Number { .. } => Value::Number(content.as_f64()),
        PropertyKind::Select { .. } => Value::Select(option()),
        PropertyKind::Status { .. } => Value::Status(option()),
        PropertyKind::MultiSelect { .. } => Value::MultiSelect(
            content
                .as_array()?
                .iter()
                .filter_map(|one| Some(spelled(kind, one["name"].as_str()?)))
                .collect(),
        ),
        PropertyKind::Date => match (read_date(&content["start"]), &content["end"]) {
            (start, Json::Null) => Value::Date(start),
            (start, end) => Value::DateRange(start?, read_date(end)?),
        },
        PropertyKind::Checkbox => Value::Checkbox(content.as_bool()?),
        PropertyKind::Url => Value::Url(text()),
        PropertyKind::Email => Value::Email(text()),
        PropertyKind::Phone => Value::Phone(text()),
        PropertyKind::Relation { .. } => Value::Relation(ids(content)?),
        PropertyKind::People => Value::People(ids(content)?),
        PropertyKind::Files => Value::Files(
            content
                .as_array()?
                .iter()
                .filter_map(|file| file["external"]["url"].as_str().map(str::to_owned))
                .collect(),
        ),
        PropertyKind::Icon => Value::Icon(read_picture(content)),
        PropertyKind::Cover => Value::Cover(read_picture(content)),
        PropertyKind::Formula { .. } | PropertyKind::Body => return None,
    })
}

/// An option as the file spells it: to Notion two names that differ in case alone are one option, which keeps the
/// spelling that it got first.
fn spelled(kind: &PropertyKind, name: &str) -> String {
    let same = |option: &&SelectOption| option.name.to_lowercase() == name.to_lowercase();
    let ours = kind.options().iter().find(same);
    ours.map_or(name, |option| &option.name).to_owned()
}

fn ids(list: &Json) -> Option<Vec<String>> {
    let list = list.as_array()?.iter();
    Some(
        list.filter_map(|one| one["id"].as_str().map(str::to_owned))
            .collect(),
    )
}

fn read_picture(picture: &Json) -> Option<String> {
    let kind = picture["type"].as_str()?;
    let word = match kind {
        "emoji" => &picture["emoji"],
        _ => &picture[kind]["url"],
    };
    word.as_str().map(str::to_owned)
}

fn read_spans(elements: &Json) -> Option<Vec<Span>> {
    let mut spans = Vec::new();
    for element in elements.as_array()? {
        let text = element["plain_text"]
            .as_str()
            .or_else(|| element["text"]["content"].as_str())?;
        let on = |mark: &str| element["annotations"][mark] == true;
        let span = Span {
            text: text.to_owned(),
            link: element["text"]["link"]["url"].as_str().map(str::to_owned),
            bold: on("bold"),
            italic: on("italic"),
            strikethrough: on("strikethrough"),
            code: on("code"),
        };
        markdown::push(&mut spans, span);
    }
    Some(spans)
}

/// Rich text as people read it.
pub fn plain_text(elements: &Json) -> Option<String> {
    elements
        .as_array()?
        .iter()
        .map(|element| {
            element["plain_text"]
                .as_str()
                .or_else(|| element["text"]["content"].as_str())
        })
        .collect()
}

fn read_date(point: &Json) -> Option<Date> {
    let point = point.as_str()?;
    if point.len() == 10 {
        return NaiveDate::parse_from_str(point, "%Y-%m-%d")
            .ok()
            .map(Date::Day);
    }
    let at = DateTime::parse_from_rfc3339(point)
        .ok()?
        .with_timezone(&Utc);
    at.with_second(0)?.with_nanosecond(0).map(Date::Minute)
}

/// A page's properties by their ids, as they stand.
pub fn properties_by_id(page: &Json) -> BTreeMap<&str, &Json> {
    page["properties"]
        .as_object()
        .into_iter()
        .flat_map(Map::values)
        .filter_map(|property| Some((property["id"].as_str()?, property)))
        .collect()
}

/// An object's own id.
pub fn id(object: &Json) -> Option<PageId> {
    object["id"].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests;
