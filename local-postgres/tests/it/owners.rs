//! Owners are processes of their own here: the example `hold`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use local_postgres::{Cluster, Settings};

use crate::{folder, postmaster, psql};

struct Owner {
    process: Child,
    url: String,
    data: PathBuf,
}

/// Where cargo put the example beside this test.
fn hold() -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    test.parent()
        .and_then(Path::parent)
        .expect("the profile's folder")
        .join("examples/hold")
}

fn own(mut command: Command, data: &str) -> Owner {
    let mut process = command
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example `hold` is built");
    let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
    let mut line = || lines.next().expect("the cluster starts").expect("text");
    let (url, data) = (line(), line().into());
    Owner { process, url, data }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "not within a minute: {what}"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

fn is_alive(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
        || Command::new("ps")
            .args(["-p", &pid.to_string()])
            .output()
            .is_ok_and(|ps| ps.status.success())
}

#[test]
fn a_killed_owner_takes_its_server_along_and_the_next_one_continues() {
    let folder = folder(0o755);
    let mut owner = own(Command::new(hold()), folder.path().to_str().expect("text"));
    psql(&owner.url, "create table kept as select 42 as answer").expect("a table");
    let server = postmaster(&owner.data);
    owner.process.kill().expect("kill -9");
    owner.process.wait().expect("its end");

    // At once: the successor waits for the dying server instead of refusing.
    let cluster =
        Cluster::start(folder.path(), &Settings::default()).expect("the successor starts");
    assert_eq!(
        psql(&cluster.url("postgres"), "select answer from kept"),
        Ok("42".to_owned())
    );
    assert!(!is_alive(server));
}

#[test]
fn a_killed_owner_leaves_no_temporary_folder() {
    let mut owner = own(Command::new(hold()), "temporary");
    let server = postmaster(&owner.data);
    owner.process.kill().expect("kill -9");
    owner.process.wait().expect("its end");
    until("the server is gone", || !is_alive(server));
    until("the folder is gone", || !owner.data.exists());
}

#[test]
fn a_killed_server_is_survived_by_the_next_start() {
    let folder = folder(0o755);
    let cluster = Cluster::start(folder.path(), &Settings::default()).expect("the first start");
    psql(
        &cluster.url("postgres"),
        "create table kept as select 42 as answer",
    )
    .expect("a table");
    let server = postmaster(cluster.data_dir());
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(server),
        nix::sys::signal::Signal::SIGKILL,
    )
    .expect("kill -9");
    until("the server is gone", || !is_alive(server));
    drop(cluster);

    let cluster = Cluster::start(folder.path(), &Settings::default()).expect("the second start");
    assert_eq!(
        psql(&cluster.url("postgres"), "select answer from kept"),
        Ok("42".to_owned())
    );
}

#[test]
fn a_killed_server_or_supervisor_is_survived_by_its_owner() {
    let mut cluster = Cluster::temporary(&Settings::default()).expect("a cluster");
    let url = cluster.url("postgres");
    psql(&url, "create table kept as select 42 as answer").expect("a table");
    assert!(!cluster.has_ended());
    for victim_of in [|server| server, parent] {
        let server = postmaster(cluster.data_dir());
        let victim = victim_of(server);
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(victim),
            nix::sys::signal::Signal::SIGKILL,
        )
        .expect("kill -9");
        until("the end is noticed", || cluster.has_ended());
        // Processes of the killed server may be on their way out.
        until("it runs again", || cluster.restart().is_ok());
        assert!(!cluster.has_ended());
        until("the first server is gone", || !is_alive(server));
        assert_eq!(psql(&url, "select answer from kept"), Ok("42".to_owned()));
    }
}

fn parent(pid: i32) -> i32 {
    let said = Command::new("ps")
        .args(["-o", "ppid=", "-p", &pid.to_string()])
        .output()
        .expect("ps runs");
    let said = String::from_utf8_lossy(&said.stdout);
    said.trim().parse().expect("a number")
}

/// Root only can become somebody else; everybody else is the plain user already, in every other test here.
#[test]
fn a_plain_user_needs_no_root() {
    let folder = folder(0o755);
    let mut command = if nix::unistd::geteuid().is_root() {
        let nobody = nix::unistd::User::from_name("nobody")
            .expect("the user list")
            .expect("nobody");
        let (uid, gid) = (nobody.uid.as_raw(), nobody.gid.as_raw());
        chown(folder.path(), Some(uid), Some(gid)).expect("a folder for nobody");
        let program = folder.path().join("hold");
        // By a process of its own: what this one opens for writing may be inherited by what other tests start just then, and a file
        // that is open for writing cannot be run.
        let copied = Command::new("cp").arg(hold()).arg(&program).status();
        assert!(copied.expect("cp runs").success());
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("permissions");
        let mut command = Command::new(program);
        command.uid(uid).gid(gid).current_dir("/");
        command
    } else {
        Command::new(hold())
    };
    command.env_remove("TMPDIR");
    let mut owner = own(command, folder.path().join("data").to_str().expect("text"));
    assert_eq!(psql(&owner.url, "select 1"), Ok("1".to_owned()));
    let server = postmaster(&owner.data);
    drop(owner.process.stdin.take());
    assert!(owner.process.wait().expect("its end").success());
    assert!(!is_alive(server));
}

/// The way of root in a home of its own: Postgres' account cannot enter it, so the data lie elsewhere.
#[test]
fn a_folder_that_only_root_can_enter_serves_too() {
    let folder = folder(0o700);
    let data = folder.path().join("postgres");
    let cluster = Cluster::start(&data, &Settings::default()).expect("the first start");
    let url = cluster.url("postgres");
    psql(&url, "create table kept as select 42 as answer").expect("a table");
    cluster.stop().expect("its end");

    let cluster = Cluster::start(&data, &Settings::default()).expect("the second start");
    assert_eq!(psql(&url, "select answer from kept"), Ok("42".to_owned()));
    cluster.stop().expect("its end");

    let real = fs::canonicalize(data.join("cluster")).expect("the data");
    if nix::unistd::geteuid().is_root() {
        assert!(!real.starts_with(folder.path()), "{}", real.display());
        fs::remove_dir_all(real.parent().expect("its home")).expect("the test's data go");
    }
}

#[test]
fn missing_binaries_are_told_with_their_cure() {
    let folder = folder(0o755);
    let output = Command::new(hold())
        .arg(folder.path())
        .env("PG_BINDIR", folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("the example `hold` is built");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("install") && said.contains("postgresql"),
        "{said}"
    );
}
