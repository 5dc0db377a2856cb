//! `claimboard hook`

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::Utc;
use clap::Subcommand;
use coordination::{Resource, SessionId};
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::git::{ask, git};
use crate::guard::{self, Live, Objection};
use crate::hook::host::{Denial, Format};
use crate::hook::install::{self, Change, Done};
use crate::hook::shell::Disk;
use crate::path::{literal, shown, stand_in};
use crate::quote::clean;
use crate::say::{Answer, Say, json_line};
use crate::verb::Ended;
use crate::{enforcement, identity, record};

/// A tool call waits for the answer: longer than this, there is none.
const PATIENCE: Duration = Duration::from_secs(8);
/// What is read of a payload; hosts send files' whole contents along.
const PAYLOAD: u64 = 64 << 20;
/// The exit code that every host takes for no.
const BLOCKED: u8 = 2;
/// How many names a warning shows.
const SHOWN: usize = 5;
/// Of commits: which agent made them.
pub(crate) const TRAILER: &str = "Claimboard-Agent";

#[derive(Debug, Subcommand)]
pub(crate) enum Hook {
    /// Guard this repository's commits and pushes
    #[command(after_help = "\
Examples:
  claimboard hook install
  git config core.hooksPath          # where they go, if it is set

Installs pre-commit and pre-push, which refuse files that somebody else holds and warn about those that
nobody claimed, and prepare-commit-msg, which notes the agent in a trailer Claimboard-Agent, by which
`claimboard audit` knows it. A hook that is there already is kept, runs first, and comes back with
`claimboard hook uninstall`. Git's own --no-verify passes them by, so they guard against mistakes, not
against intent.

JSON: outcome \"installed\", folder, hooks [hook, change \"installed\", \"chained\" or \"renewed\"]")]
    Install,
    /// Take the guards out again
    #[command(after_help = "\
JSON: outcome \"uninstalled\", folder, hooks [hook, change \"removed\", \"restored\" or \"not there\"]")]
    Uninstall,
    /// What git calls before a commit
    #[command(after_help = "\
Exits 3 when somebody else holds a staged file, 1 when that could not be found out.")]
    PreCommit,
    /// What git calls before a commit's message is edited
    PrepareCommitMsg {
        /// The message's file
        file: PathBuf,
        /// Where the message comes from, as git says
        #[arg(hide = true)]
        source: Vec<String>,
    },
    /// What git calls before a push
    #[command(after_help = "\
Looks at the commits that no branch of the remote is known to have; of merges, at what they changed
themselves. Exits 3 when somebody else holds a file of them, 1 when that could not be found out.")]
    PrePush {
        /// The remote's name
        remote: String,
        /// The remote's address
        #[arg(hide = true)]
        url: Option<String>,
    },
    /// What a coding agent calls before it runs a tool
    #[command(after_help = "\
Examples, in the settings of Claude Code, Codex CLI, Gemini CLI, Qwen Code, Copilot CLI (.github/hooks/),
Cursor (.cursor/hooks.json) and Windsurf (.windsurf/hooks.json), and Cline's executable
.clinerules/hooks/PreToolUse:
  {\"hooks\": {\"PreToolUse\": [{\"matcher\": \"Write|Edit|MultiEdit|NotebookEdit|Bash\", \"hooks\":
    [{\"type\": \"command\", \"command\": \"claimboard hook pre-tool-use --format claude\"}]}]}}
  {\"hooks\": {\"PreToolUse\": [{\"matcher\": \"Bash|apply_patch\", \"hooks\":
    [{\"type\": \"command\", \"command\": \"claimboard hook pre-tool-use --format codex\"}]}]}}
  {\"hooks\": {\"BeforeTool\": [{\"matcher\": \"write_file|replace|run_shell_command\", \"hooks\":
    [{\"type\": \"command\", \"command\": \"claimboard hook pre-tool-use --format gemini\"}]}]}}
  {\"hooks\": {\"PreToolUse\": [{\"matcher\": \"write_file|edit|run_shell_command\", \"hooks\":
    [{\"type\": \"command\", \"command\": \"claimboard hook pre-tool-use --format qwen\"}]}]}}
  {\"version\": 1, \"hooks\": {\"preToolUse\":
    [{\"type\": \"command\", \"bash\": \"claimboard hook pre-tool-use --format copilot\"}]}}
  {\"version\": 1, \"hooks\": {\"preToolUse\": [{\"matcher\": \"Shell|Write|Delete\",
    \"command\": \"claimboard hook pre-tool-use --format cursor\"}]}}
  {\"hooks\": {\"pre_write_code\": [{\"command\": \"claimboard hook pre-tool-use --format windsurf\"}],
    \"pre_run_command\": [{\"command\": \"claimboard hook pre-tool-use --format windsurf\"}]}}
  exec claimboard hook pre-tool-use --format cline

Reads the call on standard input. If it writes a file that another agent holds, it answers no in the
host's own form: on standard output with exit code 0, for Windsurf on standard error with 2. Otherwise,
or when it cannot tell, it answers nothing, which leaves the decision to the host. Exits 1 (for Cline 0),
which blocks nothing, when the call makes no sense or the claims could not be read.

The forms follow the hosts' documentation, except Cursor's and the fields of Windsurf's, which follow what
others wrote about them. They were tried with calls made after that, not inside the hosts. Not here:
VS Code, which does not document its tools' inputs, and hosts whose hooks are plugins in their own
process, such as OpenCode. There, git's hooks stand between an edit and a commit.

Of shell commands it understands redirections, tee, rm, mv, cp, ln, install, touch, truncate, mkdir,
chmod, dd, rsync, sed -i, perl -i, patch, and git rm, mv, restore, checkout and apply, in lists, pipes,
loops, subshells and sh -c, with wildcards and braces. Not names that a variable, a substitution or
standard input holds (so nothing behind xargs), not what find deletes or runs (-delete, -exec), not what
scripts, compilers and formatters write by themselves, not git commands that change whole trees.")]
    PreToolUse {
        /// Whose call it is, and whose form the answer has
        #[arg(long)]
        format: Format,
    },
}

pub(crate) async fn act(hook: Hook, desk: &Desk) -> Result<Ended, Failure> {
    match hook {
        Hook::Install => {
            let done = install::install(root(desk)?)?;
            Ok(Ended::Answered(report(desk, "installed", &done)))
        }
        Hook::Uninstall => {
            let done = install::uninstall(root(desk)?)?;
            Ok(Ended::Answered(report(desk, "uninstalled", &done)))
        }
        Hook::PreCommit => {
            let root = root(desk)?;
            let staged = git(
                root,
                &["diff", "--cached", "--name-only", "--no-renames", "-z"],
            )?;
            commit_guard(desk, &staged, true).await
        }
        Hook::PrepareCommitMsg { file, .. } => sign(desk, &file),
        Hook::PrePush { remote, .. } => {
            let pushed = pushed(root(desk)?, &remote)?;
            commit_guard(desk, &pushed, false).await
        }
        Hook::PreToolUse { format } => tool_guard(desk, format).await,
    }
}

fn root(desk: &Desk) -> Result<&Path, Failure> {
    desk.place.root().ok_or_else(|| {
        Failure::usage(
            "this is no git repository",
            "change to the repository whose hooks are meant",
        )
    })
}

fn report(desk: &Desk, outcome: &str, done: &Done) -> Answer {
    let Done { folder, changes } = done;
    let mut text = format!("in {}\n", folder.display());
    for (name, change) in changes {
        let _ = writeln!(text, "{} {name}", desk.say.good(change.word()));
        if *change == Change::Chained {
            text.push_str("  the hook that was there runs first\n");
        }
    }
    let hooks: Vec<Value> = changes
        .iter()
        .map(|(name, change)| json!({"hook": name, "change": change.word()}))
        .collect();
    Answer::new(
        Exit::Done,
        json!({"outcome": outcome, "folder": folder.to_string_lossy(), "hooks": hooks}),
        text,
    )
}

/// Refuses what others hold of these names, which are separated by NUL and relative to the root.
async fn commit_guard(desk: &Desk, files: &str, warns: bool) -> Result<Ended, Failure> {
    let names: BTreeSet<&str> = files.split('\0').filter(|name| !name.is_empty()).collect();
    let names: Vec<Resource> = names
        .into_iter()
        .filter_map(|name| stand_in(&literal(name)))
        .collect();
    if names.is_empty() {
        return Ok(Ended::Code(Exit::Done as u8));
    }
    let checked = Board::read(desk).await;
    let board = checked.map_err(|failure| Failure {
        exit: Exit::Failed,
        next: format!(
            "{}; or go without the check with git's --no-verify",
            failure.next
        ),
        what: format!(
            "who holds these files could not be found out: {}",
            failure.what
        ),
    })?;
    let objections = guard::objections(&names, &board.live, board.session);
    let now = Utc::now();
    let refusals: Vec<String> = objections
        .iter()
        .filter_map(|(name, objection)| match objection {
            Objection::Held(claim) => Some(guard::refusal(name, claim, now)),
            Objection::Unclaimed => None,
        })
        .collect();
    let unclaimed: Vec<&str> = objections
        .iter()
        .filter(|(_, objection)| matches!(objection, Objection::Unclaimed))
        .map(|(name, _)| shown(name.name()))
        .collect();
    if warns && !unclaimed.is_empty() {
        let more = match unclaimed.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        desk.say.note(&format!(
            "edited without a claim: {}{more}; claim before you edit, so that nobody else does at the same time",
            unclaimed[..unclaimed.len().min(SHOWN)].join(", ")
        ));
    }
    if refusals.is_empty() {
        return Ok(Ended::Code(Exit::Done as u8));
    }
    for refusal in &refusals {
        desk.say.note(refusal);
    }
    desk.say.note(guard::ADVICE);
    Ok(Ended::Code(Exit::No as u8))
}

/// The live claims, and which of them are this agent's.
struct Board {
    live: Vec<Live>,
    session: Option<SessionId>,
    /// What tells their database apart from others.
    database: String,
}

impl Board {
    async fn read(desk: &Desk) -> Result<Self, Failure> {
        let database = desk.database().await?;
        let workspace = desk.workspace();
        let session = match desk.agent() {
            Some(agent) => identity::kept(&database, &agent, &workspace).await?,
            None => None,
        };
        Ok(Self {
            live: record::live(&database.pool, &workspace).await?,
            session: session.map(|session| session.id()),
            database: database.key,
        })
    }
}

/// The files of the commits that the remote does not have, from what git says on standard input.
fn pushed(root: &Path, remote: &str) -> Result<String, Failure> {
    let mut lines = String::new();
    std::io::stdin()
        .read_to_string(&mut lines)
        .map_err(|error| {
            Failure::failed(
                format!("git's list of refs cannot be read: {error}"),
                "push again",
            )
        })?;
    let is_named = git(root, &["remote"])?.lines().any(|name| name == remote);
    // An address that has no name here may be that of any remote.
    let known = if is_named {
        format!("--remotes={remote}")
    } else {
        "--remotes".to_owned()
    };
    let is_none = |hash: &str| hash.bytes().all(|digit| digit == b'0');
    let mut files = String::new();
    for line in lines.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, ours, _, theirs] = words.as_slice() else {
            continue;
        };
        if is_none(ours) {
            continue;
        }
        // A hash that was never fetched cannot be left out.
        let has_theirs = !is_none(theirs) && git(root, &["cat-file", "-e", theirs]).is_ok();
        // Of merges, what differs from every parent: what the merge itself changed.
        let mut arguments = vec![
            "log",
            "--format=",
            "--name-only",
            "--no-renames",
            "-c",
            "-z",
            ours,
            "--not",
            &known,
        ];
        if has_theirs {
            arguments.push(theirs);
        }
        files.push_str(&git(root, &arguments)?);
        files.push('\0');
    }
    // Between two commits there is a line's end.
    Ok(files.replace('\n', "\0"))
}

/// Notes the agent in the commit's message.
fn sign(desk: &Desk, file: &Path) -> Result<Ended, Failure> {
    let Some(agent) = desk.agent() else {
        return Ok(Ended::Code(Exit::Done as u8));
    };
    let root = root(desk)?;
    let at = |error: std::io::Error| Failure::file(file, &error);
    let message = fs::read_to_string(file).map_err(at)?;
    let trailer = format!("{TRAILER}: {}", clean(&agent, 100));
    let signed = ask(
        root,
        &[
            "interpret-trailers",
            "--if-exists",
            "replace",
            "--trailer",
            &trailer,
        ],
        &message,
    )?;
    fs::write(file, signed).map_err(at)?;
    Ok(Ended::Code(Exit::Done as u8))
}

struct RealDisk;

impl Disk for RealDisk {
    fn is_folder(&self, path: &Path) -> bool {
        path.is_dir()
    }
    fn exists(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok()
    }
    fn read(&self, path: &Path) -> Option<String> {
        fs::read_to_string(path).ok()
    }
}

async fn tool_guard(desk: &Desk, format: Format) -> Result<Ended, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().take(PAYLOAD).read_to_string(&mut text);
    let call = read
        .map_err(|error| error.to_string())
        .and_then(|_| format.read(&text))
        .map_err(|error| {
            Failure::failed(
                format!("this is no tool call: {error}; nothing was decided"),
                "call it as a hook of the coding agent: see `claimboard hook pre-tool-use --help`",
            )
        })?;
    let folder = call.folder(desk.place.folder());
    let written = call.writes(format, &folder, &RealDisk);
    if written.is_empty() {
        return Ok(Ended::Code(Exit::Done as u8));
    }
    let mut desk = desk.clone();
    desk.place = desk.place.home(Some(&folder))?;
    let names: Vec<Resource> = written
        .iter()
        .filter_map(|one| desk.place.guarded(one.path.to_str()?, !one.pattern))
        .collect();
    // What lies outside of the repository is nobody's here.
    if names.is_empty() {
        return Ok(Ended::Code(Exit::Done as u8));
    }
    let Some(agent) = desk.agent() else {
        return Err(Failure::failed(
            "nothing was decided: without a name, this agent's own claims look like others'",
            "set CLAIMBOARD_AGENT, add --agent NAME, or let the same program keep `claimboard mcp` open",
        ));
    };
    let board = tokio::time::timeout(PATIENCE, Board::read(&desk))
        .await
        .unwrap_or_else(|_| {
            Err(Failure::failed(
                "the database did not answer in time",
                "`claimboard doctor` looks at what is wrong",
            ))
        })
        .map_err(|failure| Failure {
            exit: Exit::Failed,
            what: format!("nothing was decided: {}", failure.what),
            next: failure.next,
        })?;
    // Only now is it known that this agent's calls are checked.
    enforcement::note_check(&board.database, &desk.workspace(), &agent)?;
    let now = Utc::now();
    let refusals: Vec<String> = guard::objections(&names, &board.live, board.session)
        .into_iter()
        .filter_map(|(name, objection)| match objection {
            Objection::Held(claim) => Some(guard::refusal(name, claim, now)),
            Objection::Unclaimed => None,
        })
        .take(SHOWN)
        .collect();
    if !refusals.is_empty() {
        let reason = format!("{}. Next: {}", refusals.join("; "), guard::ADVICE);
        match format.denial(&reason) {
            // An answer that did not get through must not be taken for a yes.
            Denial::Answer(answer) if matches!(Say::line(&json_line(&answer)), Ok(true)) => {}
            Denial::Answer(_) | Denial::Blocked(_) => {
                desk.say.note(&reason);
                return Ok(Ended::Code(BLOCKED));
            }
        }
    }
    Ok(Ended::Code(Exit::Done as u8))
}
