//! Whether dashboards fit the database, told before anything is read or written.

use std::collections::HashMap;

use sqlx::postgres::{PgConnection, PgDatabaseError, PgErrorPosition};
use sqlx::{AssertSqlSafe, Connection as _};

use super::columns::{Column, Columns, Described, QUERY_OFFSET};
use super::projection::{Misfit, Place, Projection, relates};
use crate::dashboard::{
    Dashboard, Dashboards, Feed, Origin, Property, SchemaError, Source, did_you_mean,
};

const UNDEFINED_TABLE: &str = "42P01";
const UNDEFINED_COLUMN: &str = "42703";
const UNDEFINED_FUNCTION: &str = "42883";
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// The answer for a set of dashboards that fits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceCheck {
    /// Names of the optional dashboards whose source does not exist, in the order of the set.
    pub absent: Vec<String>,
}

/// Why a set of dashboards cannot be served from a database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// Everything that does not fit.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Schema(Vec<SchemaError>),
    /// Postgres could not be asked.
    #[error("cannot look at the sources of the dashboards")]
    Database(#[source] sqlx::Error),
}

/// Checks that every source exists, that its columns exist and fit their properties, and that it may be read.
pub async fn check(
    connection: &mut PgConnection,
    dashboards: &Dashboards,
) -> Result<SourceCheck, CheckError> {
    let mut errors = Vec::new();
    let mut absent = Vec::new();
    let mut described: HashMap<&str, Columns> = HashMap::new();
    for (dashboard, origin) in dashboards.with_origins() {
        // A transaction for each: what Postgres refuses for one says nothing about the next.
        let mut transaction = connection
            .begin_with("BEGIN READ ONLY")
            .await
            .map_err(CheckError::Database)?;
        let answer = source(&mut transaction, dashboard).await;
        transaction.rollback().await.map_err(CheckError::Database)?;
        match answer {
            Ok(columns) => {
                described.insert(&dashboard.name, columns);
            }
            Err(Refusal::Absent) if dashboard.optional => absent.push(dashboard.name.clone()),
            Err(Refusal::Sql(error)) if dashboard.optional && error.code() == UNDEFINED_TABLE => {
                absent.push(dashboard.name.clone());
            }
            Err(Refusal::Absent) => {
                let (message, cure) = no_source(connection, &dashboard.source)
                    .await
                    .map_err(CheckError::Database)?;
                errors.push(SchemaError {
                    file: origin.file.clone(),
                    line: origin.source,
                    message,
                    cure,
                });
            }
            Err(Refusal::Misfits(misfits)) => {
                errors.extend(misfits.into_iter().map(|misfit| at(origin, misfit)));
            }
            Err(Refusal::Sql(error)) => {
                let joins = refused_joins(connection, dashboard, origin).await;
                match joins.map_err(CheckError::Database)? {
                    none if none.is_empty() => {
                        errors.push(refused_sql(dashboard, origin, &error));
                    }
                    joins => errors.extend(joins),
                }
            }
            Err(Refusal::Database(error)) => return Err(CheckError::Database(error)),
        }
    }
    for (dashboard, origin) in dashboards.with_origins() {
        relations(
            dashboard,
            origin,
            dashboards,
            &described,
            &absent,
            &mut errors,
        );
    }
    errors.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    if errors.is_empty() {
        Ok(SourceCheck { absent })
    } else {
        Err(CheckError::Schema(errors))
    }
}

/// The properties that fit their source no more, by their place, and why.
pub(crate) async fn unfit(
    connection: &mut PgConnection,
    dashboard: &Dashboard,
) -> Result<Vec<(usize, String)>, sqlx::Error> {
    let Described::Present(columns) = Columns::describe(connection, &dashboard.source).await?
    else {
        return Ok(Vec::new());
    };
    let misfits = Projection::new(dashboard, &columns)
        .err()
        .unwrap_or_default();
    let of_properties = misfits.into_iter().filter_map(|misfit| match misfit.place {
        Place::Key => None,
        Place::Column(index) | Place::Kind(index) => Some((index, misfit.message)),
    });
    Ok(of_properties.collect())
}

enum Refusal {
    Absent,
    Misfits(Vec<Misfit>),
    /// Postgres understood us and said no.
    Sql(Box<PgDatabaseError>),
    Database(sqlx::Error),
}

async fn source(connection: &mut PgConnection, dashboard: &Dashboard) -> Result<Columns, Refusal> {
    let columns = match Columns::describe(connection, &dashboard.source).await? {
        Described::Absent => return Err(Refusal::Absent),
        Described::Present(columns) => columns,
    };
    let projection = Projection::new(dashboard, &columns).map_err(Refusal::Misfits)?;
    // Planning proves what the catalogue cannot tell: rights, functions, casts.
    let explain = format!("EXPLAIN {}", projection.hashes());
    sqlx::query(AssertSqlSafe(explain))
        .persistent(false)
        .fetch_all(connection)
        .await?;
    Ok(columns)
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(refused) => match refused.try_downcast::<PgDatabaseError>() {
                // Class 57 is operator intervention, 53 lack of resources, 08 connection: not the file's fault.
                Ok(refused)
                    if ["57", "53", "08"]
                        .iter()
                        .any(|class| refused.code().starts_with(class)) =>
                {
                    Self::Database(sqlx::Error::Database(refused))
                }
                Ok(refused) => Self::Sql(refused),
                Err(other) => Self::Database(sqlx::Error::Database(other)),
            },
            other => Self::Database(other),
        }
    }
}

fn at(origin: &Origin, misfit: Misfit) -> SchemaError {
    let line = match misfit.place {
        Place::Key => origin.key,
        Place::Column(property) => origin.properties[property].column,
        Place::Kind(property) => origin.properties[property].kind,
    };
    SchemaError {
        file: origin.file.clone(),
        line,
        message: misfit.message,
        cure: misfit.cure,
    }
}

/// The relations through a join table that Postgres refuses by themselves.
async fn refused_joins(
    connection: &mut PgConnection,
    dashboard: &Dashboard,
    origin: &Origin,
) -> Result<Vec<SchemaError>, sqlx::Error> {
    let mut errors = Vec::new();
    for (property, at) in dashboard.properties.iter().zip(&origin.properties) {
        let Feed::Through { schema, table, .. } = &property.feed else {
            continue;
        };
        let alone = Dashboard {
            properties: vec![property.clone()],
            ..dashboard.clone()
        };
        let mut transaction = connection.begin_with("BEGIN READ ONLY").await?;
        let answer = source(&mut transaction, &alone).await;
        transaction.rollback().await?;
        let refused = match answer {
            Err(Refusal::Sql(refused)) => refused,
            Err(Refusal::Database(error)) => return Err(error),
            Ok(_) | Err(Refusal::Absent | Refusal::Misfits(_)) => continue,
        };
        let cure = match refused.code() {
            UNDEFINED_TABLE => "create it, or correct `through`",
            UNDEFINED_COLUMN => "name columns of the join table in `from` and `column`",
            UNDEFINED_FUNCTION => {
                "`from` holds this dashboard's key, of the same type; a view can cast it"
            }
            INSUFFICIENT_PRIVILEGE => "grant the daemon's user SELECT on the join table",
            _ => "correct `through`, `from` and `column`",
        };
        errors.push(SchemaError {
            file: origin.file.clone(),
            line: at.column,
            message: format!(
                "property {:?} cannot go through {schema}.{table}: {}",
                property.name,
                refused.message().replace("via.", "")
            ),
            cure: cure.to_owned(),
        });
    }
    Ok(errors)
}

async fn no_source(
    connection: &mut PgConnection,
    source: &Source,
) -> Result<(String, String), sqlx::Error> {
    let Source::Table { schema, name } = source else {
        return Ok((
            "the query's source does not exist".to_owned(),
            "correct the query".to_owned(),
        ));
    };
    let elsewhere: Vec<String> = sqlx::query_scalar(
        "SELECT n.nspname || '.' || c.relname
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
           AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
         ORDER BY n.nspname <> $1, 1",
    )
    .bind(schema)
    .persistent(false)
    .fetch_all(connection)
    .await?;
    let wanted = format!("{schema}.{name}");
    let cure = match did_you_mean(&wanted, elsewhere.iter().map(String::as_str)) {
        suggestion if suggestion.starts_with("did you mean") => suggestion,
        _ => "create it, correct the name, or set optional = true to go without".to_owned(),
    };
    Ok((
        format!("table or view {wanted:?} does not exist in this database"),
        cure,
    ))
}

fn refused_sql(dashboard: &Dashboard, origin: &Origin, error: &PgDatabaseError) -> SchemaError {
    let line = origin.source + line_of_query(&dashboard.source, error).unwrap_or(0);
    let cure = match (error.code(), error.hint()) {
        (INSUFFICIENT_PRIVILEGE, _) => {
            "grant the daemon's user USAGE on the schema and SELECT on the source".to_owned()
        }
        (_, Some(hint)) => sentence(hint),
        (_, None) => "correct the source, so that Postgres can read it".to_owned(),
    };
    SchemaError {
        file: origin.file.clone(),
        line,
        message: format!("Postgres cannot read the source: {}", error.message()),
        cure,
    }
}

/// In which line of a query Postgres stumbled, from 0.
fn line_of_query(source: &Source, error: &PgDatabaseError) -> Option<usize> {
    let (Source::Query(query), Some(PgErrorPosition::Original(position))) =
        (source, error.position())
    else {
        return None;
    };
    let within = position.checked_sub(QUERY_OFFSET + 1)?;
    (within < query.chars().count()).then(|| {
        let before = query.chars().take(within);
        before.filter(|character| *character == '\n').count()
    })
}

/// The columns of a query. The refusal is either Postgres' word on the query, with the line from 1, or that
/// Postgres could not be asked.
pub(crate) async fn described_query(
    connection: &mut PgConnection,
    source: &Source,
) -> Result<Vec<Column>, Result<(Option<usize>, String), sqlx::Error>> {
    match Columns::describe(connection, source).await {
        Ok(Described::Present(columns)) => Ok(columns.into_vec()),
        Ok(Described::Absent) => Ok(Vec::new()),
        Err(error) => Err(match Refusal::from(error) {
            Refusal::Sql(refused) => Ok((
                line_of_query(source, &refused).map(|line| line + 1),
                refused.message().to_owned(),
            )),
            Refusal::Database(error) => Err(error),
            Refusal::Absent | Refusal::Misfits(_) => Err(sqlx::Error::RowNotFound),
        }),
    }
}

/// A sentence of Postgres in our style.
fn sentence(text: &str) -> String {
    let mut characters = text.trim_end_matches('.').chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(characters).collect()
    })
}

/// Checks that relation columns can hold keys of the dashboard they point to.
fn relations(
    dashboard: &Dashboard,
    origin: &Origin,
    dashboards: &Dashboards,
    described: &HashMap<&str, Columns>,
    absent: &[String],
    errors: &mut Vec<SchemaError>,
) {
    let Some(columns) = described.get(dashboard.name.as_str()) else {
        return;
    };
    for (property, at) in dashboard.properties.iter().zip(&origin.properties) {
        let Some(target) = property
            .kind
            .related()
            .and_then(|name| dashboards.get(name))
        else {
            continue;
        };
        if let (Feed::Columns(names), Some(target_columns)) =
            (&property.feed, described.get(target.name.as_str()))
        {
            let message = unlike(property, names, columns, target, target_columns);
            errors.extend(message.map(|message| SchemaError {
                file: origin.file.clone(),
                line: at.column,
                message,
                cure: "name the columns that hold that key, in its order".to_owned(),
            }));
        }
        let Feed::Column(name) = &property.feed else {
            continue;
        };
        let Some(column) = columns.get(name) else {
            continue;
        };
        let mut refuse = |message, cure: &str| {
            errors.push(SchemaError {
                file: origin.file.clone(),
                line: at.to,
                message,
                cure: cure.to_owned(),
            });
        };
        if absent.contains(&target.name) {
            refuse(
                format!(
                    "property {:?} points to dashboard {:?}, whose source does not exist",
                    property.name, target.name
                ),
                "create that source, or make the property a text",
            );
            continue;
        }
        let Some(target_columns) = described.get(target.name.as_str()) else {
            continue;
        };
        match target.key.as_slice() {
            [key] => {
                if let Some(key) = target_columns.get(key).filter(|key| !relates(column, key)) {
                    refuse(
                        format!(
                            "property {:?} reads column {:?} of type {}, but the key of {:?} is of type {}",
                            property.name,
                            column.name,
                            column.type_name,
                            target.name,
                            key.type_name
                        ),
                        "name the column that holds that key",
                    );
                }
            }
            several if !column.holds_text() => refuse(
                format!(
                    "property {:?} points to dashboard {:?}, whose key has {} columns",
                    property.name,
                    target.name,
                    several.len()
                ),
                "name the columns that hold it, as in column = [\"a\", \"b\"]",
            ),
            _ => {}
        }
    }
}

/// The first column of a relation that cannot hold its part of the other key.
fn unlike(
    property: &Property,
    names: &[String],
    columns: &Columns,
    target: &Dashboard,
    target_columns: &Columns,
) -> Option<String> {
    names.iter().zip(&target.key).find_map(|(name, key)| {
        let (column, key) = (columns.get(name)?, target_columns.get(key)?);
        (!relates(column, key)).then(|| {
            format!(
                "property {:?} reads column {:?} of type {}, but {:?} in the key of {:?} is of type {}",
                property.name, column.name, column.type_name, key.name, target.name, key.type_name
            )
        })
    })
}
