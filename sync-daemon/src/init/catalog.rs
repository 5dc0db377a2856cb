//! What the catalogue says about tables, read with a few statements whatever their number, and a few rows of each.

use std::collections::HashMap;

use sqlx::postgres::PgConnection;
use sqlx::postgres::types::Oid;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::dashboard::{Source, is_identifier};
use crate::source::{from_item, quote_identifier};

/// Rows of a table that are looked at.
const SAMPLE: usize = 500;

/// A table, view or query, as far as a board needs to know it.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) oid: Option<Oid>,
    pub(super) source: Source,
    /// `r` table, `p` partitioned, `v` view, `m` materialized view, `f` foreign; `q` for a query.
    pub(super) kind: String,
    pub(super) comment: Option<String>,
    /// As the planner guesses; negative where it does not know.
    pub(super) rows: f64,
    pub(super) readable: bool,
    pub(super) columns: Vec<Column>,
    /// Columns that are unique together, the primary key first.
    pub(super) keys: Vec<Vec<String>>,
    pub(super) foreign: Vec<Foreign>,
    /// CHECK constraints over one column: the column and the definition.
    pub(super) checks: Vec<(String, String)>,
    /// Columns whose names a file cannot spell.
    pub(super) unspelled: Vec<String>,
    /// Values of the columns, a row a line; empty where none could be read in time.
    pub(super) sample: Vec<Vec<Option<String>>>,
}

/// A column.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Column {
    pub(super) table: Oid,
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) base: String,
    pub(super) category: String,
    pub(super) element: Option<String>,
    pub(super) modifier: i32,
    pub(super) not_null: bool,
    pub(super) readable: bool,
    pub(super) comment: Option<String>,
    /// Labels of an enum, or of an array of one.
    pub(super) labels: Option<Vec<String>>,
    /// CHECKs of its domain.
    pub(super) checks: Option<Vec<String>>,
}

/// A foreign key.
#[derive(Debug, Clone)]
pub(super) struct Foreign {
    pub(super) columns: Vec<String>,
    pub(super) target: Oid,
    pub(super) target_columns: Vec<String>,
}

#[derive(sqlx::FromRow)]
struct RelationRow {
    oid: Oid,
    schema: String,
    name: String,
    kind: String,
    comment: Option<String>,
    rows: f64,
    readable: bool,
}

/// Tables and views that people made; partitions and what an extension brought are left out.
const RELATIONS: &str = "
    SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
           obj_description(c.oid, 'pg_class') AS comment, c.reltuples::float8 AS rows,
           has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT') AS readable
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
      AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY n.nspname, c.relname";

const COLUMNS: &str = "
    WITH RECURSIVE wanted AS (
        SELECT a.attrelid, a.attnum, a.attname::text AS name, a.atttypid AS type, a.atttypmod AS modifier,
               a.attnotnull AS not_null, has_column_privilege(a.attrelid, a.attnum, 'SELECT') AS readable
        FROM pg_catalog.pg_attribute a WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped
    ), based AS (
        SELECT attrelid, attnum, type AS base, modifier FROM wanted
        UNION ALL
        SELECT based.attrelid, based.attnum, domain.typbasetype, domain.typtypmod
        FROM based JOIN pg_catalog.pg_type AS domain ON domain.oid = based.base WHERE domain.typtype = 'd'
    )
    SELECT wanted.attrelid AS table, wanted.name, pg_catalog.format_type(wanted.type, wanted.modifier) AS type_name,
           base.typname::text AS base, base.typcategory::text AS category, element.typname::text AS element,
           based.modifier, wanted.not_null, wanted.readable,
           col_description(wanted.attrelid, wanted.attnum) AS comment,
           (SELECT array_agg(label.enumlabel::text ORDER BY label.enumsortorder) FROM pg_catalog.pg_enum label
            WHERE label.enumtypid IN (base.oid, element.oid)) AS labels,
           (SELECT array_agg(pg_get_constraintdef(k.oid)) FROM pg_catalog.pg_constraint k
            WHERE k.contypid = wanted.type) AS checks
    FROM wanted JOIN based USING (attrelid, attnum)
    JOIN pg_catalog.pg_type AS base ON base.oid = based.base AND base.typtype <> 'd'
    LEFT JOIN pg_catalog.pg_type AS element ON element.oid = base.typelem AND base.typcategory = 'A'
    ORDER BY wanted.attrelid, wanted.attnum";

/// Whole unique indexes, plain columns only.
const KEYS: &str = "
    SELECT i.indrelid, array_agg(a.attname::text ORDER BY part.place)
    FROM pg_catalog.pg_index i
    CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS part(number, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = part.number
    WHERE i.indrelid = ANY ($1) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
      AND part.place <= i.indnkeyatts
    GROUP BY i.indexrelid, i.indrelid, i.indisprimary
    ORDER BY i.indrelid, i.indisprimary DESC, count(*), i.indexrelid";

const CONSTRAINTS: &str = "
    SELECT k.conrelid, k.contype::text,
           (SELECT coalesce(array_agg(a.attname::text ORDER BY part.place), '{}')
            FROM unnest(k.conkey) WITH ORDINALITY AS part(number, place)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = part.number),
           k.confrelid,
           (SELECT coalesce(array_agg(a.attname::text ORDER BY part.place), '{}')
            FROM unnest(k.confkey) WITH ORDINALITY AS part(number, place)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = part.number),
           pg_get_constraintdef(k.oid)
    FROM pg_catalog.pg_constraint k
    WHERE k.conrelid = ANY ($1) AND k.contype IN ('f', 'c') AND k.conparentid = 0
    ORDER BY k.conrelid, k.conkey, k.oid";

/// Every table and view of the database, without what is in them.
pub(super) async fn relations(connection: &mut PgConnection) -> Result<Vec<Table>, sqlx::Error> {
    let rows: Vec<RelationRow> = sqlx::query_as(RELATIONS)
        .persistent(false)
        .fetch_all(connection)
        .await?;
    let tables = rows.into_iter().map(|row| Table {
        oid: Some(row.oid),
        source: Source::Table {
            schema: row.schema,
            name: row.name,
        },
        kind: row.kind,
        comment: row.comment,
        rows: row.rows,
        readable: row.readable,
        columns: Vec::new(),
        keys: Vec::new(),
        foreign: Vec::new(),
        checks: Vec::new(),
        unspelled: Vec::new(),
        sample: Vec::new(),
    });
    Ok(tables.collect())
}

impl Table {
    pub(super) fn add(&mut self, column: Column) {
        if is_identifier(&column.name) {
            self.columns.push(column);
        } else {
            self.unspelled.push(column.name);
        }
    }
}

/// Columns, keys and constraints of these tables.
pub(super) async fn describe(
    connection: &mut PgConnection,
    tables: &mut [Table],
) -> Result<(), sqlx::Error> {
    type Constraint = (Oid, String, Vec<String>, Oid, Vec<String>, String);
    let oids: Vec<Oid> = tables.iter().filter_map(|table| table.oid).collect();
    let columns: Vec<Column> = sqlx::query_as(COLUMNS)
        .bind(&oids)
        .persistent(false)
        .fetch_all(&mut *connection)
        .await?;
    let keys: Vec<(Oid, Vec<String>)> = sqlx::query_as(KEYS)
        .bind(&oids)
        .persistent(false)
        .fetch_all(&mut *connection)
        .await?;
    let constraints: Vec<Constraint> = sqlx::query_as(CONSTRAINTS)
        .bind(&oids)
        .persistent(false)
        .fetch_all(connection)
        .await?;
    let mut by_oid: HashMap<Oid, &mut Table> = tables
        .iter_mut()
        .filter_map(|table| Some((table.oid?, table)))
        .collect();
    for column in columns.into_iter().filter(|column| column.readable) {
        if let Some(table) = by_oid.get_mut(&column.table) {
            table.add(column);
        }
    }
    for (oid, columns) in keys {
        if let Some(table) = by_oid.get_mut(&oid) {
            table.keys.push(columns);
        }
    }
    for (oid, kind, columns, target, target_columns, definition) in constraints {
        let Some(table) = by_oid.get_mut(&oid) else {
            continue;
        };
        match (kind.as_str(), columns.as_slice()) {
            ("f", _) if columns.iter().all(|column| is_identifier(column)) => {
                table.foreign.push(Foreign {
                    columns,
                    target,
                    target_columns,
                });
            }
            ("f", _) => {}
            (_, [column]) => table.checks.push((column.clone(), definition)),
            _ => {}
        }
    }
    Ok(())
}

/// Reads a few rows. Postgres' refusal is the answer where the table or view cannot be read at all.
pub(super) async fn sample(
    connection: &mut PgConnection,
    table: &mut Table,
) -> Result<Result<(), String>, sqlx::Error> {
    let cells: Vec<_> = table
        .columns
        .iter()
        .map(|column| match column.base.as_str() {
            // Large as a rule, and never an option or a name.
            "bytea" | "tsvector" | "json" | "jsonb" | "xml" => "NULL".to_owned(),
            _ => format!(
                "left(CAST({} AS text), 200)",
                quote_identifier(&column.name)
            ),
        })
        .collect();
    let sql = format!(
        "SELECT ARRAY[{}]::text[] FROM {} LIMIT {SAMPLE}",
        cells.join(", "),
        from_item(&table.source)
    );
    let mut transaction = connection.begin_with("BEGIN READ ONLY").await?;
    sqlx::query("SELECT set_config('statement_timeout', '2s', true)")
        .execute(&mut *transaction)
        .await?;
    let rows: Result<Vec<Vec<Option<String>>>, _> = sqlx::query_scalar(AssertSqlSafe(sql))
        .persistent(false)
        .fetch_all(&mut *transaction)
        .await;
    transaction.rollback().await?;
    match rows {
        Ok(rows) => {
            table.sample = rows;
            Ok(Ok(()))
        }
        Err(error) => refusal(error),
    }
}

/// The first of these sets of columns that tells all rows apart, as far as can be seen in two seconds.
pub(super) async fn distinct(
    connection: &mut PgConnection,
    table: &Table,
    candidates: &[Vec<String>],
) -> Result<Option<Vec<String>>, sqlx::Error> {
    for columns in candidates {
        let quoted: Vec<_> = columns
            .iter()
            .map(|column| format!("CAST({} AS text)", quote_identifier(column)))
            .collect();
        let present: Vec<_> = quoted
            .iter()
            .map(|column| format!("{column} <> ''"))
            .collect();
        let sql = format!(
            "SELECT count(*) > 0 AND count(DISTINCT ({0})) = count(*) \
             AND count(*) FILTER (WHERE {1}) = count(*) FROM {2}",
            quoted.join(", "),
            present.join(" AND "),
            from_item(&table.source)
        );
        let mut transaction = connection.begin_with("BEGIN READ ONLY").await?;
        sqlx::query("SELECT set_config('statement_timeout', '2s', true)")
            .execute(&mut *transaction)
            .await?;
        let answer: Result<bool, _> = sqlx::query_scalar(AssertSqlSafe(sql))
            .persistent(false)
            .fetch_one(&mut *transaction)
            .await;
        transaction.rollback().await?;
        match answer {
            Ok(true) => return Ok(Some(columns.clone())),
            Ok(false) => {}
            // Too slow, or of a type that cannot be told apart: the next would fare no better.
            Err(error) => {
                return match refusal::<()>(error)? {
                    Ok(()) | Err(_) => Ok(None),
                };
            }
        }
    }
    Ok(None)
}

/// What Postgres said; that it was too slow is no refusal.
fn refusal<T: Default>(error: sqlx::Error) -> Result<Result<T, String>, sqlx::Error> {
    const TOO_SLOW: &str = "57014";
    match error {
        sqlx::Error::Database(refused) if refused.code().as_deref() == Some(TOO_SLOW) => {
            Ok(Ok(T::default()))
        }
        sqlx::Error::Database(refused) => Ok(Err(refused.message().to_owned())),
        other => Err(other),
    }
}
