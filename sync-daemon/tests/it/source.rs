//! Reading rows: what fits, what does not, and that the same rows always make the same pages.

use std::collections::HashSet;
use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, PgPool};
use sync_daemon::dashboard::{Dashboard, Dashboards};
use sync_daemon::page::{DesiredPage, Key, Value};
use sync_daemon::pass::PassError;
use sync_daemon::source::{CheckError, Hashes, Snapshot, SourceError, check};

use crate::database::database;

const DOMAIN: [&str; 5] = [
    include_str!("../../../demo/sql/schema.sql"),
    include_str!("../../../demo/sql/people.sql"),
    include_str!("../../../demo/sql/projects.sql"),
    include_str!("../../../demo/sql/tasks.sql"),
    include_str!("../../../demo/sql/modules.sql"),
];

const DOMAIN_SCHEMAS: [(&str, &str); 4] = [
    (
        "schemas/team.toml",
        include_str!("../../../schemas/team.toml"),
    ),
    (
        "schemas/projects.toml",
        include_str!("../../../schemas/projects.toml"),
    ),
    (
        "schemas/tasks.toml",
        include_str!("../../../schemas/tasks.toml"),
    ),
    (
        "schemas/module-library.toml",
        include_str!("../../../schemas/module-library.toml"),
    ),
];

pub(crate) fn dashboards(files: &[(&str, &str)]) -> Dashboards {
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    Dashboards::parse(&files, &[]).expect("the schema files are valid")
}

/// A dashboard over `source` with a title from `column` and further `[[property]]` sections.
pub(crate) fn dashboard(top: &str, title: &str, properties: &str) -> Dashboards {
    let text = format!(
        "name = \"Board\"\ncadence = \"30s\"\n{top}\n[[property]]\nname = \"Title\"\ntype = \"title\"\ncolumn = '{title}'\n{properties}"
    );
    dashboards(&[("board.toml", &text)])
}

pub(crate) fn board(dashboards: &Dashboards) -> &Dashboard {
    dashboards.get("Board").expect("the board is there")
}

pub(crate) async fn checked(pool: &PgPool, dashboards: &Dashboards) -> String {
    let mut connection = pool.acquire().await.unwrap();
    match check(&mut connection, dashboards).await {
        Ok(fits) => format!("fits; absent: {:?}", fits.absent),
        Err(CheckError::Schema(errors)) => errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
        Err(other) => panic!("the database could not be asked: {other:?}"),
    }
}

pub(crate) async fn read(pool: &PgPool, dashboard: &Dashboard) -> (Hashes, Vec<DesiredPage>) {
    let mut snapshot = Snapshot::begin(pool).await.unwrap();
    let hashes = snapshot.hashes(dashboard).await.unwrap();
    let keys: Vec<Key> = hashes.rows.iter().map(|row| row.key.clone()).collect();
    let mut pages = snapshot.pages(dashboard, &keys).await.unwrap();
    snapshot.finish().await.unwrap();
    pages.sort_by(|a, b| a.key.cmp(&b.key));
    let read: Vec<_> = pages
        .iter()
        .map(|page| (&page.key, page.source_hash))
        .collect();
    let listed: Vec<_> = hashes.rows.iter().map(|row| (&row.key, row.hash)).collect();
    assert_eq!(
        read, listed,
        "every row is found again by its key, with the hash it was listed with"
    );
    (hashes, pages)
}

pub(crate) async fn run(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn sample_domain_becomes_pages() {
    let database = database("").await;
    for sql in DOMAIN {
        run(&database.pool, sql).await;
    }
    let dashboards = dashboards(&DOMAIN_SCHEMAS);
    assert_eq!(
        checked(&database.pool, &dashboards).await,
        "fits; absent: []"
    );
    for (name, rows) in [
        ("Team", 27),
        ("Projects", 69),
        ("Tasks", 443),
        ("Module Library", 12),
    ] {
        let (hashes, pages) = read(&database.pool, dashboards.get(name).unwrap()).await;
        assert_eq!(hashes.errors, [], "{name}");
        assert_eq!(pages.len(), rows, "{name}");
        let keys: HashSet<_> = pages.iter().map(|page| &page.key).collect();
        assert_eq!(keys.len(), rows, "{name}");
        let again = read(&database.pool, dashboards.get(name).unwrap()).await;
        assert_eq!(
            again,
            (hashes, pages),
            "{name}: unchanged rows make unchanged pages"
        );
    }
    let projects: HashSet<_> = read(&database.pool, dashboards.get("Projects").unwrap())
        .await
        .0
        .rows
        .into_iter()
        .map(|row| row.key)
        .collect();
    for task in read(&database.pool, dashboards.get("Tasks").unwrap())
        .await
        .1
    {
        let Some(Value::Relation(keys)) = task
            .values
            .iter()
            .find(|value| matches!(value, Value::Relation(_)))
        else {
            panic!("a task has a relation")
        };
        assert!(
            keys.len() == 1 && projects.contains(&keys[0]),
            "task {} points to a project: {keys:?}",
            task.key
        );
    }
}

#[tokio::test]
async fn missing_sources_are_absent_or_refused() {
    let database = database("create schema shop; create table shop.invoices (id int)").await;
    let optional = dashboard(
        "source = 'public.invoices'\nkey = 'id'\noptional = true",
        "id",
        "",
    );
    assert_eq!(
        checked(&database.pool, &optional).await,
        "fits; absent: [\"Board\"]"
    );
    let optional = dashboard(
        "query = 'select * from invoices'\nkey = 'id'\noptional = true",
        "id",
        "",
    );
    assert_eq!(
        checked(&database.pool, &optional).await,
        "fits; absent: [\"Board\"]"
    );

    let needed = dashboard("source = 'shop.invoice'\nkey = 'id'", "id", "");
    insta::assert_snapshot!(checked(&database.pool, &needed).await, @r#"board.toml:3: table or view "shop.invoice" does not exist in this database; did you mean "shop.invoices"?"#);
    let mut snapshot = Snapshot::begin(&database.pool).await.unwrap();
    assert!(matches!(
        snapshot.hashes(board(&needed)).await,
        Err(SourceError::Absent { .. })
    ));
}

#[tokio::test]
async fn everything_that_does_not_fit_is_told_at_once() {
    let database = database(
        "create table tasks (id int primary key, title text, done text, due text, spot point, tags text[], boss uuid, doc json)",
    )
    .await;
    let dashboards = dashboards(&[
        (
            "tasks.toml",
            "name = 'Tasks'
source = 'tasks'
key = 'id'
cadence = '2m'
[[property]]
name = 'Title'
type = 'title'
column = 'titel'
[[property]]
name = 'Done'
type = 'checkbox'
column = 'done'
[[property]]
name = 'Due'
type = 'date'
column = 'due'
[[property]]
name = 'Points'
type = 'number'
column = 'spot'
[[property]]
name = 'Tag'
type = 'select'
column = 'tags'
",
        ),
        (
            "people.toml",
            "name = 'People'
source = 'tasks'
key = ['id', 'spot']
cadence = '2m'
[[property]]
name = 'Title'
type = 'title'
column = 'title'
",
        ),
        (
            "points.toml",
            "name = 'Points'
source = 'tasks'
key = 'id'
cadence = '2m'
[[property]]
name = 'Title'
type = 'title'
column = 'title'
[[property]]
name = 'Boss'
type = 'relation'
to = 'Points'
column = 'boss'
[[property]]
name = 'Pair'
type = 'relation'
to = 'Pairs'
column = 'id'
",
        ),
        (
            "pairs.toml",
            "name = 'Pairs'
query = '''
select id, title,
       id + title as sum
from tasks'''
key = ['id', 'title']
cadence = '2m'
[[property]]
name = 'Title'
type = 'title'
column = 'title'
",
        ),
    ]);
    insta::assert_snapshot!(checked(&database.pool, &dashboards).await, @r#"
    pairs.toml:4: Postgres cannot read the source: operator does not exist: integer + text; no operator matches the given name and argument types. You might need to add explicit type casts
    points.toml:12: property "Boss" reads column "boss" of type uuid, but the key of "Points" is of type integer; name the column that holds that key
    tasks.toml:8: the source has no column "titel"; did you mean "title"?
    tasks.toml:11: property "Done" of type checkbox cannot hold column "done" of type text; choose the type select, or use a query that compares it to something
    tasks.toml:15: property "Due" of type date cannot hold column "due" of type text; choose the type text, or use a query that casts it to a date or timestamptz
    tasks.toml:19: property "Points" of type number cannot hold column "spot" of type point; choose the type text
    tasks.toml:23: property "Tag" of type select cannot hold column "tags" of type text[]; choose the type multi_select
    "#);
}

#[tokio::test]
async fn a_join_that_cannot_be_is_named_with_its_line() {
    let database = database(
        "create table tasks (id int primary key, title text); create table tasks_of (task text, other int)",
    )
    .await;
    let mut properties = String::new();
    for (name, through, from, column) in [
        ("Fits", "tasks_of", "other", "task"),
        ("Absent", "task_of", "other", "task"),
        ("Column", "tasks_of", "other", "tsk"),
        ("Type", "tasks_of", "task", "other"),
    ] {
        write!(
            properties,
            "[[property]]\nname = '{name}'\ntype = 'relation'\nto = 'Board'\nthrough = '{through}'\nfrom = '{from}'\ncolumn = '{column}'\n"
        )
        .unwrap();
    }
    let dashboards = dashboard("source = 'tasks'\nkey = 'id'", "title", &properties);
    insta::assert_snapshot!(checked(&database.pool, &dashboards).await, @r#"
    board.toml:22: property "Absent" cannot go through public.task_of: relation "public.task_of" does not exist; create it, or correct `through`
    board.toml:29: property "Column" cannot go through public.tasks_of: column tsk does not exist; name columns of the join table in `from` and `column`
    board.toml:36: property "Type" cannot go through public.tasks_of: operator does not exist: text = integer; `from` holds this dashboard's key, of the same type; a view can cast it
    "#);
}

#[tokio::test]
async fn select_rights_are_enough_and_their_lack_is_named() {
    let database = database(
        "create schema own; create table own.things (id int primary key, name text, secret text);
         insert into own.things values (1, 'one', 'hidden');
         drop role if exists reader; create role reader login; drop role if exists stranger; create role stranger login;
         grant usage on schema own to reader, stranger; grant select (id, name) on own.things to reader",
    )
    .await;
    let dashboards = dashboard("source = 'own.things'\nkey = 'id'", "name", "");
    let reader = database.pool_as("reader").await;
    assert_eq!(checked(&reader, &dashboards).await, "fits; absent: []");
    assert_eq!(read(&reader, board(&dashboards)).await.1.len(), 1);

    let stranger = database.pool_as("stranger").await;
    insta::assert_snapshot!(checked(&stranger, &dashboards).await, @"board.toml:3: Postgres cannot read the source: permission denied for table things; grant the daemon's user USAGE on the schema and SELECT on the source");
}

#[tokio::test]
async fn keys_of_any_kind_find_their_rows() {
    let database = database(
        r#"create schema "Odd Schema";
           create table "Odd Schema"."Mixed ""Case""" ("Id" int, "select" text, "äöü" text, unused jsonb, primary key ("Id", "select"));
           insert into "Odd Schema"."Mixed ""Case""" values (1, 'a"b', 'x', '{}'), (1, 'a,b', 'y', null), (2, E'tab\t\\ \u00e9', 'z', '[]');
           create view fine as select "Id" as id, "select" as part, "äöü" as name from "Odd Schema"."Mixed ""Case""";
           create domain positive as numeric check (value > 0);
           create type mood as enum ('sad', 'happy');
           create table kinds (u uuid, t timestamptz, c char(5), n numeric, e mood, d positive, b bytea, j jsonb, v varchar(9), i bigint, a int[], bit bit(3));
           insert into kinds values
             ('11111111-1111-1111-1111-111111111111', '2026-07-25 16:57:28.513237+02', 'ab', 1.0, 'sad', 1, '\x00ff', '{"a": 1}', 'v''1', 1, '{1,2}', '101'),
             ('22222222-2222-2222-2222-222222222222', '2026-07-25 16:57:28.513238+02', 'ab c', 1.00, 'happy', 2.50, '\x', '[1]', 'V2', -9223372036854775808, '{}', '010')"#,
    )
    .await;
    for (top, title) in [
        (
            "query = 'select * from \"Odd Schema\".\"Mixed \"\"Case\"\"\" -- and a comment'\nkey = ['Id', 'select']",
            "äöü",
        ),
        ("source = 'public.fine'\nkey = ['id', 'part']", "name"),
    ] {
        let dashboards = dashboard(top, title, "");
        assert_eq!(
            checked(&database.pool, &dashboards).await,
            "fits; absent: []"
        );
        let (hashes, _) = read(&database.pool, board(&dashboards)).await;
        let keys: Vec<_> = hashes.rows.iter().map(|row| row.key.as_str()).collect();
        assert_eq!(
            keys,
            [r#"["1","a,b"]"#, r#"["1","a\"b"]"#, r#"["2","tab\t\\ é"]"#]
        );
    }
    for column in ["u", "t", "c", "n", "e", "d", "b", "j", "v", "i", "a", "bit"] {
        let dashboards = dashboard(&format!("source = 'kinds'\nkey = '{column}'"), "v", "");
        assert_eq!(
            checked(&database.pool, &dashboards).await,
            "fits; absent: []",
            "{column}"
        );
        let (hashes, pages) = read(&database.pool, board(&dashboards)).await;
        assert_eq!(
            (hashes.rows.len(), pages.len()),
            (2, 2),
            "{column}: {hashes:?}"
        );
    }
}

#[tokio::test]
async fn rows_without_a_key_of_their_own_are_named_and_block_nobody() {
    let database = database(
        "create table rows (a int, b text);
         insert into rows values (1, 'one'), (2, 'two'), (2, 'two'), (2, 'two again'), (null, 'three'), (null, 'four'), (4, null)",
    )
    .await;
    let by_a = dashboard("source = 'rows'\nkey = 'a'", "b", "");
    let (hashes, pages) = read(&database.pool, board(&by_a)).await;
    assert_eq!(
        pages
            .iter()
            .map(|page| page.key.as_str())
            .collect::<Vec<_>>(),
        ["1", "4"]
    );
    let errors: Vec<_> = hashes
        .errors
        .into_iter()
        .map(|error| (error.key, error.message))
        .collect();
    assert_eq!(
        errors,
        [
            (
                Some("2".to_owned()),
                "3 rows have the key \"2\"; name a key that is unique".to_owned()
            ),
            (
                None,
                "2 rows have no key: a is null; fill it in, or name another key".to_owned()
            ),
        ]
    );
    let by_both = dashboard("source = 'rows'\nkey = ['a', 'b']", "b", "");
    let (hashes, _) = read(&database.pool, board(&by_both)).await;
    assert_eq!(hashes.rows.len(), 2, "{hashes:?}");
    assert_eq!(hashes.errors.len(), 2, "{hashes:?}");
}

#[tokio::test]
async fn any_type_becomes_a_valid_page() {
    let database = database(
        r#"create table odd (id int primary key, n numeric, f float8, r real, m money, big numeric, d date, ts timestamp, tz timestamptz,
             tags text[], doc jsonb, flag boolean, link text, mail text, csv text, many int[], body text, span tstzrange, ip inet);
           insert into odd values
             (1, 1.50, 0.1, 0.1, '1234.5', 12345678901234567890, '2026-07-01', '2026-07-01 12:34:56.789', '2026-07-01 14:34:56+02',
              '{b,a,b,"c,d"}', '["x", 1, null]', true, 'https://example.org/a?b=c', 'a@example.org', 'one, two ,,one', '{3,1,3}', 'hello',
              '[2026-01-01 00:00+00,2026-01-02 00:00+00)', '10.0.0.1'),
             (2, 'NaN', 'Infinity', '-Infinity', null, 1e400, 'infinity', '-infinity', '0044-03-15 BC 00:00+00',
              '{}', '"plain"', null, 'not a link', 'nobody', '', '{}', repeat('ab', 150000), 'empty', null),
             (3, null, null, null, null, null, '10000-01-01', null, null, null, '{"a": "\ud83d\ude00"}', false, 'javascript:alert(1)', 'a@', ',', null, '', null, null)"#,
    )
    .await;
    let mut properties = String::new();
    for (column, kind) in [
        ("n", "number"),
        ("f", "number"),
        ("r", "number"),
        ("m", "number"),
        ("big", "number"),
        ("d", "date"),
        ("ts", "date"),
        ("tz", "date"),
        ("tags", "multi_select"),
        ("doc", "multi_select"),
        ("flag", "checkbox"),
        ("link", "url"),
        ("mail", "email"),
        ("csv", "multi_select"),
        ("many", "text"),
        ("span", "text"),
        ("ip", "select"),
    ] {
        write!(
            properties,
            "[[property]]\nname = '{column}'\ntype = '{kind}'\ncolumn = '{column}'\n"
        )
        .unwrap();
    }

    let dashboards = dashboard(
        "source = 'odd'\nkey = 'id'",
        "body",
        &format!(
            "{properties}[[property]]\nname = 'rows'\ntype = 'relation'\nto = 'Board'\ncolumn = 'many'"
        ),
    );
    assert_eq!(
        checked(&database.pool, &dashboards).await,
        "fits; absent: []"
    );
    let (_, mut pages) = read(&database.pool, board(&dashboards)).await;
    assert_eq!(pages[1].values[0], Value::Title("ab".repeat(100_000)));
    pages[1].values[0] = Value::Title("ab…".to_owned());
    let mut shown = String::new();
    for page in &pages {
        for (property, value) in board(&dashboards).data_properties().zip(&page.values) {
            let value = serde_json::to_string(value).unwrap();
            writeln!(shown, "{}: {value}", property.name).unwrap();
        }
        write!(shown, "-- {}\n\n", page.note.replace('\n', "\n-- ")).unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn hashes_follow_the_projected_columns_and_nothing_else() {
    let database = database(
        "create table t (id int primary key, name text, at timestamptz, heartbeat timestamptz);
         insert into t values (1, 'one', '2026-07-01 12:00+00', now()), (2, 'two', null, now())",
    )
    .await;
    let dashboards = dashboard(
        "source = 't'\nkey = 'id'",
        "name",
        "[[property]]\nname = 'At'\ntype = 'date'\ncolumn = 'at'",
    );
    let before = read(&database.pool, board(&dashboards)).await.0;
    run(
        &database.pool,
        "update t set heartbeat = now() + interval '1 hour'",
    )
    .await;
    let elsewhere = database.pool_as("postgres").await;
    // As many as the pool can hold, so that whichever is used next has these settings.
    let mut connections = Vec::new();
    for _ in 0..elsewhere.options().get_max_connections() {
        let mut connection = elsewhere.acquire().await.unwrap();
        let settings =
            "set timezone = 'Asia/Tokyo'; set datestyle = 'German'; set extra_float_digits = -15";
        sqlx::raw_sql(settings)
            .execute(&mut *connection)
            .await
            .unwrap();
        connections.push(connection);
    }
    drop(connections);
    assert_eq!(read(&elsewhere, board(&dashboards)).await.0, before);
    run(&database.pool, "update t set name = 'deux' where id = 2").await;
    let after = read(&database.pool, board(&dashboards)).await.0;
    assert_eq!(after.rows[0], before.rows[0]);
    assert_ne!(after.rows[1], before.rows[1]);
}

#[tokio::test]
async fn snapshot_holds_what_was_committed_before_and_nothing_later() {
    let database = database("create table t (id int primary key, at timestamptz default clock_timestamp()); insert into t values (1)").await;
    let dashboards = dashboard("source = 't'\nkey = 'id'", "id", "");
    let mut snapshot = Snapshot::begin(&database.pool).await.unwrap();
    run(&database.pool, "insert into t values (2)").await;
    assert_eq!(
        snapshot
            .hashes(board(&dashboards))
            .await
            .unwrap()
            .rows
            .len(),
        1
    );
    let pages = snapshot
        .pages(
            board(&dashboards),
            &["1".to_owned(), "2".to_owned(), "3".to_owned()],
        )
        .await
        .unwrap();
    assert_eq!(pages.len(), 1);
    let (first, second): (chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>) =
        sqlx::query_as("select min(at), max(at) from t")
            .fetch_one(&database.pool)
            .await
            .unwrap();
    assert!(first < snapshot.read_at() && snapshot.read_at() < second);
}

#[tokio::test]
async fn a_table_altered_between_passes_is_read_as_it_is() {
    let database =
        database("create table t (id int primary key, name text); insert into t values (1, 'one')")
            .await;
    let dashboards = dashboard("source = 't'\nkey = 'id'", "name", "");
    let before = read(&database.pool, board(&dashboards)).await.1;
    run(&database.pool, "alter table t alter column id type bigint, alter column name type varchar(20), add column more int").await;
    assert_eq!(read(&database.pool, board(&dashboards)).await.1, before);
    run(&database.pool, "alter table t rename column name to title").await;
    let mut snapshot = Snapshot::begin(&database.pool).await.unwrap();
    let error = snapshot.hashes(board(&dashboards)).await.unwrap_err();
    insta::assert_snapshot!(error, @r#"dashboard "Board" does not fit its source any more: the source has no column "name"; choose one of "id", "title", "more""#);
}

#[tokio::test]
async fn shipped_dashboards_fit_the_coordination_schema() {
    let database = database("").await;
    coordination::migrate(&database.pool).await.unwrap();
    let session = coordination::Session::open(&database.pool, "alpha", "demo")
        .await
        .unwrap();
    let request =
        coordination::ClaimRequest::new("modules/power/*").reason("writing, with a comma");
    let coordination::ClaimOutcome::Granted(_claim) = session.claim(request).await.unwrap() else {
        panic!("nobody else claims")
    };
    let shipped = Dashboards::load(None).unwrap();
    assert_eq!(
        checked(&database.pool, &shipped).await,
        r#"fits; absent: ["Team", "Projects", "Tasks", "Module Library", "Sync Status"]"#
    );

    // The views look at the clock, so a row may change between the two readings; its key does not.
    let mut snapshot = Snapshot::begin(&database.pool).await.unwrap();
    for (name, key, title) in [
        ("Agent Activity", r#"["demo","alpha"]"#, "alpha"),
        (
            "Resource Claims",
            r#"["demo","modules/power/*"]"#,
            "modules/power/*",
        ),
    ] {
        let dashboard = shipped.get(name).unwrap();
        let rows = snapshot.hashes(dashboard).await.unwrap().rows;
        assert_eq!(
            rows.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(),
            [key]
        );
        let pages = snapshot.pages(dashboard, &[key.to_owned()]).await.unwrap();
        assert_eq!(pages[0].values[0], Value::Title(title.to_owned()));
        assert!(
            pages[0]
                .values
                .contains(&Value::Select(Some("🟢 Working".to_owned()))),
            "{name}: {:?}",
            pages[0]
        );
        assert_eq!(pages[0].note, "", "{name}");
    }
}

#[tokio::test]
async fn a_source_that_fails_half_way_names_its_dashboard() {
    let database =
        database("create table t (id int, by int); insert into t values (1, 1), (2, 0)").await;
    let dashboards = dashboard(
        "query = 'select id, 10 / by as share from t'\nkey = 'id'",
        "share",
        "",
    );
    assert_eq!(
        checked(&database.pool, &dashboards).await,
        "fits; absent: []"
    );
    let mut snapshot = Snapshot::begin(&database.pool).await.unwrap();
    let error = snapshot.hashes(board(&dashboards)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the source of dashboard \"Board\""
    );
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("division by zero"), "{cause}");
}

#[tokio::test]
async fn reading_changes_nothing() {
    let database = database(
        "create table t (id int); create sequence s;
         create function bump() returns int language sql as 'insert into t values (1) returning id'",
    )
    .await;
    for query in ["select bump() as id", "select nextval('s') as id"] {
        let dashboards = dashboard(&format!("query = \"{query}\"\nkey = 'id'"), "id", "");
        let mut snapshot = Snapshot::begin(&database.pool).await.unwrap();
        let error = snapshot.hashes(board(&dashboards)).await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("read-only transaction"), "{cause}");
    }
}

#[tokio::test]
async fn what_postgres_quotes_of_a_row_is_not_for_logs() {
    let database = database(
        "CREATE TABLE item (id int PRIMARY KEY, name text); INSERT INTO item VALUES (1, 'Secret');
         CREATE VIEW shown AS SELECT id, name::int AS name FROM item",
    )
    .await;
    let boards = dashboard("source = \"shown\"\nkey = \"id\"", "name", "");
    let mut snapshot = Snapshot::begin(&database.pool).await.unwrap();
    let failed = snapshot.hashes(board(&boards)).await.unwrap_err();
    let told = PassError::from(failed).without_data().unwrap();
    assert!(told.contains("22P02") && !told.contains("Secret"), "{told}");
}
