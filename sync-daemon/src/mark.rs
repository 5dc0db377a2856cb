//! The ledger's mark: its id and a number that only grows, in the ledger and, under a board's title, in Notion.
//!
//! A ledger that was restored from a backup knows nothing of the pages that were made since, and would make them
//! again. Its mark gives it away: Notion shows a larger number, or another ledger's id. Where Notion was restored,
//! it shows a smaller one, and pages that the ledger knows are gone or old. Either way the ledger is rebuilt from
//! Notion, by reads alone, before anything is written.
//!
//! It moves at the start, and after that only when pages were made: a board that stands costs nothing.
//!
//! Accepted: what was rolled back by less than [`PACE`] looks like what it was, and a Notion that is restored while
//! the daemon runs is noticed at its next start.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::budget::Lane;
use crate::ledger::Ledger;
use crate::notion::{Error as NotionError, Meaning, convert};
use crate::rebuild::{self, rebuild};
use crate::setup::description;
use crate::writer::Writer;

/// How often the mark moves while pages are made.
pub const PACE: Duration = Duration::from_mins(1);

/// Which ledger, and how far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The ledger's id.
    pub ledger: uuid::Uuid,
    /// Its number: the larger, the later.
    pub number: i64,
}

/// Why the mark cannot be checked or moved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Notion.
    #[error(transparent)]
    Notion(#[from] NotionError),
    /// The ledger cannot be rebuilt.
    #[error("the ledger disagrees with Notion and cannot be rebuilt")]
    Rebuild(#[from] rebuild::Error),
    /// Postgres.
    #[error("cannot use the ledger")]
    Ledger(#[from] sqlx::Error),
}

impl Mark {
    /// Whether one side was restored from a backup: the ledger misses what Notion knew, or Notion what the ledger knew.
    pub fn tells_of_a_restore(&self, shown: &Self) -> bool {
        // The ledger moves first, so Notion may never have heard of its last step.
        self.ledger != shown.ledger || !(shown.number..=shown.number + 1).contains(&self.number)
    }

    /// The mark in a description, if one stands there.
    pub fn find(description: &str) -> Option<Self> {
        let (_, mark) = description.rsplit_once("[ledger ")?;
        mark.split_once(']')?.0.parse().ok()
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ledger, self.number)
    }
}

impl FromStr for Mark {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (ledger, number) = text.split_once('/').ok_or(())?;
        Ok(Self {
            ledger: ledger.parse().map_err(|_| ())?,
            number: number.parse().map_err(|_| ())?,
        })
    }
}

/// Compares the marks, rebuilds a ledger that is behind, and moves both on. To be called before the first write.
pub async fn check(writer: &Writer) -> Result<(), Error> {
    let me = writer.me().await?;
    writer.ledger.add_hand(me).await?;
    for (index, board) in writer.boards.iter().enumerate() {
        let permit = writer.gate.admit(Lane::Live).await;
        let database = match writer
            .client
            .database(permit, board.binding.database_id)
            .await
        {
            Ok(database) => database,
            // This board stands still anyway; another one tells as well.
            Err(error) if matches!(error.meaning(), Meaning::NotFound | Meaning::Forbidden) => {
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let shown = convert::plain_text(&database["description"])
            .as_deref()
            .and_then(Mark::find);
        let known = writer.ledger.mark().await?;
        if let Some(shown) = shown.filter(|shown| known.tells_of_a_restore(shown)) {
            tracing::warn!(
                ledger = %known, notion = %shown,
                "ledger and Notion disagree, as after a backup of one was restored; the ledger is rebuilt from Notion before anything is written"
            );
            rebuild_all(writer).await?;
        }
        return move_on(writer, index, shown.map_or(0, |shown| shown.number)).await;
    }
    Ok(())
}

async fn rebuild_all(writer: &Writer) -> Result<(), Error> {
    let ledger: &Ledger = &writer.ledger;
    for board in &writer.boards {
        match rebuild(&writer.client, &writer.gate, ledger, board).await {
            Ok(found) if !found.extra.is_empty() => tracing::warn!(
                dashboard = found.dashboard,
                pages = found.extra.len(),
                "several pages of one row; the oldest are used, `claimboard-sync rebuild --merge` trashes the others"
            ),
            Ok(_) => {}
            Err(rebuild::Error::Read(_, error)) if error.meaning() == Meaning::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Moves the mark on, in the ledger first: Notion never shows one that the ledger does not know.
pub async fn move_on(writer: &Writer, index: usize, at_least: i64) -> Result<(), Error> {
    let board = &writer.boards[index];
    let Some(mark) = writer.ledger.next_mark(at_least).await? else {
        return Ok(());
    };
    let text = format!("{} [ledger {mark}]", description(&board.dashboard));
    let permit = writer.gate.admit(Lane::Live).await;
    let database = board.binding.database_id;
    match writer
        .client
        .describe_database(permit, database, &convert::rich_text(&text))
        .await
    {
        Err(error)
            if matches!(
                error.meaning(),
                Meaning::InTrash | Meaning::NotFound | Meaning::Forbidden
            ) =>
        {
            Ok(())
        }
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
