//! Many at once, and never two on the same ground.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use coordination::{
    ClaimOutcome, ClaimRequest, Error, Held, ReleaseOutcome, Session, verify_history,
};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use sqlx::{Connection, PgPool};

use crate::database;

const TASKS: u32 = 20;
const ROUNDS: usize = 60;

/// The leaves, and every wish that covers some of them.
const LEAVES: [&str; 6] = [
    "modules/power/battery.md",
    "modules/power/solar.md",
    "modules/power",
    "modules/index.md",
    "docs.md",
    "docs/a",
];
const WISHES: [&str; 11] = [
    "modules/power/battery.md",
    "modules/power/solar.md",
    "modules/power",
    "modules/index.md",
    "docs.md",
    "docs/a",
    "modules/power/*",
    "modules/",
    "docs*",
    "docs/**",
    "*",
];

/// What tasks of this process hold right now, by the tasks' own account: -1 exclusive, n sharers.
#[derive(Default)]
struct Occupancy(Mutex<HashMap<&'static str, i64>>);

impl Occupancy {
    fn enter(&self, wish: &str, shared: bool) {
        let mut held = self.0.lock().unwrap();
        for leaf in covered(wish) {
            let count = held.entry(leaf).or_default();
            assert!(
                if shared { *count >= 0 } else { *count == 0 },
                "{leaf} is held twice: {count} and now {wish}"
            );
            *count += if shared { 1 } else { -1 };
        }
    }

    fn leave(&self, wish: &str, shared: bool) {
        let mut held = self.0.lock().unwrap();
        for leaf in covered(wish) {
            *held.entry(leaf).or_default() -= if shared { 1 } else { -1 };
        }
    }
}

fn covered(wish: &str) -> impl Iterator<Item = &'static str> {
    let wish = coordination::Resource::parse(wish).unwrap();
    LEAVES
        .into_iter()
        .filter(move |leaf| wish.covers(&coordination::Resource::parse(leaf).unwrap()))
}

#[derive(Default)]
struct Counts {
    granted: AtomicU32,
    refused: AtomicU32,
    retried: AtomicU32,
}

impl Counts {
    fn add(counter: &AtomicU32) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_shares_ground_with_a_rival() {
    let pool = database::migrated(TASKS + 2).await;
    let occupancy = Arc::new(Occupancy::default());
    let counts = Arc::new(Counts::default());
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..TASKS {
        tasks.spawn(compete(
            pool.clone(),
            number,
            Arc::clone(&occupancy),
            Arc::clone(&counts),
        ));
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }

    let history = verify_history(&pool).await.unwrap();
    assert_eq!(history.offence, None);
    assert_eq!(
        history.claims,
        i64::from(counts.granted.load(Ordering::Relaxed))
    );
    assert!(
        counts.granted.load(Ordering::Relaxed) > 100,
        "the tasks were to get something done"
    );
    assert!(
        counts.refused.load(Ordering::Relaxed) > 100,
        "the tasks were to collide"
    );
    assert!(
        coordination::holders_in(&pool, "*", "race")
            .await
            .unwrap()
            .is_empty()
    );
}

/// Claims, holds for a moment, releases; in every isolation level, sometimes inside a longer transaction, sometimes rolled back.
async fn compete(pool: PgPool, number: u32, occupancy: Arc<Occupancy>, counts: Arc<Counts>) {
    let mut random = rand::rngs::SmallRng::seed_from_u64(u64::from(number));
    let session = Session::open(&pool, &format!("agent-{}", number % 7), "race")
        .await
        .unwrap();
    let isolation = [
        "READ COMMITTED",
        "READ COMMITTED",
        "REPEATABLE READ",
        "SERIALIZABLE",
    ][usize::try_from(number % 4).unwrap()];
    let mut connection = pool.acquire().await.unwrap();
    for _ in 0..ROUNDS {
        let wish = *WISHES.choose(&mut random).unwrap();
        let shared = random.random_bool(0.3);
        let request = if shared {
            ClaimRequest::new(wish).shared()
        } else {
            ClaimRequest::new(wish)
        };
        let mut transaction = connection.begin().await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "SET TRANSACTION ISOLATION LEVEL {isolation}"
        )))
        .execute(&mut *transaction)
        .await
        .unwrap();
        let outcome = match session.claim_in(&mut transaction, request).await {
            Ok(outcome) => outcome,
            Err(Error::Retry(_)) => {
                Counts::add(&counts.retried);
                continue;
            }
            Err(other) => panic!("{other}: {:?}", std::error::Error::source(&other)),
        };
        let ClaimOutcome::Granted(claim) = outcome else {
            Counts::add(&counts.refused);
            transaction.commit().await.unwrap();
            continue;
        };
        if random.random_bool(0.1) {
            transaction.rollback().await.unwrap();
            continue;
        }
        if random.random_bool(0.2) {
            tokio::time::sleep(std::time::Duration::from_millis(random.random_range(0..20))).await;
        }
        match transaction.commit().await.map_err(Error::from) {
            Ok(()) => {}
            Err(Error::Retry(_)) => {
                Counts::add(&counts.retried);
                continue;
            }
            Err(other) => panic!("{other}"),
        }
        Counts::add(&counts.granted);
        occupancy.enter(wish, shared);
        tokio::time::sleep(std::time::Duration::from_millis(random.random_range(0..3))).await;
        occupancy.leave(wish, shared);
        // Released at READ COMMITTED: an ending has no reason to be retried.
        assert_eq!(
            session.release_in(&mut connection, claim).await.unwrap(),
            ReleaseOutcome::Released
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pool_never_has_more_holders_than_slots() {
    const SLOTS: i64 = 4;
    let pool = database::migrated(18).await;
    Session::open(&pool, "operator", "race").await.unwrap();
    sqlx::query("SELECT coordination.set_slots('gpu', 4, 'race')")
        .execute(&pool)
        .await
        .unwrap();
    let first = Session::open(&pool, "first", "race").await.unwrap();
    let mut slots = Vec::new();
    for _ in 0..SLOTS {
        let ClaimOutcome::Granted(claim) =
            first.claim(ClaimRequest::new("gpu").slot()).await.unwrap()
        else {
            panic!("a slot is free");
        };
        slots.push(claim);
    }
    let ClaimOutcome::Held(Held { holders, .. }) =
        first.claim(ClaimRequest::new("gpu").slot()).await.unwrap()
    else {
        panic!("all slots are taken");
    };
    assert_eq!(holders.len(), 4);
    let rival = Session::open(&pool, "rival", "race").await.unwrap();
    assert!(
        matches!(
            rival.claim(ClaimRequest::new("gpu")).await.unwrap(),
            ClaimOutcome::Held(_)
        ),
        "nor is the whole pool to be had"
    );
    for claim in slots {
        assert_eq!(
            first.release(claim).await.unwrap(),
            ReleaseOutcome::Released
        );
    }
    let ClaimOutcome::Granted(whole) = rival.claim(ClaimRequest::new("gpu")).await.unwrap() else {
        panic!("the pool is free");
    };
    assert!(matches!(
        first.claim(ClaimRequest::new("gpu").slot()).await.unwrap(),
        ClaimOutcome::Held(_)
    ));
    assert_eq!(
        rival.release(whole).await.unwrap(),
        ReleaseOutcome::Released
    );

    let held = Arc::new(AtomicI64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..16 {
        let (pool, held) = (pool.clone(), Arc::clone(&held));
        tasks.spawn(async move {
            // Pairs of tasks are one session: a session's own slots exclude each other as well.
            let session = Session::open(&pool, &format!("agent-{}", number / 2), "race")
                .await
                .unwrap();
            let mut granted = 0;
            for _ in 0..40 {
                if let ClaimOutcome::Granted(claim) = session
                    .claim(ClaimRequest::new("gpu").slot())
                    .await
                    .unwrap()
                {
                    assert!((1..=4).contains(&claim.slot().unwrap()));
                    let now = held.fetch_add(1, Ordering::SeqCst) + 1;
                    assert!(now <= SLOTS, "{now} hold one of {SLOTS} slots");
                    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                    held.fetch_sub(1, Ordering::SeqCst);
                    assert_eq!(
                        session.release(claim).await.unwrap(),
                        ReleaseOutcome::Released
                    );
                    granted += 1;
                }
            }
            granted
        });
    }
    let mut granted = SLOTS + 1;
    while let Some(count) = tasks.join_next().await {
        granted += count.unwrap();
    }
    let history = verify_history(&pool).await.unwrap();
    assert_eq!((history.offence, history.claims), (None, granted));
}

/// Leases end under their holders all the time, by a moved clock, while wide and narrow takers race to close and take them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn expiry_and_renewal_race_without_double_grants() {
    let pool = database::migrated(20).await;
    let mut tasks = tokio::task::JoinSet::new();
    let taken_over = Arc::new(AtomicU32::new(0));
    let lost = Arc::new(AtomicU32::new(0));
    for number in 0..16u64 {
        let (pool, taken_over, lost) = (pool.clone(), Arc::clone(&taken_over), Arc::clone(&lost));
        tasks.spawn(async move {
            let mut random = rand::rngs::SmallRng::seed_from_u64(number);
            let session = Session::open(&pool, "agent", "race").await.unwrap();
            for _ in 0..40 {
                let wish = *WISHES.choose(&mut random).unwrap();
                let ClaimOutcome::Granted(mut claim) = session.claim(ClaimRequest::new(wish)).await.unwrap() else {
                    continue;
                };
                taken_over.fetch_add(u32::try_from(claim.predecessors().len()).unwrap(), Ordering::Relaxed);
                if random.random_bool(0.5) {
                    sqlx::query("UPDATE coordination.claims SET expires_at = clock_timestamp() WHERE id = $1 AND released_at IS NULL")
                        .bind(claim.id())
                        .execute(&pool)
                        .await
                        .unwrap();
                }
                if matches!(session.renew(&mut claim, std::time::Duration::from_mins(1)).await.unwrap(), coordination::RenewOutcome::Lost(_)) {
                    lost.fetch_add(1, Ordering::Relaxed);
                    // Left for others to close, as a dead agent would.
                    continue;
                }
                let _ = session.release(claim).await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(verify_history(&pool).await.unwrap().offence, None);
    assert!(
        taken_over.load(Ordering::Relaxed) > 10,
        "expired claims were to be taken over"
    );
    assert!(lost.load(Ordering::Relaxed) > 10, "leases were to be lost");
}

/// In Postgres, a search of an exclusion constraint's index that begins again within a statement can mark the entries of other rows as dead when a
/// page was split meanwhile; the constraint does not see those rows any more. So no statement may search that index twice. Here one that looks at
/// every part of a refused subtree is held up in its midst, while others' claims split the page.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_claim_is_hidden_from_the_constraint_by_a_search_that_begins_again() {
    let pool = database::migrated(6).await;
    sqlx::raw_sql(
        "ALTER FUNCTION coordination.parse_resource(text) RENAME TO parse_at_once;
         CREATE FUNCTION coordination.parse_resource(spelling text) RETURNS coordination.parsed_resource LANGUAGE plpgsql AS $$
         BEGIN
           WHILE spelling = 'area/middle' AND pg_try_advisory_xact_lock_shared(1) AND NOT pg_try_advisory_xact_lock_shared(2) LOOP
             PERFORM pg_sleep(0.002);
           END LOOP;
           RETURN coordination.parse_at_once(spelling);
         END $$",
    )
    .execute(&pool)
    .await
    .unwrap();
    let holder = Session::open(&pool, "holder", "race").await.unwrap();
    let claim = async |name: String| match holder.claim(ClaimRequest::new(name)).await.unwrap() {
        ClaimOutcome::Granted(claim) => claim,
        other => panic!("nobody else claims here: {other:?}"),
    };
    let gone = async |number: u32| {
        let claim = claim(format!("area/gone{number}")).await;
        assert_eq!(
            holder.release(claim).await.unwrap(),
            ReleaseOutcome::Released
        );
    };
    // These stand first on the page; the split moves them to another one, and the rest up.
    let mut held = Vec::new();
    for number in 0..8 {
        held.push(claim(format!("zone/{number}")).await);
    }
    held.push(claim("area/first".to_owned()).await);
    for number in 0..10 {
        gone(number).await;
    }
    held.push(claim("area/middle".to_owned()).await);
    for number in 10..40 {
        gone(number).await;
    }

    let mut gate = pool.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(2)")
        .execute(&mut *gate)
        .await
        .unwrap();
    let wide = Session::open(&pool, "wide", "race").await.unwrap();
    let refused =
        tokio::spawn(async move { wide.claim(ClaimRequest::new("area/*")).await.unwrap() });
    while !sqlx::query_scalar::<_, bool>("SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))")
        .fetch_one(&mut *gate)
        .await
        .unwrap()
    {
        assert!(!refused.is_finished(), "it passed the middle without a halt");
    }
    for number in 0..200 {
        held.push(claim(format!("area/new{number}")).await);
    }
    gate.rollback().await.unwrap();
    assert!(matches!(refused.await.unwrap(), ClaimOutcome::Held(_)));

    let rival = Session::open(&pool, "rival", "race").await.unwrap();
    for claim in &held {
        let name = claim.resource();
        let answer = rival.claim(ClaimRequest::new(name)).await.unwrap();
        assert!(
            matches!(answer, ClaimOutcome::Held(_)),
            "{name} was granted twice"
        );
    }
}
