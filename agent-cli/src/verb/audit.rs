//! `claimboard audit`
//!
//! A commit is an agent's by its trailer `Claimboard-Agent`, else by its author's name, else by the part of the address before the `@`,
//! where that is an agent of the workspace. Its time is the author's date, which a rebase keeps.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use coordination::{PastClaim, Resource, claims_between};
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::git::git;
use crate::path::{literal, shown, stand_in};
use crate::quote::clean;
use crate::record;
use crate::say::{Answer, plain};
use crate::verb::hook::TRAILER;

/// What clocks differ by, and what the seconds of git's dates leave off.
const SLACK: TimeDelta = TimeDelta::seconds(2);

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard audit --git main..
  claimboard audit --git HEAD~20.. --json

For each file of each commit (merges aside): did the commit's agent hold it when the commit was made, or
a little before, and did anybody else? Exits 3 when there are offences.

A commit's agent is named by its trailer Claimboard-Agent, which `claimboard hook install` adds, else by
its author's name or by the address before the @, where that is an agent's name. Nobody checks what a
trailer says. Where no agent is known, a file that somebody held is not judged: it is counted under
unattributed. The time is the author's date, by the clock of the machine that made the commit: amended
and rebased commits keep it. What was written and never committed is not seen.

JSON: commits, files, unattributed, offences [commit, subject, agent, at, path, offence \"unclaimed\" or
\"held\", holder, claim_id, resource]")]
pub(crate) struct Args {
    /// Which commits, as git log takes them
    #[arg(long, value_name = "RANGE")]
    git: String,
    /// How long after its end a claim still covers its own agent's commit
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = crate::cli::duration)]
    grace: Duration,
}

/// A commit, as git tells it.
#[derive(Debug, PartialEq, Eq)]
struct Commit {
    hash: String,
    at: DateTime<Utc>,
    author: String,
    address: String,
    trailer: String,
    subject: String,
    files: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Fine,
    Unclaimed,
    /// By another agent's claim, which is the one at this place.
    Held(usize),
    /// Somebody held it, perhaps the one who made the commit.
    Unattributed,
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Answer, Failure> {
    let root = desk.place.root().ok_or_else(|| {
        Failure::usage(
            "this is no git repository",
            "change to the repository that is to be audited",
        )
    })?;
    let commits = commits(&git(
        root,
        &[
            "log",
            "--no-merges",
            "--no-renames",
            "--name-only",
            "-z",
            &format!("--format=%x1e%H%x1f%aI%x1f%an%x1f%ae%x1f%(trailers:key={TRAILER},valueonly,separator=%x1d)%x1f%s%x1f"),
            "--end-of-options",
            &args.git,
            "--",
        ],
    )
    .map_err(|failure| Failure::usage(failure.what, "name a range such as main.. or HEAD~5.., as git log takes it"))?);
    let grace = TimeDelta::from_std(args.grace)
        .ok()
        .filter(|grace| *grace <= TimeDelta::days(365))
        .ok_or_else(|| Failure::usage("--grace is too long", "write it as 5m or 1h"))?;
    let (Some(first), Some(last)) = (
        commits.iter().map(|commit| commit.at).min(),
        commits.iter().map(|commit| commit.at).max(),
    ) else {
        return Ok(answer(desk, 0, 0, 0, &[]));
    };
    let database = desk.database().await?;
    let workspace = desk.workspace();
    let agents: Vec<String> = record::activity(&database.pool, &workspace)
        .await?
        .into_iter()
        .map(|activity| activity.agent)
        .collect();
    let claims = claims_between(
        &database.pool,
        &workspace,
        first - grace - SLACK,
        last + SLACK,
    )
    .await?;
    let claims: Vec<(PastClaim, Resource)> = claims
        .into_iter()
        .filter_map(|claim| {
            let resource = Resource::parse(&claim.resource).ok()?;
            Some((claim, resource))
        })
        .collect();
    let (mut files, mut unattributed, mut offences) = (0, 0, Vec::new());
    for commit in &commits {
        let agent = agent_of(commit, &agents);
        for path in &commit.files {
            let Some(name) = stand_in(&literal(path)) else {
                continue;
            };
            files += 1;
            let verdict = judge(&name, commit.at, agent, &claims, grace);
            let holder = match verdict {
                Verdict::Fine => continue,
                Verdict::Unattributed => {
                    unattributed += 1;
                    continue;
                }
                Verdict::Unclaimed => None,
                Verdict::Held(at) => Some(&claims[at].0),
            };
            offences.push(json!({
                "commit": commit.hash,
                "subject": commit.subject,
                "agent": agent,
                "at": commit.at,
                "path": path,
                "offence": if holder.is_some() { "held" } else { "unclaimed" },
                "holder": holder.map(|claim| &claim.agent),
                "claim_id": holder.map(|claim| claim.claim_id),
                "resource": holder.map(|claim| &claim.resource),
            }));
        }
    }
    Ok(answer(desk, commits.len(), files, unattributed, &offences))
}

fn answer(
    desk: &Desk,
    commits: usize,
    files: usize,
    unattributed: usize,
    offences: &[Value],
) -> Answer {
    let mut text = String::new();
    for offence in offences {
        let word = |key: &str| clean(offence[key].as_str().unwrap_or_default(), 200);
        let how = match offence["holder"].as_str() {
            Some(holder) => format!(
                "under the claim of {} on {}",
                clean(holder, 100),
                shown(&word("resource"))
            ),
            None => "without a claim".to_owned(),
        };
        let by = offence["agent"].as_str().unwrap_or("somebody unknown");
        let _ = writeln!(
            text,
            "{} {} {} by {}, {how}",
            desk.say.faint(word("commit").get(..10).unwrap_or_default()),
            desk.say.name(&word("path")),
            desk.say.bad("edited"),
            clean(by, 100)
        );
    }
    let rest = match unattributed {
        0 => String::new(),
        many => format!("; {many} not judged, because their agent is not known"),
    };
    text.push_str(&plain(&format!(
        "{} of {files} edits in {commits} commits are offences{rest}",
        offences.len()
    )));
    Answer::new(
        if offences.is_empty() {
            Exit::Done
        } else {
            Exit::No
        },
        json!({"commits": commits, "files": files, "unattributed": unattributed, "offences": offences}),
        text,
    )
}

/// From records that begin with RS, with fields that end with US, and names that end with NUL.
fn commits(log: &str) -> Vec<Commit> {
    log.split('\x1e')
        .filter_map(|record| {
            let mut fields = record.splitn(7, '\x1f').map(str::to_owned);
            Some(Commit {
                hash: fields.next()?,
                at: DateTime::parse_from_rfc3339(&fields.next()?).ok()?.to_utc(),
                author: fields.next()?,
                address: fields.next()?,
                trailer: fields.next()?,
                subject: fields.next()?,
                files: fields
                    .next()?
                    .split('\0')
                    .map(|name| name.trim_start_matches('\n'))
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
                    .collect(),
            })
        })
        .collect()
}

fn agent_of<'a>(commit: &'a Commit, agents: &[String]) -> Option<&'a str> {
    // Amending may have left more than one: the last one did it.
    let trailer = commit
        .trailer
        .rsplit('\x1d')
        .next()
        .unwrap_or_default()
        .trim();
    if !trailer.is_empty() {
        return Some(trailer);
    }
    let local = commit.address.split('@').next().unwrap_or_default();
    [commit.author.as_str(), local]
        .into_iter()
        .find(|name| agents.iter().any(|agent| agent == name))
}

fn judge(
    name: &Resource,
    at: DateTime<Utc>,
    agent: Option<&str>,
    claims: &[(PastClaim, Resource)],
    grace: TimeDelta,
) -> Verdict {
    let alive = |claim: &PastClaim, from: DateTime<Utc>, to: DateTime<Utc>| {
        claim.acquired_at <= to && claim.ended_at.is_none_or(|ended| ended >= from)
    };
    let Some(agent) = agent else {
        let held = claims.iter().any(|(claim, held)| {
            held.overlaps(name) && alive(claim, at - grace - SLACK, at + SLACK)
        });
        return if held {
            Verdict::Unattributed
        } else {
            Verdict::Unclaimed
        };
    };
    let own = claims.iter().any(|(claim, held)| {
        claim.agent == agent && held.covers(name) && alive(claim, at - grace - SLACK, at + SLACK)
    });
    let other = claims.iter().position(|(claim, held)| {
        claim.agent != agent
            && held.overlaps(name)
            && (claim.mode == "exclusive" || !own)
            // For certain: whatever the clocks.
            && claim.acquired_at <= at - SLACK
            && claim.ended_at.is_none_or(|ended| ended >= at + SLACK)
    });
    match (other, own) {
        (Some(claim), _) => Verdict::Held(claim),
        (None, true) => Verdict::Fine,
        (None, false) => Verdict::Unclaimed,
    }
}

#[cfg(test)]
mod tests;
