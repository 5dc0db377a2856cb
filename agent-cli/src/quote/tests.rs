use proptest::prelude::*;

use super::{clean, quoted};

#[test]
fn what_others_wrote_is_one_visible_line() {
    for (written, kept) in [
        ("two\nlines\r\n\tand  more ", "two lines and more"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("left\u{202e}thgir", "leftthgir"),
        ("tag\u{e0041}\u{e0042}ged", "tagged"),
        ("zero\u{200b}width", "zerowidth"),
        ("naïve 漢字 🙂", "naïve 漢字 🙂"),
        ("", ""),
    ] {
        assert_eq!(clean(written, 100), kept, "{written:?}");
    }
    assert_eq!(clean("abcdef", 3), "abc…");
    assert_eq!(clean("abc", 3), "abc");
    assert_eq!(quoted(r#"he said "go" \ "#, 100), r#""he said \"go\" \\""#);
}

proptest! {
    #[test]
    fn a_quotation_is_never_left(written in any::<String>(), most in 0_usize..50) {
        let text = quoted(&written, most);
        let back: String = serde_json::from_str(&text).unwrap();
        prop_assert!(!text.chars().any(char::is_control));
        prop_assert!(back.chars().count() <= most + 1);
    }
}
