//! From what somebody typed in a folder to the name of a resource. Pure: what the disk says is an argument.
//!
//! A path is typed relative to the current folder and named relative to the repository's root; outside of a repository it is named as
//! it was given. `scheme:name` is a name already. A trailing `/`, `/*` or `/**` means the subtree; `.` means the folder one stands in.

use std::path::{Component, Path, PathBuf};

use coordination::Resource;
use unicode_normalization::UnicodeNormalization as _;

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The one name.
    Point,
    /// The name and everything below it.
    Subtree,
}

/// An argument, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given {
    /// `table:modules`: taken as it is.
    Name(String),
    /// A path.
    Path {
        /// The part without wildcards, as typed.
        literal: PathBuf,
        extent: Extent,
        /// What follows from the first segment with a wildcard on, such as `*.md`.
        pattern: Option<String>,
    },
}

/// Why a path is no resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outside {
    /// It is not below the root.
    Repository { root: PathBuf },
    /// There is no repository, and the path does not stay below the current folder.
    Folder,
}

/// Takes an argument apart. A path that exists as it is spelled has no wildcards: `app/[id]/page.tsx` is a file of many projects.
pub(crate) fn take_apart(typed: &str, exists_as_spelled: bool) -> Given {
    if is_name(typed) && !exists_as_spelled {
        return Given::Name(typed.to_owned());
    }
    let typed: String = typed.nfc().collect();
    let (path, extent) = if exists_as_spelled {
        match typed.strip_suffix('/') {
            Some(path) => (path, Extent::Subtree),
            None => (typed.as_str(), Extent::Point),
        }
    } else {
        strip_subtree(&typed)
    };
    // The root of the file system lost its only slash.
    let path = if path.is_empty() && typed.starts_with('/') {
        "/"
    } else {
        path
    };
    let (literal, pattern) = if exists_as_spelled {
        (path, None)
    } else {
        split_at_pattern(path)
    };
    let Some(pattern) = pattern else {
        return Given::Path {
            literal: literal.into(),
            extent,
            pattern: None,
        };
    };
    let mut pattern = pattern.to_owned();
    if extent == Extent::Subtree {
        pattern.push('/');
    }
    Given::Path {
        literal: literal.into(),
        extent: Extent::Point,
        pattern: Some(pattern),
    }
}

/// A path without `.` and `..`, by its text alone. `..` at the beginning of a relative path stays.
pub(crate) fn normalised(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match clean.components().next_back() {
                Some(Component::Normal(_)) => {
                    clean.pop();
                }
                Some(Component::RootDir) => {}
                _ => clean.push(".."),
            },
            other => clean.push(other),
        }
    }
    clean
}

/// The resource's spelling for a real, normalised path: relative to `root`, or a relative path as it was given where there is none.
pub(crate) fn spelled(
    path: &Path,
    root: Option<&Path>,
    extent: Extent,
    pattern: Option<&str>,
) -> Result<String, Outside> {
    let below = match root {
        Some(root) => path
            .strip_prefix(root)
            .map_err(|_| Outside::Repository { root: root.into() })?,
        None => path,
    };
    let mut spelling = String::new();
    for component in below.components() {
        let Component::Normal(segment) = component else {
            return Err(Outside::Folder);
        };
        spelling.push_str(&literal(&segment.to_string_lossy()));
        spelling.push('/');
    }
    match (pattern, extent) {
        (Some(pattern), _) => spelling.push_str(pattern),
        // The root itself, whole or not: there is no name for it alone.
        (None, _) if spelling.is_empty() => spelling.push('*'),
        (None, Extent::Subtree) => spelling.push('*'),
        (None, Extent::Point) => {
            spelling.pop();
        }
    }
    Ok(spelling)
}

/// The spelling of a name in which every character stands for itself.
pub(crate) fn literal(name: &str) -> String {
    let mut spelling = String::new();
    for character in name.nfc() {
        if matches!(character, '*' | '?' | '[' | ']' | '{' | '}' | '\\') {
            spelling.push('\\');
        }
        spelling.push(character);
    }
    spelling
}

/// The resource of a file's spelling, or where no claim can have that name (control characters, too long) one that is in the same
/// subtrees, so that who holds one of them holds the file.
pub(crate) fn stand_in(spelling: &str) -> Option<Resource> {
    if let Ok(resource) = Resource::parse(spelling) {
        return Some(resource);
    }
    let plain: String = spelling
        .chars()
        .map(|c| {
            if c.is_control() || c == ':' {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect();
    let ends = plain.char_indices().map(|(at, c)| at + c.len_utf8());
    ends.rev()
        .find_map(|end| Resource::parse(&plain[..end]).ok())
}

/// The folder whose visible contents, and nothing else, were typed: the shell expanded a wildcard. `contents` says what a folder holds.
pub(crate) fn expanded_by_shell(
    typed: &[String],
    contents: impl FnOnce(&str) -> Option<Vec<String>>,
) -> Option<String> {
    let (folder, _) = halves(typed.first()?);
    let mut names: Vec<&str> = typed
        .iter()
        .map(|path| halves(path))
        .map(|(parent, name)| (parent == folder).then_some(name))
        .collect::<Option<_>>()?;
    if names.len() < 2 || names.iter().any(|name| name.is_empty()) {
        return None;
    }
    let mut held = contents(if folder.is_empty() { "." } else { folder })?;
    held.retain(|name| !name.starts_with('.'));
    held.sort_unstable();
    names.sort_unstable();
    (held == names).then(|| folder.to_owned())
}

/// How a canonical name is shown to people, who may copy it to a shell: `docs/` rather than `docs/*`.
pub(crate) fn shown(name: &str) -> &str {
    match name.strip_suffix('*') {
        Some(subtree) if subtree.ends_with('/') => subtree,
        _ => name,
    }
}

fn halves(path: &str) -> (&str, &str) {
    path.split_at(path.rfind('/').map_or(0, |slash| slash + 1))
}

/// `scheme:name`, where the scheme is what RFC 3986 takes for one.
fn is_name(typed: &str) -> bool {
    typed.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-._".contains(c))
    })
}

fn strip_subtree(path: &str) -> (&str, Extent) {
    if matches!(path, "*" | "**") {
        return (".", Extent::Subtree);
    }
    for ending in ["/**", "/*", "/"] {
        if let Some(above) = path.strip_suffix(ending) {
            return (above, Extent::Subtree);
        }
    }
    (path, Extent::Point)
}

fn split_at_pattern(path: &str) -> (&str, Option<&str>) {
    let Some(wildcard) = path.find(['*', '?', '[', '{', '\\']) else {
        return (path, None);
    };
    let (literal, pattern) =
        path.split_at(path[..wildcard].rfind('/').map_or(0, |slash| slash + 1));
    (literal, Some(pattern))
}

#[cfg(test)]
mod tests;
