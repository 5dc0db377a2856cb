//! What the clients fight over, and what overlaps what: written down by hand, so that no parser is trusted.

use coordination::Mode;

/// A leaf of the ground, and whether it is held together with others.
pub(crate) type Leaf = (u32, bool);

/// Every claim of something cold shares this leaf; a claim of everything has it alone.
const COLD: u32 = 999;
const POOL: u32 = 30;
const BULK: u32 = 40;

/// How many slots the pool `gpu` has.
pub(crate) const SLOTS: u32 = 4;
/// How many names there are below `bulk/`.
pub(crate) const BULKS: u32 = 32;
/// How many names hardly ever meet a rival.
pub(crate) const COLDS: u32 = 100_000;

/// Names with a row in the domain's table, which only the holder of an exclusive claim may write.
pub(crate) const DOMAIN: [&str; 11] = [
    "modules/power/battery.md",
    "modules/power/solar.md",
    "modules/power",
    "modules/index.md",
    "docs.md",
    "docs/a",
    "docs/b",
    "modules/water/tank.md",
    "table:modules",
    "api:notion",
    "hot.md",
];

/// What is wished for most, in canonical spelling.
pub(crate) const WISHES: [&str; 18] = [
    "modules/power/battery.md",
    "modules/power/solar.md",
    "modules/power",
    "modules/index.md",
    "docs.md",
    "docs/a",
    "docs/b",
    "modules/water/tank.md",
    "table:modules",
    "api:notion",
    "hot.md",
    "modules/*",
    "modules/power/*",
    "modules/po*",
    "modules/water/*",
    "docs*",
    "docs/*",
    "table:*",
];

/// Members of the sets that are claimed together; `set/*` covers them all.
pub(crate) const SET: [&str; 8] = [
    "set/0", "set/1", "set/2", "set/3", "set/4", "set/5", "set/6", "set/7",
];

/// What a claim of this canonical name takes. A slot is a leaf of its own; `None` is every slot.
pub(crate) fn leaves(name: &str, mode: Mode, slot: Option<u32>) -> Vec<Leaf> {
    let shared = mode == Mode::Shared;
    let alone = |keys: &[u32]| keys.iter().map(|key| (*key, shared)).collect();
    match name {
        "modules/*" => alone(&[0, 1, 2, 3, 7]),
        "modules/power/*" | "modules/po*" => alone(&[0, 1, 2]),
        "modules/water/*" => alone(&[7]),
        "docs*" => alone(&[4, 5, 6]),
        "docs/*" => alone(&[5, 6]),
        "table:*" => alone(&[8]),
        "set/*" => alone(&[20, 21, 22, 23, 24, 25, 26, 27]),
        "bulk/*" => (BULK..BULK + BULKS).map(|key| (key, shared)).collect(),
        "gpu" => match slot {
            Some(slot) => vec![(POOL + slot, false)],
            None => (POOL + 1..=POOL + SLOTS).map(|key| (key, shared)).collect(),
        },
        "*" => (0..BULK + BULKS)
            .chain([COLD])
            .map(|key| (key, shared))
            .collect(),
        _ => {
            if let Some(at) = DOMAIN.iter().position(|leaf| *leaf == name) {
                return alone(&[u32::try_from(at).expect("few leaves")]);
            }
            let (kind, number) = name.split_once('/').unwrap_or_default();
            let number: u32 = number
                .parse()
                .unwrap_or_else(|_| panic!("{name} is not of this ground"));
            match kind {
                "set" => vec![(20 + number, shared)],
                "bulk" => vec![(BULK + number, shared)],
                "cold" => vec![(1_000 + number, shared), (COLD, true)],
                _ => panic!("{name} is not of this ground"),
            }
        }
    }
}

/// Whether two claims of these leaves cannot stand beside each other.
pub(crate) fn rivals(one: &[Leaf], other: &[Leaf]) -> bool {
    one.iter().any(|(key, shared)| {
        other
            .iter()
            .any(|(rival, rival_shared)| key == rival && !(*shared && *rival_shared))
    })
}

/// The domain's row that is written under a claim of this name.
pub(crate) fn row_of(name: &str) -> Option<&'static str> {
    let prefix = name.trim_end_matches('*');
    DOMAIN
        .into_iter()
        .find(|leaf| *leaf == name || prefix.len() < name.len() && leaf.starts_with(prefix))
}
