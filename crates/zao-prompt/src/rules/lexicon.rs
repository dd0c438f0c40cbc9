//! The words of all tables in one tree, so that a prompt is read once. What a word means where it stands is for the rules.

use std::collections::HashMap;
use std::ops::Range;

use super::tables::{Axis, Tables};
use super::trie::Trie;
use crate::check::characters::{INSIDE, LATIN};
use crate::check::text::Text;

/// What a word is to a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Intensifier,
    IntensifierKeep,
    Tag,
    TagKeep,
    Vague,
    VagueKeep,
    RepetitionKeep,
    Homograph,
    HomographKeep,
    Idiom,
    IdiomKeep,
    Dialect,
    DialectKeep,
    /// A value of an axis: the axis' number times [`Axis::VALUES`], and the value's.
    Value,
    PairKeep,
    /// A noun of a family, numbered through all families.
    Owner,
    ClassName,
    ClassNone,
    ClassMember,
    Contrast,
    NoContrast,
    Elsewhere,
    Subject,
    NoSubject,
    Several,
    Carrier,
    Says,
    Shows,
    Names,
    Writes,
    Prints,
    Behind,
    Board,
    Letters,
    CountedText,
    Noun,
    ThingZh,
    ThingEn,
    ThingKeep,
}

const GROUPS: usize = Group::ThingKeep as usize + 1;

/// A word of a table in a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Which of its table.
    pub(crate) item: usize,
}

impl Match {
    pub(crate) fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// All words of all tables in a prompt: those of a group by where they begin, the longer first.
pub(crate) struct Matches {
    groups: Vec<Vec<Match>>,
}

impl Matches {
    /// The words of a group, the longest where several begin, none that overlaps the one before.
    pub(crate) fn of(&self, group: Group) -> Vec<Match> {
        longest(&self.groups[group as usize])
    }

    /// The same without those that overlap a word of `keep`.
    pub(crate) fn outside(&self, group: Group, keep: Group) -> Vec<Match> {
        longest(&self.all_outside(group, keep))
    }

    /// All words of a group that do not overlap one of `keep`: a word with each thing that it is, and words within longer ones.
    pub(crate) fn all_outside(&self, group: Group, keep: Group) -> Vec<Match> {
        let kept = self.of(keep);
        if kept.is_empty() {
            return self.groups[group as usize].clone();
        }
        let mut next = 0;
        let mut free = self.groups[group as usize].clone();
        free.retain(|it| {
            while kept.get(next).is_some_and(|keep| keep.end <= it.start) {
                next += 1;
            }
            // Kept words do not overlap each other, so those that begin inside of `it` follow at once.
            !kept[next..]
                .iter()
                .take_while(|keep| keep.start < it.end)
                .any(|keep| keep.overlaps(it))
        });
        free
    }

    /// The longest words of a group outside of `keep`, each with everything that it is.
    pub(crate) fn readings(&self, group: Group, keep: Group) -> Vec<Match> {
        let mut all = self.all_outside(group, keep);
        let chosen = longest(&all);
        let mut next = 0;
        all.retain(|it| {
            while chosen.get(next).is_some_and(|one| one.start < it.start) {
                next += 1;
            }
            chosen.get(next).is_some_and(|one| one.span() == it.span())
        });
        all
    }
}

fn longest(matches: &[Match]) -> Vec<Match> {
    let mut free = 0;
    let fits = |it: &&Match| {
        let fits = it.start >= free;
        if fits {
            free = it.end;
        }
        fits
    };
    matches.iter().filter(fits).copied().collect()
}

/// The tree, and what its words are.
pub(crate) struct Lexicon {
    words: Trie,
    /// What each word is, by its number.
    roles: Vec<Vec<(Group, usize)>>,
}

/// Words on their way into the tree.
struct Builder<'f> {
    simplified: &'f dyn Fn(char) -> Option<char>,
    numbers: HashMap<String, usize>,
    roles: Vec<Vec<(Group, usize)>>,
}

impl Builder<'_> {
    fn add(&mut self, group: Group, item: usize, word: &str) {
        let fold = |c: char| match c.is_ascii() {
            true => c.to_ascii_lowercase(),
            false => (self.simplified)(c).unwrap_or(c),
        };
        let word: String = word.chars().map(fold).collect();
        if word.is_empty() {
            return;
        }
        let next = self.roles.len();
        let number = *self.numbers.entry(word).or_insert(next);
        if number == next {
            self.roles.push(Vec::new());
        }
        self.roles[number].push((group, item));
    }

    fn add_all(&mut self, group: Group, item: usize, words: &[String]) {
        words.iter().for_each(|word| self.add(group, item, word));
    }

    fn add_each(&mut self, group: Group, words: &[String]) {
        words.iter().enumerate().for_each(|(item, word)| self.add(group, item, word));
    }
}

impl Lexicon {
    pub(crate) fn of(tables: &Tables, simplified: &dyn Fn(char) -> Option<char>) -> Self {
        let mut all = Builder { simplified, numbers: HashMap::new(), roles: Vec::new() };
        let words = [
            (&tables.intensifier, Group::Intensifier, Group::IntensifierKeep),
            (&tables.quality, Group::Tag, Group::TagKeep),
            (&tables.vague, Group::Vague, Group::VagueKeep),
        ];
        for (table, group, keep) in words {
            all.add_each(keep, &table.keep);
            for (item, entry) in table.entry.iter().enumerate() {
                all.add_all(group, item, &entry.words);
            }
        }
        all.add_each(Group::RepetitionKeep, &tables.repetition.keep);
        let glosses = [
            (&tables.homograph, Group::Homograph, Group::HomographKeep),
            (&tables.idiom, Group::Idiom, Group::IdiomKeep),
            (&tables.dialect, Group::Dialect, Group::DialectKeep),
        ];
        for (table, group, keep) in glosses {
            all.add_each(keep, &table.keep);
            for (item, (word, _)) in table.words.iter().enumerate() {
                all.add(group, item, word);
            }
        }
        let pairs = &tables.contradiction;
        all.add_each(Group::PairKeep, &pairs.keep);
        all.add_each(Group::Contrast, &pairs.contrast);
        all.add_each(Group::NoContrast, &pairs.no_contrast);
        all.add_each(Group::Elsewhere, &pairs.elsewhere);
        all.add_each(Group::Subject, &pairs.subjects);
        all.add_each(Group::NoSubject, &pairs.not_subjects);
        all.add_each(Group::Several, &pairs.several);
        for (item, axis) in pairs.axis.iter().enumerate() {
            for (value, words) in axis.value.values().take(Axis::VALUES).enumerate() {
                all.add_all(Group::Value, item * Axis::VALUES + value, words);
            }
        }
        for (item, names) in pairs.nouns.values().flatten().enumerate() {
            all.add_all(Group::Owner, item, names);
        }
        for (item, class) in pairs.class.iter().enumerate() {
            all.add_all(Group::ClassName, item, &class.of);
            all.add_all(Group::ClassNone, item, &class.none);
            all.add_all(Group::ClassMember, item, &class.members);
        }
        let text = &tables.unquoted;
        all.add_each(Group::Carrier, &text.carriers);
        all.add_each(Group::Says, &text.says);
        all.add_each(Group::Shows, &text.shows);
        all.add_each(Group::Names, &text.names);
        all.add_each(Group::Writes, &text.writes);
        all.add_each(Group::Prints, &text.prints);
        all.add_each(Group::Behind, &text.behind);
        all.add_each(Group::Board, &text.boards);
        all.add_each(Group::Letters, &text.letters);
        all.add_each(Group::CountedText, &text.counted);
        for (item, noun) in tables.measure.noun.iter().enumerate() {
            all.add_all(Group::Noun, item, &noun.words);
        }
        all.add_each(Group::ThingKeep, &tables.bilingual.keep);
        for (item, names) in tables.bilingual.kinds.values().flatten().enumerate() {
            all.add_all(Group::ThingZh, item, &names.zh);
            all.add_all(Group::ThingEn, item, &names.en);
        }
        let words = all.numbers.iter().map(|(word, number)| (word.as_bytes(), *number));
        Self { words: Trie::of(words), roles: all.roles }
    }

    pub(crate) fn matches(&self, text: &Text<'_>) -> Matches {
        let mut groups = vec![Vec::new(); GROUPS];
        let bytes = text.folded.as_bytes();
        let mut here: Vec<(usize, usize)> = Vec::new();
        let mut before = 0;
        for (start, &kinds) in text.kinds().iter().enumerate() {
            // Most bytes are inside of a character or of a word.
            let goes_on = kinds & INSIDE != 0 || kinds & before & LATIN != 0;
            before = kinds;
            if goes_on || !self.words.may_begin_with(bytes[start]) || !text.begins_whole(start) {
                continue;
            }
            here.clear();
            self.words.at(&bytes[start..], |length, number| here.push((start + length, number)));
            for &(end, number) in here.iter().rev() {
                if text.ends_whole(end) {
                    for &(group, item) in &self.roles[number] {
                        groups[group as usize].push(Match { start, end, item });
                    }
                }
            }
        }
        Matches { groups }
    }
}
