//! How claims, holders and losses look: in JSON, and for people.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use coordination::{Claim, Ending, Held, Holder, Loss, Mode, Waiting};
use serde_json::{Value, json};

use crate::path::shown;
use crate::say::{Say, moment, one_line, span};

pub(crate) fn claim(claim: &Claim) -> Value {
    json!({
        "claim_id": claim.id(),
        "resource": claim.resource(),
        "token": claim.token(),
        "mode": claim.mode(),
        "slot": claim.slot(),
        "widened": claim.widened(),
        "ttl_seconds": claim.ttl().as_secs(),
        "expires_at": claim.expires_at(),
        "predecessors": claim.predecessors(),
    })
}

pub(crate) fn granted(say: Say, agent: &str, claim: &Claim) -> String {
    let mut text = format!(
        "{} {} to {agent} until {}, claim {}, token {}",
        say.good("granted"),
        say.name(shown(claim.resource())),
        moment(claim.expires_at(), Utc::now()),
        claim.id(),
        claim.token(),
    );
    if let Some(slot) = claim.slot() {
        let _ = write!(text, ", slot {slot}");
    }
    if claim.mode() == Mode::Shared {
        text.push_str(", shared");
    }
    for before in claim.predecessors() {
        let _ = write!(
            text,
            "\n  taken over from {}, whose lease ended {}",
            one_line(&before.agent),
            moment(before.expired_at, Utc::now())
        );
        if let Some(progress) = &before.last_progress {
            let _ = write!(text, "; last said \u{201c}{}\u{201d}", one_line(progress));
        }
    }
    text.push('\n');
    text
}

/// What stands in the way of a wish, and the place in line, if there is one.
pub(crate) fn refused(held: &Held, waiting: Option<&Waiting>) -> Value {
    json!({
        "outcome": "held",
        "holders": held.holders,
        "ahead": held.ahead,
        "free": held.free.iter().map(|name| shown(name)).collect::<Vec<_>>(),
        "waiting": waiting.map(|place| json!({
            "ticket": place.ticket,
            "position": place.position,
            "kept_until": place.kept_until,
        })),
    })
}

/// The same for people.
pub(crate) fn refusal(
    say: Say,
    held: &Held,
    waiting: Option<&Waiting>,
    now: DateTime<Utc>,
) -> String {
    let mut text: String = held
        .holders
        .iter()
        .map(|holder| self::held(say, holder, now))
        .collect();
    for waiter in &held.ahead {
        let _ = writeln!(
            text,
            "{} by {} since {}: {}",
            say.bad("waited for"),
            say.name(&waiter.agent),
            moment(waiter.since, now),
            shown(&waiter.overlap)
        );
    }
    if !held.free.is_empty() {
        let free: Vec<String> = held.free.iter().map(|name| one_line(shown(name))).collect();
        let _ = writeln!(text, "free: {}", free.join(" "));
    }
    if let Some(place) = waiting {
        let _ = writeln!(
            text,
            "{} {} in line, kept until {}",
            say.name("place"),
            place.position,
            moment(place.kept_until, now)
        );
    }
    text
}

/// Somebody in the way, in two or three lines.
pub(crate) fn held(say: Say, holder: &Holder, now: DateTime<Utc>) -> String {
    let mut text = format!(
        "{} by {} since {}, until {}: {}",
        say.bad("held"),
        say.name(&holder.agent),
        moment(holder.since, now),
        moment(holder.until, now),
        shown(&holder.overlap),
    );
    match holder.mode {
        Mode::Exclusive => {}
        Mode::Shared => text.push_str(" (shared)"),
        Mode::Slot => text.push_str(" (slot)"),
    }
    if let Some(reason) = &holder.reason {
        let _ = write!(text, "\n  why: {}", one_line(reason));
    }
    if let Some(eta) = holder.eta {
        let _ = write!(text, "\n  probably done: {}", moment(eta, now));
    }
    match (&holder.progress, holder.progress_at) {
        (Some(progress), Some(at)) => {
            let _ = write!(
                text,
                "\n  progress {} ago: {}",
                span(now - at),
                one_line(progress)
            );
        }
        (Some(word), None) => {
            let _ = write!(text, "\n  last said: {}", one_line(word));
        }
        _ => {}
    }
    let _ = write!(
        text,
        "\n  {}",
        say.faint(&format!("claim {}", holder.claim_id))
    );
    text.push('\n');
    text
}

pub(crate) fn loss(resource: &str, loss: &Loss) -> Value {
    json!({
        "resource": resource,
        "ending": ending(loss.ending),
        "by": loss.by,
        "token": loss.token,
        "at": loss.at,
    })
}

pub(crate) fn lost(say: Say, resource: &str, loss: &Loss) -> String {
    let mut text = format!(
        "{} {}: {} {}",
        say.bad("lost"),
        say.name(shown(resource)),
        ending(loss.ending),
        moment(loss.at, Utc::now())
    );
    if let Some(by) = &loss.by {
        let _ = write!(text, ", {} {}", part_of(loss.ending), one_line(by));
    }
    text.push('\n');
    text
}

/// What somebody who is named has to do with an ending.
pub(crate) fn part_of(ending: Ending) -> &'static str {
    match ending {
        Ending::Expired => "taken over by",
        Ending::HandedOver => "to",
        Ending::Released | Ending::Revoked => "by",
    }
}

pub(crate) fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Released => "released",
        Ending::Expired => "expired",
        Ending::HandedOver => "handed over",
        Ending::Revoked => "revoked",
    }
}
