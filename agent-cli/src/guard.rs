//! Whether files may be written: what others hold of them, and what nobody claimed. Pure, over the live claims of a workspace.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use coordination::{Resource, SessionId};
use sqlx::FromRow;

use crate::path::shown;
use crate::quote::{clean, quoted};
use crate::say::moment;

/// A live claim.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Live {
    pub(crate) session_id: SessionId,
    pub(crate) agent: String,
    pub(crate) resource: String,
    /// With others, or a slot of a pool: it does not keep others away.
    pub(crate) shared: bool,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) reason: Option<String>,
}

/// What stands in the way of a write.
#[derive(Debug)]
pub(crate) enum Objection<'a> {
    Held(&'a Live),
    Unclaimed,
}

/// What speaks against writing each of the names, by the session or, without one, by somebody who holds nothing.
pub(crate) fn objections<'a>(
    names: &'a [Resource],
    live: &'a [Live],
    session: Option<SessionId>,
) -> Vec<(&'a Resource, Objection<'a>)> {
    let live: Vec<(&Live, Resource)> = live
        .iter()
        .filter_map(|claim| Some((claim, Resource::parse(&claim.resource).ok()?)))
        .collect();
    names
        .iter()
        .filter_map(|name| {
            let on_it = || live.iter().filter(|(_, held)| held.overlaps(name));
            let is_mine = |claim: &Live| Some(claim.session_id) == session;
            // Who holds a share works beside the others who hold one.
            let shares = on_it().any(|(claim, _)| is_mine(claim) && claim.shared);
            let other = on_it().find(|(claim, _)| !(is_mine(claim) || claim.shared && shares));
            if let Some((claim, _)) = other {
                return Some((name, Objection::Held(claim)));
            }
            let is_covered = live
                .iter()
                .any(|(claim, held)| is_mine(claim) && held.covers(name));
            (!is_covered).then_some((name, Objection::Unclaimed))
        })
        .collect()
}

/// Why somebody may not write, for the one who wanted to.
pub(crate) fn refusal(name: &Resource, claim: &Live, now: DateTime<Utc>) -> String {
    let holder = clean(&claim.agent, 100);
    let mut text = format!(
        "{} is held by {holder} until {}",
        clean(shown(name.name()), 200),
        moment(claim.expires_at, now)
    );
    if let Some(reason) = &claim.reason {
        let _ = write!(text, ", because {}", quoted(reason, 200));
    }
    text
}

/// What to do instead.
pub(crate) const ADVICE: &str = "leave it alone: work on something else, wait with `claimboard claim RESOURCE --wait 45`, or ask the holder with `claimboard log help MESSAGE --needed-from NAME`";

#[cfg(test)]
mod tests;
