//! Views as code: made as the file says, followed when it changes, and a person's own left alone.

use serde_json::{Value, json};

use crate::stage::{Stage, plenty};

const TABLE: &str =
    "create table bills (id int primary key, state text, due date, paid boolean, tags text[]);
    insert into bills values (1, 'open', '2026-07-01', false), (2, 'paid', '2026-07-02', true)";

fn schema(views: &str) -> String {
    format!(
        r#"name = "Bills"
source = "bills"
key = "id"
cadence = "2m"
[[property]]
name = "Bill"
type = "title"
template = "Bill {{id}}"
[[property]]
name = "State"
type = "select"
column = "state"
[[property]]
name = "Due"
type = "date"
column = "due"
[[property]]
name = "Paid"
type = "checkbox"
column = "paid"
[[property]]
name = "Number"
type = "number"
column = "id"
[[property]]
name = "Tags"
type = "multi_select"
column = "tags"
[[property]]
name = "Progress"
type = "status"
column = "state"
options = [{{ value = "open", name = "Open" }}, {{ value = "paid", name = "Paid" }}]
{views}"#
    )
}

async fn views(stage: &Stage, source: &str) -> Vec<Value> {
    let path = format!("v1/views?data_source_id={source}");
    let list = stage.notion_request("GET", &path, Value::Null).await;
    let mut whole = Vec::new();
    for view in list["results"].as_array().expect("views") {
        let path = format!("v1/views/{}", view["id"].as_str().expect("an id"));
        let mut view = stage.notion_request("GET", &path, Value::Null).await;
        view["request_id"].take();
        whole.push(view);
    }
    whole
}

fn named<'a>(views: &'a [Value], name: &str) -> Vec<&'a Value> {
    views.iter().filter(|view| view["name"] == name).collect()
}

/// Ids of the properties that a view hides.
fn hidden(view: &Value) -> Vec<Value> {
    let properties = view["configuration"]["properties"].as_array();
    properties
        .expect("properties")
        .iter()
        .filter(|property| property["visible"] == false)
        .map(|property| property["property_id"].clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn views_follow_their_file() {
    let first = schema(
        "[[view]]\nname = \"By state\"\ntype = \"board\"\ngroup = \"State\"\nhide = [\"Paid\"]\nsort = [\"-Due\"]\n\
         filter = { State = [\"open\", \"late\"], Paid = false }\n\
         [[view]]\nname = \"When\"\ntype = \"calendar\"\ndate = \"Due\"\n\
         [[view]]\nname = \"By progress\"\ntype = \"board\"\ngroup = \"Progress\"\nfilter = { Progress = \"Open\" }\n",
    );
    let stage = Stage::bare(TABLE, &[("bills.toml", &first)], plenty()).await;
    let said = stage.daemon(&["setup"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let source: sqlx::types::Uuid =
        sqlx::query_scalar("SELECT data_source_id FROM sync.dashboards WHERE name = 'Bills'")
            .fetch_one(&stage.pool)
            .await
            .expect("the dashboard was set up");
    let source = source.to_string();
    let properties = stage
        .notion_request("GET", &format!("v1/data_sources/{source}"), Value::Null)
        .await["properties"]
        .clone();
    let id = |name: &str| properties[name]["id"].clone();

    let standing = views(&stage, &source).await;
    let board = named(&standing, "By state")[0].clone();
    assert_eq!(board["type"], "board");
    assert_eq!(
        board["configuration"]["group_by"]["property_id"],
        id("State")
    );
    assert_eq!(
        board["sorts"],
        json!([{"property": id("Due"), "direction": "descending"}])
    );
    assert_eq!(
        board["filter"],
        json!({"and": [
            {"property": id("Paid"), "checkbox": {"equals": false}},
            {"or": [
                {"property": id("State"), "select": {"equals": "open"}},
                {"property": id("State"), "select": {"equals": "late"}},
            ]},
        ]})
    );
    assert_eq!(hidden(&board), [id("Paid")]);
    let calendar = named(&standing, "When")[0];
    assert_eq!(calendar["configuration"]["date_property_id"], id("Due"));
    let by_status = named(&standing, "By progress")[0];
    assert_eq!(
        by_status["configuration"]["group_by"],
        json!({"type": "status", "property_id": id("Progress"), "sort": {"type": "manual"}, "group_by": "option"}),
        "a status is grouped by its options, not by their groups"
    );
    assert_eq!(
        by_status["filter"],
        json!({"property": id("Progress"), "status": {"equals": "Open"}})
    );

    // Somebody's own view, and a file that says otherwise of ours.
    stage
        .notion_request(
            "POST",
            "v1/views",
            json!({"data_source_id": source, "name": "Mine", "type": "table"}),
        )
        .await;
    let mine = named(&views(&stage, &source).await, "Mine")[0].clone();
    let second = schema(
        "[[view]]\nname = \"By state\"\ntype = \"board\"\ngroup = \"State\"\n\
         [[view]]\nname = \"When\"\ntype = \"timeline\"\ndate = \"Due\"\n\
         [[view]]\nname = \"Some\"\ngroup = \"State\"\nshow = [\"Due\"]\nsort = [\"State\", \"-Bill\"]\n\
         filter = { Bill = \"Bill 1\", Number = 1, Tags = \"a\" }\n",
    );
    std::fs::write(stage.schemas.path().join("bills.toml"), second).expect("a schema file");
    let said = stage.daemon(&["setup"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let standing = views(&stage, &source).await;
    let boards = named(&standing, "By state");
    assert_eq!(boards.len(), 1, "the same view, and no second one");
    assert_eq!(boards[0]["id"], board["id"]);
    assert_eq!(boards[0]["sorts"], Value::Null);
    assert_eq!(boards[0]["filter"], Value::Null);
    let when = named(&standing, "When");
    assert_eq!((when.len(), &when[0]["type"]), (1, &json!("timeline")));
    assert_eq!(*named(&standing, "Mine")[0], mine);
    let some = named(&standing, "Some")[0];
    assert_eq!(some["type"], "table", "if nothing is said");
    assert_eq!(some["configuration"]["group_by"]["type"], "select");
    assert_eq!(
        hidden(some),
        ["State", "Paid", "Number", "Tags", "Progress"].map(id)
    );
    assert_eq!(
        some["sorts"],
        json!([
            {"property": id("State"), "direction": "ascending"},
            {"property": id("Bill"), "direction": "descending"},
        ])
    );
    let mut conditions = some["filter"]["and"]
        .as_array()
        .expect("all of them")
        .clone();
    conditions.sort_by_key(ToString::to_string);
    let mut wanted = [
        json!({"property": id("Bill"), "title": {"equals": "Bill 1"}}),
        json!({"property": id("Number"), "number": {"equals": 1.0}}),
        json!({"property": id("Tags"), "multi_select": {"contains": "a"}}),
    ];
    wanted.sort_by_key(ToString::to_string);
    assert_eq!(conditions, wanted);

    // A person's view of the very name is the person's, and ours stands beside it.
    stage
        .people(json!({"act": "add_view", "data_source": source, "name": "When", "type": "table"}))
        .await;
    let mut before = views(&stage, &source).await;
    let said = stage.daemon(&["setup"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let mut after = views(&stage, &source).await;
    assert_eq!(named(&after, "When").len(), 2);
    let ours = boards[0]["created_by"]["id"].clone();
    let theirs = |views: &mut Vec<Value>| views.retain(|view| view["created_by"]["id"] != ours);
    theirs(&mut before);
    theirs(&mut after);
    assert_eq!((before.len(), &before), (1, &after));
}

#[tokio::test]
async fn a_view_that_cannot_be_is_refused_with_its_line() {
    let file = schema(
        "[[view]]\nname = \"B\"\ntype = \"board\"\n[[view]]\nname = \"C\"\ntype = \"calendar\"\ndate = \"State\"\nhide = \"Stat\"\n",
    );
    let stage = Stage::bare(TABLE, &[("bills.toml", &file)], plenty()).await;
    let said = stage.daemon(&["setup"]).await;
    assert_eq!(said.code, 2, "{said:?}");
    for wanted in [
        "view \"B\" is a board without groups; add a line such as group = \"State\"",
        "bills.toml:40: view \"C\" cannot go by property \"State\"; name one of type date",
        "bills.toml:41: view \"C\" refers to property \"Stat\", which does not exist; did you mean \"State\"?",
    ] {
        assert!(said.stderr.contains(wanted), "{wanted}\n{}", said.stderr);
    }
}
