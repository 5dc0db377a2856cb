//! An answer that was given is on disk, whatever the caller set.

use coordination::{ClaimRequest, Session};

use crate::database;

#[tokio::test]
async fn every_verb_forces_a_synchronous_commit() {
    let pool = database::migrated(2).await;
    let session = Session::open(&pool, "alpha", "demo").await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    sqlx::query("SET synchronous_commit = off")
        .execute(&mut *connection)
        .await
        .unwrap();
    let coordination::ClaimOutcome::Granted(claim) =
        session.claim(ClaimRequest::new("a")).await.unwrap()
    else {
        panic!("free")
    };
    for verb in [
        "coordination.claim('b')".to_owned(),
        format!("coordination.renew({})", claim.id()),
        format!("coordination.release({})", claim.id()),
        "coordination.open_session('x', 'y')".to_owned(),
    ] {
        let mut transaction = sqlx::Connection::begin(&mut *connection).await.unwrap();
        session.use_in(&mut transaction).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("SELECT FROM {verb}")))
            .execute(&mut *transaction)
            .await
            .unwrap();
        let (inside,): (String,) = sqlx::query_as("SELECT current_setting('synchronous_commit')")
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let (after,): (String,) = sqlx::query_as("SELECT current_setting('synchronous_commit')")
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        assert_eq!((inside.as_str(), after.as_str()), ("on", "off"), "{verb}");
    }
}
