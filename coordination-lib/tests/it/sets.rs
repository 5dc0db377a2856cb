//! Several resources, all or none.

use coordination::{ClaimRequest, Held, Session, SetOutcome, verify_history};
use rand::seq::{IndexedRandom, SliceRandom};

use crate::database;

#[tokio::test]
async fn all_or_none_in_canonical_order() {
    let pool = database::migrated(4).await;
    let alpha = Session::open(&pool, "alpha", "demo").await.unwrap();
    let beta = Session::open(&pool, "beta", "demo").await.unwrap();
    let SetOutcome::Granted(claims) = alpha
        .claim_all(&["a/*", "a/b", "./z", "a/"], ClaimRequest::new("z"))
        .await
        .unwrap()
    else {
        panic!("free")
    };
    let names: Vec<_> = claims.iter().map(coordination::Claim::resource).collect();
    assert_eq!(
        names,
        ["a/*", "z"],
        "covered members and other spellings are left out"
    );
    let SetOutcome::Held(Held { holders, .. }) = beta
        .claim_all(&["b", "a/b"], ClaimRequest::new("c"))
        .await
        .unwrap()
    else {
        panic!("a/* is held")
    };
    assert_eq!((holders.len(), holders[0].overlap.as_str()), (1, "a/b"));
    assert!(
        beta.claims().await.unwrap().is_empty(),
        "none of the others stands"
    );
    assert_eq!(verify_history(&pool).await.unwrap().offence, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sets_in_any_order_never_deadlock() {
    let pool = database::migrated(16).await;
    let (before,): (i64,) = deadlocks(&pool).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..12u64 {
        let pool = pool.clone();
        tasks.spawn(async move {
            let session = Session::open(&pool, &format!("agent-{number}"), "race")
                .await
                .unwrap();
            let mut granted = 0u32;
            for _ in 0..40 {
                let mut wishes: Vec<&str> = ["a", "b/*", "c", "d", "e/f", "g*"]
                    .sample(&mut rand::rng(), 3)
                    .copied()
                    .collect();
                wishes.shuffle(&mut rand::rng());
                let mut transaction = pool.begin().await.unwrap();
                // Longer than deadlock_timeout, so that a deadlock would show and not pass for busy.
                sqlx::query("SET LOCAL coordination.busy_after = '10 s'")
                    .execute(&mut *transaction)
                    .await
                    .unwrap();
                let outcome = session
                    .claim_all_in(&mut transaction, &wishes[1..], ClaimRequest::new(wishes[0]))
                    .await
                    .unwrap();
                transaction.commit().await.unwrap();
                match outcome {
                    SetOutcome::Granted(claims) => {
                        granted += 1;
                        for claim in claims {
                            let _ = session.release(claim).await.unwrap();
                        }
                    }
                    SetOutcome::Held(_) | SetOutcome::Waiting(_) => {}
                    SetOutcome::Busy => panic!("nothing here waits for ten seconds"),
                }
            }
            granted
        });
    }
    let mut granted = 0;
    while let Some(count) = tasks.join_next().await {
        granted += count.unwrap();
    }
    assert!(granted > 20, "{granted} sets were granted");
    assert_eq!(deadlocks(&pool).await.0, before);
    assert_eq!(verify_history(&pool).await.unwrap().offence, None);
}

async fn deadlocks(pool: &sqlx::PgPool) -> (i64,) {
    sqlx::query_as("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        .fetch_one(pool)
        .await
        .unwrap()
}
