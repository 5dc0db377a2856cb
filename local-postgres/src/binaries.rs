//! Where the server's programs are.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

const MINIMUM: u32 = 15;
const PACKAGE_FOLDERS: [&str; 5] = [
    "/usr/lib/postgresql",
    "/opt/homebrew/opt",
    "/usr/local/opt",
    "/home/linuxbrew/.linuxbrew/opt",
    "/usr",
];

/// A folder with `initdb`, `postgres` and `psql` of one major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binaries {
    pub(crate) folder: PathBuf,
    pub(crate) major: u32,
}

impl Binaries {
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The binaries for a cluster that `existing` made, or the preferred ones for a new cluster.
    pub(crate) fn find(existing: Option<(u32, &Path)>) -> Result<Self, Error> {
        let folders = candidates();
        let mut found = folders.iter().filter_map(|folder| Self::at(folder));
        match existing {
            None => found.next().ok_or_else(|| not_installed(&folders)),
            Some((major, folder)) => {
                found
                    .find(|binaries| binaries.major == major)
                    .ok_or_else(|| Error::OtherVersion {
                        folder: folder.to_owned(),
                        major,
                    })
            }
        }
    }

    fn at(folder: &Path) -> Option<Self> {
        if !folder.join("initdb").is_file() || !folder.join("psql").is_file() {
            return None;
        }
        let said = output(Command::new(folder.join("postgres")).arg("--version"))?;
        let major = major(&said)?;
        (major >= MINIMUM).then(|| Self {
            folder: folder.to_owned(),
            major,
        })
    }
}

/// Best first. `PG_BINDIR` is a decision, so nothing else is looked at beside it.
fn candidates() -> Vec<PathBuf> {
    if let Some(folder) = std::env::var_os("PG_BINDIR") {
        return vec![folder.into()];
    }
    let mut folders = Vec::new();
    if let Some(said) = output(Command::new("pg_config").arg("--bindir")) {
        folders.push(PathBuf::from(said.trim()));
    }
    for parent in PACKAGE_FOLDERS {
        folders.extend(versions_in(Path::new(parent)));
    }
    if let Some(path) = std::env::var_os("PATH") {
        folders.extend(std::env::split_paths(&path));
    }
    folders
}

/// `15/bin`, `postgresql@15/bin` or `pgsql-15/bin` below a folder, newest first.
fn versions_in(parent: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| {
            Some((
                packaged_version(&entry.file_name())?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    versions.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn packaged_version(name: &OsStr) -> Option<u32> {
    let name = name.to_str()?;
    let version = name
        .strip_prefix("postgresql@")
        .or_else(|| name.strip_prefix("pgsql-"))
        .unwrap_or(name);
    version.parse().ok()
}

/// From `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major(said: &str) -> Option<u32> {
    let version = said.split_once("(PostgreSQL) ")?.1;
    let digits = version
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(version.len());
    version[..digits].parse().ok()
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn not_installed(folders: &[PathBuf]) -> Error {
    let mut looked: Vec<String> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    looked.dedup();
    Error::NotInstalled {
        minimum: MINIMUM,
        looked: looked.join(", "),
        command: if cfg!(target_os = "macos") {
            "brew install postgresql@17"
        } else {
            "sudo apt-get install postgresql"
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{major, packaged_version};

    #[test]
    fn versions_are_read_as_packagers_write_them() {
        assert_eq!(
            major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major("something else"), None);
        assert_eq!(packaged_version("16".as_ref()), Some(16));
        assert_eq!(packaged_version("postgresql@17".as_ref()), Some(17));
        assert_eq!(packaged_version("postgresql".as_ref()), None);
    }
}
