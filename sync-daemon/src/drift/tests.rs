use super::*;

fn values(pairs: &[(&str, &str)]) -> Vec<NamedValue> {
    pairs
        .iter()
        .map(|(name, text)| ((*name).to_owned(), Value::Text((*text).to_owned())))
        .collect()
}

fn known(pairs: &[(&str, &str)]) -> BTreeMap<String, Fingerprint> {
    crate::board::fingerprints(&values(pairs))
}

#[test]
fn an_edit_beside_what_was_written_is_seen() {
    let known = known(&[("Name", "ours"), ("Note", "ours")]);
    let standing = values(&[("Name", "new"), ("Note", "theirs")]);
    let found = drifted(&known, &values(&[("Name", "new")]), standing);
    assert_eq!(found, values(&[("Note", "theirs")]));
}

#[test]
fn what_stands_as_known_or_was_never_ours_is_no_drift() {
    let known = known(&[("Name", "ours")]);
    let standing = values(&[("Name", "ours"), ("Comment", "a person's own")]);
    assert_eq!(drifted(&known, &[], standing), Vec::new());
}

#[test]
fn a_relation_that_is_shown_in_part_says_nothing() {
    let all: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    let known = BTreeMap::from([(
        "Parts".to_owned(),
        Value::Relation(all.clone()).fingerprint(),
    )]);
    let standing = vec![("Parts".to_owned(), Value::Relation(all[..25].to_vec()))];
    assert_eq!(drifted(&known, &[], standing), Vec::new());
}
