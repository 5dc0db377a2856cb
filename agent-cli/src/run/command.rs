//! The command as a process: started so that it ends with us, signalled as its place in the terminal asks for.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::ExitCode;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgrp, getppid, tcgetpgrp};
use tokio::process::Child;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::failure::Failure;
use crate::say::Say;

/// A running command.
#[derive(Debug)]
pub(super) struct Command {
    process: Child,
    pid: Pid,
    /// In the foreground of a terminal it shares our process group, so that Ctrl-C and Ctrl-Z reach both of us.
    foreground: bool,
}

impl Command {
    pub(super) fn start(
        command: &[OsString],
        environment: &[(&str, String)],
    ) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::failed(
                format!("the command cannot be started: {error}"),
                "try again",
            )
        };
        let foreground = in_foreground();
        let mut program = std::process::Command::new(std::env::current_exe().map_err(failed)?);
        program
            .args(["run-command", &std::process::id().to_string(), "--"])
            .args(command)
            .envs(environment.iter().map(|(name, value)| (name, value)));
        if !foreground {
            program.process_group(0);
        }
        let process = tokio::process::Command::from(program)
            .spawn()
            .map_err(failed)?;
        let pid = process
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .map(Pid::from_raw)
            .ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))?;
        Ok(Self {
            process,
            pid,
            foreground,
        })
    }

    /// Its code, or 128 and the number of the signal that ended it.
    pub(super) async fn ended(&mut self) -> Result<u8, Failure> {
        let status = self.process.wait().await.map_err(|error| {
            Failure::failed(
                format!("the command cannot be waited for: {error}"),
                "see whether it still runs",
            )
        })?;
        let code = match (status.code(), status.signal()) {
            (Some(code), _) => code,
            (None, Some(signal)) => 128 + signal,
            (None, None) => 128,
        };
        Ok(u8::try_from(code).unwrap_or(u8::MAX))
    }

    /// A signal that we were sent.
    pub(super) fn pass_on(&self, signal: Signal) {
        // The terminal sent it to the whole group.
        let had_already = matches!(signal, Signal::SIGINT | Signal::SIGQUIT);
        if !(self.foreground && had_already) {
            self.send(signal);
        }
    }

    /// To the command, or to its whole group. One that has just ended needs none.
    pub(super) fn send(&self, signal: Signal) {
        let _ = if self.foreground {
            kill(self.pid, signal)
        } else {
            killpg(self.pid, signal)
        };
    }

    /// Kills what is left of its group after it has ended.
    pub(super) fn sweep(&self) {
        if !self.foreground {
            let _ = killpg(self.pid, Signal::SIGKILL);
        }
    }
}

fn in_foreground() -> bool {
    File::open("/dev/tty").is_ok_and(|terminal| tcgetpgrp(&terminal) == Ok(getpgrp()))
}

/// Listens for what is passed on.
#[derive(Debug)]
pub(super) struct Signals([(Signal, Stream); 6]);

impl Signals {
    pub(super) fn listen() -> Result<Self, Failure> {
        let open = |kind, passed| match signal(kind) {
            Ok(stream) => Ok((passed, stream)),
            Err(error) => Err(Failure::failed(
                format!("signals cannot be listened for: {error}"),
                "try again",
            )),
        };
        Ok(Self([
            open(SignalKind::terminate(), Signal::SIGTERM)?,
            open(SignalKind::interrupt(), Signal::SIGINT)?,
            open(SignalKind::hangup(), Signal::SIGHUP)?,
            open(SignalKind::quit(), Signal::SIGQUIT)?,
            open(SignalKind::user_defined1(), Signal::SIGUSR1)?,
            open(SignalKind::user_defined2(), Signal::SIGUSR2)?,
        ]))
    }

    pub(super) async fn next(&mut self) -> Signal {
        std::future::poll_fn(|context| {
            for (signal, stream) in &mut self.0 {
                if stream.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(*signal);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}

/// `claimboard run-command`: what stands between us and the command until it becomes the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Who started it
    parent: i32,
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// Becomes the command, asked to end when its parent does.
pub(crate) fn become_command(args: &Args) -> ExitCode {
    #[cfg(target_os = "linux")]
    if let Err(errno) = nix::sys::prctl::set_pdeathsig(Signal::SIGTERM) {
        Say::aside(&format!(
            "claimboard: the command would outlive this program: {errno}"
        ));
    }
    if getppid() != Pid::from_raw(args.parent) {
        return ExitCode::from(super::FAILED);
    }
    let Some((program, arguments)) = args.command.split_first() else {
        return ExitCode::from(super::FAILED);
    };
    let error = std::process::Command::new(program).args(arguments).exec();
    Say::aside(&format!(
        "claimboard: cannot run {}: {error}",
        program.display()
    ));
    ExitCode::from(match error.kind() {
        std::io::ErrorKind::NotFound => 127,
        _ => 126,
    })
}
