use proptest::prelude::*;

use super::*;

const PAGE: PageId = PageId::from_u128(7);

fn values(pairs: &[(&str, &str)]) -> Vec<NamedValue> {
    pairs
        .iter()
        .map(|(name, text)| ((*name).to_owned(), Value::Text((*text).to_owned())))
        .collect()
}

fn known(state: State, page_id: Option<PageId>, stands: &[NamedValue]) -> Known {
    Known {
        state,
        page_id,
        source_hash: None,
        fingerprints: stands
            .iter()
            .map(|(name, value)| (name.clone(), value.fingerprint()))
            .collect(),
    }
}

#[test]
fn what_stands_is_left_alone() {
    let row = values(&[("A", "1"), ("B", "2")]);
    let step = decide(
        &Want::Present(row.clone()),
        Some(&known(State::Synced, Some(PAGE), &row)),
    );
    assert_eq!(step, Step::Nothing);
}

#[test]
fn only_what_changed_is_written() {
    let before = values(&[("A", "1"), ("B", "2"), ("C", "3")]);
    let after = values(&[("A", "1"), ("B", "two"), ("C", "3")]);
    let step = decide(
        &Want::Present(after),
        Some(&known(State::Synced, Some(PAGE), &before)),
    );
    assert_eq!(step, Step::Update(PAGE, values(&[("B", "two")])));
}

#[test]
fn a_property_in_doubt_is_written_again() {
    let row = values(&[("A", "1"), ("B", "2")]);
    let step = decide(
        &Want::Present(row.clone()),
        Some(&known(State::InDoubt, Some(PAGE), &row[..1])),
    );
    assert_eq!(step, Step::Update(PAGE, values(&[("B", "2")])));
}

#[test]
fn a_create_in_doubt_is_looked_up_before_anything_else() {
    let doubt = known(State::InDoubt, None, &[]);
    assert_eq!(
        decide(&Want::Present(values(&[("A", "1")])), Some(&doubt)),
        Step::LookUp
    );
    assert_eq!(decide(&Want::Absent, Some(&doubt)), Step::LookUp);
}

#[test]
fn a_page_that_may_lie_in_the_trash_is_taken_out_of_it() {
    let row = values(&[("A", "1")]);
    let doubt = known(State::InDoubt, Some(PAGE), &[]);
    assert_eq!(
        decide(&Want::Present(row.clone()), Some(&doubt)),
        Step::Restore(PAGE, row)
    );
    assert_eq!(decide(&Want::Absent, Some(&doubt)), Step::Trash(PAGE));
}

#[test]
fn a_row_that_comes_back_gets_its_page_back() {
    let row = values(&[("A", "1")]);
    let trashed = known(State::Trashed, Some(PAGE), &row);
    assert_eq!(
        decide(&Want::Present(row), Some(&trashed)),
        Step::Restore(PAGE, vec![])
    );
    assert_eq!(decide(&Want::Absent, Some(&trashed)), Step::Nothing);
}

#[test]
fn relations_count_what_they_could_not_resolve() {
    let mut row = vec![(
        "Project".to_owned(),
        Value::Relation(vec!["1".into(), "2".into()]),
    )];
    let unresolved = resolve_relations(&mut row, |property, key| {
        (property == "Project" && key == "2").then_some(PAGE)
    });
    assert_eq!(unresolved, 1);
    assert_eq!(row[0].1, Value::Relation(vec![PAGE.to_string()]));
}

proptest! {
    /// Applying the step reaches what is wanted, and then nothing is left to do.
    #[test]
    fn a_second_decision_is_nothing(
        wanted in proptest::option::of(proptest::collection::btree_map("[A-D]", "[a-c]{0,2}", 4)),
        stands in proptest::option::of((proptest::collection::btree_map("[A-D]", "[a-c]{0,2}", 0..4), 0_u8..3)),
    ) {
        let named = |map: std::collections::BTreeMap<String, String>| -> Vec<NamedValue> {
            map.into_iter().map(|(name, text)| (name, Value::Text(text))).collect()
        };
        let want = wanted.map_or(Want::Absent, |map| Want::Present(named(map)));
        let before = stands.map(|(map, state)| {
            let state = [State::Synced, State::Trashed, State::InDoubt][usize::from(state)];
            known(state, Some(PAGE), &named(map))
        });
        let step = decide(&want, before.as_ref());
        let mut after = before.unwrap_or_else(|| known(State::Synced, Some(PAGE), &[]));
        for (name, value) in step.values() {
            after.fingerprints.insert(name.clone(), value.fingerprint());
        }
        match step {
            Step::Create(_) | Step::Restore(..) | Step::Update(..) => after.state = State::Synced,
            Step::Trash(_) => after.state = State::Trashed,
            Step::Nothing | Step::LookUp => {}
        }
        if want != Want::Absent || step != Step::Nothing {
            prop_assert_eq!(decide(&want, Some(&after)), Step::Nothing);
        }
    }
}
