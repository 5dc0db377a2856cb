//! What is wrong in a schema file, where, and how to cure it.

use std::fmt;

/// A mistake in a schema file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// The file, as the reader knows it.
    pub file: String,
    /// The line, from 1; 0 where the whole file is meant.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub cure: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            message,
            cure,
        } = self;
        match line {
            0 => write!(formatter, "{file}: {message}; {cure}"),
            _ => write!(formatter, "{file}:{line}: {message}; {cure}"),
        }
    }
}

impl std::error::Error for SchemaError {}

/// `did you mean "Projects"?` where a candidate is close, else the whole choice.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(nearest) = nearest(word, &candidates) {
        return format!("did you mean {nearest:?}?");
    }
    match candidates.as_slice() {
        [] => "there is nothing to choose from".to_owned(),
        [one] => format!("the only choice is {one:?}"),
        some => {
            let shown: Vec<_> = some
                .iter()
                .take(20)
                .map(|candidate| format!("{candidate:?}"))
                .collect();
            let more = if some.len() > shown.len() { " …" } else { "" };
            format!("choose one of {}{more}", shown.join(", "))
        }
    }
}

fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    let tolerance = (word.len() / 3).max(1);
    candidates
        .iter()
        .map(|candidate| {
            (
                distance(&word, &candidate.to_lowercase().chars().collect::<Vec<_>>()),
                *candidate,
            )
        })
        .filter(|(distance, _)| *distance <= tolerance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Fewest insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, a) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in to.iter().enumerate() {
            let mut cost = (last[column] + usize::from(a != b))
                .min(last[column + 1] + 1)
                .min(current[column] + 1);
            if row > 0 && column > 0 && *a == to[column - 1] && from[row - 1] == *b {
                cost = cost.min(before_last[column - 1] + 1);
            }
            current.push(cost);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests;
