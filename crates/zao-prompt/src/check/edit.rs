//! What a rule found, how a piece is taken out of a prompt without leaving a gap, and how replacements are put in.
//! Whether something is wrong is for the rules.

use std::ops::Range;

use super::characters::is_separator;
use super::text::Text;
use crate::Code;

/// What a rule found. A megabyte can have some hundred thousands of them, so that they are small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) code: Code,
    span: Place,
    core: Place,
    pub(crate) replacement: Option<String>,
    about: Small,
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
    /// Kinds of invisible characters, of punctuation, in English and Chinese.
    Kind(&'static [&'static str; 2]),
    /// What is not to be drawn says the same.
    Negative,
}

/// A range in as few bytes as a prompt needs: see [`LONGEST_PROMPT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    start: u32,
    end: u32,
}

/// No longer prompt, in bytes, is looked at.
pub(crate) const LONGEST_PROMPT: usize = u32::MAX as usize;

impl Place {
    fn of(range: &Range<usize>) -> Self {
        let place = |at: usize| u32::try_from(at).expect("longer prompts are not looked at");
        Self { start: place(range.start), end: place(range.end) }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// An [`About`] as it is kept; what is rare is kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Small {
    Itself,
    Entry(u32),
    Other(Place),
    Counted(Place, bool),
    Kind(&'static [&'static str; 2]),
    Rare(Box<About>),
}

impl Small {
    fn of(about: About) -> Self {
        match about {
            About::Itself => Self::Itself,
            About::Entry(item) => match u32::try_from(item) {
                Ok(item) => Self::Entry(item),
                Err(_) => Self::Rare(Box::new(about)),
            },
            About::Other(other) => Self::Other(Place::of(&other)),
            About::Counted { noun, missing } => Self::Counted(Place::of(&noun), missing),
            About::Kind(names) => Self::Kind(names),
            About::Both(..) | About::Negative => Self::Rare(Box::new(about)),
        }
    }
}

impl Hit {
    fn new(
        code: Code,
        span: &Range<usize>,
        core: &Range<usize>,
        with: Option<String>,
        about: About,
    ) -> Self {
        let about = Small::of(about);
        Self { code, span: Place::of(span), core: Place::of(core), replacement: with, about }
    }

    /// A finding that only a person can mend.
    pub(crate) fn advice(code: Code, core: Range<usize>, about: About) -> Self {
        Self::new(code, &core, &core, None, about)
    }

    /// A piece with another to take its place.
    pub(crate) fn replace(
        code: Code,
        core: Range<usize>,
        with: impl Into<String>,
        about: About,
    ) -> Self {
        Self::new(code, &core, &core, Some(with.into()), about)
    }

    /// A piece that is left out, with the blanks or the comma that belong to it.
    pub(crate) fn remove(code: Code, core: Range<usize>, text: &Text<'_>, about: About) -> Self {
        let (span, replacement) = removal(text, &core);
        Self::new(code, &span, &core, Some(replacement), about)
    }

    /// What is replaced; without a replacement, what is meant.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.range()
    }

    /// What is meant, without blanks and commas that go with it.
    pub(crate) fn core(&self) -> Range<usize> {
        self.core.range()
    }

    /// What there is to say of it.
    pub(crate) fn about(&self) -> About {
        match &self.about {
            Small::Itself => About::Itself,
            Small::Entry(item) => About::Entry(*item as usize),
            Small::Other(place) => About::Other(place.range()),
            Small::Counted(noun, missing) => {
                About::Counted { noun: noun.range(), missing: *missing }
            }
            Small::Kind(names) => About::Kind(names),
            Small::Rare(about) => (**about).clone(),
        }
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
    let mut last: Option<usize> = None;
    let mut has_losers = false;
    for at in 0..hits.len() {
        if hits[at].replacement.is_none() {
            continue;
        }
        let rival = last.filter(|kept| overlaps(hits[*kept].span, hits[at].span));
        let loser = match rival {
            Some(kept) if hits[at].weight() > hits[kept].weight() => kept,
            Some(_) => at,
            None => {
                last = Some(at);
                continue;
            }
        };
        if loser != at {
            last = Some(at);
        }
        let hit = &mut hits[loser];
        hit.span = hit.core;
        hit.replacement = None;
        has_losers = true;
    }
    if has_losers {
        sort(&mut hits);
    }
    // Which replacements stay is known; what stands over one of them and says only that it is too much is said by it already.
    let mut next = 0;
    let is_said: Vec<bool> = hits
        .iter()
        .map(|hit| {
            if hit.replacement.is_some() || !hit.is_redundancy() {
                return false;
            }
            while hits
                .get(next)
                .is_some_and(|it| it.replacement.is_none() || it.span.end <= hit.span.start)
            {
                next += 1;
            }
            hits.get(next).is_some_and(|kept| {
                // Very, very: that it says it twice is another fault than that it says it.
                let is_twice = hit.code == Code::Repetition && kept.code == Code::Intensifier;
                !is_twice && overlaps(kept.core, hit.core)
            })
        })
        .collect();
    let mut is_said = is_said.into_iter();
    hits.retain(|_| !is_said.next().unwrap_or(false));
    hits
}

fn overlaps(a: Place, b: Place) -> bool {
    a.start < b.end && b.start < a.end
}

/// The prompt with all replacements in it, if there are any. A sentence keeps its capital letter when its first word goes, and no comma is
/// left at an end that had none.
pub(crate) fn applied(prompt: &str, hits: &[Hit]) -> Option<String> {
    let mut result = String::with_capacity(prompt.len() + 64);
    let mut from = 0;
    let mut changed = false;
    let mut is_big = false;
    for hit in hits {
        if let Some(replacement) = &hit.replacement {
            let span = hit.span();
            is_big = pushed(&mut result, &prompt[from..span.start], is_big);
            let removed = &prompt[span.clone()];
            is_big |= removed.starts_with(|c: char| c.is_ascii_uppercase()) && is_start(&result);
            is_big = pushed(&mut result, replacement, is_big);
            changed |= removed != *replacement;
            from = span.end;
        }
    }
    if !changed {
        return None;
    }
    pushed(&mut result, &prompt[from..], is_big);
    let is_loose = |c: char| matches!(c, ',' | '，' | '、' | ';' | '；' | ' ');
    if !prompt.ends_with(is_loose) {
        result.truncate(result.trim_end_matches(is_loose).len());
    }
    if !prompt.starts_with(is_loose) && result.starts_with(is_loose) {
        result = result.trim_start_matches(is_loose).to_owned();
    }
    Some(result)
}

/// Puts a piece behind others, with a big letter if it begins a sentence of which the first word is gone; says whether that is still to do.
fn pushed(result: &mut String, piece: &str, is_big: bool) -> bool {
    let mut letters = piece.chars();
    match letters.next() {
        None => return is_big,
        Some(first) if is_big && first.is_ascii_lowercase() => {
            result.push(first.to_ascii_uppercase());
            result.push_str(letters.as_str());
        }
        Some(_) => result.push_str(piece),
    }
    false
}

/// Whether a sentence begins behind a text.
fn is_start(text: &str) -> bool {
    let before = text.trim_end_matches([' ', '\t']);
    before.is_empty() || before.ends_with(['.', '!', '?', '\n', '|', '/'])
}
