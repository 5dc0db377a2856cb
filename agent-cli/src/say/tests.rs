use chrono::TimeDelta;

use super::{one_line, plain, span, table, visible_width};

#[test]
fn other_agents_words_cannot_move_the_cursor() {
    assert_eq!(
        plain("a\x1b[2Jb\r\u{202e}c\n"),
        "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\n"
    );
    assert_eq!(one_line("a\n\n  b\tc"), "a b c");
}

#[test]
fn spans_are_short() {
    for (seconds, text) in [
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (61, "1m 1s"),
        (899, "14m"),
        (900, "15m"),
        (3600, "1h"),
        (12000, "3h 20m"),
        (86400, "1d"),
        (190_000, "2d 4h"),
    ] {
        assert_eq!(span(TimeDelta::seconds(seconds)), text);
    }
}

#[test]
fn columns_fit_what_is_seen() {
    assert_eq!(visible_width("\x1b[1mname\x1b[0m"), 4);
    let rows = [
        vec!["\x1b[1ma\x1b[0m".to_owned(), "b".to_owned()],
        vec!["long".to_owned(), String::new()],
    ];
    assert_eq!(table(&rows), "\x1b[1ma\x1b[0m     b\nlong\n");
}
