//! Creates the views that a schema file asks for, and keeps them as it says. A person's own views are left alone:
//! ours are those of the wanted name that the integration created.

use serde_json::{Map, Value as Json, json};

use crate::budget::Lane;
use crate::dashboard::{Dashboard, PropertyKind, View};
use crate::ledger::Binding;
use crate::notion::{Client, Error, Gate, convert};
use crate::retry;

/// Makes the views of a database that was set up what its file says.
pub async fn follow(
    client: &Client,
    gate: &Gate,
    dashboard: &Dashboard,
    binding: &Binding,
) -> Result<(), Error> {
    if dashboard.views.is_empty() {
        return Ok(());
    }
    let source = retry::read(gate, Lane::Live, async |permit| {
        client.data_source(permit, binding.data_source_id).await
    })
    .await?;
    let ours = source["created_by"]["id"].clone();
    let standing: Vec<Json> = standing(client, gate, binding)
        .await?
        .into_iter()
        .filter(|view| view["created_by"]["id"] == ours)
        .collect();
    for view in &dashboard.views {
        let body = body(dashboard, binding, view);
        let same_name = |standing: &&Json| standing["name"] == view.name;
        let mut outdated = Vec::new();
        let mut found = None;
        for standing in standing.iter().filter(same_name) {
            match convert::id(standing) {
                Some(id) if standing["type"] == view.kind && found.is_none() => found = Some(id),
                Some(id) => outdated.push(id),
                None => {}
            }
        }
        if let Some(id) = found {
            let change = change(&body);
            // Saying twice what a view shows is saying it once.
            retry::read(gate, Lane::Live, async |permit| {
                client.update_view(permit, id, &change).await
            })
            .await?;
        } else {
            // Not repeated: one whose answer was lost is found by its name by the next setup.
            let permit = gate.admit(Lane::Live).await;
            client.create_view(permit, &body).await?;
        }
        // The type of a view cannot be changed; what it was is in the way.
        for id in outdated {
            let permit = gate.admit(Lane::Live).await;
            client.delete_view(permit, id).await?;
        }
    }
    Ok(())
}

/// The views of a data source, whole.
async fn standing(client: &Client, gate: &Gate, binding: &Binding) -> Result<Vec<Json>, Error> {
    let (mut views, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let answer = retry::read(gate, Lane::Live, async |permit| {
            client
                .views(permit, binding.data_source_id, cursor.as_deref())
                .await
        })
        .await?;
        for view in answer["results"].as_array().into_iter().flatten() {
            // A list may tell no more of a view than that it is there.
            match convert::id(view) {
                Some(id) if view["name"].is_null() => views.push(
                    retry::read(gate, Lane::Live, async |permit| {
                        client.view(permit, id).await
                    })
                    .await?,
                ),
                _ => views.push(view.clone()),
            }
        }
        cursor = answer["next_cursor"].as_str().map(str::to_owned);
        if answer["has_more"] != true || cursor.is_none() {
            return Ok(views);
        }
    }
}

fn body(dashboard: &Dashboard, binding: &Binding, view: &View) -> Json {
    let id = |name: &str| {
        binding
            .property_ids
            .get(name)
            .cloned()
            .unwrap_or_else(|| name.to_owned())
    };
    let mut configuration = Map::from_iter([("type".to_owned(), json!(view.kind))]);
    let shown: Vec<Json> = dashboard
        .properties
        .iter()
        .filter(|property| property.kind.is_property())
        .map(|property| {
            json!({"property_id": id(&property.name), "visible": !view.hide.contains(&property.name)})
        })
        .collect();
    configuration.insert("properties".to_owned(), shown.into());
    if let Some(group) = &view.group {
        configuration.insert(
            "group_by".to_owned(),
            group_by(dashboard, group, &id(group)),
        );
    }
    if let Some(date) = &view.date {
        configuration.insert("date_property_id".to_owned(), id(date).into());
    }
    let mut body = json!({
        "database_id": binding.database_id,
        "data_source_id": binding.data_source_id,
        "name": view.name,
        "type": view.kind,
        "configuration": configuration,
    });
    if !view.sort.is_empty() {
        let sorts = view.sort.iter().map(|(name, descending)| {
            let direction = if *descending {
                "descending"
            } else {
                "ascending"
            };
            json!({"property": id(name), "direction": direction})
        });
        body["sorts"] = sorts.collect();
    }
    if !view.filter.is_empty() {
        let all: Vec<Json> = view
            .filter
            .iter()
            .map(|(name, values)| {
                let one = |value: &String| condition(dashboard, name, &id(name), value);
                match values.as_slice() {
                    [value] => one(value),
                    values => json!({"or": values.iter().map(one).collect::<Vec<_>>()}),
                }
            })
            .collect();
        body["filter"] = match all.as_slice() {
            [one] => one.clone(),
            _ => json!({"and": all}),
        };
    }
    body
}

/// What makes a view that stands already the same.
fn change(body: &Json) -> Json {
    json!({
        "filter": body.get("filter").unwrap_or(&Json::Null),
        "sorts": body.get("sorts").unwrap_or(&Json::Null),
        "configuration": body["configuration"],
    })
}

fn kind<'a>(dashboard: &'a Dashboard, name: &str) -> Option<&'a PropertyKind> {
    dashboard
        .properties
        .iter()
        .find(|property| property.name == name)
        .map(|property| &property.kind)
}

fn group_by(dashboard: &Dashboard, name: &str, id: &str) -> Json {
    let kind = kind(dashboard, name).map_or("select", PropertyKind::name);
    let mut group = json!({"type": kind, "property_id": id, "sort": {"type": "manual"}});
    if kind == "status" {
        group["group_by"] = "option".into();
    }
    group
}

fn condition(dashboard: &Dashboard, name: &str, id: &str, value: &str) -> Json {
    let kind = kind(dashboard, name).unwrap_or(&PropertyKind::PLAIN);
    let condition = match kind {
        PropertyKind::Checkbox => json!({"equals": value == "true"}),
        PropertyKind::Number { .. } => json!({"equals": value.parse::<f64>().ok()}),
        PropertyKind::MultiSelect { .. } => json!({"contains": value}),
        _ => json!({"equals": value}),
    };
    json!({"property": id, convert::property_type(kind): condition})
}

#[cfg(test)]
mod tests;
