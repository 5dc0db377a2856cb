//! Which edits were made without a claim, and which under somebody else's.

use serde_json::Value;

use crate::hooks::Repository;

#[test]
fn edits_without_a_claim_and_under_somebody_elses_are_found() {
    let repository = Repository::new();
    let fleet = &repository.fleet;
    let audit = |code, range: &str| fleet.json(code, &["audit", "--git", range]);
    assert_eq!(repository.commit("", "base", "x").code, 0);
    repository.git("", &["tag", "base"]);
    assert_eq!(audit(0, "base..")["commits"], 0);

    fleet.json(0, &["hook", "install"]);
    fleet.json(0, &["claim", "docs/", "--agent", "alpha"]);
    repository.commit("alpha", "docs/a.md", "1");
    let fine = audit(0, "base..");
    assert_eq!(
        (&fine["files"], &fine["offences"]),
        (&1.into(), &Value::Array(vec![]))
    );

    repository.commit("alpha", "src/x.rs", "1");
    fleet.json(0, &["release", "--all", "--agent", "alpha"]);
    fleet.json(0, &["claim", "docs/", "--agent", "beta"]);
    repository.write("docs/a.md", "2");
    repository.git("alpha", &["add", "."]);
    // A little later, so that no difference of clocks can excuse it.
    let soon = chrono::Utc::now() + chrono::TimeDelta::seconds(30);
    let date = format!("--date={}", soon.to_rfc3339());
    repository.git(
        "alpha",
        &[
            "commit",
            "--no-verify",
            "--quiet",
            "-m",
            "past the guard",
            &date,
        ],
    );
    let answer = audit(3, "base..");
    assert_eq!(answer["commits"], 3);
    let offences: Vec<(&str, &str, &str)> = answer["offences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["path"].as_str().unwrap(),
                one["offence"].as_str().unwrap(),
                one["holder"].as_str().unwrap_or("nobody"),
            )
        })
        .collect();
    assert_eq!(
        offences,
        [
            ("docs/a.md", "held", "beta"),
            ("src/x.rs", "unclaimed", "nobody")
        ]
    );
    assert_eq!(answer["offences"][0]["agent"], "alpha");
    let text = fleet.say(&["audit", "--git", "base.."]);
    assert_eq!(text.code, 3);
    assert!(
        text.out.contains("under the claim of beta on docs/"),
        "{text:?}"
    );
    assert!(
        text.out.contains("2 of 3 edits in 3 commits are offences"),
        "{text:?}"
    );
}

#[test]
fn a_commit_of_nobody_known_is_judged_only_where_nobody_held_the_file() {
    let repository = Repository::new();
    let fleet = &repository.fleet;
    repository.commit("", "base", "x");
    fleet.json(0, &["claim", "docs/", "--agent", "beta"]);
    repository.commit("", "docs/a.md", "1");
    repository.commit("", "src/x.rs", "1");
    let answer = fleet.json(3, &["audit", "--git", "HEAD~2.."]);
    assert_eq!(answer["unattributed"], 1);
    assert_eq!(answer["offences"][0]["path"], "src/x.rs");
    assert_eq!(answer["offences"][0]["agent"], Value::Null);
    // The author's name says who it was.
    repository.write("docs/a.md", "2");
    repository.git("", &["add", "."]);
    repository.git(
        "",
        &[
            "commit",
            "--quiet",
            "-m",
            "x",
            "--author",
            "beta <b@example.org>",
        ],
    );
    assert_eq!(fleet.json(0, &["audit", "--git", "HEAD~1.."])["files"], 1);
}

#[test]
fn a_range_that_is_none_is_refused() {
    let repository = Repository::new();
    for range in ["nowhere..", "--output=/tmp/x", ""] {
        let said = repository.fleet.say(&["audit", &format!("--git={range}")]);
        assert_eq!(said.code, 2, "{range}: {said:?}");
        assert!(said.err.contains("name a range"), "{range}: {said:?}");
    }
}
