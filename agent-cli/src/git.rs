//! The repository around a folder, read from its files: a fresh machine may have no `git`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// The folder above that has a `.git`.
pub(crate) fn root(folder: &Path) -> Option<&Path> {
    folder
        .ancestors()
        .find(|folder| folder.join(".git").exists())
}

/// What `git` answers in a folder.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> Result<String, Failure> {
    ask(folder, arguments, "")
}

/// What `git` answers, which reads `input`. Names that are no text are not understood.
pub(crate) fn ask(folder: &Path, arguments: &[&str], input: &str) -> Result<String, Failure> {
    let failed = |why: String| {
        Failure::failed(
            format!("git {}: {why}", arguments.first().unwrap_or(&"")),
            "check that git is installed, and that this is a repository",
        )
    };
    let mut child = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A git that needs no more of it stops reading.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The name of the remote that a work tree came from: `claimboard` of `git@host:team/claimboard.git`.
pub(crate) fn remote(root: &Path) -> Option<String> {
    let config = fs::read_to_string(common_folder(root)?.join("config")).ok()?;
    remote_in(&config)
}

/// `.git`, or the main one, for a linked work tree.
pub(crate) fn common_folder(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let link = fs::read_to_string(&git).ok()?;
    let linked = root.join(link.strip_prefix("gitdir:")?.trim());
    match fs::read_to_string(linked.join("commondir")) {
        Ok(common) => Some(linked.join(common.trim())),
        Err(_) => Some(linked),
    }
}

/// `origin` if there is one, else the first remote.
fn remote_in(config: &str) -> Option<String> {
    let mut remotes = Vec::new();
    let mut section = None;
    for line in config.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            section = header
                .split_once('"')
                .filter(|(kind, _)| kind.trim().eq_ignore_ascii_case("remote"))
                .and_then(|(_, rest)| rest.split_once('"'))
                .map(|(name, _)| name);
        } else if let (Some(remote), Some((key, url))) = (section, line.split_once('='))
            && key.trim().eq_ignore_ascii_case("url")
            && let Some(name) = name_of(url.trim())
        {
            remotes.push((remote, name));
        }
    }
    let origin = remotes.iter().position(|(remote, _)| *remote == "origin");
    (!remotes.is_empty()).then(|| remotes.swap_remove(origin.unwrap_or(0)).1)
}

fn name_of(url: &str) -> Option<String> {
    let path = url.trim_matches('"').trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let path = path.trim_end_matches('/');
    let name = path.rsplit(['/', ':', '\\']).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests;
