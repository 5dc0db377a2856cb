use proptest::prelude::*;

use super::Cursor;
use crate::record::Horizon;

/// A transaction that draws some numbers of the log and commits later.
#[derive(Debug, Clone)]
struct Writer {
    begins: usize,
    lasts: usize,
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap()
}

proptest! {
    /// Whatever commits in whatever order is read exactly once, and the reader does not remember it for ever.
    #[test]
    fn every_row_is_read_once(
        writers in prop::collection::vec((0_usize..30, 0_usize..12), 1..40)
    ) {
        let mut writers: Vec<Writer> = writers.into_iter().map(|(begins, lasts)| Writer { begins, lasts }).collect();
        writers.sort_by_key(|writer| writer.begins);
        let mut cursor = Cursor::new(0);
        let mut read = Vec::new();
        for now in 0..60 {
            // Writer k has transaction number and log number k + 1.
            let begun = writers.iter().filter(|writer| writer.begins <= now).count();
            let visible: Vec<i64> = (1_i64..)
                .zip(&writers[..begun])
                .filter(|(_, writer)| writer.begins + writer.lasts <= now)
                .map(|(id, _)| id)
                .collect();
            let over = (1_i64..)
                .zip(&writers[..begun])
                .find(|(_, writer)| writer.begins + writer.lasts > now)
                .map_or(number(begun) + 1, |(id, _)| id);
            let horizon = Horizon { newest: visible.last().copied().unwrap_or(0), over, next: number(begun) + 1 };
            read.extend(visible.into_iter().filter(|&id| cursor.is_new(id)));
            cursor.pass(horizon);
        }
        read.sort_unstable();
        prop_assert_eq!(read, (1..=number(writers.len())).collect::<Vec<_>>());
        prop_assert_eq!(cursor.floor, number(writers.len()));
        prop_assert!(cursor.seen.is_empty());
    }
}
