//! The statements of the design that this protocol replaced, as they were written there.

use coordination::{Error, Refusal};

use crate::database;

#[tokio::test]
async fn the_source_documents_statements_run_verbatim() {
    let pool = database::migrated(1).await;
    sqlx::raw_sql("SELECT coordination.install_compat('ascent_basecamp_agent_log')")
        .execute(&pool)
        .await
        .unwrap();
    sqlx::raw_sql("ALTER TABLE ascent_basecamp_agent_log ADD COLUMN IF NOT EXISTS resource_claim VARCHAR(255);").execute(&pool).await.unwrap();
    sqlx::raw_sql(
        r#"INSERT INTO ascent_basecamp_agent_log (
    agent_name, action_type, status, message, metadata
) VALUES (
    'alpha', 'help', 'blocked',
    'Need ghost cohort data for power modules',
    '{"help_needed_from": "gamma"}'::jsonb
);"#,
    )
    .execute(&pool)
    .await
    .unwrap();
    let seen = sqlx::query(
        "SELECT * FROM ascent_basecamp_agent_log
WHERE action_type = 'help'
  AND metadata->>'help_needed_from' = 'gamma'
ORDER BY timestamp DESC;",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(seen.len(), 1);
    sqlx::raw_sql(
        "INSERT INTO ascent_basecamp_agent_log (
    agent_name, action_type, status, message
) VALUES (
    'gamma', 'claim', 'working',
    'Populating ghost cohorts for Alpha - ETA 30 min'
);",
    )
    .execute(&pool)
    .await
    .unwrap();
    let (claims,): (i64,) = sqlx::query_as("SELECT count(*) FROM coordination.claims")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(
        claims, 0,
        "a claim row without a resource is a log row and nothing more"
    );

    let write = |agent: &'static str,
                 action: &'static str,
                 resource: &'static str,
                 status: &'static str| {
        sqlx::query("INSERT INTO ascent_basecamp_agent_log (agent_name, action_type, resource_claim, status) VALUES ($1, $2, $3, $4)")
            .bind(agent)
            .bind(action)
            .bind(resource)
            .bind(status)
            .execute(&pool)
    };
    write("alpha", "claim", "modules/power/battery.md", "working")
        .await
        .unwrap();
    let refused = Error::from(
        write("beta", "claim", "modules/power/*", "working")
            .await
            .unwrap_err(),
    );
    assert_eq!(refused.refusal(), Some(Refusal::Held));
    assert!(refused.to_string().contains("alpha"), "{refused}");
    sqlx::query("UPDATE coordination.claims SET expires_at = clock_timestamp() + interval '1 min'")
        .execute(&pool)
        .await
        .unwrap();
    write("alpha", "progress", "modules/power/battery.md", "working")
        .await
        .unwrap();
    let (renewed,): (bool,) = sqlx::query_as(
        "SELECT expires_at > clock_timestamp() + interval '10 min' FROM coordination.claims",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(renewed, "progress renews");
    write("alpha", "complete", "modules/power/battery.md", "done")
        .await
        .unwrap();
    write("beta", "claim", "modules/power/*", "working")
        .await
        .unwrap();
    let (activity,): (String,) =
        sqlx::query_as("SELECT status FROM coordination.agent_activity WHERE agent = 'alpha'")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(activity, "done");
    assert_eq!(
        coordination::verify_history(&pool).await.unwrap().offence,
        None
    );
}
