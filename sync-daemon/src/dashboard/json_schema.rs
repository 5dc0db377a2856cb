//! The format of schema files as a JSON schema, for editors that complete and check TOML by one.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::parse::KEYS;
use super::{property, view};

/// The JSON schema of a schema file, made of the same lists that the parser goes by.
pub fn json_schema() -> Json {
    let option_keys = property::OPTION_KEYS.iter().map(|(name, says)| {
        let mut shape = match *name {
            "from" => json!({"type": "number"}),
            "null" | "other" => json!({"const": true}),
            "name" => json!({"type": "string", "maxLength": 100}),
            "color" => json!({"enum": property::COLORS}),
            _ => json!({"type": "string"}),
        };
        shape["description"] = (*says).into();
        ((*name).to_owned(), shape)
    });
    let option = json!({
        "type": "object",
        "oneOf": [
            {"required": ["value"]},
            {"required": ["from", "name"]},
            {"required": ["null", "name"]},
            {"required": ["other", "name"]},
        ],
        "additionalProperties": false,
        "properties": option_keys.collect::<Map<String, Json>>(),
    });
    let shape = |name: &str| match name {
        "type" => json!({"enum": property::TYPES}),
        "format" => json!({"enum": property::FORMATS.as_slice()}),
        "options" => json!({"type": "array", "maxItems": 100, "items": option}),
        "round" => json!({"type": ["number", "string"]}),
        "column" | "through" | "from" | "key" | "source" | "was" => json!({"anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
        ]}),
        "heal" => json!({"enum": ["overwrite", "report"]}),
        "order" => json!({"type": "integer"}),
        "optional" | "markdown" => json!({"type": "boolean"}),
        "cadence" => json!({"type": "string", "pattern": "^[0-9]+[smhd]$"}),
        "name" => json!({"type": "string", "minLength": 1, "maxLength": 100}),
        _ => json!({"type": "string"}),
    };
    let described = |name: &str, says: &str| {
        let mut shape = shape(name);
        shape["description"] = says.into();
        (name.to_owned(), shape)
    };
    let properties: Map<String, Json> = property::KEYS
        .iter()
        .map(|key| described(key.name, key.says))
        .collect();
    // A key that means nothing for a type is a mistake.
    let only_for: Vec<Json> = property::KEYS
        .iter()
        .filter(|key| !key.types.is_empty())
        .map(|key| {
            json!({
                "if": {"required": [key.name]},
                "then": {"properties": {"type": {"enum": key.types}}},
            })
        })
        .collect();
    let property = json!({
        "type": "object",
        "required": ["name", "type"],
        "additionalProperties": false,
        "properties": properties,
        "allOf": only_for,
    });
    let mut top: Map<String, Json> = KEYS
        .iter()
        .map(|(name, says)| described(name, says))
        .collect();
    top["property"] = json!({
        "type": "array",
        "minItems": 1,
        "maxItems": 498,
        "items": property,
        "description": KEYS.iter().find(|(name, _)| *name == "property").map(|(_, says)| says),
    });
    top["page"] = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "icon": {"type": "string", "description": "A column of emojis, or of links to pictures."},
            "cover": {"type": "string", "description": "A column of links to pictures."},
            "body": {"type": "string", "description": "A column of markdown; the page is written again when it changes."},
        },
        "description": KEYS.iter().find(|(name, _)| *name == "page").map(|(_, says)| says),
    });
    let view_keys = view::KEYS.iter().map(|(name, says)| {
        let mut shape = match *name {
            "type" => json!({"enum": view::TYPES}),
            "sort" | "hide" | "show" => shape("column"),
            "filter" => json!({"type": "object"}),
            _ => json!({"type": "string"}),
        };
        shape["description"] = (*says).into();
        ((*name).to_owned(), shape)
    });
    top["view"] = json!({
        "type": "array",
        "items": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": false,
            "properties": view_keys.collect::<Map<String, Json>>(),
        },
        "description": KEYS.iter().find(|(name, _)| *name == "view").map(|(_, says)| says),
    });
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A dashboard of claimboard-sync",
        "type": "object",
        "required": ["name", "key", "cadence", "property"],
        "oneOf": [{"required": ["source"]}, {"required": ["query"]}],
        "additionalProperties": false,
        "properties": top,
    })
}

/// The same as the text of a file, in alphabetical order.
pub fn json_schema_text() -> String {
    format!("{:#}\n", sorted(json_schema()))
}

/// Whether a map keeps the order of its keys depends on what else is in the build; a sorted one reads the same in each.
fn sorted(json: Json) -> Json {
    match json {
        Json::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, sorted(value)))
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect(),
        Json::Array(members) => members.into_iter().map(sorted).collect(),
        plain => plain,
    }
}
