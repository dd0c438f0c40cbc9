//! The corpus as it lies in its files: prompts, and what is expected of the rules in each. It does NOT judge.

use std::ops::Range;

use serde::Deserialize;

/// The rules that the corpus judges, by the names under which they report.
pub(crate) const RULES: [&str; 15] = [
    "intensifier",
    "repetition",
    "quality-tags",
    "contradiction",
    "abstract",
    "too-long",
    "unquoted-text",
    "homograph",
    "idiom",
    "measure-word",
    "dialect",
    "punctuation",
    "script",
    "invisible",
    "bilingual",
];

/// Every prompt of one file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Corpus {
    #[serde(rename = "prompt")]
    pub(crate) prompts: Vec<Prompt>,
}

/// One prompt, and what a fair reader would say about it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prompt {
    pub(crate) id: String,
    /// `zh`, which includes prompts in both languages, or `en`.
    pub(crate) language: String,
    /// Whether it is for judging only.
    #[serde(default)]
    pub(crate) held_out: bool,
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) expected: Vec<Label>,
    /// Where fair readers differ: findings here are not counted.
    #[serde(default)]
    pub(crate) tolerated: Vec<Label>,
}

/// A fault: the rule that should report it, and the places at which it may.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Label {
    pub(crate) code: String,
    pub(crate) text: String,
    #[serde(default = "first")]
    pub(crate) nth: usize,
    /// Other places at which the same fault may as well be reported: the other end of a contradiction.
    #[serde(default, rename = "or")]
    pub(crate) others: Vec<Place>,
}

/// A substring of the prompt.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Place {
    /// The first such piece.
    First(String),
    /// One of several.
    Nth {
        text: String,
        #[serde(default = "first")]
        nth: usize,
    },
}

impl Place {
    fn named(&self) -> (&str, usize) {
        match self {
            Self::First(text) => (text, 1),
            Self::Nth { text, nth } => (text, *nth),
        }
    }
}

fn first() -> usize {
    1
}

impl Label {
    /// The places of this label in `prompt`, as ranges of bytes; one that is not there is left out.
    pub(crate) fn places(&self, prompt: &str) -> Vec<Range<usize>> {
        std::iter::once((self.text.as_str(), self.nth))
            .chain(self.others.iter().map(Place::named))
            .filter_map(|(text, nth)| occurrence(prompt, text, nth))
            .collect()
    }
}

/// The bytes of the `nth` occurrence of `text`, counted from 1; overlapping occurrences count.
fn occurrence(prompt: &str, text: &str, nth: usize) -> Option<Range<usize>> {
    let start =
        prompt.char_indices().map(|(at, _)| at).filter(|&at| prompt[at..].starts_with(text));
    start.skip(nth.checked_sub(1)?).map(|at| at..at + text.len()).next()
}

/// The prompts with labels: half of them open to whoever works on a rule, half for judging only.
pub(crate) fn labelled() -> Corpus {
    toml::from_str(include_str!("labelled.toml")).expect("labelled.toml is a corpus")
}

/// The prompts in which there is nothing to find.
pub(crate) fn good() -> Corpus {
    toml::from_str(include_str!("good.toml")).expect("good.toml is a corpus")
}

/// What judges wrote who knew no rule, each 120 prompts with labels and 40 in which there is nothing to find: the file's name and its
/// prompts.
pub(crate) fn judges() -> [(&'static str, Corpus); 11] {
    let files = [
        ("streets", include_str!("streets.toml")),
        ("studios", include_str!("studios.toml")),
        ("strangers", include_str!("strangers.toml")),
        ("markets", include_str!("markets.toml")),
        ("harbours", include_str!("harbours.toml")),
        ("gardens", include_str!("gardens.toml")),
        ("orchards", include_str!("orchards.toml")),
        ("stations", include_str!("stations.toml")),
        ("bridges", include_str!("bridges.toml")),
        ("islands", include_str!("islands.toml")),
        ("kitchens", include_str!("kitchens.toml")),
    ];
    files.map(|(name, text)| (name, toml::from_str(text).expect("each judge wrote a corpus")))
}

/// What judges wrote for one rule alone, as many prompts that only look as if they had its fault among them: the file's name, the rule,
/// and its prompts.
pub(crate) fn focused() -> [(&'static str, &'static str, Corpus); 8] {
    let files = [
        ("contradictions-en", "contradiction", include_str!("focused/contradictions-en.toml")),
        ("contradictions-zh", "contradiction", include_str!("focused/contradictions-zh.toml")),
        ("measure-words", "measure-word", include_str!("focused/measure-words.toml")),
        ("measure-words-more", "measure-word", include_str!("focused/measure-words-more.toml")),
        ("unquoted", "unquoted-text", include_str!("focused/unquoted.toml")),
        ("unquoted-more", "unquoted-text", include_str!("focused/unquoted-more.toml")),
        ("two-sides", "bilingual", include_str!("focused/two-sides.toml")),
        ("two-sides-more", "bilingual", include_str!("focused/two-sides-more.toml")),
    ];
    files.map(|(name, rule, text)| {
        (name, rule, toml::from_str(text).expect("each judge wrote a corpus"))
    })
}

impl Prompt {
    /// Whether it was written to have nothing to find.
    pub(crate) fn is_good(&self) -> bool {
        self.id.starts_with("good-")
    }
}
