//! What Notion tells about the token, the parent page, and the plan.

use uuid::Uuid;

use super::Findings;
use crate::budget::Lane;
use crate::notion::{Client, Error, Gate, Meaning};
use crate::retry;
use crate::writer::with_cause;

/// Uploads that only paid plans allow are larger than this.
const FREE_UPLOAD: u64 = 5 * 1024 * 1024;

/// Blocks that a Free workspace of several members may ever hold.
const FREE_BLOCKS: i64 = 1_000;

pub(super) async fn look(
    findings: &mut Findings,
    client: &Client,
    gate: &Gate,
    parent: Uuid,
    rows: Option<i64>,
) {
    let me = retry::read(gate, Lane::Live, async |permit| client.me(permit).await).await;
    let me = match me {
        Ok(me) => me,
        Err(error) => {
            findings.bad("token", with_cause(&error), cure(&error));
            findings.skipped("parent page", "the token must work first");
            return;
        }
    };
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("?").escape_debug().to_string();
    let bot = &me["bot"];
    findings.ok(
        "token",
        format!(
            "integration {} of workspace {}",
            text(&me["name"]),
            text(&bot["workspace_name"])
        ),
    );

    match retry::read(gate, Lane::Live, async |permit| {
        client.page(permit, parent).await
    })
    .await
    {
        Ok(page) if page["in_trash"] == true => {
            findings.bad(
                "parent page",
                "lies in the trash",
                "restore it in Notion, or name another page in NOTION_PARENT_PAGE",
            );
        }
        Ok(_) => findings.ok("parent page", "shared with the integration"),
        Err(error) if error.meaning() == Meaning::NotFound => findings.bad(
            "parent page",
            "does not exist, or is not shared with the integration",
            "open the page's menu in Notion, Connections, and add the integration",
        ),
        Err(error) => findings.bad("parent page", with_cause(&error), cure(&error)),
    }
    findings.note(
        "people",
        "Notion's API does not tell how a page is shared with people",
        "look yourself: Share on the parent page must say \"Can view\" for everybody who is not to edit the board",
    );

    match bot["workspace_limits"]["max_file_upload_size_in_bytes"].as_u64() {
        Some(bytes) if bytes <= FREE_UPLOAD => {
            let what = match rows {
                Some(rows) => format!(
                    "Free, by its upload limit; a workspace with several members holds {FREE_BLOCKS} blocks, {rows} rows want one each"
                ),
                None => format!(
                    "Free, by its upload limit; a workspace with several members holds {FREE_BLOCKS} blocks"
                ),
            };
            if rows.is_some_and(|rows| rows > FREE_BLOCKS) {
                findings.note("plan", what, "upgrade the plan, keep a single member, or mirror fewer rows (a query as source)");
            } else {
                findings.ok("plan", what);
            }
        }
        Some(_) => findings.ok(
            "plan",
            format!(
                "a paid one, by its upload limit; {} requests a minute are configured",
                gate.used().1
            ),
        ),
        None => findings.skipped(
            "plan",
            "Notion does not tell its limits to this integration",
        ),
    }
}

fn cure(error: &Error) -> &'static str {
    match error.meaning() {
        Meaning::TokenRefused => {
            "copy the token again from the integration's settings in Notion, into NOTION_TOKEN or the file of NOTION_TOKEN_FILE"
        }
        Meaning::Unreachable => "check DNS, the firewall, and NOTION_BASE_URL",
        _ => "read what Notion says; try again in a minute",
    }
}
