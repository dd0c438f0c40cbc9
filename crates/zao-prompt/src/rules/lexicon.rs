//! The words of all tables in one tree, so that a prompt is read once. The build script makes it of the tables that are compiled in; how it
//! is written down is [`super::compact`]'s, and what is found with it [`super::matches`]'s.

use std::borrow::Cow;
use std::collections::HashMap;

use super::beginnings::Beginnings;
use super::error::RulesError;
use super::tables::{Axis, Tables, Things};
use super::trie::Trie;

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
    /// A name of a thing, of a part of it or of its kind.
    Same,
    /// A being that is an animal.
    Beast,
    ClassName,
    ClassNone,
    ClassMember,
    /// A noun that is one: what follows it decides.
    ClassThing,
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
    TextNoun,
    Deed,
    Noun,
    /// A name of a thing, in the dictionary's own tree: twice the thing's number, and 1 where the word only may mean it.
    ThingZh,
    ThingEn,
}

pub(super) const GROUPS: usize = Group::ThingEn as usize + 1;

impl Group {
    /// Whether the rules that replace something ask for it.
    fn is_for_repairs(self) -> bool {
        match self {
            Self::Intensifier
            | Self::IntensifierKeep
            | Self::Tag
            | Self::TagKeep
            | Self::RepetitionKeep
            | Self::Homograph
            | Self::HomographKeep
            | Self::Idiom
            | Self::IdiomKeep
            | Self::Dialect
            | Self::DialectKeep
            | Self::Carrier
            | Self::Says
            | Self::Shows
            | Self::Names
            | Self::Writes
            | Self::Prints
            | Self::Behind
            | Self::Board
            | Self::Letters
            | Self::CountedText
            | Self::TextNoun
            | Self::Deed
            | Self::Noun => true,
            Self::Vague
            | Self::VagueKeep
            | Self::Value
            | Self::PairKeep
            | Self::Owner
            | Self::Same
            | Self::Beast
            | Self::ClassName
            | Self::ClassNone
            | Self::ClassMember
            | Self::ClassThing
            | Self::Contrast
            | Self::NoContrast
            | Self::Elsewhere
            | Self::Subject
            | Self::NoSubject
            | Self::Several
            | Self::ThingZh
            | Self::ThingEn => false,
        }
    }
}

/// The tree, and what its words are.
pub(crate) struct Lexicon {
    pub(super) words: Trie,
    pub(super) all: Roles,
    /// Those for repairs alone.
    pub(super) repairs: Roles,
}

/// What words are to rules, and how they begin. Numbers are of four bytes, the lowest first, and read where the build script put them.
pub(super) struct Roles {
    pub(super) begin: Beginnings,
    /// Where the roles of each word end, by its number; they begin where those of the word before end.
    pub(super) ends: Cow<'static, [u8]>,
    /// The number of a group, and which of its table.
    pub(super) roles: Cow<'static, [u8]>,
}

impl Roles {
    /// The roles of words that are `wanted`.
    fn of(all: &Builder<'_>, wanted: impl Fn(Group) -> bool) -> Self {
        let (mut ends, mut roles) = (Vec::new(), Vec::new());
        let mut count = 0;
        let index =
            |at: usize| u32::try_from(at).expect("tables have less than four billion words");
        for own in &all.roles {
            for &(group, item) in own.iter().filter(|(group, _)| wanted(*group)) {
                roles.extend((group as u32).to_le_bytes());
                roles.extend(index(item).to_le_bytes());
                count += 1;
            }
            ends.extend(index(count).to_le_bytes());
        }
        let has = |number: usize| all.roles[number].iter().any(|(group, _)| wanted(*group));
        let words = all.numbers.iter().filter(|(_, number)| has(**number));
        let begin = Beginnings::of(words.map(|(word, _)| word.as_bytes()));
        Self { begin, ends: ends.into(), roles: roles.into() }
    }

    /// The groups of a word by their numbers, and which of their tables it is.
    pub(super) fn of_word(&self, number: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let start = number.checked_sub(1).map_or(0, |before| number_at(&self.ends, before));
        (start..number_at(&self.ends, number))
            .map(|at| (number_at(&self.roles, 2 * at), number_at(&self.roles, 2 * at + 1)))
    }
}

/// A number of a list of them.
fn number_at(list: &[u8], at: usize) -> usize {
    let bytes = &list[4 * at..4 * at + 4];
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize
}

/// Several of an English noun.
fn plural(noun: &str) -> String {
    let vowel = |c: char| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u');
    match noun.strip_suffix('y').filter(|rest| !rest.ends_with(vowel)) {
        Some(rest) => format!("{rest}ies"),
        None if noun.ends_with(['s', 'x']) || noun.ends_with("ch") || noun.ends_with("sh") => {
            format!("{noun}es")
        }
        None => format!("{noun}s"),
    }
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
    /// The lexicon of all tables.
    ///
    /// # Errors
    /// More words than its tree holds.
    pub(crate) fn of(
        tables: &Tables,
        simplified: &dyn Fn(char) -> Option<char>,
    ) -> Result<Self, RulesError> {
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
        all.add_each(Group::Beast, &pairs.beasts);
        for (item, names) in pairs.same.iter().enumerate() {
            all.add_all(Group::Same, item, names);
        }
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
            for thing in &class.things {
                all.add(Group::ClassThing, item, thing);
                if thing.is_ascii() {
                    all.add(Group::ClassThing, item, &plural(thing));
                }
            }
            for name in class.of.iter().filter(|name| name.bytes().all(|c| c.is_ascii_lowercase()))
            {
                all.add(Group::ClassNone, item, &format!("{name}-free"));
                if !name.ends_with('s') {
                    all.add(Group::ClassNone, item, &format!("{name}less"));
                }
            }
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
        all.add_each(Group::TextNoun, &text.nouns);
        all.add_each(Group::Deed, &text.deeds);
        for (item, noun) in tables.measure.noun.iter().enumerate() {
            all.add_all(Group::Noun, item, &noun.words);
        }
        Self::built(&all)
    }

    /// The lexicon of what things are called in two languages, which only prompts in both are read with.
    ///
    /// # Errors
    /// More words than its tree holds.
    pub(crate) fn of_things(
        things: &Things,
        simplified: &dyn Fn(char) -> Option<char>,
    ) -> Result<Self, RulesError> {
        let mut all = Builder { simplified, numbers: HashMap::new(), roles: Vec::new() };
        let side = |word: &String| match word.starts_with(|c: char| c.is_ascii()) {
            true => Group::ThingEn,
            false => Group::ThingZh,
        };
        for (number, names) in things.kinds.values().flatten().enumerate() {
            all.add_all(Group::ThingZh, 2 * number, &names.zh);
            all.add_all(Group::ThingEn, 2 * number, &names.en);
            for name in names.en.iter().filter(|name| !name.contains([' ', '\''])) {
                all.add(Group::ThingEn, 2 * number, &format!("{name}'s"));
            }
            names.also.iter().for_each(|word| all.add(side(word), 2 * number + 1, word));
        }
        // What is kept is a word like others and means none of the things, so that a longer name of one counts.
        let nothing = 2 * things.kinds.values().map(Vec::len).sum::<usize>();
        things.keep.iter().for_each(|word| all.add(side(word), nothing, word));
        Self::built(&all)
    }

    fn built(all: &Builder<'_>) -> Result<Self, RulesError> {
        let words = all.numbers.iter().map(|(word, number)| (word.as_bytes(), *number));
        Ok(Self {
            words: Trie::of(words)?,
            all: Roles::of(all, |_| true),
            repairs: Roles::of(all, Group::is_for_repairs),
        })
    }
}
