//! The daemon as its users have it: the program `claimboard-sync`, its commands and its JSON.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::process::Command;

use crate::fleet::Member;

/// How to call the daemon.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) program: PathBuf,
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) folder: PathBuf,
}

/// The answer of `verify`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) rows: u64,
    pub(crate) pages: u64,
    pub(crate) missing: u64,
    pub(crate) extra: u64,
    pub(crate) different: u64,
    pub(crate) dashboards: Vec<BoardVerdict>,
}

/// One dashboard of a [`Verdict`].
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct BoardVerdict {
    pub(crate) name: String,
    pub(crate) missing: u64,
    pub(crate) extra: u64,
    pub(crate) different: u64,
    #[serde(default)]
    pub(crate) examples: Vec<String>,
}

#[derive(Deserialize)]
struct Status {
    dashboards: Vec<BoardStatus>,
}

#[derive(Deserialize)]
struct BoardStatus {
    backlog: u64,
}

#[derive(Deserialize)]
struct Plan {
    writes: Vec<serde_json::Value>,
    in_doubt: u64,
}

impl Daemon {
    pub(crate) async fn set_up(&self) -> anyhow::Result<()> {
        self.ask::<serde_json::Value>("setup").await.map(drop)
    }

    pub(crate) fn run(&self) -> anyhow::Result<Member> {
        Member::start(
            "claimboard-sync",
            &self.program,
            &["run"],
            &self.environment,
            &self.folder,
        )
    }

    pub(crate) async fn backlog(&self) -> anyhow::Result<u64> {
        let status: Status = self.ask("status").await?;
        Ok(status.dashboards.iter().map(|board| board.backlog).sum())
    }

    /// Whether a look at everything finds nothing to write.
    pub(crate) async fn is_settled(&self) -> anyhow::Result<bool> {
        let plan: Plan = self.ask("plan").await?;
        Ok(plan.writes.is_empty() && plan.in_doubt == 0)
    }

    pub(crate) async fn verify(&self) -> anyhow::Result<Verdict> {
        self.ask("verify").await
    }

    /// A command's JSON. 3 says "the answer is no", which is for the caller to read from the answer.
    async fn ask<T: DeserializeOwned>(&self, command: &str) -> anyhow::Result<T> {
        let output = Command::new(&self.program)
            .args([command, "--json"])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .kill_on_drop(true)
            .output()
            .await
            .with_context(|| format!("{} could not be started", self.program.display()))?;
        if !matches!(output.status.code(), Some(0 | 3)) {
            bail!(
                "claimboard-sync {command} failed ({}): {}",
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("claimboard-sync {command} answered something else"))
    }
}

/// Programs are built beside this one.
pub(crate) fn program(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let path = own.parent().unwrap_or(Path::new(".")).join(name);
    if !path.exists() {
        bail!(
            "{} is not built; run the demo by `make demo`",
            path.display()
        );
    }
    Ok(path)
}
