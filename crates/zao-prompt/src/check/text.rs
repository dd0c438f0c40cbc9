//! A prompt made ready for rules: what is protected is blanked, letters are small, characters simplified, and
//! every byte stays where it was. Nothing is judged here.

use std::ops::Range;

use super::characters::{is_han, is_latin, is_separator};
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
    /// The protected pieces.
    pub(crate) protected: Vec<Range<usize>>,
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
        let folded = folded(prompt, &protected, rules);
        let sides = sides(&folded);
        let segments = segments(&folded, &sides);
        Self { prompt, folded, protected, sides, segments }
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

    /// Whether what lies at `range` is a word or words of their own.
    pub(crate) fn is_whole(&self, range: &Range<usize>) -> bool {
        let bytes = self.folded.as_bytes();
        let first = self.at(range.start).is_some_and(is_latin);
        let last = self.before(range.end).is_some_and(is_latin);
        let joined_before = || {
            let joins = |at: usize| at > 0 && matches!(bytes[at - 1], b'-' | b'\'');
            let start = range.start;
            self.before(start).is_some_and(is_latin)
                || (joins(start) && self.before(start - 1).is_some_and(is_latin))
        };
        let joined_after = || {
            let end = range.end;
            let joins = bytes.get(end).is_some_and(|byte| matches!(byte, b'-' | b'\''));
            self.at(end).is_some_and(is_latin) || (joins && self.at(end + 1).is_some_and(is_latin))
        };
        let joined = (first && joined_before()) || (last && joined_after());
        !joined
    }
}

fn folded(prompt: &str, protected: &[Range<usize>], rules: &Rules) -> String {
    let mut folded = String::with_capacity(prompt.len());
    let fold = |folded: &mut String, piece: &str| {
        folded.extend(piece.chars().map(|c| match c.is_ascii() {
            true => c.to_ascii_lowercase(),
            false => rules.simplified(c).unwrap_or(c),
        }));
    };
    let mut from = 0;
    for piece in protected {
        fold(&mut folded, &prompt[from..piece.start]);
        folded.extend(std::iter::repeat_n(BLANK, piece.len()));
        from = piece.end;
    }
    fold(&mut folded, &prompt[from..]);
    folded
}

fn sides(folded: &str) -> Vec<Side> {
    let side = |range: Range<usize>| {
        let (mut han, mut latin) = (0_usize, 0_usize);
        for c in folded[range.clone()].chars() {
            han += usize::from(is_han(c));
            latin += usize::from(is_latin(c));
        }
        // A word of Chinese is one or two characters, one of English is five or six.
        Side { range, is_chinese: han * 3 > latin }
    };
    let whole = side(0..folded.len());
    let cut = folded.match_indices("//").find(|&(at, _)| !folded[..at].ends_with(':'));
    if let Some((at, _)) = cut {
        let (left, right) = (side(0..at), side(at + 2..folded.len()));
        if left.is_chinese != right.is_chinese
            && folded[right.range.clone()].chars().any(is_latin_or_han)
        {
            return vec![left, right];
        }
    }
    vec![whole]
}

fn is_latin_or_han(c: char) -> bool {
    is_latin(c) || is_han(c)
}

fn segments(folded: &str, sides: &[Side]) -> Vec<Range<usize>> {
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
        for (at, c) in folded[side.range.clone()].char_indices() {
            let at = side.range.start + at;
            if is_separator(c) && !is_inside_number(folded, at, c) {
                push(start..at);
                start = at + c.len_utf8();
            }
        }
        push(start..side.range.end);
    }
    segments
}

/// Whether a full stop or comma belongs to a number or a name such as `f/1.8`, `node.js`.
pub(crate) fn is_inside_number(text: &str, at: usize, c: char) -> bool {
    let before = text[..at].chars().next_back();
    let after = text[at + c.len_utf8()..].chars().next();
    match c {
        '.' => after.is_some_and(is_latin),
        ',' => [before, after].iter().all(|c| c.is_some_and(|c| c.is_ascii_digit())),
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
        let whole = |start: usize| text.is_whole(&(start..start + 5));
        assert_eq!((whole(3), whole(10), whole(21)), (false, false, true));
    }
}
