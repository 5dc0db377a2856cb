//! Exit codes, and what is said with them.

use crate::fleet::{Fleet, empty_database};

/// Arguments, the code, and a part of what is said.
type Case<'a> = (&'a [&'a str], i32, &'a str);

#[test]
fn every_code_has_its_reason_and_a_next_step() {
    let fleet = Fleet::new();
    fleet.json(0, &["claim", "held/", "--agent", "alpha"]);
    let long = "x".repeat(1200);
    let cases: &[Case<'_>] = &[
        (&["claim", "held/x", "--agent", "beta"], 3, "held by alpha"),
        (&["free", "held/x", "open", "--agent", "beta"], 3, "open"),
        (&["free", "held/x", "--agent", "alpha"], 0, "held/x"),
        (&["who", "held/x"], 0, "held by alpha"),
        (&["who", "open"], 0, "nobody holds open"),
        (&["claim", "x"], 2, "add --agent NAME"),
        (&["claim", "", "--agent", "a"], 2, "a resource is empty"),
        (
            &["claim", "../x", "--agent", "a"],
            2,
            "outside of the repository",
        ),
        (
            &["claim", "/etc/passwd", "--agent", "a"],
            2,
            "outside of the repository",
        ),
        (&["claim", &long, "--agent", "a"], 2, "1024 bytes"),
        (&["claim", "a\nb", "--agent", "a"], 2, "control character"),
        (
            &["claim", "x", "--ttl", "1s", "--agent", "a"],
            2,
            "30 seconds to 24 hours",
        ),
        (&["claim", "x", "--ttl", "soon", "--agent", "a"], 2, "15m"),
        (&["claim", "x", "--slot", "--agent", "a"], 2, "has no slots"),
        (
            &["claim", "x", "--slot", "--shared", "--agent", "a"],
            2,
            "cannot be used with",
        ),
        (
            &["claim", "x", "--agent", "a\tb"],
            2,
            "without control characters",
        ),
        (&["claim"], 2, "required"),
        (&["fly"], 2, "unrecognized subcommand"),
        (
            &["release", "x", "--agent", "beta"],
            3,
            "holds no claim of x",
        ),
        (
            &["release", "held/x", "--agent", "alpha"],
            3,
            "it is part of held/",
        ),
        (&["release", "--agent", "alpha"], 2, "required"),
        (
            &["handoff", "held/", "--to", "nobody", "--agent", "alpha"],
            1,
            "must open one first",
        ),
        (
            &["revoke", "999", "--reason", "r"],
            1,
            "there is no claim 999",
        ),
        (&["revoke", "x", "--reason", "r"], 2, "invalid digit"),
        (
            &["log", "progress", "m", "--steps", "many", "--agent", "a"],
            2,
            "3/5",
        ),
        (&["log", "shout", "m", "--agent", "a"], 2, "progress"),
        (
            &["log", "note", "m", "--metadata", "=1", "--agent", "a"],
            2,
            "name=value",
        ),
        (&["inbox"], 2, "--agent NAME"),
        (&["tail", "-n", "-1"], 2, "-1"),
        (&["verify-history"], 0, "sound: "),
        (&["completions", "bash"], 0, "_claimboard"),
        (&["roles"], 0, "CREATE ROLE claimboard_agent"),
        (&["--version"], 0, "claimboard "),
        (&["--help"], 0, "Exit codes:"),
    ];
    for (arguments, code, part) in cases {
        let said = fleet.say(arguments);
        assert_eq!(said.code, *code, "{arguments:?}: {said:?}");
        let all = said.out + &said.err;
        assert!(all.contains(part), "{arguments:?} says not {part:?}: {all}");
        assert!(!all.contains('\x1b'), "{arguments:?} is coloured: {all}");
    }
    assert_eq!(fleet.live_claims(), 1);
}

#[test]
fn an_offence_in_the_record_is_found() {
    let fleet = Fleet::new();
    fleet.json(0, &["claim", "docs/", "--agent", "alpha"]);
    fleet.sql("UPDATE coordination.claims SET resource = 'src/*'");
    let found = fleet.json(3, &["verify-history"]);
    assert_eq!(found["outcome"], "offence");
    assert!(
        found["offence"]["what"]
            .as_str()
            .unwrap()
            .contains("differs")
    );
}

#[test]
fn a_database_that_cannot_serve_is_explained() {
    for (url, code, part) in [
        (
            "mysql://localhost/x",
            2,
            "postgres://user:password@host/database",
        ),
        (
            "postgres://u:s3cret@[oops/x",
            2,
            "DATABASE_URL cannot be read",
        ),
        (
            "postgres://u:s3cret@127.0.0.1:1/x",
            1,
            "cannot connect to 127.0.0.1:1/x: error communicating with database: Connection refused",
        ),
        (&empty_database(), 2, "claimboard migrate"),
        (
            &empty_database().replace("/test_", "/none_"),
            2,
            "does not exist",
        ),
    ] {
        let fleet = Fleet::on(url);
        for verb in [
            &["claim", "x", "--agent", "a"][..],
            &["agents"],
            &["run", "x", "--agent", "a", "--", "true"],
        ] {
            let said = fleet.say(verb);
            let expected = if verb[0] == "run" { 125 } else { code };
            assert_eq!(said.code, expected, "{url} {verb:?}: {said:?}");
            assert!(said.err.contains(part), "{url}: {said:?}");
            assert!(!said.err.contains("s3cret"), "{said:?}");
            assert_eq!(said.out, "");
        }
    }
}

#[test]
fn the_environment_may_come_from_a_file() {
    let fleet = Fleet::new();
    let file = fleet.repository().join(".env");
    std::fs::write(
        &file,
        format!("DATABASE_URL='{}'\nCLAIMBOARD_AGENT=filed\n", fleet.url),
    )
    .unwrap();
    std::fs::create_dir(fleet.repository().join("deep")).unwrap();
    let output = fleet
        .command(&[
            "run",
            "x",
            "--json",
            "--",
            "sh",
            "-c",
            "echo \"$CLAIMBOARD_AGENT ${DATABASE_URL-unset}\"",
        ])
        .env_remove("DATABASE_URL")
        .current_dir(fleet.repository().join("deep"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "filed unset\n");

    std::fs::write(&file, "DATABASE_URL=postgres://u:s3cret pass@localhost/x").unwrap();
    let said = fleet.say(&["agents"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(!said.err.contains("s3cret"), "{said:?}");
    assert!(said.err.contains("NAME=value"), "{said:?}");
}
