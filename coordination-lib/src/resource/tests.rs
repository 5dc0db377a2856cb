//! Spans against a model that knows nothing of strings: paths as lists of segments.

use proptest::prelude::*;

use super::{Resource, Span};

#[test]
fn spellings_and_their_names() {
    for (spelling, name, widened) in [
        ("a", "a", false),
        ("./a/b.md", "a/b.md", false),
        ("a/", "a/*", false),
        ("a/*", "a/*", false),
        ("a/**", "a/*", false),
        ("*", "*", false),
        ("**", "*", false),
        ("docs*", "docs*", true),
        ("a/*/c", "a/*", true),
        ("*.md", "*", true),
        ("a/b{c,d}", "a/b*", true),
        ("app/[slug]/page.tsx", "app/*", true),
        (r"app/\[slug\]/page.tsx", r"app/\[slug]/page.tsx", false),
        ("table:modules", "table:modules", false),
        ("table:*", "table:*", true),
        ("a/:b", "a/:b", false),
        ("a/b:", "a/b:", false),
    ] {
        let resource = Resource::parse(spelling).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (resource.name(), resource.widened()),
            (name, widened),
            "{spelling}"
        );
    }
    let literal =
        Resource::literal("app/[slug]/page.tsx").expect("every character stands for itself");
    assert_eq!(literal.span(), &Span::Point("app/[slug]/page.tsx".into()));
}

#[test]
fn refusals() {
    for spelling in [
        "",
        "/",
        "/a",
        "a//b",
        "a/../b",
        "..",
        "a/..",
        ".",
        "./",
        "a/./b",
        r"a\b",
        r"a\",
        ":x",
        "./:x",
        "table:",
        "table:/",
        "table:/**",
        "a\u{0}",
        "a\tb",
        "\u{85}",
        "e\u{301}",
        &"x".repeat(1025),
    ] {
        assert!(Resource::parse(spelling).is_err(), "{spelling:?}");
    }
    assert!(Resource::parse(&"x".repeat(1024)).is_ok());
    assert!(
        Resource::parse(&format!("{}/", "x".repeat(1023))).is_err(),
        "its canonical name is a byte too long"
    );
}

/// A path or a subtree, as segments.
#[derive(Debug, Clone)]
struct Model {
    segments: Vec<String>,
    subtree: bool,
}

impl Model {
    fn spelling(&self) -> String {
        self.segments.join("/") + if self.subtree { "/*" } else { "" }
    }

    fn covers(&self, other: &Self) -> bool {
        if self.subtree {
            other.segments.starts_with(&self.segments)
        } else {
            !other.subtree && self.segments == other.segments
        }
    }
}

fn model() -> impl Strategy<Value = Model> {
    // Neighbours of the slash and of the ends of the code points.
    let segment = prop_oneof![
        Just("a"),
        Just("a."),
        Just("a-"),
        Just("a0"),
        Just("ab"),
        Just("."),
        Just("a b"),
        Just("é"),
        Just("\u{1F600}"),
        Just("a\u{10FFFF}"),
        Just("\u{D7FF}"),
        Just("\u{E000}"),
        Just("!"),
        Just("~"),
        Just("#")
    ]
    .prop_map(|segment| if segment == "." { "..." } else { segment }.to_owned());
    (prop::collection::vec(segment, 1..4), any::<bool>())
        .prop_map(|(segments, subtree)| Model { segments, subtree })
}

/// Whether two ranges of strings have a string in common, by their bounds alone.
fn ranges_meet(one: &Span, other: &Span) -> bool {
    let starts_before_end = |one: &Span, other: &Span| {
        let (lower, _) = one.bounds();
        let (_, upper) = other.bounds();
        match (lower, upper, other) {
            (Some(lower), Some(upper), Span::Point(_)) => lower <= upper,
            (Some(lower), Some(upper), Span::Prefix(_)) => lower < upper,
            _ => true,
        }
    };
    starts_before_end(one, other) && starts_before_end(other, one)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn overlap_is_the_segments_overlap(one in model(), other in model()) {
        let (this, that) = (Resource::parse(&one.spelling()).unwrap(), Resource::parse(&other.spelling()).unwrap());
        prop_assert_eq!(this.covers(&that), one.covers(&other));
        prop_assert_eq!(this.overlaps(&that), one.covers(&other) || other.covers(&one));
        prop_assert_eq!(ranges_meet(this.span(), that.span()), this.overlaps(&that), "the database's ranges say the same");
    }

    #[test]
    fn canonical_names_are_stable(spelling in r"[ab*?\[\]{}\\/.é]{1,12}") {
        if let Ok(resource) = Resource::parse(&spelling) {
            let again = Resource::parse(resource.name()).unwrap();
            prop_assert_eq!((again.name(), again.span()), (resource.name(), resource.span()));
        }
    }

    #[test]
    fn a_prefix_covers_what_begins_with_it(prefix in "[a-b\u{D7FF}\u{10FFFF}/]{1,4}", rest in "[a-b/\u{10FFFF}]{0,4}") {
        if let (Ok(wide), Ok(narrow)) = (Resource::parse(&format!("{prefix}*")), Resource::parse(&format!("{prefix}{rest}"))) {
            prop_assert!(wide.covers(&narrow));
            prop_assert!(ranges_meet(wide.span(), narrow.span()));
        }
    }
}

proptest! {
    /// A name that was read is read again as itself.
    #[test]
    fn anything_is_a_resource_or_refused(spelling in any::<String>(), close in "[a-c/.*?{}\\[\\]!\\\\ \u{301}é-]{0,24}") {
        for spelling in [spelling, close] {
            if let Ok(resource) = Resource::parse(&spelling) {
                let again = Resource::parse(resource.name());
                prop_assert_eq!(again.as_ref().map(Resource::span), Ok(resource.span()), "{}", spelling);
            }
            Resource::literal(&spelling).ok();
        }
    }
}
