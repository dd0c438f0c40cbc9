//! The form of the tables in `data`, which say what the rules know. What is made of them is the lexicon's.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::RulesError;
use super::class::{Class, Kind};

/// The tables of all rules.
#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) intensifier: Words,
    pub(crate) quality: Words,
    pub(crate) vague: Words,
    pub(crate) repetition: Words,
    pub(crate) homograph: Glosses,
    pub(crate) idiom: Glosses,
    pub(crate) dialect: Glosses,
    pub(crate) contradiction: Pairs,
    pub(crate) unquoted: Carriers,
    pub(crate) measure: Nouns,
    pub(crate) bilingual: Things,
    pub(crate) script: Scripts,
}

/// Words that a rule looks for.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Words {
    source: String,
    /// Longer phrases in which the words are left alone.
    pub(crate) keep: Vec<String>,
    /// Lists that conditions name as `@name`.
    pub(crate) sets: BTreeMap<String, Vec<String>>,
    pub(crate) entry: Vec<Entry>,
}

/// Words that are treated alike.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Entry {
    pub(crate) words: Vec<String>,
    /// What may not follow.
    pub(crate) not_before: Vec<String>,
    /// What may not stand in front.
    pub(crate) not_after: Vec<String>,
    /// One of these has to follow, if there are any.
    pub(crate) only_before: Vec<String>,
    /// Quality tags: what may stand inside a pile without being a part of it.
    pub(crate) bridge: bool,
    /// Abstract words: whether one is meant only where nothing concrete carries it.
    pub(crate) alone: bool,
    /// What to write instead, as advice.
    pub(crate) en: Option<String>,
    pub(crate) zh: Option<String>,
}

/// Words with what stands for them.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Glosses {
    source: String,
    pub(crate) keep: Vec<String>,
    #[serde(deserialize_with = "rows")]
    pub(crate) words: Vec<(String, String)>,
}

/// What cannot both be true.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Pairs {
    source: String,
    pub(crate) keep: Vec<String>,
    /// Words that say that a contrast is meant.
    pub(crate) contrast: Vec<String>,
    /// Phrases with such a word in which no two things are set against each other: `high contrast`.
    pub(crate) no_contrast: Vec<String>,
    /// Words that put one of the two into another place or time: `through the window`.
    pub(crate) elsewhere: Vec<String>,
    /// Beings that can have hair, a pose, an age.
    pub(crate) subjects: Vec<String>,
    /// Words with such a being in them that are none: 牛仔裤, dog tags.
    pub(crate) not_subjects: Vec<String>,
    /// Words for several of them.
    pub(crate) several: Vec<String>,
    /// Those of them that wear nothing, and have neither hair nor beard: animals.
    pub(crate) beasts: Vec<String>,
    /// Names of a thing, of its parts and of its kind, which speak of one thing where a prompt has only one of them: a cabin, the walls.
    pub(crate) same: Vec<Vec<String>>,
    /// Words that exclude each other as two sides, for what is no property with several values.
    pair: Vec<Pair>,
    pub(crate) axis: Vec<Axis>,
    pub(crate) class: Vec<Class>,
    /// Things that axes speak of, by the names of their families; each with all its names.
    pub(crate) nouns: BTreeMap<String, Vec<Vec<String>>>,
    /// What a background can be, in families of words for the same.
    pub(crate) grounds: BTreeMap<String, Vec<String>>,
}

/// Two sides that exclude each other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    scope: Scope,
    left: Vec<String>,
    right: Vec<String>,
}

/// A property that has one of several values: a word of one excludes the words of the others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Axis {
    /// What extends it names it so; none for pairs.
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) scope: Scope,
    /// Families of nouns, where only what is said of the same noun counts.
    #[serde(default)]
    pub(crate) of: Vec<String>,
    /// The values that exclude each other, where not all do.
    #[serde(default)]
    pub(crate) apart: Vec<(String, String)>,
    /// Or those that do not, where most do.
    #[serde(default)]
    pub(crate) together: Vec<(String, String)>,
    /// Words of each value; of more values than [`Axis::VALUES`] the rest is not looked for.
    pub(crate) value: BTreeMap<String, Vec<String>>,
}

/// What an axis is about.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    /// The whole picture has only one of it.
    Scene,
    /// The same of the picture as a whole, which no window, distance or exception changes: how near it is, how full.
    Whole,
    /// The same of a thing that is said not to be there: far away or in front, it is there all the same.
    None,
    /// Each being in it has one of its own.
    Thing,
    /// Each thing in it has one of its own, so that both have to stand side by side in front of one.
    Beside,
    /// The same, where both have to be said of a thing before another one is named: an empty glass, brimming with juice.
    Near,
    /// The same, where both have to be said of one thing by its name, however far apart: a matte vase, the vase is glossy.
    One,
}

impl Scope {
    /// Whether each thing in a picture has one of its own.
    pub(crate) fn is_of_things(self) -> bool {
        matches!(self, Self::Thing | Self::Near | Self::Beside | Self::One)
    }
}

/// What text stands on, and how it is introduced.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Carriers {
    source: String,
    /// Things with text on them.
    pub(crate) carriers: Vec<String>,
    /// Introductions after a carrier: `that says`.
    pub(crate) says: Vec<String>,
    /// Introductions without one: `with the words`.
    pub(crate) shows: Vec<String>,
    /// Introductions of text that has to begin with a capital letter or a digit: `titled`.
    pub(crate) names: Vec<String>,
    /// Words at which text without capital letters ends, and with which none begins.
    pub(crate) stops: Vec<String>,
    /// What stands behind text of big letters: `written underneath`.
    pub(crate) behind: Vec<String>,
    /// Chinese introductions.
    pub(crate) writes: Vec<String>,
    /// Chinese introductions that need `字样` behind the text, since pictures are introduced so too.
    pub(crate) prints: Vec<String>,
    /// What may stand between a Chinese introduction and the text.
    pub(crate) between: Vec<String>,
    /// What a Chinese text cannot begin with: then it is described, not quoted.
    pub(crate) described: Vec<String>,
    /// What ends a Chinese text.
    pub(crate) ends: Vec<String>,
    /// Names of titles in front of text without any verb, and what ends it then: 书名剑断九霄竖排.
    pub(crate) titles: Vec<String>,
    pub(crate) title_ends: Vec<String>,
    /// With one of these an introduction is the end of one word and the beginning of another: 合上书本.
    pub(crate) not_before: Vec<String>,
    /// What says that letters of English are text, whatever introduces them.
    pub(crate) languages: Vec<String>,
    /// What names and wishes end with, which are text without 字样 behind them.
    pub(crate) names_end: Vec<String>,
    /// What may not stand in front of a Chinese introduction.
    pub(crate) not_after: Vec<String>,
    /// Things that are there for what is written on them, in both languages.
    pub(crate) boards: Vec<String>,
    /// What letters are called in English: in bold capitals.
    pub(crate) letters: Vec<String>,
    /// What stands behind Chinese text, and what stands in front of it then: 加上…四个字.
    pub(crate) counted: Vec<String>,
    pub(crate) openers: Vec<String>,
    /// What only text has in it, behind an introduction of pictures as well as text: 印着我爱…
    pub(crate) evidence: Vec<String>,
    /// English deeds that put text and patterns on a thing: `embroidered with`.
    pub(crate) deeds: Vec<String>,
    /// What text is called, in both languages: `tagline`, 字样.
    pub(crate) nouns: Vec<String>,
    /// The same, where it is text only in a list behind text that is sure: `author`.
    pub(crate) lesser: Vec<String>,
    /// With what a Chinese phrase begins, or ends, that says how text looks and is none.
    pub(crate) plain: Vec<String>,
    pub(crate) plain_ends: Vec<String>,
    /// With what a Chinese phrase ends, or begins, that names a picture, and what only such a phrase has in it.
    pub(crate) pictures: Vec<String>,
    pub(crate) drawn: Vec<String>,
    pub(crate) inner: Vec<String>,
    /// With what Chinese names end that things are marked with.
    pub(crate) marked_names: Vec<String>,
}

/// Chinese nouns and what they are counted by.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Nouns {
    source: String,
    /// All measure words, to know one from a noun.
    pub(crate) classifiers: Vec<String>,
    /// Those that count anything, such as a heap or a box of it.
    pub(crate) anything: Vec<String>,
    /// Adjectives that may stand between measure word and noun.
    pub(crate) adjectives: Vec<String>,
    /// What may follow a noun that is complete.
    pub(crate) followers: Vec<String>,
    /// Nouns of one character that 两 does not count alone.
    pub(crate) singles: Vec<String>,
    /// What may not stand in front of the number.
    pub(crate) not_after: Vec<String>,
    /// Signs of a verb, in front of `的`.
    pub(crate) verbs: Vec<String>,
    pub(crate) noun: Vec<Noun>,
    /// What nouns end in, however they begin, and what counts them one by one.
    pub(crate) head: Vec<Noun>,
}

/// Nouns that are counted alike; the first measure word is proposed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Noun {
    pub(crate) words: Vec<String>,
    pub(crate) takes: Vec<String>,
    /// Where any are named, only these are wrong, and nothing is said of others.
    #[serde(default)]
    pub(crate) wrong: Vec<String>,
}

/// What is called how in both languages.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Things {
    source: String,
    pub(crate) keep: Vec<String>,
    /// Words for numbers.
    pub(crate) numbers: BTreeMap<String, u32>,
    /// By kind; only things of one kind are mistaken for each other.
    pub(crate) kinds: BTreeMap<String, Vec<Names>>,
    /// Kinds of which one side may name others than the other side does, unless both stand at the same place.
    pub(crate) loose: Vec<String>,
    /// Kinds that are not counted.
    pub(crate) uncounted: Vec<String>,
    /// Kinds that may stand in each other's place.
    pub(crate) instead: Vec<Vec<String>>,
}

/// One thing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Names {
    pub(crate) zh: Vec<String>,
    pub(crate) en: Vec<String>,
    /// What it is a kind of, by Chinese names of that. What is under several is between them: 米色 is nearly white and nearly yellow.
    #[serde(default)]
    pub(crate) under: Vec<String>,
    /// Words of either language that may mean it and need not: 蓝天 is blue where the other side says so.
    #[serde(default)]
    pub(crate) also: Vec<String>,
}

/// Simplified characters, each with its traditional form behind it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Scripts {
    source: String,
    pub(crate) pairs: Vec<String>,
    /// Simplified characters that traditional text has as well.
    pub(crate) shared: String,
}

/// The tables there are.
const NAMES: [&str; 12] = [
    "intensifier.toml",
    "quality-tags.toml",
    "abstract.toml",
    "repetition.toml",
    "homograph.toml",
    "idiom.toml",
    "dialect.toml",
    "contradiction.toml",
    "unquoted-text.toml",
    "measure-word.toml",
    "bilingual.toml",
    "script.toml",
];

/// A table as it is written: by people, or by the build script.
enum Form<'t> {
    Toml(&'t str),
    Json(&'t str),
}

impl Tables {
    /// What tables say together that are written so, each with its name.
    #[cfg_attr(not(test), allow(dead_code, reason = "the build script reads them"))]
    pub(crate) fn of(written: &[(&str, &str)]) -> Result<Self, RulesError> {
        let mut tables = Self::default();
        for (file, text) in written {
            tables.extend(file, text)?;
        }
        Ok(tables)
    }

    /// The tables of the build script: on each line a name and what that table says, as JSON.
    pub(crate) fn compiled(lines: &str) -> Result<Self, RulesError> {
        let mut tables = Self::default();
        for (file, line) in lines.lines().filter_map(|line| line.split_once(' ')) {
            tables.take(file, &Form::Json(line))?;
        }
        Ok(tables)
    }

    /// Puts what `text` says behind what the table `file` says already.
    pub(crate) fn extend(&mut self, file: &str, text: &str) -> Result<(), RulesError> {
        self.take(file, &Form::Toml(text))
    }

    fn take(&mut self, file: &str, text: &Form<'_>) -> Result<(), RulesError> {
        match file {
            "intensifier.toml" => self.intensifier.extend(read(file, text)?),
            "quality-tags.toml" => self.quality.extend(read(file, text)?),
            "abstract.toml" => self.vague.extend(read(file, text)?),
            "repetition.toml" => self.repetition.extend(read(file, text)?),
            "homograph.toml" => self.homograph.extend(read(file, text)?),
            "idiom.toml" => self.idiom.extend(read(file, text)?),
            "dialect.toml" => self.dialect.extend(read(file, text)?),
            "contradiction.toml" => self.contradiction.extend(read(file, text)?),
            "unquoted-text.toml" => self.unquoted.extend(read(file, text)?),
            "measure-word.toml" => self.measure.extend(read(file, text)?),
            "bilingual.toml" => self.bilingual.extend(read(file, text)?),
            "script.toml" => {
                let more: Scripts = read(file, text)?;
                take_source(&mut self.script.source, more.source);
                self.script.pairs.extend(more.pairs);
                self.script.shared.push_str(&more.shared);
            }
            _ => {
                let known = NAMES.join(", ");
                return Err(RulesError::Unknown { file: file.into(), known });
            }
        }
        Ok(())
    }

    /// Where each table is from.
    #[cfg(test)]
    pub(crate) fn sources(&self) -> impl Iterator<Item = &str> {
        let words = [&self.intensifier, &self.quality, &self.vague, &self.repetition];
        let glosses = [&self.homograph, &self.idiom, &self.dialect];
        let others = [
            &self.contradiction.source,
            &self.unquoted.source,
            &self.measure.source,
            &self.bilingual.source,
            &self.script.source,
        ];
        let words = words.into_iter().map(|table| &table.source);
        words
            .chain(glosses.into_iter().map(|table| &table.source))
            .chain(others)
            .map(String::as_str)
    }
}

fn read<'t, T: Deserialize<'t>>(file: &str, text: &Form<'t>) -> Result<T, RulesError> {
    let read = match text {
        Form::Toml(text) => toml::from_str(text).map_err(|error| error.to_string()),
        Form::Json(text) => serde_json::from_str(text).map_err(|error| error.to_string()),
    };
    read.map_err(|why| RulesError::Form {
        file: file.into(),
        why: why.split_whitespace().collect::<Vec<_>>().join(" "),
    })
}

fn rows<'t, D: serde::Deserializer<'t>>(from: D) -> Result<Vec<(String, String)>, D::Error> {
    Ok(BTreeMap::deserialize(from)?.into_iter().collect())
}

fn take_source(source: &mut String, more: String) {
    if source.is_empty() {
        *source = more;
    }
}

impl Scripts {
    /// Simplified characters and their traditional forms, where both have as many bytes: places in a prompt are bytes, which simplifying must
    /// not move.
    pub(crate) fn same_length(&self) -> impl Iterator<Item = (char, char)> + '_ {
        let pairs = self.pairs.iter().flat_map(|row| row.split_whitespace());
        let pair = |pair: &str| {
            let mut pair = pair.chars();
            Some((pair.next()?, pair.next()?))
        };
        pairs.filter_map(pair).filter(|(simple, full)| simple.len_utf8() == full.len_utf8())
    }
}

impl Words {
    fn extend(&mut self, more: Self) {
        take_source(&mut self.source, more.source);
        self.keep.extend(more.keep);
        for (name, words) in more.sets {
            self.sets.entry(name).or_default().extend(words);
        }
        self.entry.extend(more.entry);
    }
}

impl Glosses {
    fn extend(&mut self, more: Self) {
        take_source(&mut self.source, more.source);
        self.keep.extend(more.keep);
        // Of two that are the same word, the first counts.
        self.words.splice(0..0, more.words);
    }
}

impl Pairs {
    fn extend(&mut self, more: Self) {
        take_source(&mut self.source, more.source);
        self.keep.extend(more.keep);
        self.contrast.extend(more.contrast);
        self.no_contrast.extend(more.no_contrast);
        self.elsewhere.extend(more.elsewhere);
        self.subjects.extend(more.subjects);
        self.not_subjects.extend(more.not_subjects);
        self.several.extend(more.several);
        self.beasts.extend(more.beasts);
        self.same.extend(more.same);
        self.axis.extend(more.pair.into_iter().map(Axis::from));
        for axis in more.axis {
            match self.axis.iter_mut().find(|it| !it.name.is_empty() && it.name == axis.name) {
                Some(known) => known.extend(axis),
                None => self.axis.push(axis),
            }
        }
        for class in more.class {
            match self.class.iter_mut().find(|it| it.name == class.name) {
                Some(known) => {
                    known.of.extend(class.of);
                    if known.kind == Kind::default() {
                        known.kind = class.kind;
                    }
                    known.things.extend(class.things);
                    known.here.extend(class.here);
                    known.none.extend(class.none);
                    known.members.extend(class.members);
                }
                None => self.class.push(class),
            }
        }
        for (name, nouns) in more.nouns {
            self.nouns.entry(name).or_default().extend(nouns);
        }
        for (name, words) in more.grounds {
            self.grounds.entry(name).or_default().extend(words);
        }
    }
}

impl From<Pair> for Axis {
    fn from(pair: Pair) -> Self {
        let value = [("left".to_owned(), pair.left), ("right".to_owned(), pair.right)];
        Self {
            name: String::new(),
            scope: pair.scope,
            of: Vec::new(),
            apart: Vec::new(),
            together: Vec::new(),
            value: value.into(),
        }
    }
}

impl Axis {
    /// How words of axes are numbered: the axis' number times this, and the value's.
    pub(crate) const VALUES: usize = 64;

    fn extend(&mut self, more: Self) {
        self.of.extend(more.of);
        self.apart.extend(more.apart);
        self.together.extend(more.together);
        for (name, words) in more.value {
            self.value.entry(name).or_default().extend(words);
        }
    }

    /// Whether two of its values, by their numbers, exclude each other.
    pub(crate) fn parts(&self, one: usize, other: usize) -> bool {
        let names: Vec<&str> = self.value.keys().map(String::as_str).collect();
        let has = |pairs: &[(String, String)], a: &str, b: &str| {
            pairs.iter().any(|(x, y)| (x == a && y == b) || (x == b && y == a))
        };
        let is = |a: &str, b: &str| {
            (self.apart.is_empty() || has(&self.apart, a, b)) && !has(&self.together, a, b)
        };
        one != other && names.get(one).zip(names.get(other)).is_some_and(|(a, b)| is(a, b))
    }
}

impl Carriers {
    fn extend(&mut self, more: Self) {
        take_source(&mut self.source, more.source);
        self.carriers.extend(more.carriers);
        self.says.extend(more.says);
        self.shows.extend(more.shows);
        self.names.extend(more.names);
        self.stops.extend(more.stops);
        self.behind.extend(more.behind);
        self.writes.extend(more.writes);
        self.prints.extend(more.prints);
        self.between.extend(more.between);
        self.described.extend(more.described);
        self.ends.extend(more.ends);
        self.titles.extend(more.titles);
        self.title_ends.extend(more.title_ends);
        self.not_before.extend(more.not_before);
        self.languages.extend(more.languages);
        self.names_end.extend(more.names_end);
        self.not_after.extend(more.not_after);
        self.boards.extend(more.boards);
        self.letters.extend(more.letters);
        self.counted.extend(more.counted);
        self.openers.extend(more.openers);
        self.evidence.extend(more.evidence);
        self.deeds.extend(more.deeds);
        self.nouns.extend(more.nouns);
        self.lesser.extend(more.lesser);
        self.plain.extend(more.plain);
        self.plain_ends.extend(more.plain_ends);
        self.pictures.extend(more.pictures);
        self.drawn.extend(more.drawn);
        self.inner.extend(more.inner);
        self.marked_names.extend(more.marked_names);
    }
}

impl Nouns {
    fn extend(&mut self, more: Self) {
        take_source(&mut self.source, more.source);
        self.classifiers.extend(more.classifiers);
        self.anything.extend(more.anything);
        self.adjectives.extend(more.adjectives);
        self.followers.extend(more.followers);
        self.singles.extend(more.singles);
        self.not_after.extend(more.not_after);
        self.verbs.extend(more.verbs);
        // A noun of a later table is what that says.
        let named = |word: &String| more.noun.iter().any(|noun| noun.words.contains(word));
        if !more.noun.is_empty() {
            self.head.iter_mut().for_each(|head| head.words.retain(|word| !named(word)));
        }
        self.noun.extend(more.noun);
        self.head.extend(more.head);
    }
}

impl Things {
    pub(super) fn extend(&mut self, more: Self) {
        take_source(&mut self.source, more.source);
        self.keep.extend(more.keep);
        self.numbers.extend(more.numbers);
        for (kind, names) in more.kinds {
            self.kinds.entry(kind).or_default().extend(names);
        }
        self.loose.extend(more.loose);
        self.uncounted.extend(more.uncounted);
        self.instead.extend(more.instead);
    }
}
