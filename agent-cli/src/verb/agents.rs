//! `claimboard agents`

use chrono::Utc;
use serde_json::json;

use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::record;
use crate::say::{Answer, moment, one_line, table};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimboard agents
  claimboard agents --json

JSON: agents [agent, status, current_task, progress, done, total, last_update, blockers, claims]")]
pub(crate) struct Args {}

pub(crate) async fn act(_: Args, desk: &Desk) -> Result<Answer, Failure> {
    let database = desk.database().await?;
    let workspace = desk.workspace();
    let agents = record::activity(&database.pool, &workspace).await?;
    let now = Utc::now();
    let rows: Vec<Vec<String>> = agents
        .iter()
        .map(|agent| {
            let task = [agent.current_task.as_deref(), agent.progress.as_deref()];
            let task: Vec<&str> = task.into_iter().flatten().collect();
            let status = match agent.status.as_str() {
                "blocked" => desk.say.bad("blocked"),
                status => one_line(status),
            };
            let words = agent.blockers.as_ref().or(agent.claims.as_ref());
            vec![
                desk.say.name(&agent.agent),
                status,
                one_line(&task.join(" ")),
                agent
                    .last_update
                    .map(|at| moment(at, now))
                    .unwrap_or_default(),
                words.map(|words| one_line(words)).unwrap_or_default(),
            ]
        })
        .collect();
    let text = if rows.is_empty() {
        format!("nobody was ever in workspace {workspace}")
    } else {
        table(&rows)
    };
    Ok(Answer::new(Exit::Done, json!({"agents": agents}), text))
}
