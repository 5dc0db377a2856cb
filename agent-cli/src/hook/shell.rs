//! Which files a shell command writes, as far as its text says. Pure: what the disk says is asked through [`Disk`].
//!
//! Covered: redirections, `tee`, `rm`, `mv`, `cp`, `ln`, `install`, `touch`, `truncate`, `mkdir`, `chmod`, `dd of=`, `sed -i`, `perl -i`,
//! `rsync`, `patch`, `git rm|mv|restore|checkout|apply`, behind `cd`, `sudo`, `env`, `timeout` and the like, in lists, pipes, loops, subshells,
//! substitutions and `sh -c`, with wildcards and braces.
//! Not covered, and never guessed: names that a variable, a substitution or standard input (`xargs`) holds; what `find` deletes or runs;
//! scripts and programs that write by themselves (formatters, compilers, `python -c`); `git` commands that change whole trees (`merge`, `switch`, `reset`, `stash`).

mod braces;
mod command;
mod lexer;

use std::path::{Path, PathBuf};

pub(crate) use self::command::writes;

/// What may be asked about the disk.
pub(crate) trait Disk {
    fn is_folder(&self, path: &Path) -> bool;
    fn exists(&self, path: &Path) -> bool;
    fn read(&self, path: &Path) -> Option<String>;
}

/// A file that is written, as a path below the folder where the command runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Written {
    pub(crate) path: PathBuf,
    /// The shell expands its wildcards.
    pub(crate) pattern: bool,
}

#[cfg(test)]
mod tests;
