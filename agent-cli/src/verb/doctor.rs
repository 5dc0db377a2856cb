//! `claimboard doctor`

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::database::Database;
use crate::desk::Desk;
use crate::enforcement::Enforcement;
use crate::failure::{Exit, Failure};
use crate::say::{Answer, Say, moment, plain, table};

/// Postgres 15.
const OLDEST: i32 = 150_000;
/// What local time and the database's may differ by before people wonder at what they read.
const DRIFT: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard doctor

Looks at who and where this is, and at the database. Exits 3 when something is wrong, and says what to
type.

JSON: checks [check, state \"good\", \"warning\" or \"bad\", what, next]")]
pub(crate) struct Args {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    /// It works, and could be better.
    Warning,
    Bad,
}

struct Check {
    name: &'static str,
    state: State,
    what: String,
    next: Option<&'static str>,
}

impl Check {
    fn good(name: &'static str, what: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Good,
            what: what.into(),
            next: None,
        }
    }

    fn other(
        name: &'static str,
        state: State,
        what: impl Into<String>,
        next: &'static str,
    ) -> Self {
        Self {
            name,
            state,
            what: what.into(),
            next: Some(next),
        }
    }
}

pub(crate) async fn act(_: Args, desk: &Desk) -> Result<Answer, Failure> {
    let mut checks = here(desk);
    let mut advice = None;
    match desk.database().await {
        Ok(database) => {
            checks.push(Check::good(
                "database",
                format!(
                    "{}{}",
                    if desk.is_local() {
                        "local cluster "
                    } else {
                        ""
                    },
                    database.key
                ),
            ));
            checks.extend(there(&database.pool, desk.is_local()).await?);
            checks.extend(guards(desk, &database).await?);
        }
        Err(failure) => {
            checks.push(Check {
                name: "database",
                state: State::Bad,
                what: failure.what,
                next: None,
            });
            advice = Some(failure.next);
        }
    }
    let sick = checks.iter().any(|check| check.state == State::Bad);
    let text = table(
        &checks
            .iter()
            .map(|check| line(desk.say, check, advice.as_deref()))
            .collect::<Vec<_>>(),
    );
    let checks: Vec<Value> = checks
        .iter()
        .map(|check| {
            json!({
                "check": check.name,
                "state": state(check.state),
                "what": check.what,
                "next": next(check, advice.as_deref()),
            })
        })
        .collect();
    Ok(Answer::new(
        if sick { Exit::No } else { Exit::Done },
        json!({"checks": checks}),
        text,
    ))
}

/// Who and where we are.
fn here(desk: &Desk) -> Vec<Check> {
    let agent = match desk.agent() {
        Some(agent) => Check::good("agent", agent),
        None => Check::other(
            "agent",
            State::Warning,
            "has no name",
            "add --agent NAME, or set CLAIMBOARD_AGENT=NAME once",
        ),
    };
    let repository = match desk.place.root() {
        Some(root) => Check::good("repository", root.display().to_string()),
        None => Check::other(
            "repository",
            State::Warning,
            "none: paths are taken as they are given",
            "call it inside of a git repository, so that one file has one name",
        ),
    };
    vec![
        agent,
        Check::good("workspace", desk.workspace()),
        repository,
    ]
}

/// What enforces claims here. That nothing does is no fault.
async fn guards(desk: &Desk, database: &Database) -> Result<Vec<Check>, Failure> {
    let agent = desk.agent();
    let found = Enforcement::look(desk, &database.pool, &database.key, agent.as_deref()).await?;
    let edits = match found.edits {
        Some(at) => Check::good(
            "edits",
            format!(
                "enforced where the agent's host calls the hook, last at {}",
                moment(at.into(), Utc::now())
            ),
        ),
        None => Check::other(
            "edits",
            State::Warning,
            "advisory: no tool call of this agent was ever checked",
            "let the agent's host call `claimboard hook pre-tool-use`, whose --help shows how",
        ),
    };
    let commits = if found.commits {
        Check::good(
            "commits",
            "enforced by git hooks, which --no-verify passes by",
        )
    } else {
        Check::other(
            "commits",
            State::Warning,
            "advisory: git asks nobody",
            "`claimboard hook install` in the repository",
        )
    };
    let tables = match found.tables.as_slice() {
        [] => Check::good("tables", "advisory: none is guarded"),
        tables => Check::good("tables", format!("enforced for {}", tables.join(", "))),
    };
    Ok(vec![edits, commits, tables])
}

/// What the database is like.
async fn there(pool: &PgPool, is_local: bool) -> Result<Vec<Check>, Failure> {
    let asked = Utc::now();
    let (number, version, now, owns): (i32, String, DateTime<Utc>, bool) = sqlx::query_as(
        "SELECT current_setting('server_version_num')::int, current_setting('server_version'), clock_timestamp(),
         coalesce((SELECT pg_has_role(n.nspowner, 'USAGE') FROM pg_namespace n WHERE n.nspname = 'coordination'), false)",
    )
    .fetch_one(pool)
    .await?;
    let drift = (now - (asked + (Utc::now() - asked) / 2))
        .abs()
        .to_std()
        .unwrap_or_default();
    let mut checks = vec![
        if number >= OLDEST {
            Check::good("server", format!("PostgreSQL {version}"))
        } else {
            Check::other(
                "server",
                State::Bad,
                format!("PostgreSQL {version}"),
                "use PostgreSQL 15 or newer",
            )
        },
        if drift < DRIFT {
            Check::good("clock", "agrees with the database's")
        } else {
            Check::other(
                "clock",
                State::Warning,
                format!("differs from the database's by {} s", drift.as_secs()),
                "set the clock: leases are the database's, but what you read here is not",
            )
        },
    ];
    checks.push(schema(pool).await?);
    checks.push(if owns && is_local {
        Check::good("role", "the local cluster is this user's alone")
    } else if owns {
        Check::other(
            "role",
            State::Warning,
            "this login owns the schema, so nothing keeps it from rewriting the record",
            "make the roles with `claimboard roles --apply`, and let agents log in with claimboard_agent",
        )
    } else {
        Check::good("role", "this login cannot rewrite the record")
    });
    Ok(checks)
}

async fn schema(pool: &PgPool) -> Result<Check, Failure> {
    let (wanted, update) = (
        coordination::schema_version(),
        "`claimboard migrate` as the database's owner brings it up to date",
    );
    let readable: Option<bool> = sqlx::query_scalar(
        "SELECT has_table_privilege(to_regclass('coordination.migrations'), 'SELECT')",
    )
    .fetch_one(pool)
    .await?;
    Ok(match readable {
        None => Check::other("schema", State::Bad, "coordination is not there", update),
        Some(false) => Check::good(
            "schema",
            "coordination is there; its version is its owner's to read",
        ),
        Some(true) => {
            let found: Option<i64> = sqlx::query_scalar(
                "SELECT max(version) FROM coordination.migrations WHERE success",
            )
            .fetch_one(pool)
            .await?;
            match found.unwrap_or(0) {
                found if found == wanted => {
                    Check::good("schema", format!("coordination is of version {found}"))
                }
                found if found < wanted => Check::other(
                    "schema",
                    State::Bad,
                    format!("coordination is of version {found}, this program of {wanted}"),
                    update,
                ),
                found => Check::other(
                    "schema",
                    State::Warning,
                    format!("coordination is of version {found}, this program of {wanted}"),
                    "update this program",
                ),
            }
        }
    })
}

fn line(say: Say, check: &Check, advice: Option<&str>) -> Vec<String> {
    let mark = match check.state {
        State::Good => say.good("good"),
        State::Warning => say.name("warning"),
        State::Bad => say.bad("bad"),
    };
    let mut what = plain(&check.what);
    if let Some(next) = next(check, advice) {
        what.push_str("\n    ");
        what.push_str(next);
    }
    vec![mark, check.name.to_owned(), what]
}

/// What to do about a check: its own word, or that of the failure it stands for.
fn next<'a>(check: &Check, advice: Option<&'a str>) -> Option<&'a str> {
    check
        .next
        .or_else(|| advice.filter(|_| check.state == State::Bad))
}

fn state(state: State) -> &'static str {
    match state {
        State::Good => "good",
        State::Warning => "warning",
        State::Bad => "bad",
    }
}
