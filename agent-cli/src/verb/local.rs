//! `claimboard local`

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use serde_json::json;

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::local::{self, Running};
use crate::say::Answer;

pub(crate) fn status(desk: &Desk) -> Result<Answer, Failure> {
    let folder = local::folder(&desk.environment)?;
    let running = Running::find(&folder);
    Ok(Answer::new(
        if running.is_some() {
            Exit::Done
        } else {
            Exit::No
        },
        json!({
            "running": running.is_some(),
            "folder": folder,
            "pid": running.as_ref().map(|running| running.pid),
            "url": running.as_ref().map(|running| &running.url),
            "socket_dir": running.as_ref().map(|running| &running.socket_dir),
            "local": true,
        }),
        match &running {
            Some(running) => format!(
                "{} at {}, kept by process {}\n  {}",
                desk.say.good("runs"),
                folder.display(),
                running.pid,
                running.url
            ),
            None => format!("not running; its folder is {}", folder.display()),
        },
    ))
}

pub(crate) fn stop(desk: &Desk) -> Result<Answer, Failure> {
    let folder = local::folder(&desk.environment)?;
    let stopped = local::stop(&folder)?;
    Ok(Answer::new(
        Exit::Done,
        json!({
            "outcome": if stopped { "stopped" } else { "not running" },
            "folder": folder,
            "local": true,
        }),
        if stopped {
            format!("stopped; {} is kept", folder.display())
        } else {
            "was not running".to_owned()
        },
    ))
}

/// Becomes psql.
pub(crate) async fn psql(arguments: &[String], desk: &Desk) -> Result<Answer, Failure> {
    let folder = local::folder(&desk.environment)?;
    // Through the same door as everybody, so that the schema is there.
    crate::database::Database::local(&folder)
        .await?
        .pool
        .close()
        .await;
    let running = local::ensure(&folder)?;
    let program = ["psql".to_owned()]
        .into_iter()
        .chain(bindir().map(|folder| folder + "/psql"))
        .find(|program| on_path(program))
        .unwrap_or_else(|| "psql".to_owned());
    let error = Command::new(&program)
        .arg(&running.url)
        .args(arguments)
        .exec();
    Err(Failure::failed(
        format!("{program} cannot be run: {error}"),
        "install it with `sudo apt-get install postgresql-client`, or put it on PATH",
    ))
}

fn bindir() -> Option<String> {
    if let Some(folder) = std::env::var_os("PG_BINDIR") {
        return folder.into_string().ok();
    }
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    })
}
