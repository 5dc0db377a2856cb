use super::{did_you_mean, distance};

#[test]
fn distance_counts_edits_and_swaps() {
    for (from, to, expected) in [
        ("", "", 0),
        ("abc", "abc", 0),
        ("colour", "color", 1),
        ("titel", "title", 1),
        ("Project", "Projects", 1),
        ("kitten", "sitting", 3),
        ("", "abc", 3),
    ] {
        let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
        assert_eq!(distance(&from, &to), expected, "{from:?} -> {to:?}");
        assert_eq!(distance(&to, &from), expected, "{to:?} -> {from:?}");
    }
}

#[test]
fn far_words_get_the_whole_choice() {
    assert_eq!(
        did_you_mean("Projekt", ["Projects", "Team"]),
        "did you mean \"Projects\"?"
    );
    assert_eq!(
        did_you_mean("zebra", ["Projects", "Team"]),
        "choose one of \"Projects\", \"Team\""
    );
    assert_eq!(
        did_you_mean("zebra", ["Team"]),
        "the only choice is \"Team\""
    );
}
