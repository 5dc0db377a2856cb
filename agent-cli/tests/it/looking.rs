use std::io::{BufRead as _, BufReader};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::fleet::{Fleet, Open};

#[test]
fn the_inbox_holds_what_is_addressed_to_me() {
    let fleet = Fleet::new();
    for (message, to) in [("first", "gamma"), ("second", "gamma"), ("other", "delta")] {
        fleet.json(
            0,
            &[
                "log",
                "help",
                message,
                "--needed-from",
                to,
                "--agent",
                "beta",
            ],
        );
    }
    let inbox = fleet.json(0, &["inbox", "--agent", "gamma"]);
    let messages: Vec<&str> = inbox["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["message"].as_str().unwrap())
        .collect();
    assert_eq!(messages, ["second", "first"]);
    let blocked = fleet.json(0, &["agents"]);
    assert_eq!(blocked["agents"][0]["status"], "blocked");
}

#[test]
fn the_log_is_filtered() {
    let fleet = Fleet::new();
    fleet.json(0, &["claim", "docs/", "--agent", "alpha"]);
    fleet.json(
        0,
        &[
            "log",
            "progress",
            "a",
            "--resource",
            "docs/a.md",
            "--agent",
            "alpha",
        ],
    );
    fleet.json(0, &["log", "note", "b", "--agent", "beta"]);
    let count = |arguments: &[&str]| {
        let rows = fleet.json(0, &[&["tail"], arguments].concat());
        rows["rows"].as_array().unwrap().len()
    };
    assert_eq!(count(&[]), 3);
    assert_eq!(count(&["-n", "2"]), 2);
    assert_eq!(count(&["--by", "alpha"]), 2);
    assert_eq!(count(&["--action", "note"]), 1);
    assert_eq!(count(&["--resource", "docs/a.md"]), 2);
    assert_eq!(count(&["--resource", "docs/b.md"]), 1);
    assert_eq!(count(&["--resource", "src/"]), 0);
}

#[test]
fn history_tells_who_held_it() {
    let fleet = Fleet::new();
    for agent in ["alpha", "beta"] {
        fleet.json(0, &["claim", "docs/", "--agent", agent]);
        fleet.json(0, &["release", "docs/", "--agent", agent]);
    }
    fleet.json(0, &["claim", "docs/a.md", "--agent", "gamma"]);
    let history = fleet.json(0, &["history", "docs/a.md"]);
    let agents: Vec<&str> = history["claims"]
        .as_array()
        .unwrap()
        .iter()
        .map(|claim| claim["agent"].as_str().unwrap())
        .collect();
    assert_eq!(agents, ["gamma", "beta", "alpha"]);
    assert_eq!(history["claims"][0]["ending"], Value::Null);
    assert_eq!(history["claims"][1]["ending"], "released");
    assert_eq!(
        fleet.json(0, &["claims", "--ended"])["claims"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

/// A row whose number is smaller than those that were read already, because its transaction ended later.
#[test]
fn a_follower_misses_no_row_that_commits_late() {
    let fleet = Fleet::new();
    fleet.json(0, &["log", "note", "before", "--agent", "alpha"]);
    let mut follower = fleet.begin(&["tail", "--follow", "--json", "-n", "1"]);
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut next = || -> String {
        let row: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        row["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(next(), "before");
    let slow = Open::after(
        &fleet,
        "SELECT coordination.log('slow', 'note', message => 'late')",
    );
    for message in ["one", "two"] {
        fleet.json(0, &["log", "note", message, "--agent", "alpha"]);
        assert_eq!(next(), message);
    }
    slow.end("COMMIT");
    assert_eq!(next(), "late");
    fleet.json(0, &["log", "note", "after", "--agent", "alpha"]);
    assert_eq!(next(), "after");
    kill(Pid::from_raw(follower.id().cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(follower.wait().unwrap().code(), Some(0));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let fleet = Fleet::new();
    fleet.json(0, &["log", "note", "m", "--agent", "alpha"]);
    let mut follower = fleet.begin(&["tail", "--follow"]);
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().ends_with("alpha note: m"));
    drop(lines);
    fleet.json(0, &["log", "note", "more", "--agent", "alpha"]);
    let said = crate::fleet::Said::from(follower.wait_with_output().unwrap());
    assert_eq!((said.code, said.err.as_str()), (0, ""));
}

#[test]
fn other_agents_words_are_shown_without_their_powers() {
    let fleet = Fleet::new();
    fleet.json(
        0,
        &[
            "claim",
            "docs/",
            "--reason",
            "\x1b[2Jboo\r\nheld by root",
            "--agent",
            "alpha",
        ],
    );
    for verb in [
        &["who", "docs/"][..],
        &["tail"],
        &["claims"],
        &["history", "docs/"],
    ] {
        let said = fleet.say(verb);
        assert!(said.out.contains("boo"), "{said:?}");
        assert!(
            !said.out.contains('\x1b') && !said.out.contains('\r'),
            "{said:?}"
        );
        assert!(!said.out.contains("\nheld by root"), "{said:?}");
    }
}

#[test]
fn a_summary_is_what_is_worth_telling_at_the_end() {
    let fleet = Fleet::new();
    fleet.json(0, &["log", "note", "here", "--agent", "beta"]);
    for resource in ["docs/", "src/", "held/"] {
        fleet.json(0, &["claim", resource, "--agent", "alpha"]);
    }
    fleet.json(
        0,
        &[
            "log",
            "done",
            "guide",
            "--resource",
            "docs/",
            "--agent",
            "alpha",
        ],
    );
    fleet.json(
        0,
        &[
            "handoff",
            "src/",
            "--to",
            "beta",
            "--message",
            "yours",
            "--agent",
            "alpha",
        ],
    );
    fleet.json(
        0,
        &[
            "log",
            "help",
            "which?",
            "--needed-from",
            "gamma",
            "--agent",
            "alpha",
        ],
    );
    fleet.json(0, &["log", "done", "not alpha's", "--agent", "beta"]);
    fleet.json(0, &["release", "docs/", "--agent", "alpha"]);

    let summary = fleet.json(0, &["summary", "--agent", "alpha"]);
    let list = |key: &str, inner: &str| -> Vec<String> {
        let list = summary[key].as_array().unwrap();
        list.iter()
            .map(|one| one[inner].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(list("completed", "message"), ["guide"]);
    assert_eq!(list("messages", "to"), ["beta", "gamma"]);
    assert_eq!(list("messages", "message"), ["yours", "which?"]);
    assert_eq!(summary["blockers"], "which?");
    assert_eq!(list("claims", "resource"), ["held/*"]);
    let said = fleet.say(&["summary", "--agent", "alpha"]);
    assert!(said.out.contains("to beta: src/: yours"), "{said:?}");

    fleet.sql("ALTER TABLE coordination.agent_log DISABLE TRIGGER USER; UPDATE coordination.agent_log SET timestamp = timestamp - interval '2 h' WHERE action_type = 'complete'");
    let quiet = fleet.json(0, &["summary", "--since", "1h", "--agent", "alpha"]);
    assert_eq!(quiet["completed"].as_array().unwrap().len(), 0);
}

#[test]
fn the_doctor_finds_what_is_wrong() {
    let states = |fleet: &Fleet, code: i32| -> Vec<String> {
        let checks = fleet.json(code, &["doctor", "--agent", "alpha"]);
        let checks = checks["checks"].as_array().unwrap();
        checks
            .iter()
            .map(|check| {
                let state = check["state"].as_str().unwrap();
                assert_eq!(state == "good", check["next"].is_null(), "{check}");
                format!("{} {state}", check["check"].as_str().unwrap())
            })
            .collect()
    };
    let fleet = Fleet::new();
    let sound = states(&fleet, 0);
    assert_eq!(
        sound,
        [
            "agent good",
            "workspace good",
            "repository good",
            "database good",
            "server good",
            "clock good",
            "schema good",
            "role warning",
            "edits warning",
            "commits warning",
            "tables good"
        ]
    );
    fleet.sql("DELETE FROM coordination.migrations WHERE version = (SELECT max(version) FROM coordination.migrations)");
    assert!(states(&fleet, 3).contains(&"schema bad".to_owned()));
    let empty = Fleet::on(&crate::fleet::empty_database());
    assert!(states(&empty, 3).contains(&"schema bad".to_owned()));
    let gone = Fleet::on("postgres://u@127.0.0.1:1/x");
    assert_eq!(states(&gone, 3).last().unwrap(), "database bad");
}

#[test]
#[cfg(target_os = "linux")]
fn colours_are_for_terminals() {
    let fleet = Fleet::new();
    fleet.json(0, &["claim", "docs/", "--agent", "alpha"]);
    let seen = |plain: bool, arguments: &str| {
        let inner = fleet.command(&[]);
        let call = format!("{} {arguments}", inner.get_program().display());
        let mut terminal = std::process::Command::new("script");
        terminal.args(["-qec", &call, "/dev/null"]);
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => terminal.env(name, value),
                None => terminal.env_remove(name),
            };
        }
        terminal.env("TERM", "xterm").env_remove("NO_COLOR");
        if plain {
            terminal.env("NO_COLOR", "1");
        }
        let said = terminal
            .current_dir(fleet.repository())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    let painted = seen(false, "who docs/");
    assert!(
        painted.contains("\u{1b}[31mheld\u{1b}[0m by"),
        "{painted:?}"
    );
    for plain in [
        seen(true, "who docs/"),
        seen(false, "who docs/ --json"),
        fleet.say(&["who", "docs/"]).out,
    ] {
        assert!(
            plain.contains("alpha") && !plain.contains('\u{1b}'),
            "{plain:?}"
        );
    }
}
