//! What a rule found, how a piece is taken out of a prompt without leaving a gap, and how replacements are put in.
//! Whether something is wrong is for the rules.

use std::ops::Range;

use super::characters::{is_latin, is_separator};
use super::text::Text;
use crate::Code;

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) code: Code,
    /// What is replaced; without a replacement, what is meant.
    pub(crate) span: Range<usize>,
    /// What is meant, without blanks and commas that go with it.
    pub(crate) core: Range<usize>,
    pub(crate) replacement: Option<String>,
    pub(crate) about: About,
}

/// What there is to say of a hit beside its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// Nothing more.
    Itself,
    /// An entry of the rule's table.
    Entry(usize),
    /// The other piece that this one repeats or excludes.
    Other(Range<usize>),
    /// A piece that excludes another, both inside of the span.
    Both(Range<usize>, Range<usize>),
    /// A noun and what counts it.
    Counted { noun: Range<usize>, missing: bool },
    /// Kinds of invisible characters, of punctuation.
    Kind(&'static str, &'static str),
    /// What is not to be drawn says the same.
    Negative,
}

impl Hit {
    /// A finding that only a person can mend.
    pub(crate) fn advice(code: Code, core: Range<usize>, about: About) -> Self {
        Self { code, span: core.clone(), core, replacement: None, about }
    }

    /// A piece with another to take its place.
    pub(crate) fn replace(
        code: Code,
        core: Range<usize>,
        with: impl Into<String>,
        about: About,
    ) -> Self {
        Self { code, span: core.clone(), core, replacement: Some(with.into()), about }
    }

    /// A piece that is left out, with the blanks or the comma that belong to it.
    pub(crate) fn remove(code: Code, core: Range<usize>, text: &Text<'_>, about: About) -> Self {
        let (span, replacement) = removal(text, &core);
        Self { code, span, core, replacement: Some(replacement), about }
    }

    /// Of two over the same place, the one with more of this stays.
    fn weight(&self) -> usize {
        match self.code {
            Code::Invisible => 6,
            Code::Script => 5,
            Code::UnquotedText => 4,
            Code::QualityTags => 3,
            Code::Intensifier => 2,
            Code::Repetition => 1,
            _ => 0,
        }
    }

    /// Whether it says only that something is too much, so that it is said already where that is taken out.
    fn is_redundancy(&self) -> bool {
        matches!(
            self.code,
            Code::Intensifier | Code::Repetition | Code::QualityTags | Code::Abstract
        )
    }
}

/// What has to go so that `core` can, and what stays of it: a whole phrase goes with its comma, a word with its blank.
fn removal(text: &Text<'_>, core: &Range<usize>) -> (Range<usize>, String) {
    let folded = &text.folded;
    let left = folded[..core.start].trim_end_matches([' ', '\t']).len();
    let right = folded.len() - folded[core.end..].trim_start_matches([' ', '\t']).len();
    let before = text.before(left);
    let after = text.at(right);
    let side = text.side_of(core.start);
    let at_start = left <= side.range.start;
    let at_end = right >= side.range.end;
    let whole = (at_start || before.is_some_and(is_separator))
        && (at_end || after.is_some_and(is_separator));
    if whole {
        if let Some(comma) = before.filter(|c| !at_start && *c != '\n') {
            return (left - comma.len_utf8()..core.end, String::new());
        }
        if let Some(comma) = after.filter(|c| !at_end && *c != '\n') {
            let end = right + comma.len_utf8();
            let end = folded.len() - folded[end..].trim_start_matches([' ', '\t']).len();
            return (core.start..end, String::new());
        }
        return (core.clone(), String::new());
    }
    if right > core.end {
        return with_article(text, core.start..right);
    }
    if left < core.start && (after.is_none() || after.is_some_and(is_separator)) {
        return (left..core.end, String::new());
    }
    (core.clone(), String::new())
}

/// The same with the article in front, where what follows now wants the other one.
fn with_article(text: &Text<'_>, span: Range<usize>) -> (Range<usize>, String) {
    let folded = &text.folded;
    let article = [" an ", " a "].into_iter().find(|article| {
        let bare = &article[1..];
        folded[..span.start].ends_with(article) || folded[..span.start] == *bare
    });
    let Some(article) = article.map(|article| &article[1..]) else { return (span, String::new()) };
    let next = &folded[span.end..];
    let wanted = if sounds_as_vowel(next) { "an" } else { "a" };
    if wanted == article.trim_end() || !next.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return (span, String::new());
    }
    let start = span.start - article.len();
    let big = text.prompt.as_bytes()[start].is_ascii_uppercase();
    let wanted = if big { wanted.replacen('a', "A", 1) } else { wanted.to_owned() };
    (start..span.end, wanted + " ")
}

/// Whether `an` stands in front of a word.
fn sounds_as_vowel(word: &str) -> bool {
    let begins = |heads: &[&str]| heads.iter().any(|head| word.starts_with(head));
    if begins(&["uni", "use", "usu", "eu", "one", "once", "ut"]) {
        return false;
    }
    begins(&["hour", "honest", "honor", "honour", "heir"])
        || word.starts_with(['a', 'e', 'i', 'o', 'u'])
}

/// Sorts by where pieces begin, the longer first.
pub(crate) fn sort(hits: &mut [Hit]) {
    hits.sort_by(|a, b| {
        (a.span.start, b.span.end, a.code).cmp(&(b.span.start, a.span.end, b.code))
    });
}

/// Sorts, and leaves at most one replacement over each place. Who loses is still told, unless it says nothing new.
pub(crate) fn settle(mut hits: Vec<Hit>) -> Vec<Hit> {
    sort(&mut hits);
    let (replacing, mut told): (Vec<Hit>, Vec<Hit>) =
        hits.into_iter().partition(|hit| hit.replacement.is_some());
    let mut kept: Vec<Hit> = Vec::with_capacity(replacing.len());
    for hit in replacing {
        let loser = match kept.last_mut() {
            Some(last) if overlaps(&last.span, &hit.span) => {
                if hit.weight() > last.weight() {
                    std::mem::replace(last, hit)
                } else {
                    hit
                }
            }
            _ => {
                kept.push(hit);
                continue;
            }
        };
        told.push(Hit { span: loser.core.clone(), replacement: None, ..loser });
    }
    sort(&mut told);
    let mut next = 0;
    told.retain(|hit| {
        while kept.get(next).is_some_and(|kept| kept.span.end <= hit.span.start) {
            next += 1;
        }
        let over = kept.get(next).is_some_and(|kept| {
            // Very, very: that it says it twice is another fault than that it says it.
            let is_twice = hit.code == Code::Repetition && kept.code == Code::Intensifier;
            !is_twice && overlaps(&kept.core, &hit.core)
        });
        !(over && hit.is_redundancy())
    });
    told.extend(kept);
    sort(&mut told);
    told
}

fn overlaps(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// The prompt with all replacements in it, if there are any.
pub(crate) fn applied(prompt: &str, hits: &[Hit]) -> Option<String> {
    let mut result = String::with_capacity(prompt.len() + 64);
    let mut from = 0;
    let mut changed = false;
    for hit in hits {
        if let Some(replacement) = &hit.replacement {
            result.push_str(&prompt[from..hit.span.start]);
            result.push_str(replacement);
            changed |= prompt[hit.span.clone()] != **replacement;
            from = hit.span.end;
        }
    }
    result.push_str(&prompt[from..]);
    changed.then_some(result)
}

/// Whether a word of Latin letters begins at a place.
pub(crate) fn begins_word(text: &str, at: usize) -> bool {
    text[at..].chars().next().is_some_and(is_latin)
}
