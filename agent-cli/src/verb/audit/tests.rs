use chrono::{DateTime, TimeDelta, Utc};
use coordination::{ClaimId, PastClaim, Resource};

use super::{Commit, Verdict, agent_of, commits, judge};

fn minute(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}

fn claim(
    agent: &str,
    resource: &str,
    from: i64,
    to: Option<i64>,
    mode: &str,
) -> (PastClaim, Resource) {
    let past = PastClaim {
        claim_id: ClaimId(1),
        agent: agent.to_owned(),
        resource: resource.to_owned(),
        mode: mode.to_owned(),
        acquired_at: minute(from),
        expires_at: minute(to.unwrap_or(1000)),
        ended_at: to.map(minute),
        ending: None,
        ended_by: None,
        reason: None,
    };
    (past, Resource::parse(resource).unwrap())
}

#[test]
fn an_edit_is_judged_by_who_held_it_then() {
    let check = |claims: &[_], at: i64, agent: Option<&str>, expected: Verdict| {
        let name = Resource::parse("docs/a.md").unwrap();
        let grace = TimeDelta::minutes(5);
        assert_eq!(
            judge(&name, minute(at), agent, claims, grace),
            expected,
            "{claims:?} at {at}"
        );
    };
    let mine = claim("alpha", "docs/*", 10, Some(20), "exclusive");
    let theirs = claim("beta", "docs/a.md", 21, None, "exclusive");
    let both = [mine, theirs];
    check(&both, 15, Some("alpha"), Verdict::Fine);
    check(&both, 20, Some("alpha"), Verdict::Fine);
    check(&both, 9, Some("alpha"), Verdict::Unclaimed);
    check(&both[..1], 24, Some("alpha"), Verdict::Fine);
    check(&both[..1], 26, Some("alpha"), Verdict::Unclaimed);
    check(&both, 24, Some("alpha"), Verdict::Held(1));
    check(&both, 30, Some("beta"), Verdict::Fine);
    check(&both, 15, Some("beta"), Verdict::Held(0));
    check(&both, 15, None, Verdict::Unattributed);
    check(&both, 5, None, Verdict::Unclaimed);
    let shared = [
        claim("alpha", "docs/*", 10, None, "shared"),
        claim("beta", "docs/*", 10, None, "shared"),
    ];
    check(&shared, 15, Some("alpha"), Verdict::Fine);
    check(&shared, 15, Some("gamma"), Verdict::Held(0));
}

#[test]
fn a_commit_is_read_and_its_agent_found() {
    let log = "\x1ea1\x1f1970-01-01T00:10:00+00:00\x1fAl\x1fbeta@host\x1fone\x1dtwo\x1fsubject\x1f\0\ndocs/a b.md\0src/x\0\x1ea2\x1f1970-01-01T02:00:00+02:00\x1fAl\x1fbeta@host\x1f\x1fmore\x1f";
    let read = commits(log);
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].at, minute(10));
    assert_eq!(read[0].files, ["docs/a b.md", "src/x"]);
    assert_eq!(
        read[1],
        Commit {
            hash: "a2".into(),
            at: minute(0),
            author: "Al".into(),
            address: "beta@host".into(),
            trailer: String::new(),
            subject: "more".into(),
            files: vec![]
        }
    );
    let agents = ["beta".to_owned()];
    assert_eq!(agent_of(&read[0], &agents), Some("two"));
    assert_eq!(agent_of(&read[1], &agents), Some("beta"));
    assert_eq!(agent_of(&read[1], &[]), None);
}
