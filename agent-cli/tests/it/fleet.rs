//! A database and a repository of its own for each test, and the agents that work there.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use local_postgres::{Cluster, Settings};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_claimboard");

/// The cluster of this process; it ends with the process.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let settings = Settings::default().set("max_connections", "200");
        Cluster::temporary(&settings).expect("a private cluster starts")
    })
}

/// An empty database.
pub(crate) fn empty_database() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    cluster()
        .create_database(&name)
        .expect("a database is created");
    cluster().url(&name)
}

/// Where the agents of a test work.
pub(crate) struct Fleet {
    pub(crate) url: String,
    folder: TempDir,
}

/// What a call answered.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Fleet {
    /// A migrated database and an empty repository.
    pub(crate) fn new() -> Self {
        let fleet = Self::on(&empty_database());
        let said = fleet.say(&["migrate"]);
        assert_eq!(said.code, 0, "{said:?}");
        fleet
    }

    /// A repository, and a database as it is. With an empty url, the local cluster.
    pub(crate) fn on(url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder is made");
        fs::create_dir_all(folder.path().join("repo/.git")).unwrap();
        Self {
            url: url.to_owned(),
            folder,
        }
    }

    pub(crate) fn repository(&self) -> PathBuf {
        fs::canonicalize(self.folder.path().join("repo")).unwrap()
    }

    pub(crate) fn outside(&self) -> &Path {
        self.folder.path()
    }

    /// A call in the repository, with nothing of the tester's own environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("CLAIMBOARD_") || name.starts_with("XDG_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .current_dir(self.repository())
            .env("DATABASE_URL", &self.url)
            .env("HOME", self.folder.path())
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn say(&self, arguments: &[&str]) -> Said {
        Said::from(self.command(arguments).output().expect("it runs"))
    }

    /// A call that must exit with a code; its answer in JSON.
    pub(crate) fn json(&self, code: i32, arguments: &[&str]) -> Value {
        let said = self.say(&[arguments, &["--json"]].concat());
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
    }

    /// A call that goes on, with its output to be read.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts")
    }

    /// Plain SQL, past the protocol: what a test does to the clock.
    pub(crate) fn sql(&self, statements: &str) {
        self.with(async |connection| {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned()))
                .execute(connection)
                .await
                .map(drop)
        });
    }

    pub(crate) fn number(&self, query: &str) -> i64 {
        self.with(async |connection| {
            sqlx::query_scalar(sqlx::AssertSqlSafe(query.to_owned()))
                .fetch_one(connection)
                .await
        })
    }

    fn with<T>(&self, work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>) -> T {
        runtime().block_on(async {
            let mut connection = PgConnection::connect(&self.url).await.expect("it answers");
            let done = work(&mut connection).await.expect("the statement runs");
            connection.close().await.expect("it closes");
            done
        })
    }

    /// The lease of everything that is held ends now.
    pub(crate) fn expire_all(&self) {
        self.sql("UPDATE coordination.claims SET expires_at = clock_timestamp() - interval '1 s' WHERE released_at IS NULL");
    }

    pub(crate) fn live_claims(&self) -> i64 {
        self.number("SELECT count(*) FROM coordination.claims WHERE released_at IS NULL AND expires_at > clock_timestamp()")
    }
}

/// A transaction of somebody else, left open.
pub(crate) struct Open {
    runtime: tokio::runtime::Runtime,
    connection: PgConnection,
}

impl Open {
    pub(crate) fn after(fleet: &Fleet, statement: &str) -> Self {
        let runtime = runtime();
        let connection = runtime.block_on(PgConnection::connect(&fleet.url));
        let mut open = Self {
            connection: connection.expect("it answers"),
            runtime,
        };
        open.run(&format!("BEGIN; {statement}"));
        open
    }

    pub(crate) fn end(mut self, how: &str) {
        self.run(how);
    }

    fn run(&mut self, statements: &str) {
        let work = sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned()));
        self.runtime
            .block_on(work.execute(&mut self.connection))
            .expect("the statement runs");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts")
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let status = output.status;
        Self {
            code: status
                .code()
                .unwrap_or_else(|| -status.signal().unwrap_or(0)),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

/// Waits for a fact.
pub(crate) fn until(what: &str, fact: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !fact() {
        assert!(Instant::now() < deadline, "it never came true: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process is there: not gone, and no zombie.
pub(crate) fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('Z'))
    })
}

/// Whether nothing is left of a process, not even a zombie.
pub(crate) fn is_gone(pid: i32) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}
