//! The local cluster: each test has a machine of its own, as far as folders go.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};
use serde_json::Value;

use crate::fleet::{Fleet, PROGRAM, Said, is_gone, until};

/// Stops the cluster whatever happens.
struct Machine {
    fleet: Fleet,
    data: PathBuf,
}

impl Machine {
    fn new() -> Self {
        let fleet = Fleet::on("");
        // Root's server must be able to enter it.
        fs::set_permissions(
            fleet.outside(),
            std::os::unix::fs::PermissionsExt::from_mode(0o711),
        )
        .unwrap();
        let data = fleet.outside().join("data");
        Self { fleet, data }
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.fleet.command(arguments);
        command.env("CLAIMBOARD_DATA", &self.data);
        command
    }

    fn say(&self, arguments: &[&str]) -> Said {
        Said::from(self.command(arguments).output().unwrap())
    }

    fn json(&self, code: i32, arguments: &[&str]) -> Value {
        let said = self.say(&[arguments, &["--json"]].concat());
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        serde_json::from_str(&said.out).unwrap()
    }

    /// The server's first process.
    fn server(&self) -> i32 {
        let note = fs::read_to_string(self.data.join("cluster/postmaster.pid")).unwrap();
        note.lines().next().unwrap().parse().unwrap()
    }

    fn keeper(&self) -> i32 {
        let status = self.json(0, &["local", "status"]);
        i32::try_from(status["pid"].as_i64().unwrap()).unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.say(&["local", "stop"]);
    }
}

#[test]
fn first_users_at_once_start_one_cluster() {
    let machine = Machine::new();
    assert_eq!(machine.json(3, &["local", "status"])["running"], false);
    assert_eq!(
        machine.json(0, &["local", "stop"])["outcome"],
        "not running"
    );
    let first: Vec<_> = (0..5)
        .map(|user| {
            machine
                .command(&[
                    "claim",
                    "docs/",
                    "--json",
                    "--agent",
                    &format!("user{user}"),
                ])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut codes = Vec::new();
    for user in first {
        let said = Said::from(user.wait_with_output().unwrap());
        codes.push(said.code);
        let expected = format!("local cluster at {}\n", machine.data.display());
        assert_eq!(said.err, expected, "{said:?}");
        let answer: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(answer["local"], true);
    }
    codes.sort_unstable();
    assert_eq!(codes, [0, 3, 3, 3, 3]);

    let keeper = machine.keeper();
    let stat = fs::read_to_string(format!("/proc/{keeper}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(fields[1], "1", "the keeper is init's child");
    let keepers = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok())
        .filter(|line| {
            let line = String::from_utf8_lossy(line).replace('\0', " ");
            line.contains("local serve") && line.contains(machine.data.to_str().unwrap())
        })
        .count();
    assert_eq!(keepers, 1);

    assert_eq!(machine.json(0, &["local", "stop"])["outcome"], "stopped");
    until("nothing is left of the keeper", || is_gone(keeper));
    assert_eq!(machine.json(3, &["local", "status"])["running"], false);
    // What was held is kept.
    assert_eq!(
        machine.json(3, &["claim", "docs/", "--agent", "other"])["local"],
        true
    );
}

#[test]
fn the_keeper_has_none_of_its_starters_things() {
    let machine = Machine::new();
    let lock = fs::File::create(machine.fleet.outside().join("a lock")).unwrap();
    lock.lock().unwrap();
    // The shell leaves its descriptor open in what it starts.
    let said = std::process::Command::new("sh")
        .args(["-c", "exec 7<&0; exec \"$0\" agents </dev/null", PROGRAM])
        .stdin(lock.try_clone().unwrap())
        .current_dir(machine.fleet.repository())
        .env("CLAIMBOARD_DATA", &machine.data)
        .env("HOME", machine.fleet.outside())
        .env("API_KEY", "s3cret")
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    assert!(said.status.success(), "{:?}", Said::from(said));
    let keeper = machine.keeper();
    let environment = fs::read(format!("/proc/{keeper}/environ")).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("s3cret"));
    for entry in fs::read_dir(format!("/proc/{keeper}/fd")).unwrap() {
        let open = fs::read_link(entry.unwrap().path()).unwrap_or_default();
        assert!(!open.ends_with("a lock"), "{}", open.display());
    }
    assert_eq!(
        fs::read_link(format!("/proc/{keeper}/cwd")).unwrap(),
        PathBuf::from("/")
    );
}

#[test]
fn a_killed_keeper_is_replaced_and_nothing_is_lost() {
    let machine = Machine::new();
    machine.json(0, &["claim", "docs/", "--agent", "alpha"]);
    let keeper = machine.keeper();
    kill(Pid::from_raw(keeper), Signal::SIGKILL).unwrap();
    let released = machine.json(0, &["release", "docs/", "--agent", "alpha"]);
    assert_eq!(released["outcome"], "released");
    assert_ne!(machine.keeper(), keeper);
    until("nothing is left of the first keeper", || is_gone(keeper));
}

/// Its keeper lives, and so do those who were connected.
#[test]
fn a_killed_server_is_started_again_and_followers_go_on() {
    let machine = Machine::new();
    let note = |message: &str| {
        machine.json(0, &["log", "note", message, "--agent", "alpha"]);
    };
    note("before");
    let keeper = machine.keeper();
    let mut follower = machine
        .command(&["tail", "--follow", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut next = || -> String {
        let row: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        row["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(next(), "before");
    for round in ["first", "second"] {
        let server = machine.server();
        kill(Pid::from_raw(server), Signal::SIGKILL).unwrap();
        // At once: it waits for the server that comes.
        note(round);
        assert_eq!(next(), round);
        assert_eq!(machine.keeper(), keeper);
        assert_ne!(machine.server(), server);
    }
    kill(Pid::from_raw(follower.id().cast_signed()), Signal::SIGTERM).unwrap();
    let said = Said::from(follower.wait_with_output().unwrap());
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{said:?}");
}

#[test]
fn an_idle_keeper_ends_itself() {
    let machine = Machine::new();
    let mut keeper = std::process::Command::new(PROGRAM)
        .args(["local", "serve", "--idle", "10", "--folder"])
        .arg(&machine.data)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut word = String::new();
    BufReader::new(keeper.stdout.take().unwrap())
        .read_line(&mut word)
        .unwrap();
    assert_eq!(word, "ready\n");
    let pid = i32::try_from(keeper.id()).unwrap();
    // A visitor is served by it, and while one is there it stays.
    assert_eq!(machine.say(&["agents"]).code, 0);
    assert_eq!(machine.keeper(), pid);
    let visit = machine.say(&[
        "local",
        "psql",
        "--",
        "-XAtc",
        "select pg_sleep(12), 'stayed'",
    ]);
    assert!(visit.out.contains("stayed"), "{visit:?}");
    assert!(keeper.try_wait().unwrap().is_none());
    assert!(keeper.wait().unwrap().success());
    assert_eq!(machine.json(3, &["local", "status"])["running"], false);
}

#[test]
fn a_signal_during_the_start_leaves_no_claim_and_no_zombie() {
    for (verb, signal) in [
        (["claim", "docs/"].as_slice(), Signal::SIGTERM),
        (&["run", "docs/", "--", "true"], Signal::SIGINT),
        (&["claims"], Signal::SIGHUP),
    ] {
        let machine = Machine::new();
        let starting = machine
            .command(&[&["--agent", "alpha"], verb].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The server's files take long to be made; this one is there before them.
        until("the start has begun", || {
            machine.data.join("starting").exists()
        });
        let pid = Pid::from_raw(starting.id().cast_signed());
        kill(pid, signal).unwrap();
        let said = Said::from(starting.wait_with_output().unwrap());
        let code = 128 + signal as i32;
        assert_eq!((said.code, said.out.as_str()), (code, ""), "{said:?}");
        let word = format!("interrupted by signal {}", signal as i32);
        assert!(said.err.contains(&word), "{said:?}");
        assert!(said.err.contains("`claimboard local stop`"), "{said:?}");

        // The cluster came up by itself, for whoever is next.
        let claims = machine.json(0, &["claims"]);
        assert_eq!(claims["claims"], serde_json::json!([]));
        let keeper = machine.keeper();
        assert_eq!(machine.json(0, &["local", "stop"])["outcome"], "stopped");
        until("nothing is left of the keeper", || is_gone(keeper));
    }
}

#[test]
fn a_cluster_that_does_not_start_is_explained() {
    let machine = Machine::new();
    let said = Said::from(
        machine
            .command(&["claim", "docs/", "--agent", "alpha"])
            .env("PG_BINDIR", machine.fleet.outside())
            .output()
            .unwrap(),
    );
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("install them with"), "{said:?}");
    assert!(said.err.contains("DATABASE_URL"), "{said:?}");

    fs::create_dir_all(&machine.data).unwrap();
    let blocked = machine.data.join("inner");
    fs::write(&blocked, "a file").unwrap();
    let said = Said::from(
        machine
            .command(&["agents"])
            .env("CLAIMBOARD_DATA", &blocked)
            .output()
            .unwrap(),
    );
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("inner"), "{said:?}");
}

/// The roles belong to a whole cluster, so this test has one.
#[test]
fn an_agents_role_is_enough_for_an_agent() {
    let machine = Machine::new();
    assert_eq!(machine.json(0, &["roles", "--apply"])["outcome"], "applied");
    let status = machine.json(0, &["local", "status"]);
    let psql = |sql: &str| {
        let said = machine.say(&["local", "psql", "--", "-Xqc", sql]);
        assert_eq!(said.code, 0, "{said:?}");
    };
    psql("CREATE ROLE worker LOGIN IN ROLE claimboard_agent");
    let url = status["url"]
        .as_str()
        .unwrap()
        .replace("postgres@", "worker@");
    let worker = Fleet::on(&url);
    for (code, arguments) in [
        (0, &["claim", "docs/", "--agent", "alpha"][..]),
        (3, &["claim", "docs/", "--agent", "beta"]),
        (0, &["renew", "--agent", "alpha"]),
        (
            0,
            &[
                "log",
                "progress",
                "m",
                "--resource",
                "docs/",
                "--agent",
                "alpha",
            ],
        ),
        (0, &["who", "docs/"]),
        (0, &["claims"]),
        (0, &["agents"]),
        (0, &["inbox", "--agent", "alpha"]),
        (0, &["tail", "--resource", "docs/"]),
        (0, &["history", "docs/"]),
        (0, &["verify-history"]),
        (0, &["summary", "--agent", "alpha"]),
        (0, &["doctor"]),
        (2, &["revoke", "1", "--reason", "r"]),
        (0, &["release", "docs/", "--agent", "alpha"]),
    ] {
        worker.json(code, arguments);
    }
    let refused = worker.say(&["revoke", "1", "--reason", "r"]);
    assert!(refused.err.contains("claimboard_operator"), "{refused:?}");
}

/// Without starting anything: root's own cluster may be the tester's.
#[test]
fn the_data_folder_is_where_the_environment_says() {
    let fleet = Fleet::on("");
    let home = fleet.outside();
    let folder = |account: &dyn Fn(&mut Command), xdg: Option<&str>| -> PathBuf {
        let program = home.join("claimboard");
        if !program.exists() {
            copy(&program);
        }
        let mut command = Command::new(program);
        command
            .args(["local", "status", "--json"])
            .current_dir("/")
            .env_clear()
            .env("HOME", home);
        if let Some(xdg) = xdg {
            command.env("XDG_DATA_HOME", xdg);
        }
        account(&mut command);
        let said = Said::from(command.output().unwrap());
        let answer: Value = serde_json::from_str(&said.out).unwrap();
        answer["folder"].as_str().unwrap().into()
    };
    let plain: &dyn Fn(&mut Command) = if geteuid().is_root() {
        assert_eq!(
            folder(&|_| {}, Some("/elsewhere")),
            PathBuf::from("/var/lib/claimboard/root")
        );
        &as_nobody
    } else {
        &|_| {}
    };
    fs::set_permissions(home, PermissionsExt::from_mode(0o711)).unwrap();
    assert_eq!(
        folder(plain, Some("/data")),
        PathBuf::from("/data/claimboard")
    );
    // A relative one is none, as its specification says.
    for none in [None, Some(""), Some("relative")] {
        assert_eq!(folder(plain, none), home.join(".local/share/claimboard"));
    }
}

/// A user's first claim, on a machine where nothing is set up.
#[test]
fn a_plain_users_cluster_is_in_the_data_home() {
    let fleet = Fleet::on("");
    let home = fleet.outside();
    let data = home.join("xdg/claimboard");
    let program = home.join("claimboard");
    copy(&program);
    let say = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command
            .args(arguments)
            .current_dir(fleet.repository())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", home)
            .env("XDG_DATA_HOME", home.join("xdg"));
        if geteuid().is_root() {
            as_nobody(&mut command);
        }
        Said::from(command.output().unwrap())
    };
    if geteuid().is_root() {
        let nobody = User::from_name("nobody").unwrap().unwrap();
        chown(home, Some(nobody.uid.as_raw()), Some(nobody.gid.as_raw())).unwrap();
    }
    let claimed = say(&["claim", "x", "--agent", "alpha"]);
    let stopped = say(&["local", "stop"]);
    assert_eq!(claimed.code, 0, "{claimed:?}");
    let expected = format!("local cluster at {}\n", data.display());
    assert_eq!(claimed.err, expected);
    assert!(stopped.out.starts_with("stopped"), "{stopped:?}");
    assert!(data.join("cluster/PG_VERSION").exists());
}

/// The program, where another user can run it. Copied by a process of its own: what this one opens for writing may be inherited by what
/// other tests start just then, and a file that is open for writing cannot be run.
fn copy(to: &Path) {
    let copied = Command::new("cp").arg(PROGRAM).arg(to).status().unwrap();
    assert!(copied.success());
}

fn as_nobody(command: &mut Command) {
    let nobody = User::from_name("nobody").unwrap().unwrap();
    command.uid(nobody.uid.as_raw()).gid(nobody.gid.as_raw());
}
