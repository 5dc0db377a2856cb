//! Standing in line: in order, across broken connections, without circles, and without waiting for the dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use coordination::{
    Claim, ClaimOutcome, ClaimRequest, Error, Held, Refusal, ReleaseOutcome, Session, SetOutcome,
    TicketId, Waiting, verify_history,
};
use sqlx::PgPool;

use crate::database;

const LONG: Duration = Duration::from_mins(1);
/// Long enough for one poll, which writes the ticket.
const BRIEF: Duration = Duration::from_millis(1);

async fn granted(session: &Session, resource: &str) -> Claim {
    match session.claim(ClaimRequest::new(resource)).await.unwrap() {
        ClaimOutcome::Granted(claim) => claim,
        other => panic!("not granted: {other:?}"),
    }
}

async fn waiting(session: &Session, request: ClaimRequest) -> Waiting {
    match session.claim(request.wait(BRIEF)).await.unwrap() {
        ClaimOutcome::Waiting(waiting) => waiting,
        other => panic!("not waiting: {other:?}"),
    }
}

async fn held(session: &Session, resource: &str) -> Held {
    match session.claim(ClaimRequest::new(resource)).await.unwrap() {
        ClaimOutcome::Held(held) => held,
        other => panic!("not held: {other:?}"),
    }
}

async fn release(session: &Session, claim: Claim) {
    assert_eq!(
        session.release(claim).await.unwrap(),
        ReleaseOutcome::Released
    );
}

async fn tickets(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM coordination.tickets")
        .fetch_one(pool)
        .await
        .unwrap()
}

async fn until_tickets(pool: &PgPool, number: i64) {
    let started = Instant::now();
    while tickets(pool).await != number {
        assert!(
            started.elapsed() < LONG,
            "there were to be {number} tickets"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Lets a ticket's last poll be longer ago.
async fn age(pool: &PgPool, ticket: TicketId, by: &str) {
    sqlx::query(
        "UPDATE coordination.tickets SET polled_at = polled_at - $2::interval WHERE id = $1",
    )
    .bind(ticket)
    .bind(by)
    .execute(pool)
    .await
    .unwrap();
}

async fn sound(pool: &PgPool) {
    assert_eq!(verify_history(pool).await.unwrap().offence, None);
}

async fn sessions<const N: usize>(pool: &PgPool) -> [Session; N] {
    let mut all = Vec::new();
    for number in 0..N {
        let agent = format!("agent-{number}");
        all.push(Session::open(pool, &agent, "line").await.unwrap());
    }
    all.try_into().expect("as many as asked for")
}

#[tokio::test]
async fn the_line_is_served_in_order() {
    let pool = database::migrated(12).await;
    let [holder, first, second, third] = sessions(&pool).await;
    let claim = granted(&holder, "modules/power/*").await;
    let mut tasks = tokio::task::JoinSet::new();
    for (number, session) in [first, second, third].into_iter().enumerate() {
        tasks.spawn(async move {
            let request = ClaimRequest::new("modules/power/solar.md").wait(LONG);
            let ClaimOutcome::Granted(claim) = session.claim(request).await.unwrap() else {
                panic!("its turn comes")
            };
            let token = claim.token();
            release(&session, claim).await;
            (token, number)
        });
        until_tickets(&pool, i64::try_from(number).unwrap() + 1).await;
    }
    release(&holder, claim).await;
    let mut order = tasks.join_all().await;
    order.sort_unstable();
    assert_eq!(
        order.iter().map(|(_, number)| *number).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    assert_eq!(tickets(&pool).await, 0);
    sound(&pool).await;
}

#[tokio::test]
async fn who_waits_is_told_what_for() {
    let pool = database::migrated(4).await;
    let [holder, first, second] = sessions(&pool).await;
    let claim = granted(&holder, "modules/power/*").await;
    let wish = || ClaimRequest::new("modules/*").reason("an index");
    let place = waiting(&first, wish()).await;
    assert_eq!((place.position, place.held.ahead.len()), (1, 0));
    assert_eq!(place.held.holders[0].claim_id, claim.id());
    assert_eq!(place.held.holders[0].overlap, "modules/power/*");

    let behind = waiting(&second, ClaimRequest::new("modules/index.md")).await;
    assert_eq!((behind.position, behind.held.holders.len()), (2, 0));
    let ahead = &behind.held.ahead[0];
    assert_eq!(
        (ahead.ticket, ahead.agent.as_str()),
        (place.ticket, "agent-1")
    );
    assert_eq!(
        (ahead.overlap.as_str(), ahead.reason.as_deref()),
        ("modules/index.md", Some("an index"))
    );
    let again = waiting(&first, wish()).await;
    assert_eq!(again.ticket, place.ticket, "polled, not queued again");
    assert!(again.kept_until > place.kept_until);

    // Who does not wait may not pass those who do.
    let [stranger] = sessions(&pool).await;
    let refused = held(&stranger, "modules/index.md").await;
    assert_eq!((refused.holders.len(), refused.ahead.len()), (0, 2));
    let _ = granted(&stranger, "docs.md").await;
    assert_eq!(tickets(&pool).await, 2);
}

#[tokio::test]
async fn a_place_is_taken_up_again_after_a_disconnect() {
    let pool = database::migrated(4).await;
    let [holder, waiter, rival] = sessions(&pool).await;
    let claim = granted(&holder, "a").await;
    let place = waiting(&waiter, ClaimRequest::new("a")).await;
    let later = waiting(&rival, ClaimRequest::new("a")).await;
    let secret = waiter.secret();
    drop(waiter);
    release(&holder, claim).await;
    // The next in line is polling, but it is not its turn.
    assert_eq!(
        waiting(&rival, ClaimRequest::new("a")).await.ticket,
        later.ticket
    );

    let resumed = Session::resume(&pool, secret).await.unwrap();
    let request = ClaimRequest::new("a").wait(LONG);
    let ClaimOutcome::Granted(claim) = resumed.claim(request).await.unwrap() else {
        panic!("its place was kept")
    };
    assert!(
        !resumed.withdraw(place.ticket).await.unwrap(),
        "it is used up"
    );
    release(&resumed, claim).await;
    let ClaimOutcome::Granted(_) = rival.claim(ClaimRequest::new("a")).await.unwrap() else {
        panic!("nobody is left before it")
    };
    assert_eq!(
        tickets(&pool).await,
        0,
        "a claim without a wait uses its place up, too"
    );
    sound(&pool).await;
}

#[tokio::test]
async fn a_circle_of_two_or_three_is_refused_at_its_start() {
    let pool = database::migrated(8).await;
    let [a, b, c] = sessions(&pool).await;
    let _ = granted(&a, "of-a/*").await;
    let _ = granted(&b, "of-b").await;
    let _ = granted(&c, "of-c").await;
    let _ = waiting(&a, ClaimRequest::new("of-b")).await;
    let refused = b
        .claim(ClaimRequest::new("of-a/x").wait(LONG))
        .await
        .unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::Deadlock));
    assert_eq!(
        refused.to_string(),
        "this wait would never end: agent-1#1 would wait for 'of-a/*' held by agent-0#1, who waits for 'of-b' held by agent-1#1"
    );
    assert_eq!(tickets(&pool).await, 1, "the refused one left no ticket");

    let _ = waiting(&b, ClaimRequest::new("of-c")).await;
    let refused = c
        .claim(ClaimRequest::new("of-a/x").wait(LONG))
        .await
        .unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::Deadlock));
    assert!(
        refused.to_string().contains("agent-2#1 would wait for 'of-a/*' held by agent-0#1, who waits for 'of-b' held by agent-1#1, who waits for 'of-c' held by agent-2#1"),
        "{refused}"
    );
    // Nobody waits for ever who asks for a moment only.
    let held = held(&c, "of-a/x").await;
    assert_eq!(held.holders.len(), 1);
}

#[tokio::test]
async fn of_two_waits_that_cross_one_is_refused() {
    let pool = database::migrated(8).await;
    for round in 0..20 {
        let [a, b] = sessions(&pool).await;
        let (left, right) = (format!("left-{round}"), format!("right-{round}"));
        let (of_a, of_b) = (granted(&a, &left).await, granted(&b, &right).await);
        let mut waits = tokio::task::JoinSet::new();
        for (session, own, wish) in [(a, of_a, right), (b, of_b, left)] {
            waits.spawn(async move {
                match session.claim(ClaimRequest::new(wish).wait(LONG)).await {
                    Ok(ClaimOutcome::Granted(_)) => false,
                    Ok(other) => panic!("neither granted nor refused: {other:?}"),
                    Err(error) => {
                        assert_eq!(error.refusal(), Some(Refusal::Deadlock), "{error}");
                        // It gives way, and the other gets its turn.
                        release(&session, own).await;
                        true
                    }
                }
            });
        }
        let refused = waits
            .join_all()
            .await
            .into_iter()
            .filter(|refused| *refused)
            .count();
        assert_eq!(refused, 1);
    }
    assert_eq!(tickets(&pool).await, 0);
    sound(&pool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_wide_claim_is_not_starved_by_narrow_ones() {
    let pool = database::migrated(12).await;
    let [wide, narrow @ ..] = sessions::<5>(&pool).await;
    let done = Arc::new(AtomicBool::new(false));
    let cycles = Arc::new(AtomicU32::new(0));
    let mut streams = tokio::task::JoinSet::new();
    for (number, session) in narrow.into_iter().enumerate() {
        let (done, cycles) = (Arc::clone(&done), Arc::clone(&cycles));
        streams.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let wish = ClaimRequest::new(format!("modules/{number}"));
                if let ClaimOutcome::Granted(claim) = session.claim(wish).await.unwrap() {
                    cycles.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    release(&session, claim).await;
                }
            }
        });
    }
    while cycles.load(Ordering::Relaxed) < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let outcome = wide
        .claim(ClaimRequest::new("modules/*").wait(LONG))
        .await
        .unwrap();
    assert!(matches!(outcome, ClaimOutcome::Granted(_)), "{outcome:?}");
    done.store(true, Ordering::Relaxed);
    streams.join_all().await;
    sound(&pool).await;
}

#[tokio::test]
async fn who_is_waited_for_may_pass() {
    let pool = database::migrated(4).await;
    let [holder, waiter, stranger] = sessions(&pool).await;
    let first = granted(&holder, "modules/a").await;
    let place = waiting(&waiter, ClaimRequest::new("modules/*")).await;
    assert_eq!(held(&stranger, "modules/b").await.ahead.len(), 1);
    let second = granted(&holder, "modules/b").await;
    release(&holder, first).await;
    release(&holder, second).await;
    let ClaimOutcome::Granted(claim) = waiter
        .claim(ClaimRequest::new("modules/*").wait(LONG))
        .await
        .unwrap()
    else {
        panic!("its turn has come")
    };
    assert!(!waiter.withdraw(place.ticket).await.unwrap());
    release(&waiter, claim).await;
    sound(&pool).await;
}

#[tokio::test]
async fn who_is_waited_for_through_others_may_pass_too() {
    let pool = database::migrated(4).await;
    let [far, middle, near] = sessions(&pool).await;
    let _ = granted(&far, "b/y").await;
    // `near` waits behind `middle`, which waits for `far`.
    let SetOutcome::Waiting(_) = middle
        .claim_all(&["b/*"], ClaimRequest::new("a/x").wait(BRIEF))
        .await
        .unwrap()
    else {
        panic!("b/y is held")
    };
    let behind = waiting(&near, ClaimRequest::new("a/*")).await;
    assert_eq!((behind.held.holders.len(), behind.held.ahead.len()), (0, 1));
    let _ = granted(&far, "a/q").await;
}

#[tokio::test]
async fn who_does_not_take_its_turn_is_passed_and_keeps_its_place() {
    let pool = database::migrated(4).await;
    let [holder, absent, present] = sessions(&pool).await;
    let claim = granted(&holder, "a").await;
    let place = waiting(&absent, ClaimRequest::new("a")).await;
    age(&pool, place.ticket, "31 s").await;
    assert_eq!(
        held(&present, "a").await.ahead.len(),
        1,
        "while somebody holds it, the turn has not come"
    );
    release(&holder, claim).await;
    assert_eq!(
        held(&present, "a").await.ahead.len(),
        1,
        "it was freed just now"
    );
    sqlx::query("UPDATE coordination.claims SET released_at = released_at - interval '31 s'")
        .execute(&pool)
        .await
        .unwrap();
    let claim = granted(&present, "a").await;
    let again = waiting(&absent, ClaimRequest::new("a")).await;
    assert_eq!((again.ticket, again.position), (place.ticket, 1));
    let behind = waiting(&holder, ClaimRequest::new("a")).await;
    assert_eq!(behind.position, 2);

    // Two minutes without a poll, and the place is lost.
    age(&pool, again.ticket, "2 min").await;
    assert_eq!(waiting(&holder, ClaimRequest::new("a")).await.position, 1);
    let anew = waiting(&absent, ClaimRequest::new("a")).await;
    assert!(anew.ticket > behind.ticket);
    assert_eq!(anew.position, 2);
    release(&present, claim).await;
    assert_eq!(tickets(&pool).await, 2, "the dead one was cleared away");
    sound(&pool).await;
}

#[tokio::test]
async fn a_waiter_that_is_killed_blocks_nobody_for_long() {
    let pool = database::migrated(4).await;
    let [holder, killed, next] = sessions(&pool).await;
    let claim = granted(&holder, "a").await;
    let task = tokio::spawn({
        let killed = killed.clone();
        async move { killed.claim(ClaimRequest::new("a").wait(LONG)).await }
    });
    until_tickets(&pool, 1).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    release(&holder, claim).await;
    sqlx::query("UPDATE coordination.tickets SET polled_at = polled_at - interval '2 min'")
        .execute(&pool)
        .await
        .unwrap();
    let _ = granted(&next, "a").await;
    // The next one who queues clears it away.
    let _ = waiting(&holder, ClaimRequest::new("a")).await;
    assert_eq!(tickets(&pool).await, 1);
}

#[tokio::test]
async fn a_dead_holders_claim_reaches_who_waits() {
    let pool = database::migrated(4).await;
    let [dead, waiter] = sessions(&pool).await;
    let claim = granted(&dead, "a").await;
    sqlx::query("UPDATE coordination.claims SET expires_at = clock_timestamp() + interval '1500 ms' WHERE id = $1")
        .bind(claim.id())
        .execute(&pool)
        .await
        .unwrap();
    let ClaimOutcome::Granted(taken) = waiter
        .claim(ClaimRequest::new("a").wait(LONG))
        .await
        .unwrap()
    else {
        panic!("the lease ends")
    };
    assert_eq!(taken.predecessors()[0].claim_id, claim.id());
    let (late, left): (f64, f64) = sqlx::query_as(
        "SELECT extract(epoch FROM taken.acquired_at - dead.expires_at)::float8, extract(epoch FROM taken.expires_at - taken.acquired_at)::float8
         FROM coordination.claims taken, coordination.claims dead WHERE taken.id = $1 AND dead.id = $2",
    )
    .bind(taken.id())
    .bind(claim.id())
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(late >= 0.0, "{late}");
    assert!(
        (left - 900.0).abs() < 0.001,
        "a lease begins with its grant"
    );
    sound(&pool).await;
}

#[tokio::test]
async fn sets_and_slots_stand_in_line_too() {
    let pool = database::migrated(8).await;
    let [holder, waiter, rival] = sessions(&pool).await;
    let claim = granted(&holder, "b").await;
    let task = tokio::spawn({
        let waiter = waiter.clone();
        async move {
            waiter
                .claim_all(&["b", "c"], ClaimRequest::new("a").wait(LONG))
                .await
        }
    });
    until_tickets(&pool, 1).await;
    assert_eq!(
        held(&rival, "c").await.ahead.len(),
        1,
        "the set waits as a whole"
    );
    release(&holder, claim).await;
    let SetOutcome::Granted(set) = task.await.unwrap().unwrap() else {
        panic!("its turn has come")
    };
    assert_eq!(set.len(), 3);
    assert_eq!(tickets(&pool).await, 0);

    sqlx::query("SELECT coordination.set_slots('gpu', 2, 'line')")
        .execute(&pool)
        .await
        .unwrap();
    let slot = || ClaimRequest::new("gpu").slot();
    let mut slots = Vec::new();
    for _ in 0..2 {
        let ClaimOutcome::Granted(claim) = holder.claim(slot()).await.unwrap() else {
            panic!("there are two")
        };
        slots.push(claim);
    }
    let place = waiting(&waiter, slot()).await;
    assert_eq!((place.position, place.held.holders.len()), (1, 2));
    assert_eq!(waiting(&rival, slot()).await.position, 2);
    release(&holder, slots.remove(0)).await;
    assert!(matches!(
        rival.claim(slot().wait(BRIEF)).await.unwrap(),
        ClaimOutcome::Waiting(_)
    ));
    assert!(matches!(
        waiter.claim(slot()).await.unwrap(),
        ClaimOutcome::Granted(_)
    ));
    assert!(matches!(
        rival.claim(slot()).await.unwrap(),
        ClaimOutcome::Held(_)
    ));
    sound(&pool).await;
}

#[tokio::test]
async fn a_place_can_be_given_up_by_its_owner_alone() {
    let pool = database::migrated(4).await;
    let [holder, waiter, next] = sessions(&pool).await;
    let claim = granted(&holder, "a").await;
    let place = waiting(&waiter, ClaimRequest::new("a")).await;
    let _ = waiting(&next, ClaimRequest::new("a")).await;
    let refused = next.withdraw(place.ticket).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::NotYours));
    assert!(waiter.withdraw(place.ticket).await.unwrap());
    assert!(!waiter.withdraw(place.ticket).await.unwrap());
    assert_eq!(waiting(&next, ClaimRequest::new("a")).await.position, 1);
    release(&holder, claim).await;
    let too_long = ClaimRequest::new("a").wait(Duration::from_hours(25));
    assert!(matches!(
        next.claim(too_long).await,
        Err(Error::Refused {
            refusal: Refusal::BadArgument,
            ..
        })
    ));
}

#[tokio::test]
async fn plain_sql_waits_by_asking_again() {
    let pool = database::migrated(2).await;
    let [holder] = sessions(&pool).await;
    let claim = granted(&holder, "a").await;
    let ask = || {
        sqlx::query_as::<_, (String, Option<i64>, Option<i32>, Option<bool>)>(
            "SELECT outcome, ticket, \"position\", poll_after BETWEEN '0' AND '1 s' FROM coordination.claim('a', 'script', workspace => 'line', \"wait\" => '1 min')",
        )
        .fetch_one(&pool)
    };
    let (outcome, ticket, position, soon) = ask().await.unwrap();
    assert_eq!(
        (outcome.as_str(), position, soon),
        ("waiting", Some(1), Some(true))
    );
    assert_eq!(ask().await.unwrap().1, ticket);
    release(&holder, claim).await;
    assert_eq!(ask().await.unwrap().0, "granted");
    assert_eq!(tickets(&pool).await, 0);
    sound(&pool).await;
}
