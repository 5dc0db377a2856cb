//! Makes the Notion databases under the parent page what the schema files say.
//!
//! Idempotent: what the ledger knows is compared with its file, what exists in Notion but not in the ledger is
//! taken over (with its pages, by reads alone), and only what is missing is created. So an interrupted setup, a
//! lost ledger and a second run all end in the same place, without a second database.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value as Json, json};

use crate::board::{Board, oldest_of_each};
use crate::budget::Lane;
use crate::dashboard::{Dashboard, KEY_PROPERTY, PropertyKind, Source};
use crate::ledger::{Binding, Ledger};
use crate::notion::{Client, Error as NotionError, Gate, Meaning, convert, listing};
use crate::page::Fingerprint;
use crate::people;
use crate::retry;
use crate::views;
use crate::writer::with_cause;

mod change;
mod page;

use change::{Changes, Standing, Why};

/// What was done for one dashboard.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Done {
    /// The dashboard.
    pub name: String,
    /// Its database; none yet where one would be created.
    pub database_id: Option<uuid::Uuid>,
    /// `created`, `adopted` (found under the parent page), `restored` (from the trash), `changed`, `left` (it has
    /// no file any more), `trashed`, or `unchanged`.
    pub action: &'static str,
    /// What was changed in it, a line each.
    pub changes: Vec<String>,
    /// Properties that left the file and stand in Notion still.
    pub left: Vec<String>,
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
    /// The ledger cannot be used.
    #[error("cannot use the ledger")]
    Ledger(#[from] sqlx::Error),
}

struct Setup<'a> {
    client: &'a Client,
    gate: &'a Gate,
    ledger: &'a Ledger,
    parent: uuid::Uuid,
    extent: Extent,
}

/// How far setup goes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extent {
    /// Nothing is written; what would be is told.
    pub plan: bool,
    /// What left the files goes: properties are deleted, databases trashed.
    pub prune: bool,
}

/// Sets up every dashboard. `dashboards` are in dependency order; their databases are made in that of the page.
/// `absent` are those that have a file and no source here.
pub async fn setup(
    client: &Client,
    gate: &Gate,
    ledger: &Ledger,
    parent: uuid::Uuid,
    dashboards: &[Dashboard],
    absent: &[String],
    extent: Extent,
) -> Result<Vec<Done>, Error> {
    let setup = Setup {
        client,
        gate,
        ledger,
        parent,
        extent,
    };
    let mut dashboards: Vec<&Dashboard> = dashboards.iter().collect();
    dashboards.sort_by_key(|dashboard| dashboard.order);
    let mut bindings = setup.renamed(&dashboards).await?;
    let mut existing = None;
    let mut done = Vec::new();
    let creates = dashboards
        .iter()
        .any(|one| !bindings.contains_key(&one.name));
    if creates && !extent.plan {
        // What stands at the top of the page is made before what stands below it.
        page::arrange(&setup, &dashboards, &bindings).await?;
    }
    let mut standing: HashMap<&str, Json> = HashMap::new();
    for dashboard in &dashboards {
        let found = if let Some(binding) = bindings.get(&dashboard.name) {
            let (action, data_source) = setup.stands(dashboard, binding).await?;
            standing.insert(&dashboard.name, data_source);
            Some((binding.clone(), action))
        } else {
            if existing.is_none() {
                existing = Some(setup.existing_databases().await?);
            }
            let candidates = existing.as_ref().and_then(|all| all.get(&dashboard.name));
            let adopted = setup
                .adopt(dashboard, candidates.map_or(&[], Vec::as_slice))
                .await?;
            adopted.map(|binding| (binding, "adopted"))
        };
        let found = match found {
            None if !extent.plan => Some((setup.create(dashboard, &bindings).await?, "created")),
            found => found,
        };
        let (binding, action) = found.map_or((None, "created"), |(binding, action)| {
            (Some(binding), action)
        });
        done.push(Done {
            name: dashboard.name.clone(),
            database_id: binding.as_ref().map(|binding| binding.database_id),
            action,
            changes: Vec::new(),
            left: Vec::new(),
            pages: 0,
        });
        bindings.extend(binding.map(|binding| (dashboard.name.clone(), binding)));
    }
    // Relations that point to a later dashboard or to their own have a target only now.
    for (dashboard, done) in dashboards.iter().zip(&mut done) {
        let Some(binding) = bindings.get(&dashboard.name).cloned() else {
            continue;
        };
        let data_source = match standing.remove(dashboard.name.as_str()) {
            Some(data_source) => data_source,
            None => setup.data_source(dashboard, binding.data_source_id).await?,
        };
        let mut binding = binding;
        binding.made_by(&data_source);
        let binding = setup
            .follow(dashboard, binding, &bindings, data_source, done)
            .await?;
        if extent.plan {
            continue;
        }
        setup.lock(dashboard, &binding).await?;
        views::follow(client, gate, dashboard, &binding)
            .await
            .map_err(|source| failure(dashboard, source))?;
        if done.action == "adopted" {
            done.pages = setup.take_over_pages(dashboard, &binding).await?;
        }
        bindings.insert(dashboard.name.clone(), binding);
    }
    let named = |name: &String| {
        absent.contains(name) || dashboards.iter().any(|dashboard| dashboard.name == *name)
    };
    let mut without_file: Vec<_> = bindings.iter().filter(|(name, _)| !named(name)).collect();
    without_file.sort_by_key(|(name, _)| *name);
    for (name, binding) in without_file {
        done.push(setup.without_file(name, binding).await?);
    }
    if !extent.plan {
        page::arrange(&setup, &dashboards, &bindings).await?;
        learn_people(client, gate, ledger, &dashboards).await;
    }
    Ok(done)
}

/// Who has which address: rows name people by theirs.
async fn learn_people(client: &Client, gate: &Gate, ledger: &Ledger, dashboards: &[&Dashboard]) {
    let mut properties = dashboards
        .iter()
        .flat_map(|dashboard| &dashboard.properties);
    if properties.any(|property| property.kind == PropertyKind::People)
        && let Err(error) = people::learn(client, gate, ledger).await
    {
        tracing::warn!(
            error = with_cause(&error),
            "the addresses of people are not known yet; `run` asks for them again"
        );
    }
}

impl Setup<'_> {
    async fn data_source(&self, dashboard: &Dashboard, id: uuid::Uuid) -> Result<Json, Error> {
        retry::read(self.gate, Lane::Live, async |permit| {
            self.client.data_source(permit, id).await
        })
        .await
        .map_err(|source| failure(dashboard, source))
    }

    /// The databases that the ledger knows, by the names that they have now.
    async fn renamed(&self, dashboards: &[&Dashboard]) -> Result<HashMap<String, Binding>, Error> {
        let mut bindings = self.ledger.bindings().await?;
        for dashboard in dashboards {
            if bindings.contains_key(&dashboard.name) {
                continue;
            }
            let mut before = dashboard.was.iter();
            let before = before.find(|was| dashboards.iter().all(|other| other.name != **was));
            let Some((was, binding)) = before.and_then(|was| bindings.remove_entry(was)) else {
                continue;
            };
            if !self.extent.plan {
                self.ledger.rename_dashboard(&was, &dashboard.name).await?;
            }
            bindings.insert(dashboard.name.clone(), binding);
        }
        Ok(bindings)
    }

    /// Looks for a database that the ledger knows, and takes it out of the trash.
    async fn stands(
        &self,
        dashboard: &Dashboard,
        binding: &Binding,
    ) -> Result<(&'static str, Json), Error> {
        let answer = self.data_source(dashboard, binding.data_source_id).await?;
        if answer["in_trash"] != true {
            return Ok(("unchanged", answer));
        }
        if !self.extent.plan {
            retry::read(self.gate, Lane::Live, async |permit| {
                self.client
                    .restore_database(permit, binding.database_id)
                    .await
            })
            .await
            .map_err(|source| failure(dashboard, source))?;
        }
        Ok(("restored", answer))
    }

    /// Makes a database what its file says, and tells what that takes.
    async fn follow(
        &self,
        dashboard: &Dashboard,
        mut binding: Binding,
        bindings: &HashMap<String, Binding>,
        data_source: Json,
        done: &mut Done,
    ) -> Result<Binding, Error> {
        let target = |name: &str| bindings.get(name).map(|binding| binding.data_source_id);
        let standing = Standing {
            property_ids: &binding.property_ids,
            definitions: &binding.definitions,
            data_source: &data_source,
        };
        let changes = Changes::of(dashboard, &standing, target);
        let looks = looks(dashboard);
        let looks_differ = binding.definitions.get(LOOKS) != Some(&looks);
        if done.action != "created" {
            done.changes = changes.lines();
            if !binding.definitions.is_empty() && looks_differ {
                done.changes
                    .push("another name or icon of the database".to_owned());
            }
            if done.action == "unchanged" && !done.changes.is_empty() {
                done.action = "changed";
            }
        }
        let pruned: Vec<String> = if self.extent.prune {
            done.changes
                .extend(changes.left.keys().map(|name| format!("delete {name:?}")));
            changes.left.values().cloned().collect()
        } else {
            done.left = changes.left.keys().cloned().collect();
            Vec::new()
        };
        if self.extent.plan {
            return Ok(binding);
        }
        // Before anything is asked for: a property whose making was not answered is known for ours.
        for (name, _) in &changes.added {
            binding.property_ids.insert(name.clone(), String::new());
        }
        for renamed in changes.renamed.iter().filter(|one| one.why == Why::Retyped) {
            let id = renamed.id.clone();
            binding.property_ids.insert(renamed.to.clone(), id);
        }
        self.ledger.bind(&dashboard.name, &binding).await?;
        let mut answer = data_source;
        let names = changes.names();
        if !names.is_empty() {
            answer = self.redefine(dashboard, &binding, names).await?;
        }
        for renamed in changes.renamed.iter().filter(|one| one.why == Why::Meant) {
            self.ledger
                .rename_property(&dashboard.name, &renamed.from, &renamed.to)
                .await?;
            binding.property_ids.remove(&renamed.from);
            let id = renamed.id.clone();
            binding.property_ids.insert(renamed.to.clone(), id);
        }
        let mut definitions = changes.definitions();
        definitions.extend(pruned.iter().map(|id| (id.clone(), Json::Null)));
        if !definitions.is_empty() {
            answer = self.redefine(dashboard, &binding, definitions).await?;
        }
        if looks_differ && done.action != "created" {
            let mut body = json!({"title": convert::rich_text(&dashboard.name)});
            if let Some(icon) = &dashboard.icon {
                body["icon"] = convert::picture(icon);
            }
            retry::read(self.gate, Lane::Live, async |permit| {
                self.client
                    .update_database(permit, binding.database_id, &body)
                    .await
            })
            .await
            .map_err(|source| failure(dashboard, source))?;
        }
        let by_name = ids_by_name(&answer);
        for (name, id) in &mut binding.property_ids {
            if id.is_empty() {
                id.clone_from(by_name.get(name).unwrap_or(&String::new()));
            }
        }
        binding.property_ids.retain(|_, id| !pruned.contains(id));
        binding.definitions = change::definitions(dashboard);
        binding.definitions.insert(LOOKS.to_owned(), looks);
        self.ledger.bind(&dashboard.name, &binding).await?;
        Ok(binding)
    }

    async fn redefine(
        &self,
        dashboard: &Dashboard,
        binding: &Binding,
        properties: Map<String, Json>,
    ) -> Result<Json, Error> {
        let body = json!({"properties": properties});
        // Saying twice what a property is, is saying it once.
        retry::read(self.gate, Lane::Live, async |permit| {
            self.client
                .update_data_source(permit, binding.data_source_id, &body)
                .await
        })
        .await
        .map_err(|source| failure(dashboard, source))
    }

    /// A database whose file is gone: it stays as it is, until somebody asks for its end.
    async fn without_file(&self, name: &str, binding: &Binding) -> Result<Done, Error> {
        let mut action = "left";
        if self.extent.prune {
            action = "trashed";
        }
        if self.extent.prune && !self.extent.plan {
            let permit = self.gate.admit(Lane::Live).await;
            let answer = self
                .client
                .trash_database(permit, binding.database_id)
                .await;
            match answer {
                Err(source)
                    if !matches!(source.meaning(), Meaning::InTrash | Meaning::NotFound) =>
                {
                    return Err(Error::Notion {
                        dashboard: name.to_owned(),
                        cure: cure(&source),
                        source,
                    });
                }
                _ => self.ledger.forget_dashboard(name).await?,
            }
        }
        Ok(Done {
            name: name.to_owned(),
            database_id: Some(binding.database_id),
            action,
            changes: Vec::new(),
            left: Vec::new(),
            pages: 0,
        })
    }

    /// Locks a database in Notion's interface, so that nobody changes its properties, options and views by mistake.
    async fn lock(&self, dashboard: &Dashboard, binding: &Binding) -> Result<(), Error> {
        let id = binding.database_id;
        let database = retry::read(self.gate, Lane::Live, async |permit| {
            self.client.database(permit, id).await
        })
        .await
        .map_err(|source| failure(dashboard, source))?;
        if database["is_locked"] != true {
            retry::read(self.gate, Lane::Live, async |permit| {
                self.client
                    .update_database(permit, id, &json!({"is_locked": true}))
                    .await
            })
            .await
            .map_err(|source| failure(dashboard, source))?;
        }
        Ok(())
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
            let ours = change::wanted(dashboard);
            property_ids.retain(|name, _| ours.iter().any(|(wanted, ..)| wanted == name));
            let mut binding = Binding {
                database_id: *database_id,
                data_source_id,
                property_ids,
                definitions: BTreeMap::new(),
                digest: None,
                hands: Vec::new(),
            };
            binding.made_by(&answer);
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
        let target = |name: &str| bindings.get(name).map(|binding| binding.data_source_id);
        // Notion checks a formula when it is saved, against properties that stand already.
        let properties: Map<String, Json> = change::wanted(dashboard)
            .into_iter()
            .filter(|(_, kind, _)| !matches!(kind, PropertyKind::Formula { .. }))
            .filter_map(|(name, kind, _)| {
                Some((name.to_owned(), convert::property_schema(kind, target)?))
            })
            .collect();
        let mut body = json!({
            "parent": {"type": "page_id", "page_id": self.parent},
            "title": convert::rich_text(&dashboard.name),
            "description": convert::rich_text(&description(dashboard)),
            "is_inline": false,
            "initial_data_source": {"properties": properties},
        });
        if let Some(emoji) = &dashboard.icon {
            body["icon"] = convert::picture(emoji);
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
            definitions: BTreeMap::new(),
            digest: None,
            hands: Vec::new(),
        })
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

/// What stands for a database's own name and icon among the definitions of its properties.
const LOOKS: &str = "";

fn looks(dashboard: &Dashboard) -> Fingerprint {
    Fingerprint::of(
        json!([dashboard.name, dashboard.icon])
            .to_string()
            .as_bytes(),
    )
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
