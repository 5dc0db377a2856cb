//! Putting our lines into a repository's git hooks, and taking them out.
//!
//! Guarantees: a hook that is not ours is never overwritten: it is kept beside ours, runs first, and comes back when ours goes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::git::{common_folder, git};

/// Ours, by the name that git knows them by.
pub(crate) const NAMES: [&str; 3] = ["pre-commit", "prepare-commit-msg", "pre-push"];
/// By this line a hook is recognised as ours.
const MARK: &str = "# A hook of claimboard: remove it with `claimboard hook uninstall`.";
/// What a hook that was there before is called since.
const BEFORE: &str = "before-claimboard";

/// What became of one hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Installed,
    /// After a hook of somebody else's.
    Chained,
    Renewed,
    Removed,
    /// Ours is gone, somebody else's is back.
    Restored,
    /// There is none of ours.
    None,
}

/// What was done, and where.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) folder: PathBuf,
    pub(crate) changes: Vec<(&'static str, Change)>,
}

impl Change {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Chained => "chained",
            Self::Renewed => "renewed",
            Self::Removed => "removed",
            Self::Restored => "restored",
            Self::None => "not there",
        }
    }
}

/// The folder where git looks for hooks, and what is wrong with changing it.
pub(crate) fn folder(root: &Path) -> Result<PathBuf, Failure> {
    let named = git(root, &["rev-parse", "--git-path", "hooks"])?;
    let folder = root.join(named.trim_end_matches('\n'));
    Ok(fs::canonicalize(&folder).unwrap_or(folder))
}

pub(crate) fn install(root: &Path) -> Result<Done, Failure> {
    let folder = folder(root)?;
    let common = git(root, &["rev-parse", "--git-common-dir"])?;
    let common = fs::canonicalize(root.join(common.trim_end_matches('\n')))
        .map_err(|error| Failure::file(root, &error))?;
    if !folder.starts_with(root) && !folder.starts_with(&common) {
        return Err(Failure::usage(
            format!(
                "core.hooksPath is {}, which other repositories may use, too",
                folder.display()
            ),
            "add `claimboard hook pre-commit`, `claimboard hook prepare-commit-msg \"$@\"` and `claimboard hook pre-push \"$@\"` to the hooks there, or set core.hooksPath to a folder of this repository",
        ));
    }
    if folder.ends_with(".husky/_") {
        return Err(Failure::usage(
            "husky makes the hooks of this repository, and would undo the change",
            "add `claimboard hook pre-commit` to .husky/pre-commit, `claimboard hook prepare-commit-msg \"$@\"` to .husky/prepare-commit-msg and `claimboard hook pre-push \"$@\"` to .husky/pre-push",
        ));
    }
    fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
    let changes = NAMES
        .into_iter()
        .map(|name| Ok((name, put(&folder.join(name))?)))
        .collect::<Result<_, Failure>>()?;
    Ok(Done { folder, changes })
}

pub(crate) fn uninstall(root: &Path) -> Result<Done, Failure> {
    let folder = folder(root)?;
    let changes = NAMES
        .into_iter()
        .map(|name| Ok((name, take(&folder.join(name))?)))
        .collect::<Result<_, Failure>>()?;
    Ok(Done { folder, changes })
}

/// Whether git runs our guards before a commit and before a push. Git is asked where it may be so: that is a process more.
pub(crate) fn is_active(root: &Path) -> bool {
    let Some(common) = common_folder(root) else {
        return false;
    };
    let is_elsewhere = fs::read_to_string(common.join("config"))
        .is_ok_and(|config| config.to_ascii_lowercase().contains("hookspath"));
    (is_elsewhere || guards(&common.join("hooks")))
        && folder(root).is_ok_and(|folder| guards(&folder))
}

fn guards(folder: &Path) -> bool {
    ["pre-commit", "pre-push"].into_iter().all(|name| {
        let hook = folder.join(name);
        is_ours(&hook)
            && fs::metadata(&hook).is_ok_and(|file| file.permissions().mode() & 0o111 != 0)
    })
}

fn put(hook: &Path) -> Result<Change, Failure> {
    let at = |error: std::io::Error| Failure::file(hook, &error);
    let before = before(hook);
    let change = if is_ours(hook) {
        Change::Renewed
    } else if fs::symlink_metadata(hook).is_ok() {
        if fs::symlink_metadata(&before).is_ok() {
            return Err(Failure::usage(
                format!(
                    "{} is somebody else's hook, and {} is there already",
                    hook.display(),
                    before.display()
                ),
                "bring the two together, and install again",
            ));
        }
        fs::rename(hook, &before).map_err(at)?;
        Change::Chained
    } else {
        Change::Installed
    };
    let written = hook.with_extension("claimboard-new");
    fs::write(&written, script(hook)).map_err(at)?;
    fs::set_permissions(&written, fs::Permissions::from_mode(0o755)).map_err(at)?;
    fs::rename(&written, hook).map_err(at)?;
    Ok(change)
}

fn take(hook: &Path) -> Result<Change, Failure> {
    if !is_ours(hook) {
        return Ok(Change::None);
    }
    let at = |error: std::io::Error| Failure::file(hook, &error);
    let before = before(hook);
    if fs::symlink_metadata(&before).is_ok() {
        fs::rename(before, hook).map_err(at)?;
        return Ok(Change::Restored);
    }
    fs::remove_file(hook).map_err(at)?;
    Ok(Change::Removed)
}

fn before(hook: &Path) -> PathBuf {
    hook.with_extension(BEFORE)
}

fn is_ours(hook: &Path) -> bool {
    fs::read_to_string(hook).is_ok_and(|text| text.lines().any(|line| line == MARK))
}

/// Standard input, which `pre-push` reads, goes to both.
fn script(hook: &Path) -> String {
    let name = hook.file_name().unwrap_or_default().to_string_lossy();
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("claimboard"));
    let program = program.to_string_lossy().replace('\'', r"'\''");
    format!(
        r#"#!/bin/sh
{MARK}
claimboard=$(command -v claimboard) || claimboard='{program}'
input=
case {name} in pre-push) input=$(cat) ;; esac
before=$0.{BEFORE}
if [ -x "$before" ]; then
    printf '%s\n' "$input" | "$before" "$@" || exit
fi
if [ ! -x "$claimboard" ]; then
    echo "claimboard is not installed: {name} was not checked" >&2
    exit 0
fi
printf '%s\n' "$input" | "$claimboard" hook {name} "$@"
"#
    )
}
