//! A workspace's life in random valid and half-valid requests: never a panic, never an unasked 500, never a broken state.

use chrono::{TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::TOKEN;
use crate::api::gate::{self, Incoming};
use crate::model::invariants::violated;
use crate::model::workspace::Workspace;

/// Properties that every data source of these lives may have.
const NAMES: [&str; 6] = ["Name", "A", "B", "C", "D", "Ä;%"];

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(NAMES.to_vec())
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["x", "y", "Done", "In progress", "", "2026-02-28", "7"])
            .prop_map(str::to_owned),
        "\\PC{0,8}",
    ]
}

/// A property's configuration; `%0` and `%1` stand for the two data sources.
fn config() -> impl Strategy<Value = Value> {
    let plain = prop::sample::select(vec![
        "rich_text",
        "number",
        "date",
        "checkbox",
        "url",
        "email",
        "phone_number",
        "people",
        "files",
        "unique_id",
        "created_time",
        "last_edited_by",
        "select",
        "multi_select",
        "status",
    ])
    .prop_map(|kind| json!({ kind: {} }));
    let options = (
        prop::sample::select(vec!["select", "multi_select", "status"]),
        prop::collection::vec(word(), 0..4),
    )
        .prop_map(|(kind, names)| {
            let options: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
            json!({ kind: { "options": options } })
        });
    let relation =
        (prop::sample::select(vec!["%0", "%1"]), any::<bool>()).prop_map(|(to, dual)| {
            let how = if dual {
                "dual_property"
            } else {
                "single_property"
            };
            json!({ "relation": { "data_source_id": to, how: {} } })
        });
    let rollup = (
        name(),
        name(),
        prop::sample::select(vec!["sum", "count", "show_original", "latest_date", "median"]),
    )
        .prop_map(|(relation, rolled, function)| {
            json!({ "rollup": { "function": function, "relation_property_name": relation, "rollup_property_name": rolled } })
        });
    let formula = (name(), prop::sample::select(vec!["+", "==", "<", "*"]), name())
        .prop_map(|(a, how, b)| json!({ "formula": { "expression": format!("prop(\"{a}\") {how} prop(\"{b}\")") } }));
    prop_oneof![4 => plain, 3 => options, 2 => relation, 1 => rollup, 1 => formula]
}

/// A property's value, of any type; `%2` stands for a page.
fn value() -> impl Strategy<Value = Value> {
    let text = word().prop_map(|word| json!({ "rich_text": [{ "text": { "content": word } }] }));
    let title = word().prop_map(|word| json!({ "title": [{ "text": { "content": word } }] }));
    let one = (prop::sample::select(vec!["select", "status"]), word())
        .prop_map(|(kind, name)| json!({ kind: { "name": name } }));
    let several = prop::collection::vec(word(), 0..4).prop_map(|names| {
        let options: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
        json!({ "multi_select": options })
    });
    let line = (
        prop::sample::select(vec!["url", "email", "phone_number"]),
        word(),
    )
        .prop_map(|(kind, line)| json!({ kind: line }));
    prop_oneof![
        text,
        title,
        one,
        several,
        line,
        any::<f64>().prop_map(|number| json!({ "number": number })),
        any::<bool>().prop_map(|flag| json!({ "checkbox": flag })),
        word().prop_map(|start| json!({ "date": { "start": start } })),
        Just(json!({ "date": { "start": "2026-02-27T23:59:59.999+14:00", "end": "2026-03-01" } })),
        Just(json!({ "relation": [{ "id": "%2" }] })),
        Just(json!({ "relation": [] })),
        Just(json!({ "select": null })),
        Just(json!({ "number": null })),
    ]
}

fn condition() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec![
        "title",
        "rich_text",
        "number",
        "select",
        "multi_select",
        "status",
        "date",
        "checkbox",
        "relation",
        "formula",
        "rollup",
        "unique_id",
        "people",
        "created_time",
    ]);
    let operator = prop::sample::select(vec![
        "equals",
        "does_not_equal",
        "contains",
        "is_empty",
        "is_not_empty",
        "greater_than",
        "before",
        "on_or_after",
        "past_week",
        "this_week",
        "any",
        "string",
        "number",
    ]);
    let operand = prop_oneof![
        word().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        Just(json!(true)),
        Just(json!({})),
        Just(json!({ "number": { "equals": 1 } })),
        Just(json!("%2")),
    ];
    (name(), kind, operator, operand)
        .prop_map(|(property, kind, operator, operand)| json!({ "property": property, kind: { operator: operand } }))
}

/// What a property of this name mostly is, so that many requests fit each other.
fn usual_config(name: &'static str) -> BoxedStrategy<Value> {
    let options = |kind: &'static str| {
        let names = prop::sample::subsequence(vec!["x", "y", "Done", "In progress"], 0..4);
        names
            .prop_map(move |names| {
                let options: Vec<Value> =
                    names.iter().map(|name| json!({ "name": name })).collect();
                json!({ kind: { "options": options } })
            })
            .boxed()
    };
    match name {
        "A" => options("select"),
        "B" => options("multi_select"),
        "C" => options("status"),
        "D" => prop::sample::select(vec!["%0", "%1"])
            .prop_map(|to| json!({ "relation": { "data_source_id": to, "dual_property": {} } }))
            .boxed(),
        _ => Just(json!({ "unique_id": {} })).boxed(),
    }
}

fn usual_value(name: &'static str) -> BoxedStrategy<Value> {
    let one = || prop::sample::select(vec!["x", "y", "Done", "In progress", "new"]);
    match name {
        "A" => one()
            .prop_map(|name| json!({ "select": { "name": name } }))
            .boxed(),
        "B" => prop::collection::vec(one(), 0..4)
            .prop_map(|names| {
                let options: Vec<Value> =
                    names.iter().map(|name| json!({ "name": name })).collect();
                json!({ "multi_select": options })
            })
            .boxed(),
        "C" => one()
            .prop_map(|name| json!({ "status": { "name": name } }))
            .boxed(),
        "D" => Just(json!({ "relation": [{ "id": "%2" }] })).boxed(),
        _ => word()
            .prop_map(|word| json!({ "title": [{ "text": { "content": word } }] }))
            .boxed(),
    }
}

fn named_config() -> impl Strategy<Value = (&'static str, Value)> {
    name().prop_flat_map(|name| {
        (
            Just(name),
            prop_oneof![3 => usual_config(name), 1 => config().boxed()],
        )
    })
}

fn named_value() -> impl Strategy<Value = (&'static str, Value)> {
    name().prop_flat_map(|name| {
        (
            Just(name),
            prop_oneof![4 => usual_value(name), 1 => value().boxed()],
        )
    })
}

/// A method, a path and a body.
fn request() -> impl Strategy<Value = (&'static str, String, Value)> {
    let properties = || prop::collection::vec(named_value(), 0..4).prop_map(Value::from_iter);
    let source = prop::sample::select(vec!["%0", "%1"]);
    let change = prop_oneof![
        5 => named_config(),
        1 => name().prop_map(|name| (name, Value::Null)),
        1 => (name(), name()).prop_map(|(old, new)| (old, json!({ "name": new }))),
    ];
    let schema =
        (source.clone(), prop::collection::vec(change, 1..4)).prop_map(|(source, changes)| {
            let body = json!({ "properties": Value::from_iter(changes) });
            ("PATCH", format!("/v1/data_sources/{source}"), body)
        });
    let create = (source.clone(), properties()).prop_map(|(source, properties)| {
        let body = json!({ "parent": { "data_source_id": source }, "properties": properties });
        ("POST", "/v1/pages".to_owned(), body)
    });
    let update = (properties(), any::<Option<bool>>()).prop_map(|(properties, trash)| {
        let mut body = json!({ "properties": properties });
        if let Some(trash) = trash {
            body["in_trash"] = trash.into();
        }
        ("PATCH", "/v1/pages/%2".to_owned(), body)
    });
    let query = (source.clone(), prop::collection::vec(condition(), 0..3), name(), any::<bool>()).prop_map(
        |(source, conditions, by, descending)| {
            let direction = if descending { "descending" } else { "ascending" };
            let body = json!({ "filter": { "or": conditions }, "sorts": [{ "property": by, "direction": direction }] });
            ("POST", format!("/v1/data_sources/{source}/query"), body)
        },
    );
    let view = (source, condition()).prop_map(|(source, filter)| {
        let body =
            json!({ "data_source_id": source, "name": "v", "type": "board", "filter": filter });
        ("POST", "/v1/views".to_owned(), body)
    });
    let view_change = (any::<Option<bool>>(), condition()).prop_map(|(named, filter)| {
        let filter = named.map_or(Value::Null, |_| filter);
        (
            "PATCH",
            "/v1/views/%5".to_owned(),
            json!({ "name": "w", "filter": filter }),
        )
    });
    let container = (
        object(),
        any::<Option<bool>>(),
        any::<Option<bool>>(),
        word(),
    )
        .prop_map(|(page, trash, lock, title)| {
            let mut body = json!({ "title": [{ "text": { "content": title } }] });
            match page {
                // Some of these would hang a database below itself.
                Some(page) => body["parent"] = json!({ "type": "page_id", "page_id": page }),
                None => body["is_inline"] = true.into(),
            }
            if let Some(trash) = trash {
                body["in_trash"] = trash.into();
            }
            if let Some(lock) = lock {
                body["is_locked"] = lock.into();
            }
            body
        });
    let database = (prop::sample::select(vec!["%3", "%4"]), container)
        .prop_map(|(id, body)| ("PATCH", format!("/v1/databases/{id}"), body));
    let create_database = object().prop_map(|page| {
        let parent = page.map_or(
            json!({ "type": "workspace", "workspace": true }),
            |page| json!({ "type": "page_id", "page_id": page }),
        );
        (
            "POST",
            "/v1/databases".to_owned(),
            json!({ "parent": parent }),
        )
    });
    let databases = || prop::sample::select(vec!["%3", "%4"]);
    let create_source = (databases(), named_config()).prop_map(|(id, (name, config))| {
        let mut properties = json!({ "Name": { "title": {} } });
        properties[name] = config;
        let body = json!({ "parent": { "database_id": id }, "properties": properties });
        ("POST", "/v1/data_sources".to_owned(), body)
    });
    let move_source = (
        prop::sample::select(vec!["%0", "%1"]),
        databases(),
        any::<Option<bool>>(),
    )
        .prop_map(|(source, database, trash)| {
            let body = match trash {
                Some(trash) => json!({ "in_trash": trash }),
                None => json!({ "parent": { "database_id": database } }),
            };
            ("PATCH", format!("/v1/data_sources/{source}"), body)
        });
    let page_below = (object(), word()).prop_map(|(page, text)| {
        let parent = page.map_or(
            json!({ "workspace": true }),
            |page| json!({ "page_id": page }),
        );
        let children = json!([{ "paragraph": { "rich_text": [{ "text": { "content": text } }] } }]);
        (
            "POST",
            "/v1/pages".to_owned(),
            json!({ "parent": parent, "children": children }),
        )
    });
    let blocks = (prop::sample::select(vec!["%2", "%6", "%3"]), word()).prop_map(|(parent, text)| {
        let text = json!([{ "text": { "content": text } }]);
        let body = json!({ "children": [{ "to_do": { "rich_text": text, "children": [{ "divider": {} }] } }] });
        ("PATCH", format!("/v1/blocks/{parent}/children"), body)
    });
    let block = any::<Option<bool>>().prop_map(|trash| {
        let body = trash.map_or(
            json!({ "to_do": { "checked": true } }),
            |trash| json!({ "in_trash": trash }),
        );
        ("PATCH", "/v1/blocks/%6".to_owned(), body)
    });
    let search =
        word().prop_map(|query| ("POST", "/v1/search".to_owned(), json!({ "query": query })));
    let delete = prop::sample::select(vec![
        "/v1/views/%5",
        "/v1/blocks/%6",
        "/v1/blocks/%2",
        "/v1/blocks/%3",
    ])
    .prop_map(|path| ("DELETE", path.to_owned(), json!({})));
    let read = prop::sample::select(vec![
        "/v1/pages/%2",
        "/v1/data_sources/%0",
        "/v1/databases/%3",
        "/v1/blocks/%2",
        "/v1/blocks/%2/children",
        "/v1/pages/%2/properties/A",
        "/v1/views",
        "/v1/views/%5",
        "/v1/users",
        "/v1/users/me",
        "/v1/users/%7",
    ])
    .prop_map(|path| ("GET", path.to_owned(), json!({})));
    let rows = prop_oneof![3 => schema, 4 => create, 4 => update, 3 => query];
    let containers =
        prop_oneof![2 => database, 1 => create_database, 1 => create_source, 2 => move_source];
    let views = prop_oneof![view, view_change];
    let bodies = prop_oneof![page_below, blocks, block];
    prop_oneof![14 => rows, 3 => containers, 2 => views, 2 => bodies, 1 => delete, 1 => search, 2 => read]
}

/// A page to hang something below, or none.
fn object() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(prop::sample::select(vec!["%2", "%8", "%9"]))
}

fn send(
    workspace: &mut Workspace,
    (method, path, body): (&str, &str, &str),
) -> Result<Value, (u16, String)> {
    let incoming = Incoming {
        method,
        path,
        query: "",
        authorization: Some("Bearer ntn_test"),
        version: Some("2026-03-11"),
        json: true,
        body: body.as_bytes(),
    };
    let refused = |failure: crate::failure::Failure| (failure.status, failure.message);
    let bot = workspace.settings.bot.id;
    let call = gate::admit(&incoming, |token| (token == TOKEN).then_some(bot)).map_err(refused)?;
    let now = Utc::now() + TimeDelta::seconds(1);
    crate::api::run(workspace, &call, now)
        .map(|(answer, _)| answer)
        .map_err(refused)
}

/// What requests speak of: their places' objects, the newest of each kind where there may be several.
struct Names {
    ids: Vec<String>,
}

impl Names {
    /// The place of what such a call makes.
    fn learn(&mut self, path: &str, answer: &Value) {
        let (place, made) = match path {
            "/v1/pages" if answer["parent"]["type"] == "data_source_id" => (2, &answer["id"]),
            "/v1/pages" => (8, &answer["id"]),
            "/v1/views" => (5, &answer["id"]),
            _ if path.ends_with("/children") => (6, &answer["results"][0]["id"]),
            _ => return,
        };
        if let Some(made) = made.as_str() {
            made.clone_into(&mut self.ids[place]);
        }
    }

    fn filled(&self, text: &str) -> String {
        let each = self.ids.iter().enumerate();
        each.fold(text.to_owned(), |text, (at, id)| {
            text.replace(&format!("%{at}"), id)
        })
    }
}

/// `%0` and `%1` are data sources, `%2` a row, `%3` and `%4` databases, `%5` a view, `%6` a block, `%7` a user,
/// `%8` a page below another, `%9` the root.
fn begin() -> (Workspace, Names) {
    let mut workspace = Workspace::new(TOKEN.to_owned(), 7, Utc::now());
    let root = workspace.settings.root;
    let mut made = |method: &str, path: &str, body: Value| {
        send(&mut workspace, (method, path, &body.to_string())).expect("a beginning")
    };
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    let databases = [0, 1].map(|_| {
        made("POST", "/v1/databases", json!({
            "parent": { "type": "page_id", "page_id": root },
            "initial_data_source": { "properties": { "Name": { "title": {} }, "A": { "rich_text": {} }, "B": { "number": {} } } },
        }))
    });
    let [first, second] = [0, 1].map(|at| text(&databases[at]["data_sources"][0]["id"]));
    let row = made(
        "POST",
        "/v1/pages",
        json!({ "parent": { "data_source_id": first }, "properties": {} }),
    );
    let view = made(
        "POST",
        "/v1/views",
        json!({ "data_source_id": first, "name": "v", "type": "table" }),
    );
    let body = json!({ "children": [{ "to_do": { "rich_text": [] } }] });
    let blocks = made(
        "PATCH",
        &format!("/v1/blocks/{}/children", text(&row["id"])),
        body,
    );
    let below = made(
        "POST",
        "/v1/pages",
        json!({ "parent": { "page_id": root } }),
    );
    let user = text(&made("GET", "/v1/users", json!({}))["results"][0]["id"]);
    let ids = vec![
        first,
        second,
        text(&row["id"]),
        text(&databases[0]["id"]),
        text(&databases[1]["id"]),
        text(&view["id"]),
        text(&blocks["results"][0]["id"]),
        user,
        text(&below["id"]),
        root.to_string(),
    ];
    (workspace, Names { ids })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_life_breaks_a_workspace(requests in prop::collection::vec(request(), 1..60)) {
        let (mut workspace, mut names) = begin();
        for (method, path, body) in requests {
            let (path, body) = (names.filled(&path), names.filled(&body.to_string()));
            match send(&mut workspace, (method, &path, &body)) {
                Ok(answer) => names.learn(&path, &answer),
                Err((status, message)) => {
                    prop_assert!(status < 500, "{method} {path} {body}: {status} {message}");
                }
            }
            if let Some(wrong) = violated(&workspace) {
                prop_assert!(false, "{wrong} after {method} {path} {body}");
            }
        }
        let restored = Workspace::restore(workspace.records(), 8).expect("settings");
        let kept = serde_json::to_value(sorted(&restored)).expect("JSON");
        prop_assert_eq!(kept, serde_json::to_value(sorted(&workspace)).expect("JSON"));
    }
}

/// Every endpoint that there is, is among the requests of a life.
#[test]
fn lives_reach_every_endpoint() {
    use crate::api::route::{ENDPOINTS, find};
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let requests = request().boxed();
    let mut reached = std::collections::HashSet::new();
    for _ in 0..5_000 {
        let (method, path, _) = requests.new_tree(&mut runner).expect("a request").current();
        reached.extend(find(method, &path).map(|route| route.endpoint()));
    }
    let missing: Vec<&str> = ENDPOINTS
        .iter()
        .copied()
        .filter(|name| !reached.contains(name))
        .collect();
    assert_eq!(missing, [""; 0]);
}

/// A workspace's records in an order that does not depend on its maps.
fn sorted(workspace: &Workspace) -> Vec<String> {
    let records = workspace.records();
    let mut lines: Vec<String> = records
        .iter()
        .map(|record| serde_json::to_string(record).expect("JSON"))
        .collect();
    lines.sort_unstable();
    lines
}
