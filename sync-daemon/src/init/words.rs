//! From identifiers to words that people read, and from values to colours.

/// Words that are written in capitals.
const ACRONYMS: [&str; 14] = [
    "id", "url", "ip", "uuid", "sku", "isbn", "vat", "iban", "api", "html", "pdf", "dvd", "cd",
    "ssn",
];

/// Words that stay small within a name.
const SMALL: [&str; 11] = [
    "a", "of", "on", "at", "in", "the", "and", "to", "by", "for", "per",
];

/// Words that have no plural of their own.
const UNCOUNTED: [&str; 14] = [
    "staff",
    "data",
    "metadata",
    "history",
    "info",
    "information",
    "equipment",
    "stock",
    "inventory",
    "media",
    "news",
    "series",
    "feedback",
    "people",
];

/// What a word in a value says about it.
const MEANINGS: [(&str, &[&str]); 5] = [
    (
        "green",
        &[
            "done",
            "paid",
            "active",
            "completed",
            "complete",
            "ok",
            "delivered",
            "approved",
            "success",
            "yes",
            "resolved",
            "shipped",
        ],
    ),
    (
        "red",
        &[
            "failed",
            "error",
            "cancelled",
            "canceled",
            "rejected",
            "overdue",
            "blocked",
            "lost",
            "critical",
            "urgent",
            "returned",
        ],
    ),
    (
        "yellow",
        &[
            "open", "pending", "waiting", "hold", "review", "draft", "medium", "partial",
        ],
    ),
    (
        "blue",
        &[
            "progress",
            "running",
            "started",
            "processing",
            "doing",
            "sent",
        ],
    ),
    (
        "gray",
        &[
            "new", "todo", "planned", "closed", "archived", "inactive", "none", "unknown", "low",
            "no",
        ],
    ),
];

const PALETTE: [&str; 8] = [
    "blue", "purple", "orange", "pink", "brown", "green", "yellow", "gray",
];

const ICONS: [(&str, &[&str]); 14] = [
    (
        "👤",
        &[
            "customer", "user", "person", "contact", "client", "account", "actor", "member",
        ],
    ),
    ("👥", &["staff", "employee", "team", "people", "group"]),
    ("🛒", &["order", "cart", "purchase"]),
    ("🧾", &["invoice", "bill", "receipt"]),
    ("💳", &["payment", "transaction"]),
    ("📦", &["product", "item", "inventory", "stock", "shipment"]),
    ("🎬", &["film", "movie", "video"]),
    (
        "🎵",
        &["track", "song", "music", "artist", "album", "playlist"],
    ),
    ("🏷️", &["category", "genre", "tag", "type", "label"]),
    (
        "🏠",
        &["address", "city", "location", "store", "shop", "warehouse"],
    ),
    ("🌍", &["country", "region", "language", "territory"]),
    ("📼", &["rental", "loan", "booking", "reservation"]),
    (
        "📝",
        &["note", "post", "comment", "review", "message", "log"],
    ),
    ("📁", &["project", "task", "issue", "ticket"]),
];

/// The words of an identifier, in small letters: `unit_price`, `UnitPrice` and `Unit Price` are two words.
pub(super) fn words(identifier: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let characters: Vec<char> = identifier.chars().collect();
    for (at, character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| characters[before]);
        let after = characters.get(at + 1);
        let new_word = character.is_uppercase()
            && (before.is_some_and(|before| before.is_lowercase() || before.is_numeric())
                || (before.is_some_and(char::is_uppercase)
                    && after.is_some_and(|after| after.is_lowercase())));
        let separates = !character.is_alphanumeric() && !"%#&+/€$°()'".contains(*character);
        if (new_word || separates) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if !separates {
            word.extend(character.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// `unit_price` as words of one form, to compare names whatever their style.
pub(super) fn snake(identifier: &str) -> String {
    words(identifier).join("_")
}

/// Words as a name: `Unit Price`.
pub(super) fn name(words: &[String]) -> String {
    let written: Vec<String> = words
        .iter()
        .enumerate()
        .map(|(at, word)| {
            if ACRONYMS.contains(&word.as_str()) {
                word.to_uppercase()
            } else if at > 0 && SMALL.contains(&word.as_str()) {
                word.clone()
            } else {
                capital(word)
            }
        })
        .collect();
    written.join(" ")
}

/// A value as people read it: `in_progress` is `In progress`. One that has capitals or signs is left as it is.
pub(super) fn value(value: &str) -> String {
    let plain = value
        .chars()
        .all(|character| character.is_lowercase() || matches!(character, '_' | '-' | ' '));
    if plain {
        capital(value.replace(['_', '-'], " ").trim())
    } else {
        value.trim().to_owned()
    }
}

fn capital(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}

/// One of what a table holds many of.
pub(super) fn singular(word: &str) -> String {
    if UNCOUNTED.contains(&word) || matches!(word, "movies" | "cookies") {
        return word
            .strip_suffix('s')
            .filter(|_| word.ends_with("ies") && word != "series")
            .unwrap_or(word)
            .to_owned();
    }
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 1) {
        return format!("{stem}y");
    }
    for ending in ["sses", "xes", "ches", "shes", "tuses"] {
        if word.ends_with(ending) {
            return word[..word.len() - 2].to_owned();
        }
    }
    match word.strip_suffix('s') {
        Some(stem) if stem.len() > 1 && !stem.ends_with(['s', 'u', 'i']) => stem.to_owned(),
        _ => word.to_owned(),
    }
}

/// Many of it.
pub(super) fn plural(word: &str) -> String {
    let is_word = word.chars().all(char::is_alphabetic) && word.chars().count() > 1;
    if !is_word || UNCOUNTED.contains(&word) || singular(word) != word {
        return word.to_owned();
    }
    let consonant_y = word
        .strip_suffix('y')
        .filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    if let Some(stem) = consonant_y {
        return format!("{stem}ies");
    }
    if ["s", "x", "ch", "sh"].iter().any(|end| word.ends_with(end)) {
        return format!("{word}es");
    }
    format!("{word}s")
}

/// Words whose last is put in another number.
pub(super) fn last(words: &[String], change: impl Fn(&str) -> String) -> Vec<String> {
    let mut words = words.to_vec();
    if let Some(last) = words.last_mut() {
        *last = change(last);
    }
    words
}

/// A colour for the value at this place of a list.
pub(super) fn color(value: &str, at: usize) -> &'static str {
    let words = words(value);
    MEANINGS
        .iter()
        .find(|(_, meanings)| words.iter().any(|word| meanings.contains(&word.as_str())))
        .map_or(PALETTE[at % PALETTE.len()], |(color, _)| color)
}

/// An emoji for a table, by its words from the last on.
pub(super) fn icon(words: &[String]) -> &'static str {
    words
        .iter()
        .rev()
        .find_map(|word| {
            let one = singular(word);
            ICONS.iter().find(|(_, meanings)| {
                meanings.contains(&one.as_str()) || meanings.contains(&word.as_str())
            })
        })
        .map_or("📋", |(icon, _)| icon)
}
