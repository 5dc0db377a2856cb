use std::path::{Path, PathBuf};

use coordination::Resource;
use proptest::prelude::*;

use super::{
    Given, Outside, expanded_by_shell, literal, normalised, shown, spelled, stand_in, take_apart,
};

const ROOT: &str = "/home/a/repo";

/// What a path that was typed in a folder of the repository is called.
fn name(typed: &str, folder: &str, exists: bool) -> Result<String, Outside> {
    name_below(typed, &format!("{ROOT}/{folder}"), Some(ROOT), exists)
}

fn name_below(
    typed: &str,
    folder: &str,
    root: Option<&str>,
    exists: bool,
) -> Result<String, Outside> {
    match take_apart(typed, exists) {
        Given::Name(name) => Ok(name),
        Given::Path {
            literal,
            extent,
            pattern,
        } => {
            let path = match root {
                Some(_) => normalised(&Path::new(folder).join(literal)),
                None => normalised(&literal),
            };
            spelled(&path, root.map(Path::new), extent, pattern.as_deref())
        }
    }
}

#[test]
fn a_path_is_named_from_the_root() {
    for (typed, folder, expected) in [
        ("docs/a.md", "", "docs/a.md"),
        ("a.md", "docs", "docs/a.md"),
        ("./a.md", "docs", "docs/a.md"),
        ("../a.md", "docs", "a.md"),
        ("../src/./b//c.rs", "docs", "src/b/c.rs"),
        ("/home/a/repo/docs/a.md", "src", "docs/a.md"),
        ("docs/", "", "docs/*"),
        ("docs/*", "", "docs/*"),
        ("docs/**", "", "docs/*"),
        ("deep/", "docs", "docs/deep/*"),
        (".", "docs", "docs/*"),
        ("./", "docs", "docs/*"),
        ("*", "docs", "docs/*"),
        ("**", "docs", "docs/*"),
        ("..", "docs", "*"),
        (".", "", "*"),
        ("*", "", "*"),
        ("*.md", "docs", "docs/*.md"),
        ("docs*", "", "docs*"),
        ("a/*/b.rs", "src", "src/a/*/b.rs"),
        ("a/b?/", "src", "src/a/b?/"),
        ("../x*/y", "src", "x*/y"),
        (r"a\*b", "src", r"src/a\*b"),
        ("table:modules", "src", "table:modules"),
        ("api:notion/pages", "src", "api:notion/pages"),
        ("./odd:name", "src", "src/odd:name"),
        ("dir/odd:name", "src", "src/dir/odd:name"),
        ("cafe\u{301}.md", "", "caf\u{e9}.md"),
    ] {
        // A folder one stands in is a subtree: the disk says so, here the caller.
        let spelling = name(typed, folder, false).map(|spelling| match typed {
            "." | ".." if !spelling.ends_with('*') => spelling + "/*",
            _ => spelling,
        });
        assert_eq!(spelling.as_deref(), Ok(expected), "{typed} in {folder:?}");
        Resource::parse(expected).unwrap_or_else(|error| panic!("{typed}: {error}"));
    }
}

#[test]
fn what_exists_as_it_is_spelled_has_no_wildcards() {
    for (typed, expected) in [
        ("app/[id]/page.tsx", r"src/app/\[id\]/page.tsx"),
        ("app/[id]/", r"src/app/\[id\]/*"),
        ("a*b", r"src/a\*b"),
        ("{x}", r"src/\{x\}"),
        ("odd:name", "src/odd:name"),
    ] {
        let spelling = name(typed, "src", true).unwrap();
        assert_eq!(spelling, expected);
        let resource = Resource::parse(&spelling).unwrap();
        assert!(!resource.widened(), "{typed}");
    }
    assert_eq!(
        name("page.tsx", "app/[id]", false).as_deref(),
        Ok(r"app/\[id\]/page.tsx")
    );
}

#[test]
fn what_is_outside_is_refused() {
    for typed in [
        "../../x",
        "/etc/passwd",
        "/",
        "../../repo2/x",
        "/home/a/repository/x",
    ] {
        assert_eq!(
            name(typed, "docs", false),
            Err(Outside::Repository { root: ROOT.into() }),
            "{typed}"
        );
    }
    for typed in ["../x", "/etc/passwd", "/", "a/../../b"] {
        assert_eq!(
            name_below(typed, "/tmp", None, false),
            Err(Outside::Folder),
            "{typed}"
        );
    }
}

#[test]
fn without_a_repository_a_path_is_as_given() {
    for (typed, expected) in [
        ("docs/a.md", "docs/a.md"),
        ("./docs//x/../a.md", "docs/a.md"),
        ("docs/", "docs/*"),
        ("*", "*"),
    ] {
        assert_eq!(
            name_below(typed, "/tmp/deep", None, false).as_deref(),
            Ok(expected)
        );
    }
}

#[test]
fn a_listing_tells_that_the_shell_expanded() {
    let contents = |folder: &str| match folder {
        "docs/" => Some(vec!["b.md".into(), "a.md".into(), ".hidden".into()]),
        "." => Some(vec!["docs".into(), "src".into()]),
        _ => None,
    };
    let typed = |paths: &[&str]| -> Vec<String> { paths.iter().map(|&p| p.to_owned()).collect() };
    let check = |paths: &[&str]| expanded_by_shell(&typed(paths), contents);
    assert_eq!(check(&["docs/a.md", "docs/b.md"]).as_deref(), Some("docs/"));
    assert_eq!(check(&["docs", "src"]).as_deref(), Some(""));
    assert_eq!(check(&["docs/a.md"]), None);
    assert_eq!(check(&["docs/a.md", "docs/c.md"]), None);
    assert_eq!(check(&["docs/a.md", "docs/b.md", "src"]), None);
    assert_eq!(check(&["docs/", "src/"]), None);
    assert_eq!(check(&["none/a", "none/b"]), None);
    assert_eq!(check(&[]), None);
}

#[test]
fn people_see_a_subtree_as_documents_write_it() {
    for (name, seen) in [
        ("docs/*", "docs/"),
        ("*", "*"),
        ("docs*", "docs*"),
        ("docs", "docs"),
    ] {
        assert_eq!(shown(name), seen);
    }
}

proptest! {
    /// Whatever is typed is either refused or a spelling below the root, from whichever folder of the repository.
    #[test]
    fn no_path_escapes(typed in "[a-c./*?\\[:é]{0,12}", folder in "[ab]{0,2}(/[ab]{1,2}){0,2}", exists: bool) {
        if let Ok(spelling) = name(&typed, folder.trim_start_matches('/'), exists) {
            prop_assert!(!spelling.is_empty());
            prop_assert!(!spelling.starts_with("../"), "{}", spelling);
        }
    }

    /// A file has the same name from everywhere.
    #[test]
    fn one_file_one_name(segments in prop::collection::vec("[a-z\\[*{ ]{1,3}", 1..4), folder in "[xy](/[xy]){0,2}") {
        let path = segments.join("/");
        let depth = folder.split('/').count();
        let from_folder = format!("{}{path}", "../".repeat(depth));
        let from_anywhere = format!("{ROOT}/{path}");
        let expected = name(&path, "", true);
        prop_assert_eq!(&name(&from_folder, &folder, true), &expected);
        prop_assert_eq!(&name(&from_anywhere, &folder, true), &expected);
        let resource = Resource::parse(&expected.unwrap()).unwrap();
        prop_assert_eq!(resource, Resource::literal(&path).unwrap());
    }

    #[test]
    fn normalising_is_done_once(path in "/?[ab.]{0,3}(/[ab.]{1,2}){0,4}") {
        let once = normalised(&PathBuf::from(path));
        prop_assert_eq!(&normalised(&once), &once);
    }
}

#[test]
fn a_name_that_no_claim_can_have_is_in_the_subtrees_of_its_file() {
    let long = format!("docs/{}", "x".repeat(1100));
    for odd in ["docs/a\tb", "docs/\u{85}", &long] {
        assert!(Resource::parse(&literal(odd)).is_err(), "{odd:?}");
        let stand_in = stand_in(&literal(odd)).unwrap();
        assert!(
            Resource::parse("docs/").unwrap().overlaps(&stand_in),
            "{odd:?}"
        );
        for other in ["docs", "docs/a", "src/"] {
            assert!(
                !Resource::parse(other).unwrap().overlaps(&stand_in),
                "{odd:?}"
            );
        }
    }
    for root in [":x", "table:"] {
        assert!(stand_in(root).is_some(), "{root}");
    }
    assert_eq!(stand_in("a.md"), Resource::parse("a.md").ok());
}
