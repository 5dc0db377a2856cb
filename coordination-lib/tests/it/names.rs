//! The library's grammar of resources and the database's are one.

use coordination::Resource;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sqlx::PgPool;

use crate::database;

/// Characters at which names could go wrong, and a few at which nothing should.
fn spelling() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-c]{1,3}",
        2 => Just("/".to_owned()),
        1 => prop::sample::select(vec![
            "*", "?", "[", "]", "{", "}", "\\", "\\*", "\\[", "\\\\", "**", "/*", "..", ".", "./", "//", ":", "a:", " ", "\u{301}", "é", "e\u{301}",
            "\u{7f}", "\u{80}", "\t", "\u{D7FF}", "\u{E000}", "\u{10FFFF}", "~", "0", "\u{1F600}", "%", "'", "\u{2028}", "\u{FEFF}",
        ]).prop_map(str::to_owned),
    ];
    prop_oneof![
        3 => prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat()),
        // Any characters at all, but the one that no text in Postgres can have.
        1 => prop::collection::vec(prop::char::any(), 0..12)
            .prop_map(|characters| characters.into_iter().filter(|character| *character != '\0').collect()),
    ]
}

type Row = (String, Option<String>, Option<String>, bool, bool);

async fn asked(pool: &PgPool, spelling: &str) -> Option<Row> {
    match sqlx::query_as(
        "SELECT r.name, lower(r.span), upper(r.span), upper_inc(r.span), r.widened FROM coordination.parse_resource($1) r",
    )
    .bind(spelling)
    .fetch_one(pool)
    .await
    .map_err(coordination::Error::from)
    {
        Ok(row) => Some(row),
        Err(error) => {
            assert_eq!(error.refusal(), Some(coordination::Refusal::BadResource), "{spelling:?}: {error}");
            None
        }
    }
}

fn computed(spelling: &str) -> Option<Row> {
    let resource = Resource::parse(spelling).ok()?;
    let (lower, upper) = resource.span().bounds();
    let is_point = matches!(resource.span(), coordination::Span::Point(_));
    Some((
        resource.name().to_owned(),
        lower,
        upper,
        is_point,
        resource.widened(),
    ))
}

#[test]
fn both_parsers_agree() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let pool = runtime.block_on(database::migrated(2));
    let mut runner = TestRunner::new(Config {
        cases: 4000,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&spelling(), |spelling| {
            prop_assert_eq!(
                runtime.block_on(asked(&pool, &spelling)),
                computed(&spelling),
                "{:?}",
                spelling
            );
            Ok(())
        })
        .unwrap();
    for spelling in [
        "x".repeat(1024),
        "x".repeat(1025),
        format!("{}/", "x".repeat(1023)),
        format!("{}*", "é".repeat(511)),
    ] {
        assert_eq!(
            runtime.block_on(asked(&pool, &spelling)),
            computed(&spelling),
            "{} bytes",
            spelling.len()
        );
    }
}
