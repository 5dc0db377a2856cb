//! Every type of Postgres, as it is and at its edges: the table of `schemas/README.md`, held on a real database.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use sqlx::PgPool;
use sync_daemon::dashboard::Dashboards;
use sync_daemon::init::{Wanted, init};
use sync_daemon::page::Value;

use crate::database::database;
use crate::source::{board, checked, dashboard, read, run};

/// A column, its type, what it becomes, an ordinary value, and one at the edge.
const ZOO: [(&str, &str, &str, &str, &str); 62] = [
    ("a_smallint", "smallint", "number", "7", "-32768"),
    ("a_integer", "integer", "number", "7", "2147483647"),
    ("a_bigint", "bigint", "number", "7", "9223372036854775807"),
    (
        "a_identity",
        "integer generated always as identity",
        "number",
        "default",
        "default",
    ),
    (
        "a_generated",
        "integer generated always as (1 + 1) stored",
        "number",
        "default",
        "default",
    ),
    ("a_numeric", "numeric(10,2)", "number", "1.5", "'NaN'"),
    ("a_wide_numeric", "numeric", "number", "0.1", "1e400"),
    (
        "a_endless_numeric",
        "numeric",
        "text",
        "12345678901234567890.123",
        "'-Infinity'",
    ),
    ("a_real", "real", "number", "0.1", "'Infinity'"),
    ("a_double", "double precision", "number", "0.1", "1e308"),
    (
        "a_money",
        "money",
        "number",
        "'$1,234.50'",
        "'-92233720368547758.08'",
    ),
    ("a_oid", "oid", "number", "7", "4294967295"),
    ("a_boolean", "boolean", "checkbox", "true", "false"),
    ("a_text", "text", "text", "'words'", "''"),
    (
        "a_varchar",
        "varchar(10)",
        "text",
        "'words'",
        "'          '",
    ),
    ("a_char", "char(5)", "text", "'ab'", "'     '"),
    ("a_one_char", "\"char\"", "text", "'a'", "''"),
    ("a_name", "name", "text", "'words'", "''"),
    (
        "a_bytea",
        "bytea",
        "text",
        "'\\xdeadbeef'",
        "decode(repeat('ab', 1500), 'hex')",
    ),
    ("a_date", "date", "date", "'2026-07-01'", "'infinity'"),
    (
        "a_bc_date",
        "date",
        "date",
        "'0001-01-01'",
        "'4713-01-01 BC'",
    ),
    (
        "a_timestamp",
        "timestamp",
        "date",
        "'2026-07-01 12:34:56.789'",
        "'-infinity'",
    ),
    (
        "a_timestamptz",
        "timestamptz",
        "date",
        "'2026-07-01 12:34:56+02'",
        "'294276-01-01 00:00+00'",
    ),
    ("a_time", "time", "text", "'12:34:56'", "'24:00:00'"),
    (
        "a_timetz",
        "timetz",
        "text",
        "'12:34:56+02'",
        "'24:00:00-1559'",
    ),
    (
        "a_interval",
        "interval",
        "text",
        "'1 day 02:03:04'",
        "'-178000000 years'",
    ),
    ("a_enum", "mood", "select", "'so so'", "'fine, thanks'"),
    ("a_enums", "mood[]", "multi_select", "'{so so}'", "'{}'"),
    ("a_domain", "share", "number", "50", "100"),
    ("a_domain_of_domain", "half_share", "number", "50", "0"),
    ("a_composite", "pair", "text", "'(1,two)'", "'(,)'"),
    (
        "a_composites",
        "pair[]",
        "text",
        "'{\"(1,two)\"}'",
        "'{NULL}'",
    ),
    (
        "a_texts",
        "text[]",
        "multi_select",
        "'{a,b}'",
        "'{NULL,\"\",\"x,y\"}'",
    ),
    (
        "a_matrix",
        "int[][]",
        "text",
        "'{{1,2},{3,4}}'",
        "'[5:5]={1}'",
    ),
    (
        "a_times",
        "timestamptz[]",
        "text",
        "'{2026-07-01 12:00+00}'",
        "'{infinity}'",
    ),
    ("a_json", "json", "text", "'{\"a\": 1}'", "'null'"),
    (
        "a_jsonb",
        "jsonb",
        "text",
        "'{\"a\": 1}'",
        "'\"\\ud83d\\ude00\"'",
    ),
    (
        "a_jsonb_list",
        "jsonb",
        "multi_select",
        "'[\"a\", 1]'",
        "'{\"a\": {}}'",
    ),
    ("a_jsonpath", "jsonpath", "text", "'$.a'", "'$'"),
    ("a_xml", "xml", "text", "'<a>b</a>'", "''"),
    (
        "a_uuid",
        "uuid",
        "text",
        "'5f0c1a52-0000-4000-8000-000000000001'",
        "'00000000-0000-0000-0000-000000000000'",
    ),
    ("a_int4range", "int4range", "text", "'[1,5)'", "'empty'"),
    (
        "a_daterange",
        "daterange",
        "date",
        "'[2026-07-01,2026-07-03]'",
        "'(,)'",
    ),
    (
        "a_tsrange",
        "tsrange",
        "date",
        "'[2026-07-01 10:00,2026-07-01 12:00)'",
        "'[2026-07-01 10:00,infinity]'",
    ),
    (
        "a_tstzrange",
        "tstzrange",
        "date",
        "'[2026-07-01 10:00+00,)'",
        "'empty'",
    ),
    ("a_numrange", "numrange", "text", "'[1.5,NaN]'", "'(,)'"),
    (
        "a_multirange",
        "datemultirange",
        "text",
        "'{[2026-07-01,2026-07-03]}'",
        "'{}'",
    ),
    ("a_inet", "inet", "text", "'10.0.0.1/8'", "'::1'"),
    ("a_cidr", "cidr", "text", "'10.0.0.0/8'", "'::/0'"),
    (
        "a_macaddr",
        "macaddr",
        "text",
        "'08:00:2b:01:02:03'",
        "'ff:ff:ff:ff:ff:ff'",
    ),
    (
        "a_macaddr8",
        "macaddr8",
        "text",
        "'08:00:2b:01:02:03:04:05'",
        "'ff:ff:ff:ff:ff:ff:ff:ff'",
    ),
    ("a_bit", "bit(4)", "text", "B'1010'", "B'0000'"),
    ("a_varbit", "bit varying", "text", "B'1'", "B''"),
    ("a_tsvector", "tsvector", "text", "'a:1 b:2'", "''"),
    ("a_tsquery", "tsquery", "text", "'a & b'", "''"),
    ("a_point", "point", "text", "'(1,2)'", "'(NaN,Infinity)'"),
    (
        "a_box",
        "box",
        "text",
        "'(1,1),(0,0)'",
        "'(Infinity,0),(0,0)'",
    ),
    (
        "a_polygon",
        "polygon",
        "text",
        "'((0,0),(1,1))'",
        "'((0,0))'",
    ),
    (
        "a_circle",
        "circle",
        "text",
        "'<(0,0),1>'",
        "'<(0,0),Infinity>'",
    ),
    ("a_pg_lsn", "pg_lsn", "text", "'16/B374D848'", "'0/0'"),
    ("a_regclass", "regclass", "text", "'pg_class'", "'0'"),
    (
        "a_snapshot",
        "pg_snapshot",
        "text",
        "'10:20:10,14'",
        "'1:1:'",
    ),
];

const TYPES: &str = "create type mood as enum ('so so', 'fine, thanks');
    create domain share as numeric check (value between 0 and 100);
    create domain half_share as share;
    create type pair as (a int, b text);";

/// A table with a column of each, and three rows: ordinary values, those at the edge, and none.
fn zoo(key: &str) -> String {
    let mut columns = String::new();
    let (mut plain, mut edge) = (String::new(), String::new());
    for (column, sql_type, _, value, edge_value) in ZOO {
        write!(columns, ", {column} {sql_type}").unwrap();
        write!(plain, ", {value}").unwrap();
        write!(edge, ", {edge_value}").unwrap();
    }
    format!(
        "create table zoo (id {key} primary key{columns});
         insert into zoo values (default{plain}), (default{edge}); insert into zoo default values"
    )
}

#[tokio::test]
async fn every_type_becomes_what_the_table_says() {
    let database = database(TYPES).await;
    let mut properties = String::new();
    for (column, _, kind, ..) in ZOO {
        write!(
            properties,
            "[[property]]\nname = '{column}'\ntype = '{kind}'\ncolumn = '{column}'\n"
        )
        .unwrap();
    }
    run(&database.pool, &zoo("int generated always as identity")).await;
    let dashboards = dashboard("source = 'zoo'\nkey = 'id'", "id", &properties);
    assert_eq!(
        checked(&database.pool, &dashboards).await,
        "fits; absent: []"
    );
    let (_, pages) = read(&database.pool, board(&dashboards)).await;
    let mut shown = String::new();
    let of = |page: usize, at: usize| {
        let value = serde_json::to_string(&pages[page].values[at + 1]).unwrap();
        value.chars().take(90).collect::<String>()
    };
    for (at, (_, sql_type, ..)) in ZOO.iter().enumerate() {
        writeln!(
            shown,
            "{sql_type}: {} | {} | {}",
            of(0, at),
            of(1, at),
            of(2, at)
        )
        .unwrap();
    }
    for page in &pages {
        writeln!(shown, "-- {}", page.note.replace('\n', "\n-- ")).unwrap();
    }
    insta::assert_snapshot!(shown);
}

/// The first kind of each type in the table of `schemas/README.md`, by the words that stand for the type there.
fn kinds_of_the_table() -> HashMap<String, &'static str> {
    let text = include_str!("../../../schemas/README.md");
    let (_, section) = text.split_once("### Every type of Postgres").unwrap();
    let (section, _) = section.split_once("\n### ").unwrap();
    let lines = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let mut kinds = HashMap::new();
    for line in lines {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [types, kind, _] = cells[..] else {
            panic!("three cells: {line}")
        };
        let kind = kind.split(['`', ';']).find(|part| !part.trim().is_empty());
        for name in types.split(", ").flat_map(|names| match names {
            "identity and generated columns" | "arrays of text and of enums" => vec![names],
            names => names.split(" and ").collect(),
        }) {
            let known = kinds.insert(name.replace('`', ""), kind.unwrap().trim());
            assert_eq!(known, None, "{name} stands in one line");
        }
    }
    kinds
}

/// The words of that table which stand for a type of the zoo.
fn words_for(sql_type: &'static str) -> &'static str {
    match sql_type {
        generated if generated.contains(" generated ") => "identity and generated columns",
        "mood" => "enums",
        "mood[]" | "text[]" => "arrays of text and of enums",
        array if array.ends_with("[]") => "other arrays",
        "pair" => "composite types",
        "bit varying" => "varbit",
        "\"char\"" => "char",
        "int4range" | "numrange" => "other ranges",
        "datemultirange" => "multiranges",
        "point" | "box" | "polygon" | "circle" => "geometric",
        "regclass" => "registry types",
        plain => plain.split('(').next().unwrap_or_default(),
    }
}

/// The words of that table for what `init` writes as a comment.
const LEFT_OUT: &str = "left out by";

/// What a file of `init` makes of each column.
fn chosen(file: &str) -> HashMap<&str, &str> {
    let sections = file.split("[[property]]\n").skip(1);
    sections
        .filter_map(|section| {
            let of = |key: &str| {
                let mut lines = section.lines().map(|line| line.trim_start_matches("# "));
                let value = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
                value.map(|value| value.trim_matches('"'))
            };
            let kind = if section.starts_with('#') {
                LEFT_OUT
            } else {
                of("type")?
            };
            Some((of("column")?, kind))
        })
        .collect()
}

#[tokio::test]
async fn init_chooses_the_first_kind_of_the_table() {
    let database = database(TYPES).await;
    run(&database.pool, &zoo("uuid default gen_random_uuid()")).await;
    // What the board is called by, so that no column of the zoo is.
    run(&database.pool, "alter table zoo add title text").await;
    let extensions = extensions(&database.pool).await;
    for extension in &extensions {
        let column = format!("alter table zoo add a_{extension} {extension}");
        run(&database.pool, &column).await;
    }
    let wanted = Wanted {
        targets: vec!["zoo".to_owned()],
        ..Wanted::default()
    };
    let mut connection = database.pool.acquire().await.unwrap();
    let outcome = init(&mut connection, &wanted, &[]).await.unwrap();
    let chosen = chosen(&outcome.drafts[0].text);

    let mut table = kinds_of_the_table();
    assert_eq!(table.remove("domains"), Some("as the type below"));
    let mut spoken_of = HashSet::new();
    for (column, sql_type, ..) in ZOO {
        let kind = match sql_type {
            // Domains over numeric.
            "share" | "half_share" => table["numeric"],
            "pg_snapshot" => "text",
            sql_type => {
                let words = words_for(sql_type);
                spoken_of.insert(words);
                table.get(words).copied().unwrap_or("no line of the table")
            }
        };
        assert_eq!(chosen[column], kind, "{sql_type}");
    }
    for extension in ["citext", "hstore"] {
        let column = format!("a_{extension}");
        if let Some(kind) = chosen.get(column.as_str()) {
            assert_eq!(*kind, table[extension], "{extension}");
        }
        assert_eq!(
            chosen.contains_key(column.as_str()),
            extensions.iter().any(|one| one == extension)
        );
        table.remove(extension);
    }
    assert_eq!(table.remove("uuid as the key"), Some(chosen["id"]));
    table.retain(|words, _| !spoken_of.contains(words.as_str()));
    assert!(table.is_empty(), "in the table and not tried: {table:?}");
    let unknown = "no rule knows the type pg_snapshot; its columns are shown as text";
    assert_eq!(outcome.remarks, [unknown]);
}

/// The extensions with types of their own that this server can have, made in this database.
async fn extensions(pool: &PgPool) -> Vec<String> {
    for extension in ["citext", "hstore"] {
        run(
            pool,
            &format!(
                "do $$ begin create extension {extension};
                 exception when undefined_file or feature_not_supported then null; end $$"
            ),
        )
        .await;
    }
    sqlx::query_scalar(
        "select extname::text from pg_extension where extname in ('citext', 'hstore') order by 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn types_of_extensions_are_text() {
    let database = database("create table few (id int primary key)").await;
    for extension in extensions(&database.pool).await {
        run(
            &database.pool,
            &format!(
                "create table of_{extension} (id {extension}, v {extension}); insert into of_{extension} values ('a=>1', 'b=>NULL'), ('c=>2', null)"
            ),
        )
        .await;
        let dashboards = dashboard(&format!("source = 'of_{extension}'\nkey = 'id'"), "v", "");
        let (_, pages) = read(&database.pool, board(&dashboards)).await;
        let shown: Vec<_> = pages
            .iter()
            .map(|page| (page.key.as_str(), page.values.clone()))
            .collect();
        let title = |text: &str| vec![Value::Title(text.to_owned())];
        let wanted = match extension.as_str() {
            "citext" => [("a=>1", title("b=>NULL")), ("c=>2", title(""))],
            _ => [
                ("\"a\"=>\"1\"", title("\"b\"=>NULL")),
                ("\"c\"=>\"2\"", title("")),
            ],
        };
        assert_eq!(shown, wanted, "{extension}");
    }
}

#[tokio::test]
async fn a_key_can_be_of_any_type() {
    let database = database(TYPES).await;
    for (column, sql_type, _, value, edge) in ZOO {
        if value == "default" {
            continue;
        }
        run(
            &database.pool,
            &format!("create table {column} (id {sql_type}, n int); insert into {column} values ({value}, 1), ({edge}, 2), (null, 3)"),
        )
        .await;
        let dashboards = dashboard(&format!("source = '{column}'\nkey = 'id'"), "n", "");
        assert_eq!(
            checked(&database.pool, &dashboards).await,
            "fits; absent: []",
            "{sql_type}"
        );
        let (hashes, _) = read(&database.pool, board(&dashboards)).await;
        assert_eq!(
            hashes.rows.len() + hashes.errors.len(),
            3,
            "{sql_type}: {hashes:?}"
        );
    }
}

#[tokio::test]
async fn templates_ranges_rounding_and_joins_are_read_from_several_columns() {
    let database = database(
        "create table people (org int, no int, first text, last text, begins date, ends timestamptz, beat timestamptz, load float8,
             boss_org int, boss_no int, primary key (org, no));
           create table knows (a_org int, a_no int, b_org int, b_no int);
           insert into people values
             (1, 1, 'Ada', null, '2026-07-01', '2026-07-02 12:30+00', '2026-07-01 12:34:56+00', 0.3141, null, null),
             (1, 2, 'Bob''s \\', '{x}', '2026-07-03', '2026-07-01 00:00+00', 'infinity', 'NaN', 1, 1),
             (1, 3, null, null, null, '2026-07-01 00:00+00', '0001-01-01 00:00+00 BC', '-Infinity', 1, null);
           insert into knows values (1, 1, 1, 3), (1, 1, 1, 2), (1, 2, 1, 1), (1, 2, null, 1)",
    )
    .await;
    let dashboards = dashboard(
        "source = 'people'\nkey = ['org', 'no']",
        "no",
        r"
[[property]]
name = 'Name'
type = 'text'
template = '{{{first}}} \ {last} (s)'
[[property]]
name = 'Time'
type = 'date'
column = 'begins'
end = 'ends'
[[property]]
name = 'Beat'
type = 'date'
column = 'beat'
round = '5m'
[[property]]
name = 'Load'
type = 'number'
column = 'load'
round = 0.05
[[property]]
name = 'Boss'
type = 'relation'
to = 'Board'
column = ['boss_org', 'boss_no']
[[property]]
name = 'Knows'
type = 'relation'
to = 'Board'
through = 'public.knows'
from = ['a_org', 'a_no']
column = ['b_org', 'b_no']
",
    );
    assert_eq!(
        checked(&database.pool, &dashboards).await,
        "fits; absent: []"
    );
    insta::assert_snapshot!(shown(&database.pool, &dashboards).await, @r#"
    [{"text":"{Ada} \\  (s)"},{"date_range":[{"minute":"2026-07-01T00:00:00Z"},{"minute":"2026-07-02T12:30:00Z"}]},{"date":{"minute":"2026-07-01T12:30:00Z"}},{"number":0.3},{"relation":[]},{"relation":["[\"1\",\"2\"]","[\"1\",\"3\"]"]}]
    [{"text":"{Bob's \\} \\ {x} (s)"},{"date":{"day":"2026-07-03"}},{"date":null},{"number":null},{"relation":["[\"1\",\"1\"]"]},{"relation":["[\"1\",\"1\"]"]}]
    [{"text":""},{"date":{"minute":"2026-07-01T00:00:00Z"}},{"date":null},{"number":null},{"relation":[]},{"relation":[]}]
    "#);
}

/// The values of every page beside its title, a page a line.
async fn shown(pool: &PgPool, dashboards: &Dashboards) -> String {
    let (_, pages) = read(pool, board(dashboards)).await;
    let lines: Vec<_> = pages
        .iter()
        .map(|page| serde_json::to_string(&page.values[1..]).unwrap())
        .collect();
    lines.join("\n")
}

#[tokio::test]
async fn options_are_found_by_what_columns_of_any_type_hold() {
    let database = database(
        "create type state as enum ('new', 'done');
         create table probes (id int primary key, load numeric, heat real, ok boolean, state state, marks int[], price money);
         insert into probes values (1, 80.0, 19.5, true, 'done', '{3,90}', 1500), (2, 'NaN', 'Infinity', false, 'new', '{}', 5),
                                   (3, null, null, null, null, null, null)",
    )
    .await;
    let bands = "options = [{ from = 80, name = 'High' }, { from = 0, name = 'Low' }, { null = true, name = 'None' }, { other = true, name = 'Odd' }]";
    let mut properties = String::new();
    for (column, kind, options) in [
        ("load", "select", bands),
        ("heat", "status", bands),
        (
            "ok",
            "select",
            "options = [{ value = 'true', name = 'Yes' }, { other = true, name = 'No' }]",
        ),
        (
            "state",
            "status",
            "options = [{ value = 'new', name = 'New' }, { value = 'done', name = 'Done' }]",
        ),
        ("marks", "multi_select", bands),
        ("price", "select", bands),
    ] {
        writeln!(
            properties,
            "[[property]]\nname = '{column}'\ntype = '{kind}'\ncolumn = '{column}'\n{options}"
        )
        .unwrap();
    }
    let dashboards = dashboard("source = 'probes'\nkey = 'id'", "id", &properties);
    insta::assert_snapshot!(shown(&database.pool, &dashboards).await, @r#"
    [{"select":"High"},{"status":"Low"},{"select":"Yes"},{"status":"Done"},{"multi_select":["Low","High"]},{"select":"High"}]
    [{"select":"Odd"},{"status":"High"},{"select":"No"},{"status":"New"},{"multi_select":["None"]},{"select":"Low"}]
    [{"select":"None"},{"status":"None"},{"select":null},{"status":"New"},{"multi_select":["None"]},{"select":"None"}]
    "#);
}

#[tokio::test]
async fn lists_are_read_from_texts_and_ranges_are_rounded() {
    let database = database(
        r#"create table notes (id int primary key, words text, links text, folk text, doc jsonb, stay tstzrange, beat float4);
           insert into notes values
             (1, 'a, b,,a', 'https://example.org/a.pdf  https://example.org/b.pdf', 'Ana@example.org, bo@example.org', '["x", 1]',
              '[2026-07-01 10:07+00, 2026-07-01 11:59+00)', 12.4),
             (2, null, '', ' ', '[]', 'empty', 'NaN')"#,
    )
    .await;
    let mut properties = String::new();
    for (column, kind, more) in [
        ("words", "multi_select", ""),
        ("links", "files", ""),
        ("folk", "people", ""),
        ("doc", "multi_select", ""),
        ("stay", "date", "round = '15m'"),
        ("beat", "number", "round = 5"),
    ] {
        writeln!(
            properties,
            "[[property]]\nname = '{column}'\ntype = '{kind}'\ncolumn = '{column}'\n{more}"
        )
        .unwrap();
    }
    let dashboards = dashboard("source = 'notes'\nkey = 'id'", "id", &properties);
    insta::assert_snapshot!(shown(&database.pool, &dashboards).await, @r#"
    [{"multi_select":["a","b"]},{"files":["https://example.org/a.pdf","https://example.org/b.pdf"]},{"people":["ana@example.org","bo@example.org"]},{"multi_select":["x","1"]},{"date_range":[{"minute":"2026-07-01T10:00:00Z"},{"minute":"2026-07-01T11:45:00Z"}]},{"number":10.0}]
    [{"multi_select":[]},{"files":[]},{"people":[]},{"multi_select":[]},{"date":null},{"number":null}]
    "#);
}
