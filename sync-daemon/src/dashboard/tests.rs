use std::fmt::Write as _;
use std::time::Duration;

use super::{Dashboards, PropertyKind, Source};

const HEAD: &str = "name = 'Board'\nsource = 'things'\nkey = 'id'\ncadence = '30s'\n";
const TITLE: &str = "[[property]]\nname = 'Name'\ntype = 'title'\ncolumn = 'name'\n";

fn parse(files: &[(&str, &str)]) -> Result<Dashboards, String> {
    let files: Vec<_> = files
        .iter()
        .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()))
        .collect();
    Dashboards::parse(&files, &[]).map_err(|errors| {
        errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    })
}

fn refused(text: &str) -> String {
    parse(&[("board.toml", text)]).expect_err("the file is refused")
}

fn with_property(lines: &str) -> String {
    format!("{HEAD}{TITLE}[[property]]\n{lines}")
}

#[test]
fn shipped_dashboards_load_in_order_of_their_relations() {
    let dashboards = Dashboards::load(None).unwrap();
    let names: Vec<_> = dashboards
        .iter()
        .map(|dashboard| dashboard.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "Agent Activity",
            "Resource Claims",
            "Team",
            "Projects",
            "Tasks",
            "Module Library",
            "Sync Status"
        ]
    );
    let live = dashboards.get("Agent Activity").unwrap();
    assert_eq!(live.cadence, Duration::from_secs(30));
    assert!(!live.optional && dashboards.get("Tasks").unwrap().optional);
    assert!(
        matches!(&live.source, Source::Query(query) if query.contains("coordination.agent_activity")),
        "{:?}",
        live.source
    );
    assert!(
        live.properties
            .iter()
            .any(|property| matches!(property.kind, PropertyKind::Formula { .. }))
    );
}

#[test]
fn a_folder_adds_dashboards_and_replaces_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = "name = 'Tasks'\nsource = 'own.tasks'\nkey = 'id'\ncadence = '10s'\n";
    std::fs::write(
        folder.path().join("own-tasks.toml"),
        format!("{tasks}{TITLE}"),
    )
    .unwrap();
    std::fs::write(folder.path().join("board.toml"), format!("{HEAD}{TITLE}")).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not a schema file").unwrap();
    let dashboards = Dashboards::load(Some(folder.path())).unwrap();
    assert_eq!(dashboards.iter().len(), 8);
    assert_eq!(
        dashboards.get("Tasks").unwrap().cadence,
        Duration::from_secs(10)
    );
    assert!(dashboards.get("Board").is_some());

    let nowhere = Dashboards::load(Some(&folder.path().join("nowhere"))).unwrap_err();
    assert!(
        nowhere[0].to_string().contains("CLAIMBOARD_SCHEMAS"),
        "{nowhere:?}"
    );
}

#[test]
fn targets_come_first_and_cycles_are_allowed() {
    let file = |name: &str, targets: &[&str]| {
        let mut text =
            format!("name = '{name}'\nsource = 'things'\nkey = 'id'\ncadence = '30s'\n{TITLE}");
        for target in targets {
            write!(
                text,
                "[[property]]\nname = 'to {target}'\ntype = 'relation'\ncolumn = 'x'\nto = '{target}'\n"
            )
            .unwrap();
        }
        text
    };
    let order = |files: &[(&str, &[&str])]| {
        let files: Vec<_> = files
            .iter()
            .map(|(name, targets)| ((*name).to_owned(), file(name, targets)))
            .collect();
        let dashboards = Dashboards::parse(&files, &[]).unwrap();
        dashboards
            .iter()
            .map(|dashboard| dashboard.name.clone())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(order(&[("a", &[]), ("b", &[])]), "a b");
    assert_eq!(order(&[("a", &["b"]), ("b", &["c"]), ("c", &[])]), "c b a");
    assert_eq!(order(&[("a", &["a", "b"]), ("b", &[])]), "b a");
    assert_eq!(
        order(&[("a", &["b"]), ("b", &["a"]), ("c", &["b"])]),
        "b a c"
    );
}

#[test]
fn every_mistake_of_every_file_is_told_at_once() {
    let tasks = "name = 'Tasks '
icon = 'task'
sorce = 'tasks'
query = '''
select 1'''
source = 'tasks'
key = ['id', 'id']
cadence = '2d'
optional = 'yes'

[[property]]
name = 'Name'
type = 'titel'
column = 'name'

[[property]]
name = 'Project'
type = 'relation'
column = 'project_id'
to = 'Project'

[[property]]
name = 'project'
type = 'text'
colum = 'x'
format = 'euro'

[[property]]
name = 'Sync note'
type = 'number'
format = 'euros'
column = ''

[[property]]
name = 'Status'
type = 'select'
column = 'status'
options = [
    { value = 'a', name = 'A, b', color = 'grey' },
    { value = 'b', name = 'Todo' },
    { value = 'b', name = 'todo', colour = 'red' },
    { name = 'nothing' },
]

[[property]]
name = 'State'
type = 'status'
column = 'status'

[[property]]
name = 'Age'
type = 'formula'
column = 'age'
expression = 'dateBetween(now(), prop(\"Statsu\"), \"days\") + prop( \"Name\")'
";
    let projects = "name = 'Projects'\nkey = 5\n[[property]]\ntype = 'text'\ncolumn = 'x'\n[[property]]\nname = 'A'\ntype = 'formula'\n[[property]]\nname = 'B'\ntype = 'relation'\ncolumn = 'b'\n";
    let broken = "name = 'Broken\nkey = 'id'";
    let files = [
        ("tasks.toml", tasks),
        ("projects.toml", projects),
        ("broken.toml", broken),
    ];
    insta::assert_snapshot!(parse(&files).unwrap_err());
}

#[test]
fn one_mistake_is_one_message() {
    for (text, expected) in [
        (
            with_property("name = 'A'\ntype = 'titel'\ncolumn = 'a'"),
            "board.toml:11: property \"A\" has the unknown type \"titel\"; did you mean \"title\"?",
        ),
        (
            with_property("name = 'A'\ntype = 'title'\ncolumn = 'a'"),
            "board.toml:11: 2 properties are titles; keep one; make the others text",
        ),
        (
            HEAD.to_owned(),
            "board.toml:1: no property is the title; give the property that names a row type = \"title\"",
        ),
        (
            with_property("name = 'NAME'\ntype = 'text'\ncolumn = 'a'"),
            "board.toml:10: property \"NAME\" stands twice; rename one; upper and lower case count as the same",
        ),
        (
            with_property("name = 'claimboard key'\ntype = 'text'\ncolumn = 'a'"),
            "board.toml:10: property name \"Claimboard Key\" is reserved for the daemon's own use; choose another name",
        ),
        (
            HEAD.replace("'things'", "'a.b.c'") + TITLE,
            "board.toml:2: source \"a.b.c\" is not the name of a table; write schema.table, as Postgres spells it and without quotes; for anything else use query = \"select …\"",
        ),
        (
            with_property(
                "name = 'A'\ntype = 'select'\ncolumn = 'a'\noptions = [{ null = false, name = 'B' }]",
            ),
            "board.toml:13: an option of property \"A\" has no value; add value = \"…\", as it stands in the column, or one of from = 80, null = true, other = true",
        ),
        (
            format!("{HEAD}{TITLE}[[view]]\nname = 'V'\nfilter = {{ Nmae = 'x' }}"),
            "board.toml:11: view \"V\" refers to property \"Nmae\", which does not exist; did you mean \"Name\"?",
        ),
        (
            HEAD.replace("30s", "0s") + TITLE,
            "board.toml:4: cadence \"0s\" is not possible; write a time from \"1s\" to \"1d\", such as \"30s\", \"2m\" or \"1h\"",
        ),
        (
            HEAD.replace("30s", "ü") + TITLE,
            "board.toml:4: cadence \"ü\" is not possible; write a time from \"1s\" to \"1d\", such as \"30s\", \"2m\" or \"1h\"",
        ),
    ] {
        assert_eq!(refused(&text), expected, "{text}");
    }
}

#[test]
fn names_are_unique_across_files() {
    let text = format!("{HEAD}{TITLE}");
    let errors = parse(&[
        ("a.toml", &text),
        ("b.toml", &text.replace("Board", "BOARD")),
    ])
    .unwrap_err();
    assert_eq!(
        errors,
        "b.toml:1: dashboard \"BOARD\" stands in a.toml already; rename one"
    );
}

#[test]
fn options_may_share_a_name_and_default_to_their_value() {
    let text = with_property(
        "name = 'S'\ntype = 'select'\ncolumn = 's'\noptions = [{ value = 'x' }, { value = 'y', name = 'x', color = 'red' }]",
    );
    let dashboards = parse(&[("board.toml", &text)]).unwrap();
    let options = dashboards.get("Board").unwrap().properties[1]
        .kind
        .options();
    assert_eq!(
        options
            .iter()
            .map(|option| (&*option.name, &*option.color))
            .collect::<Vec<_>>(),
        [("x", "default"), ("x", "red")]
    );
}

#[test]
fn queries_lose_their_semicolon_and_cadences_have_units() {
    for (text, seconds) in [("1s", 1), ("2m", 120), ("3h", 10_800), ("1d", 86_400)] {
        let head = HEAD
            .replace("30s", text)
            .replace("source = 'things'", "query = 'select 1 ; '");
        let dashboards = parse(&[("board.toml", &(head + TITLE))]).unwrap();
        let board = dashboards.get("Board").unwrap();
        assert_eq!(board.cadence, Duration::from_secs(seconds));
        assert_eq!(board.source, Source::Query("select 1".to_owned()));
    }
}

#[test]
fn digest_follows_what_pages_look_like() {
    let digest = |text: &str| {
        parse(&[("board.toml", text)])
            .unwrap()
            .get("Board")
            .unwrap()
            .digest()
    };
    let lines = "name = 'S'\ntype = 'select'\ncolumn = 's'\noptions = [{ value = 'x', name = 'X', color = 'red' }]\n";
    let formula = "[[property]]\nname = 'F'\ntype = 'formula'\nexpression = '1'\n";
    let text = with_property(lines);
    for same in [
        text.replace("30s", "2m"),
        text.replace("red", "blue"),
        format!("icon = '📦'\ndescription = 'Things'\noptional = true\n{text}"),
        format!("{text}{formula}"),
    ] {
        assert_eq!(digest(&text), digest(&same), "{same}");
    }
    for other in [
        text.replace("'things'", "'other'"),
        text.replace("key = 'id'", "key = ['id']  # the same")
            .replace("'id']", "'id', 'name']"),
        text.replace("column = 's'", "column = 't'"),
        text.replace("name = 'X'", "name = 'Y'"),
        text.replace("value = 'x'", "value = 'y'"),
        text.replace("type = 'select'", "type = 'multi_select'"),
        text.replace("name = 'S'", "name = 'T'"),
    ] {
        assert_ne!(digest(&text), digest(&other), "{other}");
    }
}

#[test]
fn the_reference_shows_a_valid_file_and_every_type() {
    let reference = include_str!("../../../schemas/README.md");
    let example = reference
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("the reference begins with an example");
    let dashboards = parse(&[("invoices.toml", example)]).unwrap();
    assert_eq!(dashboards.get("Invoices").unwrap().properties.len(), 4);
    for word in super::property::TYPES {
        assert!(
            reference.contains(&format!("`{word}`")),
            "{word} is missing"
        );
    }
}

#[test]
fn a_replacement_is_spelled_as_what_it_replaces() {
    let file = |name: &str| {
        let text = format!(
            "name = '{name}'\nsource = 't'\nkey = 'id'\ncadence = '2m'\n[[property]]\nname = 'T'\ntype = 'title'\ncolumn = 'id'\n"
        );
        vec![("one.toml".to_owned(), text)]
    };
    let errors = Dashboards::parse(&file("Tasks"), &file("tasks")).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "one.toml:1: dashboard \"tasks\" and \"Tasks\" of one.toml differ only in case; \
         write \"Tasks\" to replace that one, or another name"
    );
    assert_eq!(
        Dashboards::parse(&file("Tasks"), &file("Tasks"))
            .unwrap()
            .iter()
            .len(),
        1
    );
}

#[test]
fn a_schema_that_notion_cannot_hold_is_refused() {
    use std::fmt::Write as _;
    let mut text = "name = 'Wide'\nsource = 't'\nkey = 'id'\ncadence = '2m'\n[[property]]\nname = 'T'\ntype = 'title'\ncolumn = 'id'\n".to_owned();
    for number in 0..400 {
        let name = format!("{number} {}", "x".repeat(80));
        write!(
            text,
            "[[property]]\nname = '{name}'\ntype = 'text'\ncolumn = 'id'\n"
        )
        .unwrap();
    }
    let errors = Dashboards::parse(&[("wide.toml".to_owned(), text)], &[]).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "wide.toml:1: the dashboard's properties and options take 53 KB, Notion takes 50 KB of schema; \
         leave some out, or name fewer options; others are added as rows bring them"
    );
}

#[test]
fn more_properties_than_notion_takes_are_refused() {
    let text = |count: usize| {
        let mut text = HEAD.to_owned() + TITLE;
        for number in 1..count {
            write!(
                text,
                "[[property]]\nname = '{number}'\ntype = 'number'\ncolumn = 'c'\n"
            )
            .unwrap();
        }
        text
    };
    assert!(parse(&[("board.toml", &text(498))]).is_ok());
    assert_eq!(
        refused(&text(499)),
        "board.toml:1: the dashboard has 499 properties, Notion takes 498 besides ours; leave some out"
    );
}

#[test]
fn the_json_schema_for_editors_is_current() {
    let stands = include_str!("../../../schemas/dashboard.schema.json");
    assert!(
        stands == super::json_schema_text(),
        "schemas/dashboard.schema.json is out of date; write it anew: claimboard-sync schema > schemas/dashboard.schema.json"
    );
}
