//! Rich text: spans as they are stored, read from requests and rendered for answers.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A run of text with one look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Span {
    kind: SpanKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    annotations: Option<Box<Annotations>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SpanKind {
    Text {
        content: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<String>,
    },
    Equation(String),
    Mention {
        mention: Value,
        plain: String,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "Notion's own five switches")]
struct Annotations {
    bold: bool,
    italic: bool,
    strikethrough: bool,
    underline: bool,
    code: bool,
    color: String,
}

impl Default for Annotations {
    fn default() -> Self {
        Self {
            bold: false,
            italic: false,
            strikethrough: false,
            underline: false,
            code: false,
            color: "default".to_owned(),
        }
    }
}

impl Span {
    pub(crate) fn plain(content: impl Into<String>) -> Self {
        Self {
            kind: SpanKind::Text {
                content: content.into(),
                link: None,
            },
            annotations: None,
        }
    }

    fn read(item: &Value) -> Self {
        let text = |pointer: &str| {
            item.pointer(pointer)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let kind = if let Some(content) = text("/text/content") {
            SpanKind::Text {
                content,
                link: text("/text/link/url"),
            }
        } else if let Some(expression) = text("/equation/expression") {
            SpanKind::Equation(expression)
        } else {
            let mention = mention(&item["mention"]);
            let plain = text("/plain_text").unwrap_or_else(|| mention_text(&mention));
            SpanKind::Mention { mention, plain }
        };
        let annotations = item
            .get("annotations")
            .and_then(|given| serde_json::from_value::<Annotations>(given.clone()).ok())
            .filter(|given| *given != Annotations::default())
            .map(Box::new);
        Self { kind, annotations }
    }

    fn text(&self) -> &str {
        match &self.kind {
            SpanKind::Text { content, .. } => content,
            SpanKind::Equation(expression) => expression,
            SpanKind::Mention { plain, .. } => plain,
        }
    }

    /// The link that the span leads to, if any.
    pub(crate) fn link(&self) -> Option<&str> {
        match &self.kind {
            SpanKind::Text { link, .. } => link.as_deref(),
            _ => None,
        }
    }

    fn render(&self) -> Value {
        let default = Annotations::default();
        let look = self.annotations.as_deref().unwrap_or(&default);
        let look = json!({
            "bold": look.bold, "italic": look.italic, "strikethrough": look.strikethrough,
            "underline": look.underline, "code": look.code, "color": look.color,
        });
        match &self.kind {
            SpanKind::Text { content, link } => json!({
                "type": "text",
                "text": { "content": content, "link": link.as_ref().map(|url| json!({ "url": url })) },
                "annotations": look, "plain_text": content, "href": link,
            }),
            SpanKind::Equation(expression) => json!({
                "type": "equation", "equation": { "expression": expression },
                "annotations": look, "plain_text": expression, "href": null,
            }),
            SpanKind::Mention { mention, plain } => json!({
                "type": "mention", "mention": mention,
                "annotations": look, "plain_text": plain, "href": null,
            }),
        }
    }
}

/// A mention as answers show it: with its type, and its object in the short form.
fn mention(given: &Value) -> Value {
    let short = |kind: &str| given.get(kind).map(|object| object["id"].clone());
    if let Some(id) = short("user") {
        json!({ "type": "user", "user": { "object": "user", "id": id } })
    } else if let Some(id) = short("page") {
        json!({ "type": "page", "page": { "id": id } })
    } else if let Some(id) = short("database") {
        json!({ "type": "database", "database": { "id": id } })
    } else {
        let date = &given["date"];
        json!({ "type": "date", "date": { "start": date["start"], "end": date["end"], "time_zone": date["time_zone"] } })
    }
}

fn mention_text(mention: &Value) -> String {
    let date = mention.pointer("/date/start").and_then(Value::as_str);
    date.unwrap_or("Untitled").to_owned()
}

/// Reads a rich-text array of a request. Empty spans are dropped, as Notion drops them.
pub(crate) fn read(items: &Value) -> Vec<Span> {
    let spans = items
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .map(Span::read);
    spans.filter(|span| !span.text().is_empty()).collect()
}

pub(crate) fn render(spans: &[Span]) -> Value {
    Value::Array(spans.iter().map(Span::render).collect())
}

pub(crate) fn plain(spans: &[Span]) -> String {
    spans.iter().map(Span::text).collect()
}

/// Whether the spans read so, which most tell without being put together.
pub(crate) fn reads(spans: &[Span], text: &str) -> bool {
    match spans {
        [] => text.is_empty(),
        [only] => only.text() == text,
        several => plain(several) == text,
    }
}
