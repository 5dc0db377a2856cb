//! What happens in a life: requests and people's acts, most of them such that they fit each other.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::TOKEN;

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
    prop_oneof![2 => name().prop_flat_map(usual_condition), 1 => any_condition()]
}

fn usual_condition(name: &'static str) -> BoxedStrategy<Value> {
    let (kind, operators) = match name {
        "A" => ("select", ["equals", "does_not_equal"]),
        "B" => ("multi_select", ["contains", "does_not_contain"]),
        "C" => ("status", ["equals", "does_not_equal"]),
        "D" => ("relation", ["contains", "does_not_contain"]),
        _ => ("title", ["contains", "equals"]),
    };
    let operand = prop::sample::select(vec!["x", "y", "Done"]);
    (prop::sample::select(operators.to_vec()), operand)
        .prop_map(move |(operator, operand)| {
            let operand = if kind == "relation" { "%2" } else { operand };
            json!({ "property": name, kind: { operator: operand } })
        })
        .boxed()
}

fn any_condition() -> impl Strategy<Value = Value> {
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
fn request() -> BoxedStrategy<(&'static str, String, Value)> {
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
    let conditions = prop::collection::vec(condition(), 0..3);
    let page = prop::option::of((0_u8..3, prop::sample::select(vec!["%c", "%2", "", "x"])));
    let query = (source.clone(), conditions, order(), page).prop_map(
        |(source, conditions, order, page)| {
            let mut body = json!({ "filter": { "or": conditions } });
            if let Some(order) = order {
                body["sorts"] = json!([order]);
            }
            if let Some((size, cursor)) = page {
                body["page_size"] = size.into();
                body["start_cursor"] = cursor.into();
            }
            ("POST", format!("/v1/data_sources/{source}/query"), body)
        },
    );
    let view = (source, shown()).prop_map(|(source, mut body)| {
        body["data_source_id"] = source.into();
        body["name"] = "v".into();
        body["type"] = body["configuration"]["type"].clone();
        ("POST", "/v1/views".to_owned(), body)
    });
    let view_change = (any::<Option<bool>>(), shown()).prop_map(|(named, mut body)| {
        match named {
            Some(true) => body["name"] = "w".into(),
            Some(false) => body["filter"] = Value::Null,
            None => {}
        }
        ("PATCH", "/v1/views/%5".to_owned(), body)
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
        "/v1/blocks/%9/children",
        "/v1/pages/%2/properties/A",
        "/v1/views",
        "/v1/views?database_id=%3",
        "/v1/views?data_source_id=%1",
        "/v1/views/%5",
        "/v1/users",
        "/v1/users/me",
        "/v1/users/%7",
    ])
    .prop_map(|path| ("GET", path.to_owned(), json!({})));
    let rows = prop_oneof![3 => schema, 4 => create, 4 => update, 3 => query].boxed();
    let containers =
        prop_oneof![2 => database, 1 => create_database, 1 => create_source, 2 => move_source];
    let views = prop_oneof![view, view_change];
    let bodies = prop_oneof![page_below, blocks, block];
    prop_oneof![14 => rows, 3 => containers, 2 => views, 2 => bodies, 1 => delete, 1 => search, 4 => read].boxed()
}

/// What rows are ordered by, or nothing.
fn order() -> impl Strategy<Value = Option<Value>> {
    let direction = || prop::sample::select(vec!["ascending", "descending"]);
    let by_property = (name(), direction())
        .prop_map(|(by, direction)| json!({ "property": by, "direction": direction }));
    let by_time = direction()
        .prop_map(|direction| json!({ "timestamp": "created_time", "direction": direction }));
    prop::option::of(prop_oneof![2 => by_property, 1 => by_time])
}

/// What a view shows.
fn shown() -> impl Strategy<Value = Value> {
    let configuration = prop_oneof![
        3 => Just(json!({ "type": "table", "properties": [{ "property_id": "A", "visible": true }] })),
        1 => name().prop_map(|by| {
            let group = json!({ "type": "status", "property_id": by, "group_by": "option", "sort": { "type": "manual" } });
            json!({ "type": "board", "group_by": group })
        }),
        1 => name().prop_map(|date| json!({ "type": "calendar", "date_property_id": date })),
        1 => word().prop_map(|word| json!({ "type": "table", "group_by": { "type": word } })),
    ];
    let quick = prop::option::of(condition());
    (configuration, prop::option::of(condition()), order(), quick).prop_map(
        |(configuration, filter, order, quick)| {
            let mut body = json!({ "configuration": configuration });
            if let Some(filter) = filter {
                body["filter"] = filter;
            }
            if let Some(order) = order {
                body["sorts"] = json!([order]);
            }
            if let Some(Value::Object(mut condition)) = quick {
                let property = condition.shift_remove("property").unwrap_or_default();
                let key = property.as_str().unwrap_or_default();
                body["quick_filters"] = json!({ key: condition });
            }
            body
        },
    )
}

/// One thing that happens to a workspace.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Ask {
        method: &'static str,
        /// With its query string.
        url: String,
        version: &'static str,
        body: Value,
    },
    /// Something that a person does.
    Act(Value),
}

/// A member of a query string.
fn member() -> impl Strategy<Value = (&'static str, String)> {
    let of = |key: &'static str, values: Vec<&'static str>| {
        prop::sample::select(values).prop_map(move |value| (key, value.to_owned()))
    };
    prop_oneof![
        of(
            "page_size",
            vec!["1", "2", "100", "0", "-1", "1.5", "x", ""]
        ),
        of("start_cursor", vec!["%c", "%2", "%5", "%7", "x", ""]),
        of("filter_properties", vec!["A", "title", "Nope", ""]),
        of("filter_properties[]", vec!["A", "B"]),
        of("database_id", vec!["%3", "%4", "x"]),
        of("data_source_id", vec!["%0", "%2"]),
        word().prop_map(|word| ("page_size", word)),
    ]
}

/// The members that a call takes in its query string.
fn taken(method: &str, path: &str) -> &'static [&'static str] {
    let segments: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
    match (method, segments.as_slice()) {
        ("GET", ["users"] | [_, _, "children"] | [_, _, "properties", _]) => {
            &["page_size", "start_cursor"]
        }
        ("GET", ["views"]) => &["page_size", "start_cursor", "database_id", "data_source_id"],
        ("GET", ["pages", _]) | ("POST", [_, _, "query"]) => {
            &["filter_properties", "filter_properties[]"]
        }
        _ => &[],
    }
}

pub(super) fn step() -> BoxedStrategy<Step> {
    let version = prop_oneof![2 => Just("2026-03-11"), 1 => Just("2025-09-03")];
    let members = prop::collection::vec(member(), 0..4);
    // Few requests have members that their call does not take.
    let wild = prop::bool::weighted(0.1);
    let ask = (request(), version, members, wild).prop_map(
        |((method, mut url, body), version, members, wild)| {
            let known = taken(method, url.split('?').next().unwrap_or_default());
            for (key, value) in members {
                if wild || known.contains(&key) {
                    let joint = if url.contains('?') { '&' } else { '?' };
                    url = format!("{url}{joint}{key}={value}");
                }
            }
            Step::Ask {
                method,
                url,
                version,
                body,
            }
        },
    );
    prop_oneof![8 => ask, 1 => act().prop_map(Step::Act)].boxed()
}

/// What a person does to what there is.
fn act() -> BoxedStrategy<Value> {
    let source = || prop::sample::select(vec!["%0", "%1"]);
    let page = || prop::sample::select(vec!["%2", "%8"]);
    let object = prop::sample::select(vec!["%2", "%3", "%4", "%8"]);
    let properties = || prop::collection::vec(named_value(), 0..4).prop_map(Value::from_iter);
    let edit = (page(), properties()).prop_map(
        |(page, properties)| json!({ "act": "edit_cells", "page": page, "properties": properties }),
    );
    let duplicate = page().prop_map(|page| json!({ "act": "duplicate_page", "page": page }));
    let rename = (source(), name(), name()).prop_map(|(source, old, new)| {
        json!({ "act": "rename_property", "data_source": source, "property": old, "name": new })
    });
    let delete = (source(), name()).prop_map(|(source, name)| {
        json!({ "act": "delete_property", "data_source": source, "property": name })
    });
    // What is hidden soon comes back, so that lives go on.
    let kinds = vec![
        "trash", "restore", "restore", "unshare", "share", "share", "lock", "unlock",
    ];
    let mark = (prop::sample::select(kinds), object)
        .prop_map(|(kind, id)| json!({ "act": kind, "id": id }));
    let add = (source(), properties()).prop_map(|(source, properties)| {
        json!({ "act": "add_page", "data_source": source, "properties": properties })
    });
    let blocks = (page(), word()).prop_map(|(page, text)| {
        let block = json!({ "paragraph": { "rich_text": [{ "text": { "content": text } }] } });
        json!({ "act": "add_blocks", "page": page, "children": [block] })
    });
    let kind = prop::sample::select(vec!["table", "board", "nonsense"]);
    let view = (source(), kind).prop_map(
        |(source, kind)| json!({ "act": "add_view", "data_source": source, "name": "p", "type": kind }),
    );
    let property = (source(), named_config()).prop_map(|(source, (name, config))| {
        json!({ "act": "add_property", "data_source": source, "name": name, "config": config })
    });
    let token = prop::sample::select(vec![
        json!({ "act": "revoke_token" }),
        json!({ "act": "revoke_token", "token": "other" }),
        json!({ "act": "renew_token", "token": TOKEN }),
        json!({ "act": "connect", "name": "Other", "token": "other" }),
    ]);
    prop_oneof![
        3 => edit, 1 => duplicate, 1 => rename, 1 => delete, 4 => mark, 2 => add, 1 => blocks, 1 => view, 2 => property,
        1 => token,
    ]
    .boxed()
}

/// A page to hang something below, or none.
fn object() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(prop::sample::select(vec!["%2", "%8", "%9"]))
}
