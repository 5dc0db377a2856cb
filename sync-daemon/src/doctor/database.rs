//! What Postgres tells about itself, the ledger, and the claims.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgSslMode;
use sqlx::{PgConnection, PgPool};

use super::Findings;
use crate::config::is_loopback;
use crate::dashboard::Dashboards;
use crate::ledger::Ledger;
use crate::source::{CheckError, check};

/// The oldest version that is tested.
const OLDEST: i32 = 150_000;

/// What the daemon opens at most.
const CONNECTIONS: i64 = 4;

/// Clocks that differ by more confuse people who compare logs.
const CLOCK_SECONDS: f64 = 5.0;

/// Looks at the database. Returns the rows of all sources as of the last passes.
pub(super) async fn look(
    findings: &mut Findings,
    pool: &PgPool,
    dashboards: Option<&Dashboards>,
) -> sqlx::Result<i64> {
    let mut connection = pool.acquire().await?;
    server(findings, &mut connection).await?;
    transport(findings, pool);
    clock(findings, &mut connection).await?;
    budget(findings, &mut connection).await?;
    protocol(findings, &mut connection).await?;
    rights(findings, &mut connection).await?;
    if let Some(dashboards) = dashboards {
        match check(&mut connection, dashboards).await {
            Ok(checked) => {
                let absent = checked.absent.len();
                let fit = dashboards.iter().len() - absent;
                findings.ok("sources", format!("{fit} dashboards fit their tables and may be read; {absent} are skipped, their tables do not exist here"));
            }
            Err(CheckError::Schema(errors)) => {
                let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
                findings.bad(
                    "sources",
                    errors.join("\n"),
                    "mend these lines, or GRANT SELECT on the tables",
                );
            }
            Err(CheckError::Database(error)) => return Err(error),
        }
    }
    drop(connection);
    ledger(findings, pool).await
}

async fn server(findings: &mut Findings, connection: &mut PgConnection) -> sqlx::Result<()> {
    let (number, version, name, user): (i32, String, String, String) = sqlx::query_as(
        "SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_database()::text, current_user::text",
    )
    .fetch_one(&mut *connection)
    .await?;
    let what = format!("PostgreSQL {version}, database {name}, as {user}");
    if number >= OLDEST {
        findings.ok("database", what);
    } else {
        findings.bad(
            "database",
            what,
            "upgrade: PostgreSQL 15 is the oldest that is supported",
        );
    }
    let read_only: bool = sqlx::query_scalar(
        "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool",
    )
    .fetch_one(&mut *connection)
    .await?;
    if read_only {
        findings.bad(
            "rights",
            "the server only reads: a standby, or default_transaction_read_only",
            "point DATABASE_URL to the primary",
        );
    }
    Ok(())
}

/// Whether somebody between here and the server could read along, or be the server.
fn transport(findings: &mut Findings, pool: &PgPool) {
    let options = pool.connect_options();
    let host = options.get_host();
    if options.get_socket().is_some() || host.starts_with('/') || is_loopback(host) {
        findings.ok("transport", "the server is on this machine");
    } else if matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
        findings.ok(
            "transport",
            "TLS; the server's certificate and name are verified",
        );
    } else {
        findings.note(
            "transport",
            format!("{host} is another machine, and its certificate and name are not verified"),
            "add sslmode=verify-full to DATABASE_URL",
        );
    }
}

/// What the daemon must be allowed beside reading.
async fn rights(findings: &mut Findings, connection: &mut PgConnection) -> sqlx::Result<()> {
    let lacking: Vec<String> = sqlx::query_scalar(
        "SELECT 'writing ' || c.oid::regclass FROM pg_class c
         WHERE c.relnamespace = to_regnamespace('sync') AND c.relkind = 'r' AND c.relname <> '_sqlx_migrations'
           AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                    AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
         UNION ALL
         SELECT DISTINCT 'calling coordination.' || p.proname FROM pg_proc p
         WHERE p.pronamespace = to_regnamespace('coordination') AND p.proname IN ('open_session', 'claim', 'renew', 'release')
           AND NOT has_function_privilege(p.oid, 'EXECUTE')
         ORDER BY 1",
    )
    .fetch_all(&mut *connection)
    .await?;
    if lacking.is_empty() {
        findings.ok(
            "rights",
            "it may write the ledger and hold the daemon's claim",
        );
    } else {
        findings.bad(
            "rights",
            format!("not allowed: {}", lacking.join(", ")),
            "GRANT claimboard_sync to this role, and SELECT, INSERT, UPDATE, DELETE on the tables of schema sync",
        );
    }
    Ok(())
}

async fn clock(findings: &mut Findings, connection: &mut PgConnection) -> sqlx::Result<()> {
    let before = Utc::now();
    let there: DateTime<Utc> = sqlx::query_scalar("SELECT clock_timestamp()")
        .fetch_one(&mut *connection)
        .await?;
    let here = before + (Utc::now() - before) / 2;
    let apart = (there - here).as_seconds_f64();
    if apart.abs() <= CLOCK_SECONDS {
        findings.ok(
            "clock",
            format!("agrees with the database's within {:.1} s", apart.abs()),
        );
    } else {
        findings.note(
            "clock",
            format!("differs from the database's by {apart:.0} s; leases go by the database's and are not harmed"),
            "let both machines keep time by NTP, so that logs can be compared",
        );
    }
    Ok(())
}

/// Who holds which connections, and how many are left.
async fn budget(findings: &mut Findings, connection: &mut PgConnection) -> sqlx::Result<()> {
    let (most, used): (i64, i64) = sqlx::query_as(
        "SELECT current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint,
                (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')",
    )
    .fetch_one(&mut *connection)
    .await?;
    let holders: Vec<(String, i64)> = sqlx::query_as(
        "SELECT coalesce(nullif(application_name, ''), usename::text, 'unknown'), count(*) FROM pg_stat_activity
         WHERE backend_type = 'client backend' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 8",
    )
    .fetch_all(&mut *connection)
    .await?;
    let holders: Vec<_> = holders
        .iter()
        .map(|(name, count)| format!("{count} {}", name.escape_debug()))
        .collect();
    let left = most - used;
    let what = format!("{left} of {most} left; held: {}", holders.join(", "));
    if left >= CONNECTIONS {
        findings.ok("connections", what);
    } else {
        findings.bad(
            "connections",
            what,
            "the daemon needs 4 and each agent 1: raise max_connections, end idle clients, or put PgBouncer in between",
        );
    }
    Ok(())
}

async fn protocol(findings: &mut Findings, connection: &mut PgConnection) -> sqlx::Result<()> {
    let extension: Option<String> =
        sqlx::query_scalar("SELECT extversion FROM pg_extension WHERE extname = 'btree_gist'")
            .fetch_optional(&mut *connection)
            .await?;
    match extension {
        Some(version) => findings.ok("extension", format!("btree_gist {version}")),
        None => findings.bad(
            "extension",
            "btree_gist is not there",
            "run `claimboard-sync setup` as the database's owner; it is a trusted extension",
        ),
    }
    let there: bool = sqlx::query_scalar("SELECT to_regclass('coordination.claims') IS NOT NULL AND to_regclass('coordination.migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !there {
        findings.bad(
            "migrations",
            "schema coordination is not there",
            "run `claimboard-sync setup` as the database's owner",
        );
        return Ok(());
    }
    let granted: bool = sqlx::query_scalar("SELECT has_table_privilege('coordination.claims', 'SELECT') AND has_schema_privilege('coordination', 'USAGE')")
        .fetch_one(&mut *connection)
        .await?;
    if !granted {
        findings.bad(
            "rights",
            "schema coordination may not be read",
            "GRANT claimboard_sync to this role (`claimboard roles` makes it)",
        );
        return Ok(());
    }
    version(findings, connection).await?;
    let stuck: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT resource, agent, to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM coordination.claims
         WHERE released_at IS NULL AND expires_at < clock_timestamp() - interval '1 hour' ORDER BY expires_at LIMIT 5",
    )
    .fetch_all(&mut *connection)
    .await?;
    let waits: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND clock_timestamp() - xact_start > interval '5 minutes'",
    )
    .fetch_one(&mut *connection)
    .await?;
    if stuck.is_empty() {
        findings.ok("claims", "no lease is over for more than an hour");
    } else {
        let names: Vec<_> = stuck
            .iter()
            .map(|(resource, agent, until)| {
                format!(
                    "{} of {} since {until} UTC",
                    resource.escape_debug(),
                    agent.escape_debug()
                )
            })
            .collect();
        findings.note(
            "claims",
            format!("leases that are over and not closed: {}", names.join("; ")),
            "nothing: they hold nobody up, and the next claimer closes them",
        );
    }
    if waits > 0 {
        findings.note(
            "transactions",
            format!("{waits} transactions are open and idle for more than five minutes"),
            "end their clients: they hold up vacuum and may hold up claims",
        );
    }
    Ok(())
}

/// Whether schema coordination is the one that this program was built with.
async fn version(findings: &mut Findings, connection: &mut PgConnection) -> sqlx::Result<()> {
    let readable: bool =
        sqlx::query_scalar("SELECT has_table_privilege('coordination.migrations', 'SELECT')")
            .fetch_one(&mut *connection)
            .await?;
    if !readable {
        findings.skipped(
            "migrations",
            "the version of schema coordination is its owner's to read",
        );
        return Ok(());
    }
    let there: Option<i64> =
        sqlx::query_scalar("SELECT max(version) FROM coordination.migrations WHERE success")
            .fetch_one(&mut *connection)
            .await?;
    let (there, wanted) = (there.unwrap_or_default(), coordination::schema_version());
    match there.cmp(&wanted) {
        Ordering::Equal => findings.ok("migrations", "schema coordination is up to date"),
        Ordering::Less => findings.bad(
            "migrations",
            format!("schema coordination is at step {there}, this program needs {wanted}"),
            "run `claimboard-sync setup` as the database's owner",
        ),
        Ordering::Greater => findings.note(
            "migrations",
            format!("schema coordination is at step {there}, this program knows {wanted}"),
            "install the claimboard-sync that came with the newer claimboard",
        ),
    }
    Ok(())
}

async fn ledger(findings: &mut Findings, pool: &PgPool) -> sqlx::Result<i64> {
    let ledger = Ledger::new(pool.clone());
    if !ledger.exists().await? {
        findings.bad(
            "ledger",
            "nothing has been set up in this database",
            "run `claimboard-sync setup`",
        );
        return Ok(0);
    }
    let pending = ledger.pending_migrations().await?;
    if pending > 0 {
        findings.bad(
            "migrations",
            format!("{pending} steps of schema sync have not been taken"),
            "run `claimboard-sync setup` as the database's owner",
        );
    } else {
        findings.ok("migrations", "schema sync is up to date");
    }
    let faults = ledger.faults().await?;
    let summaries = ledger.summaries().await?;
    let rows = summaries.iter().filter_map(|one| one.rows).sum();
    if faults.is_empty() {
        let pages: i64 = summaries.iter().map(|one| one.pages).sum();
        findings.ok(
            "ledger",
            format!(
                "{pages} pages of {} dashboards, consistent",
                summaries.len()
            ),
        );
    } else {
        findings.bad("ledger", faults.join("\n"), "stop the daemon, run `claimboard-sync verify`, then start it again; it looks up what is in doubt");
    }
    Ok(rows)
}
