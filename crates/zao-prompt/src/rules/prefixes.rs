//! Words of a list by their first characters, to ask with which of them a text begins. Where a text is to be looked at is for the rules.

use std::collections::BTreeMap;

/// Words by their first characters.
pub(crate) struct Prefixes {
    /// Sorted by character; of those with the same, the longer first.
    by_first: Vec<(char, Vec<String>)>,
}

impl Prefixes {
    pub(crate) fn of(words: &[String]) -> Self {
        let mut by_first = BTreeMap::<char, Vec<String>>::new();
        for word in words {
            if let Some(first) = word.chars().next() {
                by_first.entry(first).or_default().push(word.clone());
            }
        }
        for words in by_first.values_mut() {
            words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        }
        Self { by_first: by_first.into_iter().collect() }
    }

    /// The longest word with which a text begins.
    pub(crate) fn longest(&self, text: &str) -> Option<&str> {
        self.all(text).next()
    }

    /// Whether a text begins with one of the words.
    pub(crate) fn begin(&self, text: &str) -> bool {
        self.longest(text).is_some()
    }

    /// The words with which a text begins, the longer first.
    pub(crate) fn all(&self, text: &str) -> impl Iterator<Item = &str> {
        let first = text.chars().next();
        let at =
            first.and_then(|c| self.by_first.binary_search_by_key(&c, |(first, _)| *first).ok());
        let words = at.map(|at| self.by_first[at].1.as_slice()).unwrap_or_default();
        words.iter().map(String::as_str).filter(move |word| text.starts_with(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_word_that_a_text_begins_with_is_found() {
        let words = ["个", "深红", "深红色", "只"].map(String::from);
        let words = Prefixes::of(&words);
        assert_eq!(words.longest("深红色的花"), Some("深红色"));
        assert_eq!(words.longest("深红的花"), Some("深红"));
        assert!(words.begin("个") && !words.begin("红") && !words.begin(""));
    }
}
