//! Who acts: the agent's session, kept in a file between two processes.
//!
//! One file per database, workspace and agent, which only its user can read. Two first processes of one agent at once open one session:
//! the file's lock decides.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use coordination::{Refusal, Secret, Session};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::types::Uuid;

use crate::database::Database;
use crate::environment::xdg;
use crate::failure::Failure;

#[derive(Serialize, Deserialize)]
struct Kept {
    agent: String,
    workspace: String,
    database: String,
    secret: Uuid,
}

/// The agent's session: the kept one, or a new one.
pub(crate) async fn session(
    database: &Database,
    agent: &str,
    workspace: &str,
) -> Result<Session, Failure> {
    let path = path(&database.key, workspace, agent)?;
    let at = |error: std::io::Error| Failure::file(&path, &error);
    let mut file = open(&path).map_err(at)?;

    file.lock_shared().map_err(at)?;
    let known = read(&mut file).map_err(at)?;
    file.unlock().map_err(at)?;
    if let Some(session) = resume(database, known).await? {
        return Ok(session);
    }

    file.lock().map_err(at)?;
    let current = read(&mut file).map_err(at)?;
    if current != known
        && let Some(session) = resume(database, current).await?
    {
        return Ok(session);
    }
    let session = Session::open(&database.pool, agent, workspace).await?;
    let kept = Kept {
        agent: agent.to_owned(),
        workspace: workspace.to_owned(),
        database: database.key.clone(),
        secret: session.secret().expose(),
    };
    write(&mut file, &kept).map_err(at)?;
    Ok(session)
}

/// The agent's kept session, if there is one: for those who only look.
pub(crate) async fn kept(
    database: &Database,
    agent: &str,
    workspace: &str,
) -> Result<Option<Session>, Failure> {
    let path = path(&database.key, workspace, agent)?;
    let Ok(mut file) = File::open(&path) else {
        return Ok(None);
    };
    let at = |error: std::io::Error| Failure::file(&path, &error);
    file.lock_shared().map_err(at)?;
    let known = read(&mut file).map_err(at)?;
    resume(database, known).await
}

/// For those whom the agent's own claims must exclude: locked by one process of the agent's session at a time. All of them are on this
/// machine, as the secret is.
pub(crate) fn turn(database: &Database, agent: &str, workspace: &str) -> Result<File, Failure> {
    Ok(beside(&database.key, workspace, agent, "turn")?.1)
}

/// Where a file beside the agent's session is.
pub(crate) fn beside_path(
    database: &str,
    workspace: &str,
    agent: &str,
    extension: &str,
) -> Result<PathBuf, Failure> {
    Ok(path(database, workspace, agent)?.with_extension(extension))
}

/// A file beside the agent's session.
pub(crate) fn beside(
    database: &str,
    workspace: &str,
    agent: &str,
    extension: &str,
) -> Result<(PathBuf, File), Failure> {
    let path = beside_path(database, workspace, agent, extension)?;
    let file = open(&path).map_err(|error| Failure::file(&path, &error))?;
    Ok((path, file))
}

/// `None` when there is no secret, or when the database does not know it: it was made anew, then.
async fn resume(database: &Database, secret: Option<Uuid>) -> Result<Option<Session>, Failure> {
    let Some(secret) = secret else {
        return Ok(None);
    };
    match Session::resume(&database.pool, Secret::from(secret)).await {
        Ok(session) => Ok(Some(session)),
        Err(error) if error.refusal() == Some(Refusal::NoSession) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Where the sessions are kept.
pub(crate) fn folder() -> Result<PathBuf, Failure> {
    Ok(xdg("XDG_STATE_HOME", ".local/state")?.join("claimboard/sessions"))
}

fn path(database: &str, workspace: &str, agent: &str) -> Result<PathBuf, Failure> {
    let folder = folder()?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|error| Failure::file(&folder, &error))?;
    let mut hash = Sha256::new();
    for part in [database, workspace, agent] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    Ok(folder.join(format!("{:x}.json", hash.finalize())))
}

fn open(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// What cannot be read as a session is none: a process was killed while it wrote.
fn read(file: &mut File) -> std::io::Result<Option<Uuid>> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(serde_json::from_str::<Kept>(&text)
        .ok()
        .map(|kept| kept.secret))
}

fn write(file: &mut File, kept: &Kept) -> std::io::Result<()> {
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(&serde_json::to_vec(kept)?)?;
    file.sync_all()
}
