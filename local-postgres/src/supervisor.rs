//! The process between us and the server: a small shell script that stops the server when we are gone.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;
use crate::account::Account;
use crate::error::io_at;
use crate::folder::Folder;

const SCRIPT: &str = include_str!("supervise.sh");

/// A running supervisor; the server ends when this is dropped or this process ends.
#[derive(Debug)]
pub(crate) struct Supervisor {
    process: Child,
    signals: Option<ChildStdin>,
}

impl Supervisor {
    /// Starts the server in its own process group, so that Ctrl-C in our terminal is ours to answer.
    pub(crate) fn start(
        postgres: &Path,
        arguments: &[String],
        folder: &Folder,
        account: Account,
        remove: Option<&Path>,
    ) -> Result<Self, Error> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&folder.log)
            .map_err(io_at(&folder.log))?;
        let lock = folder.lock.try_clone().map_err(io_at(&folder.path))?;
        let shell = Path::new("/bin/sh");
        let mut process = account
            .command(shell)
            .args(["-c", SCRIPT, "supervise"])
            .arg(remove.unwrap_or(Path::new("")))
            .arg(postgres)
            .args(arguments)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(lock)
            .stderr(log)
            .spawn()
            .map_err(io_at(shell))?;
        let signals = process.stdin.take();
        Ok(Self { process, signals })
    }

    /// Asks the supervisor to pass a signal on. A supervisor that is gone has nothing to pass it to.
    pub(crate) fn signal(&mut self, name: &str) {
        if let Some(signals) = &mut self.signals
            && writeln!(signals, "{name}").is_err()
        {
            self.signals = None;
        }
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// Whether server and supervisor ended within `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> bool {
        let started = Instant::now();
        while self.ended().is_none() {
            if started.elapsed() > limit {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }
}
