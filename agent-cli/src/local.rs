//! The private cluster of those who have no database: started by whoever needs it first, kept by a background process.
//!
//! Guarantees: two first users at once start one cluster (one lock decides who starts, another who runs); the keeper is nobody's child
//! but init's, in a session of its own, with a clean environment and none of its starter's files open; a keeper that was killed takes
//! its server along, and the next use starts anew; a server that was killed is started again by its keeper.

pub(crate) mod keeper;

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};
use serde::{Deserialize, Serialize};

use crate::environment::{Environment, xdg};
use crate::failure::Failure;

/// The database in the cluster.
pub(crate) const DATABASE: &str = "claimboard";
/// Making a cluster and recovering one after a crash included.
const START: Duration = Duration::from_mins(3);
const STOP: Duration = Duration::from_mins(2);
const TICK: Duration = Duration::from_millis(20);

/// What the keeper writes down once the cluster answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) pid: i32,
    pub(crate) url: String,
    pub(crate) socket_dir: PathBuf,
}

impl Running {
    /// The cluster of a folder, if it takes connections.
    pub(crate) fn find(folder: &Path) -> Option<Self> {
        let text = fs::read_to_string(note_in(folder)).ok()?;
        let running: Self = serde_json::from_str(&text).ok()?;
        UnixStream::connect(running.socket_dir.join(".s.PGSQL.5432")).ok()?;
        Some(running)
    }
}

/// Where the cluster's files are.
pub(crate) fn folder(environment: &Environment) -> Result<PathBuf, Failure> {
    if let Some(folder) = environment.get("CLAIMBOARD_DATA") {
        return std::path::absolute(&folder)
            .map_err(|error| Failure::file(Path::new(&folder), &error));
    }
    if geteuid().is_root() {
        // Postgres runs as another user then, and cannot enter a private home.
        let user = User::from_uid(geteuid()).ok().flatten();
        let name = user.map_or_else(|| "root".to_owned(), |user| user.name);
        return Ok(Path::new("/var/lib/claimboard").join(name));
    }
    Ok(xdg("XDG_DATA_HOME", ".local/share")?.join("claimboard"))
}

/// The running cluster, started if need be.
pub(crate) fn ensure(folder: &Path) -> Result<Running, Failure> {
    if let Some(running) = Running::find(folder) {
        return Ok(running);
    }
    make(folder).map_err(|error| Failure::file(folder, &error))?;
    let path = folder.join("starting");
    let turn = File::create(&path).map_err(|error| Failure::file(&path, &error))?;
    let deadline = Instant::now() + START;
    while let Err(busy) = turn.try_lock() {
        if let TryLockError::Error(error) = busy {
            return Err(Failure::file(&path, &error));
        }
        pause(folder, deadline)?;
    }
    loop {
        if let Some(running) = Running::find(folder) {
            return Ok(running);
        }
        // A keeper that is coming up, going down, or starting its server again.
        if owner(folder).is_some() {
            pause(folder, deadline)?;
            continue;
        }
        match launch(folder)?.as_str() {
            "ready" => {}
            "in use" => pause(folder, deadline)?,
            failed => {
                return Err(Failure::failed(
                    format!(
                        "the local cluster at {} does not start: {}",
                        folder.display(),
                        failed.strip_prefix("failed: ").unwrap_or(failed)
                    ),
                    "or set DATABASE_URL to use another Postgres, CLAIMBOARD_DATA to use another folder",
                ));
            }
        }
    }
}

/// Who runs a cluster there, found out by its lock.
pub(crate) fn owner(folder: &Path) -> Option<Pid> {
    let path = folder.join("lock");
    let lock = File::open(&path).ok()?;
    lock.try_lock_shared().err()?;
    let pid = fs::read_to_string(&path).ok()?.trim().parse().ok()?;
    Some(Pid::from_raw(pid))
}

/// Stops the cluster; `false` when none ran.
pub(crate) fn stop(folder: &Path) -> Result<bool, Failure> {
    let Some(keeper) = owner(folder) else {
        return Ok(false);
    };
    let refused = |why: &str| {
        Failure::failed(
            format!("process {keeper}, which runs {}, {why}", folder.display()),
            format!("look at it with `ps -p {keeper}`"),
        )
    };
    match kill(keeper, Signal::SIGTERM) {
        // It was killed, and its server is on its way down.
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(errno) => return Err(refused(errno.desc())),
    }
    let deadline = Instant::now() + STOP;
    while owner(folder).is_some() {
        if Instant::now() > deadline {
            return Err(refused("does not stop"));
        }
        thread::sleep(TICK);
    }
    Ok(true)
}

/// Starts a keeper that outlives us, and waits for its first word.
fn launch(folder: &Path) -> Result<String, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::file(folder, &error))?;
    let mut command = Command::new(&program);
    // The server would run with our secrets in its environment otherwise.
    command.env_clear();
    for name in ["PATH", "HOME", "LANG", "TMPDIR", "USER", "PG_BINDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    let mut process = command
        .args(["local", "serve", "--detach", "--folder"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| Failure::file(&program, &error))?;
    let mut word = String::new();
    if let Some(stdout) = process.stdout.take() {
        // Up to its first line: the pipe's end comes only with the keeper's.
        BufReader::new(stdout)
            .read_line(&mut word)
            .map_err(|error| Failure::file(&program, &error))?;
    }
    // Ends at once: it only stands between us and the keeper.
    process
        .wait()
        .map_err(|error| Failure::file(&program, &error))?;
    if word.is_empty() {
        word = format!(
            "its keeper ended without a word; see {}",
            folder.join("log").display()
        );
    }
    Ok(word.trim().to_owned())
}

fn pause(folder: &Path, deadline: Instant) -> Result<(), Failure> {
    if Instant::now() > deadline {
        return Err(Failure::failed(
            format!(
                "the local cluster at {} did not start in {} s",
                folder.display(),
                START.as_secs()
            ),
            format!(
                "see {}, or stop it with `claimboard local stop`",
                folder.join("log").display()
            ),
        ));
    }
    thread::sleep(TICK);
    Ok(())
}

/// The folder itself lets nobody list it. Root's must be passed through by the server's account.
fn make(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
    match DirBuilder::new().mode(mode).create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

fn note_in(folder: &Path) -> PathBuf {
    folder.join("keeper.json")
}
