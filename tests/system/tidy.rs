//! Rules of the repository that no compiler checks.

use std::path::{Path, PathBuf};

use crate::stage::root;

/// Files whose logic is pure: no runtime, SQL, HTTP, clock or environment.
const PURE: &[&str] = &[
    "coordination-lib/src/lease.rs",
    "coordination-lib/src/resource.rs",
    "sync-daemon/src/backlog.rs",
    "sync-daemon/src/board.rs",
    "sync-daemon/src/budget.rs",
    "sync-daemon/src/notion/convert.rs",
    "sync-daemon/src/page.rs",
    "sync-daemon/src/reconcile.rs",
    "sync-daemon/src/row.rs",
    "sync-daemon/src/schedule.rs",
];

const IMPURE: &[&str] = &[
    "sqlx::",
    "reqwest::",
    "std::env",
    "std::fs",
    "std::net",
    "SystemTime::now",
    "Instant::now()",
    "Utc::now",
    "tokio::spawn",
    "async fn",
];

#[test]
fn pure_files_stay_pure() {
    for file in PURE {
        let text = read(&root().join(file));
        for word in IMPURE {
            assert!(!text.contains(word), "{file} contains {word}");
        }
    }
}

#[test]
fn only_the_ledger_speaks_sql_on_schema_sync() {
    for file in sources("sync-daemon/src") {
        if !file.ends_with("ledger.rs") {
            let text = read(&file);
            for verb in ["FROM sync.", "INTO sync.", "UPDATE sync."] {
                assert!(!text.contains(verb), "{} contains {verb}", file.display());
            }
        }
    }
}

#[test]
fn production_code_contains_neither_simulator_nor_private_cluster() {
    for package in ["coordination-lib", "sync-daemon"] {
        let manifest = read(&root().join(package).join("Cargo.toml"));
        let (dependencies, _) = manifest
            .split_once("[dev-dependencies]")
            .unwrap_or((&manifest, ""));
        for forbidden in ["notion-sim", "local-postgres", "demo"] {
            assert!(
                !dependencies.contains(forbidden),
                "{package} depends on {forbidden}"
            );
        }
    }
    let library = read(&root().join("coordination-lib/Cargo.toml"));
    assert!(
        !library.contains("reqwest") && !library.contains("sync-daemon"),
        "the library knows neither HTTP nor Notion"
    );
}

#[test]
fn every_variable_the_daemon_reads_is_documented() {
    let help = read(&root().join("sync-daemon/src/cli.rs"));
    let service = read(&root().join("systemd/claimboard-sync.env.example"))
        + &read(&root().join("systemd/claimboard-sync.service"));
    let config: String = sources("sync-daemon/src/config")
        .iter()
        .filter(|file| !file.ends_with("tests.rs"))
        .chain(
            &["config.rs", "cli.rs", "main.rs"]
                .map(|file| root().join("sync-daemon/src").join(file)),
        )
        .map(|file| read(file))
        .collect();
    let names = config.split('"').filter(|word| {
        word.len() > 6
            && (word.starts_with("NOTION_")
                || word.starts_with("CLAIMBOARD_")
                || *word == "DATABASE_URL")
    });
    for name in names {
        assert!(help.contains(name), "{name} is not in the help");
        assert!(
            service.contains(name),
            "{name} is neither in the unit nor in its environment"
        );
    }
}

/// The commands of the page that copies the unit for a second workspace.
#[test]
fn a_second_unit_has_files_of_its_own() {
    let page = read(&root().join("docs/how-to/several-workspaces.md"));
    let (_, edit) = page.split_once("sed -i '").expect("an edit of the unit");
    let (edit, _) = edit.split_once('\'').expect("its end");
    let unit = root().join("systemd/claimboard-sync.service");
    let sed = std::process::Command::new("sed")
        .arg(edit)
        .arg(unit)
        .output();
    let unit = String::from_utf8(sed.expect("sed").stdout).expect("text");
    for line in [
        "EnvironmentFile=/etc/claimboard/claimboard-sync-sales.env",
        "LoadCredential=notion-token:/etc/claimboard/notion-token-sales",
        "Environment=NOTION_TOKEN_FILE=%d/notion-token",
        "User=claimboard-sync-sales",
    ] {
        assert!(unit.lines().any(|one| one == line), "{line}: {unit}");
    }
}

#[test]
fn no_file_is_named_for_nothing() {
    for file in sources("") {
        let stem = file
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        assert!(
            ![
                "utils", "util", "helpers", "common", "types", "manager", "misc"
            ]
            .contains(&stem),
            "{}",
            file.display()
        );
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
        {
            let name = entry
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if entry.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                found.push(entry);
            }
        }
    }
    found
}
