//! What others wrote, made harmless: no controls, nothing invisible, one line, bounded.

/// At most so many characters, cleaned.
pub(crate) fn clean(text: &str, most: usize) -> String {
    let mut kept = String::new();
    for character in text.chars() {
        if character.is_whitespace() || character.is_control() {
            if !kept.is_empty() && !kept.ends_with(' ') {
                kept.push(' ');
            }
        } else if !is_unseen(character) {
            kept.push(character);
        }
    }
    kept.truncate(kept.trim_end().len());
    if let Some((cut, _)) = kept.char_indices().nth(most) {
        kept.truncate(cut);
        kept.push('…');
    }
    kept
}

/// Between quotation marks that it cannot leave.
pub(crate) fn quoted(text: &str, most: usize) -> String {
    serde_json::Value::from(clean(text, most)).to_string()
}

/// What a reader does not see but a model may read: zero widths, overrides of direction, tags, fillers, private use.
fn is_unseen(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests;
