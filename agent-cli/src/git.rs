//! The repository around a folder, read from its files: a fresh machine may have no `git`.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder above that has a `.git`.
pub(crate) fn root(folder: &Path) -> Option<&Path> {
    folder
        .ancestors()
        .find(|folder| folder.join(".git").exists())
}

/// The name of the remote that a work tree came from: `claimboard` of `git@host:team/claimboard.git`.
pub(crate) fn remote(root: &Path) -> Option<String> {
    let config = fs::read_to_string(common_folder(root)?.join("config")).ok()?;
    remote_in(&config)
}

/// `.git`, or the main one, for a linked work tree.
fn common_folder(root: &Path) -> Option<PathBuf> {
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
