//! Every parser of the daemon, fed with anything at all: it reads or refuses, in bounded time, and never panics.
//! `make fuzz` runs these, and their like in the other crates, for long.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use axum::http::HeaderMap;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::config::{Config, ListenConfig, keep_months, page_id};
use crate::dashboard::{Dashboards, PropertyKind};
use crate::mark::Mark;
use crate::notion::{Error, Meaning, Refusal, convert};

/// The schema files that ship, and what stands in the place of a piece of them.
const FILES: [&str; 3] = [
    include_str!("../../schemas/tasks.toml"),
    include_str!("../../schemas/agent-activity.toml"),
    include_str!("../../schemas/module-library.toml"),
];

const PIECES: [&str; 16] = [
    "",
    "\n",
    "=",
    "\"",
    "'''",
    "[[property]]",
    "[[view]]",
    "[",
    "]]",
    "name",
    "{",
    "}",
    "''",
    "0",
    "\u{0}",
    "\u{1f642}",
];

/// Any JSON, as deep as an answer of Notion.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        select(vec!["2026-02-30", "9999-12-31T23:59:60Z", "true", "-0"]).prop_map(Value::from),
    ];
    let name = prop_oneof![
        select(vec![
            "type",
            "title",
            "rich_text",
            "plain_text",
            "text",
            "content",
            "number",
            "select",
            "name",
            "date",
            "start",
            "end",
            "relation",
            "id",
            "has_more",
            "properties",
            "formula",
            "time_zone",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn dashboards(text: String) -> bool {
    Dashboards::parse(&[("any.toml".to_owned(), text)], &[]).is_ok()
}

proptest! {
    #[test]
    fn anything_is_a_schema_file_or_refused(text in any::<String>()) {
        dashboards(text);
    }

    #[test]
    fn anything_in_a_schema_file_is_read_or_refused_with_its_line(
        file in select(FILES.to_vec()), from in any::<Index>(), length in 0_usize..40, piece in select(PIECES.to_vec()), other in any::<String>()
    ) {
        let characters: Vec<char> = file.chars().collect();
        let from = from.index(characters.len());
        let upto = (from + length).min(characters.len());
        for piece in [piece, &other] {
            let text: String = characters[..from].iter().chain(&piece.chars().collect::<Vec<_>>()).chain(&characters[upto..]).collect();
            if let Err(errors) = Dashboards::parse(&[("any.toml".to_owned(), text)], &[]) {
                for error in errors {
                    prop_assert!(error.to_string().contains("any.toml"), "{}", error);
                }
            }
        }
    }

    #[test]
    fn anything_is_a_cadence_or_refused(text in "\\PC{0,8}|[0-9]{1,25}[smhd]?") {
        dashboards(format!("name = 'A'\nsource = 'a'\nkey = 'id'\ncadence = {text:?}\n[[property]]\nname = 'N'\ntype = 'title'\ncolumn = 'n'\n"));
    }

    #[test]
    fn anything_in_the_environment_is_taken_or_refused_without_being_told(
        name in select(vec!["DATABASE_URL", "NOTION_PARENT_PAGE", "NOTION_BASE_URL", "NOTION_REQUESTS_PER_MINUTE", "CLAIMBOARD_SCHEMAS",
            "CLAIMBOARD_LISTEN", "CLAIMBOARD_KEEP_MONTHS", "NOTION_TOKEN"]),
        value in any::<String>(), secret in "[a-z]{20}"
    ) {
        let token = format!("ntn_{secret}");
        let mut variables = HashMap::from([
            ("DATABASE_URL", format!("postgres://a:{secret}@localhost/b")),
            ("NOTION_TOKEN", token.clone()),
            ("NOTION_PARENT_PAGE", "0123456789abcdef0123456789abcdef".to_owned()),
        ]);
        variables.insert(name, value.clone());
        let variable = |name: &str| variables.get(name).cloned();
        let nothing = |_: &Path| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
        let said = [
            format!("{:?}", Config::from_vars(variable, nothing).map_err(|errors| errors.to_string())),
            format!("{:?}", ListenConfig::from_vars(variable, nothing).map_err(|errors| errors.to_string())),
            format!("{:?}", keep_months(variable).map_err(|errors| errors.to_string())),
        ];
        for said in said {
            prop_assert!(!said.contains(&secret), "{}", said);
        }
        page_id(&value);
    }

    #[test]
    fn anything_that_notion_answers_is_a_value_or_none(property in anything()) {
        for kind in [PropertyKind::Title, PropertyKind::Checkbox] {
            convert::read_value(&kind, &property);
            let wrapped = json!({"title": property, "rich_text": property, "checkbox": property, "type": "title"});
            convert::read_value(&kind, &wrapped);
        }
        convert::plain_text(&property);
        convert::properties_by_id(&property);
        convert::id(&property);
    }

    #[test]
    fn anything_is_a_mark_or_none(text in "(\\PC|\\[ledger |[0-9a-f/-]|\\]){0,60}") {
        if let Some(mark) = Mark::find(&text) {
            prop_assert_eq!(Mark::find(&format!("[ledger {mark}]")), Some(mark));
        }
    }

    #[test]
    fn anything_that_notion_refuses_with_has_a_meaning(status in 100_u16..600, header in "\\PC{0,12}|-?[0-9]{1,30}|[0-9.e+-]{1,8}|inf|NaN", body in any::<Vec<u8>>(), json in anything()) {
        let mut headers = HeaderMap::new();
        if let Ok(value) = header.parse() {
            headers.insert("retry-after", value);
        }
        let json = serde_json::to_vec(&json!({"code": json, "additional_data": {"retry_after": header, "retry_guidance": json}, "message": json})).unwrap();
        for body in [body, json] {
            let error = Error::Refused(Box::new(Refusal::read(status.try_into().unwrap(), &headers, &body)));
            if let Meaning::TooMany { retry_after, .. } = error.meaning() {
                prop_assert!(retry_after <= Duration::from_hours(24), "{:?}", retry_after);
            }
        }
    }
}
