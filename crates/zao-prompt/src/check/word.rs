//! Whether an entry of a table applies where its word stands. What then happens is the rule's.

use std::collections::BTreeMap;

use super::characters::is_latin;
use crate::rules::{Entry, Match};

/// Whether what stands around a word is what its entry wants.
pub(crate) fn applies(
    entry: &Entry,
    sets: &BTreeMap<String, Vec<String>>,
    folded: &str,
    found: &Match,
) -> bool {
    let after = folded[found.end..].trim_start_matches([' ', '\t']);
    let before = folded[..found.start].trim_end_matches([' ', '\t']);
    let follows = |list: &[String]| any(list, sets, |word| follows(after, word));
    let precedes = |list: &[String]| any(list, sets, |word| precedes(before, word));
    (entry.only_before.is_empty() || follows(&entry.only_before))
        && !follows(&entry.not_before)
        && !precedes(&entry.not_after)
}

/// Whether a word of a list, or of a set that the list names as `@set`, is as wanted.
fn any(list: &[String], sets: &BTreeMap<String, Vec<String>>, is: impl Fn(&str) -> bool) -> bool {
    list.iter().any(|word| match word.strip_prefix('@') {
        Some(set) => sets.get(set).is_some_and(|words| words.iter().any(|word| is(word))),
        None => is(word),
    })
}

/// Whether `text` begins with a whole word.
pub(crate) fn follows(text: &str, word: &str) -> bool {
    let (letters, sought) = (text.as_bytes(), word.as_bytes());
    // Lists of words are long and nearly all are others, which two bytes tell.
    let may_be =
        letters.first() == sought.first() && (sought.len() < 3 || letters.get(2) == sought.get(2));
    may_be
        && text
            .strip_prefix(word)
            .is_some_and(|rest| !(word.ends_with(is_latin) && rest.starts_with(is_latin)))
}

/// Whether `text` ends with a whole word.
pub(crate) fn precedes(text: &str, word: &str) -> bool {
    text.as_bytes().last() == word.as_bytes().last()
        && text
            .strip_suffix(word)
            .is_some_and(|rest| !(word.starts_with(is_latin) && rest.ends_with(is_latin)))
}
