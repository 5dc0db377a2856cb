//! The environment's variables, and those of a `.env` file for what is not set.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::failure::Failure;

/// Read once. The process's own environment is left as it is, so that commands inherit nothing that they were not given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    file: HashMap<String, String>,
}

impl Environment {
    /// With the `.env` file of this folder, or of the nearest folder above that has one.
    pub(crate) fn read() -> Result<Self, Failure> {
        let lines = match dotenvy::dotenv_iter() {
            Ok(lines) => lines,
            Err(error) if error.not_found() => return Ok(Self::default()),
            Err(error) => return Err(unreadable(&error)),
        };
        let file = lines
            .collect::<Result<_, _>>()
            .map_err(|error| unreadable(&error))?;
        Ok(Self { file })
    }

    /// A variable; an empty one is none.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        std::env::var(name)
            .ok()
            .or_else(|| self.file.get(name).cloned())
            .filter(|value| !value.is_empty())
    }
}

/// Where an XDG variable points, or else its default below the home folder. A relative value is ignored, as its specification says.
pub(crate) fn xdg(variable: &str, default: &str) -> Result<PathBuf, Failure> {
    if let Some(folder) = std::env::var_os(variable).map(PathBuf::from)
        && folder.is_absolute()
    {
        return Ok(folder);
    }
    let home = std::env::home_dir().filter(|home| home.is_absolute());
    match home {
        Some(home) => Ok(home.join(default)),
        None => Err(Failure::usage(
            format!("there is no home folder to put {default} in"),
            format!("set HOME or {variable}"),
        )),
    }
}

fn unreadable(error: &dotenvy::Error) -> Failure {
    // A line that is wrong may hold a secret.
    let why = match error {
        dotenvy::Error::LineParse(..) => "a line makes no sense".to_owned(),
        other => other.to_string(),
    };
    Failure::usage(
        format!(".env cannot be read: {why}"),
        "write its lines as NAME=value, with quotes around values with spaces",
    )
}
