//! What patterns stand for: the same words for ever, every option in its share, and errors with their place.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn expand(pattern: &str, seed: u64) -> String {
    Pattern::parse(pattern).unwrap().expand(seed, 0)
}

fn all(pattern: &str) -> BTreeSet<String> {
    (0..500).map(|seed| expand(pattern, seed)).collect()
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// Whoever draws a list again has to get the same prompts: these words may never change.
#[test]
fn the_words_are_the_same_in_every_version() {
    let pattern =
        Pattern::parse("a {red|green|blue} {cat|dog{ in a {hat|coat}|}}, {2$$sun|rain|snow}")
            .unwrap();
    let words: Vec<String> = [(0, 0), (0, 1), (1, 0), (42, 0), (42, 1), (u64::MAX, u64::MAX)]
        .map(|(seed, index)| pattern.expand(seed, index))
        .to_vec();
    assert_eq!(words, GOLDEN);
}

const GOLDEN: [&str; 6] = [
    "a red cat, rain, sun",
    "a blue dog in a hat, sun, rain",
    "a red dog in a hat, snow, rain",
    "a red dog, rain, sun",
    "a blue dog in a coat, snow, sun",
    "a red dog in a hat, snow, rain",
];

#[test]
fn patterns_stand_for_their_options() {
    assert_eq!(all("{a|b}"), set(&["a", "b"]));
    assert_eq!(all("x{a|}y"), set(&["xay", "xy"]));
    assert_eq!(all("{a|{b|c}d}"), set(&["a", "bd", "cd"]));
    assert_eq!(all("{2$$a|b}"), set(&["a, b", "b, a"]));
    assert_eq!(all("{1-2$$a|b}"), set(&["a", "b", "a, b", "b, a"]));
    assert_eq!(all("{2$$ and $$a|b}"), set(&["a and b", "b and a"]));
    assert_eq!(all("{0-1$$a}"), set(&["", "a"]));
    assert_eq!(all("{0::a|b}"), set(&["b"]));
    assert_eq!(all("红{苹果|花}"), set(&["红苹果", "红花"]));
}

#[test]
fn what_is_no_pattern_stays() {
    for text in [
        "",
        "a cat",
        "{word}",
        "{}",
        "a | b",
        "f(x) $$ y",
        "{\"a\": 1}",
        "a::b",
        "{a {b} c}",
        "\\n",
    ] {
        assert_eq!(expand(text, 1), text);
        assert!(!Pattern::parse(text).unwrap().has_choices(), "{text}");
    }
    assert_eq!(expand("\\{a\\|b\\} \\\\ c", 1), "{a|b} \\ c");
    assert_eq!(all("{a\\|b|c\\}}"), set(&["a|b", "c}"]));
}

#[test]
fn every_option_has_its_share() {
    let pattern = Pattern::parse("{3::a|b|0.5::c}").unwrap();
    let mut counts = BTreeMap::new();
    for index in 0..9000 {
        *counts.entry(pattern.expand(7, index)).or_insert(0) += 1;
    }
    for (option, expected) in [("a", 6000), ("b", 2000), ("c", 1000)] {
        let count: i32 = counts[option];
        assert!((count - expected).abs() < 200, "{option}: {count}");
    }
}

#[test]
fn what_makes_no_sense_is_told_with_its_place() {
    for (text, column, part) in [
        ("a {b|c", 3, "never closed"),
        ("a b} c", 4, "closes nothing"),
        ("红{3$$a|b}", 2, "3 are to be chosen of 2"),
        ("{3-1$$a|b|c}", 1, "3-1"),
        ("{1.2345::a|b}", 2, "1.2345"),
        ("{a|{b|9999999::c}}", 7, "9999999"),
        ("{0::a|0::b}", 1, "weights are 0"),
        ("{a|{b|c}", 1, "never closed"),
    ] {
        let error = Pattern::parse(text).unwrap_err();
        assert_eq!((error.line, error.column), (1, column), "{text}");
        assert!(error.to_string().contains(part), "{error}");
    }
    let error = Pattern::parse("one\ntwo {").unwrap_err();
    assert_eq!((error.line, error.column), (2, 5));
    let error = Pattern::parse(&"{a|".repeat(100)).unwrap_err();
    assert_eq!(error.problem, WildcardProblem::TooDeep(50));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[a{}|$:0-9._*/\\\\红-]{0,40}", seed: u64) {
        match Pattern::parse(&text) {
            Ok(pattern) => prop_assert_eq!(pattern.expand(seed, 3), pattern.expand(seed, 3)),
            Err(error) => prop_assert!(error.column >= 1 && error.column <= text.chars().count()),
        }
    }
}
