//! What each process saw, written down line by line as it sees it: a killed process leaves all but its last line.
//!
//! Times are nanoseconds of the machine's monotonic clock, which all processes share.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use coordination::Mode;
use nix::time::{ClockId, clock_gettime};

/// Now, on the clock of all diaries.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("there is a monotonic clock");
    u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec()).unwrap_or(0)
}

/// One line.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    /// The writer acts for this session.
    Session(i64),
    /// An attempt at a claim was in flight between two moments, and was answered.
    Attempt {
        from: u64,
        until: u64,
        outcome: String,
        mode: Mode,
        names: Vec<String>,
    },
    /// A claim is held from now on: the answer has arrived, and it is committed.
    Granted {
        at: u64,
        claim: i64,
        token: i64,
        mode: Mode,
        slot: Option<u32>,
        name: String,
    },
    /// A claim may end from now on: what ends it is about to be sent.
    Ending { at: u64, claim: i64 },
    /// A claim's lease is over: the clock was moved and that is committed.
    Expired { at: u64, claim: i64 },
    /// A renewal that was sent at this moment succeeded.
    Renewed { sent: u64, claim: i64 },
    /// Something worth counting.
    Counted(String),
    /// Something that must never happen.
    Violation(String),
}

fn mode_from(word: &str) -> Mode {
    match word {
        "shared" => Mode::Shared,
        "slot" => Mode::Slot,
        _ => Mode::Exclusive,
    }
}

fn word_of(mode: Mode) -> &'static str {
    match mode {
        Mode::Exclusive => "exclusive",
        Mode::Shared => "shared",
        Mode::Slot => "slot",
    }
}

impl Entry {
    fn line(&self) -> String {
        match self {
            Self::Session(id) => format!("S {id}\n"),
            Self::Attempt {
                from,
                until,
                outcome,
                mode,
                names,
            } => {
                format!(
                    "A {from} {until} {outcome} {} {}\n",
                    word_of(*mode),
                    names.join(",")
                )
            }
            Self::Granted {
                at,
                claim,
                token,
                mode,
                slot,
                name,
            } => {
                format!(
                    "G {at} {claim} {token} {} {} {name}\n",
                    word_of(*mode),
                    slot.unwrap_or(0)
                )
            }
            Self::Ending { at, claim } => format!("L {at} {claim}\n"),
            Self::Expired { at, claim } => format!("X {at} {claim}\n"),
            Self::Renewed { sent, claim } => format!("N {sent} {claim}\n"),
            Self::Counted(what) => format!("C {what}\n"),
            Self::Violation(what) => format!("V {}\n", what.replace('\n', " ")),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let (kind, rest) = line.split_once(' ')?;
        let words: Vec<&str> = rest.split(' ').collect();
        let number = |at: usize| words.get(at)?.parse::<u64>().ok();
        let id = |at: usize| words.get(at)?.parse::<i64>().ok();
        Some(match kind {
            "S" => Self::Session(id(0)?),
            "A" => Self::Attempt {
                from: number(0)?,
                until: number(1)?,
                outcome: (*words.get(2)?).to_owned(),
                mode: mode_from(words.get(3)?),
                names: words.get(4)?.split(',').map(str::to_owned).collect(),
            },
            "G" => Self::Granted {
                at: number(0)?,
                claim: id(1)?,
                token: id(2)?,
                mode: mode_from(words.get(3)?),
                slot: u32::try_from(number(4)?).ok().filter(|slot| *slot > 0),
                name: (*words.get(5)?).to_owned(),
            },
            "L" => Self::Ending {
                at: number(0)?,
                claim: id(1)?,
            },
            "X" => Self::Expired {
                at: number(0)?,
                claim: id(1)?,
            },
            "N" => Self::Renewed {
                sent: number(0)?,
                claim: id(1)?,
            },
            "C" => Self::Counted(rest.to_owned()),
            "V" => Self::Violation(rest.to_owned()),
            _ => return None,
        })
    }
}

/// The pen of one process.
pub(crate) struct Diary(File);

impl Diary {
    pub(crate) fn begin(path: &Path) -> std::io::Result<Self> {
        File::options()
            .create(true)
            .append(true)
            .open(path)
            .map(Self)
    }

    pub(crate) fn write(&mut self, entry: &Entry) {
        self.0
            .write_all(entry.line().as_bytes())
            .expect("the diary can be written");
    }

    pub(crate) fn count(&mut self, what: &str) {
        self.write(&Entry::Counted(what.to_owned()));
    }
}

/// Reads on in a diary that is still being written.
pub(crate) struct Reader {
    file: File,
    read: u64,
}

impl Reader {
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        Ok(Self {
            file: File::open(path)?,
            read: 0,
        })
    }

    /// The whole lines that were written since the last time.
    pub(crate) fn more(&mut self) -> std::io::Result<Vec<Entry>> {
        let mut text = String::new();
        self.file.seek(SeekFrom::Start(self.read))?;
        self.file.read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        self.read += whole as u64;
        Ok(text[..whole].lines().filter_map(Entry::parse).collect())
    }
}
