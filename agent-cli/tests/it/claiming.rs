use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::fleet::{Fleet, Open, Said, until};

#[test]
fn claim_and_release_in_two_processes_are_one_agent() {
    let fleet = Fleet::new();
    let granted = fleet.say(&["claim", "docs/", "--agent", "alpha"]);
    assert_eq!(granted.code, 0, "{granted:?}");
    assert!(granted.out.starts_with("granted docs/ to alpha until "));
    assert_eq!(granted.err, "");

    let held = fleet.say(&["claim", "docs/a.md", "--agent", "beta"]);
    assert_eq!(held.code, 3, "{held:?}");
    assert!(held.out.starts_with("held by alpha since "), "{held:?}");
    assert!(held.out.contains("docs/a.md"), "{held:?}");
    assert!(held.err.contains("--wait"), "{held:?}");

    let released = fleet.say(&["release", "docs/", "--agent", "alpha"]);
    assert_eq!(
        (released.code, released.out.as_str()),
        (0, "released docs/\n")
    );
    assert_eq!(
        fleet.say(&["claim", "docs/a.md", "--agent", "beta"]).code,
        0
    );
    assert_eq!(
        fleet.number("SELECT count(*) FROM coordination.sessions"),
        2
    );
    assert_eq!(fleet.say(&["verify-history"]).code, 0);
}

#[test]
fn the_secret_is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let fleet = Fleet::new();
    fleet.json(0, &["claim", "a", "--agent", "alpha"]);
    fleet.json(
        0,
        &["claim", "b", "--agent", "alpha", "--workspace", "other"],
    );
    let folder = fleet.outside().join("state/claimboard/sessions");
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 2);
    for file in &files {
        assert_eq!(mode(file), 0o600);
    }

    // Torn by a crash: the agent is its own successor then.
    for file in &files {
        std::fs::write(file, "{\"agent\":").unwrap();
    }
    let held = fleet.say(&["claim", "a", "--agent", "alpha"]);
    assert_eq!(held.code, 3, "{held:?}");
    assert!(held.err.contains("an earlier self"), "{held:?}");
}

#[test]
fn of_many_racers_one_wins() {
    let fleet = Fleet::new();
    let racers: Vec<_> = (0..8)
        .map(|racer| fleet.begin(&["claim", "docs/", "--agent", &format!("racer{racer}")]))
        .collect();
    let mut codes: Vec<i32> = racers
        .into_iter()
        .map(|racer| Said::from(racer.wait_with_output().unwrap()).code)
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 3, 3, 3, 3, 3, 3, 3]);
    assert_eq!(fleet.live_claims(), 1);
}

#[test]
fn first_calls_at_once_open_one_session() {
    let fleet = Fleet::new();
    let calls: Vec<_> = (0..6)
        .map(|call| fleet.begin(&["claim", &format!("file{call}"), "--agent", "alpha"]))
        .collect();
    for call in calls {
        let said = Said::from(call.wait_with_output().unwrap());
        assert_eq!(said.code, 0, "{said:?}");
    }
    assert_eq!(
        fleet.number("SELECT count(*) FROM coordination.sessions"),
        1
    );
    let released = fleet.json(0, &["release", "--all", "--agent", "alpha"]);
    assert_eq!(released["claims"].as_array().unwrap().len(), 6);
}

#[test]
fn a_set_is_granted_as_a_whole_or_not_at_all() {
    let fleet = Fleet::new();
    let granted = fleet.json(
        0,
        &["claim", "src/b.rs", "src/a.rs", "docs/", "--agent", "alpha"],
    );
    let names: Vec<&str> = granted["claims"]
        .as_array()
        .unwrap()
        .iter()
        .map(|claim| claim["resource"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["docs/*", "src/a.rs", "src/b.rs"]);
    let held = fleet.json(3, &["claim", "free.rs", "docs/x", "--agent", "beta"]);
    assert_eq!(held["holders"][0]["agent"], "alpha");
    assert_eq!(fleet.live_claims(), 3);
}

#[test]
fn who_waits_gets_it_when_it_is_free() {
    let fleet = Fleet::new();
    fleet.json(0, &["claim", "docs/", "--agent", "alpha"]);
    let mut waiter = fleet.begin(&["claim", "docs/", "--agent", "beta", "--wait", "50"]);
    until("beta has a session", || {
        fleet.number("SELECT count(*) FROM coordination.sessions WHERE agent = 'beta'") == 1
    });
    assert!(waiter.try_wait().unwrap().is_none());
    fleet.json(0, &["release", "docs/", "--agent", "alpha"]);
    let said = Said::from(waiter.wait_with_output().unwrap());
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn who_waits_twice_keeps_the_place_in_line() {
    let fleet = Fleet::new();
    fleet.json(0, &["claim", "docs/", "--agent", "alpha"]);
    let wait = |agent| fleet.json(3, &["claim", "docs/", "--wait", "1", "--agent", agent]);
    let first = wait("beta");
    let second = wait("gamma");
    assert_eq!(second["waiting"]["position"], 2);
    assert_eq!(second["ahead"][0]["agent"], "beta");
    assert_eq!(
        wait("beta")["waiting"]["ticket"],
        first["waiting"]["ticket"]
    );
    fleet.json(0, &["release", "docs/", "--agent", "alpha"]);
    // Whoever comes later does not get in between.
    let refused = fleet.json(3, &["claim", "docs/a.md", "--agent", "delta"]);
    assert_eq!(refused["ahead"][0]["agent"], "beta");
    fleet.json(0, &["claim", "docs/", "--wait", "60", "--agent", "beta"]);
}

#[test]
fn what_was_lost_is_said_by_every_verb() {
    let fleet = Fleet::new();
    fleet.json(0, &["claim", "docs/", "--agent", "alpha"]);
    fleet.expire_all();
    let taken = fleet.json(0, &["claim", "docs/", "--agent", "beta"]);
    assert_eq!(taken["claims"][0]["predecessors"][0]["agent"], "alpha");

    let late = fleet.json(
        4,
        &[
            "log",
            "progress",
            "still there",
            "--resource",
            "docs/",
            "--agent",
            "alpha",
        ],
    );
    assert_eq!(late["lost"]["ending"], "expired");
    for verb in ["renew", "release"] {
        let lost = fleet.json(4, &[verb, "docs/", "--agent", "alpha"]);
        assert_eq!(lost["outcome"], "lost");
        assert_eq!(lost["lost"][0]["by"], "beta");
        assert_eq!(lost["lost"][0]["token"], taken["claims"][0]["token"]);
    }
    let again = fleet.say(&["release", "docs/", "--agent", "alpha"]);
    assert!(again.out.starts_with("lost docs/: expired "), "{again:?}");
    assert_eq!(fleet.live_claims(), 1);
}

#[test]
fn a_claim_goes_from_hand_to_hand() {
    let fleet = Fleet::new();
    fleet.json(0, &["log", "note", "here I am", "--agent", "beta"]);
    fleet.json(0, &["claim", "docs/", "--agent", "alpha"]);
    let given = fleet.json(
        0,
        &[
            "handoff",
            "docs/",
            "--to",
            "beta",
            "--message",
            "index is missing",
            "--agent",
            "alpha",
        ],
    );
    assert_eq!(given["claims"][0]["to"], "beta");
    let mine = fleet.json(0, &["claims", "--mine", "--agent", "beta"]);
    assert_eq!(mine["claims"][0]["token"], given["claims"][0]["token"]);
    assert_eq!(
        fleet.json(4, &["release", "docs/", "--agent", "alpha"])["lost"][0]["ending"],
        "handed over"
    );
    // Told as what it is: nobody took it away.
    let told = fleet.say(&["renew", "docs/", "--agent", "alpha"]);
    assert!(
        told.out.starts_with("lost docs/: handed over ") && told.out.ends_with(", to beta\n"),
        "{told:?}"
    );
    let history = fleet.json(0, &["history", "docs/"]);
    assert_eq!(history["claims"][1]["ended_by"], "alpha#1", "{history}");

    let claim = mine["claims"][0]["claim_id"].to_string();
    let revoked = fleet.json(0, &["revoke", &claim, "--reason", "it hangs"]);
    assert_eq!(revoked["outcome"], "revoked");
    assert_eq!(
        fleet.json(3, &["revoke", &claim, "--reason", "twice"])["outcome"],
        "already ended"
    );
    assert_eq!(
        fleet.json(4, &["renew", "docs/", "--agent", "beta"])["lost"][0]["ending"],
        "revoked"
    );
}

#[test]
fn a_key_is_answered_once() {
    let fleet = Fleet::new();
    let claim = ["claim", "docs/", "--agent", "alpha", "--key", "k1"];
    let first = fleet.json(0, &claim);
    let second = fleet.json(0, &claim);
    assert_eq!(first["claims"][0]["token"], second["claims"][0]["token"]);
    assert_eq!(fleet.live_claims(), 1);
    let other = fleet.say(&["claim", "src/", "--agent", "alpha", "--key", "k1"]);
    assert_eq!(other.code, 2, "{other:?}");
}

/// A signal finds the claim under way: it waits for a transaction of somebody else that is still open.
#[test]
fn an_interrupted_claim_leaves_nothing_behind() {
    let fleet = Fleet::new();
    let rival = Open::after(&fleet, "SELECT coordination.claim('docs/', 'rival')");
    let waiter = fleet.begin(&["claim", "docs/", "--agent", "alpha", "--wait", "50"]);
    until("alpha waits for the rival", || {
        fleet.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()") > 0
    });
    kill(Pid::from_raw(waiter.id().cast_signed()), Signal::SIGINT).unwrap();
    rival.end("ROLLBACK");
    let said = Said::from(waiter.wait_with_output().unwrap());
    assert_eq!(said.code, 130, "{said:?}");
    assert!(said.err.contains("nothing was claimed"), "{said:?}");
    assert_eq!(fleet.live_claims(), 0);
}

#[test]
fn an_open_transaction_makes_the_answer_busy() {
    let fleet = Fleet::new();
    let rival = Open::after(&fleet, "SELECT coordination.claim('docs/', 'rival')");
    let busy = fleet.json(3, &["claim", "docs/", "--agent", "alpha"]);
    assert_eq!(busy["outcome"], "busy");
    let said = fleet.say(&["run", "docs/", "--agent", "alpha", "--", "true"]);
    assert_eq!(said.code, 75, "{said:?}");
    rival.end("ROLLBACK");
    assert_eq!(fleet.live_claims(), 0);
}
