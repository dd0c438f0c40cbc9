//! The tables of words, read once, and where in a clause they stand. What follows from that is decided elsewhere.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use serde::Deserialize;

/// What a word or phrase is to a prompt. It may be several things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// How the picture is made, wherever it stands.
    Style,
    /// How the picture is made, among others of the kind.
    WeakStyle,
    /// What kind of picture it is.
    Medium,
    /// How the picture is made, from here on.
    Tail,
    /// A place, a time, the weather.
    Place,
    /// A background by itself.
    Setting,
    /// It makes what is before it a background.
    Trail,
    /// In front of a place.
    Preposition,
    /// Behind a place.
    Locative,
    /// Somebody does something.
    Action,
    /// No action, although it looks like one.
    NoAction,
    /// Somebody who was named before.
    Pronoun,
    /// A detail follows.
    Detail,
    /// A thing follows.
    Determiner,
    /// Says something of the thing that follows.
    Adjective,
    /// Counts what follows.
    Measure,
}

const KINDS: usize = 16;

/// Where a kind stands: how far each of its phrases reaches, by where it begins; 0 is none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reach([u8; KINDS]);

impl Reach {
    /// How many words (in Chinese, bytes) the longest phrase of this kind has that begins here.
    pub(crate) fn of(&self, kind: Kind) -> Option<usize> {
        let reach = self.0[kind as usize];
        (reach > 0).then_some(reach.into())
    }

    pub(crate) fn is(&self, kind: Kind) -> bool {
        self.0[kind as usize] > 0
    }

    fn longest(&self) -> usize {
        self.0.iter().copied().max().unwrap_or(0).into()
    }

    fn remove(&mut self, kind: Kind) {
        self.0[kind as usize] = 0;
    }

    fn add(&mut self, kind: Kind, length: usize) {
        let reach = &mut self.0[kind as usize];
        *reach = (*reach).max(u8::try_from(length).unwrap_or(u8::MAX));
    }
}

/// A word of a clause: its bytes with what is attached to it, such as marks, and without.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) whole: Range<usize>,
    pub(crate) core: Range<usize>,
    pub(crate) reach: Reach,
    /// The words that hold others together.
    pub(crate) of: bool,
    pub(crate) and: bool,
    pub(crate) the: bool,
    /// Whether it looks like a participle.
    pub(crate) ing: bool,
}

/// A phrase by its first word: the others, and what it is.
type Phrases = HashMap<String, Vec<(Vec<String>, Kind)>>;

/// English.
pub(crate) struct English(Phrases);

/// Chinese, where phrases are told by their first character.
pub(crate) struct Chinese(HashMap<char, Vec<(String, Kind)>>);

pub(crate) static ENGLISH: LazyLock<English> = LazyLock::new(|| {
    let mut phrases = Phrases::new();
    for (kind, phrase) in read(include_str!("../data/template-en.toml")) {
        let mut words = phrase.split(' ').map(str::to_owned);
        let first = words.next().unwrap_or_default();
        phrases.entry(first).or_default().push((words.collect(), kind));
    }
    English(phrases)
});

pub(crate) static CHINESE: LazyLock<Chinese> = LazyLock::new(|| {
    let mut phrases: HashMap<char, Vec<(String, Kind)>> = HashMap::new();
    for (kind, phrase) in read(include_str!("../data/template-zh.toml")) {
        let first = phrase.chars().next();
        first
            .into_iter()
            .for_each(|first| phrases.entry(first).or_default().push((phrase.clone(), kind)));
    }
    Chinese(phrases)
});

/// A table as it is written; both languages have the same, and leave out what they have no use for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    style: Style,
    background: Background,
    action: Action,
    detail: Detail,
    noun: Noun,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Style {
    strong: Vec<String>,
    weak: Vec<String>,
    media: Vec<String>,
    tails: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Background {
    places: Vec<String>,
    settings: Vec<String>,
    trails: Vec<String>,
    prepositions: Vec<String>,
    locatives: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Action {
    verbs: Vec<String>,
    not_verbs: Vec<String>,
    pronouns: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Detail {
    markers: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Noun {
    determiners: Vec<String>,
    adjectives: Vec<String>,
    measures: Vec<String>,
}

fn read(table: &str) -> Vec<(Kind, String)> {
    let table: Table =
        toml::from_str(table).expect("the tables that are compiled in are well formed");
    let Table { style, background, action, detail, noun } = table;
    let kinds = [
        (Kind::Style, style.strong),
        (Kind::WeakStyle, style.weak),
        (Kind::Medium, style.media),
        (Kind::Tail, style.tails),
        (Kind::Place, background.places),
        (Kind::Setting, background.settings),
        (Kind::Trail, background.trails),
        (Kind::Preposition, background.prepositions),
        (Kind::Locative, background.locatives),
        (Kind::Action, action.verbs),
        (Kind::NoAction, action.not_verbs),
        (Kind::Pronoun, action.pronouns),
        (Kind::Detail, detail.markers),
        (Kind::Determiner, noun.determiners),
        (Kind::Adjective, noun.adjectives),
        (Kind::Measure, noun.measures),
    ];
    kinds
        .into_iter()
        .flat_map(|(kind, phrases)| phrases.into_iter().map(move |it| (kind, it)))
        .collect()
}

impl English {
    /// The words of a clause, and which phrases begin at each. Quoted texts are words of no kind.
    pub(crate) fn words(&self, clause: &str) -> Vec<Word> {
        let mut words = Vec::new();
        let mut start = None;
        let mut quote = None;
        // One search for each kind of mark that nothing closes, not one for each mark.
        let mut unclosed = [false; 2];
        for (at, c) in clause.char_indices() {
            if let Some(closer) = quote {
                if c == closer {
                    quote = None;
                }
            } else if c.is_whitespace() {
                words.extend(start.take().map(|start| start..at));
                continue;
            } else if let Some((slot, closer)) = match c {
                '"' => Some((0, '"')),
                '“' => Some((1, '”')),
                _ => None,
            } && !unclosed[slot]
            {
                let rest = &clause[at + c.len_utf8()..];
                if rest.contains(closer) {
                    quote = Some(closer);
                } else {
                    unclosed[slot] = true;
                }
            }
            start.get_or_insert(at);
        }
        words.extend(start.map(|start| start..clause.len()));
        self.marked(clause, &words)
    }

    fn marked(&self, clause: &str, spans: &[Range<usize>]) -> Vec<Word> {
        let core = |span: &Range<usize>| {
            let word = &clause[span.clone()];
            // Marks of quotation make a word what it says, and nothing else.
            if word.starts_with(['"', '“', '‘', '「']) {
                return span.start..span.start;
            }
            let kept = word.trim_matches(|c: char| !c.is_alphanumeric());
            let start = span.start + word.len()
                - word.trim_start_matches(|c: char| !c.is_alphanumeric()).len();
            start..start + kept.len()
        };
        let cores: Vec<_> = spans.iter().map(core).collect();
        let mut lower = String::new();
        let mut words = Vec::with_capacity(spans.len());
        for (at, (whole, core)) in spans.iter().zip(&cores).enumerate() {
            lower.clear();
            lower.extend(clause[core.clone()].chars().map(|c| match c {
                '’' => '\'',
                c => c.to_ascii_lowercase(),
            }));
            let mut reach = Reach::default();
            for (rest, kind) in self.0.get(lower.as_str()).into_iter().flatten() {
                let follows = |(word, next): (&String, &Range<usize>)| {
                    clause[next.clone()].eq_ignore_ascii_case(word)
                };
                let next = &cores[at + 1..];
                if rest.len() <= next.len() && rest.iter().zip(next).all(follows) {
                    reach.add(*kind, rest.len() + 1);
                }
            }
            if lower.len() > 4 && lower.ends_with("ing") && !reach.is(Kind::NoAction) {
                reach.add(Kind::Action, 1);
            }
            if ["ful", "ous", "less", "ish", "-eyed", "-haired"]
                .iter()
                .any(|end| lower.len() > end.len() + 2 && lower.ends_with(end))
            {
                reach.add(Kind::Adjective, 1);
            }
            let (of, and, the) = (lower == "of", lower == "and", lower == "the");
            let ing = lower.ends_with("ing");
            words.push(Word { whole: whole.clone(), core: core.clone(), reach, of, and, the, ing });
        }
        words
    }
}

impl Chinese {
    /// Which phrases begin at each character of a clause, and where that is; lengths are in bytes. What lies within the name of a
    /// place or of a style is no word of its own: 站 in 车站 does not stand.
    pub(crate) fn marks(&self, clause: &str) -> Vec<(usize, Reach)> {
        let mut named = 0;
        let mut marked = |(at, c): (usize, char)| {
            let mut reach = Reach::default();
            if at < named {
                return (at, reach);
            }
            for (phrase, kind) in self.0.get(&c).into_iter().flatten() {
                if clause[at..].starts_with(phrase.as_str()) {
                    reach.add(*kind, phrase.len());
                }
            }
            let names = [Kind::Place, Kind::Style, Kind::WeakStyle, Kind::Medium, Kind::NoAction];
            let longest = names.into_iter().filter_map(|kind| reach.of(kind)).max().unwrap_or(0);
            for kind in [Kind::Action, Kind::Detail] {
                match reach.of(kind) {
                    Some(length) if length < longest => reach.remove(kind),
                    _ => {}
                }
            }
            if longest > c.len_utf8() && longest >= reach.longest() {
                named = at + longest;
            }
            (at, reach)
        };
        clause.char_indices().map(&mut marked).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_phrase_counts_and_quoted_words_are_none() {
        let words = ENGLISH.words("An Oil Painting, \"in the style of\" (sitting) café");
        let reach = |at: usize, kind| words[at].reach.of(kind);
        assert_eq!(reach(1, Kind::Style), Some(2));
        assert_eq!(words.len(), 6, "{words:?}");
        assert!(!words[3].reach.is(Kind::Tail));
        assert!(words[4].reach.is(Kind::Action) && words[5].reach.is(Kind::Place));
    }

    #[test]
    fn every_phrase_of_the_tables_is_found_by_itself() {
        for (kind, phrase) in read(include_str!("../data/template-en.toml")) {
            let words = ENGLISH.words(&phrase);
            assert_eq!(words[0].reach.of(kind), Some(phrase.split(' ').count()), "{phrase}");
        }
        for (kind, phrase) in read(include_str!("../data/template-zh.toml")) {
            let marks = CHINESE.marks(&phrase);
            assert_eq!(marks[0].1.of(kind), Some(phrase.len()), "{phrase}");
        }
    }
}
