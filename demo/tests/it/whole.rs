//! The demo as a person has it: the program, its output, its end. Its siblings are built by `make test`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(3);

struct Demo {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    data: PathBuf,
}

impl Demo {
    /// Under a wide budget and without latency: these tests are about beginnings and ends.
    fn start(data: &Path, more: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_demo"))
            .args([
                "--port",
                "0",
                "--requests-per-minute",
                "6000",
                "--latency-ms",
                "0",
                "--data",
            ])
            .arg(data)
            .args(more)
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the demo is built");
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        Self {
            process,
            lines,
            data: data.to_owned(),
        }
    }

    fn line_with(&mut self, text: &str) -> String {
        let found = self
            .lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.contains(text));
        found.unwrap_or_else(|| panic!("no line with {text:?}; {}", self.errors()))
    }

    fn errors(&mut self) -> String {
        let mut text = String::new();
        let stderr = self.process.stderr.take().expect("asked once");
        BufReader::new(stderr)
            .read_to_string(&mut text)
            .expect("text");
        text
    }

    fn signal(&self, signal: Signal) {
        kill(
            Pid::from_raw(i32::try_from(self.process.id()).expect("a pid")),
            signal,
        )
        .expect("it runs");
    }

    /// Its end, with whatever it still says, and nothing of it left running.
    fn ended(&mut self) -> ExitStatus {
        let status = self.process.wait().expect("its end");
        let started = Instant::now();
        while let Some(left) = members(&self.data).first() {
            assert!(started.elapsed() < LIMIT, "left running: {}", left.1);
            assert!(
                status.code().is_none(),
                "still running after the demo ended by itself: {}",
                left.1
            );
            thread::sleep(Duration::from_millis(20));
        }
        status
    }
}

/// Processes that work in the demo's folder, with their command lines.
fn members(data: &Path) -> Vec<(i32, String)> {
    let processes = fs::read_dir("/proc")
        .expect("a system with /proc")
        .filter_map(Result::ok);
    processes
        .filter_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            let place = fs::read_link(process.path().join("cwd")).ok()?;
            let command = fs::read(process.path().join("cmdline")).ok()?;
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            place.starts_with(data).then_some((pid, command))
        })
        .collect()
}

fn folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
    folder
}

#[test]
#[cfg(target_os = "linux")]
fn a_timed_run_ends_clean_and_the_next_one_continues_until_ctrl_c() {
    let folder = folder();
    let data = folder.path().join("demo");
    let mut demo = Demo::start(&data, &["--for", "3"]);
    demo.line_with("a new board");
    let summary = demo.line_with("{\"rows\"");
    assert!(demo.ended().success(), "{}", demo.errors());
    assert!(demo.lines.next().is_none(), "the summary is the last line");

    let summary: Value = serde_json::from_str(&summary).expect("JSON");
    let number = |name: &str| {
        summary[name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name} in {summary}"))
    };
    assert_eq!(
        summary["verify"],
        serde_json::json!({"missing": 0, "extra": 0, "different": 0}),
        "{summary}"
    );
    assert_eq!(summary["rows"], summary["pages"], "{summary}");
    assert!(
        number("rows") >= 554.0 && number("granted") >= 1.0,
        "{summary}"
    );
    assert!(
        number("writes") >= number("changed_rows") && number("requests") > number("writes"),
        "{summary}"
    );
    assert!(number("lag_p50_ms") <= number("lag_p95_ms"), "{summary}");

    let mut demo = Demo::start(&data, &[]);
    demo.line_with("goes on");
    let load = demo.line_with("first load");
    assert!(members(&data).len() > 4, "agents, daemon and Postgres run");
    demo.signal(Signal::SIGINT);
    assert!(demo.ended().success(), "{load}; {}", demo.errors());
}

#[test]
#[cfg(target_os = "linux")]
fn the_death_of_a_child_is_told_and_ends_everything() {
    let folder = folder();
    let data = folder.path().join("demo");
    let mut demo = Demo::start(&data, &[]);
    demo.line_with("Ctrl-C");
    let agents = members(&data);
    let (beta, _) = agents
        .iter()
        .find(|(_, command)| command.ends_with("beta "))
        .expect("beta works");
    kill(Pid::from_raw(*beta), Signal::SIGKILL).expect("it runs");
    assert_eq!(demo.ended().code(), Some(1));
    assert!(demo.errors().contains("beta ended by itself"));
}

#[test]
#[cfg(target_os = "linux")]
fn nothing_outlives_a_killed_demo() {
    let folder = folder();
    let data = folder.path().join("demo");
    let mut demo = Demo::start(&data, &[]);
    demo.line_with("Ctrl-C");
    demo.signal(Signal::SIGKILL);
    assert_eq!(demo.ended().code(), None);
}
