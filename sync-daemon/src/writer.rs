//! One page at a time: decide, record doubt, send, settle.
//!
//! # Properties
//! 1. A write leaves only after its doubt is durable, so a crash anywhere leaves no write of ours whose
//!    outcome is unknown and unmarked.
//! 2. The step is decided against the ledger at the moment of sending, not of planning: a change that was
//!    planned while another write of the same page was under way still writes every property that differs.
//! 3. Nothing leaves when the claim under which this process writes cannot be trusted any more, and an answer
//!    that comes afterwards ends only the doubt of its own write.
//! 4. A page is created only if it certainly does not exist. A create whose answer was lost is looked up by
//!    its key; it counts as never made only when a look-up finds nothing after [`SETTLED`], because until
//!    then Notion may still be working on it.
//!
//! # Accepted races
//! A person who trashes a page gets it back when its row changes next. A process that is paused for longer than
//! its lease between its last question and the first byte of a request sends that one request when it wakes;
//! a second page made so is merged by the next look at the pages of its key.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use coordination::Trust;
use serde_json::json;

use crate::backlog::{Taken, Wanted};
use crate::board::{Board, fingerprints, oldest_of_each};
use crate::brief::briefs;
use crate::budget::{Lane, Scope};
use crate::drift::drifted;
use crate::ledger::{Ending, Ledger};
use crate::loss::Loss;
use crate::notion::{Client, Error, Gate, Meaning, PageId, Permit, convert};
use crate::page::{DesiredPage, Key, Value};
use crate::pass::PassError;
use crate::people::{self, Ids};
use crate::reconcile::{Known, NamedValue, State, Step, Want, decide};
use crate::shelf::Shelf;

/// Notion works on a request for at most a minute: what is not there by then will not come.
pub const SETTLED: Duration = Duration::from_secs(60);

/// Requests that one look for people's edits may cost: on a busy board, most of what it finds are our own.
const LONGEST_RADAR: usize = 3;

/// Blocks that one request takes.
const BLOCKS_A_REQUEST: usize = 100;

/// Bytes of blocks in one request, of the 512,000 that Notion takes.
const BODY_BYTES: usize = 400_000;

/// Keys that one query can look up.
pub const KEYS_A_QUERY: usize = 100;

/// Writes pages. Shared by all writes in flight.
#[derive(Debug)]
pub struct Writer {
    /// Where rows are read when their turn comes.
    pub pool: sqlx::PgPool,
    /// Those that were read ahead.
    pub shelf: Shelf,
    /// The durable record.
    pub ledger: Ledger,
    /// The connection to Notion.
    pub client: Arc<Client>,
    /// Admission to it.
    pub gate: Gate,
    /// The claim under which it writes.
    pub trust: Trust,
    /// In dependency order.
    pub boards: Vec<Board>,
    /// The integration's own user, once it was asked for.
    pub me: OnceLock<uuid::Uuid>,
    /// Addresses of nobody that were told.
    pub told: Mutex<HashSet<String>>,
}

/// How an attempt ended, for the backlog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Written, or found to be gone: nothing is left to do for this version of the row.
    Done,
    /// Nothing had to be sent.
    Nothing,
    /// Not written this time.
    Retry,
    /// Not written: too much is written to this dashboard at once.
    Conflict,
    /// Not written, and nothing of this kind before this time has passed.
    Later(Duration),
    /// This row cannot be written as it is.
    Problem(String),
    /// Nothing can be written to this dashboard.
    Frozen(String),
    /// Nothing can be written at all.
    Away(String),
}

impl Writer {
    /// Brings one page to what is wanted.
    pub async fn write(&self, taken: &Taken, permit: Permit) -> sqlx::Result<Outcome> {
        let board = &self.boards[taken.page.dashboard];
        let key = &taken.page.key;
        let read;
        let (page, read_at) = match &taken.offer.wanted {
            Wanted::Page(page) => (Some(&**page), taken.offer.read_at),
            Wanted::Gone => (None, taken.offer.read_at),
            Wanted::Row(_) => {
                let at = (taken.page.dashboard, &board.dashboard);
                match self.shelf.take(&self.pool, at, key, &taken.following).await {
                    Ok(Some(found)) => {
                        read = found;
                        (Some(&read.0), read.1)
                    }
                    // The next pass sees what became of the row.
                    Ok(None) => return Ok(Outcome::Nothing),
                    Err(PassError::Ledger(error)) => return Err(error),
                    Err(error) if error.database_away() => {
                        return Err(sqlx::Error::PoolTimedOut);
                    }
                    Err(error) => return Ok(Outcome::Problem(with_cause(&error))),
                }
            }
        };
        let known = self
            .ledger
            .known(board.name(), std::slice::from_ref(key))
            .await?
            .remove(key);
        let (want, unresolved) = self.want(board, page).await?;
        let step = decide(&want, known.as_ref());
        if step.kind().is_none() {
            if step == Step::Nothing
                && let Some(hash) = page.map(|page| page.source_hash)
            {
                self.ledger
                    .acknowledge(board.name(), &[(key.clone(), hash, unresolved)])
                    .await?;
            }
            return Ok(Outcome::Nothing);
        }
        let source_hash = page.map(|page| page.source_hash);
        let write = self
            .ledger
            .doubt(board.name(), key, &step, source_hash, read_at)
            .await?;
        let Some(write) = write else {
            return Ok(Outcome::Retry);
        };
        // A process that was paused wakes up here as well: what it meant to send is for its successor to decide.
        if !self.trust.holds() {
            let ending = Ending::NotWritten(known.as_ref());
            self.ledger
                .settle(
                    write,
                    board.name(),
                    key,
                    &ending,
                    "not sent: another process writes",
                )
                .await?;
            return Ok(Outcome::Retry);
        }
        let body = body_of(&step).map(|text| Body::of(&step, text));
        let answer = self.send(board, &step, body.as_ref(), permit).await;
        let pending = body.filter(|body| !body.comes_with_page);
        let (answer, standing) = match answer {
            Ok((page_id, page)) => (Ok(page_id), board.values(&page)),
            Err(error) => (Err(error), Vec::new()),
        };
        let (ending, outcome) = match &answer {
            Ok(page_id) => (
                written(&step, *page_id, source_hash, unresolved, pending.is_some()),
                Outcome::Done,
            ),
            Err(error) => self.failed(&step, error, known.as_ref(), source_hash, unresolved),
        };
        let word = answer
            .as_ref()
            .map_or_else(ToString::to_string, |_| "written".to_owned());
        self.ledger
            .settle(write, board.name(), key, &ending, &word)
            .await?;
        if let Some(known) = known.as_ref().filter(|_| step.page().is_some()) {
            let found = drifted(&known.fingerprints, step.values(), standing);
            self.drift(board, key, &found, None).await?;
        }
        let outcome = match (&answer, outcome, &pending) {
            (Err(error), Outcome::Done, _) => self.investigate(board, key, &step, error).await?,
            (Ok(page_id), Outcome::Done, Some(body)) => {
                self.write_body(taken, *page_id, &step, body).await?
            }
            (_, outcome, _) => outcome,
        };
        tell(board, &step, &answer, &outcome, taken);
        Ok(outcome)
    }

    async fn want(&self, board: &Board, page: Option<&DesiredPage>) -> sqlx::Result<(Want, bool)> {
        let Some(page) = page else {
            return Ok((Want::Absent, false));
        };
        let mut values = board.named_values(page);
        let ids = Ids::known(&self.ledger, board, &[&values]).await?;
        self.tell_strangers(board, &values, &ids);
        let resolved = ids.resolve(board, &mut values);
        Ok((Want::Present(values), !resolved))
    }

    /// Learns who has which address.
    pub async fn learn_people(&self) -> Result<(), LookUpError> {
        Ok(people::learn(&self.client, &self.gate, &self.ledger).await?)
    }

    /// Says once who is named by a row and not to be found in the workspace.
    fn tell_strangers(&self, board: &Board, values: &[NamedValue], ids: &Ids) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for (property, value) in values {
            let Value::People(addresses) = value else {
                continue;
            };
            for address in addresses
                .iter()
                .filter(|address| !ids.people.contains_key(*address))
            {
                if told.insert(address.clone()) {
                    tracing::warn!(
                        dashboard = board.name(),
                        property,
                        "a row names somebody who is not in this workspace; the address stands in the page's note"
                    );
                }
            }
        }
    }

    /// The integration's own user.
    pub async fn me(&self) -> Result<uuid::Uuid, Error> {
        if let Some(me) = self.me.get() {
            return Ok(*me);
        }
        let permit = self.gate.admit(Lane::Live).await;
        let me = convert::id(&self.client.me(permit).await?);
        let me = me.ok_or(Error::Unexpected("user id"))?;
        Ok(*self.me.get_or_init(|| me))
    }

    /// Writes the body of a page that stands. Until all of it is written, the ledger knows of no body: whatever
    /// interrupts it, the next pass has it written again, from the start.
    async fn write_body(
        &self,
        taken: &Taken,
        page: PageId,
        step: &Step,
        body: &Body,
    ) -> sqlx::Result<Outcome> {
        let board = &self.boards[taken.page.dashboard];
        let fresh = matches!(step, Step::Create(_));
        match self.put_body(taken.offer.lane, page, body, fresh).await {
            Ok(true) => {
                let written = step.values().iter().filter(|(name, _)| *name == body.name);
                let written: Vec<NamedValue> = written.cloned().collect();
                self.ledger
                    .stands(board.name(), &taken.page.key, &written)
                    .await?;
                Ok(Outcome::Done)
            }
            Ok(false) => Ok(Outcome::Retry),
            Err(error) => match self.failed(step, &error, None, None, false).1 {
                // Half of it may stand; all of it is written again.
                Outcome::Done => Ok(Outcome::Retry),
                outcome => Ok(outcome),
            },
        }
    }

    /// `false`: another process writes now.
    async fn put_body(
        &self,
        lane: Lane,
        page: PageId,
        body: &Body,
        fresh: bool,
    ) -> Result<bool, Error> {
        if !fresh && !self.clear(lane, page).await? {
            return Ok(false);
        }
        for blocks in &body.requests {
            let permit = self.gate.admit(lane).await;
            if !self.trust.holds() {
                return Ok(false);
            }
            self.client
                .append(permit, page, &json!({"children": blocks}))
                .await?;
        }
        Ok(true)
    }

    /// Takes away the blocks of ours that stand on a page, and leaves those of people.
    async fn clear(&self, lane: Lane, page: PageId) -> Result<bool, Error> {
        let me = self.me().await?;
        let (mut ours, mut others, mut cursor) = (Vec::new(), false, None::<String>);
        loop {
            let permit = self.gate.admit(lane).await;
            let answer = self
                .client
                .children(permit, page, cursor.as_deref())
                .await?;
            for block in answer["results"].as_array().into_iter().flatten() {
                match convert::id(block) {
                    Some(id) if convert::id(&block["created_by"]) == Some(me) => ours.push(id),
                    _ => others = true,
                }
            }
            cursor = answer["next_cursor"].as_str().map(str::to_owned);
            if answer["has_more"] != true || cursor.is_none() {
                break;
            }
        }
        let all_at_once = !others && ours.len() > 1;
        let steps = if all_at_once { 1 } else { ours.len() };
        for block in ours.into_iter().take(steps) {
            let permit = self.gate.admit(lane).await;
            if !self.trust.holds() {
                return Ok(false);
            }
            if all_at_once {
                let erase = json!({"erase_content": true});
                self.client.update_page(permit, page, &erase).await?;
            } else {
                self.client.delete_block(permit, block).await?;
            }
        }
        Ok(true)
    }

    /// Records what people changed, and has it healed.
    async fn drift(
        &self,
        board: &Board,
        key: &Key,
        found: &[NamedValue],
        edited_by: Option<uuid::Uuid>,
    ) -> sqlx::Result<()> {
        if found.is_empty() {
            return Ok(());
        }
        let heal = |property: &str| board.dashboard.heals(property);
        let noted = self
            .ledger
            .note_drift(board.name(), key, found, edited_by, heal)
            .await?;
        let to_heal: Vec<NamedValue> = found
            .iter()
            .filter(|(name, _)| noted.contains(name))
            .cloned()
            .collect();
        if !to_heal.is_empty() {
            let properties: Vec<&str> = to_heal.iter().map(|(name, _)| name.as_str()).collect();
            tracing::warn!(
                dashboard = board.name(), page.key = key.as_str(), properties = properties.join(", "), edited_by = ?edited_by,
                "somebody changed mirrored cells; they are written again"
            );
            self.ledger.stands(board.name(), key, &to_heal).await?;
        }
        Ok(())
    }

    /// Looks for pages that somebody else edited since `since`, at most `LONGEST_RADAR` requests a time.
    pub async fn radar(
        &self,
        dashboard: usize,
        since: DateTime<Utc>,
        permit: Permit,
    ) -> Result<(), LookUpError> {
        let board = &self.boards[dashboard];
        let mut permit = Some(permit);
        let me = self.me().await?;
        // Notion cuts times of edits to the minute.
        let since = since.format("%Y-%m-%dT%H:%M:00.000Z").to_string();
        let mut body = json!({
            "filter": {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": since}},
            "sorts": [{"timestamp": "last_edited_time", "direction": "descending"}],
            "page_size": 100,
        });
        for _ in 0..LONGEST_RADAR {
            let permit = match permit.take() {
                Some(permit) => permit,
                None => self.gate.admit(Lane::Live).await,
            };
            let source = board.binding.data_source_id;
            let answer = self.client.query(permit, source, &body).await?;
            for page in answer["results"].as_array().into_iter().flatten() {
                let edited_by = convert::id(&page["last_edited_by"]);
                if edited_by != Some(me) {
                    self.compare(board, page, edited_by).await?;
                }
            }
            match answer["next_cursor"].as_str() {
                Some(cursor) if answer["has_more"] == true => body["start_cursor"] = json!(cursor),
                _ => break,
            }
        }
        Ok(())
    }

    /// Compares a page that somebody else edited with what the ledger says of it.
    async fn compare(
        &self,
        board: &Board,
        page: &serde_json::Value,
        edited_by: Option<uuid::Uuid>,
    ) -> sqlx::Result<()> {
        let Some(id) = convert::id(page) else {
            return Ok(());
        };
        let Some((name, key)) = self.ledger.row_of(id).await? else {
            return Ok(());
        };
        let known = self
            .ledger
            .known(&name, std::slice::from_ref(&key))
            .await?
            .remove(&key);
        if let Some(known) = known.filter(|known| known.state == State::Synced) {
            let found = drifted(&known.fingerprints, &[], board.values(page));
            self.drift(board, &key, &found, edited_by).await?;
        }
        Ok(())
    }

    async fn send(
        &self,
        board: &Board,
        step: &Step,
        body: Option<&Body>,
        permit: Permit,
    ) -> Result<(PageId, serde_json::Value), Error> {
        let answer = match step {
            Step::Create(values) => {
                let parent = json!({"type": "data_source_id", "data_source_id": board.binding.data_source_id});
                let mut write = board.page_write(values);
                write["parent"] = parent;
                if let Some(body) = body.filter(|body| body.comes_with_page) {
                    write["children"] = body.requests.iter().flatten().cloned().collect();
                }
                self.client.create_page(permit, &write).await?
            }
            Step::Update(page, values) => {
                let write = board.page_write(values);
                self.client.update_page(permit, *page, &write).await?
            }
            Step::Restore(page, values) => {
                let mut write = board.page_write(values);
                write["in_trash"] = json!(false);
                self.client.update_page(permit, *page, &write).await?
            }
            Step::Trash(page) => {
                self.client
                    .update_page(permit, *page, &json!({"in_trash": true}))
                    .await?
            }
            Step::LookUp | Step::Nothing => unreachable!("only writes are sent"),
        };
        let id = convert::id(&answer).ok_or(Error::Unexpected("page id"))?;
        Ok((id, answer))
    }

    /// What an error says about the page. `Done` here means: the ledger is right, look closer.
    fn failed<'a>(
        &self,
        step: &Step,
        error: &Error,
        known: Option<&'a Known>,
        source_hash: Option<uuid::Uuid>,
        unresolved: bool,
    ) -> (Ending<'a>, Outcome) {
        let not_written = Ending::NotWritten(known);
        match error.meaning() {
            Meaning::Committed(committed) => match committed.or(step.page()) {
                // Whether a body came with it shows when it is looked at again.
                Some(page) => (
                    written(step, page, source_hash, unresolved, body_of(step).is_some()),
                    Outcome::Done,
                ),
                None => (Ending::InDoubt, Outcome::Done),
            },
            Meaning::InDoubt => (Ending::InDoubt, Outcome::Retry),
            Meaning::TooMany { retry_after, scope } => {
                self.gate.refused(scope, retry_after);
                let outcome = match scope {
                    Scope::Endpoint => Outcome::Later(retry_after),
                    _ => Outcome::Retry,
                };
                (not_written, outcome)
            }
            Meaning::TryAgain => (not_written, Outcome::Conflict),
            Meaning::Invalid => (not_written, Outcome::Problem(error.to_string())),
            Meaning::InTrash if matches!(step, Step::Trash(_)) => match step.page() {
                Some(page) => (Ending::Trashed(page), Outcome::Done),
                None => (not_written, Outcome::Done),
            },
            Meaning::InTrash | Meaning::NotFound => (not_written, Outcome::Done),
            Meaning::Forbidden => (
                not_written,
                Outcome::Frozen(format!(
                    "{error}; give the integration \"insert content\" and \"update content\" in Notion's integration settings"
                )),
            ),
            Meaning::BlockLimit
            | Meaning::Blocked
            | Meaning::TokenRefused
            | Meaning::Unreachable => (not_written, Outcome::Away(with_cure(error))),
        }
    }

    /// A page that is not where the ledger says: find out what happened to it.
    async fn investigate(
        &self,
        board: &Board,
        key: &Key,
        step: &Step,
        error: &Error,
    ) -> sqlx::Result<Outcome> {
        let in_database = matches!(step, Step::Create(_) | Step::Restore(..));
        match error.meaning() {
            Meaning::InTrash if matches!(step, Step::Update(..)) => {
                self.ledger.found_in_trash(board.name(), key).await?;
                return Ok(Outcome::Retry);
            }
            // A page that is restored, or made, and still in the trash: its whole database is.
            Meaning::InTrash if in_database => {}
            Meaning::NotFound => {}
            _ => return Ok(Outcome::Done),
        }
        let permit = self.gate.admit(Lane::Live).await;
        let source = board.binding.data_source_id;
        let loss = Loss::read(&self.client.data_source(permit, source).await);
        if loss == Loss::Page
            && let Some(page) = step.page()
        {
            self.ledger.forget(board.name(), key, page).await?;
        }
        Ok(match (loss, loss.instruction(board.name())) {
            (Loss::Token, Some(cure)) => Outcome::Away(cure),
            (_, Some(cure)) => Outcome::Frozen(cure),
            (_, None) => Outcome::Retry,
        })
    }

    /// Looks up creates in doubt, at most [`KEYS_A_QUERY`]. Extra pages of one key go to the trash.
    pub async fn look_up(
        &self,
        dashboard: usize,
        doubts: &[crate::ledger::Doubt],
        permit: Permit,
    ) -> Result<(), LookUpError> {
        let board = &self.boards[dashboard];
        let me = self.me().await?;
        let keys: Vec<Key> = doubts.iter().map(|doubt| doubt.key.clone()).collect();
        let mut body = json!({"filter": board.key_filter(&keys), "page_size": 100});
        let mut found = Vec::new();
        let mut permit = Some(permit);
        loop {
            let permit = match permit.take() {
                Some(permit) => permit,
                None => self.gate.admit(Lane::Live).await,
            };
            let answer = self
                .client
                .query(permit, board.binding.data_source_id, &body)
                .await?;
            found.extend(
                answer["results"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|page| board.read_by(page, Some(me))),
            );
            match answer["next_cursor"].as_str() {
                Some(cursor) if answer["has_more"] == true => body["start_cursor"] = json!(cursor),
                _ => break,
            }
        }
        let (kept, extra) = oldest_of_each(found);
        for page in extra {
            if !self.trust.holds() {
                return Ok(());
            }
            tracing::warn!(dashboard = board.name(), page.id = %page.id, "a second page of one row goes to the trash");
            let permit = self.gate.admit(Lane::Live).await;
            self.client
                .update_page(permit, page.id, &json!({"in_trash": true}))
                .await?;
        }
        for doubt in doubts {
            match kept.get(&doubt.key) {
                Some(page) => {
                    self.ledger.doubt_made(board.name(), doubt, page).await?;
                }
                None if doubt.age_seconds >= SETTLED.as_secs_f64() => {
                    self.ledger.doubt_unmade(board.name(), doubt).await?;
                }
                None => {}
            }
        }
        Ok(())
    }
}

/// Why a look-up failed.
#[derive(Debug, thiserror::Error)]
pub enum LookUpError {
    /// Notion.
    #[error(transparent)]
    Notion(#[from] Error),
    /// Postgres.
    #[error("cannot use the ledger")]
    Ledger(#[from] sqlx::Error),
}

impl From<people::Error> for LookUpError {
    fn from(error: people::Error) -> Self {
        match error {
            people::Error::Notion(error) => Self::Notion(error),
            people::Error::Ledger(error) => Self::Ledger(error),
        }
    }
}

fn written(
    step: &Step,
    page_id: PageId,
    source_hash: Option<uuid::Uuid>,
    unresolved: bool,
    body_is_due: bool,
) -> Ending<'static> {
    if matches!(step, Step::Trash(_)) {
        return Ending::Trashed(page_id);
    }
    let mut fingerprints = fingerprints(step.values());
    if body_is_due {
        for (name, _) in step.values().iter().filter(|(_, value)| is_body(value)) {
            fingerprints.remove(name);
        }
    }
    Ending::Written {
        page_id,
        // A page without its body does not show its row.
        source_hash: source_hash.filter(|_| !body_is_due),
        fingerprints,
        shown: briefs(step.values()),
        unresolved,
    }
}

/// A body that a step has to write.
struct Body {
    /// What stands for it among the properties.
    name: String,
    /// Its blocks, as many in each as one request takes.
    requests: Vec<Vec<serde_json::Value>>,
    /// Whether it is small enough to come with the page that is made.
    comes_with_page: bool,
}

impl Body {
    fn of(step: &Step, (name, value): &NamedValue) -> Self {
        let content = convert::write_value(value);
        let mut requests: Vec<Vec<serde_json::Value>> = Vec::new();
        let mut bytes = 0;
        for block in content["children"].as_array().into_iter().flatten() {
            let size = block.to_string().len();
            match requests.last_mut() {
                Some(last) if last.len() < BLOCKS_A_REQUEST && bytes + size <= BODY_BYTES => {
                    bytes += size;
                    last.push(block.clone());
                }
                _ => {
                    bytes = size;
                    requests.push(vec![block.clone()]);
                }
            }
        }
        let others: usize = step
            .values()
            .iter()
            .filter(|(_, value)| !is_body(value))
            .map(|(_, value)| convert::write_value(value).to_string().len() + 100)
            .sum();
        Self {
            name: name.clone(),
            comes_with_page: matches!(step, Step::Create(_))
                && requests.len() <= 1
                && bytes + others <= BODY_BYTES,
            requests,
        }
    }
}

fn body_of(step: &Step) -> Option<&NamedValue> {
    step.values().iter().find(|(_, value)| is_body(value))
}

fn is_body(value: &Value) -> bool {
    matches!(value, Value::Body(_))
}

/// What lies at the bottom of an error: the same for everybody whom it hits.
pub fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// An error that concerns every write, and what to do about it.
pub fn with_cure(error: &Error) -> String {
    match error.meaning() {
        Meaning::BlockLimit => format!(
            "{error}; a Free workspace with several members holds 1,000 blocks: upgrade the plan, or mirror fewer rows"
        ),
        Meaning::Blocked => {
            format!("{error}; Notion has blocked this integration: ask its support before going on")
        }
        Meaning::TokenRefused => format!(
            "{error}; renew NOTION_TOKEN (or the file of NOTION_TOKEN_FILE, which is read again by itself)"
        ),
        _ => with_cause(error),
    }
}

/// An error with the chain of its causes, for people.
pub fn with_cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Many libraries say their cause in their own words already.
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

/// The one line of a write.
fn tell(
    board: &Board,
    step: &Step,
    answer: &Result<PageId, Error>,
    outcome: &Outcome,
    taken: &Taken,
) {
    let key = taken.page.key.as_str();
    let kind = step.kind().unwrap_or_default();
    let stale_ms = u64::try_from(taken.stale_since.elapsed().as_millis()).unwrap_or(u64::MAX);
    let properties = step.values().len();
    match (answer, outcome) {
        (Ok(page), _) => tracing::info!(
            dashboard = board.name(), page.key = key, page.id = %page, kind, properties, stale_ms,
            "{kind} of a page written"
        ),
        (Err(error), Outcome::Away(_)) => tracing::debug!(
            dashboard = board.name(),
            page.key = key,
            kind,
            error = error.brief(),
            "{kind} of a page not written"
        ),
        (Err(error), _) => tracing::info!(
            dashboard = board.name(),
            page.key = key,
            kind,
            attempts = taken.attempts,
            error = error.brief(),
            "{kind} of a page failed"
        ),
    }
}
