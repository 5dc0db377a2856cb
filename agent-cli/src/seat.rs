//! Which of several agents of one name a process belongs to.
//!
//! A coding agent is one process with helpers: the MCP server that it keeps open, the hooks and shell commands that it calls. Two of them
//! started from the same settings have the same name, and must not share a session, or their claims would not exclude each other. So a
//! server takes a seat: the first one the name itself, the next `NAME-2`, and so on; and whoever is called below the same host is the
//! agent of that seat, without being told.
//! Accepted: hosts are recognised by `/proc`; where there is none, helpers go by the name that they are given.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::identity;

/// How many servers of one name may be open at once.
const SEATS: u32 = 256;
/// How far up a helper looks for its host.
const ANCESTORS: usize = 32;

/// A taken seat. It is free again when its process is gone, however that ended.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) agent: String,
    _lock: File,
}

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    name: String,
    agent: String,
    host: i32,
    server: i32,
}

/// Takes the first free seat of a name.
pub(crate) fn take(name: &str, database: &str, workspace: &str) -> Result<Seat, Failure> {
    for number in 1..=SEATS {
        let agent = match number {
            1 => name.to_owned(),
            _ => format!("{name}-{number}"),
        };
        let (path, mut file) = identity::beside(database, workspace, &agent, "seat")?;
        if file.try_lock().is_err() {
            continue;
        }
        let note = Note {
            name: name.to_owned(),
            agent: agent.clone(),
            host: nix::unistd::getppid().as_raw(),
            server: nix::unistd::getpid().as_raw(),
        };
        file.set_len(0)
            .and_then(|()| file.write_all(&serde_json::to_vec(&note)?))
            .map_err(|error| Failure::file(&path, &error))?;
        return Ok(Seat { agent, _lock: file });
    }
    Err(Failure::failed(
        format!("{SEATS} servers of agent {name} are open already"),
        "give this one a name of its own with --agent NAME",
    ))
}

/// The agent whose server was started by one of this process's ancestors: of this name, or of any when there is none.
pub(crate) fn occupied(name: Option<&str>) -> Option<String> {
    let ancestors = ancestors();
    if ancestors.is_empty() {
        return None;
    }
    let notes = fs::read_dir(identity::folder().ok()?).ok()?;
    notes
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            if path.extension()? != "seat" {
                return None;
            }
            let note: Note = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
            let distance = ancestors.iter().position(|&pid| pid == note.host)?;
            let is_meant = name.is_none_or(|name| name == note.name || name == note.agent);
            // A number that was given anew is no longer the host's child.
            (is_meant && parent(note.server) == Some(note.host)).then_some((distance, note.agent))
        })
        .min()
        .map(|(_, agent)| agent)
}

/// This process's parent, its parent, and so on; `init` is nobody's host.
fn ancestors() -> Vec<i32> {
    let mut line = Vec::new();
    let mut above = nix::unistd::getppid().as_raw();
    while above > 1 && line.len() < ANCESTORS {
        line.push(above);
        match parent(above) {
            Some(next) => above = next,
            None => break,
        }
    }
    line
}

fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // The command's name stands in brackets and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}
