//! The binary, its data file, and sudden deaths.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::client::{Client, id, title};

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait()) {
            panic!("the process could not be ended: {error}");
        }
    }
}

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_notion-sim"));
    program
        .args(["--port", "0", "--json", "--requests-per-minute", "100000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    program
}

fn run(data: &Path) -> (Process, Client) {
    let mut child = program()
        .arg("--data")
        .arg(data)
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output"))
        .read_line(&mut line)
        .expect("a line");
    let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line:?}"));
    let text = |key: &str| ready[key].as_str().expect("text").to_owned();
    (
        Process(child),
        Client::new(&text("url"), &text("token"), &text("root_page_id")),
    )
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("board.jsonl");
    let (process, client) = run(&data);
    let source = client
        .database(json!({ "Name": { "title": {} }, "State": { "status": {} }, "Twice": { "formula": { "expression": "prop(\"N\") * 2" } }, "N": { "number": {} }, "Number": { "unique_id": {} } }))
        .await;
    let mut paths = Vec::new();
    for number in 0..40 {
        let page = client
            .page(
                &source,
                json!({ "Name": title(&number.to_string()), "N": { "number": number } }),
            )
            .await;
        paths.push(format!("/v1/pages/{}", id(&page)));
    }
    client
        .patch(&paths[0], json!({ "in_trash": true }))
        .await
        .ok();
    let before = client.get(&paths[7]).await.ok();
    drop(process);

    // As a process that died while it wrote: a line without its end was never answered.
    let mut torn = std::fs::read(&data).expect("the file");
    torn.extend_from_slice(b"{\"page\":{\"id\":");
    std::fs::write(&data, torn).expect("the file");
    let (process, again) = run(&data);
    assert_eq!((&again.token, &again.root), (&client.token, &client.root));
    let mut after = again.get(&paths[7]).await.ok();
    after["request_id"] = before["request_id"].clone();
    assert_eq!(after, before);
    assert_eq!(
        again.query(&source, json!({})).await["results"]
            .as_array()
            .map(Vec::len),
        Some(39)
    );
    let next = again.page(&source, json!({ "Name": title("next") })).await;
    assert_eq!(
        next["properties"]["Number"]["unique_id"]["number"], 41,
        "numbers go on"
    );

    let second = program()
        .arg("--data")
        .arg(&data)
        .output()
        .expect("it runs");
    assert_eq!(second.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&second.stderr).contains("used by another notion-sim"),
        "{second:?}"
    );
    drop(process);
}

#[tokio::test]
async fn a_foreign_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("letter.txt");
    std::fs::write(&data, "Dear Ada,\n").expect("the file");
    let refused = program()
        .arg("--data")
        .arg(&data)
        .output()
        .expect("it runs");
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("line 1"),
        "{refused:?}"
    );
    assert_eq!(
        std::fs::read_to_string(&data).expect("the file"),
        "Dear Ada,\n"
    );
}

#[test]
fn wrong_usage_is_2_and_help_teaches() {
    let wrong = program().arg("--prot").output().expect("it runs");
    assert_eq!(wrong.status.code(), Some(2));
    let help = program().arg("--help").output().expect("it runs");
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for flag in [
        "--port",
        "--token",
        "--data",
        "--requests-per-minute",
        "--latency-ms",
        "--json",
        "Exit codes",
    ] {
        assert!(help.contains(flag), "{flag} is missing in {help}");
    }
}
