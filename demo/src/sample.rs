//! The sample domain: a student satellite programme's people, projects, tasks and teaching modules.

use sqlx::PgPool;

/// Creates and fills the domain's tables in `public` unless they are there, and says whether it did.
pub async fn load(pool: &PgPool) -> sqlx::Result<bool> {
    let mut transaction = pool.begin().await?;
    let there: bool = sqlx::query_scalar("SELECT to_regclass('public.cadence_people') IS NOT NULL")
        .fetch_one(&mut *transaction)
        .await?;
    if !there {
        for sql in [
            include_str!("../sql/schema.sql"),
            include_str!("../sql/people.sql"),
            include_str!("../sql/projects.sql"),
            include_str!("../sql/tasks.sql"),
            include_str!("../sql/modules.sql"),
        ] {
            sqlx::raw_sql(sql).execute(&mut *transaction).await?;
        }
    }
    transaction.commit().await?;
    Ok(!there)
}
