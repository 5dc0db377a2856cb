use proptest::prelude::*;

use super::*;

fn extent(pages: usize, rows: usize, trashes: usize, changed: usize) -> Extent {
    Extent {
        pages,
        rows,
        trashes: (0..trashes).map(|n| n.to_string()).collect(),
        changes: BTreeMap::from([("Due".to_owned(), changed)]),
    }
}

fn refused(extent: &Extent) -> bool {
    Limit::default().judge("Tasks", extent).is_err()
}

#[test]
fn a_fifth_of_the_pages_may_go_and_fifty_of_many() {
    assert!(!refused(&extent(100, 80, 20, 0)));
    assert!(refused(&extent(100, 79, 21, 0)));
    assert!(!refused(&extent(1_000, 950, 50, 0)));
    assert!(refused(&extent(1_000, 949, 51, 0)));
}

#[test]
fn an_empty_source_is_refused_and_a_small_board_is_not() {
    assert!(refused(&extent(10, 0, 1, 0)));
    assert!(!refused(&extent(9, 0, 9, 9)));
}

#[test]
fn one_property_that_changes_almost_everywhere_is_refused() {
    assert!(!refused(&extent(100, 100, 0, 90)));
    assert!(refused(&extent(100, 100, 0, 91)));
}

#[test]
fn a_live_board_may_lose_everything() {
    let live = Limit {
        trashes: None,
        ..Limit::default()
    };
    assert_eq!(live.judge("Claims", &extent(500, 0, 500, 0)), Ok(()));
}

#[test]
fn the_word_names_the_checksum() {
    let refused = Limit::default()
        .judge("Tasks", &extent(100, 0, 100, 0))
        .expect_err("everything would go");
    assert!(refused.to_string().contains(&refused.checksum.to_string()));
}

proptest! {
    /// Whatever is not refused stays within every threshold: there is no way past.
    #[test]
    fn nothing_beyond_a_threshold_passes(
        pages in 0usize..2_000, rows in 0usize..2_000, trashes in 0usize..2_000, changed in 0usize..2_000,
        percent in 0usize..=100, most in 0usize..500, changes in 0usize..=100,
    ) {
        let limit = Limit {
            trashes: Some(Trashes { percent, pages: most }),
            changes: Some(changes),
        };
        if limit.judge("Tasks", &extent(pages, rows, trashes, changed)).is_ok() && pages >= SMALLEST {
            prop_assert!(trashes <= most);
            prop_assert!(trashes * 100 <= pages * percent);
            prop_assert!(trashes == 0 || rows > 0);
            prop_assert!(changed * 100 <= pages * changes);
        }
    }

    /// A checksum confirms what was shown and nothing more.
    #[test]
    fn one_more_trash_is_another_checksum(trashes in 30usize..100) {
        let shown = Limit::default().judge("Tasks", &extent(100, 1, trashes, 0)).expect_err("too many");
        let more = Limit::default().judge("Tasks", &extent(100, 1, trashes + 1, 0)).expect_err("too many");
        prop_assert_ne!(shown.checksum, more.checksum);
    }
}
