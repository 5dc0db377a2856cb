//! The program itself, where its arguments and its output are not what it hopes for.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;
use std::process::{Command, Output, Stdio};

fn run(argument: OsString, out: impl Into<Stdio>) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_claimboard-sync"));
    let command = command.current_dir(folder.path()).arg(argument);
    command.stdout(out).output().unwrap()
}

#[test]
fn an_argument_that_is_no_text_is_wrong_usage() {
    let refused = run(OsString::from_vec(vec![0xff]), Stdio::piped());
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
}

#[test]
fn a_line_of_the_env_file_that_is_wrong_is_not_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join(".env"),
        "NOTION_TOKEN=ntn_s3cret and more",
    )
    .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_claimboard-sync"));
    let refused = command.current_dir(folder.path()).arg("schema").output();
    let refused = refused.unwrap();
    let why = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{why}");
    assert!(why.contains(".env") && !why.contains("s3cret"), "{why}");
}

#[test]
#[cfg(target_os = "linux")]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let failed = run("schema".into(), full);
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    let why = String::from_utf8(failed.stderr).unwrap();
    assert!(why.contains("cannot be written"), "{why}");
}

#[test]
fn whoever_has_read_enough_may_close_the_pipe() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let done = run("schema".into(), writer);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert!(done.stderr.is_empty(), "{done:?}");
}
