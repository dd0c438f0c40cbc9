//! The tables of all rules, read once, and a user's own on top of them. How they are applied is `check`'s.

mod lexicon;
mod prefixes;
mod tables;
mod trie;

use std::collections::HashMap;
use std::sync::OnceLock;

pub(crate) use lexicon::{Group, Match, Matches};
pub(crate) use tables::{Axis, Entry, Names, Scope, Tables, Words};

use crate::check::characters::{self, HAN, Kinds, SIMPLIFIED, TRADITIONAL};
use crate::check::text::Text;
use lexicon::Lexicon;
pub(crate) use prefixes::Prefixes;

/// The first and the last of the characters that scripts differ in.
const FIRST_HAN: u32 = 0x4e00;
const LAST_HAN: u32 = 0x9fff;

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
    lexicon: Lexicon,
    /// How rules read each character and what kinds of one it is, by how far it stands behind [`FIRST_HAN`].
    han: Vec<(char, Kinds)>,
    /// Simplified characters that traditional text does not have, to their traditional form where there is only one.
    traditional: HashMap<char, Option<char>>,
}

/// A table that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// Not a table of a rule, by its name.
    #[error("{file} is no table of a rule; there are {known}")]
    Unknown {
        /// The file's name.
        file: String,
        /// The names there are.
        known: String,
    },
    /// Not TOML, or not of the form that the rule's own table has.
    #[error("{file}: {why}")]
    Form {
        /// The file's name.
        file: String,
        /// What is wrong.
        why: String,
    },
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
    /// A name that no rule has, or a content that is not in the form of that rule.
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
        let mut tables = Tables::builtin()?;
        for (file, text) in files {
            tables.extend(file, text)?;
        }
        let mut simplified = HashMap::new();
        let mut traditional: HashMap<char, Option<char>> = HashMap::new();
        for pair in tables.script.pairs.iter().flat_map(|row| row.split_whitespace()) {
            let mut pair = pair.chars();
            let (Some(simple), Some(full)) = (pair.next(), pair.next()) else { continue };
            // Places in a prompt are bytes, which simplifying must not move.
            if simple.len_utf8() == full.len_utf8() {
                simplified.insert(full, simple);
                traditional.entry(simple).and_modify(|only| *only = None).or_insert(Some(full));
            }
        }
        let lexicon = Lexicon::of(&tables, &|c| simplified.get(&c).copied());
        traditional.retain(|c, _| !tables.script.shared.contains(*c));
        let mut han = Vec::with_capacity((LAST_HAN - FIRST_HAN) as usize + 1);
        for c in (FIRST_HAN..=LAST_HAN).filter_map(char::from_u32) {
            let simple = simplified.get(&c).copied();
            let written = simple.unwrap_or(c);
            let mut kinds = characters::kinds(written);
            if simple.is_some() {
                kinds |= TRADITIONAL;
            }
            if traditional.contains_key(&c) {
                kinds |= SIMPLIFIED;
            }
            han.push((written, kinds));
        }
        let measure = &tables.measure;
        let unquoted = &tables.unquoted;
        Ok(Self {
            classifiers: Prefixes::of(&measure.classifiers),
            adjectives: Prefixes::of(&measure.adjectives),
            followers: Prefixes::of(&measure.followers),
            text_ends: Prefixes::of(&unquoted.ends),
            between: Prefixes::of(&unquoted.between),
            lexicon,
            han,
            traditional,
            tables,
        })
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
    pub(crate) fn matches(&self, text: &Text<'_>) -> Matches {
        self.lexicon.matches(text)
    }
}

/// Where a character stands in the table of traditional ones.
fn place_of(c: char) -> Option<usize> {
    Some(u32::from(c).checked_sub(FIRST_HAN)? as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_say_where_they_are_from_and_are_rich() {
        let tables = Tables::builtin().unwrap();
        assert!(tables.sources().all(|source| source.len() > 20));
        let rows =
            [&tables.homograph, &tables.idiom, &tables.dialect].map(|table| table.words.len());
        assert!(rows[0] >= 60 && rows[1] >= 150 && rows[2] >= 100, "{rows:?}");
    }

    #[test]
    fn a_table_of_ones_own_is_refused_with_its_name() {
        let error = |file, text| Rules::extended([(file, text)]).err().unwrap().to_string();
        assert!(error("intensifiers.toml", "").contains("intensifier.toml"));
        assert!(error("idiom.toml", "words = 3").starts_with("idiom.toml: "));
    }
}
