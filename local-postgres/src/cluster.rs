use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;
use crate::account::Account;
use crate::binaries::Binaries;
use crate::error::io_at;
use crate::folder::{self, Folder};
use crate::supervisor::Supervisor;

/// Crash recovery included.
const START: Duration = Duration::from_mins(2);
const STOP: Duration = Duration::from_mins(1);

/// Server settings beyond the defaults, such as `track_commit_timestamp`.
#[derive(Debug, Clone, Default)]
pub struct Settings(Vec<(String, String)>);

impl Settings {
    /// With one more setting; a later one of the same name wins.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running private cluster; dropping it stops it.
#[derive(Debug)]
pub struct Cluster {
    account: Account,
    binaries: Binaries,
    settings: Settings,
    folder: Folder,
    temporary: bool,
    supervisor: Supervisor,
}

impl Cluster {
    /// Starts the cluster in `data`, made there first if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] when a live process runs it, [`Error::NotInstalled`] without server binaries.
    pub fn start(data: &Path, settings: &Settings) -> Result<Self, Error> {
        Self::run(data, settings, Account::choose()?, false)
    }

    /// Starts a cluster in a fresh folder, which is removed when the cluster is dropped or its owner dies.
    pub fn temporary(settings: &Settings) -> Result<Self, Error> {
        let account = Account::choose()?;
        let data = folder::temporary(account)?;
        Self::run(&data, settings, account, true).inspect_err(|_| remove(&data))
    }

    fn run(
        data: &Path,
        settings: &Settings,
        account: Account,
        temporary: bool,
    ) -> Result<Self, Error> {
        let folder = Folder::open(data, account)?;
        let existing = made_by(&folder.cluster)?;
        let binaries = Binaries::find(existing.map(|major| (major, folder.path.as_path())))?;
        if existing.is_none() {
            initialise(&folder, &binaries, account, temporary)?;
        }
        let supervisor = launch(&folder, &binaries, settings, account, temporary)?;
        let mut cluster = Self {
            account,
            binaries,
            settings: settings.clone(),
            folder,
            temporary,
            supervisor,
        };
        cluster.wait_until_ready()?;
        Ok(cluster)
    }

    /// How sqlx and libpq reach a database of this cluster.
    pub fn url(&self, database: &str) -> String {
        let host = percent_encoded(&self.folder.sockets.to_string_lossy());
        format!(
            "postgres://postgres@localhost/{}?host={host}",
            percent_encoded(database)
        )
    }

    /// Creates a database; nothing happens when it exists.
    pub fn create_database(&self, name: &str) -> Result<(), Error> {
        let psql = self.binaries.program("psql");
        let mut process = self
            .account
            .command(&psql)
            .args([
                "-X",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                "postgres",
                "-d",
                "postgres",
                "-v",
            ])
            .arg(format!("name={name}"))
            .arg("-h")
            .arg(&self.folder.sockets)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(io_at(&psql))?;
        if let Some(mut stdin) = process.stdin.take() {
            stdin
                .write_all(
                    b"select format('create database %I', :'name') \
                      where not exists (select from pg_database where datname = :'name') \\gexec\n",
                )
                .map_err(io_at(&psql))?;
        }
        let output = process.wait_with_output().map_err(io_at(&psql))?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error::Program {
            program: "psql",
            output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }

    /// The folder of the socket, for `psql -h`.
    pub fn socket_dir(&self) -> &Path {
        &self.folder.sockets
    }

    /// The folder that was given to [`Cluster::start`], as an absolute path.
    pub fn data_dir(&self) -> &Path {
        &self.folder.path
    }

    /// Stops without a checkpoint, as a crash would, and starts again on the same socket.
    pub fn restart_immediate(&mut self) -> Result<(), Error> {
        self.supervisor.signal("QUIT");
        if !self.supervisor.wait(STOP) {
            return Err(self.too_slow("stopped", STOP));
        }
        self.start_again()
    }

    /// Whether the server is gone without having been stopped here: killed, or broken. It does not come back by itself.
    pub fn has_ended(&mut self) -> bool {
        self.supervisor.ended().is_some()
    }

    /// Starts a server that [has ended](Cluster::has_ended) again, on the same socket; nothing committed is lost. One whose supervisor
    /// alone was killed is stopped first.
    ///
    /// # Errors
    ///
    /// [`Error::Program`] also while processes of the killed server are still on their way out: a little later it succeeds.
    pub fn restart(&mut self) -> Result<(), Error> {
        if !self.has_ended() {
            return Ok(());
        }
        if !self.folder.stop_orphan(STOP) {
            return Err(self.too_slow("stopped", STOP));
        }
        self.start_again()
    }

    fn start_again(&mut self) -> Result<(), Error> {
        self.folder.forget_dead_server()?;
        self.supervisor = launch(
            &self.folder,
            &self.binaries,
            &self.settings,
            self.account,
            self.temporary,
        )?;
        self.wait_until_ready()
    }

    /// Stops the server and waits until it is gone: sessions are ended, nothing committed is lost.
    pub fn stop(mut self) -> Result<(), Error> {
        self.shut_down()
    }

    fn shut_down(&mut self) -> Result<(), Error> {
        self.supervisor.signal("INT");
        if self.supervisor.wait(STOP) {
            return Ok(());
        }
        self.supervisor.signal("QUIT");
        if self.supervisor.wait(STOP) {
            Ok(())
        } else {
            Err(self.too_slow("stopped", STOP * 2))
        }
    }

    /// Postgres writes its state to the eighth line of `postmaster.pid`; `pg_ctl` waits for the same.
    fn wait_until_ready(&mut self) -> Result<(), Error> {
        let path = self.folder.cluster.join("postmaster.pid");
        let started = Instant::now();
        loop {
            let state = fs::read_to_string(&path).unwrap_or_default();
            if state
                .lines()
                .nth(7)
                .is_some_and(|line| line.trim() == "ready")
            {
                return Ok(());
            }
            if self.supervisor.ended().is_some() {
                return Err(Error::Program {
                    program: "postgres",
                    output: end_of(&self.folder.log),
                });
            }
            if started.elapsed() > START {
                return Err(self.too_slow("ready", START));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn too_slow(&self, awaited: &'static str, limit: Duration) -> Error {
        Error::TooSlow {
            folder: self.folder.path.clone(),
            awaited,
            seconds: limit.as_secs(),
            log: self.folder.log.clone(),
        }
    }
}

impl Drop for Cluster {
    /// What goes wrong here has nobody left to tell: the log has the server's side of it.
    fn drop(&mut self) {
        let _ = self.shut_down();
        self.folder.forget_far_sockets();
        if self.temporary {
            remove(&self.folder.path);
        }
    }
}

fn remove(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
}

/// The major version of the cluster in a folder, if there is one.
fn made_by(cluster: &Path) -> Result<Option<u32>, Error> {
    let path = cluster.join("PG_VERSION");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().parse().ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_at(&path)(error)),
    }
}

/// Beside its place first, so that an interrupted attempt is never taken for a cluster.
fn initialise(
    folder: &Folder,
    binaries: &Binaries,
    account: Account,
    temporary: bool,
) -> Result<(), Error> {
    let unfinished = folder.cluster.with_file_name("cluster.unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(io_at(&unfinished))?;
    }
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&unfinished)
        .map_err(io_at(&unfinished))?;
    account.give(&unfinished)?;
    let initdb = binaries.program("initdb");
    let mut command = account.command(&initdb);
    command.args([
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--no-instructions",
    ]);
    // The language's own order of text, as servers in the wild have it, on every system alike.
    command.args(["--locale=C", "--locale-provider=icu", "--icu-locale=en"]);
    if temporary {
        command.arg("--no-sync");
    }
    let output = command
        .arg("-D")
        .arg(&unfinished)
        .output()
        .map_err(io_at(&initdb))?;
    if !output.status.success() {
        return Err(Error::Program {
            program: "initdb",
            output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    fs::rename(&unfinished, &folder.cluster).map_err(io_at(&folder.cluster))
}

fn launch(
    folder: &Folder,
    binaries: &Binaries,
    settings: &Settings,
    account: Account,
    temporary: bool,
) -> Result<Supervisor, Error> {
    let mut arguments = vec![
        "-D".to_owned(),
        folder.cluster.display().to_string(),
        "-c".to_owned(),
        "listen_addresses=".to_owned(),
        "-c".to_owned(),
        format!("unix_socket_directories={}", folder.sockets.display()),
        "-c".to_owned(),
        "timezone=UTC".to_owned(),
    ];
    for (name, value) in &settings.0 {
        arguments.extend(["-c".to_owned(), format!("{name}={value}")]);
    }
    let remove = temporary.then_some(folder.path.as_path());
    Supervisor::start(
        &binaries.program("postgres"),
        &arguments,
        folder,
        account,
        remove,
    )
}

fn end_of(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
