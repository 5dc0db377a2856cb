//! The daemon as systemd sees it: ready, watched, reloaded, stopped; and what is installed for it.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use notion_sim::Options;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::stage::{Stage, eventually, plenty, root};

const TABLE: &str = "
CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO item SELECT n, 'Item ' || n FROM generate_series(1, 20) n;
";

const ITEMS: &str = r#"
name = "Items"
source = "item"
key = "id"
cadence = "1s"
change_limit = "off"
[[property]]
name = "Name"
type = "title"
column = "name"
"#;

/// The socket on which a service manager listens.
struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        Self { socket, folder }
    }

    fn start(&self, mut command: Command) -> Child {
        command
            .env("NOTIFY_SOCKET", self.folder.path().join("notify"))
            .env("WATCHDOG_USEC", "2000000")
            .stderr(Stdio::null())
            .spawn()
            .expect("the daemon starts")
    }

    /// The next message within `patience`.
    fn hear(&self, patience: Duration) -> Option<String> {
        self.socket
            .set_read_timeout(Some(patience))
            .expect("a time limit");
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    /// Waits for a message that contains `text`; what came before it is dropped.
    fn await_message(&self, text: &str) -> String {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(60) {
            if let Some(message) = self.hear(Duration::from_secs(1))
                && message.contains(text)
            {
                return message;
            }
        }
        panic!("never heard {text:?}");
    }

    /// Reads until nothing came for a second; whether the watchdog was fed meanwhile.
    fn fed_within(&self, time: Duration) -> bool {
        while self.hear(Duration::from_millis(1)).is_some() {}
        let started = Instant::now();
        while started.elapsed() < time {
            if self
                .hear(Duration::from_millis(100))
                .is_some_and(|message| message.contains("WATCHDOG=1"))
            {
                return true;
            }
        }
        false
    }
}

async fn signal(daemon: &Child, signal: &str) {
    let pid = daemon.id().expect("it runs").to_string();
    Command::new("kill")
        .args([signal, &pid])
        .status()
        .await
        .expect("a signal");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ready_when_it_mirrors_and_says_so_when_it_stops() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let manager = Manager::new();
    let mut daemon = manager.start(stage.command(&["run"]));
    manager.await_message("READY=1");
    manager.await_message("WATCHDOG=1");
    manager.await_message("STATUS=20 pages written, 0 waiting");
    signal(&daemon, "-TERM").await;
    manager.await_message("STOPPING=1");
    assert_eq!(daemon.wait().await.expect("it stops").code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ready_and_watched_while_postgres_is_away() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    stage.close_database(true).await;
    let manager = Manager::new();
    let _daemon = manager.start(stage.command(&["run"]));
    manager.await_message("READY=1");
    manager.await_message("STATUS=waiting: ");
    assert!(manager.fed_within(Duration::from_secs(20)));
    stage.close_database(false).await;
    manager.await_message("STATUS=20 pages written, 0 waiting");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_is_never_ready() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    std::fs::write(stage.schemas.path().join("items.toml"), "name = 1").expect("written");
    let manager = Manager::new();
    let mut daemon = manager.start(stage.command(&["run"]));
    assert_eq!(daemon.wait().await.expect("it ends").code(), Some(2));
    while let Some(message) = manager.hear(Duration::from_millis(100)) {
        assert!(!message.contains("READY=1"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_notion_feeds_the_watchdog_and_a_stuck_loop_does_not() {
    let slow = Options {
        latency_ms: 20_000,
        ..plenty()
    };
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let crawling = Stage::bare(TABLE, &[("items.toml", ITEMS)], slow).await;
    let manager = Manager::new();
    let mut command = stage.command(&["run"]);
    command.env("NOTION_BASE_URL", crawling.notion.url());
    let _daemon = manager.start(command);
    manager.await_message("READY=1");
    eventually("a request is under way", async || {
        crawling.notion.stats().requests > 0
    })
    .await;
    for _ in 0..3 {
        assert!(manager.fed_within(Duration::from_secs(20)));
    }

    // The loop itself notes rows that cannot be shown; it cannot while somebody holds their table.
    let mut locker = stage.pool.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE sync.problems IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *locker)
        .await
        .expect("locked");
    stage.execute("INSERT INTO item VALUES (21, 'New')").await;
    let started = Instant::now();
    while manager.fed_within(Duration::from_secs(3)) {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "somebody else feeds the watchdog"
        );
    }
    locker.commit().await.expect("unlocked");
    assert!(manager.fed_within(Duration::from_secs(60)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_takes_up_token_and_schemas_and_keeps_what_waits() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    let token = stage.schemas.path().join("token");
    std::fs::write(&token, stage.notion.token()).expect("written");
    let manager = Manager::new();
    let mut command = stage.command(&["run"]);
    command
        .env_remove("NOTION_TOKEN")
        .env("NOTION_TOKEN_FILE", &token);
    let daemon = manager.start(command);
    manager.await_message("STATUS=20 pages written, 0 waiting");

    // Wrong files are refused, and the old dashboards go on.
    let file = stage.schemas.path().join("items.toml");
    std::fs::write(&file, ITEMS.replace("\"name\"", "\"nmae\"")).expect("written");
    signal(&daemon, "-HUP").await;
    manager.await_message("RELOADING=1");
    manager.await_message("READY=1");
    stage
        .execute("INSERT INTO item VALUES (21, 'While wrong')")
        .await;
    manager.await_message("STATUS=21 pages written, 0 waiting");

    // Pages that wait are still to be written after the reload, under the new definition.
    stage
        .fault(json!({"kind": "unavailable", "method": "PATCH", "path": "/v1/pages"}))
        .await;
    stage
        .execute("UPDATE item SET name = name || ' again'")
        .await;
    manager.await_message("21 waiting");
    std::fs::write(&file, ITEMS.replace("\"1s\"", "\"2s\"")).expect("written");
    signal(&daemon, "-HUP").await;
    manager.await_message("RELOADING=1");
    manager.await_message("READY=1");
    stage.clear_faults().await;
    // Each failure doubled the wait before the next attempt.
    stage.await_clean_for(Duration::from_secs(150)).await;
    assert_eq!(stage.notion.stats().page_creates, 21);
}

async fn make(target: &str, place: &Path) {
    let built = std::env::current_exe().expect("a path");
    let built = built.ancestors().nth(3).expect("target").to_owned();
    let output = Command::new("make")
        .args([
            "--no-print-directory",
            target,
            "PROFILE=debug",
            "PREFIX=/opt/board",
        ])
        .arg(format!("DESTDIR={}", place.display()))
        .arg(format!("BUILT={}", built.display()))
        .current_dir(root())
        .output()
        .await
        .expect("make runs");
    assert!(output.status.success(), "{output:?}");
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let inside = path.strip_prefix(folder).expect("inside");
                found.push(inside.display().to_string());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn what_is_installed_runs_and_is_removed_again() {
    let place = TempDir::new().expect("a folder");
    make("install", place.path()).await;
    let installed = files(place.path());
    assert_eq!(
        installed,
        [
            "etc/claimboard/claimboard-sync.env.example",
            "opt/board/bin/claimboard",
            "opt/board/bin/claimboard-sync",
            "opt/board/lib/systemd/system/claimboard-sync.service",
            "opt/board/share/claimboard/claimboard-sync.rules.yml",
        ]
    );
    let version = Command::new(place.path().join("opt/board/bin/claimboard-sync"))
        .arg("--version")
        .output()
        .await
        .expect("it runs");
    assert!(version.status.success());
    let unit = place
        .path()
        .join("opt/board/lib/systemd/system/claimboard-sync.service");
    let text = std::fs::read_to_string(&unit).expect("the unit");
    assert!(
        text.contains("ExecStart=/opt/board/bin/claimboard-sync run"),
        "{text}"
    );

    let own = place.path().join("etc/claimboard/claimboard-sync.env");
    std::fs::write(&own, "DATABASE_URL=…").expect("written");
    make("uninstall", place.path()).await;
    assert_eq!(files(place.path()), ["etc/claimboard/claimboard-sync.env"]);
}

/// Whether or not systemd is init.
#[tokio::test]
#[ignore = "needs systemd-analyze: make conformance"]
async fn systemd_finds_the_unit_valid_and_well_hardened() {
    let unit =
        std::fs::read_to_string(root().join("systemd/claimboard-sync.service")).expect("the unit");
    for line in [
        "Type=notify",
        "LimitCORE=0",
        "DynamicUser=yes",
        "LoadCredential=notion-token:",
    ] {
        assert!(unit.contains(line), "{line}");
    }
    // The program need not be installed for its unit to be checked.
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("claimboard-sync.service");
    let unit = unit.replace("/usr/local/bin/claimboard-sync", "/bin/true");
    std::fs::write(&file, unit).expect("written");
    let verified = Command::new("systemd-analyze")
        .arg("verify")
        .arg(&file)
        .output()
        .await
        .expect("it runs");
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(
        verified.status.success() && !said.contains("claimboard-sync"),
        "{said}"
    );
    let hardened = Command::new("systemd-analyze")
        .args(["security", "--offline=yes", "--threshold=20"])
        .arg(&file)
        .output()
        .await
        .expect("it runs");
    assert!(
        hardened.status.success(),
        "{}",
        String::from_utf8_lossy(&hardened.stdout)
    );
}
