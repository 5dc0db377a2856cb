//! Databases that nobody designed for boards: from `init --all` to a clean `verify`, without editing a file.

use serde_json::Value;

use crate::stage::{Stage, plenty};

const SHOP: &str = include_str!("../samples/shop.sql");
const MUSIC: &str = include_str!("../samples/music.sql");
const RENTAL: &str = include_str!("../samples/rental.sql");

/// Everything from nothing: schema files, databases, pages, and that they agree.
async fn mirrored(sql: &'static str) -> Stage {
    let stage = Stage::bare(sql, &[], plenty()).await;
    let said = stage.daemon(&["init", "--all", "public"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let said = stage.daemon(&["setup"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    stage.once().await;
    stage.assert_clean().await;
    stage
}

/// The plain text of a page's title.
fn title(page: &Value, property: &str) -> String {
    let parts = page["properties"][property]["title"].as_array();
    let parts = parts.into_iter().flatten();
    parts
        .filter_map(|part| part["plain_text"].as_str())
        .collect()
}

fn titled<'a>(pages: &'a [Value], property: &str, wanted: &str) -> &'a Value {
    pages
        .iter()
        .find(|page| title(page, property) == wanted)
        .unwrap_or_else(|| panic!("no page is called {wanted:?}"))
}

async fn database(stage: &Stage, dashboard: &str) -> Value {
    let id: sqlx::types::Uuid =
        sqlx::query_scalar("SELECT database_id FROM sync.dashboards WHERE name = $1")
            .bind(dashboard)
            .fetch_one(&stage.pool)
            .await
            .expect("the dashboard was set up");
    stage
        .notion_request("GET", &format!("v1/databases/{id}"), Value::Null)
        .await
}

fn related(page: &Value, property: &str) -> usize {
    page["properties"][property]["relation"]
        .as_array()
        .map_or(0, Vec::len)
}

const WIDE: &str = "do $$ begin
         execute (select 'create table wide (id int primary key, name text, ' || string_agg(format('c%s int', n), ', ' order by n) || ')'
                    from generate_series(1, 600) n);
     end $$;
     insert into wide (id, name, c1, c497, c498) values (1, 'one', 11, 12, 13), (2, 'two', 21, 22, 23)";

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_six_hundred_columns_is_cut_at_five_hundred_properties() {
    let stage = Stage::bare(WIDE, &[], plenty()).await;
    let said = stage.daemon(&["init", "public.wide"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let cut = "public.wide: 104 columns stand in the file as comments, because a Notion database takes 500 properties and 50 KB of schema";
    assert!(
        said.stdout.contains(cut) || said.stderr.contains(cut),
        "{said:?}"
    );
    let said = stage.daemon(&["setup"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    stage.once().await;
    stage.assert_clean().await;
    let pages = stage.pages("Wides").await;
    assert_eq!(pages.len(), 2);
    let second = titled(&pages, "Name", "two")["properties"].as_object();
    let second = second.expect("properties");
    // The title, 497 numbers, and the daemon's own two.
    assert_eq!(second.len(), 500);
    assert_eq!(second["C1"]["number"], 21);
    assert_eq!(second["C497"]["number"], 22);
    assert!(!second.contains_key("C498") && !second.contains_key("ID"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_becomes_boards() {
    let stage = mirrored(SHOP).await;
    let customers = stage.pages("Customers").await;
    let sixth = titled(&customers, "Name", "First6 Last6");
    assert_eq!(related(sixth, "Billing Address"), 1);
    assert_eq!(related(sixth, "Shipping Address"), 1);
    assert_eq!(related(sixth, "Referred by"), 1);
    let shipments = stage.pages("Shipments").await;
    let first = titled(&shipments, "Shipment", "Shipment 1");
    assert_eq!(related(first, "Order Line"), 1, "by a key of two columns");
    assert_eq!(
        first["properties"]["Period"]["date"]["end"], "2026-07-05T00:00:00.000+00:00",
        "{first}"
    );
    let products = stage.pages("Products").await;
    let product = titled(&products, "Name", "Product 1");
    assert_eq!(related(product, "Customers"), 1, "through the join table");
    assert_eq!(product["properties"]["Size"]["select"]["name"], "M");

    let orders = database(&stage, "Orders").await;
    assert_eq!(orders["icon"]["emoji"], "🛒");
    assert_eq!(
        orders["description"][0]["plain_text"],
        "What customers have ordered. Mirrored from public.Order in Postgres: edit there, not here."
    );
    let path = format!(
        "v1/views?database_id={}",
        orders["id"].as_str().expect("an id")
    );
    let views = stage.notion_request("GET", &path, Value::Null).await;
    let mut names = Vec::new();
    for view in views["results"].as_array().expect("views") {
        let path = format!("v1/views/{}", view["id"].as_str().expect("an id"));
        let view = stage.notion_request("GET", &path, Value::Null).await;
        names.push(view["name"].as_str().expect("a name").to_owned());
    }
    assert!(names.contains(&"By state".to_owned()), "{names:?}");
    assert!(names.contains(&"Calendar".to_owned()), "{names:?}");

    // A change of the table is one of the board, and of its plan before that.
    stage
        .execute("update \"Order\" set \"State\" = 'cancelled' where \"OrderNo\" = 2")
        .await;
    let plan = stage.daemon(&["plan", "--json"]).await.json();
    let mut writes: Vec<_> = plan["writes"].as_array().expect("writes").clone();
    writes.sort_by_key(|write| write["dashboard"].to_string());
    assert_eq!(writes.len(), 1, "{plan}");
    assert_eq!(writes[0]["dashboard"], "Orders");
    assert_eq!(writes[0]["properties"], serde_json::json!(["State"]));
    stage.once().await;
    stage.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_music_store_becomes_boards() {
    let stage = mirrored(MUSIC).await;
    let employees = stage.pages("Employees").await;
    assert_eq!(
        related(titled(&employees, "Name", "First1 Last1"), "Reports to"),
        0
    );
    assert_eq!(
        related(titled(&employees, "Name", "First2 Last2"), "Reports to"),
        1
    );
    let playlists = stage.pages("Playlists").await;
    assert_eq!(
        related(titled(&playlists, "Name", "Playlist 1"), "Tracks"),
        25
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_rental_becomes_boards() {
    let stage = mirrored(RENTAL).await;
    // Stores point to staff and staff to stores.
    let stores = stage.pages("Stores").await;
    assert_eq!(
        related(titled(&stores, "Store", "Store 1"), "Manager Staff"),
        1
    );
    let staff = stage.pages("Staff").await;
    assert_eq!(related(titled(&staff, "Name", "Mike Hill"), "Store"), 1);
    let films = stage.pages("Films").await;
    assert_eq!(related(titled(&films, "Title", "FILM 1"), "Categories"), 1);
}

/// `make samples`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "ten thousand pages take minutes"]
async fn ten_thousand_rentals_become_a_board() {
    let sql: &'static str = format!("set samples.rentals = 10000; {RENTAL}").leak();
    let stage = mirrored(sql).await;
    let verdict = stage.daemon(&["verify", "--json"]).await.json();
    let rentals = verdict["dashboards"]
        .as_array()
        .expect("dashboards")
        .iter()
        .find(|one| one["name"] == "Rentals")
        .expect("the board");
    assert_eq!(rentals["pages"], 10_000, "{rentals}");
}
