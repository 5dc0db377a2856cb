//! Pages beyond their properties: icons, covers and bodies; text with marks; people and files.

use serde_json::{Value, json};

use crate::stage::{Stage, eventually, text};

const TABLE: &str = "create table posts (
        id int primary key, title text, badge text, photo text, story text, teaser text, author text, papers text[]);
    insert into posts values
        (1, 'One', '🧾', 'https://example.org/1.png', E'# Head\\n\\nSome **bold** words.\\n\\n- a\\n- b', 'See [this](https://example.org) **now**',
         'ANA@example.com, nobody@example.net', '{https://example.org/a.pdf,https://example.org/b.pdf,nonsense}'),
        (2, 'Two', 'https://example.org/i.png', null, null, 'plain', null, null)";

const SCHEMA: &str = r#"name = "Posts"
source = "posts"
key = "id"
cadence = "1s"
[page]
icon = "badge"
cover = "photo"
body = "story"
[[property]]
name = "Title"
type = "title"
column = "title"
[[property]]
name = "Teaser"
type = "text"
column = "teaser"
markdown = true
[[property]]
name = "Author"
type = "people"
column = "author"
[[property]]
name = "Papers"
type = "files"
column = "papers"
"#;

async fn page(stage: &Stage, title: &str) -> Value {
    let pages = stage.pages("Posts").await;
    let found = pages.iter().find(|page| text(page, "Title") == title);
    found.expect("the page").clone()
}

/// Types and texts of the blocks of a page.
async fn body(stage: &Stage, page: &Value) -> Vec<String> {
    let path = format!("v1/blocks/{}/children", page["id"].as_str().expect("an id"));
    let answer = stage.notion_request("GET", &path, Value::Null).await;
    let blocks = answer["results"].as_array().expect("blocks").clone();
    blocks
        .iter()
        .map(|block| {
            let kind = block["type"].as_str().expect("a type");
            let text = block[kind]["rich_text"].as_array().expect("text").iter();
            let text: String = text.filter_map(|one| one["plain_text"].as_str()).collect();
            format!("{kind}: {text}")
        })
        .collect()
}

async fn writes(stage: &Stage) -> i64 {
    sqlx::query_scalar("select count(*) from sync.writes")
        .fetch_one(&stage.pool)
        .await
        .expect("a count")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_makes_the_whole_page() {
    let stage = Stage::set(TABLE, &[("posts.toml", SCHEMA)]).await;
    let ana = stage.notion_request("GET", "v1/users", Value::Null).await["results"]
        .as_array()
        .expect("users")
        .iter()
        .find(|user| user["type"] == "person")
        .expect("a person")
        .clone();
    let address = ana["person"]["email"]
        .as_str()
        .expect("an address")
        .to_owned();
    sqlx::query("update posts set author = case id when 1 then upper($1) || ', ' else '' end || 'nobody@example.net'")
        .bind(&address)
        .execute(&stage.pool)
        .await
        .expect("an author");
    let said = stage.daemon(&["once"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let of_stranger = |line: &&str| line.contains("names somebody who is not in this workspace");
    let warned = said.stderr.lines().filter(of_stranger).count();
    assert_eq!(warned, 1, "for two rows, once: {said:?}");
    assert!(!said.stderr.contains("nobody@example.net"), "{said:?}");
    stage.assert_clean().await;
    let one = page(&stage, "One").await;
    assert_eq!(one["icon"]["emoji"], "🧾");
    assert_eq!(one["cover"]["external"]["url"], "https://example.org/1.png");
    assert_eq!(
        body(&stage, &one).await,
        [
            "heading_1: Head",
            "paragraph: Some bold words.",
            "bulleted_list_item: a",
            "bulleted_list_item: b"
        ]
    );
    let teaser = &one["properties"]["Teaser"]["rich_text"];
    assert_eq!(teaser[1]["href"], "https://example.org");
    assert_eq!(teaser[3]["annotations"]["bold"], true);
    let author = one["properties"]["Author"]["people"]
        .as_array()
        .expect("people");
    assert_eq!(author.len(), 1);
    assert_eq!(author[0]["id"], ana["id"]);
    let note = text(&one, "Sync Note");
    assert!(
        note.contains("Author: nobody@example.net is nobody of this workspace"),
        "{note}"
    );
    assert!(note.contains("Papers: \"nonsense\""), "{note}");
    let papers = one["properties"]["Papers"]["files"]
        .as_array()
        .expect("files");
    assert_eq!(papers.len(), 2);
    assert_eq!(papers[1]["name"], "b.pdf");
    let two = page(&stage, "Two").await;
    assert_eq!(two["icon"]["external"]["url"], "https://example.org/i.png");
    assert_eq!(two["cover"], Value::Null);
    assert!(body(&stage, &two).await.is_empty());

    // Nothing is left to do, and a change beside the body leaves the body's blocks as they are.
    let before = writes(&stage).await;
    stage.once().await;
    assert_eq!(writes(&stage).await, before);
    let path = format!("v1/blocks/{}/children", one["id"].as_str().expect("an id"));
    let blocks = stage.notion_request("GET", &path, Value::Null).await["results"].clone();
    stage
        .execute("update posts set badge = '🚀' where id = 1")
        .await;
    stage.once().await;
    assert_eq!(page(&stage, "One").await["icon"]["emoji"], "🚀");
    let same = stage.notion_request("GET", &path, Value::Null).await["results"].clone();
    assert_eq!(same, blocks);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_written_again_when_it_changes_and_people_keep_theirs() {
    let stage = Stage::set(TABLE, &[("posts.toml", SCHEMA)]).await;
    stage.once().await;
    stage
        .execute("update posts set story = repeat(E'para\\n\\n', 250) where id = 1; update posts set story = 'short' where id = 2")
        .await;
    stage.once().await;
    stage.assert_clean().await;
    let (one, two) = (page(&stage, "One").await, page(&stage, "Two").await);
    let path = format!(
        "v1/blocks/{}/children?page_size=100&start_cursor=",
        one["id"].as_str().expect("an id")
    );
    let (mut blocks, mut cursor) = (0, String::new());
    loop {
        let path = match cursor.as_str() {
            "" => path.replace("&start_cursor=", ""),
            cursor => format!("{path}{cursor}"),
        };
        let answer = stage.notion_request("GET", &path, Value::Null).await;
        blocks += answer["results"].as_array().expect("blocks").len();
        match answer["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(blocks, 250, "all of it, and nothing of what stood before");

    // What a person wrote below stays, wherever ours changes.
    let note = json!([{"paragraph": {"rich_text": [{"text": {"content": "mine"}}]}}]);
    stage
        .people(json!({"act": "add_blocks", "page": two["id"], "children": note}))
        .await;
    stage
        .execute("update posts set story = E'longer\\n\\nnow' where id = 2")
        .await;
    stage.once().await;
    let two = body(&stage, &two).await;
    assert_eq!(
        two,
        ["paragraph: mine", "paragraph: longer", "paragraph: now"]
    );
}

/// Between any two requests of a body the daemon may die; what stands in the end is the body, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_survives_lost_answers() {
    let stage = Stage::set(TABLE, &[("posts.toml", SCHEMA)]).await;
    stage.once().await;
    for (round, path) in ["v1/blocks", "v1/pages"].into_iter().enumerate() {
        stage
            .fault(
                json!({"kind": "drop_after_commit", "path": path, "method": "PATCH", "count": 2}),
            )
            .await;
        let story = format!("round {round}\n\nsecond");
        sqlx::query("update posts set story = $1 where id = 1")
            .bind(&story)
            .execute(&stage.pool)
            .await
            .expect("a story");
        let mut daemon = stage.run();
        let wanted = [
            format!("paragraph: round {round}"),
            "paragraph: second".to_owned(),
        ];
        eventually("the body stands once", async || {
            body(&stage, &page(&stage, "One").await).await == wanted
        })
        .await;
        daemon.kill().await.expect("killed");
        stage.clear_faults().await;
    }
    stage.once().await;
    stage.assert_clean().await;
}
