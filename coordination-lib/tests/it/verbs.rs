//! Each verb's answers, one agent at a time.

use std::time::Duration;

use coordination::{
    ClaimOutcome, ClaimRequest, Held, LogEntry, ReleaseOutcome, RenewOutcome, Session,
};

use crate::database;

#[tokio::test]
async fn claim_renew_release() {
    let pool = database::migrated(4).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let beta = Session::open(&pool, "beta", "demo").await.unwrap();

    let ClaimOutcome::Granted(mut claim) = alpha
        .claim(ClaimRequest::new("modules/power/").reason("batteries"))
        .await
        .unwrap()
    else {
        panic!("nobody else is there");
    };
    assert_eq!(claim.resource(), "modules/power/*");
    let ClaimOutcome::Held(Held { holders, .. }) = beta
        .claim(ClaimRequest::new("modules/power/battery.md"))
        .await
        .unwrap()
    else {
        panic!("alpha holds the subtree");
    };
    assert_eq!(holders.len(), 1);
    assert_eq!(
        (holders[0].agent.as_str(), holders[0].token),
        ("alpha", claim.token())
    );
    assert_eq!(holders[0].overlap, "modules/power/battery.md");

    let logged = alpha
        .log(
            LogEntry::progress("two of five")
                .task("modules")
                .steps(2, 5)
                .resource("modules/power/x.md"),
        )
        .await
        .unwrap();
    assert_eq!(logged.claim, Some(claim.id()));
    let before = claim.expires_at();
    assert_eq!(
        alpha
            .renew(&mut claim, Duration::from_mins(30))
            .await
            .unwrap(),
        RenewOutcome::Renewed
    );
    assert!(claim.expires_at() > before);
    let held = beta.holders("*").await.unwrap();
    assert_eq!(held[0].progress.as_deref(), Some("two of five"));

    let token = claim.token();
    assert_eq!(
        alpha.release(claim).await.unwrap(),
        ReleaseOutcome::Released
    );
    let ClaimOutcome::Granted(claim) = beta
        .claim(ClaimRequest::new("modules/power/battery.md"))
        .await
        .unwrap()
    else {
        panic!("alpha gave it back");
    };
    assert!(claim.token() > token);
}
