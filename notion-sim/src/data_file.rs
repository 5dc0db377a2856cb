//! The data file: one JSON line per changed object, later lines winning, compacted at start.
//!
//! A change is written before it is answered, so that a process that is killed loses nothing it promised.
//! The machine itself may lose the last moments: this is a test bench, not a database.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::model::workspace::{Record, Workspace};

/// The first line of every data file.
const HEADER: &str = r#"{"notion-sim":1}"#;

pub(crate) struct DataFile {
    file: File,
}

/// Why a data file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum DataFileError {
    /// Reading or writing failed.
    #[error("could not use the data file {path}; check that the folder exists and is writable")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not one of ours, or was damaged.
    #[error(
        "line {line} of the data file {path} cannot be read; move the file away to start afresh"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What the parser said; nothing when the line is not the expected header.
        #[source]
        source: Option<serde_json::Error>,
    },
    /// Another process holds the file.
    #[error("the data file {path} is used by another notion-sim; stop it or choose another file")]
    Busy {
        /// The file.
        path: PathBuf,
    },
}

impl DataFile {
    /// What the file holds; `None` when there is none yet. A torn last line, left by a killed process, was never answered and is dropped.
    pub(crate) fn load(path: &Path, seed: u64) -> Result<Option<Workspace>, DataFileError> {
        let io = |source| DataFileError::Io {
            path: path.to_owned(),
            source,
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let mut reader = BufReader::new(file);
        let mut records = Vec::new();
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            if reader.read_until(b'\n', &mut line).map_err(io)? == 0 {
                break;
            }
            let torn = line.pop_if(|byte| *byte == b'\n').is_none();
            if torn {
                break;
            }
            let damaged = |source| DataFileError::Damaged {
                path: path.to_owned(),
                line: number,
                source,
            };
            if number == 1 {
                if line != HEADER.as_bytes() {
                    return Err(damaged(None));
                }
                continue;
            }
            records.push(
                serde_json::from_slice::<Record>(&line).map_err(|error| damaged(Some(error)))?,
            );
        }
        Ok(Workspace::restore(records, seed))
    }

    /// Writes the whole workspace afresh, beside the old file and then over it, and keeps the new one open.
    pub(crate) fn compact(path: &Path, workspace: &Workspace) -> Result<Self, DataFileError> {
        let io = |source| DataFileError::Io {
            path: path.to_owned(),
            source,
        };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let fresh = path.with_file_name(name);
        let file = File::create(&fresh).map_err(io)?;
        let mut writer = BufWriter::new(&file);
        writeln!(writer, "{HEADER}").map_err(io)?;
        for record in workspace.records() {
            serde_json::to_writer(&mut writer, &record).map_err(|error| io(error.into()))?;
            writer.write_all(b"\n").map_err(io)?;
        }
        writer.flush().map_err(io)?;
        drop(writer);
        file.sync_all().map_err(io)?;
        std::fs::rename(&fresh, path).map_err(io)?;
        let file = OpenOptions::new().append(true).open(path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(_) => Err(DataFileError::Busy {
                path: path.to_owned(),
            }),
        }
    }

    /// Whether another process works on the file.
    pub(crate) fn free(path: &Path) -> Result<(), DataFileError> {
        match File::open(path) {
            Ok(file) if file.try_lock().is_err() => Err(DataFileError::Busy {
                path: path.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Appends changes in one write.
    pub(crate) fn append(&mut self, changes: &[Record]) -> io::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::with_capacity(changes.len() * 512);
        for record in changes {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
        }
        self.file.write_all(&lines)
    }
}
