//! The ledger anew from what stands in Notion: by reads alone, a hundred pages a request.
//!
//! For a ledger that was lost or rolled back. Afterwards every page that carries a key is known with what stands
//! in it, so the next pass writes only what differs, and creates only what is not there.

use crate::board::{Board, ReadPage, oldest_of_each};
use crate::ledger::Ledger;
use crate::notion::{Client, Error as NotionError, Gate, listing};

/// What was found on one dashboard.
#[derive(Debug, serde::Serialize)]
pub struct Found {
    /// The dashboard.
    pub dashboard: String,
    /// Pages that the ledger knows now.
    pub pages: usize,
    /// Second pages of a row: younger than the one that counts.
    #[serde(skip)]
    pub extra: Vec<ReadPage>,
}

/// Why it stopped. The dashboards before are rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pages cannot be read.
    #[error("cannot read the pages of dashboard {0:?}")]
    Read(String, #[source] NotionError),
    /// A second page cannot be trashed.
    #[error("cannot trash a second page on dashboard {0:?}")]
    Merge(String, #[source] NotionError),
    /// The ledger cannot be used.
    #[error("cannot use the ledger")]
    Ledger(#[from] sqlx::Error),
}

/// Rebuilds the ledger of one dashboard.
pub async fn rebuild(
    client: &Client,
    gate: &Gate,
    ledger: &Ledger,
    board: &Board,
) -> Result<Found, Error> {
    let pages = listing::all_pages(client, gate, board.binding.data_source_id)
        .await
        .map_err(|error| Error::Read(board.name().to_owned(), error))?;
    let (kept, extra) = oldest_of_each(pages.iter().filter_map(|page| board.read(page)).collect());
    let kept: Vec<&ReadPage> = kept.values().collect();
    ledger.rebuilt(board.name(), &kept).await?;
    Ok(Found {
        dashboard: board.name().to_owned(),
        pages: kept.len(),
        extra,
    })
}

/// Moves the second pages of rows to the trash; the oldest stay.
pub async fn merge(client: &Client, gate: &Gate, found: &Found) -> Result<(), Error> {
    for page in &found.extra {
        let permit = gate.admit(crate::budget::Lane::Live).await;
        client
            .update_page(permit, page.id, &serde_json::json!({"in_trash": true}))
            .await
            .map_err(|error| Error::Merge(found.dashboard.clone(), error))?;
    }
    Ok(())
}
