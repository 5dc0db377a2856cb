//! The tool calls of coding agents: which files a tool would write, as far as its input says. Pure.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::host::Format;
use super::patch;
use super::shell::{Disk, Written, writes};

/// What every host tells of a call, in its own words.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) tool: String,
    pub(crate) input: Value,
    pub(crate) folder: Option<PathBuf>,
}

impl Call {
    /// Where relative paths start.
    pub(crate) fn folder(&self, otherwise: &Path) -> PathBuf {
        self.folder
            .as_deref()
            .map_or_else(|| otherwise.to_owned(), |folder| otherwise.join(folder))
    }

    /// The files that the tool would write, as far as the call says.
    pub(crate) fn writes(
        &self,
        format: Format,
        folder: &Path,
        disk: &dyn Disk,
    ) -> BTreeSet<Written> {
        let input = |name: &str| {
            let text = self.input.get(name)?.as_str()?;
            (!text.is_empty()).then_some(text)
        };
        let file = |path: &str| Written {
            path: folder.join(path),
            pattern: false,
        };
        match (format, self.tool.as_str()) {
            (Format::Claude, "Write" | "Edit" | "MultiEdit" | "NotebookEdit")
            | (Format::Codex, "Write" | "Edit")
            | (Format::Copilot, "create" | "edit")
            | (Format::Cline, "write_to_file" | "replace_in_file")
            | (
                Format::Cursor,
                "Write" | "Edit" | "MultiEdit" | "StrReplace" | "TabWrite" | "Delete",
            )
            | (Format::Gemini, "write_file" | "replace")
            | (Format::Qwen, "write_file" | "edit")
            | (Format::Windsurf, "pre_write_code") => ["file_path", "notebook_path", "path"]
                .into_iter()
                .filter_map(input)
                .map(file)
                .collect(),
            (Format::Codex, "apply_patch") => ["command", "input", "patch"]
                .into_iter()
                .filter_map(input)
                .chain(self.input.as_str())
                .flat_map(patch::begun)
                .map(|path| file(&path))
                .collect(),
            (Format::Claude, "Bash")
            | (
                Format::Codex,
                "Bash" | "shell" | "local_shell" | "shell_command" | "exec_command",
            )
            | (Format::Copilot, "bash")
            | (Format::Cline, "execute_command")
            | (Format::Cursor, "Shell" | "beforeShellExecution")
            | (Format::Gemini | Format::Qwen, "run_shell_command")
            | (Format::Windsurf, "pre_run_command") => {
                let folder = ["workdir", "working_directory", "directory", "dir_path"]
                    .into_iter()
                    .find_map(input)
                    .map_or_else(|| folder.to_owned(), |below| folder.join(below));
                let words = ["command", "cmd", "command_line"]
                    .into_iter()
                    .find_map(|name| self.input.get(name));
                command(words, &folder, disk)
            }
            _ => BTreeSet::new(),
        }
    }
}

/// A command line, or a list of words of which the last may be one (`["bash", "-lc", "…"]`).
fn command(words: Option<&Value>, folder: &Path, disk: &dyn Disk) -> BTreeSet<Written> {
    let text = match words {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(words)) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            if let ["apply_patch", patch] = words.as_slice() {
                return patch::begun(patch)
                    .into_iter()
                    .map(|path| Written {
                        path: folder.join(path),
                        pattern: false,
                    })
                    .collect();
            }
            words
                .iter()
                .map(|word| format!("'{}'", word.replace('\'', r"'\''")))
                .collect::<Vec<_>>()
                .join(" ")
        }
        _ => return BTreeSet::new(),
    };
    let mut written = writes(&text, folder, disk);
    if text.contains("*** Begin Patch") {
        // `apply_patch <<'EOF'`: the host runs it, no program of this name exists.
        written.extend(patch::begun(&text).into_iter().map(|path| Written {
            path: folder.join(path),
            pattern: false,
        }));
    }
    written
}
