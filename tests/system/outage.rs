//! Services away, tokens refused, limits met: retried, said once, nothing lost.

use std::process::Stdio;
use std::time::Duration;

use notion_sim::Options;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::sync::mpsc;

use crate::stage::Stage;

const TABLE: &str = "
CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO item SELECT n, 'Item ' || n FROM generate_series(1, 20) n;
";

const ITEMS: &str = r#"
name = "Items"
source = "item"
key = "id"
cadence = "1s"
[[property]]
name = "Name"
type = "title"
column = "name"
"#;

/// The daemon's log lines as they come.
fn listen(stage: &Stage) -> (Child, mpsc::UnboundedReceiver<String>) {
    let mut daemon = stage.command(&["run"]).stderr(Stdio::piped()).spawn().expect("the daemon starts");
    let mut lines = BufReader::new(daemon.stderr.take().expect("piped")).lines();
    let (say, said) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            if say.send(line).is_err() {
                break;
            }
        }
    });
    (daemon, said)
}

/// Reads on to the line that contains `text`; returns all lines until then.
async fn hear(said: &mut mpsc::UnboundedReceiver<String>, text: &str) -> Vec<String> {
    let mut heard = Vec::new();
    let found = async {
        while let Some(line) = said.recv().await {
            let found = line.contains(text);
            heard.push(line);
            if found {
                return true;
            }
        }
        false
    };
    let found = tokio::time::timeout(Duration::from_secs(60), found).await;
    assert_eq!(found, Ok(true), "never said {text:?}: {heard:#?}");
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_named_once_and_everything_arrives_when_it_is_renewed() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    stage.notion_request("POST", "_sim/people", json!({"action": "revoke_token"})).await;
    let (_daemon, mut said) = listen(&stage);
    let heard = hear(&mut said, "renew NOTION_TOKEN").await;
    assert!(heard.iter().all(|line| !line.contains(stage.notion.token())), "the token is in the log");
    stage.notion_request("POST", "_sim/people", json!({"action": "restore_token"})).await;
    let heard = hear(&mut said, "Notion is back").await;
    assert_eq!(heard.iter().filter(|line| line.contains("renew NOTION_TOKEN")).count(), 0, "said again: {heard:#?}");
    stage.await_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notion_away_is_said_once_and_caught_up_with() {
    let stage = Stage::set(TABLE, &[("items.toml", ITEMS)]).await;
    stage.fault(json!({"path": "/v1/", "kind": "429", "count": 2})).await;
    let (_daemon, _said) = listen(&stage);
    stage.await_clean().await;
    assert_eq!(stage.notion.stats().page_creates, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_window_is_never_exceeded() {
    let stage = Stage::bare(TABLE, &[("items.toml", ITEMS)], Options::default()).await;
    assert_eq!(stage.daemon(&["setup"]).await.code, 0);
    stage.once().await;
    assert_eq!(stage.notion.stats().rate_limited, 0);
    stage.assert_clean().await;
}
