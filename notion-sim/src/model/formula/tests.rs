use chrono::{DateTime, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Computed, Context, Formula};
use crate::model::schema::{Kind, Property};

fn properties() -> Vec<Property> {
    let property = |id: &str, name: &str, kind| Property {
        id: id.to_owned(),
        name: name.to_owned(),
        description: None,
        kind,
    };
    vec![
        property("title", "Name", Kind::Title),
        property(
            "N;%1",
            "Amount",
            Kind::Number {
                format: "number".to_owned(),
            },
        ),
        property("when", "When", Kind::Date),
        property("done", "Done", Kind::Checkbox),
    ]
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn compile(written: &str) -> Result<Formula, String> {
    Formula::compile(written, &properties(), Uuid::nil(), Uuid::nil())
}

fn compute(written: &str) -> String {
    let formula = compile(written).unwrap_or_else(|problem| panic!("{written}: {problem}"));
    let property = |named: &str| match named {
        "Name" | "title" => Computed::Text("Ada".to_owned()),
        "Amount" | "N%3B%251" => Computed::Number(7.0),
        "When" | "when" => Computed::Date {
            start: at("2026-11-21T09:57:00Z"),
            end: None,
            day: false,
        },
        _ => Computed::Boolean(true),
    };
    formula
        .compute(&Context {
            now: at("2026-11-21T10:00:40Z"),
            property: &property,
        })
        .text()
}

#[test]
fn formulas_are_computed() {
    let cases = [
        ("1 + 2 * 3 ^ 2 ^ 0", "7"),
        ("-2 + 10 % 4", "0"),
        ("(1 + 2) * 3 == 9 and not false", "true"),
        ("1 / 0", ""),
        ("prop(\"Amount\") > 5 ? \"much\" : \"little\"", "much"),
        (
            "format(dateBetween(now(), prop(\"When\"), \"minutes\")) + \"m ago\"",
            "3m ago",
        ),
        ("dateBetween(prop(\"When\"), now(), \"minutes\")", "-3"),
        (
            "ifs(prop(\"Amount\") < 1, \"a\", prop(\"Done\"), \"b\", \"c\")",
            "b",
        ),
        (
            "prop(\"Name\").lower() + \" \" + prop(\"Amount\").format()",
            "ada 7",
        ),
        (
            "formatDate(dateAdd(prop(\"When\"), 1, \"months\"), \"D MMM YYYY [at] HH:mm\")",
            "21 Dec 2026 at 09:57",
        ),
        ("let(x, prop(\"Amount\"), x * x)", "49"),
        ("[3, 1, 2].first() + max(4, 9)", "12"),
        ("join(split(\"a-b\", \"-\"), \"+\")", "a+b"),
        ("empty(\"\") && !empty(prop(\"Name\"))", "true"),
        ("round(2.345, 2)", "2.35"),
        ("/* nothing */ substring(\"héllo\", 1, 3)", "él"),
        ("\"say \\\"hi\\\"\"", "say \"hi\""),
    ];
    for (written, expected) in cases {
        assert_eq!(compute(written), expected, "{written}");
    }
}

#[test]
fn what_cannot_be_computed_is_refused() {
    let cases = [
        ("prop(\"Nope\")", "undefined property \"Nope\""),
        ("fly(1)", "undefined function fly"),
        (
            "now() * 2",
            "an arithmetic operator expects number, found date",
        ),
        (
            "dateBetween(\"a\", now(), \"days\")",
            "dateBetween() expects date, found text",
        ),
        (
            "dateBetween(now(), now(), \"fortnights\")",
            "\"fortnights\" is not a unit of time; use one of years, quarters, months, weeks, days, hours, minutes",
        ),
        ("if(true, 1)", "if() does not take 2 arguments"),
        ("1 +", "unexpected end"),
        ("\"open", "a text is not closed by a quote"),
        ("x", "undefined variable x"),
        ("1 2", "unexpected 2 after the expression"),
        ("", "unexpected end"),
    ];
    for (written, expected) in cases {
        assert_eq!(
            compile(written).err().as_deref(),
            Some(expected),
            "{written}"
        );
    }
    assert!(
        compile(&"(".repeat(5_000)).is_err(),
        "deep nesting is refused, not followed"
    );
}

#[test]
fn the_stored_form_names_properties_by_id_and_means_the_same() {
    let formula =
        compile("prop( \"Amount\" ) * 2 + length(\"prop(\\\"Amount\\\")\")").expect("a formula");
    let nil = Uuid::nil();
    assert_eq!(
        formula.text(),
        format!(
            "{{{{notion:block_property:N%3B%251:{nil}:{nil}}}}} * 2 + length(\"prop(\\\"Amount\\\")\")"
        )
    );
    assert_eq!(compute(formula.text()), "28");
    let json = serde_json::to_string(&formula).expect("plain data");
    let read: Formula = serde_json::from_str(&json).expect("what was written");
    assert_eq!(read.text(), formula.text());
}

proptest! {
    #[test]
    fn anything_is_a_formula_or_refused(written in "[-a-zA-Z0-9\"()\\[\\]{}+*/^.,:;?!=<>&|% é]{0,60}") {
        if compile(&written).is_ok() {
            compute(&written);
        }
    }
}
