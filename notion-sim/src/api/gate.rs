//! What a request passes before any call runs: body, URL, credential, version, in Notion's order.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::route::{self, Route};
use super::shape::{Shape, object, optional};
use crate::failure::Failure;
use crate::failure::quoted;
use crate::model::cell;
use crate::model::render::Version;

/// The most bytes a body may have.
pub(crate) const BODY_LIMIT: usize = 512_000;

const VERSIONS: [&str; 7] = [
    "2021-05-11",
    "2021-05-13",
    "2021-08-16",
    "2022-02-22",
    "2022-06-28",
    "2025-09-03",
    "2026-03-11",
];

/// A request as it came.
pub(crate) struct Incoming<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) authorization: Option<&'a str>,
    pub(crate) version: Option<&'a str>,
    pub(crate) json: bool,
    pub(crate) body: &'a [u8],
}

/// A request that may run.
pub(crate) struct Call {
    pub(crate) route: Route,
    /// Who asks.
    pub(crate) bot: Uuid,
    pub(crate) version: Version,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Value,
}

/// The token of a request, once it is one that the server can look up.
pub(crate) fn bearer(authorization: Option<&str>) -> Result<&str, Failure> {
    let words: Vec<&str> = authorization
        .unwrap_or_default()
        .split_ascii_whitespace()
        .collect();
    match words.as_slice() {
        [scheme, token] if scheme.eq_ignore_ascii_case("bearer") => Ok(token),
        _ => Err(Failure::new(
            401,
            "unauthorized",
            "Authorization header must use the format \"Bearer <token>\".",
        )),
    }
}

/// Whether a request's header can carry this token.
pub(crate) fn can_be_sent(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Checks everything that needs no state but the token.
pub(crate) fn admit(
    incoming: &Incoming<'_>,
    bot_of: impl FnOnce(&str) -> Option<Uuid>,
) -> Result<Call, Failure> {
    let body = parse_body(incoming)?;
    let route = route::find(incoming.method, incoming.path).ok_or_else(Failure::invalid_url)?;
    let token = bearer(incoming.authorization)?;
    let bot =
        bot_of(token).ok_or_else(|| Failure::new(401, "unauthorized", "API token is invalid."))?;
    let version = version(incoming.version)?;
    let body = if version == Version::Y2025 {
        renamed(body, &route)?
    } else {
        body
    };
    Ok(Call {
        route,
        bot,
        version,
        query: query(incoming.query),
        body,
    })
}

fn parse_body(incoming: &Incoming<'_>) -> Result<Value, Failure> {
    if !incoming.json || incoming.body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let body: Value = serde_json::from_slice(incoming.body).map_err(|_| Failure::invalid_json())?;
    if body.is_object() || body.is_array() {
        Ok(body)
    } else {
        Err(Failure::invalid_json())
    }
}

/// What `in_trash` was called before 2026-03-11.
const ARCHIVED: &str = "archived";

/// The older version knows `archived` where the newer one knows `in_trash` alone.
fn renamed(mut body: Value, route: &Route) -> Result<Value, Failure> {
    let takes_it = matches!(
        route,
        Route::UpdatePage(_)
            | Route::UpdateDatabase(_)
            | Route::UpdateDataSource(_)
            | Route::UpdateBlock(_)
    );
    if let (true, Some(members)) = (takes_it, body.as_object_mut())
        && let Some(archived) = members.shift_remove(ARCHIVED)
    {
        let shape = object(vec![optional(ARCHIVED, Shape::Boolean)]);
        shape.check("body", &json!({ ARCHIVED: archived }))?;
        members.entry("in_trash").or_insert(archived);
    }
    Ok(body)
}

fn version(header: Option<&str>) -> Result<Version, Failure> {
    let refused = |text: String| {
        Failure::new(
            400,
            "missing_version",
            format!("Notion-Version header failed validation: {text}"),
        )
    };
    match header {
        Some("2026-03-11") => Ok(Version::Y2026),
        Some("2025-09-03") => Ok(Version::Y2025),
        Some(older) if VERSIONS.contains(&older) => Err(Failure::not_simulated(&format!(
            "version {older} of the API"
        ))),
        Some(other) => {
            let listed: Vec<String> = VERSIONS
                .iter()
                .map(|version| format!("`\"{version}\"`"))
                .collect();
            let (last, most) = listed
                .split_last()
                .map(|(last, most)| (last.as_str(), most.join(", ")))
                .unwrap_or_default();
            let was = quoted(&Value::String(other.to_owned()));
            Err(refused(format!(
                "Notion-Version header should be {most}, or {last}, instead was `{was}`."
            )))
        }
        None => Err(refused(
            "Notion-Version header should be defined, instead was `undefined`.".to_owned(),
        )),
    }
}

/// The query string's members, decoded, in their order.
fn query(text: &str) -> Vec<(String, String)> {
    let members = text.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let read = |text: &str| decoded(&text.replace('+', " "));
        (read(key), read(value))
    });
    members.collect()
}

/// A value of a query string as Notion reads it: whole numbers and booleans are no texts.
pub(crate) fn coerced(text: &str) -> Value {
    if let Ok(flag) = text.to_ascii_lowercase().parse::<bool>() {
        return Value::Bool(flag);
    }
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return 0.into();
    }
    let is_decimal = trimmed
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match trimmed.parse::<f64>() {
        Ok(number) if is_decimal && number.is_finite() && number.fract() == 0.0 => {
            cell::number(number)
        }
        _ => Value::String(text.to_owned()),
    }
}

/// A percent-encoded text of a URL; what is no valid escape stays as it is.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let ahead = rest
                    .clone()
                    .take(2)
                    .map(|digit| char::from(digit).to_digit(16))
                    .collect::<Option<Vec<u32>>>();
                match ahead.as_deref() {
                    Some([high, low]) => {
                        bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                        rest.nth(1);
                    }
                    _ => bytes.push(b'%'),
                }
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
