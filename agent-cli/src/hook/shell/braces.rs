//! Brace expansion: `{a,b}/c{1..3}`, on words whose unquoted braces and commas the lexer has marked.

/// What stands for an unquoted `{`, `,` and `}` in a word.
pub(super) const OPEN: char = '\u{1}';
pub(super) const COMMA: char = '\u{2}';
pub(super) const CLOSE: char = '\u{3}';
/// More names than these are not looked at one by one.
const MOST: usize = 1000;

/// The words that the shell makes of one, or `None` when they are too many.
pub(super) fn expanded(text: &str) -> Option<Vec<String>> {
    let Some((before, inner, after)) = first_pair(text) else {
        return Some(vec![unmarked(text)]);
    };
    let middles = match (split(inner).as_slice(), sequence(inner)) {
        ([_, _, ..], _) => {
            let mut middles = Vec::new();
            for part in split(inner) {
                middles.extend(expanded(part)?);
            }
            middles
        }
        (_, Some(sequence)) => sequence,
        // Neither a list nor a sequence: the braces stand for themselves.
        _ => expanded(inner)?
            .into_iter()
            .map(|inner| format!("{{{inner}}}"))
            .collect(),
    };
    let rests = expanded(after)?;
    if middles.len().saturating_mul(rests.len()) > MOST {
        return None;
    }
    let before = unmarked(before);
    let mut words = Vec::new();
    for middle in &middles {
        words.extend(rests.iter().map(|rest| format!("{before}{middle}{rest}")));
    }
    Some(words)
}

/// What stands before, in and behind the first braces that match.
fn first_pair(text: &str) -> Option<(&str, &str, &str)> {
    let mut opened = Vec::new();
    let mut pairs = Vec::new();
    for (at, character) in text.char_indices() {
        match character {
            OPEN => opened.push(at),
            CLOSE => pairs.extend(opened.pop().map(|open| (open, at))),
            _ => {}
        }
    }
    let (open, close) = pairs.into_iter().min()?;
    Some((&text[..open], &text[open + 1..close], &text[close + 1..]))
}

/// At the commas that are in no inner braces.
fn split(inner: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, character) in inner.char_indices() {
        match character {
            OPEN => depth += 1,
            CLOSE => depth = depth.saturating_sub(1),
            COMMA if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    parts
}

/// `1..3` and `a..c`.
fn sequence(inner: &str) -> Option<Vec<String>> {
    let (from, to) = inner.split_once("..")?;
    if let (Ok(from), Ok(to)) = (from.parse::<i32>(), to.parse::<i32>()) {
        let (low, high) = (from.min(to), from.max(to));
        return Some((low..=high).take(MOST + 1).map(|n| n.to_string()).collect());
    }
    let letter = |text: &str| {
        let mut characters = text.chars();
        let letter = characters.next().filter(char::is_ascii_alphabetic)?;
        characters.next().is_none().then_some(letter)
    };
    let (from, to) = (letter(from)?, letter(to)?);
    Some((from.min(to)..=from.max(to)).map(String::from).collect())
}

/// Braces without a partner, and commas outside of any, stand for themselves.
fn unmarked(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            OPEN => '{',
            COMMA => ',',
            CLOSE => '}',
            other => other,
        })
        .collect()
}
