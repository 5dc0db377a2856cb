//! Real clusters, real owners, real kills.

mod clusters;
mod owners;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// A fresh folder; with 0o755 the account that root drops to can enter it, with 0o700 it cannot.
fn folder(mode: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(mode)).expect("its permissions");
    folder
}

/// What `psql` says to one statement. The command line is foreign to the crate, as a user's would be.
fn psql(url: &str, sql: &str) -> Result<String, String> {
    let output = Command::new("psql")
        .args(["-XAtq", "-d", url, "-c", sql])
        .output()
        .expect("psql runs");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// The number of the server's first process.
fn postmaster(data: &Path) -> i32 {
    let text = fs::read_to_string(data.join("cluster/postmaster.pid")).expect("the server runs");
    text.lines()
        .next()
        .expect("the first line")
        .parse()
        .expect("a number")
}
