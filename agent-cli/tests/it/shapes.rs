//! What `--json` answers: the keys that programs rely on.

use serde_json::Value;

use crate::fleet::Fleet;

/// The paths of all keys, `[]` for the members of a list.
fn keys(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let path = format!("{path}.{key}");
                found.push(path.clone());
                keys(value, &path, found);
            }
        }
        Value::Array(list) => {
            if let Some(first) = list.first() {
                keys(first, &format!("{path}[]"), found);
            }
        }
        _ => {}
    }
}

fn shape(value: &Value) -> String {
    let mut found = Vec::new();
    keys(value, "", &mut found);
    found.sort_unstable();
    found.join(" ")
}

const CLAIM: &str = ".claims .claims[].claim_id .claims[].expires_at .claims[].mode .claims[].predecessors .claims[].resource .claims[].slot .claims[].token .claims[].ttl_seconds .claims[].widened";
const HOLDER: &str = ".holders .holders[].agent .holders[].claim_id .holders[].eta .holders[].incarnation .holders[].mode .holders[].overlap .holders[].progress .holders[].progress_at .holders[].reason .holders[].since .holders[].token .holders[].until";
const ROW: &str = "[].action [].agent [].claim_id [].id [].late [].message [].metadata [].resource [].session_id [].status [].timestamp [].unauthenticated";

fn not_in_keys(character: char) -> bool {
    !(character.is_alphanumeric() || character == '_')
}

#[test]
fn answers_have_the_documented_keys() {
    let fleet = Fleet::new();
    let general = fleet.say(&["--help"]).out;
    let check = |code, arguments: &[&str], expected: &str| {
        let answer = shape(&fleet.json(code, arguments));
        assert_eq!(answer, expected, "{arguments:?}");
        let verb = fleet.say(&[arguments[0], "--help"]).out;
        for key in answer.split(['.', ' ', '[', ']']) {
            let said = |text: &str| text.split(not_in_keys).any(|word| word == key);
            assert!(
                key.is_empty() || said(&general) || said(&verb),
                "{arguments:?}: {key} is not documented"
            );
        }
    };
    check(
        0,
        &[
            "claim", "docs/", "--reason", "r", "--eta", "1h", "--agent", "alpha",
        ],
        &format!(
            ".agent {CLAIM} .enforcement .enforcement.commits .enforcement.edits .enforcement.tables .outcome .workspace"
        ),
    );
    check(
        3,
        &["claim", "docs/", "--agent", "beta"],
        &format!(".ahead .free {HOLDER} .outcome .waiting"),
    );
    check(
        3,
        &["claim", "docs/", "--wait", "1", "--agent", "beta"],
        &format!(
            ".ahead .free {HOLDER} .outcome .waiting .waiting.kept_until .waiting.position .waiting.ticket"
        ),
    );
    check(0, &["who", "docs/"], &format!("{HOLDER} .resource"));
    check(
        0,
        &["renew", "--agent", "alpha"],
        &format!("{CLAIM} .lost .outcome"),
    );
    check(
        0,
        &[
            "log",
            "progress",
            "m",
            "--resource",
            "docs/",
            "--agent",
            "alpha",
        ],
        ".claim_id .expires_at .log_id .lost .outcome",
    );
    let rows: Vec<String> = ROW.split(' ').map(|key| format!(".rows{key}")).collect();
    check(0, &["tail"], &format!(".rows {}", rows.join(" ")));
    check(
        0,
        &[
            "log",
            "help",
            "m",
            "--needed-from",
            "alpha",
            "--agent",
            "beta",
        ],
        ".claim_id .expires_at .log_id .lost .outcome",
    );
    let requests: Vec<String> = ROW
        .split(' ')
        .map(|key| format!(".requests{key}"))
        .collect();
    let inbox = shape(&fleet.json(0, &["inbox", "--agent", "alpha"]));
    assert_eq!(
        inbox.replace(" .requests[].metadata.help_needed_from", ""),
        format!(".requests {}", requests.join(" "))
    );
    check(
        0,
        &["claims"],
        ".claims .claims[].claimed_by .claims[].eta .claims[].expires_at .claims[].mode .claims[].reason .claims[].released_at .claims[].resource .claims[].started .claims[].status",
    );
    check(
        0,
        &["claims", "--mine", "--agent", "alpha"],
        &format!(".agent {CLAIM}"),
    );
    check(
        0,
        &["agents"],
        ".agents .agents[].agent .agents[].blockers .agents[].claims .agents[].current_task .agents[].done .agents[].last_update .agents[].progress .agents[].status .agents[].total",
    );
    check(
        0,
        &["history", "docs/"],
        ".claims .claims[].acquired_at .claims[].agent .claims[].claim_id .claims[].ended_at .claims[].ended_by .claims[].ending .claims[].expires_at .claims[].mode .claims[].reason .claims[].resource .resource",
    );
    check(
        3,
        &["free", "docs/", "src/"],
        &format!(
            ".free .free[].resource .free[].typed .held {} .held[].resource .held[].typed",
            HOLDER
                .split(' ')
                .map(|key| format!(".held[]{key}"))
                .collect::<Vec<_>>()
                .join(" ")
        ),
    );
    check(0, &["verify-history"], ".acts .claims .offence .outcome");
    check(
        0,
        &["handoff", "docs/", "--to", "beta", "--agent", "alpha"],
        ".claims .claims[].resource .claims[].to .claims[].token .lost .outcome",
    );
    check(
        4,
        &["renew", "docs/", "--agent", "alpha"],
        ".claims .lost .lost[].at .lost[].by .lost[].ending .lost[].resource .lost[].token .outcome",
    );
    check(
        0,
        &["release", "docs/", "--agent", "beta"],
        ".claims .claims[].claim_id .claims[].resource .lost .outcome",
    );
    check(3, &["revoke", "1", "--reason", "r"], ".claim_id .outcome");
    check(
        0,
        &["doctor"],
        ".checks .checks[].check .checks[].next .checks[].state .checks[].what",
    );
    check(
        0,
        &["summary", "--agent", "gamma"],
        ".agent .blockers .claims .completed .messages .since",
    );
    check(0, &["migrate"], ".outcome .version");
    check(0, &["roles"], ".sql");
    check(2, &["claim", "x"], ".error .next .outcome");
    assert_eq!(shape(&fleet.json(2, &["fly"])), ".error .next .outcome");
    check(
        3,
        &["release", "x", "--agent", "alpha"],
        ".error .next .outcome",
    );
}

#[test]
fn values_are_what_they_say() {
    let fleet = Fleet::new();
    let granted = fleet.json(
        0,
        &[
            "claim",
            "docs*",
            "--shared",
            "--ttl",
            "2h",
            "--agent",
            "alpha",
            "--workspace",
            "w",
        ],
    );
    assert_eq!(granted["outcome"], "granted");
    assert_eq!(granted["agent"], "alpha");
    assert_eq!(granted["workspace"], "w");
    let claim = &granted["claims"][0];
    assert_eq!(claim["resource"], "docs*");
    assert_eq!(claim["mode"], "shared");
    assert_eq!(claim["widened"], true);
    assert_eq!(claim["ttl_seconds"], 7200);
    assert!(claim["token"].is_i64());
    assert_eq!(granted.get("local"), None);

    fleet.json(
        0,
        &[
            "log",
            "progress",
            "half",
            "--task",
            "guide",
            "--steps",
            "1/2",
            "--metadata",
            "n=[1]",
            "--resource",
            "docs.md",
            "--agent",
            "alpha",
            "--workspace",
            "w",
        ],
    );
    let agents = fleet.json(0, &["agents", "--workspace", "w"]);
    assert_eq!(agents["agents"][0]["current_task"], "guide");
    assert_eq!(agents["agents"][0]["progress"], "50% (1/2)");
    let rows = fleet.json(0, &["tail", "--workspace", "w", "--action", "progress"]);
    assert_eq!(rows["rows"][0]["metadata"]["n"][0], 1);
    let held = fleet.json(
        3,
        &["claim", "docs.md", "--agent", "beta", "--workspace", "w"],
    );
    assert_eq!(held["holders"][0]["progress"], "half");
    assert_eq!(held["holders"][0]["overlap"], "docs.md");
    assert_eq!(
        fleet.json(0, &["claims"])["claims"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}
