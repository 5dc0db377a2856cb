//! Creates the Notion databases under the parent page, once.
//!
//! Idempotent: what the ledger knows is checked, what exists in Notion but not in the ledger is taken over
//! (with its pages, by reads alone), and only what is missing is created. So an interrupted setup, a lost
//! ledger and a second run all end in the same place, without a second database.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value as Json, json};

use crate::board::{Board, oldest_of_each};
use crate::budget::Lane;
use crate::dashboard::{Dashboard, KEY_PROPERTY, NOTE_PROPERTY, PropertyKind, Source};
use crate::ledger::{Binding, Ledger};
use crate::notion::{Client, Error as NotionError, Gate, Meaning, convert, listing};
use crate::retry;
use crate::views;

/// What was done for one dashboard.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Done {
    /// The dashboard.
    pub name: String,
    /// Its database.
    pub database_id: uuid::Uuid,
    /// `created`, `adopted` (found under the parent page), `restored` (from the trash), `changed` (properties
    /// added), or `unchanged`.
    pub action: &'static str,
    /// Pages taken over with an adopted database.
    pub pages: usize,
}

/// Why setup stopped. What was done until then stays, and the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Notion refused, or cannot be reached.
    #[error("cannot set up dashboard {dashboard:?}: {cure}")]
    Notion {
        /// Which dashboard.
        dashboard: String,
        /// What to do about it.
        cure: String,
        /// What Notion said.
        #[source]
        source: NotionError,
    },
    /// A property stands in Notion as another type than the schema file says.
    #[error(
        "property {property:?} of dashboard {dashboard:?} is a {standing} in Notion and a {wanted} in its schema file; \
         give it another name in the file, or delete it in Notion, and run setup again"
    )]
    Retyped {
        /// Which dashboard.
        dashboard: String,
        /// Which property.
        property: String,
        /// Notion's name of the type that stands.
        standing: String,
        /// Notion's name of the type that is wanted.
        wanted: &'static str,
    },
    /// The ledger cannot be used.
    #[error("cannot use the ledger")]
    Ledger(#[from] sqlx::Error),
}

struct Setup<'a> {
    client: &'a Client,
    gate: &'a Gate,
    ledger: &'a Ledger,
    parent: uuid::Uuid,
}

/// Sets up every dashboard, in dependency order.
pub async fn setup(
    client: &Client,
    gate: &Gate,
    ledger: &Ledger,
    parent: uuid::Uuid,
    dashboards: &[Dashboard],
) -> Result<Vec<Done>, Error> {
    let setup = Setup {
        client,
        gate,
        ledger,
        parent,
    };
    let mut bindings = ledger.bindings().await?;
    let mut existing = None;
    let mut done = Vec::new();
    for dashboard in dashboards {
        let (binding, action) = if let Some(binding) = bindings.get(&dashboard.name) {
            setup.check(dashboard, binding.clone()).await?
        } else {
            if existing.is_none() {
                existing = Some(setup.existing_databases().await?);
            }
            let candidates = existing.as_ref().and_then(|all| all.get(&dashboard.name));
            match setup
                .adopt(dashboard, candidates.map_or(&[], Vec::as_slice))
                .await?
            {
                Some(binding) => (binding, "adopted"),
                None => (setup.create(dashboard, &bindings).await?, "created"),
            }
        };
        bindings.insert(dashboard.name.clone(), binding.clone());
        done.push(Done {
            name: dashboard.name.clone(),
            database_id: binding.database_id,
            action,
            pages: 0,
        });
    }
    // Relations that point to a later dashboard or to their own have a target only now.
    for (dashboard, done) in dashboards.iter().zip(&mut done) {
        let binding = bindings[&dashboard.name].clone();
        let missing = missing(dashboard, &binding.property_ids, &bindings);
        let ids_unknown = binding.property_ids.values().any(String::is_empty);
        let binding = if !missing.is_empty() || ids_unknown {
            if done.action == "unchanged" {
                done.action = "changed";
            }
            setup.complete(dashboard, binding, &missing).await?
        } else {
            binding
        };
        ledger.bind(&dashboard.name, &binding).await?;
        views::follow(client, gate, dashboard, &binding)
            .await
            .map_err(|source| failure(dashboard, source))?;
        if done.action == "adopted" {
            done.pages = setup.take_over_pages(dashboard, &binding).await?;
        }
    }
    Ok(done)
}

impl Setup<'_> {
    async fn data_source(&self, dashboard: &Dashboard, id: uuid::Uuid) -> Result<Json, Error> {
        retry::read(self.gate, Lane::Live, async |permit| {
            self.client.data_source(permit, id).await
        })
        .await
        .map_err(|source| failure(dashboard, source))
    }

    /// Checks a database that the ledger knows.
    async fn check(
        &self,
        dashboard: &Dashboard,
        mut binding: Binding,
    ) -> Result<(Binding, &'static str), Error> {
        let mut answer = self.data_source(dashboard, binding.data_source_id).await?;
        let mut action = "unchanged";
        if answer["in_trash"] == true {
            retry::read(self.gate, Lane::Live, async |permit| {
                self.client
                    .restore_database(permit, binding.database_id)
                    .await
            })
            .await
            .map_err(|source| failure(dashboard, source))?;
            answer = self.data_source(dashboard, binding.data_source_id).await?;
            action = "restored";
        }
        same_types(dashboard, &answer)?;
        let standing = ids_by_name(&answer);
        let stands = |id: &String| standing.values().any(|known| known == id);
        binding.property_ids.retain(|_, id| stands(id));
        for (name, id) in standing.clone() {
            binding.property_ids.entry(name).or_insert(id);
        }
        let ours: Vec<&str> = property_names(dashboard);
        binding
            .property_ids
            .retain(|name, _| ours.contains(&name.as_str()));
        Ok((binding, action))
    }

    /// Databases under the parent page, by title.
    async fn existing_databases(&self) -> Result<HashMap<String, Vec<uuid::Uuid>>, Error> {
        let (mut found, mut cursor) = (HashMap::<String, Vec<uuid::Uuid>>::new(), None::<String>);
        loop {
            let answer = retry::read(self.gate, Lane::Live, async |permit| {
                self.client
                    .children(permit, self.parent, cursor.as_deref())
                    .await
            })
            .await
            .map_err(|source| Error::Notion {
                dashboard: "(all)".to_owned(),
                cure: cure(&source),
                source,
            })?;
            for block in answer["results"].as_array().into_iter().flatten() {
                if let (Some(title), Some(id)) = (
                    block["child_database"]["title"].as_str(),
                    convert::id(block),
                ) {
                    found.entry(title.to_owned()).or_default().push(id);
                }
            }
            cursor = answer["next_cursor"].as_str().map(str::to_owned);
            if answer["has_more"] != true || cursor.is_none() {
                return Ok(found);
            }
        }
    }

    /// Takes over a database of this name that carries our key property. One that a person made has none.
    async fn adopt(
        &self,
        dashboard: &Dashboard,
        candidates: &[uuid::Uuid],
    ) -> Result<Option<Binding>, Error> {
        for database_id in candidates {
            let database = retry::read(self.gate, Lane::Live, async |permit| {
                self.client.database(permit, *database_id).await
            })
            .await
            .map_err(|source| failure(dashboard, source))?;
            let Some(data_source_id) = database["data_sources"]
                .as_array()
                .and_then(|all| convert::id(all.first()?))
            else {
                continue;
            };
            let answer = self.data_source(dashboard, data_source_id).await?;
            let mut property_ids = ids_by_name(&answer);
            if !property_ids.contains_key(KEY_PROPERTY) {
                continue;
            }
            same_types(dashboard, &answer)?;
            let ours = property_names(dashboard);
            property_ids.retain(|name, _| ours.contains(&name.as_str()));
            let binding = Binding {
                database_id: *database_id,
                data_source_id,
                property_ids,
                digest: None,
            };
            return Ok(Some(binding));
        }
        Ok(None)
    }

    /// Creates the database with every property that can exist by now.
    async fn create(
        &self,
        dashboard: &Dashboard,
        bindings: &HashMap<String, Binding>,
    ) -> Result<Binding, Error> {
        let mut properties = missing(dashboard, &BTreeMap::new(), bindings);
        // Notion checks a formula when it is saved, against properties that stand already.
        for property in &dashboard.properties {
            if matches!(property.kind, PropertyKind::Formula { .. }) {
                properties.remove(&property.name);
            }
        }
        let mut body = json!({
            "parent": {"type": "page_id", "page_id": self.parent},
            "title": convert::rich_text(&dashboard.name),
            "description": convert::rich_text(&description(dashboard)),
            "is_inline": false,
            "initial_data_source": {"properties": properties},
        });
        if let Some(emoji) = &dashboard.icon {
            body["icon"] = json!({"type": "emoji", "emoji": emoji});
        }
        // Not repeated: a create whose answer was lost is found under the parent page by the next setup.
        let permit = self.gate.admit(Lane::Live).await;
        let answer = self
            .client
            .create_database(permit, &body)
            .await
            .map_err(|source| failure(dashboard, source))?;
        let data_source_id = answer["data_sources"]
            .as_array()
            .and_then(|all| convert::id(all.first()?));
        let (Some(database_id), Some(data_source_id)) = (convert::id(&answer), data_source_id)
        else {
            return Err(failure(dashboard, NotionError::Unexpected("data source")));
        };
        tracing::info!(dashboard = dashboard.name, database.id = %database_id, "database created");
        // The answer does not tell the ids of properties: known to stand, ids to be learnt.
        let property_ids = properties
            .keys()
            .map(|name| (name.clone(), String::new()))
            .collect();
        Ok(Binding {
            database_id,
            data_source_id,
            property_ids,
            digest: None,
        })
    }

    /// Adds the properties that are missing, and learns the ids of all.
    async fn complete(
        &self,
        dashboard: &Dashboard,
        mut binding: Binding,
        wanted: &Map<String, Json>,
    ) -> Result<Binding, Error> {
        let id = binding.data_source_id;
        let answer = if wanted.is_empty() {
            self.data_source(dashboard, id).await?
        } else {
            // Adding a property twice is adding it once, so this may be repeated like a read.
            let body = json!({"properties": wanted});
            retry::read(self.gate, Lane::Live, async |permit| {
                self.client.update_data_source(permit, id, &body).await
            })
            .await
            .map_err(|source| failure(dashboard, source))?
        };
        let ours = property_names(dashboard);
        binding.property_ids = ids_by_name(&answer);
        binding
            .property_ids
            .retain(|name, _| ours.contains(&name.as_str()));
        Ok(binding)
    }

    /// Rebuilds the ledger of an adopted database from its pages.
    async fn take_over_pages(
        &self,
        dashboard: &Dashboard,
        binding: &Binding,
    ) -> Result<usize, Error> {
        let board = Board {
            dashboard: dashboard.clone(),
            binding: binding.clone(),
        };
        let pages = listing::all_pages(self.client, self.gate, binding.data_source_id)
            .await
            .map_err(|source| failure(dashboard, source))?;
        let (kept, extra) =
            oldest_of_each(pages.iter().filter_map(|page| board.read(page)).collect());
        let pages: Vec<_> = kept.values().collect();
        self.ledger.rebuilt(board.name(), &pages).await?;
        if !extra.is_empty() {
            tracing::warn!(
                dashboard = board.name(),
                pages = extra.len(),
                "several pages of one row; the oldest are used, see verify"
            );
        }
        Ok(kept.len())
    }
}

/// Whether every property of the dashboard that stands is of its type.
fn same_types(dashboard: &Dashboard, data_source: &Json) -> Result<(), Error> {
    for property in &dashboard.properties {
        let wanted = convert::property_type(&property.kind);
        match data_source["properties"][&property.name]["type"].as_str() {
            Some(standing) if standing != wanted => {
                return Err(Error::Retyped {
                    dashboard: dashboard.name.clone(),
                    property: property.name.clone(),
                    standing: standing.to_owned(),
                    wanted,
                });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Properties that the dashboard wants and the database lacks, as far as their targets exist.
fn missing(
    dashboard: &Dashboard,
    standing: &BTreeMap<String, String>,
    bindings: &HashMap<String, Binding>,
) -> Map<String, Json> {
    let target = |name: &str| bindings.get(name).map(|binding| binding.data_source_id);
    let fixed = [
        (KEY_PROPERTY, &PropertyKind::Text),
        (NOTE_PROPERTY, &PropertyKind::Text),
    ];
    dashboard
        .properties
        .iter()
        .map(|property| (property.name.as_str(), &property.kind))
        .chain(fixed)
        .filter(|(name, _)| !standing.contains_key(*name))
        .filter_map(|(name, kind)| match kind {
            // A data source has one title always: under another name it is renamed, not added.
            PropertyKind::Title if !standing.is_empty() => {
                Some(("title".to_owned(), json!({"name": name})))
            }
            _ => Some((name.to_owned(), convert::property_schema(kind, target)?)),
        })
        .collect()
}

fn property_names(dashboard: &Dashboard) -> Vec<&str> {
    dashboard
        .properties
        .iter()
        .map(|property| property.name.as_str())
        .chain([KEY_PROPERTY, NOTE_PROPERTY])
        .collect()
}

fn ids_by_name(data_source: &Json) -> BTreeMap<String, String> {
    data_source["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, property)| Some((name.clone(), property["id"].as_str()?.to_owned())))
        .collect()
}

pub(crate) fn description(dashboard: &Dashboard) -> String {
    dashboard
        .description
        .clone()
        .unwrap_or_else(|| match &dashboard.source {
            Source::Table { schema, name } => {
                format!("Mirrored from {schema}.{name} in Postgres: edit there, not here.")
            }
            Source::Query(_) => "Mirrored from Postgres: edit there, not here.".to_owned(),
        })
}

fn failure(dashboard: &Dashboard, source: NotionError) -> Error {
    Error::Notion {
        dashboard: dashboard.name.clone(),
        cure: cure(&source),
        source,
    }
}

fn cure(error: &NotionError) -> String {
    match error.meaning() {
        Meaning::Blocked => "Notion has blocked this integration: ask its support before going on".to_owned(),
        Meaning::TokenRefused => "renew NOTION_TOKEN (Notion, Settings, Connections, your integration)".to_owned(),
        Meaning::NotFound => {
            "share the parent page with the integration (page menu, Connections), or restore the database from Notion's trash".to_owned()
        }
        Meaning::Forbidden => "give the integration \"insert content\" and \"update content\" in Notion's integration settings".to_owned(),
        Meaning::BlockLimit => "a Free workspace with several members holds 1,000 blocks: upgrade the plan, or mirror fewer rows".to_owned(),
        Meaning::Unreachable => "check the network and NOTION_BASE_URL".to_owned(),
        Meaning::Invalid => "Notion refuses what its schema file asks for; correct the file and run setup again".to_owned(),
        _ => "try again".to_owned(),
    }
}
