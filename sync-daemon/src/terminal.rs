//! Text for a terminal. What rows and other programs wrote may move a cursor, colour lines or turn them round: it must not.

use std::fmt::Write as _;
use std::io::{self, Write as _};

/// The text with everything that a terminal would obey replaced, but for the ends of lines.
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character != '\n' && is_obeyed(character) {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect()
}

/// JSON that says the same, with everything that a terminal would obey written as JSON's escapes.
pub fn harmless_json(json: &str) -> String {
    let mut harmless = String::with_capacity(json.len());
    for character in json.chars() {
        if character != '\n' && is_obeyed(character) {
            let _ = write!(harmless, "\\u{:04x}", u32::from(character));
        } else {
            harmless.push(character);
        }
    }
    harmless
}

/// Writes an answer to standard output. Whoever closed that has read enough.
pub fn answer(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(io::Error::new(
            error.kind(),
            format!("the answer cannot be written to standard output: {error}"),
        )),
        _ => Ok(()),
    }
}

/// Controls, and marks that turn the direction of what follows.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Standard error for lines of JSON, each written as a whole.
#[derive(Debug, Default)]
pub struct JsonLines;

impl io::Write for JsonLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stderr().write_all(harmless_json(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{harmless, harmless_json};

    #[test]
    fn what_can_be_seen_stays() {
        let text = "naïve 漢字 🙂\nsecond line";
        assert_eq!(harmless(text), text);
        assert_eq!(
            harmless("\x1b[2Jgone\r\u{9b}0m"),
            "\u{fffd}[2Jgone\u{fffd}\u{fffd}0m"
        );
    }

    proptest! {
        #[test]
        fn nothing_that_a_terminal_obeys_is_left(text in any::<String>()) {
            let shown = harmless(&text);
            prop_assert_eq!(shown.chars().count(), text.chars().count());
            prop_assert!(!shown.chars().any(|character| character.is_control() && character != '\n'));
        }

        #[test]
        fn json_says_the_same(text in any::<String>()) {
            let json = harmless_json(&serde_json::to_string(&text).unwrap());
            prop_assert!(!json.chars().any(char::is_control));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
