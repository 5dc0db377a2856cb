//! Which wish stands in the way of which, seen through the database.

use coordination::{ClaimOutcome, ClaimRequest, Resource, Session};

use crate::database;

const SPELLINGS: [&str; 14] = [
    "modules/power/*",
    "modules/power/battery.md",
    "modules/power",
    "modules/power.md",
    "modules/po*",
    "modules/**",
    "modules",
    "docs*",
    "docs.md",
    "docs/",
    "table:modules",
    "table:*",
    "*",
    "é/\u{10FFFF}*",
];

/// The table that a person would write, for the pairs that were once wrong or could be.
#[tokio::test]
async fn overlaps_are_what_people_mean() {
    let pool = database::migrated(2).await;
    for (one, other, overlap) in [
        ("modules/power/*", "modules/power/battery.md", true),
        ("modules/power/*", "modules/power", true),
        ("modules/power/*", "modules/power.md", false),
        ("modules/po*", "modules/power", true),
        ("docs*", "docs.md", true),
        ("docs/*", "docs.md", false),
        ("table:*", "table:modules", true),
        ("*", "table:modules", true),
        ("src/*/mod.rs", "src/main.rs", true),
        ("a", "A", false),
        ("app/\\[slug\\]/page.tsx", "app/[slug]/page.tsx", true),
        ("app/\\[slug\\]/page.tsx", "app/s/page.tsx", false),
    ] {
        assert_eq!(
            collide(&pool, one, other).await,
            overlap,
            "{one} and {other}"
        );
        assert_eq!(
            collide(&pool, other, one).await,
            overlap,
            "{other} and {one}"
        );
    }
}

/// The pure rule and the constraint agree on every pair.
#[tokio::test]
async fn library_and_constraint_agree() {
    let pool = database::migrated(2).await;
    for one in SPELLINGS {
        for other in SPELLINGS {
            let pure = Resource::parse(one)
                .unwrap()
                .overlaps(&Resource::parse(other).unwrap());
            assert_eq!(collide(&pool, one, other).await, pure, "{one} and {other}");
        }
    }
}

#[tokio::test]
async fn modes_and_owners() {
    let pool = database::migrated(2).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let again = Session::open(&pool, "alpha", "demo").await.unwrap();
    let elsewhere = Session::open(&pool, "alpha", "other").await.unwrap();
    assert_eq!((alpha.incarnation(), again.incarnation()), (1, 2));

    let shared = granted(&alpha, ClaimRequest::new("a/*").shared()).await;
    // Upgrade without a gap: claim the new, then release the old.
    let exclusive = granted(&alpha, ClaimRequest::new("a/b")).await;
    assert!(
        held(&again, ClaimRequest::new("a/b").shared()).await,
        "an earlier self is somebody else"
    );
    let sharer = granted(&again, ClaimRequest::new("a/c").shared()).await;
    assert!(
        held(&alpha, ClaimRequest::new("a/*")).await,
        "the sharer stands in the way of the upgrade"
    );
    let _ = granted(&elsewhere, ClaimRequest::new("*")).await;
    for (session, claim) in [(&alpha, shared), (&alpha, exclusive), (&again, sharer)] {
        assert_eq!(
            session.release(claim).await.unwrap(),
            coordination::ReleaseOutcome::Released
        );
    }
}

async fn granted(session: &Session, request: ClaimRequest) -> coordination::Claim {
    match session.claim(request).await.unwrap() {
        ClaimOutcome::Granted(claim) => claim,
        other => panic!("not granted: {other:?}"),
    }
}

async fn held(session: &Session, request: ClaimRequest) -> bool {
    matches!(session.claim(request).await.unwrap(), ClaimOutcome::Held(_))
}

/// Whether two rivals' exclusive wishes exclude each other; leaves nothing behind.
async fn collide(pool: &sqlx::PgPool, one: &str, other: &str) -> bool {
    let mut transaction = pool.begin().await.unwrap();
    let mut outcomes = Vec::new();
    for (agent, resource) in [("one", one), ("other", other)] {
        let (outcome,): (String,) =
            sqlx::query_as("SELECT outcome FROM coordination.claim($1, $2)")
                .bind(resource)
                .bind(agent)
                .fetch_one(&mut *transaction)
                .await
                .unwrap();
        outcomes.push(outcome);
    }
    transaction.rollback().await.unwrap();
    assert_eq!(outcomes[0], "granted");
    outcomes[1] == "held"
}
