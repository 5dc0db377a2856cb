//! The people of the workspace by their addresses, and what rows say of others in Notion's ids.
//!
//! Notion knows people by ids, rows by e-mail addresses. Who has which address is learnt from Notion and kept in
//! the ledger, so that a pass needs no request for it.

use std::collections::{BTreeSet, HashMap};

use crate::board::Board;
use crate::budget::Lane;
use crate::dashboard::PropertyKind;
use crate::ledger::Ledger;
use crate::notion::{Client, Error as NotionError, Gate, Meaning, PageId, convert};
use crate::page::{Key, Value};
use crate::reconcile::{NamedValue, resolve_people, resolve_relations};

/// Notion's ids for what some pages refer to.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    /// Pages by their keys, dashboard by dashboard.
    pub pages: HashMap<String, HashMap<Key, PageId>>,
    /// Users by their addresses.
    pub people: HashMap<String, uuid::Uuid>,
}

/// Why the people cannot be learnt.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Notion.
    #[error("cannot read the people of the workspace")]
    Notion(#[from] NotionError),
    /// Postgres.
    #[error("cannot use the ledger")]
    Ledger(#[from] sqlx::Error),
}

impl Ids {
    /// The ids that the ledger knows for what these pages of a board refer to.
    pub async fn known(
        ledger: &Ledger,
        board: &Board,
        wanted: &[&[NamedValue]],
    ) -> sqlx::Result<Self> {
        let mut keys: HashMap<&str, BTreeSet<&Key>> = HashMap::new();
        let mut addresses = BTreeSet::new();
        for values in wanted {
            for (related, some) in board.relations(values) {
                keys.entry(related).or_default().extend(some);
            }
            for (_, value) in *values {
                if let Value::People(some) = value {
                    addresses.extend(some);
                }
            }
        }
        let mut ids = Self::default();
        for (related, keys) in keys {
            let keys: Vec<Key> = keys.into_iter().cloned().collect();
            let pages = ledger.page_ids(related, &keys).await?;
            ids.pages.insert(related.to_owned(), pages);
        }
        if !addresses.is_empty() {
            let addresses: Vec<String> = addresses.into_iter().cloned().collect();
            ids.people = ledger.people(&addresses).await?;
        }
        Ok(ids)
    }

    /// Puts ids in the place of keys and addresses. Whether all were known; whoever is not is said in the note.
    pub fn resolve(&self, board: &Board, values: &mut [NamedValue]) -> bool {
        let missing = resolve_relations(values, |property, key| {
            self.pages.get(board.related(property)?)?.get(key).copied()
        });
        let strangers = resolve_people(values, |address| self.people.get(address).copied());
        missing + strangers.len() == 0
    }
}

/// Whether any board shows people.
pub fn are_shown(boards: &[Board]) -> bool {
    boards
        .iter()
        .flat_map(Board::written)
        .any(|(_, kind)| *kind == PropertyKind::People)
}

/// Learns who has which address.
pub async fn learn(client: &Client, gate: &Gate, ledger: &Ledger) -> Result<(), Error> {
    let (mut people, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let permit = gate.admit(Lane::Live).await;
        let answer = match client.users(permit, cursor.as_deref()).await {
            Err(error) if error.meaning() == Meaning::Forbidden => break,
            answer => answer?,
        };
        for user in answer["results"].as_array().into_iter().flatten() {
            if let (Some(id), Some(address)) = (convert::id(user), user["person"]["email"].as_str())
            {
                people.push((address.to_lowercase(), id));
            }
        }
        cursor = answer["next_cursor"].as_str().map(str::to_owned);
        if answer["has_more"] != true || cursor.is_none() {
            break;
        }
    }
    if people.is_empty() {
        tracing::warn!(
            "Notion tells no addresses of people: give the integration \"read user information including email addresses\""
        );
    }
    Ok(ledger.note_people(&people).await?)
}
