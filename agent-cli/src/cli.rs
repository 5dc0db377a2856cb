//! The command line: what can be typed. What the verbs do is in `verb`.
#![expect(clippy::doc_markdown, reason = "these comments are what --help shows")]

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::say::Say;
use crate::verb::hook::Hook;
use crate::verb::{self, Ended};
use crate::{local, reference, run};

/// Claim before you work: coordination for fleets of agents
///
/// Agents claim what they are about to change: files, subtrees, tables, any name. Two agents never hold overlapping resources, because
/// the database forbids it. A claim is a lease; it ends when it is released, when it expires, when it is handed over or when an
/// operator revokes it.
#[derive(Debug, Parser)]
#[command(
    name = "claimboard",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = EXAMPLES,
    after_long_help = LONG_HELP
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What every verb understands.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Who acts [default: CLAIMBOARD_AGENT]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Everywhere")]
    pub(crate) agent: Option<String>,
    /// Which project [default: CLAIMBOARD_WORKSPACE, else the name of the git remote, else default]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Everywhere")]
    pub(crate) workspace: Option<String>,
    /// Answer in JSON
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Claim resources, all or none of them
    Claim(verb::claim::Args),
    /// Prolong claims
    Renew(verb::renew::Args),
    /// Give claims back
    Release(verb::release::Args),
    /// Give a claim to another agent; nobody gets in between
    Handoff(verb::handoff::Args),
    /// Say how the work goes
    Log(verb::log::Args),
    /// Claim, run a command while the claim is kept alive, release
    Run(run::Args),
    /// Serve an agent that speaks the Model Context Protocol, on standard input and output
    Mcp(verb::mcp::Args),
    /// Who holds what overlaps a resource
    Who(verb::who::Args),
    /// What is held, by whom, until when
    Claims(verb::claims::Args),
    /// What nobody holds among the given resources
    Free(verb::free::Args),
    /// The agents and what they are doing
    Agents(verb::agents::Args),
    /// Agents, claims, waits and the log, live in a terminal
    Watch(verb::watch::Args),
    /// Requests for help that name me, newest first
    Inbox(verb::inbox::Args),
    /// The end of the log
    Tail(verb::tail::Args),
    /// What this agent completed, asked of others, is blocked by and still holds
    Summary(verb::summary::Args),
    /// Who held a resource, newest first
    History(verb::history::Args),
    /// Prove from the record that nothing was ever granted twice
    VerifyHistory(verb::verify_history::Args),
    /// For operators: end somebody's claim
    Revoke(verb::revoke::Args),
    /// For operators: the SQL that makes the roles
    Roles(verb::roles::Args),
    /// Make or update schema `coordination` in the database
    Migrate(verb::migrate::Args),
    /// Whether everything is as it should be, and what to type if not
    Doctor(verb::doctor::Args),
    /// Guards for git and for coding agents: refuse to write what others hold
    #[command(subcommand)]
    Hook(Hook),
    /// Which edits were made without a claim, and which under somebody else's
    Audit(verb::audit::Args),
    /// The private cluster that is used without DATABASE_URL
    #[command(subcommand)]
    Local(Local),
    /// Completions for a shell
    Completions(verb::completions::Args),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Local {
    /// Whether it runs, and where; exits 3 if it does not
    #[command(after_help = "JSON: running, folder, pid, url, socket_dir")]
    Status,
    /// Stop it; what it holds is kept
    #[command(after_help = "JSON: outcome \"stopped\" or \"not running\", folder")]
    Stop,
    /// Open psql in it
    #[command(
        after_help = "Examples:\n  claimboard local psql\n  claimboard local psql -- -c 'table coordination.agent_activity'"
    )]
    Psql {
        /// Arguments of psql
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Keep it in the foreground, as the background process does that starts on demand
    Serve(local::keeper::Args),
}

/// What the program calls itself for; no verbs of the command line.
#[derive(Debug, Parser)]
#[command(name = "claimboard")]
pub(crate) enum Internal {
    RunCommand(run::CommandArgs),
    /// The command line's reference, as Markdown
    Reference,
}

/// Exit codes above this one name a signal.
const SIGNAL: u8 = 128;

const EXAMPLES: &str = "\
Examples:
  claimboard claim docs/ --agent alpha --reason 'new guide'
  claimboard log progress 'two of three pages' --resource docs/ --agent alpha
  claimboard release docs/ --agent alpha
  claimboard run table:modules -- ./import.sh";

const LONG_HELP: &str = "\
Examples:
  claimboard claim docs/ --agent alpha --reason 'new guide'
  claimboard log progress 'two of three pages' --resource docs/ --agent alpha
  claimboard release docs/ --agent alpha
  claimboard run table:modules -- ./import.sh

Resources:
  docs/guide.md   a file; paths are relative to the current folder and stored relative to the
                  repository's root
  docs/           a subtree, also docs/* and docs/** in quotes; an existing folder is one, too
  table:modules   any name with a scheme, taken as it is

Exit codes:
  0  granted, or done
  1  failed
  2  wrong usage or configuration
  3  the answer is no: somebody holds it (who, on standard output), or an offence was found
  4  the claim was lost
  128 and the signal's number, such as 130 for Ctrl-C, when a signal ended it

JSON, one object an answer, with \"local\": true from the local cluster; keys are only ever added:
  error   outcome \"failed\", error, next
  claim   claim_id, resource, token, mode, slot, widened, ttl_seconds, expires_at, predecessors
  waiting ticket, position, kept_until
  waiter  ticket, agent, incarnation, mode, since, reason, overlap
  holder  claim_id, token, agent, incarnation, mode, since, until, reason, eta, progress,
          progress_at, overlap
  loss    resource, ending, by (who has it since, or else who ended it), token, at
  row     id, timestamp, agent, session_id, action, status, message, resource, claim_id, metadata,
          late, unauthenticated

Environment, also read from a .env file:
  CLAIMBOARD_AGENT      who acts
  CLAIMBOARD_WORKSPACE  which project
  DATABASE_URL          the database; without it, a private local cluster is started
  CLAIMBOARD_DATA       the local cluster's folder [default: /var/lib/claimboard/USER as root, else
                        $XDG_DATA_HOME/claimboard]

An agent's session is kept in $XDG_STATE_HOME/claimboard, so that two calls are the same agent.";

impl Internal {
    pub(crate) fn read() -> Option<Self> {
        let verb = std::env::args_os().nth(1)?;
        Self::has_subcommand(verb.to_str()?).then(Self::parse)
    }

    pub(crate) fn execute(&self) -> ExitCode {
        match self {
            Self::RunCommand(args) => run::become_command(args),
            Self::Reference => match Say::line(reference::page().trim_end()) {
                Ok(_) => ExitCode::SUCCESS,
                Err(failure) => ExitCode::from(Say::new(false).failure(&failure, false) as u8),
            },
        }
    }
}

impl Cli {
    /// Reads the command line, or says what is wrong with it.
    pub(crate) fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            // What is no text was refused by clap, and only its place is of interest here.
            let words: Vec<String> = std::env::args_os()
                .skip(1)
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            let ours = words.split(|word| word == "--").next().unwrap_or(&[]);
            if !error.use_stderr() {
                return match error.print() {
                    Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                        Say::aside(&format!(
                            "claimboard: standard output cannot be written: {error}"
                        ));
                        ExitCode::from(Exit::Failed as u8)
                    }
                    _ => ExitCode::SUCCESS,
                };
            }
            if ours.iter().any(|word| word == "--json") {
                Say::new(true).failure(&misused(&error.render().to_string()), false);
            } else {
                // Standard error that is closed leaves the exit code to tell.
                let _ = error.print();
            }
            ExitCode::from(match verb_of(ours) {
                Some("run") => run::FAILED,
                // To those who call it, 2 means that the tool must not run.
                Some("hook") if ours.iter().any(|word| word == "pre-tool-use") => {
                    Exit::Failed as u8
                }
                _ => Exit::Usage as u8,
            })
        })
    }

    /// Does what was asked for, and says how it went.
    pub(crate) fn execute(self) -> ExitCode {
        let say = Say::new(self.common.json);
        let is_run = matches!(self.verb, Verb::Run(_));
        let undecided = match &self.verb {
            Verb::Hook(Hook::PreToolUse { format }) => Some(format.undecided()),
            _ => None,
        };
        let (ended, local) = match Desk::new(say, self.common.agent, self.common.workspace) {
            Ok(desk) => (self.verb.begin(&desk), desk.is_local()),
            Err(failure) => (Err(failure), false),
        };
        let ended = ended.and_then(|ended| match ended {
            Ended::Answered(answer) => say.answer(answer, local).map(|exit| exit as u8),
            Ended::Code(code) => Ok(code),
        });
        ExitCode::from(ended.unwrap_or_else(|failure| {
            let exit = say.failure(&failure, local);
            match undecided {
                Some(code) => code,
                None if is_run && exit as u8 <= SIGNAL => run::FAILED,
                None => exit as u8,
            }
        }))
    }
}

impl Verb {
    fn begin(self, desk: &Desk) -> Result<Ended, Failure> {
        // One thread, so that commands are started by the thread that lives as long as we do.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::failed(format!("cannot start: {error}"), "try again"))?;
        let listens = self.listens();
        let ended = runtime.block_on(async {
            tokio::select! {
                biased;
                ended = self.act(desk) => ended,
                failure = desk.interrupted(), if !listens => Err(failure),
            }
        });
        // A read of standard input cannot be called off: nobody waits for it.
        runtime.shutdown_background();
        ended
    }
}

/// A usage error of the parser's as one line, for machines: without its help, which is a call away.
fn misused(text: &str) -> Failure {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let said = text.split("\n\nUsage:").next().unwrap_or(text);
    let paragraphs: Vec<String> = said
        .split("\n\n")
        .filter(|paragraph| !paragraph.trim_start().starts_with("For more information"))
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    Failure::usage(
        paragraphs.join("; "),
        "`claimboard --help` and the verb's own --help show what can be typed",
    )
}

/// The first word that is neither an option that stands everywhere nor its value.
fn verb_of(words: &[String]) -> Option<&str> {
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "--agent" | "--workspace" => {
                words.next();
            }
            option if option.starts_with('-') => {}
            verb => return Some(verb),
        }
    }
    None
}

/// A duration as people type it: `90`, `90s`, `15m`, `2h`, `1d`.
pub(crate) fn duration(typed: &str) -> Result<std::time::Duration, String> {
    let digits = typed
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(typed.len());
    let (number, unit) = typed.split_at(digits);
    let scale = match unit {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86400,
        _ => return Err("write it as 90s, 15m, 2h or 1d".to_owned()),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(scale))
        .map(std::time::Duration::from_secs)
        .ok_or_else(|| "write it as 90s, 15m, 2h or 1d".to_owned())
}

/// A moment: an RFC 3339 time, or a duration from now.
pub(crate) fn moment(typed: &str) -> Result<chrono::DateTime<chrono::Utc>, String> {
    if let Ok(at) = chrono::DateTime::parse_from_rfc3339(typed) {
        return Ok(at.to_utc());
    }
    duration(typed)
        .ok()
        .and_then(|span| chrono::TimeDelta::from_std(span).ok())
        .and_then(|span| chrono::Utc::now().checked_add_signed(span))
        .ok_or_else(|| "write it as 30m or 2h from now, or as 2026-11-21T18:00:00Z".to_owned())
}

#[cfg(test)]
mod tests;
