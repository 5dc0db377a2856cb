use crate::domain;

#[tokio::test]
async fn the_sample_has_what_boards_must_cope_with() -> anyhow::Result<()> {
    let (_cluster, pool) = domain().await?;
    let counts: (i64, i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM cadence_people), (SELECT count(*) FROM cadence_projects),
           (SELECT count(*) FROM cadence_tasks), (SELECT count(*) FROM modules)",
    )
    .fetch_one(&pool)
    .await?;
    assert_eq!(counts, (27, 69, 443, 12));

    for (what, sql) in [
        (
            "long texts",
            "SELECT count(*) > 5 FROM cadence_tasks WHERE length(description) > 2000",
        ),
        (
            "unassigned tasks",
            "SELECT count(*) > 20 FROM cadence_tasks WHERE assignee_id IS NULL AND description IS NOT NULL",
        ),
        (
            "projects without owner",
            "SELECT count(*) > 2 FROM cadence_projects WHERE owner_id IS NULL",
        ),
        (
            "emoji",
            "SELECT count(*) > 5 FROM cadence_tasks WHERE title ~ '[\\U0001F300-\\U0001FAFF]'",
        ),
        (
            "right-to-left names",
            "SELECT count(*) >= 2 FROM cadence_people WHERE name ~ '[\\u0590-\\u06FF]'",
        ),
        (
            "commas in names",
            "SELECT count(*) >= 3 FROM cadence_projects WHERE name LIKE '%,%'",
        ),
        (
            "commas in options",
            "SELECT count(*) >= 2 FROM cadence_projects WHERE array_to_string(tags, '|') LIKE '%,%'",
        ),
        (
            "dates before and after today",
            "SELECT min(due_on) < '2026-11-21' AND max(due_on) > '2026-11-21' FROM cadence_tasks",
        ),
    ] {
        assert!(
            sqlx::query_scalar::<_, bool>(sql).fetch_one(&pool).await?,
            "the sample lacks {what}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_second_load_changes_nothing() -> anyhow::Result<()> {
    let (_cluster, pool) = domain().await?;
    sqlx::query("UPDATE cadence_tasks SET status = 'done' WHERE id = 1")
        .execute(&pool)
        .await?;
    assert!(!demo::sample::load(&pool).await?);
    demo::journal::install(&pool).await?;
    let status: String = sqlx::query_scalar("SELECT status FROM cadence_tasks WHERE id = 1")
        .fetch_one(&pool)
        .await?;
    assert_eq!(status, "done");
    Ok(())
}
