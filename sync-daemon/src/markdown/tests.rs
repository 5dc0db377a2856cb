use std::fmt::Write as _;

use proptest::prelude::*;

use super::{Block, MOST_BLOCKS, Span, blocks, fitting, spans};
use crate::page::pieces;

/// Spans on one line: `**bold**`, `_italic_`, `~struck~`, `` `code` ``, `[text](link)`.
fn shown(spans: &[Span]) -> String {
    spans
        .iter()
        .map(|span| {
            let mut text = span.text.clone();
            for (on, mark) in [
                (span.code, "`"),
                (span.strikethrough, "~"),
                (span.italic, "_"),
                (span.bold, "**"),
            ] {
                if on {
                    text = format!("{mark}{text}{mark}");
                }
            }
            match &span.link {
                Some(link) => format!("[{text}]({link})"),
                None => text,
            }
        })
        .collect()
}

fn outline(blocks: &[Block], indent: usize) -> String {
    blocks.iter().fold(String::new(), |mut lines, block| {
        let _ = writeln!(
            lines,
            "{:indent$}{:?} {}",
            "",
            block.kind,
            shown(&block.spans)
        );
        lines + &outline(&block.children, indent + 2)
    })
}

#[test]
fn text_keeps_its_marks_and_links() {
    let text = "A **bold _and italic_** word, ~~gone~~, `x = 1`,\na [link](https://example.org/a_b) and <https://example.org>.\n\n\
                - one\n- [x] two\n\n1. first\n2. [bad](javascript:alert(1))\n\n# Head";
    insta::assert_snapshot!(shown(&spans(text)), @r"
    A **bold ****_and italic_** word, ~gone~, `x = 1`,
    a [link](https://example.org/a_b) and [https://example.org](https://example.org).
    • one
    ☑ two
    1. first
    2. bad
    **Head**
    ");
}

#[test]
fn a_body_is_made_of_blocks() {
    let text = "# One\n\nText over\ntwo lines.\n\n- a\n  - b\n    - c\n      - d\n\n      more\n- [ ] e\n\n1. f\n\n> quoted\n> on\n\n---\n\n\
                ```rust\nlet x;\n```\n\n![a cat](https://example.org/cat.png)\n\n| h | i |\n|---|---|\n| 1 | 2 |\n\n<b>raw</b>";
    let (blocks, whole) = blocks(text);
    assert!(whole);
    insta::assert_snapshot!(outline(&blocks, 0).replace(" \n", "\n"), @r#"
    Heading(1) One
    Paragraph Text over two lines.
    Bullet a
      Bullet b
        Bullet c
        Bullet d
        Paragraph more
    ToDo(false) e
    Numbered f
    Quote quoted on
    Divider
    Code("rust") let x;
    Image("https://example.org/cat.png") a cat
    Code("") h  i
    1  2
    Paragraph <b>raw</b>
    "#);
}

#[test]
fn what_is_too_much_is_cut_and_said() {
    let (kept, whole) = blocks(&"word\n\n".repeat(MOST_BLOCKS + 5));
    assert_eq!((kept.len(), whole), (MOST_BLOCKS, false));
    let (kept, whole) = fitting(spans(&"**a** b ".repeat(80)));
    assert_eq!((kept.len(), whole), (100, false));
}

fn check(blocks: &[Block], level: usize) {
    assert!(level <= 3 || blocks.is_empty());
    assert!(level == 1 || blocks.len() <= 100);
    for block in blocks {
        let pieces: usize = block
            .spans
            .iter()
            .map(|span| pieces(&span.text).count())
            .sum();
        assert!(pieces <= 100 && block.spans.iter().all(|span| !span.text.is_empty()));
        check(&block.children, level + 1);
    }
}

proptest! {
    #[test]
    fn anything_makes_something_that_notion_can_hold(
        parts in prop::collection::vec(
            prop_oneof![
                Just("- ".to_owned()), Just("\n".to_owned()), Just("\n\n".to_owned()), Just("  ".to_owned()),
                Just("> ".to_owned()), Just("1. ".to_owned()), Just("**".to_owned()), Just("_".to_owned()),
                Just("`".to_owned()), Just("```\n".to_owned()), Just("[x](https://e.org)".to_owned()),
                Just("![p](https://e.org/p.png)".to_owned()), Just("| a | b |\n|---|---|\n".to_owned()),
                Just("<div>".to_owned()), Just("- [ ] ".to_owned()), "\\PC{0,6}",
            ],
            0..60,
        )
    ) {
        let text: String = parts.concat();
        let (made, _) = blocks(&text);
        check(&made, 1);
        let line = spans(&text);
        // Two neighbours never look alike, so that what is read back is what was written.
        for pair in line.windows(2) {
            prop_assert!(super::look(&pair[0]) != super::look(&pair[1]));
        }
        prop_assert!(line.iter().all(|span| !span.text.is_empty()));
    }
}
