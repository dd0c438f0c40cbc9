//! Licence expressions: whether a list of allowed licences is enough to satisfy one. It reads SPDX
//! and the older `MIT/Apache-2.0`; it does not know which licences exist.

/// Whether someone who accepts only `allowed` may use what is offered under `expression`.
/// An expression that cannot be read is not satisfied.
pub(super) fn is_satisfied(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words, allowed };
    reader.any_of() == Some(true) && reader.words.is_empty()
}

struct Reader<'a> {
    words: &'a [&'a str],
    allowed: &'a [&'a str],
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.words.first() == Some(&word);
        if found {
            self.words = &self.words[1..];
        }
        found
    }

    fn any_of(&mut self) -> Option<bool> {
        let mut satisfied = self.all_of()?;
        while self.take("OR") {
            satisfied |= self.all_of()?;
        }
        Some(satisfied)
    }

    fn all_of(&mut self) -> Option<bool> {
        let mut satisfied = self.one()?;
        while self.take("AND") {
            satisfied &= self.one()?;
        }
        Some(satisfied)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let satisfied = self.any_of()?;
            return self.take(")").then_some(satisfied);
        }
        let name = self.next()?;
        if self.take("WITH") {
            let whole = format!("{name} WITH {}", self.next()?);
            return Some(self.allowed.contains(&whole.as_str()));
        }
        Some(self.allowed.contains(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_mit_and_isc(expression: &str) -> bool {
        is_satisfied(expression, &["MIT", "ISC"])
    }

    #[test]
    fn one_of_several_is_enough() {
        assert!(with_mit_and_isc("Apache-2.0 OR MIT"));
        assert!(with_mit_and_isc("MIT/Apache-2.0"));
        assert!(with_mit_and_isc("Apache-2.0 / MIT"));
        assert!(with_mit_and_isc("Apache-2.0 WITH LLVM-exception OR MIT"));
        assert!(!with_mit_and_isc("Apache-2.0 OR Zlib"));
    }

    #[test]
    fn all_of_several_are_needed() {
        assert!(with_mit_and_isc("(MIT OR Apache-2.0) AND ISC"));
        assert!(!with_mit_and_isc("MIT AND Zlib"));
        assert!(!with_mit_and_isc("MIT WITH Some-exception"));
    }

    #[test]
    fn and_binds_tighter_than_or() {
        assert!(with_mit_and_isc("MIT OR ISC AND Zlib"));
        assert!(!with_mit_and_isc("(MIT OR ISC) AND Zlib"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for broken in ["", "MIT OR", "(MIT", "MIT ISC", "MIT)"] {
            assert!(!with_mit_and_isc(broken), "{broken}");
        }
    }
}
