//! The workspace's objects, how they hang together, and which of them changed.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::cell::Cell;
use super::ids::{ById, Ids};
use super::schema::{Property, PropertyId, TITLE};
use super::text::Span;

/// Where an object hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Parent {
    Workspace,
    Page(Uuid),
    Block(Uuid),
    Database(Uuid),
    DataSource(Uuid),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Database {
    pub(crate) id: Uuid,
    /// Order of creation within the workspace.
    pub(crate) number: u64,
    pub(crate) parent: Parent,
    pub(crate) title: Vec<Span>,
    pub(crate) description: Vec<Span>,
    pub(crate) icon: Option<Value>,
    pub(crate) cover: Option<Value>,
    pub(crate) is_inline: bool,
    pub(crate) in_trash: bool,
    pub(crate) is_locked: bool,
    pub(crate) created_time: DateTime<Utc>,
    pub(crate) data_sources: Vec<Uuid>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DataSource {
    pub(crate) id: Uuid,
    pub(crate) number: u64,
    pub(crate) database: Uuid,
    pub(crate) title: Vec<Span>,
    pub(crate) icon: Option<Value>,
    pub(crate) in_trash: bool,
    pub(crate) created_time: DateTime<Utc>,
    pub(crate) created_by: Uuid,
    pub(crate) last_edited_time: DateTime<Utc>,
    pub(crate) last_edited_by: Uuid,
    pub(crate) properties: Vec<Property>,
    /// The last number given out by a `unique_id` property.
    pub(crate) last_unique_id: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) id: Uuid,
    pub(crate) number: u64,
    pub(crate) parent: Parent,
    pub(crate) created_time: DateTime<Utc>,
    pub(crate) created_by: Uuid,
    pub(crate) last_edited_time: DateTime<Utc>,
    pub(crate) last_edited_by: Uuid,
    pub(crate) icon: Option<Value>,
    pub(crate) cover: Option<Value>,
    pub(crate) in_trash: bool,
    pub(crate) is_archived: bool,
    pub(crate) is_locked: bool,
    pub(crate) cells: BTreeMap<PropertyId, Cell>,
}

impl Page {
    /// The title as text.
    pub(crate) fn title(&self) -> String {
        self.cells.get(TITLE).map(Cell::plain).unwrap_or_default()
    }
}

/// A block of a page's body. Pages and databases in a body are not among them: they are found by their parent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Block {
    pub(crate) id: Uuid,
    pub(crate) number: u64,
    pub(crate) parent: Parent,
    pub(crate) kind: String,
    pub(crate) content: Value,
    pub(crate) in_trash: bool,
    pub(crate) created_by: Uuid,
    pub(crate) created_time: DateTime<Utc>,
    pub(crate) last_edited_time: DateTime<Utc>,
}

/// The types of views.
pub(crate) const VIEW_KINDS: &[&str] = &[
    "table",
    "board",
    "list",
    "calendar",
    "timeline",
    "gallery",
    "form",
    "chart",
    "map",
    "dashboard",
];

/// A view of a database, kept as its author described it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct View {
    pub(crate) id: Uuid,
    pub(crate) number: u64,
    pub(crate) database: Uuid,
    pub(crate) data_source: Uuid,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) filter: Value,
    pub(crate) sorts: Value,
    pub(crate) quick_filters: Value,
    pub(crate) configuration: Value,
    pub(crate) created_by: Uuid,
    pub(crate) created_time: DateTime<Utc>,
    pub(crate) last_edited_time: DateTime<Utc>,
    pub(crate) deleted: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// A person's address; none for a bot.
    pub(crate) email: Option<String>,
}

/// An integration beside the first one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Connection {
    pub(crate) bot: User,
    pub(crate) token: String,
    pub(crate) token_revoked: bool,
}

/// What does not belong to one object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) root: Uuid,
    /// The integration itself.
    pub(crate) bot: User,
    pub(crate) people: Vec<User>,
    pub(crate) token: String,
    pub(crate) token_revoked: bool,
    /// Further integrations, each with a token of its own.
    #[serde(default)]
    pub(crate) others: Vec<Connection>,
    /// Objects that a person stopped sharing with the integration, with all below them.
    pub(crate) unshared: HashSet<Uuid>,
}

impl Settings {
    /// Every integration's bot, the first one's first.
    pub(crate) fn bots(&self) -> impl Iterator<Item = &User> {
        std::iter::once(&self.bot).chain(self.others.iter().map(|other| &other.bot))
    }

    /// The bot that a token stands for, unless the token was revoked.
    pub(crate) fn bot_of(&self, token: &str) -> Option<Uuid> {
        if token == self.token {
            return (!self.token_revoked).then_some(self.bot.id);
        }
        let other = self.others.iter().find(|other| other.token == token)?;
        (!other.token_revoked).then_some(other.bot.id)
    }
}

/// One object as it stands after a change: what a data file keeps.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    Settings(Settings),
    Database(Database),
    DataSource(DataSource),
    Page(Page),
    Block(Block),
    View(View),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Touched {
    Settings,
    Database(Uuid),
    DataSource(Uuid),
    Page(Uuid),
    Block(Uuid),
    View(Uuid),
}

/// Notion answers a query with so many rows, however often it is continued.
pub(crate) const QUERY_RESULTS: usize = 10_000;

/// Rows by the text of one property.
type TextIndex = HashMap<String, Vec<Uuid>>;

/// Everything. Fields are read freely; objects change only through the methods, which keep the indexes and the record of changes.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) settings: Settings,
    pub(crate) databases: ById<Database>,
    pub(crate) data_sources: ById<DataSource>,
    pub(crate) pages: ById<Page>,
    pub(crate) blocks: ById<Block>,
    pub(crate) views: ById<View>,
    pub(crate) ids: Ids,
    /// The bot whose request is served.
    pub(crate) acting: Option<Uuid>,
    /// The most blocks there may ever be, trashed ones included.
    pub(crate) block_limit: Option<u64>,
    /// Rows that a query answers at most.
    pub(crate) query_limit: usize,
    last_number: u64,
    /// Rows of each data source in order of creation.
    rows: ById<BTreeMap<u64, Uuid>>,
    /// What hangs under a page or block, in order.
    children: ById<BTreeMap<u64, Uuid>>,
    /// Built by the first lookup by a property's text, then kept up to date.
    by_text: HashMap<(Uuid, PropertyId), TextIndex>,
    touched: Vec<Touched>,
    version: u64,
    /// The version that each row has been as it is since.
    row_versions: ById<u64>,
    /// The version that everything but rows has been as it is since.
    frame_version: u64,
}

impl Workspace {
    /// A new workspace with a root page that is shared with the integration.
    pub(crate) fn new(token: String, seed: u64, now: DateTime<Utc>) -> Self {
        let mut ids = Ids::seeded(seed);
        let person = |ids: &mut Ids, name: &str, email: &str| User {
            id: ids.uuid(),
            name: name.to_owned(),
            email: Some(email.to_owned()),
        };
        let people = vec![
            person(&mut ids, "Ada Lovelace", "ada@example.com"),
            person(&mut ids, "Grace Hopper", "grace@example.com"),
        ];
        let settings = Settings {
            id: ids.uuid(),
            name: "notion-sim".to_owned(),
            root: ids.uuid(),
            bot: User {
                id: ids.uuid(),
                name: "Claimboard".to_owned(),
                email: None,
            },
            people,
            token,
            token_revoked: false,
            others: Vec::new(),
            unshared: HashSet::new(),
        };
        let (root, author) = (settings.root, settings.people[0].id);
        let mut workspace = Self::with(settings, ids);
        workspace.touched.push(Touched::Settings);
        let number = workspace.next_number();
        workspace.put_page(Page {
            id: root,
            number,
            parent: Parent::Workspace,
            created_time: now,
            created_by: author,
            last_edited_time: now,
            last_edited_by: author,
            icon: Some(serde_json::json!({ "type": "emoji", "emoji": "🧭" })),
            cover: None,
            in_trash: false,
            is_archived: false,
            is_locked: false,
            cells: BTreeMap::from([(
                TITLE.to_owned(),
                Cell::Text(vec![Span::plain("Mission control")]),
            )]),
        });
        workspace
    }

    fn with(settings: Settings, mut ids: Ids) -> Self {
        // Versions of another run are none of this one's.
        let version = ids.number();
        Self {
            settings,
            databases: ById::default(),
            data_sources: ById::default(),
            pages: ById::default(),
            blocks: ById::default(),
            views: ById::default(),
            ids,
            acting: None,
            block_limit: None,
            query_limit: QUERY_RESULTS,
            last_number: 0,
            rows: ById::default(),
            children: ById::default(),
            by_text: HashMap::new(),
            touched: Vec::new(),
            version,
            row_versions: ById::default(),
            frame_version: version,
        }
    }

    /// The workspace that records describe, later ones winning. `None` without settings among them.
    pub(crate) fn restore(records: impl IntoIterator<Item = Record>, seed: u64) -> Option<Self> {
        let mut settings = None;
        let mut objects: HashMap<Uuid, Record> = HashMap::new();
        for record in records {
            let id = match &record {
                Record::Settings(found) => {
                    settings = Some(found.clone());
                    continue;
                }
                Record::Database(database) => database.id,
                Record::DataSource(source) => source.id,
                Record::Page(page) => page.id,
                Record::Block(block) => block.id,
                Record::View(view) => view.id,
            };
            objects.insert(id, record);
        }
        let mut workspace = Self::with(settings?, Ids::seeded(seed));
        for record in objects.into_values() {
            match record {
                Record::Settings(_) => {}
                Record::Database(database) => workspace.put_database(database),
                Record::DataSource(source) => workspace.put_data_source(source),
                Record::Page(page) => workspace.put_page(page),
                Record::Block(block) => workspace.put_block(block),
                Record::View(view) => workspace.put_view(view),
            }
        }
        workspace.touched.clear();
        Some(workspace)
    }

    /// Everything as records.
    pub(crate) fn records(&self) -> Vec<Record> {
        let mut records = vec![Record::Settings(self.settings.clone())];
        records.extend(self.databases.values().cloned().map(Record::Database));
        records.extend(self.data_sources.values().cloned().map(Record::DataSource));
        records.extend(self.pages.values().cloned().map(Record::Page));
        records.extend(self.blocks.values().cloned().map(Record::Block));
        records.extend(self.views.values().cloned().map(Record::View));
        records
    }

    /// What changed since the last call, each object once.
    pub(crate) fn take_changes(&mut self) -> Vec<Record> {
        let touched = std::mem::take(&mut self.touched);
        let mut seen = HashSet::new();
        let unique = touched.into_iter().filter(|touched| seen.insert(*touched));
        unique
            .filter_map(|touched| {
                Some(match touched {
                    Touched::Settings => Record::Settings(self.settings.clone()),
                    Touched::Database(id) => Record::Database(self.databases.get(&id)?.clone()),
                    Touched::DataSource(id) => {
                        Record::DataSource(self.data_sources.get(&id)?.clone())
                    }
                    Touched::Page(id) => Record::Page(self.pages.get(&id)?.clone()),
                    Touched::Block(id) => Record::Block(self.blocks.get(&id)?.clone()),
                    Touched::View(id) => Record::View(self.views.get(&id)?.clone()),
                })
            })
            .collect()
    }

    /// Grows with every change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    fn touch(&mut self, touched: Touched) {
        self.touched.push(touched);
        self.version += 1;
        self.frame_version = self.version;
    }

    fn touch_row(&mut self, row: Uuid) {
        self.touched.push(Touched::Page(row));
        self.version += 1;
        self.row_versions.insert(row, self.version);
    }

    /// Whether nothing but rows changed after this version, which must be one that there was.
    pub(crate) fn frame_stood_at(&self, version: u64) -> bool {
        (self.frame_version..=self.version).contains(&version)
    }

    /// Whether neither a row nor one that it relates to changed after this version.
    pub(crate) fn row_stood_at(&self, row: &Page, version: u64) -> bool {
        let stood = |id: &Uuid| {
            let since = self.row_versions.get(id);
            since.is_none_or(|since| *since <= version)
        };
        let related = row.cells.values().flat_map(|cell| match cell {
            Cell::Relation(related) => related.as_slice(),
            _ => &[],
        });
        std::iter::once(&row.id).chain(related).all(stood)
    }

    /// The next number of a data source's `unique_id`, which is no change of its schema.
    pub(crate) fn draw_unique_id(&mut self, source: Uuid) -> Option<u64> {
        let held = self.data_sources.get_mut(&source)?;
        held.last_unique_id += 1;
        let drawn = held.last_unique_id;
        self.touched.push(Touched::DataSource(source));
        self.version += 1;
        Some(drawn)
    }

    pub(crate) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    pub(crate) fn change_settings(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        self.touch(Touched::Settings);
    }

    pub(crate) fn put_database(&mut self, database: Database) {
        self.last_number = self.last_number.max(database.number);
        if let Some(Parent::Page(old)) = self.databases.get(&database.id).map(|held| held.parent) {
            self.children
                .entry(old)
                .or_default()
                .remove(&database.number);
        }
        if let Parent::Page(page) = database.parent {
            self.children
                .entry(page)
                .or_default()
                .insert(database.number, database.id);
        }
        self.touch(Touched::Database(database.id));
        self.databases.insert(database.id, database);
    }

    pub(crate) fn put_data_source(&mut self, source: DataSource) {
        self.last_number = self.last_number.max(source.number);
        self.touch(Touched::DataSource(source.id));
        self.data_sources.insert(source.id, source);
    }

    pub(crate) fn put_view(&mut self, view: View) {
        self.last_number = self.last_number.max(view.number);
        self.touch(Touched::View(view.id));
        self.views.insert(view.id, view);
    }

    pub(crate) fn put_block(&mut self, block: Block) {
        self.last_number = self.last_number.max(block.number);
        if let Parent::Page(parent) | Parent::Block(parent) = block.parent {
            let siblings = self.children.entry(parent).or_default();
            if block.in_trash {
                siblings.remove(&block.number);
            } else {
                siblings.insert(block.number, block.id);
            }
        }
        self.touch(Touched::Block(block.id));
        self.blocks.insert(block.id, block);
    }

    pub(crate) fn put_page(&mut self, page: Page) {
        self.last_number = self.last_number.max(page.number);
        if let Some(old) = self.pages.remove(&page.id) {
            self.hang(&old, false);
        }
        self.hang(&page, true);
        if matches!(page.parent, Parent::DataSource(_)) {
            self.touch_row(page.id);
        } else {
            self.touch(Touched::Page(page.id));
        }
        self.pages.insert(page.id, page);
    }

    /// Enters a page into its parent's order and the text indexes, or takes it out of them.
    fn hang(&mut self, page: &Page, enter: bool) {
        match page.parent {
            Parent::DataSource(source) => {
                let rows = self.rows.entry(source).or_default();
                if enter {
                    rows.insert(page.number, page.id);
                } else {
                    rows.remove(&page.number);
                }
                for ((indexed, property), index) in &mut self.by_text {
                    if *indexed == source {
                        let text = page
                            .cells
                            .get(property)
                            .map(Cell::plain)
                            .unwrap_or_default();
                        let ids = index.entry(text).or_default();
                        if enter {
                            ids.push(page.id);
                        } else {
                            ids.retain(|id| *id != page.id);
                        }
                    }
                }
            }
            Parent::Page(parent) | Parent::Block(parent) => {
                let siblings = self.children.entry(parent).or_default();
                if enter {
                    siblings.insert(page.number, page.id);
                } else {
                    siblings.remove(&page.number);
                }
            }
            Parent::Workspace | Parent::Database(_) => {}
        }
    }

    /// Every row of a data source, trashed ones included, oldest first.
    pub(crate) fn rows(&self, source: Uuid) -> impl DoubleEndedIterator<Item = &Page> {
        let ids = self.rows.get(&source).map(BTreeMap::values);
        ids.into_iter()
            .flatten()
            .filter_map(|id| self.pages.get(id))
    }

    /// What hangs under a page or block, in order: blocks, pages and databases.
    pub(crate) fn children(&self, parent: Uuid) -> impl DoubleEndedIterator<Item = Uuid> {
        self.children
            .get(&parent)
            .map(BTreeMap::values)
            .into_iter()
            .flatten()
            .copied()
    }

    /// The rows whose property holds exactly this text.
    pub(crate) fn rows_with_text(&mut self, source: Uuid, property: &str, text: &str) -> Vec<Uuid> {
        let key = (source, property.to_owned());
        if !self.by_text.contains_key(&key) {
            let mut index = TextIndex::new();
            for page in self.rows(source) {
                let text = page
                    .cells
                    .get(property)
                    .map(Cell::plain)
                    .unwrap_or_default();
                index.entry(text).or_default().push(page.id);
            }
            self.by_text.insert(key.clone(), index);
        }
        self.by_text[&key].get(text).cloned().unwrap_or_default()
    }

    fn parent_of(&self, id: Uuid) -> Option<Parent> {
        let page = || self.pages.get(&id).map(|page| page.parent);
        let database = || self.databases.get(&id).map(|database| database.parent);
        let source = || {
            self.data_sources
                .get(&id)
                .map(|source| Parent::Database(source.database))
        };
        let block = || self.blocks.get(&id).map(|block| block.parent);
        page().or_else(database).or_else(source).or_else(block)
    }

    /// In the trash by itself, wherever it hangs.
    pub(crate) fn marked_trash(&self, id: Uuid) -> bool {
        self.pages.get(&id).is_some_and(|page| page.in_trash)
            || self
                .databases
                .get(&id)
                .is_some_and(|database| database.in_trash)
            || self
                .data_sources
                .get(&id)
                .is_some_and(|source| source.in_trash)
            || self.blocks.get(&id).is_some_and(|block| block.in_trash)
    }

    /// The object and what it hangs under, up to the workspace.
    pub(crate) fn ancestry(&self, id: Uuid) -> impl Iterator<Item = Uuid> {
        // No real tree is deeper; a damaged data file could hold a circle.
        std::iter::successors(Some(id), |id| match self.parent_of(*id)? {
            Parent::Workspace => None,
            Parent::Page(parent)
            | Parent::Block(parent)
            | Parent::Database(parent)
            | Parent::DataSource(parent) => Some(parent),
        })
        .take(100)
    }

    /// In the trash itself, or below something that is.
    pub(crate) fn in_trash(&self, id: Uuid) -> bool {
        self.ancestry(id).any(|id| self.marked_trash(id))
    }

    /// Whether the integration may see the object.
    pub(crate) fn shared(&self, id: Uuid) -> bool {
        self.settings.unshared.is_empty()
            || !self
                .ancestry(id)
                .any(|id| self.settings.unshared.contains(&id))
    }

    pub(crate) fn user(&self, id: Uuid) -> Option<&User> {
        let mut everybody = self.settings.bots().chain(&self.settings.people);
        everybody.find(|user| user.id == id)
    }

    /// The bot whose request is served, or the first one.
    pub(crate) fn bot(&self) -> &User {
        let acting = |bot: &&User| Some(bot.id) == self.acting;
        let mut bots = self.settings.bots();
        bots.find(acting).unwrap_or(&self.settings.bot)
    }

    /// Blocks that there ever were; a page or database is one, and none leaves the count.
    pub(crate) fn blocks_used(&self) -> u64 {
        (self.pages.len() + self.databases.len() + self.blocks.len()) as u64
    }

    /// Whether so many more blocks may come.
    pub(crate) fn has_room(&self, more: usize) -> bool {
        self.block_limit
            .is_none_or(|limit| self.blocks_used() + more as u64 <= limit)
    }

    /// A relation's pages that stand: trashed ones are hidden until they come back.
    pub(crate) fn standing<'a>(&'a self, related: &'a [Uuid]) -> impl Iterator<Item = Uuid> + 'a {
        related
            .iter()
            .copied()
            .filter(|id| self.pages.contains_key(id) && !self.in_trash(*id))
    }
}

/// Cut to the minute, as the API shows times of pages and data sources.
pub(crate) fn minute(instant: DateTime<Utc>) -> DateTime<Utc> {
    instant
        .duration_trunc(TimeDelta::minutes(1))
        .unwrap_or(instant)
}
