use proptest::prelude::*;

use super::*;
use crate::dashboard::Meets;

/// What Notion makes of a written value when it is read back.
fn stored(written: &Json) -> Json {
    let mut stored = written.clone();
    for kind in ["title", "rich_text"] {
        if let Some(elements) = stored.get_mut(kind).and_then(Json::as_array_mut) {
            for element in elements {
                element["plain_text"] = element["text"]["content"].clone();
            }
        }
    }
    stored
}

fn values() -> impl Strategy<Value = (PropertyKind, Value)> {
    let minute = (-62_000_000_000_i64..253_000_000_000).prop_map(|seconds| {
        Date::Minute(
            DateTime::from_timestamp(seconds - seconds.rem_euclid(60), 0).expect("in range"),
        )
    });
    let day = (0_i32..3_000_000).prop_map(|day| {
        Date::Day(NaiveDate::from_num_days_from_ce_opt(day + 1).expect("in range"))
    });
    let name = "[a-zA-Z ]{1,20}";
    let options = Vec::new;
    prop_oneof![
        any::<String>().prop_map(|text| (PropertyKind::Title, Value::Title(text))),
        "\\PC{0,5000}".prop_map(|text| (PropertyKind::PLAIN, Value::Text(text))),
        proptest::option::of(-1e15..1e15).prop_map(|number| {
            (
                PropertyKind::Number {
                    format: "number".into(),
                },
                Value::Number(number),
            )
        }),
        proptest::option::of(name).prop_map(move |name| {
            (
                PropertyKind::Select { options: options() },
                Value::Select(name),
            )
        }),
        proptest::collection::vec(name, 0..5).prop_map(move |names| {
            (
                PropertyKind::MultiSelect { options: options() },
                Value::MultiSelect(names),
            )
        }),
        proptest::option::of(prop_oneof![minute.clone(), day.clone()])
            .prop_map(|date| (PropertyKind::Date, Value::Date(date))),
        (day.clone(), day)
            .prop_map(|(start, end)| (PropertyKind::Date, Value::DateRange(start, end))),
        (minute.clone(), minute)
            .prop_map(|(start, end)| (PropertyKind::Date, Value::DateRange(start, end))),
        any::<bool>().prop_map(|ticked| (PropertyKind::Checkbox, Value::Checkbox(ticked))),
        "(\\PC{0,9}(\\*\\*|_|`|\\[x\\]\\(https://e.org\\))){0,9}".prop_map(|text| (
            PropertyKind::Text { markdown: true },
            Value::Rich(markdown::spans(&text))
        )),
        proptest::collection::vec("https://[a-z]{1,9}/[a-z]{0,9}", 0..5)
            .prop_map(|links| (PropertyKind::Files, Value::Files(links))),
        proptest::option::of(prop_oneof![
            Just("🧾".to_owned()),
            "https://[a-z]{1,9}/a.png"
        ])
        .prop_map(|word| (PropertyKind::Icon, Value::Icon(word))),
        proptest::option::of("https://[a-z]{1,9}/a.png")
            .prop_map(|word| (PropertyKind::Cover, Value::Cover(word))),
        proptest::option::of(name).prop_map(|url| (PropertyKind::Url, Value::Url(url))),
        proptest::collection::vec(any::<u128>(), 0..5).prop_map(|ids| {
            let ids = ids
                .into_iter()
                .map(|id| uuid::Uuid::from_u128(id).to_string())
                .collect();
            (
                PropertyKind::Relation {
                    dashboard: "Other".into(),
                },
                Value::Relation(ids),
            )
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_reads_back_as_the_same_value((kind, value) in values()) {
        prop_assert_eq!(read_value(&kind, &stored(&write_value(&value))), Some(value));
    }

    #[test]
    fn rich_text_keeps_every_element_within_the_limit(text in "\\PC{0,9000}") {
        for element in rich_text(&text).as_array().expect("an array") {
            let content = element["text"]["content"].as_str().expect("text");
            prop_assert!((1..=2_000).contains(&content.encode_utf16().count()));
        }
    }
}

#[test]
fn astral_characters_are_never_cut_in_half() {
    let text = "🦀".repeat(1_500);
    let parts: Vec<&str> = pieces(&text).collect();
    assert_eq!(
        parts
            .iter()
            .map(|part| part.chars().count())
            .collect::<Vec<_>>(),
        [1_000, 500]
    );
}

#[test]
fn a_property_that_a_person_retyped_reads_as_nothing() {
    let kind = PropertyKind::Number {
        format: "number".into(),
    };
    assert_eq!(
        read_value(&kind, &json!({"type": "rich_text", "rich_text": []})),
        None
    );
}

#[test]
fn an_end_that_a_person_added_to_a_date_is_a_difference() {
    let property = json!({"date": {"start": "2026-07-01", "end": "2026-07-02"}});
    let day = |day| Date::Day(chrono::NaiveDate::from_ymd_opt(2026, 7, day).unwrap());
    assert_eq!(
        read_value(&PropertyKind::Date, &property),
        Some(Value::DateRange(day(1), day(2)))
    );
    let property = json!({"date": {"start": "2026-07-01T10:30:00.000+00:00", "end": null}});
    assert!(matches!(
        read_value(&PropertyKind::Date, &property),
        Some(Value::Date(Some(Date::Minute(_))))
    ));
}

#[test]
fn options_that_share_a_name_are_one_option() {
    let option = |value: &str, name: &str| SelectOption {
        meets: Meets::Value(value.into()),
        name: name.into(),
        color: "gray".into(),
    };
    let kind = PropertyKind::Select {
        options: vec![
            option("todo", "To do"),
            option("open", "To do"),
            option("done", "Done"),
        ],
    };
    let schema = property_schema(&kind, |_| None).expect("no relation");
    assert_eq!(
        schema["select"]["options"].as_array().map(Vec::len),
        Some(2)
    );
}
