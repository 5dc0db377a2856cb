//! A board follows its file: properties are added, renamed, retyped and left, and nothing that people made is lost.

use serde_json::{Value, json};

use crate::stage::{Said, Stage, plenty, text};

const TABLE: &str = "create table bills (id int primary key, name text, state text, sum numeric, due date, old text);
    insert into bills values (1, 'One', 'open', 10, '2026-07-01', 'x'), (2, 'Two', 'paid', 20, '2026-07-02', 'y')";

const HEAD: &str = "name = \"Bills\"\nsource = \"bills\"\nkey = \"id\"\ncadence = \"1s\"\n";
const TITLE: &str = "[[property]]\nname = \"Bill\"\ntype = \"title\"\ncolumn = \"name\"\n";
const STATE: &str = "[[property]]\nname = \"State\"\ntype = \"select\"\ncolumn = \"state\"\n\
    options = [{ value = \"open\", name = \"Open\", color = \"red\" }]\n";
const SUM: &str = "[[property]]\nname = \"Sum\"\ntype = \"number\"\ncolumn = \"sum\"\n";
const OLD: &str = "[[property]]\nname = \"Old\"\ntype = \"text\"\ncolumn = \"old\"\n";

fn rewrite(stage: &Stage, file: &str, parts: &[&str]) {
    std::fs::write(stage.schemas.path().join(file), parts.concat()).expect("a schema file");
}

async fn setup(stage: &Stage, arguments: &[&str]) -> Value {
    let said: Said = stage
        .daemon(&[&["setup", "--json"], arguments].concat())
        .await;
    assert_eq!(said.code, 0, "{said:?}");
    said.json()["dashboards"]
        .as_array()
        .expect("dashboards")
        .iter()
        .find(|one| one["name"] != "Agent Activity" && one["name"] != "Resource Claims")
        .expect("the board")
        .clone()
}

async fn properties(stage: &Stage, dashboard: &str) -> Value {
    let source: sqlx::types::Uuid =
        sqlx::query_scalar("select data_source_id from sync.dashboards where name = $1")
            .bind(dashboard)
            .fetch_one(&stage.pool)
            .await
            .expect("the dashboard was set up");
    let path = format!("v1/data_sources/{source}");
    stage.notion_request("GET", &path, Value::Null).await["properties"].clone()
}

async fn writes(stage: &Stage) -> Vec<Vec<String>> {
    sqlx::query_scalar("select properties from sync.writes order by id")
        .fetch_all(&stage.pool)
        .await
        .expect("writes")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_follows_its_file() {
    let first = [HEAD, TITLE, STATE, SUM, OLD].concat();
    let stage = Stage::set(TABLE, &[("bills.toml", &first)]).await;
    stage.once().await;
    let was = properties(&stage, "Bills").await;
    let done = setup(&stage, &[]).await;
    assert_eq!(
        (&done["action"], &done["changes"]),
        (&json!("unchanged"), &json!([]))
    );
    let before = writes(&stage).await.len();

    // Renamed, with another format and another option; added; left.
    let renamed = SUM.replace("\"Sum\"", "\"Amount\"\nwas = \"Sum\"\nformat = \"euro\"");
    let due = "[[property]]\nname = \"Due\"\ntype = \"date\"\ncolumn = \"due\"\n";
    let state = STATE.replace(
        "}]",
        "}, { value = \"paid\", name = \"Paid\" }, { value = \"late\", name = \"Late\", color = \"pink\" }]",
    );
    rewrite(&stage, "bills.toml", &[HEAD, TITLE, &state, &renamed, due]);
    let plan = setup(&stage, &["--plan"]).await;
    assert_eq!(
        plan["changes"],
        json!([
            "rename \"Sum\" to \"Amount\"",
            "add \"Due\"",
            "State: new options Late",
            "Amount: another format"
        ]),
        "{plan}"
    );
    assert_eq!(
        properties(&stage, "Bills").await,
        was,
        "a plan changes nothing"
    );
    let done = setup(&stage, &[]).await;
    assert_eq!(
        (&done["action"], &done["changes"]),
        (&json!("changed"), &plan["changes"])
    );
    assert_eq!(done["left"], json!(["Old"]));
    let now = properties(&stage, "Bills").await;
    assert_eq!(now["Amount"]["id"], was["Sum"]["id"]);
    assert_eq!(now["Amount"]["number"]["format"], "euro");
    let options = now["State"]["select"]["options"]
        .as_array()
        .expect("options");
    let kept: Vec<_> = options
        .iter()
        .map(|option| option["name"].as_str())
        .collect();
    assert_eq!(
        kept,
        [Some("Open"), Some("paid"), Some("Late")],
        "the option that rows brought is the file's, whatever its spelling"
    );
    assert_eq!(
        (&options[0]["color"], &options[2]["color"]),
        (&json!("red"), &json!("pink"))
    );
    assert_eq!(
        now["Old"]["id"], was["Old"]["id"],
        "what left the file stays"
    );
    stage.once().await;
    stage.assert_clean().await;
    let new: Vec<_> = writes(&stage).await[before..].to_vec();
    assert!(
        new.iter()
            .all(|properties| !properties.contains(&"Amount".to_owned())),
        "what stands under another name is not written again: {new:?}"
    );

    // Another type: the old property keeps what is in it, under another name.
    let retyped = renamed
        .replace("\"number\"", "\"text\"")
        .replace("format = \"euro\"\n", "");
    rewrite(&stage, "bills.toml", &[HEAD, TITLE, &state, &retyped, due]);
    setup(&stage, &[]).await;
    stage.once().await;
    stage.assert_clean().await;
    let last = properties(&stage, "Bills").await;
    assert_eq!(last["Amount (number)"]["id"], now["Amount"]["id"]);
    assert_eq!(last["Amount"]["type"], "rich_text");
    let pages = stage.pages("Bills").await;
    let one = pages
        .iter()
        .find(|page| text(page, "Bill") == "One")
        .expect("a page");
    assert_eq!(one["properties"]["Amount (number)"]["number"], 10);
    assert_eq!(text(one, "Amount"), "10");

    // What is no more goes when somebody asks for it.
    let done = setup(&stage, &["--prune"]).await;
    assert_eq!(done["left"], json!([]), "{done}");
    let pruned = properties(&stage, "Bills").await;
    assert!(
        pruned["Old"].is_null() && pruned["Amount (number)"].is_null(),
        "{pruned}"
    );
    stage.once().await;
    stage.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_made_stays() {
    let stage = Stage::set(TABLE, &[("bills.toml", &[HEAD, TITLE, STATE].concat())]).await;
    stage.once().await;
    let pages = stage.pages("Bills").await;
    let source = pages[0]["parent"]["data_source_id"].clone();
    // A property of a person's own, under the name that the file comes to want; and one of ours renamed.
    stage
        .people(json!({"act": "add_property", "data_source": source, "name": "Sum", "config": {"number": {}}}))
        .await;
    let mine = json!({"Sum": {"number": 99}});
    stage
        .people(json!({"act": "edit_cells", "page": pages[0]["id"], "properties": mine}))
        .await;
    stage
        .people(json!({"act": "rename_property", "data_source": source, "property": "State", "name": "Zustand"}))
        .await;
    rewrite(&stage, "bills.toml", &[HEAD, TITLE, STATE, SUM]);
    let done = setup(&stage, &[]).await;
    assert_eq!(
        done["changes"],
        json!([
            "keep \"Sum\", which somebody made in Notion, as \"Sum (own)\", and make our own",
            "add \"Sum\""
        ])
    );
    stage.once().await;
    stage.assert_clean().await;
    let page = &stage.pages("Bills").await;
    let page = page
        .iter()
        .find(|page| page["id"] == pages[0]["id"])
        .expect("the page");
    assert_eq!(page["properties"]["Sum (own)"]["number"], 99);
    assert!(
        page["properties"]["Zustand"]["select"]["name"].is_string(),
        "{page}"
    );
    // Nothing of a person's is among what --prune takes away.
    setup(&stage, &["--prune"]).await;
    assert!(properties(&stage, "Bills").await["Sum (own)"].is_object());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_board_keeps_its_pages_and_a_removed_file_trashes_nothing() {
    let stage = Stage::set(TABLE, &[("bills.toml", &[HEAD, TITLE].concat())]).await;
    stage.once().await;
    let ids = |pages: Vec<Value>| -> Vec<String> {
        let mut ids: Vec<_> = pages.iter().map(|page| page["id"].to_string()).collect();
        ids.sort();
        ids
    };
    let before = ids(stage.pages("Bills").await);
    let head = HEAD.replace("\"Bills\"", "\"Invoices\"\nwas = \"Bills\"");
    // Another column as the title, under another name: it is the same title to Notion.
    let title = TITLE.replace("\"Bill\"", "\"Invoice\"");
    rewrite(&stage, "bills.toml", &[&head, &title]);
    setup(&stage, &[]).await;
    stage.once().await;
    stage.assert_clean().await;
    let pages = stage.pages("Invoices").await;
    assert_eq!(text(&pages[0], "Invoice").len(), 3);
    assert_eq!(ids(pages), before);

    std::fs::remove_file(stage.schemas.path().join("bills.toml")).expect("removed");
    let done = setup(&stage, &[]).await;
    assert_eq!(
        (&done["name"], &done["action"]),
        (&json!("Invoices"), &json!("left"))
    );
    stage.once().await;
    assert_eq!(
        ids(stage.pages("Invoices").await),
        before,
        "until somebody asks"
    );
    let database = done["database_id"].as_str().expect("an id").to_owned();
    let plan = setup(&stage, &["--plan", "--prune"]).await;
    assert_eq!(plan["action"], "trashed");
    assert_eq!(ids(stage.pages("Invoices").await), before);
    setup(&stage, &["--prune"]).await;
    let path = format!("v1/databases/{database}");
    let database = stage.notion_request("GET", &path, Value::Null).await;
    assert_eq!(database["in_trash"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_ahead_of_its_database_says_so() {
    let stage = Stage::set(TABLE, &[("bills.toml", &[HEAD, TITLE].concat())]).await;
    rewrite(&stage, "bills.toml", &[HEAD, TITLE, SUM]);
    let said = stage.daemon(&["once"]).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.stderr.contains("dashboard \"Bills\" has properties that its database lacks (Sum); run `claimboard-sync setup`"),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parent_page_says_what_stands_there_in_the_order_of_the_files() {
    let file = |name: &str, order: i64| {
        format!(
            "{}order = {order}\nicon = \"🧾\"\n{TITLE}",
            HEAD.replace("Bills", name)
        )
    };
    let files = [("b.toml", file("Beta", 2)), ("a.toml", file("Alpha", 3))];
    let files: Vec<_> = files
        .iter()
        .map(|(file, text)| (*file, text.as_str()))
        .collect();
    let stage = Stage::bare(TABLE, &files, plenty()).await;
    setup(&stage, &[]).await;
    let children = async |id: &str| {
        let path = format!("v1/blocks/{id}/children");
        let answer = stage.notion_request("GET", &path, Value::Null).await;
        answer["results"].as_array().expect("blocks").clone()
    };
    let words = |block: &Value| -> String {
        let kind = block["type"].as_str().expect("a type");
        let parts = block[kind]["rich_text"].as_array().into_iter().flatten();
        parts
            .filter_map(|part| part["plain_text"].as_str())
            .collect()
    };
    let root = stage.notion.root_page_id();
    let page = children(&root).await;
    let kinds: Vec<_> = page
        .iter()
        .map(|block| block["type"].as_str().expect("a type"))
        .collect();
    assert_eq!(
        kinds,
        [
            "heading_2",
            "callout",
            "child_database",
            "child_database",
            "child_database",
            "child_database"
        ]
    );
    let titles: Vec<_> = page[2..]
        .iter()
        .map(|block| block["child_database"]["title"].clone())
        .collect();
    assert_eq!(
        titles,
        ["Agent Activity", "Resource Claims", "Beta", "Alpha"]
    );
    assert!(
        words(&page[1]).contains("overwritten"),
        "{}",
        words(&page[1])
    );
    let callout = page[1]["id"].as_str().expect("an id");
    let list: Vec<_> = children(callout).await.iter().map(words).collect();
    assert_eq!(
        list[2..],
        ["🧾 Beta: from public.bills", "🧾 Alpha: from public.bills"]
    );

    rewrite(&stage, "b.toml", &[&file("Beta", 9)]);
    setup(&stage, &[]).await;
    let list: Vec<_> = children(callout).await.iter().map(words).collect();
    assert_eq!(
        list[2..],
        ["🧾 Alpha: from public.bills", "🧾 Beta: from public.bills"]
    );
    std::fs::remove_file(stage.schemas.path().join("a.toml")).expect("removed");
    setup(&stage, &[]).await;
    assert_eq!(children(callout).await.len(), 3);
    assert_eq!(
        children(&root).await.len(),
        6,
        "one head, and no database is lost"
    );
}

/// Fifty properties: the change of one cell is one write, with one property.
#[tokio::test(flavor = "multi_thread")]
async fn one_cell_is_one_write_of_one_property() {
    let columns: Vec<String> = (1..=48).map(|n| format!("c{n} int default {n}")).collect();
    let sql = format!(
        "create table wide (id int primary key, {}, beat timestamptz default '2026-07-01 10:00:00+00');
         insert into wide (id) select generate_series(1, 3)",
        columns.join(", ")
    );
    let stage = Stage::bare(sql.leak(), &[], plenty()).await;
    let said = stage.daemon(&["init", "wide"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let file = stage.schemas.path().join("wides.toml");
    let text = std::fs::read_to_string(&file).expect("what init wrote");
    let beat = "column = \"beat\"\n";
    std::fs::write(
        &file,
        text.replace(beat, &format!("{beat}round = \"5m\"\n")),
    )
    .expect("a file");
    setup(&stage, &[]).await;
    stage.once().await;
    stage.assert_clean().await;
    let (before, updates) = (
        writes(&stage).await.len(),
        stage.notion.stats().page_updates,
    );
    stage.execute("update wide set c17 = -1 where id = 2").await;
    stage.once().await;
    let new: Vec<_> = writes(&stage).await[before..].to_vec();
    assert_eq!(new.len(), 1, "{new:?}");
    assert_eq!(new[0].len(), 1, "{new:?}");
    assert_eq!(stage.notion.stats().page_updates, updates + 1);
    stage.assert_clean().await;

    // A heartbeat costs a write no more often than it is rounded to.
    stage
        .execute("update wide set beat = '2026-07-01 10:04:59+00' where id = 2; update wide set beat = '2026-07-01 10:05:00+00' where id = 3")
        .await;
    stage.once().await;
    let beats: Vec<_> = writes(&stage).await[before + 1..].to_vec();
    assert_eq!(beats, [["Beat"]]);
    assert_eq!(stage.notion.stats().page_updates, updates + 2);
    stage.assert_clean().await;
}
