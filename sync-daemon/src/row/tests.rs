use std::fmt::Write as _;

use proptest::prelude::*;

use super::size;
use super::{Cell, LONGEST_TEXT, Row};
use crate::dashboard::{Dashboard, Dashboards, Property};
use crate::notion::convert;
use crate::page::{self, DesiredPage, Value};

const OPTIONS: &str =
    "options = [{ value = 'todo', name = 'To do' }, { value = 'done', name = '✅ Done' }]\n";

/// A dashboard with a property for each of `kinds`, named as its type; `markdown` is text of it, and `icon`, `cover`
/// and `body` are the last.
fn board(kinds: &[&str]) -> Dashboard {
    let mut text = "name = 'Board'\nsource = 't'\nkey = 'id'\ncadence = '30s'\n".to_owned();
    let parts = kinds
        .iter()
        .filter(|kind| ["icon", "cover", "body"].contains(kind));
    let parts: Vec<_> = parts.map(|part| format!("{part} = 'c'\n")).collect();
    for (index, kind) in kinds[..kinds.len() - parts.len()].iter().enumerate() {
        let word = if *kind == "markdown" { "text" } else { kind };
        write!(
            text,
            "[[property]]\nname = '{kind} {index}'\ntype = '{word}'\ncolumn = 'c'\n"
        )
        .unwrap();
        match *kind {
            "markdown" => text += "markdown = true\n",
            "select" | "status" | "multi_select" => text += OPTIONS,
            "relation" => text += "to = 'Board'\n",
            _ => {}
        }
    }
    if !parts.is_empty() {
        text += "[page]\n";
        text += &parts.concat();
    }
    let dashboards = Dashboards::parse(&[("board.toml".to_owned(), text)], &[]).unwrap();
    dashboards.get("Board").unwrap().clone()
}

fn page(board: &Dashboard, cells: Vec<Option<String>>) -> DesiredPage {
    let cells = cells
        .into_iter()
        .map(|text| Cell {
            text,
            characters: None,
        })
        .collect();
    Row {
        key: "1".to_owned(),
        source_hash: uuid::Uuid::nil(),
        cells,
    }
    .page(board)
}

/// The value and the note that a kind makes of a cell.
fn one(kind: &str, text: &str) -> (Value, String) {
    let board = board(&["title", kind]);
    let mut page = page(&board, vec![None, Some(text.to_owned())]);
    (page.values.remove(1), page.note)
}

fn value_of(kind: &str, text: &str) -> Value {
    let (value, note) = one(kind, text);
    assert_eq!(note, "", "{kind} {text:?}");
    value
}

#[test]
fn what_fits_stays_without_a_note() {
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        value_of("text", " kept \r\n as it is "),
        Value::Text(" kept \r\n as it is ".to_owned())
    );
    assert_eq!(value_of("number", "-0"), Value::Number(Some(0.0)));
    assert_eq!(
        value_of("number", "3.3333333333333333333333"),
        Value::Number(Some(10.0 / 3.0))
    );
    assert_eq!(
        value_of("number", "100000000000000000000"),
        Value::Number(Some(1e20))
    );
    assert_eq!(value_of("select", "todo"), Value::Select(text("To do")));
    assert_eq!(value_of("select", " TO DO "), Value::Select(text("To do")));
    assert_eq!(value_of("select", " other "), Value::Select(text("other")));
    assert_eq!(value_of("select", "  "), Value::Select(None));
    assert_eq!(value_of("status", "done"), Value::Status(text("✅ Done")));
    assert_eq!(value_of("status", ""), Value::Status(text("To do")));
    assert_eq!(
        value_of("multi_select", r#"["done", "x", "X", " ", null, 7]"#),
        Value::MultiSelect(vec!["✅ Done".into(), "x".into(), "7".into()])
    );
    assert_eq!(
        value_of("relation", r#"["1", "1", " 1"]"#),
        Value::Relation(vec!["1".into(), " 1".into()])
    );
    assert_eq!(value_of("checkbox", "true"), Value::Checkbox(true));
    assert_eq!(
        value_of("url", " https://example.org/ü "),
        Value::Url(text("https://example.org/ü"))
    );
    assert_eq!(
        value_of("url", "mailto:a@example.org"),
        Value::Url(text("mailto:a@example.org"))
    );
    assert_eq!(
        value_of("email", "ä@exämple.org"),
        Value::Email(text("ä@exämple.org"))
    );
    assert_eq!(
        value_of("phone", "+49 (30) 1234"),
        Value::Phone(text("+49 (30) 1234"))
    );
    let minute = serde_json::to_string(&value_of("date", "2026-12-31 23:59:59.999999+00")).unwrap();
    assert_eq!(minute, r#"{"date":{"minute":"2026-12-31T23:59:00Z"}}"#);
}

/// What people see of a value, by these options.
fn seen(kind: &str, options: &str, text: Option<&str>) -> Value {
    let file = format!(
        "name = 'B'\nsource = 't'\nkey = 'id'\ncadence = '30s'\n\
         [[property]]\nname = 'T'\ntype = 'title'\ncolumn = 'c'\n\
         [[property]]\nname = 'P'\ntype = '{kind}'\ncolumn = 'c'\noptions = [{options}]\n"
    );
    let dashboards = Dashboards::parse(&[("b.toml".to_owned(), file)], &[]).unwrap();
    let cells = vec![None, text.map(str::to_owned)];
    page(dashboards.get("B").unwrap(), cells).values.remove(1)
}

#[test]
fn an_option_stands_for_a_value_for_numbers_for_nothing_or_for_all_else() {
    let select = |options: &str, text: Option<&str>| match seen("select", options, text) {
        Value::Select(name) => name,
        other => panic!("{other:?}"),
    };
    let name = |name: &str| Some(name.to_owned());
    // The order in the file decides nothing: the largest number that is reached does.
    let bands = "{ from = 20, name = 'Medium' }, { from = 80.5, name = 'High' }, { from = -1e3, name = 'Low' },
        { value = '90', name = 'Ninety' }, { null = true, name = 'Not measured' }, { other = true, name = 'Odd' }";
    let bands = bands.replace('\n', " ");
    for (value, wanted) in [
        ("80.5", "High"),
        ("1e9", "High"),
        ("80.4999", "Medium"),
        ("20", "Medium"),
        ("19", "Low"),
        ("-1000", "Low"),
        ("-1001", "Odd"),
        ("90", "Ninety"),
        ("NaN", "Odd"),
        ("words", "Odd"),
        ("", "Not measured"),
        ("  ", "Not measured"),
    ] {
        assert_eq!(select(&bands, Some(value)), name(wanted), "{value:?}");
    }
    assert_eq!(select(&bands, None), name("Not measured"));

    // Without such options what no option stands for is itself, and nothing is nothing.
    let plain = "{ value = 'a', name = 'A!' }, { from = 5, name = 'Five' }";
    assert_eq!(select(plain, None), None);
    assert_eq!(select(plain, Some("4")), name("4"));
    assert_eq!(select(plain, Some("a")), name("A!"));
    // Several values share a name; the value is the name where none is given.
    let shared = "{ value = 'x', name = 'One' }, { value = 'y', name = 'One' }, { value = 'z' }";
    assert_eq!(select(shared, Some("y")), name("One"));
    assert_eq!(select(shared, Some("z")), name("z"));

    let status = |text: Option<&str>| match seen("status", &bands, text) {
        Value::Status(name) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(status(None), name("Not measured"), "not the first option");
    assert_eq!(status(Some("words")), name("Odd"), "not the first option");
    assert_eq!(status(Some("81")), name("High"));

    let several = |text: Option<&str>| match seen("multi_select", &bands, text) {
        Value::MultiSelect(names) => names,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        several(Some(r#"[100, "30", "x", null, "y", 21]"#)),
        ["High", "Medium", "Odd"]
    );
    assert_eq!(several(Some("[]")), ["Not measured"]);
    assert_eq!(several(None), ["Not measured"]);
}

#[test]
fn what_does_not_fit_leaves_a_note() {
    let long = "ü".repeat(101);
    let link = format!("https://example.org/{}", "a".repeat(2000));
    let list =
        serde_json::to_string(&(0..250).map(|key| key.to_string()).collect::<Vec<_>>()).unwrap();
    let cases = [
        ("number", "nan"),
        ("number", "9007199254740993"),
        ("select", "a, b"),
        ("select", long.as_str()),
        ("status", "lost"),
        ("multi_select", r#"["a,b", "c"]"#),
        ("multi_select", r#"["\ud800"]"#),
        ("multi_select", &list),
        ("relation", &list),
        ("date", "10000-01-01"),
        ("date", "0001-01-01 BC"),
        ("date", "2026-07-01 12:00:00+00 BC"),
        ("url", &link),
        ("url", "example.org"),
        ("url", "https://exa mple.org"),
        ("email", "a@b@c"),
        ("phone", "1\n2"),
    ];
    let notes = cases
        .iter()
        .map(|(kind, text)| one(kind, text).1)
        .collect::<Vec<_>>()
        .join("\n");
    insta::assert_snapshot!(notes);
}

#[test]
fn texts_are_cut_between_characters_and_within_a_hundred_elements() {
    // An emoji is two units: with one letter before them, none ends at a piece's edge, and every piece loses a unit.
    let text = format!("a{}", "😀".repeat(150_000));
    let (value, note) = one("text", &text);
    let Value::Text(kept) = value else {
        panic!("not a text")
    };
    let pieces: Vec<_> = page::pieces(&kept).collect();
    assert_eq!(pieces.len(), page::PIECES);
    assert!(
        pieces
            .iter()
            .all(|piece| piece.encode_utf16().count() <= page::PIECE)
    );
    assert_eq!(pieces.concat(), kept);
    assert_eq!(note, "text 1: cut to 100,000 of 150,001 characters");
}

#[test]
fn characters_that_were_never_read_count_in_the_note() {
    let board = board(&["title"]);
    let cell = Cell {
        text: Some("a".repeat(LONGEST_TEXT)),
        characters: Some(312_004),
    };
    let page = Row {
        key: "1".to_owned(),
        source_hash: uuid::Uuid::nil(),
        cells: vec![cell],
    }
    .page(&board);
    assert_eq!(page.note, "title 0: cut to 200,000 of 312,004 characters");
}

#[test]
fn longest_texts_give_way_to_the_size_of_a_request() {
    let board = board(&["title", "text", "text", "text"]);
    let texts = [
        "short".to_owned(),
        "ab".repeat(1000),
        "€".repeat(150_000),
        "漢".repeat(180_000),
    ];
    let page = page(&board, texts.iter().cloned().map(Some).collect());
    assert_eq!(page.values[0], Value::Title(texts[0].clone()));
    assert_eq!(page.values[1], Value::Text(texts[1].clone()));
    let (Value::Text(euros), Value::Text(signs)) = (&page.values[2], &page.values[3]) else {
        panic!("not texts")
    };
    assert!(
        euros.chars().count().abs_diff(signs.chars().count()) <= 1,
        "the two longest are cut to one length"
    );
    assert!(
        request(&board, &page) <= 500_000 && request(&board, &page) > 480_000,
        "{}",
        request(&board, &page)
    );
    assert_eq!(page.note.lines().count(), 2);
    assert!(
        page.note
            .ends_with("of 180,000, because one page carries at most 500 kB"),
        "{}",
        page.note
    );
}

#[test]
fn even_a_page_of_lists_and_links_fits_a_request() {
    let kinds: Vec<&str> = ["title", "text"]
        .into_iter()
        .chain(std::iter::repeat_n("relation", 150))
        .chain(std::iter::repeat_n("multi_select", 150))
        .chain(std::iter::repeat_n("url", 150))
        .collect();
    let board = board(&kinds);
    let list = |prefix: &str| {
        serde_json::to_string(
            &(0..100)
                .map(|item| format!("{prefix}{item}"))
                .collect::<Vec<_>>(),
        )
        .ok()
    };
    let cells = kinds
        .iter()
        .map(|kind| match *kind {
            "relation" => list(""),
            "multi_select" => list(&"漢".repeat(90)),
            "url" => Some(format!("https://example.org/{}", "漢".repeat(1900))),
            _ => Some("漢".repeat(200_000)),
        })
        .collect();
    let page = page(&board, cells);
    assert!(
        request(&board, &page) <= 500_000,
        "{}",
        request(&board, &page)
    );
    assert!(matches!(&page.values[1], Value::Text(text) if text.chars().count() > 10_000));
    assert!(
        page.note.encode_utf16().count() <= 2000 && page.note.contains("… and "),
        "{}",
        page.note
    );
}

/// Bytes of a create request, written here a second time to check the estimate.
fn request(board: &Dashboard, page: &DesiredPage) -> usize {
    let rich = |text: &str| -> serde_json::Value {
        page::pieces(text).map(|piece| serde_json::json!({"type": "text", "text": {"content": piece, "link": null}})).collect()
    };
    let mut properties = serde_json::Map::new();
    for (property, value) in board.data_properties().zip(&page.values) {
        let value = match value {
            Value::Title(text) => serde_json::json!({ "title": rich(text) }),
            Value::Text(text) => serde_json::json!({ "rich_text": rich(text) }),
            Value::MultiSelect(names) => serde_json::json!({
                "multi_select": names.iter().map(|name| serde_json::json!({"name": name})).collect::<Vec<_>>()
            }),
            Value::Relation(keys) => serde_json::json!({
                "relation": keys.iter().map(|_| serde_json::json!({"id": uuid::Uuid::nil()})).collect::<Vec<_>>()
            }),
            Value::Date(date) => serde_json::json!({
                "date": date.map(|date| serde_json::json!({"start": date, "end": null, "time_zone": null}))
            }),
            Value::Select(name) | Value::Status(name) => {
                serde_json::json!({ "select": name.as_ref().map(|name| serde_json::json!({"name": name})) })
            }
            Value::Rich(_) | Value::People(_) | Value::Files(_) => convert::write_value(value),
            Value::Body(_) => continue,
            other => serde_json::to_value(other).unwrap(),
        };
        properties.insert(property.name.clone(), value);
    }
    properties.insert(
        "Sync Note".to_owned(),
        serde_json::json!({ "rich_text": rich(&page.note) }),
    );
    properties.insert(
        "Claimboard Key".to_owned(),
        serde_json::json!({ "rich_text": rich(&page.key) }),
    );
    let body = serde_json::json!({
        "parent": {"type": "data_source_id", "data_source_id": uuid::Uuid::nil()},
        "properties": properties
    });
    body.to_string().len()
}

const KINDS: [&str; 19] = [
    "title",
    "text",
    "number",
    "select",
    "status",
    "multi_select",
    "date",
    "checkbox",
    "url",
    "email",
    "phone",
    "relation",
    "text",
    "markdown",
    "people",
    "files",
    "icon",
    "cover",
    "body",
];

fn cell() -> impl Strategy<Value = Option<String>> {
    let any = prop_oneof![
        any::<String>(),
        "[ -~]{0,60}",
        "(\\PC|[\\x00-\\x20]){0,300}",
        any::<f64>().prop_map(|number| number.to_string()),
        "[0-9]{1,40}(\\.[0-9]{0,20})?",
        "-?[0-9]{1,6}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?(\\+00)?)?( BC)?",
        proptest::collection::vec(any::<Option<String>>(), 0..150)
            .prop_map(|list| serde_json::to_string(&list).unwrap()),
        ("\\PC", 0usize..60_000).prop_map(|(text, times)| text.repeat(times)),
        "(https?|ftp|mailto|javascript)://?\\PC{0,40}",
        "\\PC{0,20}@\\PC{0,20}",
        "(\\PC{0,10}(\\*\\*|_|`|\\[x\\]\\(https://e.org\\)|\\n- )){0,60}",
        Just("🧾".to_owned()),
        Just("done".to_owned()),
    ];
    proptest::option::weighted(0.9, any)
}

/// The cell that reads as this value: what comes out must stay as it is when it comes in again.
fn back(value: &Value) -> Option<String> {
    let list = |list: &Vec<String>| serde_json::to_string(list).ok();
    match value {
        Value::Title(text) | Value::Text(text) | Value::Body(text) => Some(text.clone()),
        Value::People(list_of) | Value::Files(list_of) => list(list_of),
        Value::Number(number) => number.map(|number| number.to_string()),
        Value::Select(single)
        | Value::Status(single)
        | Value::Url(single)
        | Value::Email(single)
        | Value::Icon(single)
        | Value::Cover(single)
        | Value::Phone(single) => single.clone(),
        Value::MultiSelect(names) => list(names),
        Value::Relation(keys) => list(keys),
        // Marks are not written as markdown again.
        Value::Rich(_) | Value::Date(None) => None,
        Value::Date(Some(page::Date::Day(day))) => Some(day.to_string()),
        Value::Date(Some(page::Date::Minute(minute))) => {
            Some(minute.format("%Y-%m-%d %H:%M:%S+00").to_string())
        }
        Value::DateRange(start, end) => {
            let point = |date: &page::Date| back(&Value::Date(Some(*date)));
            serde_json::to_string(&[point(start), point(end)]).ok()
        }
        Value::Checkbox(ticked) => Some(ticked.to_string()),
    }
}

fn within_limits(value: &Value) -> bool {
    let units = |text: &str| text.encode_utf16().count();
    match value {
        Value::Title(text) | Value::Text(text) | Value::Body(text) => {
            !text.contains('\0')
                && page::pieces(text).count() <= 100
                && page::pieces(text).all(|piece| units(piece) <= 2000)
        }
        Value::Number(number) => number.is_none_or(|number| {
            number.is_finite() && !(number == 0.0 && number.is_sign_negative())
        }),
        Value::Select(name) => name.as_deref().is_none_or(is_option),
        Value::Status(name) => matches!(name.as_deref(), Some("To do" | "✅ Done")),
        Value::MultiSelect(names) => names.len() <= 100 && names.iter().all(|name| is_option(name)),
        Value::Date(_) | Value::Checkbox(_) => true,
        Value::DateRange(start, end) => start.at() < end.at() && start.is_day() == end.is_day(),
        Value::Rich(spans) => {
            let pieces = spans.iter().map(|span| page::pieces(&span.text).count());
            pieces.sum::<usize>() <= 100 && spans.iter().all(|span| !span.text.contains('\0'))
        }
        Value::People(list) | Value::Files(list) => {
            list.len() <= 100 && list.iter().all(|item| !item.is_empty())
        }
        Value::Url(url) | Value::Icon(url) | Value::Cover(url) => url
            .as_deref()
            .is_none_or(|url| (1..=2000).contains(&units(url))),
        Value::Email(single) | Value::Phone(single) => single
            .as_deref()
            .is_none_or(|single| (1..=200).contains(&units(single))),
        Value::Relation(keys) => keys.len() <= 100 && keys.iter().all(|key| !key.is_empty()),
    }
}

fn is_option(name: &str) -> bool {
    (1..=100).contains(&name.encode_utf16().count())
        && !name.contains(',')
        && name.trim() == name
        && !name.contains(char::is_control)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_row_becomes_a_valid_page_that_stays_as_it_is(cells in proptest::collection::vec(cell(), KINDS.len())) {
        let board = board(&KINDS);
        let page = page(&board, cells);
        for value in &page.values {
            prop_assert!(within_limits(value), "{value:?}");
        }
        prop_assert!(page.note.encode_utf16().count() <= 2000);
        prop_assert!(request(&board, &page) <= 500_000);

        let again = self::page(&board, page.values.iter().map(back).collect());
        let plain = |page: &DesiredPage| -> Vec<Value> {
            let values = page.values.iter().cloned();
            values.filter(|value| !matches!(value, Value::Rich(_))).collect()
        };
        prop_assert_eq!(plain(&again), plain(&page));
        prop_assert_eq!(again.note, "");

        let read_back: Vec<Value> = serde_json::from_str(&serde_json::to_string(&page.values).unwrap()).unwrap();
        for (value, read_back) in page.values.iter().zip(&read_back) {
            prop_assert_eq!(value.fingerprint(), read_back.fingerprint());
        }
    }

    #[test]
    fn shrinking_is_done_once(texts in proptest::collection::vec(("\\PC", 0usize..100_000), 1..6)) {
        let board = board(&["title", "text", "text", "text", "text", "text"]);
        let properties: Vec<&Property> = board.data_properties().take(texts.len()).collect();
        let mut values: Vec<Value> = texts.iter().map(|(text, times)| Value::Text(text.repeat(*times))).collect();
        let mut notes = Vec::new();
        size::shrink("1", &properties, &mut values, &mut notes);
        let (once, noted) = (values.clone(), notes.len());
        size::shrink("1", &properties, &mut values, &mut notes);
        prop_assert_eq!(once, values);
        prop_assert_eq!(noted, notes.len());
    }
}
