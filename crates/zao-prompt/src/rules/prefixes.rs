//! Words of a list by their first or last characters, to ask with which of them a text begins or ends. Where a text is to be looked at is
//! for the rules.

use std::collections::BTreeMap;

use crate::check::characters::is_latin;

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

    /// The same for a whole word: `in`, but not `ink`.
    pub(crate) fn begin_whole(&self, text: &str) -> bool {
        self.all(text)
            .any(|word| !(word.ends_with(is_latin) && text[word.len()..].starts_with(is_latin)))
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

/// Words by their last characters.
pub(crate) struct Suffixes {
    /// Sorted by character; of those with the same, the longer first.
    by_last: Vec<(char, Vec<String>)>,
}

impl Suffixes {
    pub(crate) fn of(words: &[String]) -> Self {
        let mut by_last = BTreeMap::<char, Vec<String>>::new();
        for word in words {
            if let Some(last) = word.chars().next_back() {
                by_last.entry(last).or_default().push(word.clone());
            }
        }
        for words in by_last.values_mut() {
            words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        }
        Self { by_last: by_last.into_iter().collect() }
    }

    /// Whether a text ends with one of the words.
    pub(crate) fn end(&self, text: &str) -> bool {
        self.all(text).next().is_some()
    }

    /// The longest whole word with which a text ends: `in`, but not the end of `cabin`.
    pub(crate) fn end_whole(&self, text: &str) -> Option<&str> {
        self.all(text).find(|word| {
            let rest = &text[..text.len() - word.len()];
            !(word.starts_with(is_latin) && rest.ends_with(is_latin))
        })
    }

    fn all(&self, text: &str) -> impl Iterator<Item = &str> {
        let last = text.chars().next_back();
        let at = last.and_then(|c| self.by_last.binary_search_by_key(&c, |(last, _)| *last).ok());
        let words = at.map(|at| self.by_last[at].1.as_slice()).unwrap_or_default();
        words.iter().map(String::as_str).filter(move |word| text.ends_with(word))
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

    #[test]
    fn a_word_that_a_text_ends_with_is_found() {
        let words = Suffixes::of(&["第", "星期", "初"].map(String::from));
        assert!(words.end("这是第") && words.end("星期") && words.end("初"));
        assert!(!words.end("日期") && !words.end("第一") && !words.end(""));
        let whole = Suffixes::of(&["in", "feeling of"].map(String::from));
        assert_eq!(whole.end_whole("the feeling of"), Some("feeling of"));
        assert_eq!((whole.end_whole("stands in"), whole.end_whole("cabin")), (Some("in"), None));
        let begins = Prefixes::of(&["in"].map(String::from));
        assert!(begins.begin_whole("in rain") && !begins.begin_whole("ink"));
    }
}
