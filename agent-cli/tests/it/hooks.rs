//! Guards: git's hooks in a real repository, and the tool calls of coding agents.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::fleet::{Fleet, Said};

/// A fleet in a repository that git knows.
pub(crate) struct Repository {
    pub(crate) fleet: Fleet,
}

impl Repository {
    pub(crate) fn new() -> Self {
        let repository = Self {
            fleet: Fleet::new(),
        };
        repository.git("", &["init", "--quiet"]);
        repository
    }

    fn command(&self, program: &str, agent: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.fleet.repository());
        for (name, value) in self.fleet.command(&[]).get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        for name in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{name}_NAME"), "Somebody");
            command.env(format!("GIT_{name}_EMAIL"), "somebody@example.org");
        }
        command
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("CLAIMBOARD_AGENT", agent)
            .stdin(Stdio::null());
        command
    }

    /// What git says when an agent calls it.
    pub(crate) fn try_git(&self, agent: &str, arguments: &[&str]) -> Said {
        Said::from(
            self.command("git", agent)
                .args(arguments)
                .output()
                .expect("git runs"),
        )
    }

    pub(crate) fn git(&self, agent: &str, arguments: &[&str]) -> String {
        let said = self.try_git(agent, arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
        said.out
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.fleet.repository().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn commit(&self, agent: &str, path: &str, text: &str) -> Said {
        self.write(path, text);
        self.git(agent, &["add", path]);
        self.try_git(
            agent,
            &["commit", "--quiet", "-m", &format!("change {path}")],
        )
    }

    /// What a host's hook is answered.
    fn tool_call(&self, agent: &str, format: &str, payload: &str) -> Said {
        let mut hook = self
            .fleet
            .command(&["hook", "pre-tool-use", "--format", format])
            .env("CLAIMBOARD_AGENT", agent)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A hook that refuses its arguments reads nothing.
        let _ = hook.stdin.take().unwrap().write_all(payload.as_bytes());
        Said::from(hook.wait_with_output().unwrap())
    }
}

#[test]
fn a_commit_of_what_somebody_holds_is_refused() {
    let repository = Repository::new();
    let fleet = &repository.fleet;
    assert_eq!(fleet.json(0, &["hook", "install"])["outcome"], "installed");
    fleet.json(
        0,
        &[
            "claim",
            "docs/",
            "--reason",
            "a \u{1b}[1mguide",
            "--agent",
            "beta",
        ],
    );
    fleet.json(0, &["claim", "src/", "--agent", "alpha"]);

    let refused = repository.commit("alpha", "docs/a b.md", "x");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused.err.contains("docs/a b.md is held by beta until"),
        "{refused:?}"
    );
    assert!(
        refused.err.contains(r#"because "a [1mguide""#),
        "{refused:?}"
    );
    // Nobody in particular holds nothing.
    assert_eq!(repository.try_git("", &["commit", "-m", "x"]).code, 1);
    repository.git("", &["reset", "--quiet"]);

    let fine = repository.commit("alpha", "src/x.rs", "x");
    assert_eq!((fine.code, fine.err.as_str()), (0, ""), "{fine:?}");
    let message = repository.git("", &["log", "-1", "--format=%B"]);
    assert!(message.contains("\nClaimboard-Agent: alpha"), "{message}");

    let warned = repository.commit("alpha", "README", "x");
    assert_eq!(warned.code, 0, "{warned:?}");
    assert!(
        warned.err.contains("edited without a claim: README;"),
        "{warned:?}"
    );

    repository.write("docs/a b.md", "y");
    repository.git("alpha", &["add", "."]);
    repository.git(
        "alpha",
        &["commit", "--no-verify", "--quiet", "-m", "past the guard"],
    );
}

#[test]
fn a_push_of_what_somebody_holds_is_refused() {
    let repository = Repository::new();
    let fleet = &repository.fleet;
    let remote = fleet.outside().join("remote");
    repository.git("", &["init", "--quiet", "--bare", remote.to_str().unwrap()]);
    repository.git("", &["remote", "add", "origin", remote.to_str().unwrap()]);
    fleet.json(0, &["hook", "install"]);
    // The remote gave the workspace its name.
    fleet.json(0, &["claim", "docs/", "--agent", "alpha"]);
    assert_eq!(repository.commit("alpha", "docs/a.md", "x").code, 0);
    repository.git("alpha", &["push", "--quiet", "origin", "HEAD:main"]);
    repository.commit("alpha", "docs/a.md", "y");
    fleet.json(0, &["release", "docs/", "--agent", "alpha"]);
    fleet.json(0, &["claim", "docs/a.md", "--agent", "beta"]);
    let refused = repository.try_git("alpha", &["push", "origin", "HEAD:main"]);
    assert_ne!(refused.code, 0);
    assert!(
        refused.err.contains("docs/a.md is held by beta"),
        "{refused:?}"
    );
    repository.git(
        "alpha",
        &["push", "--quiet", "origin", "HEAD~1:refs/heads/older"],
    );
    repository.git("alpha", &["push", "--quiet", "origin", ":older"]);
    fleet.json(0, &["release", "docs/a.md", "--agent", "beta"]);
    repository.git("alpha", &["push", "--quiet", "origin", "HEAD:main"]);
}

/// What a merge changes by itself is in none of its parents.
#[test]
fn a_push_is_judged_by_what_is_new_there() {
    let repository = Repository::new();
    let fleet = &repository.fleet;
    let remote = fleet.outside().join("remote");
    let remote = remote.to_str().unwrap();
    repository.git("", &["init", "--quiet", "--bare", remote]);
    repository.git("", &["remote", "add", "origin", remote]);
    repository.commit("alpha", "docs/old.md", "x");
    repository.git("alpha", &["push", "--quiet", "origin", "HEAD:main"]);
    fleet.json(0, &["hook", "install"]);
    fleet.json(0, &["claim", "docs/old.md", "--agent", "beta"]);
    repository.commit("alpha", "src/x.rs", "x");
    // The remote by its address, and a branch that is new there: what is known to be there is not judged again.
    repository.git(
        "alpha",
        &["push", "--quiet", remote, "HEAD:refs/heads/topic"],
    );

    repository.git("", &["checkout", "--quiet", "-b", "side", "HEAD~1"]);
    repository.commit("alpha", "side.md", "x");
    repository.git("", &["checkout", "--quiet", "-"]);
    repository.git(
        "alpha",
        &["merge", "--quiet", "--no-ff", "--no-commit", "side"],
    );
    repository.commit("alpha", "docs/merged.md", "x");
    let parents = repository.git("", &["log", "-1", "--format=%P"]);
    assert_eq!(parents.split_whitespace().count(), 2, "{parents}");
    fleet.json(0, &["claim", "docs/merged.md", "--agent", "beta"]);
    let refused = repository.try_git("alpha", &["push", "origin", "HEAD:main"]);
    assert_ne!(refused.code, 0);
    assert!(
        refused.err.contains("docs/merged.md is held by beta"),
        "{refused:?}"
    );
    assert!(!refused.err.contains("docs/old.md"), "{refused:?}");
}

#[test]
fn a_file_whose_name_cannot_be_claimed_is_guarded_by_its_subtree() {
    let repository = Repository::new();
    let fleet = &repository.fleet;
    fleet.json(0, &["hook", "install"]);
    fleet.json(0, &["claim", "docs/", "--agent", "beta"]);
    let refused = repository.commit("alpha", "docs/a\tb.md", "x");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("held by beta"), "{refused:?}");
    repository.git("", &["reset", "--quiet"]);
    assert_eq!(repository.commit("alpha", "src/a\tb.md", "x").code, 0);
    for (path, denied) in [("docs/a\tb.md", true), ("src/a\tb.md", false), ("", false)] {
        let call = json!({"tool_name": "Write", "tool_input": {"file_path": path}}).to_string();
        let said = repository.tool_call("alpha", "claude", &call);
        assert_eq!((said.code, !said.out.is_empty()), (0, denied), "{said:?}");
    }
}

#[test]
fn hooks_of_others_are_kept_and_come_back() {
    let repository = Repository::new();
    let fleet = &repository.fleet;
    let hooks = fleet.repository().join(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    let theirs = hooks.join("pre-commit");
    let script = "#!/bin/sh\ntest ! -e forbidden || exit 7\ntouch ran\n";
    fs::write(&theirs, script).unwrap();
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o755)).unwrap();

    let change = |answer: &Value, name: &str| {
        let hooks = answer["hooks"].as_array().unwrap();
        let hook = hooks.iter().find(|one| one["hook"] == name).unwrap();
        hook["change"].as_str().unwrap().to_owned()
    };
    let installed = fleet.json(0, &["hook", "install"]);
    assert_eq!(change(&installed, "pre-commit"), "chained");
    assert_eq!(change(&installed, "pre-push"), "installed");
    let again = fleet.json(0, &["hook", "install"]);
    assert_eq!(change(&again, "pre-commit"), "renewed");

    fleet.json(0, &["claim", "held", "--agent", "beta"]);
    assert_eq!(repository.commit("alpha", "held", "x").code, 1);
    assert!(fleet.repository().join("ran").exists());
    repository.git("", &["reset", "--quiet"]);
    repository.write("forbidden", "");
    assert_eq!(repository.commit("alpha", "other", "x").code, 1);

    let removed = fleet.json(0, &["hook", "uninstall"]);
    assert_eq!(change(&removed, "pre-commit"), "restored");
    assert_eq!(change(&removed, "pre-push"), "removed");
    assert_eq!(fs::read_to_string(&theirs).unwrap(), script);
    assert!(!hooks.join("pre-push").exists());
    let none = fleet.json(0, &["hook", "uninstall"]);
    assert_eq!(change(&none, "pre-commit"), "not there");
    assert_eq!(fs::read_to_string(&theirs).unwrap(), script);
}

#[test]
fn hooks_go_where_git_looks_for_them() {
    let repository = Repository::new();
    let fleet = &repository.fleet;
    repository.git("", &["config", "core.hooksPath", ".githooks"]);
    let installed = fleet.json(0, &["hook", "install"]);
    assert!(
        installed["folder"]
            .as_str()
            .unwrap()
            .ends_with("/.githooks")
    );
    assert!(fleet.repository().join(".githooks/pre-commit").exists());

    let shared = fleet.outside().join("shared");
    repository.git("", &["config", "core.hooksPath", shared.to_str().unwrap()]);
    let refused = fleet.say(&["hook", "install"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.err.contains("other repositories may use"),
        "{refused:?}"
    );
    assert!(!shared.exists());

    let outside = Fleet::new();
    fs::remove_dir_all(outside.repository().join(".git")).unwrap();
    let nowhere = outside.say(&["hook", "install"]);
    assert!(nowhere.err.contains("no git repository"), "{nowhere:?}");
}

#[test]
fn a_commit_that_cannot_be_checked_is_refused_with_the_way_out() {
    let repository = Repository::new();
    repository.fleet.json(0, &["hook", "install"]);
    repository.write("a", "x");
    repository.git("alpha", &["add", "a"]);
    let refused = Said::from(
        repository
            .command("git", "alpha")
            .args(["commit", "-m", "x"])
            .env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
            .output()
            .unwrap(),
    );
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("--no-verify"), "{refused:?}");
}

#[test]
fn a_tool_call_that_writes_what_somebody_holds_is_denied_in_the_hosts_form() {
    let repository = Repository::new();
    let fleet = &repository.fleet;
    fleet.json(0, &["claim", "docs/", "--agent", "beta"]);
    fleet.json(0, &["claim", "src/", "--agent", "alpha"]);
    repository.write("src/a.rs", "");
    let root = fleet.repository();
    let call = |tool: &str, input: Value, below: &str| {
        json!({"hook_event_name": "PreToolUse", "session_id": "s", "cwd": root.join(below), "tool_name": tool, "tool_input": input}).to_string()
    };
    let file = |path: &str| root.join(path).to_str().unwrap().to_owned();
    let patch = "*** Begin Patch\n*** Update File: src/a.rs\n@@\n-x\n+y\n*** Add File: docs/b.md\n+x\n*** End Patch";
    let outside = fleet.outside().join("docs/x");
    let copilot = |tool: &str, input: Value| {
        json!({"timestamp": 1, "cwd": root, "toolName": tool, "toolArgs": input.to_string()})
            .to_string()
    };
    let cline = |tool: &str, input: Value| {
        let call = json!({"toolName": tool, "parameters": input});
        json!({"hookName": "PreToolUse", "workspaceRoots": [root], "preToolUse": call}).to_string()
    };
    let windsurf = |action: &str, info: Value| {
        json!({"agent_action_name": action, "trajectory_id": "t", "tool_info": info}).to_string()
    };
    let before_shell = |command: &str| {
        json!({"hook_event_name": "beforeShellExecution", "command": command, "cwd": root})
            .to_string()
    };
    for (format, payload, is_denied) in [
        (
            "claude",
            call(
                "Write",
                json!({"file_path": file("docs/a.md"), "content": "x"}),
                "",
            ),
            true,
        ),
        (
            "claude",
            call("Edit", json!({"file_path": file("src/a.rs")}), ""),
            false,
        ),
        (
            "claude",
            call("Edit", json!({"file_path": file("nobody's")}), ""),
            false,
        ),
        (
            "claude",
            call("Read", json!({"file_path": file("docs/a.md")}), ""),
            false,
        ),
        (
            "claude",
            call(
                "NotebookEdit",
                json!({"notebook_path": file("docs/a.ipynb")}),
                "",
            ),
            true,
        ),
        (
            "claude",
            call("Bash", json!({"command": "echo x >> docs/a.md"}), ""),
            true,
        ),
        (
            "claude",
            call("Bash", json!({"command": "echo x > a.md"}), "docs"),
            true,
        ),
        (
            "claude",
            call("Bash", json!({"command": "cat docs/a.md > src/a.rs"}), ""),
            false,
        ),
        (
            "claude",
            call("Bash", json!({"command": "rm -rf ."}), ""),
            true,
        ),
        (
            "claude",
            call("Write", json!({"file_path": outside}), ""),
            false,
        ),
        (
            "codex",
            call("apply_patch", json!({"command": patch}), ""),
            true,
        ),
        (
            "codex",
            call("Bash", json!({"command": "sed -i s/a/b/ docs/a.md"}), ""),
            true,
        ),
        (
            "codex",
            call(
                "shell",
                json!({"command": ["bash", "-lc", "cd docs && tee a.md"]}),
                "",
            ),
            true,
        ),
        (
            "gemini",
            call("replace", json!({"file_path": file("docs/a.md")}), ""),
            true,
        ),
        (
            "gemini",
            call(
                "run_shell_command",
                json!({"command": "touch a.md", "directory": "docs"}),
                "",
            ),
            true,
        ),
        (
            "gemini",
            call("write_file", json!({"file_path": file("src/b.rs")}), ""),
            false,
        ),
        ("codex", call("apply_patch", json!(patch), ""), true),
        (
            "qwen",
            call("edit", json!({"file_path": file("docs/a.md")}), ""),
            true,
        ),
        (
            "qwen",
            call("run_shell_command", json!({"command": "ls docs"}), ""),
            false,
        ),
        (
            "copilot",
            copilot("edit", json!({"path": file("docs/a.md")})),
            true,
        ),
        (
            "copilot",
            copilot("bash", json!({"command": "rm docs/a.md"})),
            true,
        ),
        (
            "copilot",
            copilot("view", json!({"path": file("docs/a.md")})),
            false,
        ),
        (
            "copilot",
            call("create", json!({"path": file("docs/a.md")}), ""),
            true,
        ),
        (
            "cursor",
            call("Write", json!({"file_path": file("docs/a.md")}), ""),
            true,
        ),
        (
            "cursor",
            call(
                "Shell",
                json!({"command": "touch a.md", "working_directory": file("docs")}),
                "",
            ),
            true,
        ),
        ("cursor", before_shell("echo x > docs/a.md"), true),
        ("cursor", before_shell("cat docs/a.md"), false),
        (
            "cline",
            cline("write_to_file", json!({"path": "docs/a.md"})),
            true,
        ),
        (
            "cline",
            cline("execute_command", json!({"command": "mv src/a.rs docs/"})),
            true,
        ),
        (
            "cline",
            cline("read_file", json!({"path": "docs/a.md"})),
            false,
        ),
        (
            "windsurf",
            windsurf(
                "pre_write_code",
                json!({"file_path": file("docs/a.md"), "edits": []}),
            ),
            true,
        ),
        (
            "windsurf",
            windsurf(
                "pre_run_command",
                json!({"command_line": "tee a.md", "cwd": file("docs")}),
            ),
            true,
        ),
        (
            "windsurf",
            windsurf("pre_read_code", json!({"file_path": file("docs/a.md")})),
            false,
        ),
    ] {
        fs::create_dir_all(root.join("docs")).unwrap();
        let said = repository.tool_call("alpha", format, &payload);
        let by_code = format == "windsurf" && is_denied;
        assert_eq!(
            said.code,
            if by_code { 2 } else { 0 },
            "{payload}: {said:?}"
        );
        if !is_denied {
            assert_eq!(said.out, "", "{payload}");
            continue;
        }
        let answer: Value = if by_code {
            json!({"reason": said.err})
        } else {
            serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{payload}: {said:?}"))
        };
        let (verdict, no, reason) = match format {
            "windsurf" => ("/none", Value::Null, "/reason"),
            "gemini" => ("/decision", json!("deny"), "/reason"),
            "cline" => ("/cancel", json!(true), "/errorMessage"),
            "cursor" => ("/permission", json!("deny"), "/agent_message"),
            "copilot" => (
                "/permissionDecision",
                json!("deny"),
                "/permissionDecisionReason",
            ),
            _ => {
                assert_eq!(answer["hookSpecificOutput"]["hookEventName"], "PreToolUse");
                (
                    "/hookSpecificOutput/permissionDecision",
                    json!("deny"),
                    "/hookSpecificOutput/permissionDecisionReason",
                )
            }
        };
        let said = |path: &str| answer.pointer(path).cloned().unwrap_or_default();
        assert_eq!(said(verdict), no, "{answer}");
        let reason = said(reason);
        let reason = reason.as_str().unwrap();
        assert!(
            reason.contains("held by beta until") && reason.contains("Next:"),
            "{reason}"
        );
    }
}

#[test]
fn a_tool_call_about_which_nothing_can_be_said_is_not_decided() {
    let repository = Repository::new();
    repository
        .fleet
        .json(0, &["claim", "docs/", "--agent", "beta"]);
    let payload =
        json!({"tool_name": "Write", "tool_input": {"file_path": "docs/a.md"}}).to_string();
    let undecided = |agent: &str, format: &str, payload: &str, word: &str| {
        let said = repository.tool_call(agent, format, payload);
        // 2 would block the call.
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
        assert!(said.err.contains(word), "{said:?}");
    };
    undecided("alpha", "claude", "", "this is no tool call");
    undecided("alpha", "claude", "{\"tool\": 1}", "this is no tool call");
    undecided("alpha", "claude", "\u{0}[", "this is no tool call");
    undecided("alpha", "cobol", &payload, "cobol");
    for format in ["codex", "copilot", "cursor", "gemini", "qwen", "windsurf"] {
        undecided("alpha", format, "{\"tool\": 1}", "this is no tool call");
    }
    undecided(
        "alpha",
        "copilot",
        "{\"toolName\": \"edit\", \"toolArgs\": \"{\"}",
        "this is no tool call",
    );
    // Cline blocks whatever does not end with 0.
    let cline = repository.tool_call("alpha", "cline", &payload);
    assert_eq!((cline.code, cline.out.as_str()), (0, ""), "{cline:?}");
    assert!(cline.err.contains("preToolUse.toolName"), "{cline:?}");
    undecided("", "claude", &payload, "without a name");
    let unreachable = Repository {
        fleet: Fleet::on("postgres://nobody@127.0.0.1:1/none"),
    };
    let said = unreachable.tool_call("alpha", "claude", &payload);
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
    assert!(said.err.contains("nothing was decided"), "{said:?}");
}

#[test]
fn enforced_is_said_where_it_is_so() {
    let repository = Repository::new();
    let fleet = &repository.fleet;
    let state = |name: &str| {
        let answer = fleet.json(0, &["doctor", "--agent", "alpha"]);
        let checks = answer["checks"].as_array().unwrap().clone();
        let check = checks
            .iter()
            .find(|one| one["check"] == name)
            .unwrap()
            .clone();
        check["what"]
            .as_str()
            .unwrap()
            .split([':', ' '])
            .next()
            .unwrap()
            .to_owned()
    };
    for name in ["edits", "commits", "tables"] {
        assert_eq!(state(name), "advisory", "{name}");
    }
    let claimed = || fleet.json(0, &["claim", "src/", "--agent", "alpha"])["enforcement"].clone();
    assert_eq!(
        claimed(),
        json!({"edits": "advisory", "commits": "advisory", "tables": []})
    );
    fleet.json(0, &["hook", "install"]);
    assert_eq!(state("commits"), "enforced");
    let hook = fleet.repository().join(".git/hooks/pre-push");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(state("commits"), "advisory");
    fleet.sql("CREATE TABLE public.pages (slug text); SELECT coordination.require_claim('public.pages', 'pages/{slug}')");
    assert_eq!(state("tables"), "enforced");
    fleet.sql("ALTER TABLE public.pages DISABLE TRIGGER require_claim");
    assert_eq!(state("tables"), "advisory");
    let call = json!({"tool_name": "Write", "tool_input": {"file_path": "a"}}).to_string();
    // A call that could not be checked is none that was.
    fleet.sql("ALTER TABLE coordination.claims RENAME TO hidden");
    let said = repository.tool_call("alpha", "claude", &call);
    assert!(said.err.contains("nothing was decided"), "{said:?}");
    fleet.sql("ALTER TABLE coordination.hidden RENAME TO claims");
    assert_eq!(state("edits"), "advisory");
    assert_eq!(repository.tool_call("alpha", "claude", &call).code, 0);
    assert_eq!(state("edits"), "enforced");
    assert_eq!(claimed()["edits"], "enforced");
    let said = fleet.say(&["claim", "src/", "--agent", "alpha"]);
    assert!(
        said.out.contains("edits enforced, commits advisory"),
        "{said:?}"
    );
    assert!(Path::new(&fleet.repository()).exists());
}
