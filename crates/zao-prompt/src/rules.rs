//! The tables of all rules, read once, and a user's own on top of them. How they are applied is `check`'s.

mod beginnings;
mod class;
mod compact;
mod dictionary;
mod error;
mod heads;
mod lexicon;
mod matches;
mod prefixes;
mod tables;
mod trie;
#[cfg(test)]
mod written;

use std::collections::HashMap;
use std::sync::OnceLock;

pub(crate) use class::Kind;
pub(crate) use dictionary::{Dictionary, Meaning, Named};
pub use error::RulesError;
pub(crate) use lexicon::Group;
pub(crate) use matches::{Match, Matches};
pub(crate) use tables::{Axis, Entry, Noun, Scope, Tables, Words};

use crate::check::characters::{self, HAN, Kinds, SIMPLIFIED, TRADITIONAL};
use crate::check::text::Text;
use crate::together::Together;
use heads::Heads;
use lexicon::Lexicon;
pub(crate) use prefixes::{Prefixes, Suffixes};

/// The first and the last of the characters that scripts differ in.
const FIRST_HAN: u32 = 0x4e00;
const LAST_HAN: u32 = 0x9fff;

/// The tables in `data`, each a line of JSON, and the lexicon of their words: what the build script makes of them.
static COMPILED: &str = include_str!(concat!(env!("OUT_DIR"), "/tables.json"));
static LEXICON: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/lexicon"));

/// The same of what things are called in two languages.
static THINGS: &str = include_str!(concat!(env!("OUT_DIR"), "/things.json"));
static THING_WORDS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/things"));

/// What every rule knows.
pub struct Rules {
    pub(crate) tables: Tables,
    /// Measure words.
    pub(crate) classifiers: Prefixes,
    /// What may stand between one and its noun, and behind that.
    pub(crate) adjectives: Prefixes,
    pub(crate) followers: Prefixes,
    /// What may stand between a Chinese introduction of text and the text, and what ends it.
    pub(crate) between: Prefixes,
    pub(crate) text_ends: Prefixes,
    /// What stands behind such an introduction where text is only described.
    pub(crate) described: Prefixes,
    /// What says how text looks, and what names a picture: see the table.
    pub(crate) plain: Prefixes,
    pub(crate) lesser: Prefixes,
    pub(crate) plain_ends: Suffixes,
    pub(crate) pictures: Suffixes,
    pub(crate) drawn: Prefixes,
    pub(crate) marked_names: Suffixes,
    /// What makes a number in front of a noun none that counts it.
    pub(crate) not_counting: Suffixes,
    pub(crate) vague: Around,
    /// What nouns end in; sorted when something is counted for the first time.
    heads: OnceLock<Heads>,
    lexicon: Lexicon,
    /// Read when a prompt in two languages asks for it first.
    dictionary: OnceLock<Dictionary>,
    /// How rules read each character and what kinds of one it is, by how far it stands behind [`FIRST_HAN`].
    han: Vec<(char, Kinds)>,
    /// Simplified characters that traditional text does not have, to their traditional form where there is only one.
    traditional: HashMap<char, Option<char>>,
}

/// What stands around an abstract word, by the names of its table's sets.
pub(crate) struct Around {
    pub(crate) lead: Suffixes,
    pub(crate) weak: Suffixes,
    pub(crate) trail: Prefixes,
    pub(crate) heads: Prefixes,
    pub(crate) beyond: Prefixes,
}

impl Around {
    fn of(table: &Words) -> Self {
        let set = |name: &str| table.sets.get(name).map(Vec::as_slice).unwrap_or_default();
        Self {
            lead: Suffixes::of(set("lead")),
            weak: Suffixes::of(set("weak")),
            trail: Prefixes::of(set("trail")),
            heads: Prefixes::of(set("heads")),
            beyond: Prefixes::of(set("beyond")),
        }
    }
}

impl Rules {
    /// The tables that are compiled in.
    ///
    /// # Panics
    /// Never: a test reads the tables.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Rules> = OnceLock::new();
        BUILTIN.get_or_init(|| {
            Self::extended([]).expect("tables that are compiled in are in their form")
        })
    }

    /// The tables that are compiled in, and behind them others: the names of files, such as `intensifier.toml`, and
    /// their content, in the form of the table of that name in `crates/zao-prompt/data`.
    ///
    /// # Errors
    /// A name that no rule has, a content that is not in the form of that rule, or more than 65535 different words in all, those of
    /// `bilingual.toml` counted by themselves.
    ///
    /// ```
    /// use zao_prompt::{Options, Rules, check};
    ///
    /// let own = "[[entry]]\nwords = [\"mega\"]";
    /// let rules = Rules::extended([("intensifier.toml", own)])?;
    /// let options = Options { rules: Some(&rules), ..Options::default() };
    /// assert_eq!(check("a mega red apple", &options).fixed, "a red apple");
    /// # Ok::<(), zao_prompt::RulesError>(())
    /// ```
    pub fn extended<'t>(
        files: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) -> Result<Self, RulesError> {
        let mut tables = Tables::compiled(COMPILED)?;
        let mut is_extended = false;
        for (file, text) in files {
            tables.extend(file, text)?;
            is_extended = true;
        }
        let mut simplified = HashMap::new();
        let mut traditional: HashMap<char, Option<char>> = HashMap::new();
        for (simple, full) in tables.script.same_length() {
            simplified.insert(full, simple);
            traditional.entry(simple).and_modify(|only| *only = None).or_insert(Some(full));
        }
        let lexicon = match is_extended {
            true => Lexicon::of(&tables, &|c| simplified.get(&c).copied())?,
            false => Lexicon::of_bytes(LEXICON).expect("what the build script wrote is whole"),
        };
        let dictionary = OnceLock::new();
        if is_extended {
            let mut things = Tables::compiled(THINGS)?.bilingual;
            things.extend(std::mem::take(&mut tables.bilingual));
            let words = Lexicon::of_things(&things, &|c| simplified.get(&c).copied())?;
            tables.bilingual.numbers.clone_from(&things.numbers);
            dictionary.get_or_init(|| Dictionary::of(words, &things));
        }
        traditional.retain(|c, _| !tables.script.shared.contains(*c));
        let mut han: Vec<(char, Kinds)> = (FIRST_HAN..=LAST_HAN)
            .filter_map(char::from_u32)
            .map(|c| (c, characters::kinds(c)))
            .collect();
        for (full, simple) in &simplified {
            if let Some(row) = place_of(*full).and_then(|place| han.get_mut(place)) {
                *row = (*simple, characters::kinds(*simple) | TRADITIONAL);
            }
        }
        for simple in traditional.keys() {
            if let Some(row) = place_of(*simple).and_then(|place| han.get_mut(place)) {
                row.1 |= SIMPLIFIED;
            }
        }
        let measure = &tables.measure;
        let unquoted = &tables.unquoted;
        Ok(Self {
            classifiers: Prefixes::of(&measure.classifiers),
            adjectives: Prefixes::of(&measure.adjectives),
            followers: Prefixes::of(&measure.followers),
            text_ends: Prefixes::of(&unquoted.ends),
            between: Prefixes::of(&unquoted.between),
            described: Prefixes::of(&unquoted.described),
            plain: Prefixes::of(&unquoted.plain),
            lesser: Prefixes::of(&unquoted.lesser),
            plain_ends: Suffixes::of(&unquoted.plain_ends),
            pictures: Suffixes::of(&unquoted.pictures),
            drawn: Prefixes::of(&unquoted.drawn),
            marked_names: Suffixes::of(&unquoted.marked_names),
            not_counting: Suffixes::of(&measure.not_after),
            vague: Around::of(&tables.vague),
            heads: OnceLock::new(),
            lexicon,
            dictionary,
            han,
            traditional,
            tables,
        })
    }

    /// The longest known noun with which a text ends: its bytes, and what counts it.
    pub(crate) fn head(&self, text: &str) -> Option<(usize, &Noun)> {
        let rows = &self.tables.measure.head;
        let (length, row) = self.heads.get_or_init(|| Heads::of(rows)).longest(rows, text)?;
        Some((length, &rows[row]))
    }

    /// A character as rules read it, as many bytes as before, and what kinds of one it is.
    pub(crate) fn folded(&self, c: char) -> (char, Kinds) {
        if c.is_ascii() {
            return (c.to_ascii_lowercase(), characters::kinds(c));
        }
        let known = place_of(c).and_then(|place| self.han.get(place)).copied();
        known.unwrap_or_else(|| {
            let kinds = characters::kinds(c);
            let is_simplified = kinds & HAN != 0 && self.traditional.contains_key(&c);
            (c, if is_simplified { kinds | SIMPLIFIED } else { kinds })
        })
    }

    /// The simplified form of a traditional character.
    pub(crate) fn simplified(&self, c: char) -> Option<char> {
        let (simple, kinds) = *self.han.get(place_of(c)?)?;
        (kinds & TRADITIONAL != 0).then_some(simple)
    }

    /// The traditional form of a character that traditional text does not have, if there is one and no other.
    pub(crate) fn traditional(&self, c: char) -> Option<char> {
        self.traditional.get(&c).copied().flatten()
    }

    /// All words of all tables that are words of a text.
    pub(crate) fn matches(&self, text: &Text<'_>, together: Together<'_>) -> Matches {
        self.lexicon.matches(text, together)
    }

    /// What things are called in two languages.
    pub(crate) fn dictionary(&self) -> &Dictionary {
        self.dictionary.get_or_init(|| {
            let things =
                Tables::compiled(THINGS).expect("a test reads what the build script wrote");
            let words =
                Lexicon::of_bytes(THING_WORDS).expect("what the build script wrote is whole");
            Dictionary::of(words, &things.bilingual)
        })
    }

    /// The same of those words that something is replaced by.
    pub(crate) fn repairing(&self, text: &Text<'_>, together: Together<'_>) -> Matches {
        self.lexicon.repairing(text, together)
    }
}

/// Where a character stands in the table of traditional ones.
fn place_of(c: char) -> Option<usize> {
    Some(u32::from(c).checked_sub(FIRST_HAN)? as usize)
}

#[cfg(test)]
mod tests {
    use super::written::{THINGS as THINGS_WRITTEN, WRITTEN};
    use super::*;

    #[test]
    fn the_tables_say_where_they_are_from_and_are_rich() {
        let tables = Tables::of(&WRITTEN).unwrap();
        assert!(tables.sources().all(|source| source.len() > 20));
        let rows =
            [&tables.homograph, &tables.idiom, &tables.dialect].map(|table| table.words.len());
        assert!(rows[0] >= 60 && rows[1] >= 150 && rows[2] >= 100, "{rows:?}");
    }

    #[test]
    fn what_the_build_wrote_is_what_the_tables_say() {
        let (tables, compiled) =
            (Tables::of(&WRITTEN).unwrap(), Tables::compiled(COMPILED).unwrap());
        let simplified: HashMap<char, char> =
            tables.script.same_length().map(|(simple, full)| (full, simple)).collect();
        let lexicon = |tables: &Tables| {
            Lexicon::of(tables, &|c| simplified.get(&c).copied()).unwrap().bytes()
        };
        assert!(lexicon(&tables) == LEXICON && lexicon(&compiled) == LEXICON);
        assert!(Lexicon::of_bytes(LEXICON).unwrap().bytes() == LEXICON);
        let (things, read) =
            (Tables::of(&THINGS_WRITTEN).unwrap(), Tables::compiled(THINGS).unwrap());
        let words = |tables: &Tables| {
            Lexicon::of_things(&tables.bilingual, &|c| simplified.get(&c).copied()).unwrap().bytes()
        };
        assert!(words(&things) == THING_WORDS && words(&read) == THING_WORDS);
        assert!(Lexicon::of_bytes(&LEXICON[..LEXICON.len() - 1]).is_none());
    }

    #[test]
    fn more_words_than_a_lexicon_holds_are_refused_with_a_way_out() {
        let words: Vec<String> = (0..70_000).map(|number| format!("\"mega{number}\"")).collect();
        let own = format!("[[entry]]\nwords = [{}]", words.join(", "));
        let error = Rules::extended([("intensifier.toml", own.as_str())]).err().unwrap();
        assert!(error.to_string().contains("words, and there may be at most 65535:"), "{error}");
    }

    #[test]
    fn a_table_of_ones_own_is_refused_with_its_name() {
        let error = |file, text| Rules::extended([(file, text)]).err().unwrap().to_string();
        assert!(error("intensifiers.toml", "").contains("intensifier.toml"));
        assert!(error("idiom.toml", "words = 3").starts_with("idiom.toml: "));
    }
}
