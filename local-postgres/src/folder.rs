//! What lies where: the folder that a caller names, and what is put elsewhere because it must be.

use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, mkdtemp};

use crate::Error;
use crate::account::Account;
use crate::error::io_at;

/// What a unix socket's path may hold everywhere (Linux 107 bytes, macOS 103).
const SOCKET_PATH_LIMIT: usize = 103;
const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// How long the server of an owner that died may take to shut down before its successor gives up.
const SUCCESSION: Duration = Duration::from_secs(30);
/// For root whose folder the server's account cannot enter (a clone below `/root`).
const ELSEWHERE: &str = "/var/lib/local-postgres";

/// The caller's folder: `lock`, `log`, `cluster/` (Postgres' own data folder) and `sockets/`.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) cluster: PathBuf,
    pub(crate) sockets: PathBuf,
    pub(crate) log: PathBuf,
    /// Held by this process, its supervisor and every process of the server.
    pub(crate) lock: File,
}

impl Folder {
    pub(crate) fn open(path: &Path, account: Account) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(io_at(path))?;
        let path = fs::canonicalize(path).map_err(io_at(path))?;
        let lock = lock(&path)?;
        let home = home(&path, account)?;
        let sockets = sockets(&path, &home, account)?;
        let folder = Self {
            cluster: home.join("cluster"),
            sockets,
            log: path.join("log"),
            path,
            lock,
        };
        folder.forget_dead_server()?;
        Ok(folder)
    }

    /// Sockets that did not fit beside the data are in a folder of their own, which goes with the server.
    pub(crate) fn forget_far_sockets(&self) {
        let remembered = self.path.join("sockets");
        if fs::read_link(&remembered).is_ok() {
            let _ = fs::remove_dir_all(&self.sockets);
            let _ = fs::remove_file(&remembered);
        }
    }

    /// A stale `postmaster.pid` is survived by Postgres unless its number was given to another process
    /// since, which is common in containers. The lock says that no server of ours is alive.
    pub(crate) fn forget_dead_server(&self) -> Result<(), Error> {
        if let Some(pid) = self.server() {
            return Err(Error::InUse {
                folder: self.path.clone(),
                pid,
            });
        }
        let path = self.pid_file();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(io_at(&path)(error)),
            _ => Ok(()),
        }
    }

    /// Stops a server that lost its supervisor. Whether none is left within `limit`.
    pub(crate) fn stop_orphan(&self, limit: Duration) -> bool {
        let started = Instant::now();
        let mut asked = None;
        while let Some(pid) = self.server() {
            if started.elapsed() > limit {
                return false;
            }
            if asked.replace(pid) != Some(pid) {
                // One that has just ended needs no signal.
                let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
            }
            thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// The live server's first process, as it wrote it down.
    fn server(&self) -> Option<i32> {
        let text = fs::read_to_string(self.pid_file()).ok()?;
        let pid = text.lines().next()?.parse().ok()?;
        is_postgres(pid).then_some(pid)
    }

    fn pid_file(&self) -> PathBuf {
        self.cluster.join("postmaster.pid")
    }
}

/// A fresh folder that `account` can enter and remove.
pub(crate) fn temporary(account: Account) -> Result<PathBuf, Error> {
    for parent in [
        std::env::temp_dir(),
        PathBuf::from("/tmp"),
        PathBuf::from("/var/tmp"),
    ] {
        if parent.is_dir() && account.can_enter(&parent)? {
            return private(&parent.join("local-postgres-XXXXXX"), account);
        }
    }
    Err(Error::Io {
        path: std::env::temp_dir(),
        source: std::io::ErrorKind::PermissionDenied.into(),
    })
}

fn private(template: &Path, account: Account) -> Result<PathBuf, Error> {
    let path = mkdtemp(template).map_err(|errno| Error::Io {
        path: template.to_owned(),
        source: errno.into(),
    })?;
    account.give(&path)?;
    Ok(path)
}

fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io_at(&path))?;
    let started = Instant::now();
    while file.try_lock().is_err() {
        let mut text = String::new();
        File::open(&path)
            .and_then(|mut file| file.read_to_string(&mut text))
            .map_err(io_at(&path))?;
        let pid = text.trim().parse().unwrap_or(0);
        if is_alive(pid) || started.elapsed() > SUCCESSION {
            return Err(Error::InUse {
                folder: folder.to_owned(),
                pid,
            });
        }
        thread::sleep(Duration::from_millis(20));
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(io_at(&path))?;
    Ok(file)
}

/// Where the server's own files go: the caller's folder, if the server's account can enter it.
fn home(path: &Path, account: Account) -> Result<PathBuf, Error> {
    if account.can_enter(path)? {
        return Ok(path.to_owned());
    }
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    let home = Path::new(ELSEWHERE).join(format!("{:016x}", hasher.finish()));
    let (cluster, link) = (home.join("cluster"), path.join("cluster"));
    if !link.is_symlink() {
        // Whoever removed the caller's folder meant the data too.
        if home.exists() {
            fs::remove_dir_all(&home).map_err(io_at(&home))?;
        }
        symlink(&cluster, &link).map_err(io_at(&link))?;
    }
    fs::create_dir_all(&home).map_err(io_at(&home))?;
    Ok(home)
}

fn sockets(path: &Path, home: &Path, account: Account) -> Result<PathBuf, Error> {
    let near = home.join("sockets");
    if near.as_os_str().as_bytes().len() + 1 + SOCKET_NAME.len() <= SOCKET_PATH_LIMIT {
        if !near.exists() {
            fs::DirBuilder::new()
                .mode(0o700)
                .create(&near)
                .map_err(io_at(&near))?;
            account.give(&near)?;
        }
        return Ok(near);
    }
    // Remembered, so that a next start removes what an owner that was killed left behind.
    let remembered = path.join("sockets");
    if let Ok(left_behind) = fs::read_link(&remembered) {
        if left_behind.exists() {
            fs::remove_dir_all(&left_behind).map_err(io_at(&left_behind))?;
        }
        fs::remove_file(&remembered).map_err(io_at(&remembered))?;
    }
    let far = private(Path::new("/tmp/local-postgres-XXXXXX"), account)?;
    symlink(&far, &remembered).map_err(io_at(&remembered))?;
    Ok(far)
}

fn is_alive(pid: i32) -> bool {
    pid > 0 && kill(Pid::from_raw(pid), None) != Err(nix::errno::Errno::ESRCH)
}

fn is_postgres(pid: i32) -> bool {
    if !is_alive(pid) {
        return false;
    }
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).or_else(|_| {
        let ps = std::process::Command::new("ps")
            .args(["-o", "comm=", "-p", &pid.to_string()])
            .output()?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&ps.stdout).into_owned())
    });
    // Unable to tell: then it may be one.
    name.map_or(true, |name| name.contains("postgres"))
}
