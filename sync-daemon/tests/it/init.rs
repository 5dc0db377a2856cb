//! Schema files from the catalogue: what they say, and what cannot be made into one.

use std::fmt::Write as _;
use std::time::Instant;

use sqlx::{PgConnection, PgPool};
use sync_daemon::dashboard::Dashboards;
use sync_daemon::init::{Error, Outcome, Update, Wanted, init, update};
use sync_daemon::page::Value;

use crate::database::database;
use crate::source::{checked, read, run};

async fn made(pool: &PgPool, wanted: Wanted) -> Result<Outcome, Error> {
    let mut connection = pool.acquire().await.unwrap();
    init(&mut connection, &wanted, &[]).await
}

async fn update_of_all(connection: &mut PgConnection, dashboards: &Dashboards) -> Vec<Update> {
    let updates = update(connection, dashboards, |one, _| one.name == "Bills");
    updates.await.unwrap()
}

fn tables(targets: &[&str]) -> Wanted {
    Wanted {
        targets: targets.iter().map(|target| (*target).to_owned()).collect(),
        ..Wanted::default()
    }
}

fn query(query: &str) -> Wanted {
    Wanted {
        query: Some(query.to_owned()),
        ..Wanted::default()
    }
}

fn parsed(outcome: &Outcome) -> Dashboards {
    let files: Vec<_> = outcome
        .drafts
        .iter()
        .map(|draft| (draft.file.clone(), draft.text.clone()))
        .collect();
    Dashboards::parse(&files, &[]).expect("what init writes is valid")
}

#[tokio::test]
async fn a_table_becomes_a_commented_file() {
    let database = database(
        r#"create type state as enum ('new', 'in_progress', 'a,b', 'DONE');
           create table customers (id int primary key, name text);
           create table regions (code text primary key, label text);
           comment on table regions is 'Where we sell';
           create table "Odd ""Invoices""" (
               id bigint generated always as identity primary key, title text not null, state state, priority text,
               customer_id int references customers, "payer id" int references customers, region text references regions,
               amount numeric(12,2), exact numeric(30,10), size text check (size in ('S', 'it''s')), price money,
               tags text[], photo bytea, notes jsonb, "Claimboard Key" text, "claimboard key" text, " " text,
               site text, mail text, period daterange, weird pg_snapshot, created_at timestamptz, "a{b" text);
           comment on column "Odd ""Invoices""".amount is 'before tax';
           insert into "Odd ""Invoices""" (title, priority, site, mail)
               select 'No ' || n, (array['high', 'low'])[1 + n % 2], 'https://example.org', 'a@example.org' from generate_series(1, 30) n"#,
    )
    .await;
    let outcome = made(&database.pool, tables(&["public", "regions"]))
        .await
        .unwrap();
    let dashboards = parsed(&outcome);
    assert_eq!(
        checked(&database.pool, &dashboards).await,
        "fits; absent: []"
    );
    let (hashes, pages) = read(&database.pool, dashboards.get("Odd Invoices").unwrap()).await;
    assert_eq!((hashes.errors.len(), pages.len()), (0, 30));
    let mut shown = String::new();
    for draft in &outcome.drafts {
        writeln!(shown, "==== {}\n{}", draft.file, draft.text).unwrap();
    }
    write!(shown, "{}", outcome.remarks.join("\n")).unwrap();
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn what_cannot_be_made_says_what_to_do() {
    let database = database(
        "create table keyless (at timestamptz, what text);
         create table doubled (id int, what text); insert into doubled values (1, 'a'), (1, 'b');
         create table unique_nulls (id int unique, what text); insert into unique_nulls values (1, 'a'), (null, 'b');
         create view known as select 1 as id, 'x' as name;
         create role outsider login; create table secret (id int primary key); create schema hollow",
    )
    .await;
    let said = async |wanted| match made(&database.pool, wanted).await {
        Ok(outcome) => panic!("{outcome:?}"),
        Err(error) => error.to_string(),
    };
    let mut all = Vec::new();
    for wanted in [
        tables(&["keyless"]),
        tables(&["doubled"]),
        tables(&["unique_nulls"]),
        tables(&["doublet"]),
        tables(&[]),
        Wanted {
            key: vec!["wat".to_owned()],
            ..tables(&["keyless"])
        },
        Wanted {
            key: vec!["id".to_owned()],
            ..tables(&["public"])
        },
        query("select 1 as id,\n nonsense"),
        query("delete from keyless"),
        query("select 1 as id; drop table keyless"),
        query("select 1 as id, 2 as id"),
        Wanted {
            all: Some("hollow".to_owned()),
            ..tables(&[])
        },
    ] {
        all.push(said(wanted).await);
    }
    let outsider = database.pool_as("outsider").await;
    all.push(
        made(&outsider, tables(&["secret"]))
            .await
            .unwrap_err()
            .to_string(),
    );
    insta::assert_snapshot!(all.join("\n"));

    // Among others, what has no key is left out and said.
    let outcome = made(&database.pool, tables(&["public"])).await.unwrap();
    let names: Vec<_> = outcome
        .drafts
        .iter()
        .map(|draft| draft.name.as_str())
        .collect();
    assert_eq!(names, ["Known", "Secrets"], "{:?}", outcome.remarks);
    assert_eq!(outcome.remarks.len(), 4, "{:?}", outcome.remarks);

    let named = Wanted {
        key: vec!["at".to_owned(), "what".to_owned()],
        name: Some("Log".to_owned()),
        ..tables(&["keyless"])
    };
    let dashboards = parsed(&made(&database.pool, named).await.unwrap());
    assert_eq!(dashboards.get("Log").unwrap().key, ["at", "what"]);
    let outcome = made(
        &database.pool,
        query("select * from doubled where what = 'a' -- one\n;"),
    )
    .await
    .unwrap();
    assert_eq!(
        checked(&database.pool, &parsed(&outcome)).await,
        "fits; absent: []"
    );
}

#[tokio::test]
async fn a_wide_table_is_cut_and_a_long_domain_left_open() {
    let database = database("create table few (id int primary key)").await;
    let columns: Vec<_> = (0..600).map(|n| format!("c{n} int")).collect();
    let labels: Vec<_> = (0..150).map(|n| format!("'label {n}'")).collect();
    run(
        &database.pool,
        &format!(
            "create type long as enum ({}); create table wide (id int primary key, l long, {})",
            labels.join(", "),
            columns.join(", ")
        ),
    )
    .await;
    let outcome = made(&database.pool, tables(&["wide"])).await.unwrap();
    let dashboards = parsed(&outcome);
    let wide = dashboards.get("Wides").unwrap();
    // The title, the domain and 496 of the numbers; the key stands behind them.
    assert_eq!(wide.properties.len(), 498);
    assert_eq!(
        outcome.remarks,
        [
            "public.wide: 105 columns stand in the file as comments, because a Notion database takes 500 properties and 50 KB of schema"
        ]
    );
    assert_eq!(wide.properties[1].name, "L");
    assert!(wide.properties[1].kind.options().is_empty());
    assert_eq!(
        checked(&database.pool, &dashboards).await,
        "fits; absent: []"
    );
}

#[tokio::test]
async fn a_hundred_tables_take_seconds() {
    let database = database(
        "do $$ begin for n in 1..100 loop
             execute format('create table t%s (id int primary key, name text, state text, at timestamptz%s)', n,
                            case when n > 1 then format(', parent_id int references t%s', n - 1) else '' end);
             execute format('insert into t%s select i, ''row '' || i, (array[''a'',''b''])[1 + i %% 2] from generate_series(1, 200) i', n);
         end loop; end $$",
    )
    .await;
    let started = Instant::now();
    let outcome = made(
        &database.pool,
        Wanted {
            all: Some("public".to_owned()),
            ..Wanted::default()
        },
    )
    .await
    .unwrap();
    let took = started.elapsed();
    assert_eq!(outcome.drafts.len(), 100);
    // The promise is five seconds; a machine that does many things at once gets thirty.
    assert!(took.as_secs() < 30, "{took:?}");
    parsed(&outcome);
}

#[tokio::test]
async fn a_key_to_a_table_without_a_dashboard_is_a_plain_column() {
    let database = database(
        "create table customers (id int primary key, name text);
         create table orders (id int primary key, what text, customer_id int references customers);
         insert into customers values (7, 'x'); insert into orders values (1, 'one', 7)",
    )
    .await;
    let outcome = made(&database.pool, tables(&["orders"])).await.unwrap();
    let text = &outcome.drafts[0].text;
    assert!(
        text.contains(
            "# Points to public.customers, which has no dashboard; with one it can be a relation.\n\
             [[property]]\nname = \"Customer ID\"\ntype = \"number\""
        ),
        "{text}"
    );
    let (_, pages) = read(&database.pool, parsed(&outcome).get("Orders").unwrap()).await;
    assert!(pages[0].values.contains(&Value::Number(Some(7.0))));
}

#[tokio::test]
async fn a_file_is_brought_up_to_its_table() {
    let database = database(
        "create table bills (id int primary key, name text, sum numeric(9,2), gone text, state text);
         insert into bills values (1, 'One', 5, 'x', 'open')",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let outcome = made(&database.pool, tables(&["bills"])).await.unwrap();
    let path = folder.path().join(&outcome.drafts[0].file);
    // A person's own words, and a view behind the properties.
    let own = "\n# My own remark.\n[[view]]\nname = \"All\"\n";
    std::fs::write(&path, outcome.drafts[0].text.clone() + own).unwrap();
    let updated = async || {
        let dashboards = Dashboards::load(Some(folder.path())).unwrap();
        let mut connection = database.pool.acquire().await.unwrap();
        let updates = update(&mut connection, &dashboards, |dashboard, _| {
            dashboard.name == "Bills"
        });
        let updates = updates.await.unwrap();
        for update in &updates {
            std::fs::write(&update.file, &update.text).unwrap();
        }
        updates
            .into_iter()
            .flat_map(|update| update.changes)
            .collect::<Vec<_>>()
    };
    assert!(updated().await.is_empty(), "nothing has changed");
    run(
        &database.pool,
        "alter table bills drop column gone, add due date, alter sum type text",
    )
    .await;
    run(&database.pool, "alter table bills rename state to status").await;
    assert_eq!(
        updated().await,
        [
            "\"State\" left out: the source has no column \"state\"",
            "\"Gone\" left out: the source has no column \"gone\"",
            "\"Sum\" left out: property \"Sum\" of type number cannot hold column \"sum\" of type text",
            "column \"sum\" is new; \"Sum\" shows it",
            "column \"status\" is new; \"Status\" shows it",
            "column \"due\" is new; \"Due\" shows it",
        ]
    );
    assert!(updated().await.is_empty(), "once is enough");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("\n# My own remark.\n[[view]]"), "{text}");
    let dashboards = Dashboards::load(Some(folder.path())).unwrap();
    let (_, pages) = read(&database.pool, dashboards.get("Bills").unwrap()).await;
    assert_eq!(pages.len(), 1);
}

#[tokio::test]
async fn what_refers_to_what_is_gone_is_left_out_with_it() {
    let database = database(
        "create table bills (id int primary key, name text, state text, due date, story text, badge text);
         insert into bills values (1, 'One', 'open', '2026-07-01', 'words', '🧾')",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bills.toml");
    let text = r#"name = "Bills"
source = "bills"
key = "id"
cadence = "2m"

[page]
icon = "badge"
body = "story"

[[property]]
name = "Bill"
type = "title"
column = "name"
[[property]]
name = "State"
type = "select"
column = "state"
[[property]]
name = "Due"
type = "date"
column = "due"

[[property]]
name = "Late"
type = "formula"
expression = 'prop("State") == "late"'

# Kept.
[[view]]
name = "By date"
type = "calendar"
date = "Due"
hide = ["State"]

[[view]]
name = "All"
sort = ["-Late"]
show = ["State"]

[[view]]
name = "Dated"
type = "timeline"
date = "Due"
"#;
    std::fs::write(&path, text).unwrap();
    run(
        &database.pool,
        "alter table bills drop column story, drop column state; alter table bills rename name to label",
    )
    .await;
    let dashboards = Dashboards::load(Some(folder.path())).unwrap();
    let mut connection = database.pool.acquire().await.unwrap();
    let [update] = update_of_all(&mut connection, &dashboards)
        .await
        .try_into()
        .unwrap();
    std::fs::write(&path, &update.text).unwrap();
    insta::assert_snapshot!(update.changes.join("\n") + "\n\n" + &update.text);
    let dashboards = Dashboards::load(Some(folder.path())).unwrap();
    let (_, pages) = read(&database.pool, dashboards.get("Bills").unwrap()).await;
    assert_eq!(pages.len(), 1);

    // What only a person can decide is said, and the file stays.
    for (sql, said) in [
        (
            "alter table bills rename id to number",
            "the key column \"id\" is gone; correct `key`",
        ),
        (
            "drop table bills",
            "public.bills is gone; correct `source`, or take the file away: its pages stay until setup --prune",
        ),
    ] {
        run(&database.pool, sql).await;
        let updates = update_of_all(&mut connection, &dashboards).await;
        assert_eq!(updates[0].remarks, [said]);
    }
}

#[tokio::test]
async fn states_and_dates_have_views() {
    let database = database(
        "create type step as enum ('new', 'done');
         create table jobs (id int primary key, name text, created_at date, placed date, due_on date, state step);
         create table stays (id int primary key, name text, seen date, period daterange, status text check (status in ('in', 'out')));
         create table people (id int primary key, name text, city text, birth_date date, state step, size step)",
    )
    .await;
    let outcome = made(&database.pool, tables(&["public"])).await.unwrap();
    let views: Vec<_> = parsed(&outcome)
        .iter()
        .flat_map(|board| board.views.clone())
        .map(|view| (view.name, view.kind, view.group.or(view.date), view.hide))
        .collect();
    let view = |name: &str, kind: &str, by: &str, hide: &[&str]| {
        let text = |text: &&str| (*text).to_owned();
        let hide: Vec<_> = hide.iter().map(text).collect();
        (text(&name), text(&kind), Some(text(&by)), hide)
    };
    assert_eq!(
        views,
        [
            view("By state", "board", "State", &["ID", "Created at"]),
            view("Calendar", "calendar", "Due on", &[]),
            view("By status", "board", "Status", &["ID"]),
            view("Timeline", "timeline", "Period", &[]),
        ]
    );
}

#[tokio::test]
async fn names_with_quotes_around_them_are_spelled_or_left_out() {
    let database = database(
        r#"create table """t""" (id int primary key, name text, """q""" text, ref int);
           insert into """t""" values (1, 'One', 'x', null);
           create table keyed ("""k""" int primary key, name text);
           alter table """t""" add foreign key (ref) references keyed"#,
    )
    .await;
    let outcome = made(&database.pool, tables(&["public"])).await.unwrap();
    let dashboards = parsed(&outcome);
    let (_, pages) = read(&database.pool, dashboards.get("T").unwrap()).await;
    assert_eq!(pages.len(), 1);
    assert_eq!(
        outcome.remarks,
        [
            "left out: public.keyed has no key that tells its rows apart; name its columns, such as --key name",
            "public.\"t\": column \"\\\"q\\\"\" left out; a file cannot spell a name with quotes around it, a query can give it another",
        ]
    );
}

/// Keys of several columns, and a join table: what stands in the files already is not proposed again.
#[tokio::test]
async fn what_was_written_once_is_complete() {
    let database = database(
        "create table orders (no int primary key, name text);
         create table lines (no int references orders, line int, name text, primary key (no, line));
         create table parcels (id int primary key, no int, line int, foreign key (no, line) references lines);
         create table tags (id int primary key, name text);
         create table tagged (no int references orders, tag int references tags, primary key (no, tag))",
    )
    .await;
    let outcome = made(&database.pool, tables(&["public"])).await.unwrap();
    assert_eq!(outcome.drafts.len(), 4, "{:?}", outcome.drafts);
    let folder = tempfile::tempdir().unwrap();
    for draft in &outcome.drafts {
        std::fs::write(folder.path().join(&draft.file), &draft.text).unwrap();
    }
    let dashboards = Dashboards::load(Some(folder.path())).unwrap();
    let mut connection = database.pool.acquire().await.unwrap();
    let ours = |file: &str| file.starts_with(folder.path().to_str().unwrap());
    let updates = update(&mut connection, &dashboards, |_, file| ours(file)).await;
    let changes: Vec<_> = updates
        .unwrap()
        .into_iter()
        .map(|one| one.changes)
        .collect();
    assert!(changes.is_empty(), "{changes:?}");
    let existing: Vec<_> = dashboards.iter().cloned().collect();
    let again = init(&mut connection, &tables(&["public"]), &existing).await;
    let again = again.unwrap();
    assert!(again.drafts.is_empty(), "{:?}", again.drafts);
    assert!(
        again.remarks.contains(
            &"public.tagged is shown by \"Tags\" of dashboard \"Orders\" already; left as it is"
                .to_owned()
        ),
        "{:?}",
        again.remarks
    );
}
