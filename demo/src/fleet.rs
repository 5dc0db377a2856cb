//! The demo's child processes: started in groups of their own, watched, and stopped in order.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

const GRACE: Duration = Duration::from_secs(30);

/// A running child and its log.
#[derive(Debug)]
pub(crate) struct Member {
    name: String,
    process: Child,
    log: PathBuf,
    log_start: u64,
}

impl Member {
    /// Ctrl-C in the terminal must reach the demo alone, which then stops its children in order: hence the group.
    pub(crate) fn start(
        name: &str,
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, String)],
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| log.display().to_string())?;
        let log_start = file.seek(SeekFrom::End(0))?;
        let process = dying_with_us(program)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("{} could not be started", program.display()))?;
        Ok(Self {
            name: name.to_owned(),
            process,
            log,
            log_start,
        })
    }

    /// An error when it ended by itself.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.process.try_wait()? {
            bail!(
                "{} ended by itself ({status}); the end of {}:\n{}",
                self.name,
                self.log.display(),
                self.last_words()
            );
        }
        Ok(())
    }

    pub(crate) fn ask_to_stop(&mut self) -> anyhow::Result<()> {
        if self.process.try_wait()?.is_some() {
            return Ok(());
        }
        let pid = Pid::from_raw(i32::try_from(self.process.id())?);
        kill(pid, Signal::SIGTERM)
            .with_context(|| format!("{} could not be told to stop", self.name))
    }

    /// Waits for the end that was asked for, and makes it come if it does not.
    pub(crate) async fn stopped(mut self) -> anyhow::Result<()> {
        let asked = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                // One that was told before it could listen ends by the signal itself.
                if !status.success() && status.signal() != Some(Signal::SIGTERM as i32) {
                    bail!(
                        "{} did not stop well ({status}); the end of {}:\n{}",
                        self.name,
                        self.log.display(),
                        self.last_words()
                    );
                }
                return Ok(());
            }
            if asked.elapsed() > GRACE {
                bail!(
                    "{} had to be killed: it did not stop within {} s",
                    self.name,
                    GRACE.as_secs()
                );
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let start = usize::try_from(self.log_start).unwrap_or(0).min(text.len());
        let text = String::from_utf8_lossy(&text[start..]);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for Member {
    /// The way of errors: nothing may be left running. Killing what ended already does no harm.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whoever starts when we have died already is told nothing any more: it looks first whose child it is.
const STILL_OURS: &str = r#"[ "$PPID" = "$0" ] && exec "$@""#;

/// On Linux a child is told when we die, `kill -9` included. Elsewhere it finds Postgres gone.
fn dying_with_us(program: &Path) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    if !setpriv.exists() {
        return Command::new(program);
    }
    let mut command = Command::new(setpriv);
    command
        .args(["--pdeathsig", "TERM", "--", "/bin/sh", "-c", STILL_OURS])
        .arg(std::process::id().to_string())
        .arg(program);
    command
}
