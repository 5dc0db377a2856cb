//! What holds of the sources: the README names everything that the simulator does otherwise than Notion, and the model
//! knows nothing of the API.

use std::path::{Path, PathBuf};

const README: &str = include_str!("../../README.md");

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

/// The first text after each place where `call` stands in the sources, with `…` for what is filled in.
fn texts_of(call: &str) -> Vec<String> {
    let mut files = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    sources(&folder, &mut files);
    let mut texts = Vec::new();
    for file in files {
        let source = std::fs::read_to_string(&file).expect("a source");
        for (at, _) in source.match_indices(call) {
            let rest = &source[at + call.len()..];
            let start = rest.find('"').expect("a text") + 1;
            // Where a constructor is declared, its text comes later and is none of these.
            if rest[..start].contains("fn ") || rest[..start].contains(';') {
                continue;
            }
            texts.push(filled(&rest[start..]));
        }
    }
    texts
}

/// A literal up to its end.
fn filled(literal: &str) -> String {
    let (mut text, mut depth) = (String::new(), 0);
    let mut characters = literal.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return text,
            '\\' => text.extend(characters.next()),
            '{' if depth == 0 => {
                text.push('…');
                depth = 1;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ if depth > 0 => {}
            other => text.push(other),
        }
    }
    panic!("a text without an end: {literal}");
}

/// The items of the list that a heading begins.
fn items(heading: &str) -> Vec<&'static str> {
    let (_, section) = README.split_once(heading).expect("a section");
    let section = section.split("\n## ").next().unwrap_or(section);
    let items = section.lines().filter_map(|line| line.strip_prefix("- "));
    items.collect()
}

#[test]
fn every_wording_of_its_own_is_listed_and_no_other() {
    let mut own: Vec<String> = texts_of("Failure::unrecorded(");
    own.sort_unstable();
    own.dedup();
    assert!(own.len() > 15, "{own:?}");
    let mut listed: Vec<&str> = items("## Words of its own\n");
    listed.sort_unstable();
    assert_eq!(listed, own);
}

#[test]
fn everything_that_it_does_not_have_is_listed() {
    let (_, section) = README
        .split_once("## What it does not have\n")
        .expect("a section");
    let section = section.split("\n## ").next().unwrap_or(section);
    let section = section.split_whitespace().collect::<Vec<_>>().join(" ");
    let absent = [texts_of("not_simulated("), texts_of("Elsewhere(")].concat();
    assert!(absent.len() > 15, "{absent:?}");
    for what in absent {
        // What is filled in stands behind the words.
        let words = what.split('…').next().unwrap_or_default().trim();
        assert!(section.contains(words), "{what} is not listed");
    }
}

#[test]
fn every_difference_from_what_was_measured_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let questions = folder.join("../tests/conformance/programs/questions.py");
    let questions = std::fs::read_to_string(questions).expect("the questions");
    let (_, known) = questions
        .split_once("KNOWN = {\n")
        .expect("the differences");
    let (known, _) = known.split_once("\n}").expect("their end");
    let names = known.lines().map(|line| {
        let name = line.trim().trim_start_matches(['\'', '"']);
        let end = name
            .rfind("': ")
            .or_else(|| name.rfind("\": "))
            .expect("a name");
        &name[..end]
    });
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        assert!(
            README.contains(&format!("`{name}`")),
            "{name} is not listed"
        );
    }
}

#[test]
fn the_model_knows_nothing_of_the_api() {
    let mut files = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/model");
    sources(&folder, &mut files);
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        let source = std::fs::read_to_string(&file).expect("a source");
        assert!(!source.contains("crate::api"), "{}", file.display());
    }
}
