//! Which files a patch names.

use std::collections::BTreeSet;

/// Of a unified diff, as `patch` and `git apply` read it: `strip` leading folders are left off.
pub(crate) fn unified(text: &str, strip: usize) -> BTreeSet<String> {
    let stripped = |path: &str| {
        let path = path.split('\t').next().unwrap_or_default().trim_end();
        let path = path.splitn(strip + 1, '/').nth(strip)?;
        (!path.is_empty() && path != "/dev/null").then(|| path.to_owned())
    };
    text.lines()
        .filter_map(|line| {
            if let Some(path) = line
                .strip_prefix("rename from ")
                .or_else(|| line.strip_prefix("rename to "))
            {
                return Some(path.to_owned());
            }
            let path = line
                .strip_prefix("--- ")
                .or_else(|| line.strip_prefix("+++ "))?;
            (path != "/dev/null").then(|| stripped(path))?
        })
        .collect()
}

/// Of the form that Codex's `apply_patch` takes.
pub(crate) fn begun(text: &str) -> BTreeSet<String> {
    const HEADERS: [&str; 4] = [
        "*** Add File: ",
        "*** Update File: ",
        "*** Delete File: ",
        "*** Move to: ",
    ];
    text.lines()
        .filter_map(|line| HEADERS.iter().find_map(|header| line.strip_prefix(header)))
        .map(|path| path.trim().to_owned())
        .collect()
}
