use chrono::Utc;
use coordination::{Resource, SessionId};

use super::{Live, Objection, objections};

const ME: SessionId = SessionId(1);

fn live(session: i64, resource: &str, shared: bool) -> Live {
    Live {
        session_id: SessionId(session),
        agent: format!("agent{session}"),
        resource: resource.to_owned(),
        shared,
        expires_at: Utc::now(),
        reason: None,
    }
}

#[test]
fn others_hold_it_or_nobody_claimed_it() {
    let check = |live: &[Live], session, expected: &str| {
        let names = [Resource::parse("docs/a.md").unwrap()];
        let found = match objections(&names, live, session).first() {
            None => "fine".to_owned(),
            Some((_, Objection::Unclaimed)) => "unclaimed".to_owned(),
            Some((_, Objection::Held(claim))) => claim.agent.clone(),
        };
        assert_eq!(found, expected, "{live:?}");
    };
    check(&[], Some(ME), "unclaimed");
    check(&[live(1, "docs/*", false)], Some(ME), "fine");
    check(&[live(1, "docs/a.md/x", false)], Some(ME), "unclaimed");
    check(&[live(2, "docs/*", false)], Some(ME), "agent2");
    check(&[live(2, "docs/*", false)], None, "agent2");
    check(&[live(1, "docs/*", false)], None, "agent1");
    check(&[live(2, "src/*", false)], Some(ME), "unclaimed");
    check(&[live(2, "docs/a.md", true)], Some(ME), "agent2");
    check(
        &[live(1, "docs/*", true), live(2, "docs/a.md", true)],
        Some(ME),
        "fine",
    );
    check(
        &[live(1, "docs/*", true), live(2, "docs/a.md", false)],
        Some(ME),
        "agent2",
    );
}
