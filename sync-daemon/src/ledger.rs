//! The ledger: what is known of every page, durable. All SQL on schema `sync` is in this file.
//!
//! A write leaves only after its doubt is committed here ([`Ledger::doubt`]), and doubt ends only with an
//! answer ([`Ledger::settle`]). So after a crash at any moment, every page that might differ from what the
//! ledger says is marked, and nothing else is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use sqlx::types::Json;

use crate::board::{ReadPage, fingerprints};
use crate::brief::{Briefs, briefs};
use crate::budget::WINDOW;
use crate::limit::Refused;
use crate::mark::Mark;
use crate::notion::PageId;
use crate::page::{Fingerprint, Key, SourceHash};
use crate::reconcile::{Known, NamedValue, State, Step};

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/sync");

/// The ledger in Postgres.
#[derive(Debug, Clone)]
pub struct Ledger {
    pool: PgPool,
    /// Fencing token of the process that writes; `None` before it has one.
    token: Option<i64>,
}

/// The Notion database of a dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The database.
    pub database_id: uuid::Uuid,
    /// Its data source, which holds properties and pages.
    pub data_source_id: uuid::Uuid,
    /// Notion's property ids by our names.
    pub property_ids: BTreeMap<String, String>,
    /// How each property was defined when it was made or changed last.
    pub definitions: BTreeMap<String, Fingerprint>,
    /// Digest under which all pages were last examined.
    pub digest: Option<Fingerprint>,
    /// Integrations that made it and its pages; a page that somebody else made is not ours, whatever key it carries.
    /// Empty: not known.
    pub hands: Vec<uuid::Uuid>,
}

impl Binding {
    /// Whoever made the data source made its pages.
    pub fn made_by(&mut self, data_source: &serde_json::Value) {
        if let Some(hand) = crate::notion::convert::id(&data_source["created_by"])
            && !self.hands.contains(&hand)
        {
            self.hands.push(hand);
        }
    }
}

/// A page at a glance, for a pass to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    /// How sure we are.
    pub state: State,
    /// The row version that the page shows.
    pub source_hash: Option<SourceHash>,
    /// Whether it points to rows that had no page.
    pub unresolved: bool,
    /// Whether the page is known to exist; only a create in doubt has none.
    pub has_page: bool,
    /// Whether a person confirmed that it may go.
    pub confirmed: bool,
}

/// How a write ended.
#[derive(Debug, Clone)]
pub enum Ending<'a> {
    /// Answered: the page stands as written.
    Written {
        /// The page.
        page_id: PageId,
        /// The row version it shows now.
        source_hash: Option<SourceHash>,
        /// What was written.
        fingerprints: BTreeMap<String, Fingerprint>,
        /// The same for people.
        shown: Briefs,
        /// Whether relations point to rows that have no page.
        unresolved: bool,
    },
    /// Answered: the page is in the trash now.
    Trashed(PageId),
    /// Answered, or never sent: nothing was written; what was known before still holds.
    NotWritten(Option<&'a Known>),
    /// Not answered: doubt stays.
    InDoubt,
}

/// A create whose answer is not known.
#[derive(Debug, Clone, PartialEq)]
pub struct Doubt {
    /// The row's key.
    pub key: Key,
    /// The write.
    pub write: Option<i64>,
    /// How long ago the create was sent, by the database's clock.
    pub age_seconds: f64,
}

/// What people said about a dashboard.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Word {
    /// Nothing is to be written.
    pub paused: bool,
    /// Properties that may change on any number of pages.
    #[sqlx(rename = "confirmed_changes")]
    pub changes: Vec<String>,
}

/// One line of a page's history.
#[derive(Debug, Clone, serde::Serialize, sqlx::FromRow)]
pub struct Write {
    /// `create`, `update`, `restore` or `trash`.
    pub kind: String,
    /// The properties that it carried.
    pub properties: Vec<String>,
    /// When the row was read that it shows.
    pub read_at: DateTime<Utc>,
    /// When it left.
    pub sent_at: DateTime<Utc>,
    /// When it was answered.
    pub answered_at: Option<DateTime<Utc>>,
    /// `written`, or what the answer said.
    pub outcome: Option<String>,
}

/// A dashboard in numbers, for `status`.
#[derive(Debug, Clone, serde::Serialize, sqlx::FromRow)]
pub struct Summary {
    /// The dashboard.
    pub name: String,
    /// Rows of the source at the last pass.
    pub rows: Option<i64>,
    /// Pages that stand.
    pub pages: i64,
    /// Pages whose last write is in doubt.
    pub in_doubt: i64,
    /// Rows that could not be written.
    pub problems: i64,
    /// Pages that waited to be written when the daemon last said so.
    pub backlog: i64,
    /// When a pass last noted something.
    pub passed_at: Option<DateTime<Utc>>,
    /// When a page was last written.
    pub written_at: Option<DateTime<Utc>>,
    /// Why the dashboard stands still, if it does.
    pub problem: Option<String>,
}

/// A write, for people who ask what happened.
#[derive(Debug, Clone, serde::Serialize, sqlx::FromRow)]
pub struct LastWrite {
    /// The dashboard.
    pub dashboard: String,
    /// The row.
    pub key: Key,
    /// What was sent.
    pub kind: String,
    /// When.
    pub sent_at: DateTime<Utc>,
    /// What came of it; `None` while it is not answered.
    pub outcome: Option<String>,
}

/// A row that cannot be written.
#[derive(Debug, Clone, serde::Serialize, sqlx::FromRow)]
pub struct Problem {
    /// The dashboard.
    pub dashboard: String,
    /// The row.
    pub key: Key,
    /// Why.
    pub problem: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

type GlanceRow = (Key, String, Option<SourceHash>, bool, bool, bool);
type KnownRow = (
    Key,
    String,
    Option<PageId>,
    Option<SourceHash>,
    Json<BTreeMap<String, Fingerprint>>,
);

impl Ledger {
    /// The ledger of this database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool, token: None }
    }

    /// The ledger's own id: another ledger, even over the same rows, has another.
    pub async fn id(&self) -> sqlx::Result<uuid::Uuid> {
        sqlx::query_scalar("SELECT id FROM sync.ledger")
            .fetch_one(&self.pool)
            .await
    }

    /// The ledger as the bearer of this fencing token writes it: from now on it takes nothing from bearers of
    /// smaller ones. `None` if it knows a larger one already.
    pub async fn taken_over(&self, token: i64) -> sqlx::Result<Option<Self>> {
        let done = sqlx::query("UPDATE sync.ledger SET token = $1 WHERE token <= $1")
            .bind(token)
            .execute(&self.pool)
            .await?;
        Ok((done.rows_affected() == 1).then(|| Self {
            pool: self.pool.clone(),
            token: Some(token),
        }))
    }

    /// The ledger's mark as it stands.
    pub async fn mark(&self) -> sqlx::Result<Mark> {
        let (ledger, number) = sqlx::query_as("SELECT id, mark FROM sync.ledger")
            .fetch_one(&self.pool)
            .await?;
        Ok(Mark { ledger, number })
    }

    /// The next mark, durable before Notion hears of it. `None`: another process writes now.
    pub async fn next_mark(&self, at_least: i64) -> sqlx::Result<Option<Mark>> {
        let mark: Option<(uuid::Uuid, i64)> = sqlx::query_as(
            "UPDATE sync.ledger SET mark = greatest(mark, $2) + 1 WHERE token = $1 RETURNING id, mark",
        )
        .bind(self.token)
        .bind(at_least)
        .fetch_optional(&self.pool)
        .await?;
        Ok(mark.map(|(ledger, number)| Mark { ledger, number }))
    }

    /// Creates or upgrades schema `sync`.
    pub async fn migrate(&self) -> Result<(), sqlx::migrate::MigrateError> {
        MIGRATOR.run(&self.pool).await
    }

    /// Steps of the schema that this database has not taken.
    pub async fn pending_migrations(&self) -> sqlx::Result<usize> {
        let taken: Vec<i64> =
            sqlx::query_scalar("SELECT version FROM sync._sqlx_migrations WHERE success")
                .fetch_all(&self.pool)
                .await?;
        let pending = MIGRATOR
            .iter()
            .filter(|step| !taken.contains(&step.version));
        Ok(pending.count())
    }

    /// What contradicts itself here, or waits for longer than it can.
    pub async fn faults(&self) -> sqlx::Result<Vec<String>> {
        sqlx::query_scalar(
            "SELECT format('page %s stands for %s rows', page_id, count(*)) FROM sync.pages
             WHERE page_id IS NOT NULL GROUP BY page_id HAVING count(*) > 1
             UNION ALL
             SELECT format('%s: %s pages are in doubt for more than ten minutes', dashboard, count(*)) FROM sync.pages
             WHERE state = 'in_doubt' AND doubt_since < clock_timestamp() - interval '10 minutes' GROUP BY dashboard
             UNION ALL
             SELECT format('%s: stands still: %s', name, problem) FROM sync.dashboards WHERE problem IS NOT NULL",
        )
        .fetch_all(&self.pool)
        .await
    }

    /// Whether `setup` has run here.
    pub async fn exists(&self) -> sqlx::Result<bool> {
        let there: bool = sqlx::query_scalar("SELECT to_regclass('sync.ledger') IS NOT NULL")
            .fetch_one(&self.pool)
            .await?;
        Ok(there
            && sqlx::query_scalar("SELECT EXISTS (SELECT FROM sync.dashboards)")
                .fetch_one(&self.pool)
                .await?)
    }

    /// The databases that were set up, by dashboard.
    pub async fn bindings(&self) -> sqlx::Result<HashMap<String, Binding>> {
        type Row = (
            String,
            uuid::Uuid,
            uuid::Uuid,
            Json<BTreeMap<String, String>>,
            Json<BTreeMap<String, Fingerprint>>,
            Option<uuid::Uuid>,
            Vec<uuid::Uuid>,
        );
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT name, database_id, data_source_id, property_ids, definitions, digest, hands FROM sync.dashboards",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(
                |(
                    name,
                    database_id,
                    data_source_id,
                    Json(property_ids),
                    Json(definitions),
                    digest,
                    hands,
                )| {
                    let digest = digest.map(Fingerprint::from);
                    (
                        name,
                        Binding {
                            database_id,
                            data_source_id,
                            property_ids,
                            definitions,
                            digest,
                            hands,
                        },
                    )
                },
            )
            .collect())
    }

    /// Notes the Notion database of a dashboard. A property that has another id than before is another
    /// property: what stood in the old one is forgotten, so that the new one is filled.
    pub async fn bind(&self, name: &str, binding: &Binding) -> sqlx::Result<()> {
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "UPDATE sync.pages SET source_hash = NULL, fingerprints = fingerprints - changed.names
             FROM (SELECT array_agg(old.key) AS names
                   FROM sync.dashboards d, jsonb_each_text(d.property_ids) AS old
                   WHERE d.name = $1 AND old.value IS DISTINCT FROM $2 ->> old.key) AS changed
             WHERE dashboard = $1 AND fingerprints ?| changed.names",
        )
        .bind(name)
        .bind(Json(&binding.property_ids))
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO sync.dashboards (name, database_id, data_source_id, property_ids, definitions, hands)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (name) DO UPDATE SET (database_id, data_source_id, property_ids, definitions, hands)
                 = (EXCLUDED.database_id, EXCLUDED.data_source_id, EXCLUDED.property_ids, EXCLUDED.definitions, EXCLUDED.hands)",
        )
        .bind(name)
        .bind(binding.database_id)
        .bind(binding.data_source_id)
        .bind(Json(&binding.property_ids))
        .bind(Json(&binding.definitions))
        .bind(&binding.hands)
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }

    /// Gives a dashboard another name, with all that is known of its pages.
    pub async fn rename_dashboard(&self, from: &str, to: &str) -> sqlx::Result<()> {
        let mut tx = self.pool.begin().await?;
        for rename in [
            "UPDATE sync.dashboards SET name = $2 WHERE name = $1",
            "UPDATE sync.writes SET dashboard = $2 WHERE dashboard = $1",
        ] {
            sqlx::query(rename)
                .bind(from)
                .bind(to)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await
    }

    /// Gives a property another name, so that what stands in it is known under that.
    pub async fn rename_property(&self, dashboard: &str, from: &str, to: &str) -> sqlx::Result<()> {
        let mut tx = self.pool.begin().await?;
        for rename in [
            "UPDATE sync.dashboards SET property_ids = property_ids - $2 || jsonb_build_object($3, property_ids -> $2)
             WHERE name = $1 AND property_ids ? $2",
            "UPDATE sync.pages SET fingerprints = fingerprints - $2 || jsonb_build_object($3, fingerprints -> $2)
             WHERE dashboard = $1 AND fingerprints ? $2",
        ] {
            sqlx::query(rename)
                .bind(dashboard)
                .bind(from)
                .bind(to)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await
    }

    /// A database was given up: nothing is known of its pages any more.
    pub async fn forget_dashboard(&self, name: &str) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM sync.dashboards WHERE name = $1")
            .bind(name)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Requests a minute that a daemon which lives has learnt to send; `None` where none says so.
    pub async fn budget(&self) -> sqlx::Result<Option<usize>> {
        let learnt: Option<i64> = sqlx::query_scalar(
            "SELECT requests_per_minute FROM sync.ledger WHERE beat_at > clock_timestamp() - interval '5 minutes'",
        )
        .fetch_optional(&self.pool)
        .await?
        .flatten();
        Ok(learnt.and_then(|learnt| usize::try_from(learnt).ok()))
    }

    /// This integration makes pages from now on. Where it is not known whose pages are ours, all are.
    pub async fn add_hand(&self, hand: uuid::Uuid) -> sqlx::Result<()> {
        sqlx::query(
            "UPDATE sync.dashboards SET hands = hands || $1::uuid WHERE hands <> '{}' AND $1 <> ALL (hands)",
        )
        .bind(hand)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Says that the daemon lives, and how many requests a minute it sends at most. Written by the minute, as Notion
    /// keeps it.
    pub async fn beat(&self, requests_per_minute: i64) -> sqlx::Result<()> {
        sqlx::query(
            "UPDATE sync.ledger SET beat_at = date_trunc('minute', clock_timestamp()), requests_per_minute = $2
             WHERE token = $1",
        )
        .bind(self.token)
        .bind(requests_per_minute)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Records what people changed in a page. Returns the properties to heal: one that was healed in the last hour
    /// and stands the same again is what Notion makes of our value, or a person's firm will.
    pub async fn note_drift(
        &self,
        dashboard: &str,
        key: &Key,
        found: &[NamedValue],
        edited_by: Option<uuid::Uuid>,
        heal: impl Fn(&str) -> bool,
    ) -> sqlx::Result<Vec<String>> {
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        let healed: Vec<bool> = names.iter().map(|name| heal(name)).collect();
        let standing: Vec<_> = found.iter().map(|(_, value)| Json(value)).collect();
        let noted: Vec<String> = sqlx::query_scalar(
            "INSERT INTO sync.drift (dashboard, key, property, standing, edited_by, healed)
             SELECT $1, $2, property, standing, $5, healed FROM unnest($3::text[], $4::jsonb[], $6::boolean[]) AS found (property, standing, healed)
             ON CONFLICT (dashboard, key, property) DO UPDATE SET standing = EXCLUDED.standing, edited_by = EXCLUDED.edited_by,
                 healed = EXCLUDED.healed, seen_at = clock_timestamp()
             WHERE drift.standing <> EXCLUDED.standing OR drift.seen_at < clock_timestamp() - interval '1 hour'
             RETURNING property",
        )
        .bind(dashboard)
        .bind(key)
        .bind(&names)
        .bind(&standing)
        .bind(edited_by)
        .bind(&healed)
        .fetch_all(&self.pool)
        .await?;
        Ok(noted.into_iter().filter(|name| heal(name)).collect())
    }

    /// What really stands in some properties of a page that is not being written: the next pass heals it.
    pub async fn stands(
        &self,
        dashboard: &str,
        key: &Key,
        values: &[NamedValue],
    ) -> sqlx::Result<()> {
        sqlx::query(
            "UPDATE sync.pages SET fingerprints = fingerprints || $3, shown = shown || $4, source_hash = NULL
             WHERE dashboard = $1 AND key = $2 AND state = 'synced' AND doubt IS NULL",
        )
        .bind(dashboard)
        .bind(key)
        .bind(Json(fingerprints(values)))
        .bind(Json(briefs(values)))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What people said about a dashboard.
    pub async fn word(&self, dashboard: &str) -> sqlx::Result<Word> {
        let word =
            sqlx::query_as("SELECT paused, confirmed_changes FROM sync.dashboards WHERE name = $1")
                .bind(dashboard)
                .fetch_optional(&self.pool)
                .await?;
        Ok(word.unwrap_or_default())
    }

    /// Pauses a dashboard, or lets it go on. `false`: there is none of this name.
    pub async fn pause(&self, dashboard: &str, paused: bool) -> sqlx::Result<bool> {
        let done = sqlx::query("UPDATE sync.dashboards SET paused = $2 WHERE name = $1")
            .bind(dashboard)
            .bind(paused)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// A person has seen these trashes and changes, and means them.
    pub async fn confirm(&self, refused: &Refused) -> sqlx::Result<()> {
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "UPDATE sync.pages SET confirmed = true WHERE dashboard = $1 AND key = ANY ($2)",
        )
        .bind(&refused.dashboard)
        .bind(&refused.trashes)
        .execute(&mut *tx)
        .await?;
        sqlx::query("UPDATE sync.dashboards SET confirmed_changes = $2 WHERE name = $1")
            .bind(&refused.dashboard)
            .bind(&refused.changes)
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }

    /// These pages have rows again: nobody's word sends them to the trash.
    pub async fn take_back_word(&self, dashboard: &str, keys: &[&Key]) -> sqlx::Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "UPDATE sync.pages SET confirmed = false WHERE dashboard = $1 AND key = ANY ($2)",
        )
        .bind(dashboard)
        .bind(keys)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What was confirmed has been written.
    pub async fn word_kept(&self, dashboard: &str) -> sqlx::Result<()> {
        sqlx::query("UPDATE sync.dashboards SET confirmed_changes = '{}' WHERE name = $1 AND confirmed_changes <> '{}'")
            .bind(dashboard)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The dashboard and row that a page of Notion shows.
    pub async fn row_of(&self, page: PageId) -> sqlx::Result<Option<(String, Key)>> {
        sqlx::query_as("SELECT dashboard, key FROM sync.pages WHERE page_id = $1")
            .bind(page)
            .fetch_optional(&self.pool)
            .await
    }

    /// The last writes of a page, newest first.
    pub async fn history(&self, dashboard: &str, key: &Key) -> sqlx::Result<Vec<Write>> {
        sqlx::query_as(
            "SELECT kind, properties, read_at, sent_at, answered_at, outcome FROM sync.writes
             WHERE dashboard = $1 AND key = $2 ORDER BY id DESC LIMIT 10",
        )
        .bind(dashboard)
        .bind(key)
        .fetch_all(&self.pool)
        .await
    }

    /// Puts what was found in Notion in the place of all that was known of a dashboard's pages.
    pub async fn rebuilt(&self, dashboard: &str, pages: &[&ReadPage]) -> sqlx::Result<()> {
        let keys: Vec<&str> = pages.iter().map(|page| page.key.as_str()).collect();
        let ids: Vec<PageId> = pages.iter().map(|page| page.id).collect();
        let fingerprints: Vec<_> = pages.iter().map(|page| Json(page.fingerprints())).collect();
        let shown: Vec<_> = pages
            .iter()
            .map(|page| Json(briefs(&page.values)))
            .collect();
        let mut tx = self.pool.begin().await?;
        sqlx::query("DELETE FROM sync.pages WHERE dashboard = $1")
            .bind(dashboard)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO sync.pages (dashboard, key, state, page_id, fingerprints, shown)
             SELECT $1, key, 'synced', page_id, fingerprints, shown
             FROM unnest($2::text[], $3::uuid[], $4::jsonb[], $5::jsonb[]) AS found (key, page_id, fingerprints, shown)",
        )
        .bind(dashboard)
        .bind(&keys)
        .bind(&ids)
        .bind(&fingerprints)
        .bind(&shown)
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }

    /// The databases were given up: nothing is known of them any more.
    pub async fn forget_all(&self) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM sync.dashboards")
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Every page of a dashboard that is not in the trash, in key order.
    pub async fn glances(&self, dashboard: &str) -> sqlx::Result<BTreeMap<Key, Glance>> {
        let rows: Vec<GlanceRow> = sqlx::query_as(
            "SELECT key, state, source_hash, unresolved, page_id IS NOT NULL, confirmed FROM sync.pages
             WHERE dashboard = $1 AND state <> 'trashed'",
        )
        .bind(dashboard)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(
                |(key, state, source_hash, unresolved, has_page, confirmed)| {
                    Ok((
                        key,
                        Glance {
                            state: parse_state(&state)?,
                            source_hash,
                            unresolved,
                            has_page,
                            confirmed,
                        },
                    ))
                },
            )
            .collect()
    }

    /// Those of these rows whose pages lie in the trash.
    pub async fn trashed(&self, dashboard: &str, keys: &[Key]) -> sqlx::Result<HashSet<Key>> {
        let keys: Vec<Key> = sqlx::query_scalar(
            "SELECT key FROM sync.pages WHERE dashboard = $1 AND state = 'trashed' AND key = ANY ($2)",
        )
        .bind(dashboard)
        .bind(keys)
        .fetch_all(&self.pool)
        .await?;
        Ok(keys.into_iter().collect())
    }

    /// All that is known of some pages.
    pub async fn known(&self, dashboard: &str, keys: &[Key]) -> sqlx::Result<HashMap<Key, Known>> {
        let rows: Vec<KnownRow> = sqlx::query_as(
            "SELECT key, state, page_id, source_hash, fingerprints FROM sync.pages
             WHERE dashboard = $1 AND key = ANY ($2)",
        )
        .bind(dashboard)
        .bind(keys)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(key, state, page_id, source_hash, Json(fingerprints))| {
                Ok((
                    key,
                    Known {
                        state: parse_state(&state)?,
                        page_id,
                        source_hash,
                        fingerprints,
                    },
                ))
            })
            .collect()
    }

    /// The users who have some addresses.
    pub async fn people(&self, addresses: &[String]) -> sqlx::Result<HashMap<String, uuid::Uuid>> {
        let rows: Vec<(String, uuid::Uuid)> =
            sqlx::query_as("SELECT address, user_id FROM sync.people WHERE address = ANY ($1)")
                .bind(addresses)
                .fetch_all(&self.pool)
                .await?;
        Ok(rows.into_iter().collect())
    }

    /// Every user who has an address.
    pub async fn everybody(&self) -> sqlx::Result<HashMap<String, uuid::Uuid>> {
        let rows: Vec<(String, uuid::Uuid)> =
            sqlx::query_as("SELECT address, user_id FROM sync.people")
                .fetch_all(&self.pool)
                .await?;
        Ok(rows.into_iter().collect())
    }

    /// Notes who has which address.
    pub async fn note_people(&self, people: &[(String, uuid::Uuid)]) -> sqlx::Result<()> {
        let (addresses, users): (Vec<&str>, Vec<uuid::Uuid>) = people
            .iter()
            .map(|(address, user)| (address.as_str(), *user))
            .unzip();
        sqlx::query(
            "WITH now AS (SELECT DISTINCT ON (address) * FROM unnest($1::text[], $2::uuid[]) AS now (address, user_id)),
                  gone AS (DELETE FROM sync.people WHERE address NOT IN (SELECT address FROM now))
             INSERT INTO sync.people AS known (address, user_id) SELECT address, user_id FROM now
             ON CONFLICT (address) DO UPDATE SET user_id = EXCLUDED.user_id WHERE known.user_id <> EXCLUDED.user_id",
        )
        .bind(&addresses)
        .bind(&users)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What was last written to the properties of some pages, cut short.
    pub async fn shown(&self, dashboard: &str, keys: &[Key]) -> sqlx::Result<HashMap<Key, Briefs>> {
        let rows: Vec<(Key, Json<Briefs>)> = sqlx::query_as(
            "SELECT key, shown FROM sync.pages WHERE dashboard = $1 AND key = ANY ($2)",
        )
        .bind(dashboard)
        .bind(keys)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(key, Json(shown))| (key, shown))
            .collect())
    }

    /// The pages that stand for some rows.
    pub async fn page_ids(
        &self,
        dashboard: &str,
        keys: &[Key],
    ) -> sqlx::Result<HashMap<Key, PageId>> {
        let rows: Vec<(Key, PageId)> = sqlx::query_as(
            "SELECT key, page_id FROM sync.pages
             WHERE dashboard = $1 AND key = ANY ($2) AND page_id IS NOT NULL AND state <> 'trashed'",
        )
        .bind(dashboard)
        .bind(keys)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().collect())
    }

    /// Records, durably, that a write is about to leave. Returns the write's number, or `None` if another process
    /// writes now, or for a create whose page somebody else is making or has made meanwhile.
    ///
    /// The properties that it carries are forgotten, so that they count as different until it is answered;
    /// all of them if it moves the page into or out of the trash.
    pub async fn doubt(
        &self,
        dashboard: &str,
        key: &Key,
        step: &Step,
        source_hash: Option<SourceHash>,
        read_at: DateTime<Utc>,
    ) -> sqlx::Result<Option<i64>> {
        let properties: Vec<&str> = step
            .values()
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        sqlx::query_scalar(
            "WITH bearer AS (
                 SELECT FROM sync.ledger WHERE token = $8 FOR SHARE
             ), number AS (
                 SELECT nextval(pg_get_serial_sequence('sync.writes', 'id')) AS id FROM bearer
             ), page AS (
                 INSERT INTO sync.pages (dashboard, key, state, page_id, doubt, doubt_since)
                 SELECT $1, $2, 'in_doubt', $3, id, clock_timestamp() FROM number
                 ON CONFLICT (dashboard, key) DO UPDATE SET
                     state = 'in_doubt', doubt = EXCLUDED.doubt, doubt_since = EXCLUDED.doubt_since, source_hash = NULL,
                     fingerprints = CASE $4 WHEN 'update' THEN pages.fingerprints - $5 ELSE '{}' END
                 WHERE $4 <> 'create'
                 RETURNING doubt
             )
             INSERT INTO sync.writes (id, dashboard, key, kind, properties, source_hash, read_at, sent_at)
             OVERRIDING SYSTEM VALUE
             SELECT doubt, $1, $2, $4, $5, $6, $7, clock_timestamp() FROM page RETURNING id",
        )
        .bind(dashboard)
        .bind(key)
        .bind(step.page())
        .bind(step.kind())
        .bind(&properties)
        .bind(source_hash)
        .bind(read_at)
        .bind(self.token)
        .fetch_optional(&self.pool)
        .await
    }

    /// Ends a write, unless somebody else has ended its doubt meanwhile. `outcome` is one word for the history.
    pub async fn settle(
        &self,
        write: i64,
        dashboard: &str,
        key: &Key,
        ending: &Ending<'_>,
        outcome: &str,
    ) -> sqlx::Result<()> {
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "UPDATE sync.writes SET answered_at = clock_timestamp(), outcome = $2 WHERE id = $1",
        )
        .bind(write)
        .bind(outcome)
        .execute(&mut *tx)
        .await?;
        match ending {
            Ending::Written {
                page_id,
                source_hash,
                fingerprints,
                shown,
                unresolved,
            } => {
                sqlx::query(
                    "UPDATE sync.pages SET state = 'synced', page_id = $3, source_hash = $4,
                         fingerprints = fingerprints || $5, unresolved = $6, shown = shown || $8,
                         confirmed = false, doubt = NULL, doubt_since = NULL
                     WHERE dashboard = $1 AND key = $2 AND doubt = $7",
                )
                .bind(dashboard)
                .bind(key)
                .bind(page_id)
                .bind(source_hash)
                .bind(Json(fingerprints))
                .bind(unresolved)
                .bind(write)
                .bind(Json(shown))
                .execute(&mut *tx)
                .await?;
            }
            Ending::Trashed(page_id) => {
                sqlx::query(
                    "UPDATE sync.pages SET state = 'trashed', page_id = $3, source_hash = NULL,
                         unresolved = false, confirmed = false, doubt = NULL, doubt_since = NULL
                     WHERE dashboard = $1 AND key = $2 AND doubt = $4",
                )
                .bind(dashboard)
                .bind(key)
                .bind(page_id)
                .bind(write)
                .execute(&mut *tx)
                .await?;
            }
            Ending::NotWritten(None) => {
                sqlx::query(
                    "DELETE FROM sync.pages WHERE dashboard = $1 AND key = $2 AND doubt = $3",
                )
                .bind(dashboard)
                .bind(key)
                .bind(write)
                .execute(&mut *tx)
                .await?;
            }
            Ending::NotWritten(Some(known)) => {
                sqlx::query(
                    "UPDATE sync.pages SET state = $3, source_hash = $4, fingerprints = $5, doubt = NULL, doubt_since = NULL
                     WHERE dashboard = $1 AND key = $2 AND doubt = $6",
                )
                .bind(dashboard)
                .bind(key)
                .bind(state_word(known.state))
                .bind(known.source_hash)
                .bind(Json(&known.fingerprints))
                .bind(write)
                .execute(&mut *tx)
                .await?;
            }
            Ending::InDoubt => {}
        }
        tx.commit().await
    }

    /// Notes that pages show these row versions already: the rows changed in nothing that is shown.
    pub async fn acknowledge(
        &self,
        dashboard: &str,
        pages: &[(Key, SourceHash, bool)],
    ) -> sqlx::Result<()> {
        let keys: Vec<&str> = pages.iter().map(|(key, ..)| key.as_str()).collect();
        let hashes: Vec<SourceHash> = pages.iter().map(|(_, hash, _)| *hash).collect();
        let unresolved: Vec<bool> = pages.iter().map(|(.., unresolved)| *unresolved).collect();
        sqlx::query(
            "UPDATE sync.pages SET source_hash = seen.hash, unresolved = seen.unresolved
             FROM unnest($2::text[], $3::uuid[], $4::boolean[]) AS seen (key, hash, unresolved)
             WHERE dashboard = $1 AND pages.key = seen.key AND state = 'synced'
               AND (source_hash, pages.unresolved) IS DISTINCT FROM (seen.hash, seen.unresolved)
               AND (SELECT token FROM sync.ledger) IS NOT DISTINCT FROM $5",
        )
        .bind(dashboard)
        .bind(&keys)
        .bind(&hashes)
        .bind(&unresolved)
        .bind(self.token)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Creates in doubt, oldest first.
    pub async fn doubts(&self, dashboard: &str) -> sqlx::Result<Vec<Doubt>> {
        let rows: Vec<(Key, Option<i64>, f64)> = sqlx::query_as(
            "SELECT key, doubt, extract(epoch FROM clock_timestamp() - doubt_since)::float8 FROM sync.pages
             WHERE dashboard = $1 AND state = 'in_doubt' AND page_id IS NULL ORDER BY doubt_since",
        )
        .bind(dashboard)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(key, write, age_seconds)| Doubt {
                key,
                write,
                age_seconds,
            })
            .collect())
    }

    /// The page of a create in doubt was found: it stands with these properties.
    pub async fn doubt_made(
        &self,
        dashboard: &str,
        doubt: &Doubt,
        page: &ReadPage,
    ) -> sqlx::Result<()> {
        sqlx::query(
            "UPDATE sync.pages SET state = 'synced', page_id = $4, fingerprints = $5, shown = $6, source_hash = NULL, doubt = NULL, doubt_since = NULL
             WHERE dashboard = $1 AND key = $2 AND doubt IS NOT DISTINCT FROM $3 AND state = 'in_doubt' AND page_id IS NULL",
        )
        .bind(dashboard)
        .bind(&doubt.key)
        .bind(doubt.write)
        .bind(page.id)
        .bind(Json(page.fingerprints()))
        .bind(Json(briefs(&page.values)))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// A create in doubt certainly made nothing.
    pub async fn doubt_unmade(&self, dashboard: &str, doubt: &Doubt) -> sqlx::Result<()> {
        sqlx::query(
            "DELETE FROM sync.pages
             WHERE dashboard = $1 AND key = $2 AND doubt IS NOT DISTINCT FROM $3 AND state = 'in_doubt' AND page_id IS NULL",
        )
        .bind(dashboard)
        .bind(&doubt.key)
        .bind(doubt.write)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// A page does not exist any more.
    pub async fn forget(&self, dashboard: &str, key: &Key, page: PageId) -> sqlx::Result<()> {
        sqlx::query(
            "DELETE FROM sync.pages WHERE dashboard = $1 AND key = $2 AND page_id = $3 AND doubt IS NULL",
        )
        .bind(dashboard)
        .bind(key)
        .bind(page)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// A page was found in the trash.
    pub async fn found_in_trash(&self, dashboard: &str, key: &Key) -> sqlx::Result<()> {
        sqlx::query(
            "UPDATE sync.pages SET state = 'trashed', source_hash = NULL, doubt_since = NULL
             WHERE dashboard = $1 AND key = $2 AND page_id IS NOT NULL AND doubt IS NULL",
        )
        .bind(dashboard)
        .bind(key)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Notes exactly these rows as ones that cannot be written. Writes nothing if that is no news.
    pub async fn note_problems(
        &self,
        dashboard: &str,
        problems: &HashMap<Key, String>,
    ) -> sqlx::Result<()> {
        let (keys, texts): (Vec<&str>, Vec<&str>) = problems
            .iter()
            .map(|(key, problem)| (key.as_str(), problem.as_str()))
            .unzip();
        // Even a conflict that changes nothing would lock the row, and so look like a change to everybody.
        sqlx::query(
            "INSERT INTO sync.problems (dashboard, key, problem)
             SELECT $1, key, problem FROM unnest($2::text[], $3::text[]) AS found (key, problem)
             WHERE NOT EXISTS (SELECT FROM sync.problems known
                 WHERE known.dashboard = $1 AND known.key = found.key AND known.problem = found.problem)
             ON CONFLICT (dashboard, key) DO UPDATE SET problem = EXCLUDED.problem",
        )
        .bind(dashboard)
        .bind(&keys)
        .bind(&texts)
        .execute(&self.pool)
        .await?;
        sqlx::query("DELETE FROM sync.problems WHERE dashboard = $1 AND key <> ALL ($2)")
            .bind(dashboard)
            .bind(&keys)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Rows that cannot be written, and why.
    pub async fn problems(&self) -> sqlx::Result<Vec<Problem>> {
        sqlx::query_as(
            "SELECT dashboard, key, problem, since FROM sync.problems ORDER BY dashboard, key",
        )
        .fetch_all(&self.pool)
        .await
    }

    /// Notes what a pass saw, if it is news: a row written at every pass would itself look like a change.
    pub async fn passed(
        &self,
        dashboard: &str,
        rows: i64,
        backlog: i64,
        digest: Option<Fingerprint>,
    ) -> sqlx::Result<()> {
        sqlx::query(
            "UPDATE sync.dashboards SET source_rows = $2, backlog = $3, digest = coalesce($4, digest), passed_at = clock_timestamp(),
                 shown_rows = sync.in_band(shown_rows, $2, 10), shown_backlog = sync.in_band(shown_backlog, $3, 50)
             WHERE name = $1
               AND (source_rows, backlog, digest) IS DISTINCT FROM ($2, $3, coalesce($4, digest))",
        )
        .bind(dashboard)
        .bind(rows)
        .bind(backlog)
        .bind(digest.map(uuid::Uuid::from))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Notes why a dashboard stands still, or that it moves.
    pub async fn dashboard_problem(
        &self,
        dashboard: &str,
        problem: Option<&str>,
    ) -> sqlx::Result<()> {
        sqlx::query("UPDATE sync.dashboards SET problem = $2 WHERE name = $1 AND problem IS DISTINCT FROM $2")
            .bind(dashboard)
            .bind(problem)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Every dashboard in numbers.
    pub async fn summaries(&self) -> sqlx::Result<Vec<Summary>> {
        sqlx::query_as(
            "SELECT name, source_rows AS rows, backlog, passed_at, d.problem,
                    count(*) FILTER (WHERE state <> 'trashed' AND page_id IS NOT NULL) AS pages,
                    count(*) FILTER (WHERE state = 'in_doubt') AS in_doubt,
                    (SELECT count(*) FROM sync.problems r WHERE r.dashboard = d.name) AS problems,
                    (SELECT max(answered_at) FROM sync.writes w WHERE w.dashboard = d.name) AS written_at
             FROM sync.dashboards d LEFT JOIN sync.pages p ON p.dashboard = d.name
             GROUP BY d.name ORDER BY d.name",
        )
        .fetch_all(&self.pool)
        .await
    }

    /// The last writes, the newest first.
    pub async fn last_writes(&self, most: i64) -> sqlx::Result<Vec<LastWrite>> {
        sqlx::query_as(
            "SELECT dashboard, key, kind, sent_at, outcome FROM sync.writes ORDER BY id DESC LIMIT $1",
        )
        .bind(most)
        .fetch_all(&self.pool)
        .await
    }

    /// Notes the requests of a command that ends now.
    pub async fn spent(&self, requests: u64) -> sqlx::Result<()> {
        sqlx::query("INSERT INTO sync.spent (requests) VALUES ($1)")
            .bind(i64::try_from(requests).unwrap_or(i64::MAX))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Requests that still count against the window, whoever sent them: how many, and how long ago.
    pub async fn recent_requests(&self) -> sqlx::Result<Vec<(Duration, u64)>> {
        let rows: Vec<(f64, i64)> = sqlx::query_as(
            "SELECT greatest(0, extract(epoch FROM clock_timestamp() - at))::float8, requests FROM (
                 SELECT at, requests FROM sync.spent WHERE at > clock_timestamp() - $1::interval
                 UNION ALL
                 SELECT coalesce(answered_at, sent_at), 1 FROM sync.writes WHERE sent_at > clock_timestamp() - 2 * $1::interval
             ) AS recent ORDER BY at",
        )
        .bind(WINDOW)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(age, requests)| {
                (
                    Duration::from_secs_f64(age),
                    u64::try_from(requests).unwrap_or(0),
                )
            })
            .collect())
    }

    /// Drops history older than a week.
    pub async fn prune_history(&self) -> sqlx::Result<u64> {
        let done = sqlx::query(
            "DELETE FROM sync.writes WHERE sent_at < clock_timestamp() - interval '7 days'",
        )
        .execute(&self.pool)
        .await?;
        sqlx::query("DELETE FROM sync.spent WHERE at < clock_timestamp() - interval '1 day'")
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }
}

fn state_word(state: State) -> &'static str {
    match state {
        State::InDoubt => "in_doubt",
        State::Synced => "synced",
        State::Trashed => "trashed",
    }
}

fn parse_state(word: &str) -> sqlx::Result<State> {
    match word {
        "in_doubt" => Ok(State::InDoubt),
        "synced" => Ok(State::Synced),
        "trashed" => Ok(State::Trashed),
        other => Err(sqlx::Error::Decode(
            format!("unknown page state {other:?}").into(),
        )),
    }
}
