//! What a tool answers: structured, with a short text that says the same. Every list is bounded.

use chrono::{DateTime, SecondsFormat, Utc};
use coordination::{Claim, Holder, LogRow, Loss, Waiter};
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

use crate::failure::Failure;
use crate::path::shown;
use crate::quote::{clean, quoted};
use crate::record::Held;
use crate::say::span;
use crate::shape;

/// Characters of a quotation, and of a name that others gave.
const QUOTE: usize = 300;
const NAME: usize = 120;
/// Bytes of a list, and members of it.
const LIST: usize = 3000;
const MEMBERS: usize = 20;

/// An answer in the making.
#[derive(Debug, Default)]
pub(super) struct Answer {
    json: Map<String, Value>,
    lines: Vec<String>,
    error: bool,
}

impl Answer {
    pub(super) fn new(outcome: &str) -> Self {
        let mut answer = Self::default();
        answer.set("outcome", outcome);
        answer
    }

    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.json.insert(key.to_owned(), value.into());
    }

    pub(super) fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// A list, as far as it goes: its members and their lines, and how many were left off.
    pub(super) fn list(
        &mut self,
        key: &str,
        members: impl IntoIterator<Item = (Value, Option<String>)>,
    ) {
        let (mut kept, mut bytes, mut left) = (Vec::new(), 0, 0_usize);
        for (member, line) in members {
            bytes += member.to_string().len();
            if left > 0 || kept.len() == MEMBERS || (bytes > LIST && !kept.is_empty()) {
                left += 1;
                continue;
            }
            kept.push(member);
            self.lines.extend(line);
        }
        self.set(key, kept);
        if left > 0 {
            self.set(&format!("{key}_left_off"), left);
            self.line(format!("… and {left} more"));
        }
    }

    /// What was lost since the last answer goes before everything else, once.
    pub(super) fn lost(&mut self, lost: &[(String, Loss)]) {
        let mut told = match self.json.remove("lost") {
            Some(Value::Array(told)) => told,
            _ => Vec::new(),
        };
        let lines = std::mem::take(&mut self.lines);
        for (resource, loss) in lost {
            let value = shape::loss(resource, loss);
            if told.contains(&value) {
                continue;
            }
            told.push(value);
            let by = loss
                .by
                .as_ref()
                .map(|by| format!(", {} {}", shape::part_of(loss.ending), clean(by, NAME)))
                .unwrap_or_default();
            self.line(format!(
                "LOST {}: {}{by}, at {}. Stop working on it, and claim it again before you go on.",
                shown(resource),
                shape::ending(loss.ending),
                time(loss.at)
            ));
        }
        self.lines.extend(lines);
        if !told.is_empty() {
            self.set("lost", told);
        }
    }

    pub(super) fn into_result(self) -> CallToolResult {
        let text = self.lines.join("\n");
        let value = Value::Object(self.json);
        let mut result = if self.error {
            CallToolResult::structured_error(value)
        } else {
            CallToolResult::structured(value)
        };
        result.content = vec![ContentBlock::text(text)];
        result
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        let mut answer = Self::new("failed");
        answer.error = true;
        answer.line(format!("failed: {}", failure.what));
        answer.line(format!("next: {}", failure.next));
        answer.set("error", failure.what);
        answer.set("next", failure.next);
        answer
    }
}

/// A claim of this agent.
pub(super) fn mine(claim: &Claim) -> (Value, Option<String>) {
    let value = json!({
        "resource": shown(claim.resource()),
        "claim_id": claim.id(),
        "token": claim.token(),
        "mode": claim.mode(),
        "slot": claim.slot(),
        "expires_at": time(claim.expires_at()),
    });
    let line = format!("{}, token {}", shown(claim.resource()), claim.token());
    (value, Some(line))
}

/// A claim that was just granted, with what its dead predecessors left.
pub(super) fn granted(claim: &Claim) -> (Value, Option<String>) {
    let (mut value, _) = mine(claim);
    let mut line = format!(
        "granted {}, token {}",
        shown(claim.resource()),
        claim.token()
    );
    if claim.widened() {
        value["widened"] = Value::Bool(true);
        line.push_str(" (more than was asked for: its wildcards were widened)");
    }
    let predecessors: Vec<Value> = claim
        .predecessors()
        .iter()
        .take(MEMBERS)
        .map(|before| {
            let words = before.last_progress.as_deref().unwrap_or_default();
            let _ = write!(
                line,
                "\n  taken over from {}, whose lease ended at {}",
                clean(&before.agent, NAME),
                time(before.expired_at)
            );
            if !words.is_empty() {
                let _ = write!(line, "; it last said {}", quoted(words, QUOTE));
            }
            let metadata = before
                .last_metadata
                .as_ref()
                .map(|metadata| clean(&metadata.to_string(), QUOTE));
            json!({
                "agent": clean(&before.agent, NAME),
                "resource": clean(shown(&before.resource), NAME),
                "expired_at": time(before.expired_at),
                "quotes": {"progress": clean(words, QUOTE), "metadata": metadata},
            })
        })
        .collect();
    if !predecessors.is_empty() {
        value["predecessors"] = predecessors.into();
    }
    (value, Some(line))
}

/// Somebody in the way.
pub(super) fn holder(holder: &Holder, now: DateTime<Utc>) -> (Value, Option<String>) {
    let agent = clean(&holder.agent, NAME);
    let overlap = clean(shown(&holder.overlap), NAME);
    let mut line = format!("held by {agent}: {overlap}, until {}", time(holder.until));
    if let Some(reason) = &holder.reason {
        let _ = write!(line, ", because {}", quoted(reason, QUOTE));
    }
    if let Some(word) = &holder.progress {
        let _ = write!(line, ", last said {}", quoted(word, QUOTE));
    }
    if let Some(at) = holder.progress_at {
        let _ = write!(line, ", progress {} ago", span(now - at));
    }
    let value = json!({
        "agent": agent,
        "overlap": overlap,
        "mode": holder.mode,
        "claim_id": holder.claim_id,
        "until": time(holder.until),
        "eta": holder.eta.map(time),
        "progress_at": holder.progress_at.map(time),
        "quotes": {
            "reason": holder.reason.as_deref().map(|reason| clean(reason, QUOTE)),
            "progress": holder.progress.as_deref().map(|word| clean(word, QUOTE)),
        },
    });
    (value, Some(line))
}

/// Somebody who stands in line ahead.
pub(super) fn waiter(waiter: &Waiter) -> (Value, Option<String>) {
    let agent = clean(&waiter.agent, NAME);
    let overlap = clean(shown(&waiter.overlap), NAME);
    let line = format!("{agent} waits for {overlap} since {}", time(waiter.since));
    let value = json!({"agent": agent, "overlap": overlap, "since": time(waiter.since)});
    (value, Some(line))
}

/// A part of what was wished for that could be had.
pub(super) fn free(name: &str) -> (Value, Option<String>) {
    let name = clean(shown(name), NAME);
    let line = format!("free: {name}");
    (Value::from(name), Some(line))
}

/// What others hold, a row of the board.
pub(super) fn held(held: &Held) -> (Value, Option<String>) {
    let agent = clean(&held.claimed_by, NAME);
    let resource = clean(shown(&held.resource), NAME);
    let mut line = format!("{resource}: {agent}, until {}", time(held.expires_at));
    if let Some(reason) = &held.reason {
        let _ = write!(line, ", because {}", quoted(reason, NAME));
    }
    let value = json!({
        "resource": resource,
        "agent": agent,
        "mode": held.mode,
        "status": clean(&held.status, NAME),
        "until": time(held.expires_at),
        "quotes": {"reason": held.reason.as_deref().map(|reason| clean(reason, NAME))},
    });
    (value, Some(line))
}

/// A request for help.
pub(super) fn help(row: &LogRow) -> (Value, Option<String>) {
    let agent = clean(&row.agent, NAME);
    let message = row.message.as_deref().unwrap_or_default();
    let line = format!("{agent} needs your help: {}", quoted(message, QUOTE));
    let value = json!({
        "log_id": row.id,
        "agent": agent,
        "at": time(row.timestamp),
        "about": row.resource.as_deref().map(|name| clean(shown(name), NAME)),
        "quotes": {"message": clean(message, QUOTE)},
    });
    (value, Some(line))
}

pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
