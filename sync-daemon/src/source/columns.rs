//! What columns a source has, from the catalogue alone.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Column as _, Row as _};

use super::projection::{from_item, quote_identifier};
use crate::dashboard::Source;

/// A column of a source.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// As SQL writes the type.
    pub(crate) type_name: String,
    /// Name of the type in the catalogue, below any domain.
    pub(crate) base: String,
    /// Postgres' category of the base: N numeric, D date, S string, B boolean, A array, E enum, G geometric …
    pub(crate) category: String,
    /// The base type of an array's elements.
    pub(crate) element: Option<String>,
}

/// All columns of a source, in its order.
#[derive(Debug, Clone)]
pub(super) struct Columns(Vec<Column>);

/// What was found.
#[derive(Debug)]
pub(super) enum Described {
    Absent,
    Present(Columns),
}

/// `-1` and not null as the modifier: `character` without one would be cut to a single letter by a cast.
const DESCRIBE: &str = "
    WITH RECURSIVE wanted AS (
        SELECT name, type, ordinal FROM unnest($1::text[], $2::oid[]) WITH ORDINALITY AS wanted(name, type, ordinal)
    ), based AS (
        SELECT name, ordinal, type, type AS base FROM wanted
        UNION ALL
        SELECT based.name, based.ordinal, based.type, domain.typbasetype
        FROM based JOIN pg_catalog.pg_type AS domain ON domain.oid = based.base WHERE domain.typtype = 'd'
    )
    SELECT based.name, pg_catalog.format_type(based.type, -1) AS type_name, base.typname::text AS base,
           base.typcategory::text AS category, element.typname::text AS element
    FROM based
    JOIN pg_catalog.pg_type AS base ON base.oid = based.base AND base.typtype <> 'd'
    LEFT JOIN pg_catalog.pg_type AS element ON element.oid = base.typelem AND base.typcategory = 'A'
    ORDER BY based.ordinal";

impl Column {
    /// Whether its values, or the items of its arrays, are text of any length.
    pub(super) fn holds_text(&self) -> bool {
        let item = self.element.as_ref().unwrap_or(&self.base);
        matches!(
            item.as_str(),
            "text" | "varchar" | "bpchar" | "citext" | "name"
        )
    }
}

const BEFORE_QUERY: &str =
    "SELECT described.* FROM (SELECT 1) AS one LEFT JOIN (SELECT source.* FROM ";

/// Characters of the statement that describes a query before the query itself begins.
pub(super) const QUERY_OFFSET: usize = BEFORE_QUERY.len() + "(\n".len();

impl Columns {
    pub(super) async fn describe(
        connection: &mut PgConnection,
        source: &Source,
    ) -> Result<Described, sqlx::Error> {
        let (names, types) = match source {
            Source::Table { schema, name } => match Self::of_table(connection, schema, name).await?
            {
                Some(found) => found,
                None => return Ok(Described::Absent),
            },
            Source::Query(_) => Self::of_query(connection, source).await?,
        };
        let columns = sqlx::query_as(DESCRIBE)
            .bind(names)
            .bind(types)
            .persistent(false)
            .fetch_all(connection)
            .await?;
        Ok(Described::Present(Self(columns)))
    }

    pub(super) fn into_vec(self) -> Vec<Column> {
        self.0
    }

    pub(super) fn get(&self, name: &str) -> Option<&Column> {
        self.0.iter().find(|column| column.name == name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|column| column.name.as_str())
    }

    async fn of_table(
        connection: &mut PgConnection,
        schema: &str,
        table: &str,
    ) -> Result<Option<(Vec<String>, Vec<sqlx::postgres::types::Oid>)>, sqlx::Error> {
        sqlx::query_as(
            "SELECT coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attnum IS NOT NULL), '{}'),
                    coalesce(array_agg(a.atttypid ORDER BY a.attnum) FILTER (WHERE a.attnum IS NOT NULL), '{}')
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
             GROUP BY c.oid",
        )
        .bind(schema)
        .bind(table)
        .persistent(false)
        .fetch_optional(connection)
        .await
    }

    /// The columns of one row of nulls: nothing of the query is executed.
    async fn of_query(
        connection: &mut PgConnection,
        source: &Source,
    ) -> Result<(Vec<String>, Vec<sqlx::postgres::types::Oid>), sqlx::Error> {
        let sql = format!(
            "{BEFORE_QUERY}{} LIMIT 0) AS described ON true",
            from_item(source)
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .persistent(false)
            .fetch_one(connection)
            .await?;
        row.columns()
            .iter()
            .map(|column| {
                let unknown = || sqlx::Error::TypeNotFound {
                    type_name: quote_identifier(column.name()),
                };
                Ok((
                    column.name().to_owned(),
                    column.type_info().oid().ok_or_else(unknown)?,
                ))
            })
            .collect()
    }
}
