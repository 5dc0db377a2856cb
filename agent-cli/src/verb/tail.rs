//! `claimboard tail`

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use chrono::Utc;
use coordination::LogRow;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::path::shown;
use crate::quote::quoted;
use crate::record::{self, Filter, Horizon};
use crate::say::{Answer, Say, json_line, moment, one_line, plain};
use crate::verb::Ended;
use crate::wish::Ears;

/// The kinds of rows that the protocol itself writes; programs may have others.
const ACTIONS: [&str; 12] = [
    "blocked", "claim", "complete", "expire", "handoff", "help", "note", "progress", "release",
    "revoke", "wait", "waiting",
];
const INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard tail
  claimboard tail --by alpha --resource docs/ -n 50
  claimboard tail --follow --json      # one row a line, until interrupted

A database that goes away is waited for: what was logged meanwhile follows, each row once.

JSON: rows [row]; with --follow, a row a line")]
pub(crate) struct Args {
    /// How many rows of the past
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 20)]
    lines: usize,
    /// Go on with what is logged from now on
    #[arg(short, long)]
    follow: bool,
    /// What this agent logged
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// One kind of row: claim, release, progress, help, done, …
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// What overlaps a resource
    #[arg(long, value_name = "RESOURCE")]
    resource: Option<String>,
    /// Every character of the resource stands for itself
    #[arg(long)]
    literal: bool,
}

impl Args {
    /// Whether it ends only when somebody ends it.
    pub(crate) fn follows(&self) -> bool {
        self.follow
    }
}

pub(crate) async fn act(args: Args, desk: &Desk) -> Result<Ended, Failure> {
    let resource = match &args.resource {
        Some(typed) => Some(desk.place.name(typed, args.literal)?),
        None => None,
    };
    let filter = Filter {
        workspace: desk.workspace(),
        by: args.by,
        action: args.action.map(|action| match action.as_str() {
            // As it is called where it is typed.
            "done" => "complete".to_owned(),
            _ => action,
        }),
        resource: resource.map(|named| named.resource),
    };
    if args.follow {
        let mut ears = Ears::open()?;
        let pool = desk.database().await?.pool;
        check(desk, &pool, &filter).await?;
        return follow(desk, pool, &filter, args.lines, &mut ears).await;
    }
    let pool = desk.database().await?.pool;
    check(desk, &pool, &filter).await?;
    let rows = record::log(&pool, &filter, args.lines).await?;
    let text: String = rows.iter().map(|row| line(desk.say, row) + "\n").collect();
    Ok(Ended::Answered(Answer::new(
        Exit::Done,
        json!({"rows": rows}),
        text,
    )))
}

/// A filter that nothing passes is a slip, more often than not.
async fn check(desk: &Desk, pool: &PgPool, filter: &Filter) -> Result<(), Failure> {
    if let Some(action) = &filter.action
        && !ACTIONS.contains(&action.as_str())
    {
        let own = record::actions(pool, &filter.workspace).await?;
        if !own.contains(action) {
            let known: BTreeSet<&str> = own.iter().map(String::as_str).chain(ACTIONS).collect();
            let known: Vec<&str> = known.into_iter().collect();
            return Err(Failure::usage(
                format!("no row is of the kind {}", quoted(action, 64)),
                format!("there are: {}", known.join(", ")),
            ));
        }
    }
    if let Some(agent) = &filter.by
        && !record::is_known(pool, &filter.workspace, agent).await?
    {
        desk.say.note(&format!(
            "no agent {} was ever here; `claimboard agents` names those who were",
            quoted(agent, 100)
        ));
    }
    Ok(())
}

async fn follow(
    desk: &Desk,
    mut pool: PgPool,
    filter: &Filter,
    lines: usize,
    ears: &mut Ears,
) -> Result<Ended, Failure> {
    let horizon = record::horizon(&pool).await?;
    let past = record::log(&pool, filter, lines).await?;
    let floor = match past.first() {
        Some(first) if past.len() == lines => first.id.0 - 1,
        _ if lines == 0 => horizon.newest,
        _ => 0,
    };
    let mut cursor = Cursor::new(floor);
    let (mut rows, mut now) = (past, horizon);
    let mut is_away = false;
    loop {
        rows.retain(|row| cursor.is_new(row.id.0));
        cursor.pass(now);
        for row in &rows {
            if !speak(desk, row)? {
                return Ok(Ended::Code(Exit::Done as u8));
            }
        }
        (now, rows) = loop {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                // The way to end it: that is no failure.
                _ = ears.hear() => return Ok(Ended::Code(Exit::Done as u8)),
            }
            let read = tokio::select! {
                read = read(desk, &mut pool, filter, cursor.floor, is_away) => read,
                _ = ears.hear() => return Ok(Ended::Code(Exit::Done as u8)),
            };
            match read {
                Ok(read) => {
                    if std::mem::take(&mut is_away) {
                        desk.say.note("the database is back");
                    }
                    break read;
                }
                // Another database, or another protocol, would not be the same log.
                Err(failure) if failure.exit != Exit::Failed => return Err(failure),
                Err(failure) => {
                    if !std::mem::replace(&mut is_away, true) {
                        desk.say
                            .note(&format!("{}; waiting until it is back", failure.what));
                    }
                }
            }
        };
    }
}

/// What is new, over a new connection if the last one `is_away`.
async fn read(
    desk: &Desk,
    pool: &mut PgPool,
    filter: &Filter,
    floor: i64,
    is_away: bool,
) -> Result<(Horizon, Vec<LogRow>), Failure> {
    if is_away {
        *pool = desk.database_again().await?;
    }
    let now = record::horizon(pool).await?;
    Ok((now, record::log_above(pool, filter, floor).await?))
}

/// Where a reader of the log stands. Numbers are drawn before commits, so a smaller number may become visible after a larger one: the floor
/// rises only to what was the newest number when every transaction that was open then is over.
#[derive(Debug)]
struct Cursor {
    floor: i64,
    seen: BTreeSet<i64>,
    horizons: VecDeque<Horizon>,
}

impl Cursor {
    fn new(floor: i64) -> Self {
        Self {
            floor,
            seen: BTreeSet::new(),
            horizons: VecDeque::new(),
        }
    }

    fn is_new(&mut self, id: i64) -> bool {
        id > self.floor && self.seen.insert(id)
    }

    /// After everything above the floor was read, later than `now` was taken. The newest horizon but one never counts: a transaction
    /// draws its number a moment before it has one itself.
    fn pass(&mut self, now: Horizon) {
        self.horizons.push_back(now);
        while self.horizons.len() > 2
            && let Some(&past) = self.horizons.front()
            && past.next <= now.over
        {
            self.horizons.pop_front();
            self.floor = self.floor.max(past.newest);
        }
        // What is below the floor is never asked for again.
        self.seen = self.seen.split_off(&(self.floor + 1));
    }
}

/// Whether anybody still reads.
fn speak(desk: &Desk, row: &LogRow) -> Result<bool, Failure> {
    if !desk.say.json {
        return Say::line(&line(desk.say, row));
    }
    let mut object = json!(row);
    if desk.is_local() {
        object["local"] = Value::Bool(true);
    }
    Say::line(&json_line(&object))
}

fn line(say: Say, row: &LogRow) -> String {
    let mut words = vec![
        say.faint(&moment(row.timestamp, Utc::now())),
        say.name(&row.agent),
        one_line(&row.action),
    ];
    if let Some(resource) = &row.resource {
        words.push(plain(shown(resource)));
    }
    if row.late {
        words.push(say.bad("late"));
    }
    if row.unauthenticated {
        words.push(say.faint("unauthenticated"));
    }
    let mut line = words.join(" ");
    if let Some(message) = &row.message {
        line.push_str(": ");
        line.push_str(&one_line(message));
    }
    line
}

#[cfg(test)]
mod tests;
