//! Whom the server runs as: Postgres refuses root.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{User, geteuid};

use crate::Error;
use crate::error::io_at;

/// The account that runs the server and owns its files.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Account {
    /// Whoever runs this process.
    Own,
    /// We are root and become this user and group.
    Other { uid: u32, gid: u32 },
}

impl Account {
    pub(crate) fn choose() -> Result<Self, Error> {
        if !geteuid().is_root() {
            return Ok(Self::Own);
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|user| Self::Other {
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
            })
            .ok_or(Error::NoAccount)
    }

    /// A command that runs under this account, in a plain environment: none of the caller's `PG*` settings,
    /// messages in English, a working folder that everybody can enter.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null());
        if let Self::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
        command
    }

    pub(crate) fn give(self, path: &Path) -> Result<(), Error> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, gid } => {
                std::os::unix::fs::chown(path, Some(uid), Some(gid)).map_err(io_at(path))
            }
        }
    }

    /// Whether this account can use files below `folder`. Tried rather than computed: access lists and mount
    /// options have a say too.
    pub(crate) fn can_enter(self, folder: &Path) -> Result<bool, Error> {
        let shell = Path::new("/bin/sh");
        let status = self
            .command(shell)
            .args(["-c", r#"cd -- "$1""#, "sh"])
            .arg(folder)
            .stderr(Stdio::null())
            .status()
            .map_err(io_at(shell))?;
        Ok(status.success())
    }
}
