//! Rows that Notion would not take: each ends in a valid page with a note, or among the errors with a cure.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::stage::{Stage, eventually, text};

/// Six hundred rows, every tenth of which breaks one of Notion's limits, another one each time.
const TABLE: &str = r#"
CREATE TABLE item (
    id int PRIMARY KEY, name text, note text, number float8, day timestamptz, kind text, tags text[], link text,
    mail text, phone text, more jsonb
);
INSERT INTO item SELECT n, 'Item ' || n, 'fine', n, timestamptz '2026-01-01' + n * interval '1 hour', 'Kind ' || n % 7,
    ARRAY['a', 'b'], 'https://example.org/' || n, n || '@example.org', '+41 44 ' || n, '{"a": 1}'
FROM generate_series(1, 600) n;
UPDATE item SET name = repeat('long ', 50000) WHERE id % 100 = 10;
UPDATE item SET note = repeat('🛰️', 120000) WHERE id % 100 = 20;
UPDATE item SET number = 'NaN' WHERE id % 200 = 30;
UPDATE item SET number = '-Infinity' WHERE id % 200 = 130;
UPDATE item SET day = '10000-01-01' WHERE id % 200 = 40;
UPDATE item SET day = 'infinity' WHERE id % 200 = 140;
UPDATE item SET kind = 'One, two, ' || repeat('x', 150) WHERE id % 100 = 50;
UPDATE item SET tags = (SELECT array_agg('tag ' || t) FROM generate_series(1, 150) t) WHERE id % 100 = 60;
UPDATE item SET link = 'javascript:' || repeat('y', 3000) WHERE id % 100 = 70;
UPDATE item SET mail = repeat('m', 300) || '@example.org' WHERE id % 200 = 80;
UPDATE item SET phone = repeat('1', 400) WHERE id % 200 = 180;
UPDATE item SET name = E'\x01 control' || chr(8238) || chr(1114111) WHERE id % 100 = 0;
UPDATE item SET note = '{"lone": "\\ud83d"}' WHERE id % 100 = 90;
"#;

const ITEMS: &str = r#"
name = "Items"
source = "item"
key = "id"
cadence = "1s"
[[property]]
name = "Name"
type = "title"
column = "name"
[[property]]
name = "Note"
type = "text"
column = "note"
[[property]]
name = "Number"
type = "number"
column = "number"
[[property]]
name = "Day"
type = "date"
column = "day"
[[property]]
name = "Kind"
type = "select"
column = "kind"
[[property]]
name = "Tags"
type = "multi_select"
column = "tags"
[[property]]
name = "Link"
type = "url"
column = "link"
[[property]]
name = "Mail"
type = "email"
column = "mail"
[[property]]
name = "Phone"
type = "phone"
column = "phone"
"#;

/// Every page of a dashboard.
async fn all_pages(stage: &Stage, dashboard: &str) -> Vec<Value> {
    let source: sqlx::types::Uuid =
        sqlx::query_scalar("SELECT data_source_id FROM sync.dashboards WHERE name = $1")
            .bind(dashboard)
            .fetch_one(&stage.pool)
            .await
            .expect("set up");
    let (mut pages, mut body) = (Vec::new(), json!({}));
    loop {
        let path = format!("v1/data_sources/{source}/query");
        let answer = stage.notion_request("POST", &path, body.clone()).await;
        pages.extend(answer["results"].as_array().expect("pages").iter().cloned());
        match answer["next_cursor"].as_str() {
            Some(cursor) => body["start_cursor"] = json!(cursor),
            None => return pages,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tenth_row_breaks_a_limit_and_every_row_has_its_page() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let report = stage.once().await;
    assert_eq!(
        (&report["written"], &report["problems"]),
        (&json!(600), &json!(0))
    );
    stage.assert_clean().await;
    let silent = |id: u32| matches!(id % 100, 0 | 90);
    let mut wrong = String::new();
    for page in all_pages(&stage, "Items").await {
        let id: u32 = text(&page, "Claimboard Key").parse().expect("a number");
        let note = text(&page, "Sync Note");
        let broken = id.is_multiple_of(10) && !silent(id);
        if note.is_empty() == broken {
            writeln!(wrong, "{id}: {note:?}").expect("text");
        }
    }
    assert_eq!(
        wrong, "",
        "a note stands exactly where something had to give"
    );
    assert_eq!(stage.once().await["written"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_change_or_meet_and_options_without_end() {
    let stage = Stage::set(
        "CREATE TABLE part (code text, name text, kind text);
         INSERT INTO part SELECT 'P' || n, 'Part ' || n, 'Kind ' || n FROM generate_series(1, 400) n;",
        &[(
            "parts.toml",
            "name = \"Parts\"\nsource = \"part\"\nkey = \"code\"\ncadence = \"1s\"\n\
             [[property]]\nname = \"Name\"\ntype = \"title\"\ncolumn = \"name\"\n\
             [[property]]\nname = \"Kind\"\ntype = \"select\"\ncolumn = \"kind\"\n",
        )],
    )
    .await;
    stage.once().await;
    stage.assert_clean().await;

    stage
        .execute("UPDATE part SET code = 'Q1' WHERE code = 'P1'; INSERT INTO part VALUES ('P2', 'Another', NULL), (NULL, 'None', NULL)")
        .await;
    let said = stage.daemon(&["once", "--json"]).await;
    assert_eq!(said.code, 3, "{said:?}");
    let errors = stage.daemon(&["errors"]).await;
    assert!(
        errors
            .stdout
            .contains("2 rows have the key \"P2\"; name a key that is unique")
            && errors.stdout.contains("a row has no key"),
        "{errors:?}"
    );
    let pages = all_pages(&stage, "Parts").await;
    let keys: Vec<String> = pages
        .iter()
        .map(|page| text(page, "Claimboard Key"))
        .collect();
    assert_eq!(keys.len(), 400, "the page of P2 stays as it was");
    assert!(keys.contains(&"Q1".to_owned()) && !keys.contains(&"P1".to_owned()));
    assert!(keys.contains(&"P2".to_owned()));

    stage
        .execute("DELETE FROM part WHERE name IN ('Another', 'None')")
        .await;
    stage.once().await;
    stage.assert_clean().await;
    assert_eq!(stage.daemon(&["errors"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_errs_half_way_stands_still_alone_and_loses_no_page() {
    let view = "name = \"Rates\"\nsource = \"rate\"\nkey = \"id\"\ncadence = \"1s\"\n\
                [[property]]\nname = \"Rate\"\ntype = \"title\"\ncolumn = \"rate\"\n";
    let good = view
        .replace("Rates", "Goods")
        .replace("\"rate\"\nkey", "\"good\"\nkey");
    let stage = Stage::set(
        "CREATE TABLE good (id int PRIMARY KEY, rate int);
         INSERT INTO good SELECT n, n FROM generate_series(1, 40) n;
         CREATE VIEW rate AS SELECT id, (100 / rate)::text AS rate FROM good;",
        &[("rates.toml", view), ("goods.toml", &good)],
    )
    .await;
    stage.once().await;
    let _daemon = stage.run();
    stage
        .execute("UPDATE good SET rate = 0 WHERE id = 33; INSERT INTO good VALUES (41, 41)")
        .await;
    eventually(
        "the other board goes on, and this one says why it does not",
        async || {
            let status = stage.daemon(&["status"]).await;
            stage.pages("Goods").await.len() == 41 && status.stdout.contains("division by zero")
        },
    )
    .await;
    assert_eq!(
        stage.pages("Rates").await.len(),
        40,
        "no page of it is lost"
    );
    stage
        .execute("UPDATE good SET rate = 50 WHERE id = 33")
        .await;
    stage
        .await_clean_for(std::time::Duration::from_secs(150))
        .await;
}
