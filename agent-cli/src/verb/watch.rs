//! `claimboard watch`

mod board;
mod screen;

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use chrono::Utc;
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Print, SetAttribute};
use crossterm::terminal::{
    self, BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use crossterm::{cursor, execute, queue};
use tokio::sync::mpsc;

use self::board::Board;
use self::screen::{Line, Paint};
use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::verb::Ended;
use crate::wish::Ears;

const INTERVAL: Duration = Duration::from_secs(1);
/// How soon a key's reader notices that nobody listens any more.
const GLANCE: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard watch
  claimboard watch --workspace site

Agents, claims, who waits for what, and the log, once a second, for people in a terminal; q or Ctrl-C
ends it. For machines: `claimboard tail --follow --json`, and `claims`, `agents` with --json.")]
pub(crate) struct Args {}

pub(crate) async fn act(_: Args, desk: &Desk) -> Result<Ended, Failure> {
    if desk.say.json || !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failure::usage(
            "watch draws on a terminal, and this is none",
            "use `claimboard tail --follow`, `claimboard claims` or `claimboard agents`, with --json for programs",
        ));
    }
    let mut ears = Ears::open()?;
    let pool = desk.database().await?.pool;
    let workspace = desk.workspace();
    let mut board = Board::read(&pool, &workspace).await?;
    let (mut events, _reader) = Reader::begin();
    let terminal = Screen::take().map_err(|error| broken(&error))?;
    let mut trouble = None;
    loop {
        let (width, height) = terminal::size().map_err(|error| broken(&error))?;
        let lines = screen::draw(&board, trouble.as_deref(), width, height, Utc::now());
        show(&lines).map_err(|error| broken(&error))?;
        tokio::select! {
            event = events.recv() => match event {
                Some(Wanted::Redraw) => {}
                Some(Wanted::End) | None => break,
            },
            _ = ears.hear() => break,
            () = tokio::time::sleep(INTERVAL) => {
                match Board::read(&pool, &workspace).await {
                    Ok(fresh) => {
                        board = fresh;
                        trouble = None;
                    }
                    // What was seen last stays, and why it is old is said.
                    Err(failure) => trouble = Some(failure.what),
                }
            }
        }
    }
    drop(terminal);
    Ok(Ended::Code(Exit::Done as u8))
}

fn broken(error: &io::Error) -> Failure {
    Failure::failed(
        format!("the terminal cannot be drawn on: {error}"),
        "try another terminal",
    )
}

/// The terminal, taken over until this is dropped, however that comes about.
struct Screen;

impl Screen {
    fn take() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        let screen = Self;
        execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = execute!(io::stdout(), LeaveAlternateScreen, cursor::Show);
        let _ = terminal::disable_raw_mode();
    }
}

fn show(lines: &[Line]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    queue!(out, BeginSynchronizedUpdate)?;
    for (row, line) in (0..).zip(lines) {
        queue!(out, cursor::MoveTo(0, row))?;
        for (paint, text) in &line.parts {
            let attribute = match paint {
                Paint::Plain => Attribute::Reset,
                Paint::Bold => Attribute::Bold,
                Paint::Faint => Attribute::Dim,
                Paint::Reverse => Attribute::Reverse,
            };
            queue!(
                out,
                SetAttribute(attribute),
                Print(text),
                SetAttribute(Attribute::Reset)
            )?;
        }
        queue!(out, Clear(ClearType::UntilNewLine))?;
    }
    queue!(out, EndSynchronizedUpdate)?;
    out.flush()
}

enum Wanted {
    Redraw,
    End,
}

/// Reads keys in a thread of its own, which ends when this is dropped.
struct Reader {
    over: Arc<AtomicBool>,
}

impl Reader {
    fn begin() -> (mpsc::UnboundedReceiver<Wanted>, Self) {
        let (sender, events) = mpsc::unbounded_channel();
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let wanted = match event::poll(GLANCE)
                    .and_then(|is_there| is_there.then(event::read).transpose())
                {
                    Ok(Some(event)) => meaning(&event),
                    Ok(None) => None,
                    Err(_) => Some(Wanted::End),
                };
                if let Some(wanted) = wanted
                    && sender.send(wanted).is_err()
                {
                    return;
                }
            }
        });
        (events, Self { over })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn meaning(event: &Event) -> Option<Wanted> {
    match event {
        Event::Resize(..) => Some(Wanted::Redraw),
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            let is_control_c =
                key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
            (is_control_c || matches!(key.code, KeyCode::Char('q' | 'Q') | KeyCode::Esc))
                .then_some(Wanted::End)
        }
        _ => None,
    }
}
