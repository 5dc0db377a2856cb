use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr as _;

use super::{draw, shares};
use crate::record::{Activity, Held, InLine};
use crate::verb::watch::board::Board;

fn board(rows: usize, words: &str) -> Board {
    let at = DateTime::UNIX_EPOCH;
    Board {
        workspace: words.to_owned(),
        agents: (0..rows)
            .map(|_| Activity {
                agent: words.to_owned(),
                status: "blocked".to_owned(),
                current_task: Some(words.to_owned()),
                progress: None,
                done: None,
                total: None,
                last_update: Some(at),
                blockers: Some(words.to_owned()),
                claims: None,
            })
            .collect(),
        claims: (0..rows)
            .map(|_| Held {
                resource: words.to_owned(),
                mode: "exclusive".to_owned(),
                claimed_by: words.to_owned(),
                status: "working".to_owned(),
                started: at,
                eta: None,
                expires_at: at + TimeDelta::minutes(5),
                released_at: None,
                reason: Some(words.to_owned()),
            })
            .collect(),
        waits: (0..rows)
            .map(|_| InLine {
                agent: words.to_owned(),
                names: vec![words.to_owned()],
                queued_at: at,
            })
            .collect(),
        log: Vec::new(),
    }
}

fn text(board: &Board, width: u16, height: u16) -> Vec<String> {
    draw(board, None, width, height, DateTime::UNIX_EPOCH)
        .into_iter()
        .map(|line| line.parts.into_iter().map(|(_, text)| text).collect())
        .collect()
}

#[test]
fn all_parts_are_seen_at_80_by_24() {
    let lines = text(&board(30, "docs/*"), 80, 24);
    for title in ["agents: 30, ", "claims: 30, ", "waiting: 30, ", "log: none"] {
        assert!(
            lines.iter().any(|line| line.starts_with(title)),
            "{title}: {lines:#?}"
        );
    }
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("docs/  docs/*  5m")),
        "{lines:#?}"
    );
}

#[test]
fn rows_that_are_not_needed_are_given_to_others() {
    assert_eq!(shares(19, [2, 3, 0, 200]), [2, 3, 0, 14]);
    assert_eq!(shares(19, [200, 200, 200, 200]), [5, 5, 5, 4]);
    assert_eq!(shares(0, [1, 1, 1, 1]), [0; 4]);
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_screen_and_none_obeys(words in any::<String>(), rows in 0_usize..40, width in 0_u16..200, height in 0_u16..60) {
        let lines = text(&board(rows, &words), width, height);
        prop_assert!(lines.len() >= usize::from(height));
        for line in lines {
            prop_assert!(line.width() <= usize::from(width), "{line:?}");
            prop_assert!(!line.chars().any(char::is_control), "{line:?}");
        }
    }
}
