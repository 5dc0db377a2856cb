//! `doctor`: what must be true before the daemon can work, line by line: right, or with its cure.
//!
//! Nothing is changed. What can be looked at without a token is looked at without one, and a line that cannot
//! be judged says so instead of guessing.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::config::{ConfigErrors, DatabaseConfig, NotionConfig};
use crate::dashboard::Dashboards;
use crate::notion::{Client, Gate, Token};
use crate::open::{pool, reach};
use crate::writer::{root_cause, with_cause};

mod database;
mod workspace;

/// What was found, in the order in which things depend on each other.
#[derive(Debug, Default, Serialize)]
pub struct Findings {
    /// The lines.
    pub checks: Vec<Check>,
}

/// One line.
#[derive(Debug, Serialize)]
pub struct Check {
    /// What was looked at.
    pub check: &'static str,
    /// How it stands.
    pub state: State,
    /// What was seen.
    pub what: String,
    /// What to do about it.
    pub cure: Option<String>,
}

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should.
    Ok,
    /// It works; somebody should know.
    Note,
    /// It could not be judged.
    Skipped,
    /// It keeps the daemon from working.
    Bad,
}

impl Findings {
    /// Whether nothing keeps the daemon from working.
    pub fn healthy(&self) -> bool {
        self.checks.iter().all(|check| check.state != State::Bad)
    }

    fn ok(&mut self, check: &'static str, what: impl Into<String>) {
        self.add(check, State::Ok, what, None);
    }

    fn note(&mut self, check: &'static str, what: impl Into<String>, cure: &str) {
        self.add(check, State::Note, what, Some(cure.to_owned()));
    }

    fn bad(&mut self, check: &'static str, what: impl Into<String>, cure: impl Into<String>) {
        self.add(check, State::Bad, what, Some(cure.into()));
    }

    fn skipped(&mut self, check: &'static str, why: impl Into<String>) {
        self.add(check, State::Skipped, why, None);
    }

    fn add(
        &mut self,
        check: &'static str,
        state: State,
        what: impl Into<String>,
        cure: Option<String>,
    ) {
        let what = what.into();
        self.checks.push(Check {
            check,
            state,
            what,
            cure,
        });
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, one) in self.checks.iter().enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            let state = match one.state {
                State::Ok => "ok",
                State::Note => "note",
                State::Skipped => "skipped",
                State::Bad => "bad",
            };
            let what = one.what.replace('\n', "\n                      ");
            write!(formatter, "{state:8} {:12} {what}", one.check)?;
            if let Some(cure) = &one.cure {
                write!(formatter, "\n                      → {cure}")?;
            }
        }
        Ok(())
    }
}

/// Looks at everything.
pub async fn examine(
    variable: impl Fn(&str) -> Option<String>,
    read_file: impl Fn(&Path) -> std::io::Result<String>,
) -> Findings {
    let mut findings = Findings::default();
    let database = DatabaseConfig::from_vars(&variable);
    let notion = NotionConfig::from_vars(&variable, read_file);
    let errors: Vec<String> = [database.as_ref().err(), notion.as_ref().err()]
        .into_iter()
        .flatten()
        .flat_map(|ConfigErrors(errors)| errors.iter().map(ToString::to_string))
        .collect();
    if errors.is_empty() {
        findings.ok("settings", "every variable is set and readable");
    } else {
        findings.bad(
            "settings",
            errors.join("\n"),
            "set them in the environment, in .env, or in /etc/claimboard/claimboard-sync.env",
        );
    }
    let schemas = database
        .as_ref()
        .ok()
        .and_then(|config| config.schemas.as_deref());
    let dashboards = match Dashboards::load(schemas) {
        Ok(dashboards) => {
            findings.ok(
                "schemas",
                format!("{} dashboards are defined", dashboards.iter().len()),
            );
            Some(dashboards)
        }
        Err(errors) => {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            findings.bad(
                "schemas",
                errors.join("\n"),
                "mend these lines; schemas/README.md is the reference",
            );
            None
        }
    };

    let rows = if let Ok(config) = &database {
        look_at_database(&mut findings, config, dashboards.as_ref()).await
    } else {
        findings.skipped("database", "DATABASE_URL cannot be used");
        None
    };
    match notion {
        Ok(config) => look_at_workspace(&mut findings, config, rows).await,
        Err(_) => findings.skipped("token", "there is no complete configuration for Notion"),
    }
    findings
}

/// Returns the rows that pages are wanted for, as far as they are known.
async fn look_at_database(
    findings: &mut Findings,
    config: &DatabaseConfig,
    dashboards: Option<&Dashboards>,
) -> Option<i64> {
    let pool = match pool(config) {
        Ok(pool) => pool,
        Err(error) => {
            findings.bad(
                "database",
                with_cause(&error),
                "correct DATABASE_URL: postgres://user:password@host/database",
            );
            return None;
        }
    };
    if let Err(error) = reach(&pool).await {
        findings.bad(
            "database",
            format!("cannot be reached: {}", root_cause(&error)),
            "check host, port, password and pg_hba.conf; `psql \"$DATABASE_URL\"` must work for the same user",
        );
        return None;
    }
    match database::look(findings, &pool, dashboards).await {
        Ok(rows) => Some(rows),
        Err(error) => {
            findings.bad(
                "database",
                root_cause(&error),
                "read the lines above, cure them, and run doctor again",
            );
            None
        }
    }
}

async fn look_at_workspace(findings: &mut Findings, config: NotionConfig, rows: Option<i64>) {
    let client = match Client::new(&config.base_url, Token::Given(config.token)) {
        Ok(client) => client,
        Err(error) => {
            findings.bad(
                "token",
                with_cause(&error),
                "reinstall the system's certificate store",
            );
            return;
        }
    };
    let gate = Gate::new(config.requests_per_minute as usize);
    workspace::look(findings, &client, &gate, config.parent_page, rows).await;
}
