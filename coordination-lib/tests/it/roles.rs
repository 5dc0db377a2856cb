//! What an agent's own database role can and cannot do.

use sqlx::postgres::PgPoolOptions;

use crate::database;

#[tokio::test]
async fn an_agents_role_can_use_the_protocol_and_nothing_else() {
    let url = database::empty();
    let admin = PgPoolOptions::new()
        .max_connections(1)
        .connect(&url)
        .await
        .unwrap();
    coordination::migrate(&admin).await.unwrap();
    for _ in 0..2 {
        sqlx::raw_sql(coordination::ROLES_SQL)
            .execute(&admin)
            .await
            .unwrap();
    }
    sqlx::raw_sql("CREATE ROLE some_agent LOGIN IN ROLE claimboard_agent; CREATE ROLE other_agent LOGIN IN ROLE claimboard_agent; CREATE ROLE nobody_special LOGIN")
        .execute(&admin)
        .await
        .unwrap();
    let connect = async |role: &str| {
        let url = url.replace("postgres://postgres@", &format!("postgres://{role}@"));
        PgPoolOptions::new()
            .max_connections(1)
            .connect(&url)
            .await
            .unwrap()
    };
    let (agent, other, nobody) = (
        connect("some_agent").await,
        connect("other_agent").await,
        connect("nobody_special").await,
    );
    for allowed in [
        "SELECT * FROM coordination.claim('a', 'alpha')",
        "SELECT * FROM coordination.renew(1)",
        "SELECT * FROM coordination.log('alpha', message => 'x', resource => 'a')",
        "SELECT * FROM coordination.holders()",
        "SELECT * FROM coordination.parse_resource('docs*')",
        "SELECT coordination.sweep(), coordination.withdraw(1)",
        "SELECT * FROM coordination.tickets",
        "SELECT * FROM coordination.agent_activity",
        "SELECT * FROM coordination.resource_claims",
        "SELECT coordination.assert_claim(1, 'a')",
    ] {
        sqlx::raw_sql(allowed)
            .execute(&agent)
            .await
            .unwrap_or_else(|error| panic!("{allowed}: {error}"));
    }
    for forbidden in [
        "INSERT INTO coordination.claims (workspace, resource, span, owner, agent, session_id, ttl, acquired_at, expires_at) VALUES ('w', 'x', '[x/,x/]', 'o', 'o', 1, '1 min', now(), now())",
        "INSERT INTO coordination.agent_log (id, workspace, agent_name, session_id, action_type) VALUES (99, 'w', 'a', 1, 'x')",
        "UPDATE coordination.claims SET expires_at = now() + interval '1 year'",
        "DELETE FROM coordination.agent_log",
        "SELECT * FROM coordination.sessions",
        "SELECT * FROM coordination.requests",
        "UPDATE coordination.settings SET strict = false",
        "SELECT nextval('coordination.agent_log_id')",
        "SELECT setval('coordination.agent_log_id', 1)",
        "SELECT coordination.revoke(1, 'mine')",
        "SELECT coordination.session_of('x')",
        "SELECT coordination.end_claim(c, 'released', 'x', NULL, now(), NULL, false) FROM coordination.claims c",
        "SELECT coordination.grant_to_roles()",
    ] {
        let error = sqlx::raw_sql(forbidden)
            .execute(&agent)
            .await
            .expect_err(forbidden);
        assert_eq!(
            error.as_database_error().unwrap().code().unwrap(),
            "42501",
            "{forbidden}: {error}"
        );
    }
    for foreign in [
        "SELECT * FROM coordination.release(1)",
        "SELECT coordination.assert_claim(1, 'a')",
    ] {
        let error = sqlx::raw_sql(foreign)
            .execute(&other)
            .await
            .expect_err(foreign);
        assert_eq!(
            error.as_database_error().unwrap().code().unwrap(),
            "CB003",
            "{foreign}: {error}"
        );
    }
    assert!(
        sqlx::raw_sql("SELECT * FROM coordination.claim('b', 'alpha')")
            .execute(&nobody)
            .await
            .is_err()
    );

    let (open,): (i64,) = sqlx::query_as(
        "SELECT count(*) FROM pg_proc p WHERE p.pronamespace = 'coordination'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE')",
    )
    .fetch_one(&admin)
    .await
    .unwrap();
    assert_eq!(open, 0, "nothing is executable by everybody");
    let (unpinned,): (i64,) = sqlx::query_as(
        "SELECT count(*) FROM pg_proc p WHERE p.pronamespace = 'coordination'::regnamespace AND p.prosecdef
         AND NOT EXISTS (SELECT FROM unnest(p.proconfig) setting WHERE setting LIKE 'search_path=coordination, pg_catalog, pg_temp')",
    )
    .fetch_one(&admin)
    .await
    .unwrap();
    assert_eq!(
        unpinned, 0,
        "functions that run as the owner have a pinned search_path"
    );
}
