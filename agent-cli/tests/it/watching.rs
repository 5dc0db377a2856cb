//! `watch` in a real pseudo-terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;

use crate::fleet::{Fleet, until};

/// A program on a terminal, and everything that it wrote.
struct Terminal {
    program: Child,
    master: File,
    slave: File,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    fn run(fleet: &Fleet, arguments: &[&str], columns: u16, rows: u16) -> Self {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let OpenptyResult { master, slave } = openpty(Some(&size), None).unwrap();
        let (master, slave) = (File::from(master), File::from(slave));
        let stdio = || Stdio::from(slave.try_clone().unwrap());
        let program = fleet
            .command(arguments)
            .env("TERM", "xterm-256color")
            .stdin(stdio())
            .stdout(stdio())
            .stderr(stdio())
            .spawn()
            .unwrap();
        let written = Arc::new(Mutex::new(Vec::new()));
        let (mut reader, into) = (master.try_clone().unwrap(), Arc::clone(&written));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                into.lock().unwrap().extend(&bytes[..count]);
            }
        });
        Self {
            program,
            master,
            slave,
            written,
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }

    fn shows(&self, what: &str) {
        until(what, || self.text().contains(what));
    }

    fn is_raw(&self) -> bool {
        let flags = tcgetattr(&self.slave).unwrap().local_flags;
        !flags.contains(LocalFlags::ICANON)
    }

    fn ends(mut self, code: i32) {
        assert_eq!(self.program.wait().unwrap().code(), Some(code));
        assert!(!self.is_raw(), "the terminal stays raw");
        self.shows("\u{1b}[?1049l");
        self.shows("\u{1b}[?25h");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn watch_shows_what_happens_until_q() {
    let fleet = Fleet::new();
    fleet.json(
        0,
        &[
            "claim",
            "docs/",
            "--reason",
            "a \u{1b}]0;title\u{7}guide",
            "--agent",
            "alpha",
        ],
    );
    let mut terminal = Terminal::run(&fleet, &["watch"], 80, 24);
    terminal.shows("claims: 1");
    terminal.shows("a ]0;title guide");
    assert!(terminal.is_raw());
    fleet.json(0, &["log", "progress", "half of it", "--agent", "beta"]);
    terminal.shows("half of it");
    let mut waiting = fleet.begin(&["claim", "docs/", "--wait", "60", "--agent", "gamma"]);
    terminal.shows("waiting: 1");
    assert!(!terminal.text().contains("\u{1b}]0;"), "the terminal obeys");
    write!(terminal.master, "xq").unwrap();
    terminal.ends(0);
    let pid = Pid::from_raw(i32::try_from(waiting.id()).unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    waiting.wait().unwrap();
    let in_line = "SELECT count(*) FROM coordination.tickets";
    assert_eq!(
        fleet.number(in_line),
        0,
        "who is interrupted leaves the line"
    );
}

#[test]
fn watch_follows_the_windows_size_and_ends_with_control_c() {
    let fleet = Fleet::new();
    for number in 0..30 {
        fleet.json(
            0,
            &["claim", &format!("file-{number:02}"), "--agent", "alpha"],
        );
    }
    let mut terminal = Terminal::run(&fleet, &["watch"], 80, 24);
    terminal.shows("claims: 30, ");
    assert!(!terminal.text().contains("claims: 30\u{1b}"));
    let status = std::process::Command::new("stty")
        .args(["rows", "120", "cols", "132"])
        .stdin(Stdio::from(terminal.slave.try_clone().unwrap()))
        .status()
        .unwrap();
    assert!(status.success());
    // The kernel tells only those whose terminal controls them.
    kill(
        Pid::from_raw(i32::try_from(terminal.program.id()).unwrap()),
        Signal::SIGWINCH,
    )
    .unwrap();
    terminal.shows("file-29");
    terminal.master.write_all(&[3]).unwrap();
    terminal.ends(0);
}

#[test]
fn watch_gives_the_terminal_back_when_a_signal_ends_it() {
    let fleet = Fleet::new();
    let terminal = Terminal::run(&fleet, &["watch"], 10, 3);
    terminal.shows("\u{1b}[?1049h");
    until("it draws", || terminal.is_raw());
    let pid = Pid::from_raw(i32::try_from(terminal.program.id()).unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    terminal.ends(0);
}

#[test]
fn watch_needs_a_terminal() {
    let fleet = Fleet::new();
    let said = fleet.say(&["watch"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("this is none"), "{said:?}");
    assert!(said.err.contains("tail --follow"), "{said:?}");
}
