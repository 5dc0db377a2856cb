//! Exit codes, and what is said with them.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;

use crate::fleet::{Fleet, Said, empty_database};

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
        (
            &["log", "progress", "m", "--steps", "5/3", "--agent", "a"],
            2,
            "no more are done than there are",
        ),
        (&["log", "note", "  ", "--agent", "a"], 2, "say something"),
        (
            &["log", "help", "m", "--needed-from", "zeta", "--agent", "a"],
            0,
            "no agent \"zeta\" was ever here",
        ),
        (
            &["tail", "--action", "foo"],
            2,
            "there are: blocked, claim,",
        ),
        (&["tail", "--action", "done"], 0, ""),
        (&["tail", "--by", "zeta"], 0, "no agent \"zeta\""),
        (&["claim", "table:", "--agent", "a"], 2, "behind its colon"),
        (&["claim", ":x", "--agent", "a"], 2, "begins with a colon"),
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
fn words_that_are_no_text_are_wrong_usage() {
    let fleet = Fleet::new();
    let odd = OsStr::from_bytes(b"caf\xe9");
    for (arguments, code) in [
        (&["claim"][..], 2),
        (&["--agent"], 2),
        (&["claim", "x", "--json", "--agent"], 2),
        (&["who", "x", "--"], 2),
        (&["run", "--agent"], 125),
        (&["hook", "pre-tool-use", "--format"], 1),
    ] {
        let said = Said::from(fleet.command(arguments).arg(odd).output().unwrap());
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        assert!(!said.err.contains("panicked"), "{said:?}");
        let all = said.out + &said.err;
        assert!(!all.trim().is_empty(), "{arguments:?}");
    }
    // What is run may have any name.
    let mut run = fleet.command(&["run", "x", "--agent", "alpha", "--", "printf", "%s"]);
    let said = run.arg(odd).output().unwrap();
    assert_eq!(
        (said.status.code(), &said.stdout[..]),
        (Some(0), odd.as_bytes())
    );
}

#[test]
fn wrong_usage_is_one_line_in_json() {
    let fleet = Fleet::new();
    for (arguments, part) in [
        (&["claim", "--json"][..], "<RESOURCE>"),
        (&["claim", "x", "--agnt", "a", "--json"], "'--agent'"),
        (&["fly", "--json"], "unrecognized subcommand 'fly'"),
    ] {
        let said = fleet.say(arguments);
        assert_eq!(said.code, 2, "{said:?}");
        let answer: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(part) && !error.contains('\n'), "{error:?}");
        assert!(!error.contains("Usage:"), "{error:?}");
        assert!(answer["next"].as_str().unwrap().contains("--help"));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let fleet = Fleet::new();
    fleet.json(0, &["log", "note", "m", "--agent", "alpha"]);
    for arguments in [
        &["claims"][..],
        &["claims", "--json"],
        &["tail", "--follow"],
        &["completions", "bash"],
        &["fly", "--json"],
        &["--help"],
        &["--version"],
        &["reference"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let said = Said::from(fleet.command(arguments).stdout(full).output().unwrap());
        let code = if arguments[0] == "fly" { 2 } else { 1 };
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        assert!(!said.err.trim().is_empty(), "{arguments:?}");
        assert!(!said.err.contains("panicked"), "{said:?}");
    }
}

#[test]
fn a_reader_that_is_gone_is_no_failure() {
    let fleet = Fleet::new();
    for arguments in [
        &["claims"][..],
        &["completions", "bash"],
        &["--help"],
        &["roles"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let said = Said::from(fleet.command(arguments).stdout(writer).output().unwrap());
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments:?}");
    }
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
            assert!(
                said.err.matches("Connection refused").count() <= 1,
                "said twice: {said:?}"
            );
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
