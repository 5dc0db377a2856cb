//! Every parser of the command line, fed with anything at all: it reads or refuses, and never panics. `make fuzz` runs these for long.

use std::path::Path;

use clap::{Parser as _, ValueEnum as _};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::cli::{Cli, duration, moment};
use crate::hook::host::Format;
use crate::hook::patch;
use crate::hook::shell::Disk;

/// A disk on which everything is everything.
struct Fog(String);

impl Disk for Fog {
    fn is_folder(&self, _: &Path) -> bool {
        self.0.len().is_multiple_of(2)
    }
    fn exists(&self, _: &Path) -> bool {
        true
    }
    fn read(&self, _: &Path) -> Option<String> {
        Some(self.0.clone())
    }
}

fn writes(call: &str, disk: &Fog) {
    for format in Format::value_variants() {
        if let Ok(call) = format.read(call) {
            call.writes(*format, &call.folder(Path::new("/repo")), disk);
        }
    }
}

proptest! {
    #[test]
    fn anything_is_a_duration_or_refused(typed in "\\PC{0,8}|[0-9]{1,25}(s|m|min|h|d)?") {
        if let Ok(time) = duration(&typed) {
            prop_assert!(typed.starts_with(|first: char| first.is_ascii_digit()), "{} is {:?}", typed, time);
        }
        moment(&typed).ok();
    }

    #[test]
    fn anything_typed_is_a_command_or_refused(
        verb in select(vec!["claim", "log", "release", "renew", "run", "who", "history", "tail", "inbox", "handoff", "revoke", "hook"]),
        option in select(vec!["--metadata", "--steps", "--ttl", "--wait", "--eta", "--since", "--limit", "--mode", "--resource", "--slots", "--agent", "--workspace"]),
        first in any::<String>(), second in any::<String>()
    ) {
        let more = if verb == "log" { "note" } else { &first };
        Cli::try_parse_from(["claimboard", verb, more, option, &second, &first]).ok();
    }

    #[test]
    fn anything_that_a_host_sends_a_hook_is_read_or_refused(
        text in any::<String>(), tool in select(vec!["Write", "Edit", "Bash", "apply_patch", "shell", "write_file", "run_shell_command"]),
        member in select(vec!["file_path", "command", "input", "patch", "path"]), value in any::<String>(), list in any::<Vec<String>>()
    ) {
        let disk = Fog(text.clone());
        writes(&text, &disk);
        patch::unified(&text, 1);
        patch::begun(&text);
        let patch = format!("*** Begin Patch\n*** Update File: {value}\n--- a/{value}\n+++ b/{text}\n@@ -1 +1 @@\n");
        for value in [Value::from(value), Value::from(list), Value::from(patch)] {
            let call = json!({"tool_name": tool, "tool_input": {member: value}, "cwd": text});
            writes(&call.to_string(), &disk);
        }
    }
}
