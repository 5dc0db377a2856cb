//! The tool calls of coding agents: what a host writes to a hook before it runs a tool, which files that tool would write, and the
//! answer in the host's own form. Pure.
#![expect(
    clippy::doc_markdown,
    reason = "some of these comments are what --help shows"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Deserialize;
use serde_json::{Value, json};

use super::patch;
use super::shell::{Disk, Written, writes};

/// Whose form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Claude Code, event PreToolUse
    Claude,
    /// Codex CLI, event PreToolUse
    Codex,
    /// Gemini CLI, event BeforeTool
    Gemini,
}

/// What the three hosts have in common.
#[derive(Debug, Deserialize)]
pub(crate) struct Call {
    tool_name: String,
    #[serde(default)]
    tool_input: Value,
    cwd: Option<PathBuf>,
}

impl Call {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// Where relative paths start.
    pub(crate) fn folder(&self, otherwise: &Path) -> PathBuf {
        self.cwd
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
        let input = |name: &str| self.tool_input.get(name).and_then(Value::as_str);
        let file = |path: &str| Written {
            path: folder.join(path),
            pattern: false,
        };
        match (format, self.tool_name.as_str()) {
            (Format::Claude, "Write" | "Edit" | "MultiEdit" | "NotebookEdit")
            | (Format::Codex, "Write" | "Edit")
            | (Format::Gemini, "write_file" | "replace") => ["file_path", "notebook_path", "path"]
                .into_iter()
                .filter_map(input)
                .map(file)
                .collect(),
            (Format::Codex, "apply_patch") => ["command", "input", "patch"]
                .into_iter()
                .filter_map(input)
                .flat_map(patch::begun)
                .map(|path| file(&path))
                .collect(),
            (Format::Claude, "Bash")
            | (
                Format::Codex,
                "Bash" | "shell" | "local_shell" | "shell_command" | "exec_command",
            )
            | (Format::Gemini, "run_shell_command") => {
                let folder = ["workdir", "directory", "dir_path"]
                    .into_iter()
                    .find_map(input)
                    .map_or_else(|| folder.to_owned(), |below| folder.join(below));
                let words = ["command", "cmd"]
                    .into_iter()
                    .find_map(|name| self.tool_input.get(name));
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

/// The host's own words for no.
pub(crate) fn denial(format: Format, reason: &str) -> Value {
    match format {
        Format::Claude | Format::Codex => json!({
            "hookSpecificOutput": {
                "hookEventName": "PreToolUse",
                "permissionDecision": "deny",
                "permissionDecisionReason": reason,
            }
        }),
        Format::Gemini => json!({"decision": "deny", "reason": reason}),
    }
}
