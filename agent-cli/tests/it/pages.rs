//! What the program prints about itself, and the SQL that it prints.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::fleet::{Fleet, empty_database};

#[test]
fn the_reference_is_up_to_date() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let fleet = Fleet::on("");
    let generated = fleet.say(&["reference"]).out;
    let kept = fs::read_to_string(&page).unwrap_or_default();
    assert!(
        kept == generated,
        "docs/cli.md is stale: cargo run -p agent-cli -- reference > docs/cli.md"
    );
}

#[test]
fn printed_migrations_do_what_migrate_does() {
    let fleet = Fleet::on(&empty_database());
    let script = fleet.say(&["migrate", "--print"]).out;
    fleet.sql(&format!("BEGIN; {script}; COMMIT;"));
    let applied = "SELECT count(*) FROM coordination.migrations WHERE success";
    let count = fleet.number(applied);
    assert!(count > 0);
    let migrated = fleet.json(0, &["migrate"]);
    assert_eq!(fleet.number(applied), count);
    assert_eq!(
        migrated["version"],
        fleet.number("SELECT max(version) FROM coordination.migrations")
    );
    fleet.json(0, &["claim", "docs/", "--agent", "alpha"]);
}

#[test]
fn completions_are_scripts_that_their_shell_reads() {
    let fleet = Fleet::on("");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = fleet.say(&["completions", shell]);
        assert_eq!(said.code, 0);
        assert!(said.out.contains("verify-history"), "{shell}");
        assert!(
            !said.out.contains("run-command"),
            "{shell} offers what is hidden"
        );
    }
    let script = fleet.say(&["completions", "bash"]).out;
    let mut bash = Command::new("bash")
        .arg("-n")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut bash.stdin.take().unwrap(), script.as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success());
}
