//! Direct inserts by somebody who may: the tables refuse what would break the constraint.

use crate::database;

#[tokio::test]
async fn what_escapes_the_constraint_is_refused() {
    let pool = database::migrated(2).await;
    let insert = |workspace: &str, resource: &str, span: &str, owner: &str| {
        sqlx::query(
            "INSERT INTO coordination.claims (workspace, resource, span, owner, agent, session_id, ttl, acquired_at, expires_at)
             VALUES ($1, $2, $3::coordination.pathrange, $4, 'x', 1, '15 min', now(), now() + interval '15 min')",
        )
        .bind(workspace.to_owned())
        .bind(resource.to_owned())
        .bind(span.to_owned())
        .bind(owner.to_owned())
        .execute(&pool)
    };
    let long = |bytes: usize| "x".repeat(bytes);
    insert("w", "x", "[x/,x/]", "o").await.unwrap();
    for (case, refused) in [
        ("an empty range", insert("w", "x", "empty", "o").await),
        (
            "an empty range by its bounds",
            insert("w", "x", "[x/,x/)", "o").await,
        ),
        (
            "a long workspace",
            insert(&long(129), "x", "[x/,x/]", "o").await,
        ),
        (
            "a long owner",
            insert("w", "x", "[x/,x/]", &long(129)).await,
        ),
        (
            "a long name",
            insert("w", &long(1025), "[x/,x/]", "o").await,
        ),
        (
            "a long bound",
            insert("w", "x", &format!("[{0}/,{0}/]", long(1200)), "o").await,
        ),
        ("no workspace", insert("", "x", "[x/,x/]", "o").await),
    ] {
        let error = refused.expect_err(case);
        assert_eq!(
            error.as_database_error().unwrap().code().unwrap(),
            "23514",
            "{case}: {error}"
        );
    }
    let forged = sqlx::query("UPDATE coordination.claims SET sharers = '[5,5]'")
        .execute(&pool)
        .await
        .unwrap_err();
    assert_eq!(forged.as_database_error().unwrap().code().unwrap(), "428C9");
    let twice = insert("w", "x", "[x/,x/]", "other").await.unwrap_err();
    assert_eq!(twice.as_database_error().unwrap().code().unwrap(), "23P01");
}

#[tokio::test]
async fn the_log_is_append_only() {
    let pool = database::migrated(2).await;
    sqlx::query("SELECT coordination.log('alpha', message => 'hello')")
        .execute(&pool)
        .await
        .unwrap();
    for statement in [
        "UPDATE coordination.agent_log SET message = 'other'",
        "DELETE FROM coordination.agent_log",
        "TRUNCATE coordination.agent_log",
        "DO $$ BEGIN EXECUTE (SELECT 'TRUNCATE ' || tableoid::regclass FROM coordination.agent_log LIMIT 1); END $$",
    ] {
        let error =
            coordination::Error::from(sqlx::query(statement).execute(&pool).await.unwrap_err());
        assert_eq!(
            error.refusal(),
            Some(coordination::Refusal::AppendOnly),
            "{statement}: {error}"
        );
    }
}

#[tokio::test]
async fn the_longest_names_fit_in_great_numbers() {
    let pool = database::migrated(2).await;
    let (workspace, agent) = ("w".repeat(128), "a".repeat(100));
    let session = coordination::Session::open(&pool, &agent, &workspace)
        .await
        .unwrap();
    for number in 0..300 {
        // Random tails, so that no bound compresses well.
        let name: String = (0..1018)
            .map(|_| char::from(b'a' + rand::random_range(0..26)))
            .collect();
        let outcome = session
            .claim(coordination::ClaimRequest::new(format!(
                "{number:05}/{name}"
            )))
            .await
            .unwrap();
        assert!(
            matches!(outcome, coordination::ClaimOutcome::Granted(_)),
            "{outcome:?}"
        );
    }
}
