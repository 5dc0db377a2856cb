use serde_json::{Value as Json, json};

use super::{Changes, Standing, Why, definitions};
use crate::dashboard::{Dashboard, Dashboards};

fn dashboard(properties: &str) -> Dashboard {
    let text = format!("name = 'Board'\nsource = 't'\nkey = 'id'\ncadence = '30s'\n{properties}");
    let dashboards = Dashboards::parse(&[("board.toml".to_owned(), text)], &[]).unwrap();
    dashboards.get("Board").unwrap().clone()
}

fn property(name: &str, kind: &str) -> String {
    format!("[[property]]\nname = '{name}'\ntype = '{kind}'\ncolumn = 'c'\n")
}

/// The changes of a database that was made for `before`, with its properties as `standing` has them.
fn changes(before: &str, after: &str, standing: impl FnOnce(&mut Json)) -> Changes {
    let (before, after) = (dashboard(before), dashboard(after));
    let ids = super::wanted(&before).into_iter().map(|(name, kind, _)| {
        let title = *kind == crate::dashboard::PropertyKind::Title;
        let id = if title {
            "title".to_owned()
        } else {
            format!("id of {name}")
        };
        (name.to_owned(), id)
    });
    let ids = ids.collect();
    let mut properties = json!({});
    for (name, kind, _) in super::wanted(&before) {
        let mut config = crate::notion::convert::property_schema(kind, |_| None).unwrap();
        config["type"] = crate::notion::convert::property_type(kind).into();
        config["id"] = std::collections::BTreeMap::<String, String>::clone(&ids)[name]
            .clone()
            .into();
        properties[name] = config;
    }
    standing(&mut properties);
    let known = Standing {
        property_ids: &ids,
        definitions: &definitions(&before),
        data_source: &json!({ "properties": properties }),
    };
    Changes::of(&after, &known, |_| None)
}

#[test]
fn what_is_the_same_changes_nothing() {
    let file = property("Name", "title") + &property("Sum", "number");
    let found = changes(&file, &file, |_| {});
    assert_eq!(found, Changes::default());
}

#[test]
fn another_title_frees_the_name_of_the_old_one() {
    let before = property("Name", "title") + &property("Sum", "number");
    let after =
        property("Invoice", "title") + &property("Name", "text") + &property("Sum", "number");
    let found = changes(&before, &after, |_| {});
    assert_eq!(
        found.lines(),
        ["rename \"Name\" to \"Invoice\"", "add \"Name\""]
    );
    assert_eq!(found.renamed[0].why, Why::Meant);
    assert!(found.left.is_empty());
}

#[test]
fn a_name_that_a_person_gave_stays() {
    let file = property("Name", "title") + &property("Sum", "number");
    let found = changes(&file, &file, |properties| {
        properties["Summe"] = properties["Sum"].take();
        properties
            .as_object_mut()
            .unwrap()
            .retain(|_, config| !config.is_null());
    });
    assert_eq!(found, Changes::default());
}

#[test]
fn a_property_that_a_person_deleted_or_retyped_is_made_anew() {
    let file = property("Name", "title") + &property("Sum", "number");
    let found = changes(&file, &file, |properties| {
        properties
            .as_object_mut()
            .unwrap()
            .retain(|name, _| name != "Sum");
    });
    assert_eq!(found.lines(), ["add \"Sum\""]);
    let found = changes(&file, &file, |properties| {
        properties["Sum"]["type"] = "rich_text".into();
        properties["Sum (rich_text)"] = json!({"id": "x", "type": "checkbox"});
    });
    assert_eq!(found.renamed[0].to, "Sum (rich_text) 2");
    assert_eq!(found.renamed[0].why, Why::Retyped);
    assert!(found.left.contains_key("Sum (rich_text) 2"));
}
