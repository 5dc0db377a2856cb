//! What Notion can hold, and cutting to it. Lengths are UTF-16 units, as Notion's validation counts them.

use crate::page;

/// Most characters a text can keep; rows need not be read beyond.
pub(crate) const LONGEST_TEXT: usize = page::PIECE * page::PIECES;
pub(super) const LONGEST_OPTION: usize = 100;
pub(super) const LONGEST_URL: usize = 2000;
pub(super) const LONGEST_ADDRESS: usize = 200;
pub(super) const LONGEST_LIST: usize = 100;
const LONGEST_NOTE: usize = page::PIECE;
const LONGEST_QUOTE: usize = 60;

/// Length in UTF-16 units.
pub(super) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The longest beginning of at most `limit` UTF-16 units.
pub(super) fn beginning(text: &str, limit: usize) -> &str {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += character.len_utf16();
        if used > limit {
            return &text[..at];
        }
    }
    text
}

/// The longest beginning that Notion can hold as one text.
pub(super) fn longest_text(text: &str) -> &str {
    let kept: usize = page::pieces(text).take(page::PIECES).map(str::len).sum();
    &text[..kept]
}

/// A quotation for a note: short, on one line.
pub(super) fn quote(text: &str) -> String {
    let line = text.replace(|character: char| character.is_control(), " ");
    let short = beginning(&line, LONGEST_QUOTE);
    if short.len() == line.len() {
        format!("\"{line}\"")
    } else {
        format!("\"{short}…\"")
    }
}

/// `1,234,567`
pub(super) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// All notes of a page, a line each, as far as they fit.
pub(super) fn note(notes: &[String]) -> String {
    let whole = notes.join("\n");
    if units(&whole) <= LONGEST_NOTE {
        return whole;
    }
    let room = LONGEST_NOTE - "\n… and 500 more".encode_utf16().count();
    let mut kept = String::new();
    for (index, note) in notes.iter().enumerate() {
        if units(&kept) + units(note) + 1 > room {
            return format!("{kept}… and {} more", notes.len() - index);
        }
        kept.push_str(note);
        kept.push('\n');
    }
    kept
}
