use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::dashboard::Dashboards;
use crate::ledger::Binding;

/// A view of each type, grouped by each type of property, with a filter by each and sorts.
const FILE: &str = r#"name = "Bills"
source = "bills"
key = "id"
cadence = "2m"
[[property]]
name = "Bill"
type = "title"
column = "name"
[[property]]
name = "Note"
type = "text"
column = "note"
[[property]]
name = "State"
type = "select"
column = "state"
[[property]]
name = "Progress"
type = "status"
column = "progress"
options = [{ value = "open" }, { value = "paid" }]
[[property]]
name = "Tags"
type = "multi_select"
column = "tags"
[[property]]
name = "Amount"
type = "number"
column = "amount"
[[property]]
name = "Paid"
type = "checkbox"
column = "paid"
[[property]]
name = "Site"
type = "url"
column = "site"
[[property]]
name = "Mail"
type = "email"
column = "mail"
[[property]]
name = "Phone"
type = "phone"
column = "phone"
[[property]]
name = "Due"
type = "date"
column = "due"
[[view]]
name = "Plain"
[[view]]
name = "Grouped"
type = "table"
group = "Tags"
show = ["Amount"]
sort = ["Due", "-Amount"]
filter = { Bill = "One", Note = "Two", State = ["a", "b"], Progress = "open", Tags = "c", Amount = 5 }
[[view]]
name = "By state"
type = "board"
group = "State"
filter = { Paid = false }
[[view]]
name = "By progress"
type = "board"
group = "Progress"
filter = { Site = "https://example.org/", Mail = "ada@example.org", Phone = "+44 1234" }
[[view]]
name = "Timeline"
type = "timeline"
date = "Due"
hide = ["Note"]
[[view]]
name = "Calendar"
type = "calendar"
date = "Due"
"#;

/// The requests of this file are held to the declarations of Notion's own SDK by `tests/conformance/official-types`.
#[test]
fn the_bodies_of_every_kind_of_view_are_those_that_were_checked() {
    let files = [("bills.toml".to_owned(), FILE.to_owned())];
    let dashboards = Dashboards::parse(&files, &[]).expect("a valid file");
    let dashboard = dashboards.get("Bills").expect("the dashboard");
    let binding = Binding {
        database_id: uuid::Uuid::from_u128(1),
        data_source_id: uuid::Uuid::from_u128(2),
        property_ids: BTreeMap::new(),
        definitions: BTreeMap::new(),
        digest: None,
        hands: Vec::new(),
    };
    let bodies: Vec<Json> = dashboard
        .views
        .iter()
        .map(|view| {
            let create = super::body(dashboard, &binding, view);
            json!({"update": super::change(&create), "create": create})
        })
        .collect();
    let checked: Vec<Json> =
        serde_json::from_str(include_str!("bodies.json")).expect("the checked bodies");
    assert_eq!(
        bodies,
        checked,
        "bodies.json must say: {}",
        serde_json::to_string_pretty(&bodies).expect("JSON")
    );
}
