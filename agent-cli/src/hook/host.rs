//! The forms of the hosts: how each tells a hook which tool is about to run, and how it wants to hear no. Pure.
#![expect(
    clippy::doc_markdown,
    reason = "some of these comments are what --help shows"
)]

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::tool_call::Call;
use crate::failure::Exit;

/// Whose form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Claude Code, event PreToolUse
    Claude,
    /// Cline, hook PreToolUse
    Cline,
    /// Codex CLI, event PreToolUse
    Codex,
    /// GitHub Copilot CLI and coding agent, event preToolUse
    Copilot,
    /// Cursor, events preToolUse and beforeShellExecution
    Cursor,
    /// Gemini CLI, event BeforeTool
    Gemini,
    /// Qwen Code, event PreToolUse
    Qwen,
    /// Windsurf, events pre_write_code and pre_run_command
    Windsurf,
}

/// How a host hears no.
#[derive(Debug, PartialEq)]
pub(crate) enum Denial {
    /// As JSON on standard output, with success.
    Answer(Value),
    /// By the exit code 2, with the reason on standard error.
    Blocked(String),
}

impl Format {
    /// The call that the host describes.
    pub(crate) fn read(self, text: &str) -> Result<Call, String> {
        let given: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let is_common = given.get("tool_name").is_some();
        let (tool, input, folder) = match self {
            Self::Cline => (
                "/preToolUse/toolName",
                "/preToolUse/parameters",
                "/workspaceRoots/0",
            ),
            // Configured as PreToolUse, it speaks like the others.
            Self::Copilot if !is_common => ("/toolName", "/toolArgs", "/cwd"),
            // Before a command, the call is the command itself.
            Self::Cursor if !is_common => ("/hook_event_name", "", "/cwd"),
            Self::Windsurf => ("/agent_action_name", "/tool_info", "/tool_info/cwd"),
            Self::Claude
            | Self::Codex
            | Self::Copilot
            | Self::Cursor
            | Self::Gemini
            | Self::Qwen => ("/tool_name", "/tool_input", "/cwd"),
        };
        let text_at = |path: &str| given.pointer(path).and_then(Value::as_str);
        let input = match given.pointer(input) {
            Some(Value::String(text)) if self == Self::Copilot => {
                serde_json::from_str(text).map_err(|error| error.to_string())?
            }
            Some(input) => input.clone(),
            None => Value::Null,
        };
        Ok(Call {
            tool: text_at(tool)
                .ok_or_else(|| format!("it has no {}", tool[1..].replace('/', ".")))?
                .to_owned(),
            input,
            folder: text_at(folder).map(PathBuf::from),
        })
    }

    /// The host's own words for no.
    pub(crate) fn denial(self, reason: &str) -> Denial {
        Denial::Answer(match self {
            Self::Claude | Self::Codex | Self::Qwen => json!({
                "hookSpecificOutput": {
                    "hookEventName": "PreToolUse",
                    "permissionDecision": "deny",
                    "permissionDecisionReason": reason,
                }
            }),
            Self::Cline => json!({"cancel": true, "errorMessage": reason}),
            Self::Copilot => {
                json!({"permissionDecision": "deny", "permissionDecisionReason": reason})
            }
            Self::Cursor => {
                json!({"permission": "deny", "user_message": reason, "agent_message": reason})
            }
            Self::Gemini => json!({"decision": "deny", "reason": reason}),
            Self::Windsurf => return Denial::Blocked(reason.to_owned()),
        })
    }

    /// The exit code that leaves the decision to the host: most take 2 for no and anything else for a failure of the hook,
    /// Cline takes all but 0 for no.
    pub(crate) fn undecided(self) -> u8 {
        match self {
            Self::Cline => Exit::Done as u8,
            _ => Exit::Failed as u8,
        }
    }
}
