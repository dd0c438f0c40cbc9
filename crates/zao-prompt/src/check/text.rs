//! A prompt made ready for rules: what is protected is blanked, letters are small, characters simplified, and
//! every byte stays where it was. Nothing is judged here.

use std::ops::Range;

use super::characters::{self, HAN, INSIDE, Kinds, LATIN, NUMERAL, SEPARATOR};
use super::quotes;
use crate::Rules;

/// What stands in place of each protected byte; no table has it.
pub(crate) const BLANK: char = '\u{1}';

/// A prompt, and the same as rules read it.
pub(crate) struct Text<'p> {
    /// As it was written.
    pub(crate) prompt: &'p str,
    /// As rules read it, byte for byte in the same place.
    pub(crate) folded: String,
    /// What kinds of character each byte of it belongs to; none where it is protected.
    kinds: Vec<Kinds>,
    /// The whole prompt, or both sides of `中文 // English`.
    pub(crate) sides: Vec<Side>,
    /// Phrases between punctuation, without blanks around them, each within one side.
    pub(crate) segments: Vec<Range<usize>>,
}

/// A part of a prompt in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) range: Range<usize>,
    /// Whether it is mostly Chinese.
    pub(crate) is_chinese: bool,
}

impl<'p> Text<'p> {
    pub(crate) fn new(prompt: &'p str, rules: &Rules) -> Self {
        let protected = quotes::protected(prompt);
        let (folded, kinds) = folded(prompt, &protected, rules);
        let sides = sides(&folded, &kinds);
        let segments = segments(&folded, &kinds, &sides);
        Self { prompt, folded, kinds, sides, segments }
    }

    /// What kinds of character each byte belongs to.
    pub(crate) fn kinds(&self) -> &[Kinds] {
        &self.kinds
    }

    /// Where the next character of one of these kinds begins, at `from` or behind it. `from` is where one begins.
    pub(crate) fn next(&self, wanted: Kinds, from: usize) -> Option<usize> {
        next(&self.kinds, wanted, from)
    }

    /// Where characters of one of these kinds end that begin at `from`.
    pub(crate) fn end_of(&self, wanted: Kinds, from: usize) -> usize {
        let other = self.kinds[from..].iter().position(|kinds| kinds & wanted == 0);
        other.map_or(self.kinds.len(), |at| from + at)
    }

    /// Whether there is such a character anywhere.
    pub(crate) fn has(&self, wanted: Kinds) -> bool {
        self.next(wanted, 0).is_some()
    }

    /// How many such characters there are.
    pub(crate) fn count(&self, wanted: Kinds) -> usize {
        count(&self.kinds, wanted)
    }

    /// The side that a place is on.
    pub(crate) fn side_of(&self, place: usize) -> &Side {
        self.sides.iter().rev().find(|side| side.range.start <= place).unwrap_or(&self.sides[0])
    }

    /// The character in front of a place.
    pub(crate) fn before(&self, place: usize) -> Option<char> {
        self.folded[..place].chars().next_back()
    }

    /// The character at a place.
    pub(crate) fn at(&self, place: usize) -> Option<char> {
        self.folded[place..].chars().next()
    }

    /// Whether a word that begins at `start` is not the rest of a longer one.
    pub(crate) fn begins_whole(&self, start: usize) -> bool {
        let is = |at: usize| self.kinds[at] & LATIN != 0;
        let joins = |at: usize| matches!(self.folded.as_bytes()[at], b'-' | b'\'');
        !is(start)
            || start == 0
            || !(is(start - 1) || (start > 1 && joins(start - 1) && is(start - 2)))
    }

    /// Whether a word that ends at `end` does not go on.
    pub(crate) fn ends_whole(&self, end: usize) -> bool {
        let is = |at: usize| self.kinds.get(at).is_some_and(|kinds| kinds & LATIN != 0);
        let joins = || matches!(self.folded.as_bytes().get(end), Some(b'-' | b'\''));
        !is(end - 1) || !(is(end) || (joins() && is(end + 1)))
    }
}

/// Bytes of which it is asked at once whether any is of a kind.
const STRIDE: usize = 32;

fn next(kinds: &[Kinds], wanted: Kinds, from: usize) -> Option<usize> {
    let mut at = from;
    for stride in kinds[from..].chunks(STRIDE) {
        if stride.iter().fold(0, |all, kinds| all | kinds) & wanted != 0 {
            let place = stride.iter().position(|kinds| kinds & wanted != 0)?;
            return Some(at + place);
        }
        at += stride.len();
    }
    None
}

fn count(kinds: &[Kinds], wanted: Kinds) -> usize {
    let is = |kinds: &&Kinds| **kinds & wanted != 0 && **kinds & INSIDE == 0;
    kinds.iter().filter(is).count()
}

/// The prompt as rules read it, and the kinds of the character that each byte belongs to.
fn folded(prompt: &str, protected: &[Range<usize>], rules: &Rules) -> (String, Vec<Kinds>) {
    let mut folded = prompt.to_ascii_lowercase().into_bytes();
    let mut kinds: Vec<Kinds> = vec![0; prompt.len()];
    let mut fold = |range: Range<usize>| {
        let mut at = range.start;
        while at < range.end {
            if folded[at].is_ascii() {
                kinds[at] = characters::of_byte(folded[at]);
                at += 1;
                continue;
            }
            let Some(c) = prompt[at..].chars().next() else { break };
            let (written, kind) = rules.folded(c);
            let end = at + c.len_utf8();
            if written != c {
                written.encode_utf8(&mut folded[at..end]);
            }
            kinds[at] = kind;
            kinds[at + 1..end].fill(kind | INSIDE);
            at = end;
        }
    };
    let mut from = 0;
    for piece in protected {
        fold(from..piece.start);
        from = piece.end;
    }
    fold(from..prompt.len());
    for piece in protected {
        folded[piece.clone()].fill(BLANK as u8);
    }
    let folded = String::from_utf8(folded);
    (folded.expect("characters are written over by others of as many bytes"), kinds)
}

fn sides(folded: &str, kinds: &[Kinds]) -> Vec<Side> {
    let side = |range: Range<usize>| {
        let (han, latin) = (count(&kinds[range.clone()], HAN), count(&kinds[range.clone()], LATIN));
        // A word of Chinese is one or two characters, one of English is five or six.
        Side { range, is_chinese: han * 3 > latin }
    };
    let whole = side(0..folded.len());
    let cut = folded.match_indices("//").find(|&(at, _)| !folded[..at].ends_with(':'));
    if let Some((at, _)) = cut {
        let (left, right) = (side(0..at), side(at + 2..folded.len()));
        if left.is_chinese != right.is_chinese && next(kinds, LATIN | HAN, at + 2).is_some() {
            return vec![left, right];
        }
    }
    vec![whole]
}

fn segments(folded: &str, kinds: &[Kinds], sides: &[Side]) -> Vec<Range<usize>> {
    let mut segments = Vec::new();
    let mut push = |range: Range<usize>| {
        let piece = &folded[range.clone()];
        let start = range.start + (piece.len() - piece.trim_start().len());
        let end = range.end - (piece.len() - piece.trim_end().len());
        if start < end {
            segments.push(start..end);
        }
    };
    for side in sides {
        let mut start = side.range.start;
        let mut from = start;
        let kinds = &kinds[..side.range.end];
        while let Some(at) = next(kinds, SEPARATOR, from) {
            let length = folded[at..].chars().next().map_or(1, char::len_utf8);
            from = at + length;
            if !is_inside_number(folded, kinds, at) {
                push(start..at);
                start = from;
            }
        }
        push(start..side.range.end);
    }
    segments
}

/// Whether a full stop or comma at `at` belongs to a number or a name such as `f/1.8`, `node.js`.
pub(crate) fn is_inside_number(text: &str, kinds: &[Kinds], at: usize) -> bool {
    let is = |at: usize, kind| kinds.get(at).is_some_and(|kinds| kinds & kind != 0);
    let is_digit = |at| is(at, NUMERAL) && is(at, LATIN);
    match text.as_bytes()[at] {
        b'.' => is(at + 1, LATIN),
        b',' => at > 0 && is_digit(at - 1) && is_digit(at + 1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_keeps_every_byte_in_its_place() {
        let prompt = "A 龍 \"VERY\", 1.8 KB // 紅";
        let text = Text::new(prompt, Rules::builtin());
        assert_eq!(text.folded.len(), prompt.len());
        assert!(text.folded.starts_with("a 龙 \u{1}\u{1}"));
        let segments: Vec<&str> = text.segments.iter().map(|it| &prompt[it.clone()]).collect();
        assert_eq!(segments, ["A 龍 \"VERY\"", "1.8 KB", "紅"]);
    }

    #[test]
    fn sides_are_two_only_where_languages_differ() {
        let sides = |prompt| Text::new(prompt, Rules::builtin()).sides.len();
        assert_eq!(sides("一只猫 // a cat"), 2);
        assert_eq!(sides("a cat // a dog"), 1);
        assert_eq!(sides("http://a.example"), 1);
    }

    #[test]
    fn words_end_where_letters_and_hyphens_do() {
        let text = Text::new("a knight, night-time night", Rules::builtin());
        let whole = |start: usize| text.begins_whole(start) && text.ends_whole(start + 5);
        assert_eq!((whole(3), whole(10), whole(21)), (false, false, true));
    }
}
