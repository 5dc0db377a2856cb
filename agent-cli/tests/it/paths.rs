//! What is typed in folders of a real repository.

use std::fs;
use std::os::unix::fs::symlink;

use crate::fleet::{Fleet, Said};

fn claimed(fleet: &Fleet, folder: &str, typed: &[&str]) -> Result<String, Said> {
    let arguments = [&["claim", "--agent", "alpha", "--json"], typed].concat();
    let output = fleet
        .command(&arguments)
        .current_dir(fleet.repository().join(folder))
        .output()
        .unwrap();
    let said = Said::from(output);
    if said.code != 0 {
        return Err(said);
    }
    let answer: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    Ok(answer["claims"][0]["resource"].as_str().unwrap().to_owned())
}

#[test]
fn a_path_is_named_from_the_root_of_the_repository() {
    let fleet = Fleet::new();
    let root = fleet.repository();
    fs::create_dir_all(root.join("docs/deep")).unwrap();
    fs::create_dir_all(root.join("app/[id]")).unwrap();
    fs::write(root.join("app/[id]/page.tsx"), "").unwrap();
    symlink(root.join("docs"), root.join("link")).unwrap();
    symlink("/etc", root.join("etc")).unwrap();
    for (folder, typed, name) in [
        ("", "docs/new.md", "docs/new.md"),
        ("docs", "new.md", "docs/new.md"),
        ("docs/deep", "../new.md", "docs/new.md"),
        ("", "docs", "docs/*"),
        ("docs", "deep/", "docs/deep/*"),
        ("docs", ".", "docs/*"),
        ("", ".", "*"),
        ("docs", "*", "docs/*"),
        ("docs", "table:modules", "table:modules"),
        ("", "app/[id]/page.tsx", r"app/\[id]/page.tsx"),
        ("app", "[id]/new.tsx", "app/*"),
        ("", "link/new.md", "docs/new.md"),
        ("", "link", "docs/*"),
        ("link", "new.md", "docs/new.md"),
    ] {
        assert_eq!(
            claimed(&fleet, folder, &[typed]).unwrap(),
            name,
            "{typed} in {folder:?}"
        );
    }
    let absolute = root.join("docs/new.md");
    assert_eq!(
        claimed(&fleet, "", &[absolute.to_str().unwrap()]).unwrap(),
        "docs/new.md"
    );
    let literal = claimed(&fleet, "", &["--literal", "b/[x].md"]).unwrap();
    assert_eq!(literal, r"b/\[x].md");

    for typed in ["..", "docs/../../x", "/tmp/x", "etc/hosts"] {
        let refused = claimed(&fleet, "", &[typed]).unwrap_err();
        assert_eq!(refused.code, 2, "{typed}: {refused:?}");
        assert!(
            refused.out.contains("outside of the repository"),
            "{refused:?}"
        );
    }
}

#[test]
fn what_the_shell_expanded_is_noticed() {
    let fleet = Fleet::new();
    let docs = fleet.repository().join("docs");
    fs::create_dir(&docs).unwrap();
    for name in ["a.md", "b.md", ".hidden"] {
        fs::write(docs.join(name), "").unwrap();
    }
    let refused = claimed(&fleet, "", &["docs/a.md", "docs/b.md"]).unwrap_err();
    assert_eq!(refused.code, 2);
    assert!(refused.out.contains("unquoted docs/*"), "{refused:?}");
    let refused = claimed(&fleet, "docs", &["a.md", "b.md"]).unwrap_err();
    assert_eq!(refused.code, 2);
    assert_eq!(fleet.live_claims(), 0);
    claimed(&fleet, "", &["--literal", "docs/a.md", "docs/b.md"]).unwrap();
    assert_eq!(fleet.live_claims(), 2);
    claimed(&fleet, "", &["docs/a.md", "docs/c.md"]).unwrap();
}

#[test]
fn without_a_repository_a_path_is_as_given() {
    let fleet = Fleet::new();
    let folder = fleet.outside().join("plain");
    fs::create_dir(&folder).unwrap();
    let say = |typed: &str| {
        let output = fleet
            .command(&["claim", typed, "--agent", "alpha"])
            .current_dir(&folder)
            .output();
        Said::from(output.unwrap())
    };
    let granted = say("./docs//a.md");
    assert!(
        granted.out.starts_with("granted docs/a.md to alpha"),
        "{granted:?}"
    );
    for typed in ["../x", "/etc/passwd"] {
        let refused = say(typed);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(
            refused.err.contains("no git repository here"),
            "{refused:?}"
        );
    }
}

#[test]
fn the_workspace_is_the_remotes_name_unless_it_is_said() {
    let fleet = Fleet::new();
    fs::write(
        fleet.repository().join(".git/config"),
        "[remote \"origin\"]\n\turl = git@example.org:team/board.git\n",
    )
    .unwrap();
    let workspace = |set: Option<&str>, arguments: &[&str]| {
        let mut command = fleet.command(&["claim", "x", "--agent", "alpha", "--json"]);
        command.args(arguments);
        if let Some(set) = set {
            command.env("CLAIMBOARD_WORKSPACE", set);
        }
        let said = Said::from(command.output().unwrap());
        let answer: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        answer["workspace"].as_str().unwrap().to_owned()
    };
    assert_eq!(workspace(None, &[]), "board");
    assert_eq!(workspace(Some("set"), &[]), "set");
    assert_eq!(workspace(Some("set"), &["--workspace", "said"]), "said");
    fs::remove_file(fleet.repository().join(".git/config")).unwrap();
    assert_eq!(workspace(None, &[]), "default");
}
