//! Where the program was called: the folder, its repository, and what paths typed there are called.

use std::fs;
use std::path::{Path, PathBuf};

use coordination::Resource;

use crate::failure::Failure;
use crate::git;
use crate::path::{self, Extent, Given, Outside};

/// The current folder, as the system knows it: without symbolic links.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    folder: PathBuf,
    root: Option<PathBuf>,
}

/// A resource that was typed.
#[derive(Debug)]
pub(crate) struct Named {
    /// What was typed.
    pub(crate) typed: String,
    /// What it is called.
    pub(crate) resource: Resource,
    /// What is worth saying about the difference.
    pub(crate) note: Option<String>,
}

impl Place {
    pub(crate) fn here() -> Result<Self, Failure> {
        let folder = std::env::current_dir().map_err(|error| {
            Failure::failed(
                format!("the current folder cannot be read: {error}"),
                "change to a folder that exists",
            )
        })?;
        Ok(Self::at(folder))
    }

    fn at(folder: PathBuf) -> Self {
        let root = git::root(&folder).map(Path::to_owned);
        Self { folder, root }
    }

    /// Another folder, or else the root of the repository one stands in.
    pub(crate) fn home(&self, folder: Option<&Path>) -> Result<Self, Failure> {
        let Some(folder) = folder else {
            return Ok(Self {
                folder: self.root.clone().unwrap_or_else(|| self.folder.clone()),
                root: self.root.clone(),
            });
        };
        let folder = fs::canonicalize(self.folder.join(folder)).map_err(|error| {
            Failure::usage(
                format!("{}: {error}", folder.display()),
                "name a folder that exists",
            )
        })?;
        Ok(Self::at(folder))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The repository's root.
    pub(crate) fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// The name of the repository's remote.
    pub(crate) fn remote(&self) -> Option<String> {
        git::remote(self.root.as_deref()?)
    }

    /// Names what was typed. `literally`: every character stands for itself, and a listing is meant as one.
    pub(crate) fn name_all(
        &self,
        typed: &[String],
        literally: bool,
    ) -> Result<Vec<Named>, Failure> {
        if !literally
            && let Some(folder) =
                path::expanded_by_shell(typed, |folder| visible(&self.folder.join(folder)))
        {
            let wanted = if folder.is_empty() { "." } else { &folder };
            return Err(Failure::usage(
                format!(
                    "these {} names are exactly what is in {wanted}: the shell expanded an unquoted {folder}*",
                    typed.len()
                ),
                format!(
                    "name the subtree instead, what is created there later included: {wanted} (or add --literal to mean these names alone)"
                ),
            ));
        }
        typed.iter().map(|one| self.name(one, literally)).collect()
    }

    /// What a file that a tool writes is called, if it is in the repository: a name that no claim can have included.
    pub(crate) fn guarded(&self, typed: &str, literally: bool) -> Option<Resource> {
        let (spelling, _) = self.spell(typed, literally).ok()?;
        path::stand_in(&spelling)
    }

    pub(crate) fn name(&self, typed: &str, literally: bool) -> Result<Named, Failure> {
        let (spelling, note) = self.spell(typed, literally)?;
        let resource = Resource::parse(&spelling).map_err(coordination::Error::from)?;
        let note = if resource.widened() {
            Some(format!(
                "{typed} covers every name that begins with {}",
                resource.name().trim_end_matches('*')
            ))
        } else {
            note
        };
        Ok(Named {
            typed: typed.to_owned(),
            resource,
            note,
        })
    }

    /// The resource's spelling, and what is worth saying about it.
    fn spell(&self, typed: &str, literally: bool) -> Result<(String, Option<String>), Failure> {
        if typed.is_empty() {
            return Err(Failure::usage(
                "a resource is empty",
                "name a path such as docs/guide.md, a subtree such as docs/, or scheme:name",
            ));
        }
        let exists = literally || fs::symlink_metadata(self.folder.join(typed)).is_ok();
        match path::take_apart(typed, exists) {
            Given::Name(name) => Ok((name, None)),
            Given::Path {
                literal,
                mut extent,
                pattern,
            } => {
                let lexical = path::normalised(&self.folder.join(&literal));
                let mut note = None;
                if extent == Extent::Point && pattern.is_none() && lexical.is_dir() {
                    extent = Extent::Subtree;
                    note = Some(format!("{typed} is a folder: everything below it is meant"));
                }
                let path = match self.root {
                    Some(_) => real(&lexical, pattern.is_some() || extent == Extent::Subtree),
                    None => path::normalised(&literal),
                };
                let spelling =
                    path::spelled(&path, self.root.as_deref(), extent, pattern.as_deref())
                        .map_err(|outside| refuse(typed, &outside))?;
                Ok((spelling, note))
            }
        }
    }
}

/// Without symbolic links in the folders that exist; a link at the end is a name of its own, unless it is entered.
fn real(lexical: &Path, entered: bool) -> PathBuf {
    let folder = if entered {
        lexical
    } else {
        lexical.parent().unwrap_or(lexical)
    };
    for above in folder.ancestors() {
        if let (Ok(real), Ok(rest)) = (fs::canonicalize(above), lexical.strip_prefix(above)) {
            return real.join(rest);
        }
    }
    lexical.to_owned()
}

fn visible(folder: &Path) -> Option<Vec<String>> {
    fs::read_dir(folder)
        .ok()?
        .map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect()
}

fn refuse(typed: &str, outside: &Outside) -> Failure {
    match outside {
        Outside::Repository { root } => Failure::usage(
            format!("{typed} is outside of the repository {}", root.display()),
            "change to the repository that it belongs to, or give it a name of its own such as file:etc/hosts",
        ),
        Outside::Folder => Failure::usage(
            format!(
                "{typed} does not stay below the current folder, and there is no git repository here to name it from"
            ),
            "use a path below the current folder, or a name such as file:etc/hosts",
        ),
    }
}
