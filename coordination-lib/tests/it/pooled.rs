//! Through a pooler in transaction mode. Needs one: `make conformance` runs this with `PgBouncer`.

use std::time::Duration;

use coordination::{
    ClaimOutcome, ClaimRequest, LogEntry, ReleaseOutcome, RenewOutcome, Session, SetOutcome,
};
use sqlx::PgPool;
use tokio::task::JoinSet;

const AGENTS: usize = 8;
const ROUNDS: usize = 20;

/// `POOLED` is the pooler's URL. Many agents share few connections of the server's, so each call meets those of others.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a pooler in POOLED: make conformance"]
async fn every_verb_works_while_others_use_the_same_connections() {
    let url = std::env::var("POOLED").expect("POOLED is the pooler's URL");
    let mut agents = JoinSet::new();
    for number in 0..AGENTS {
        let url = url.clone();
        agents.spawn(async move { work(&url, number).await });
    }
    while let Some(ended) = agents.join_next().await {
        ended.expect("every call is answered as it was asked");
    }
    let pool = PgPool::connect(&url).await.unwrap();
    let history = coordination::verify_history(&pool).await.unwrap();
    assert_eq!(history.offence, None);
    let granted = i64::try_from(AGENTS * ROUNDS * 3).unwrap();
    assert_eq!(history.claims, granted, "nothing was granted by mistake");
}

async fn work(url: &str, number: usize) {
    let options = url.parse().unwrap();
    let pool = coordination::connect(options).await.unwrap();
    let session = Session::open(&pool, &format!("agent{number}"), "pooled")
        .await
        .unwrap();
    for round in 0..ROUNDS {
        let own = format!("own/{number}/{round}");
        let ClaimOutcome::Granted(mut claim) = session
            .claim(ClaimRequest::new(own.as_str()))
            .await
            .unwrap()
        else {
            panic!("{own} is nobody else's")
        };
        let renewed = session.renew(&mut claim, Duration::from_mins(20)).await;
        assert_eq!(renewed.unwrap(), RenewOutcome::Renewed);
        let logged = session
            .log(LogEntry::note(format!("round {round}")))
            .await
            .unwrap();
        assert!(logged.lost.is_none());
        let holders = session.holders(&own).await.unwrap();
        assert_eq!(holders.len(), 1, "{holders:?}");
        assert_eq!(holders[0].claim_id, claim.id());

        let pair = [format!("{own}/a"), format!("{own}/b")];
        let pair = [pair[0].as_str(), pair[1].as_str()];
        let again = Session::resume(&pool, session.secret()).await.unwrap();
        let SetOutcome::Granted(set) = again
            .claim_all(&pair, ClaimRequest::new(pair[0]))
            .await
            .unwrap()
        else {
            panic!("both are nobody else's")
        };
        assert_eq!(again.claims().await.unwrap().len(), 3);

        let mut transaction = pool.begin().await.unwrap();
        session
            .assert_in(&mut transaction, &claim, &own)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        for claim in set.into_iter().chain([claim]) {
            let released = session.release(claim).await.unwrap();
            assert_eq!(released, ReleaseOutcome::Released);
        }
    }
}
