use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::fleet::{Fleet, PROGRAM, Said, is_alive, is_gone, until};

/// A run of a shell script that says its process number first.
fn shell(fleet: &Fleet, options: &[&str], script: &str) -> (Child, BufReader<ChildStdout>, i32) {
    let script = format!("echo $$; {script}");
    let tail = ["--", "sh", "-c", &script];
    let mut run = fleet.begin(&[&["run", "docs/", "--agent", "alpha"], options, &tail].concat());
    let mut out = BufReader::new(run.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let Ok(pid) = line.trim().parse() else {
        panic!(
            "{line:?}: {:?}",
            Said::from(run.wait_with_output().unwrap())
        );
    };
    (run, out, pid)
}

fn send(run: &Child, signal: Signal) {
    kill(Pid::from_raw(run.id().cast_signed()), signal).unwrap();
}

#[test]
fn the_commands_code_is_passed_on_and_the_claim_is_released() {
    let fleet = Fleet::new();
    for (script, code) in [
        ("exit 0", 0),
        ("exit 9", 9),
        ("kill -9 $$", 137),
        ("kill -TERM $$", 143),
    ] {
        let said = fleet.say(&["run", "docs/", "--agent", "alpha", "--", "sh", "-c", script]);
        assert_eq!(said.code, code, "{script}: {said:?}");
        assert_eq!(fleet.live_claims(), 0);
    }
    let echoed = fleet.say(&[
        "run",
        "docs/",
        "src/",
        "--agent",
        "alpha",
        "--json",
        "--",
        "sh",
        "-c",
        "echo \"$CLAIMBOARD_AGENT $CLAIMBOARD_WORKSPACE $CLAIMBOARD_TOKENS\"",
    ]);
    assert!(
        echoed.out.starts_with("alpha default {\"docs/*\":"),
        "{echoed:?}"
    );
    let events: Vec<serde_json::Value> = echoed
        .err
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<&str> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["granted", "released", "released"]);
    assert_eq!(fleet.say(&["verify-history"]).code, 0);
}

#[test]
fn what_cannot_be_run_leaves_no_claim() {
    let fleet = Fleet::new();
    fs::write(fleet.repository().join("plain"), "").unwrap();
    for (arguments, code) in [
        (
            &["run", "docs/", "--agent", "alpha", "--", "no-such-program"][..],
            127,
        ),
        (&["run", "docs/", "--agent", "alpha", "--", "./plain"], 126),
        (&["run", "docs/", "--", "true"], 125),
        (&["run", "../x", "--agent", "alpha", "--", "true"], 125),
        (
            &[
                "run", "docs/", "--ttl", "1s", "--agent", "alpha", "--", "true",
            ],
            125,
        ),
        (&["--agent", "alpha", "run", "docs/"], 125),
    ] {
        let said = fleet.say(arguments);
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        assert_ne!(said.err, "", "{arguments:?}");
        assert_eq!(fleet.live_claims(), 0);
    }
}

#[test]
fn what_is_held_is_not_run() {
    let fleet = Fleet::new();
    let (run, _out, _) = shell(&fleet, &[], "while :; do sleep 0.1; done");
    // The same agent in another run, too.
    for agent in ["beta", "alpha"] {
        let said = fleet.say(&["run", "docs/a.md", "--agent", agent, "--", "touch", "ran"]);
        assert_eq!(said.code, 75, "{said:?}");
        assert!(said.err.contains("held by alpha"), "{said:?}");
        assert_eq!(said.out, "");
    }
    assert!(!fleet.repository().join("ran").exists());

    let waiting = fleet.begin(&[
        "run", "docs/", "--agent", "beta", "--wait", "50", "--", "touch", "ran",
    ]);
    send(&run, Signal::SIGTERM);
    assert_eq!(Said::from(run.wait_with_output().unwrap()).code, 143);
    assert_eq!(Said::from(waiting.wait_with_output().unwrap()).code, 0);
    assert!(fleet.repository().join("ran").exists());
}

#[test]
fn runs_of_one_agent_at_once_exclude_each_other() {
    let fleet = Fleet::new();
    fleet.json(0, &["claim", "held", "--agent", "alpha"]);
    let said = fleet.say(&["run", "held", "--agent", "alpha", "--", "touch", "ran"]);
    assert_eq!(said.code, 75, "{said:?}");
    assert!(said.err.contains("this agent itself"), "{said:?}");
    // Only one of them at a time can make the folder.
    let script = "mkdir alone && sleep 0.2 && rmdir alone";
    let runs: Vec<Child> = (0..5)
        .map(|_| {
            fleet.begin(&[
                "run", "docs/", "--agent", "alpha", "--wait", "55", "--", "sh", "-c", script,
            ])
        })
        .collect();
    for run in runs {
        let said = Said::from(run.wait_with_output().unwrap());
        assert_eq!(said.code, 0, "{said:?}");
    }
    let shared = ["run", "docs/", "--shared", "--agent", "alpha", "--"];
    let inner = [
        PROGRAM, "run", "docs/a", "--shared", "--agent", "alpha", "--", "true",
    ];
    let said = fleet.say(&[&shared[..], &inner].concat());
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(
        fleet.number("SELECT count(*) FROM coordination.sessions"),
        1
    );
    assert_eq!(fleet.live_claims(), 1);
    assert_eq!(fleet.say(&["verify-history"]).code, 0);
}

#[test]
fn signals_are_passed_on() {
    let fleet = Fleet::new();
    for (signal, name, code) in [
        (Signal::SIGTERM, "TERM", 21),
        (Signal::SIGINT, "INT", 22),
        (Signal::SIGHUP, "HUP", 23),
        (Signal::SIGUSR1, "USR1", 24),
    ] {
        let script = format!("trap 'exit {code}' {name}; echo ready; while :; do sleep 0.05; done");
        let (run, mut out, _) = shell(&fleet, &[], &script);
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        send(&run, signal);
        assert_eq!(
            Said::from(run.wait_with_output().unwrap()).code,
            code,
            "{name}"
        );
        assert_eq!(fleet.live_claims(), 0);
    }
}

/// The command ignores TERM, and has a child of its own.
#[test]
fn a_lost_lease_stops_the_command_and_what_it_started() {
    let fleet = Fleet::new();
    let script = "trap '' TERM; sleep 600 & echo $!; while :; do sleep 0.1; done";
    let (run, mut out, command) = shell(&fleet, &["--ttl", "30s", "--kill-after", "1s"], script);
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let grandchild: i32 = line.trim().parse().unwrap();
    fleet.expire_all();
    fleet.json(0, &["claim", "docs/", "--agent", "beta"]);
    let said = Said::from(run.wait_with_output().unwrap());
    assert_eq!(said.code, 124, "{said:?}");
    assert!(
        said.err
            .contains("the lease of docs/ was lost: stopping the command"),
        "{said:?}"
    );
    assert!(said.err.contains("lost docs/: expired"), "{said:?}");
    assert!(said.err.contains("by beta"), "{said:?}");
    until("the command is gone", || {
        !is_alive(command) && !is_alive(grandchild)
    });
    assert_eq!(
        fleet.json(0, &["who", "docs/"])["holders"][0]["agent"],
        "beta"
    );
    assert_eq!(fleet.say(&["verify-history"]).code, 0);
}

/// The lease is a day long, so that no renewal comes to tell.
#[test]
fn a_claim_that_somebody_ends_stops_the_command_soon() {
    let fleet = Fleet::new();
    fleet.json(0, &["log", "note", "here I am", "--agent", "beta"]);
    for (ends, told) in [
        (
            &["revoke", "CLAIM", "--reason", "it hangs"][..],
            "lost docs/: revoked",
        ),
        (
            &["handoff", "docs/", "--to", "beta", "--agent", "alpha"],
            "to beta",
        ),
    ] {
        let (run, _out, command) = shell(&fleet, &["--ttl", "24h"], "while :; do sleep 0.05; done");
        let held = fleet.json(0, &["who", "docs/"]);
        let claim = held["holders"][0]["claim_id"].to_string();
        let ends: Vec<&str> = ends
            .iter()
            .map(|word| if *word == "CLAIM" { &claim } else { *word })
            .collect();
        fleet.json(0, &ends);
        let started = Instant::now();
        let said = Said::from(run.wait_with_output().unwrap());
        assert_eq!(said.code, 124, "{said:?}");
        assert!(said.err.contains(told), "{said:?}");
        assert!(is_gone(command));
        // A third of the lease is eight hours.
        assert!(started.elapsed() < Duration::from_mins(1));
    }
}

#[test]
fn a_killed_run_takes_its_command_along_and_its_claim_expires() {
    let fleet = Fleet::new();
    let (mut run, _out, command) = shell(&fleet, &["--ttl", "30s"], "while :; do sleep 0.05; done");
    run.kill().unwrap();
    run.wait().unwrap();
    until("nothing is left of the command, not even a zombie", || {
        is_gone(command)
    });
    let held = fleet.json(3, &["claim", "docs/", "--agent", "beta"]);
    assert_eq!(held["holders"][0]["agent"], "alpha");
    assert!(fleet.number(
        "SELECT extract(epoch FROM expires_at - clock_timestamp())::bigint FROM coordination.claims WHERE released_at IS NULL"
    ) <= 30);
    fleet.expire_all();
    fleet.json(0, &["claim", "docs/", "--agent", "beta"]);
}

/// Ctrl-C reaches the whole foreground: the command must get it once, not once more from us.
#[test]
#[cfg(target_os = "linux")]
fn in_a_terminal_the_command_is_in_the_foreground() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    let fleet = Fleet::new();
    let inner = fleet.command(&[]);
    let script = format!(
        "exec {} run docs/ --agent alpha -- sh -c 'trap \"echo interrupted\" INT; read answer; echo \"answer $answer\"; sleep 5; exit 6'",
        inner.get_program().display()
    );
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &script, "/dev/null"]);
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => terminal.env(name, value),
            None => terminal.env_remove(name),
        };
    }
    let mut terminal = terminal
        .current_dir(fleet.repository())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keys = terminal.stdin.take().unwrap();
    let mut lines = BufReader::new(terminal.stdout.take().unwrap()).lines();
    keys.write_all(b"typed\n").unwrap();
    let mut seen = Vec::new();
    for line in lines.by_ref().map(Result::unwrap) {
        seen.push(line.trim().to_owned());
        if line.contains("answer typed") {
            keys.write_all(b"\x03").unwrap();
        }
    }
    assert_eq!(terminal.wait().unwrap().code(), Some(6), "{seen:?}");
    let interrupted = seen
        .iter()
        .filter(|line| line.contains("interrupted"))
        .count();
    assert_eq!(interrupted, 1, "{seen:?}");
    assert_eq!(fleet.live_claims(), 0);
}
