//! `too-long`: how many tokens a prompt is and where the text encoder stops reading. The counting itself is the model's tokenizer's;
//! without one it is estimated.

use super::characters::{is_han, is_latin};
use super::edit::{About, Hit};
use crate::Code;

/// Longer prompts, in bytes, are not given to a tokenizer, which takes seconds for a megabyte: that they are too long is known.
const MOST_COUNTED: usize = 32 << 10;

/// What the chat template of Qwen3 adds to a prompt.
const TEMPLATE: usize = 8;

/// Tokens of a hundred characters of Chinese: words of two are often one token, rare characters are two or three.
const PER_HUNDRED_HAN: usize = 70;

/// Letters of a word that are one token; a longer one is cut.
const LETTERS: usize = 7;

/// Counts tokens.
#[derive(Clone, Copy)]
pub(crate) struct Counter<'a> {
    pub(crate) exact: Option<&'a dyn Fn(&str) -> usize>,
}

impl Counter<'_> {
    /// How many tokens a prompt is, and whether that is an estimate.
    pub(crate) fn count(&self, prompt: &str) -> (usize, bool) {
        match self.exact.filter(|_| prompt.len() <= MOST_COUNTED) {
            Some(exact) => (exact(prompt), false),
            None => (estimate(prompt), true),
        }
    }

    /// What is cut of a prompt that has more than `limit` tokens.
    pub(crate) fn cut(&self, prompt: &str, limit: usize) -> Hit {
        let at = match self.exact.filter(|_| prompt.len() <= MOST_COUNTED) {
            Some(exact) => last_fitting(prompt, |piece| exact(piece) <= limit),
            None => estimated_cut(prompt, limit),
        };
        Hit::advice(Code::TooLong, at..prompt.len(), About::Itself)
    }
}

/// The end of the longest beginning that fits.
fn last_fitting(prompt: &str, fits: impl Fn(&str) -> bool) -> usize {
    let (mut low, mut high) = (0, prompt.len());
    while low < high {
        let middle = ceil(prompt, low + (high - low).div_ceil(2));
        if fits(&prompt[..middle]) {
            low = middle;
        } else {
            high = floor(prompt, middle.saturating_sub(1));
        }
    }
    low
}

/// The boundary of a character at a place or behind it.
fn ceil(prompt: &str, mut at: usize) -> usize {
    while !prompt.is_char_boundary(at) {
        at += 1;
    }
    at
}

/// The same in front of it.
fn floor(prompt: &str, mut at: usize) -> usize {
    while !prompt.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// About how many tokens of Qwen3 a prompt is.
fn estimate(prompt: &str) -> usize {
    weights(prompt).map(|(_, weight)| weight).sum::<usize>().div_ceil(100) + TEMPLATE
}

/// Where the last of `limit` such tokens ends.
fn estimated_cut(prompt: &str, limit: usize) -> usize {
    let mut hundredths = TEMPLATE * 100;
    let mut over = weights(prompt).filter(|(_, weight)| {
        hundredths += weight;
        hundredths > limit.saturating_mul(100)
    });
    over.next().map_or(prompt.len(), |(at, _)| at)
}

/// What each character adds to the tokens, in hundredths, so that two characters of Chinese can be less than two tokens.
fn weights(prompt: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut letters = 0;
    prompt.char_indices().map(move |(at, c)| {
        if c.is_ascii_alphabetic() || (is_latin(c) && !c.is_ascii()) {
            letters = letters % LETTERS + 1;
            return (at, usize::from(letters == 1) * 100);
        }
        letters = 0;
        let weight = match c {
            ' ' => 0,
            _ if is_han(c) => PER_HUNDRED_HAN,
            _ if c.is_ascii() || c.len_utf8() == 3 => 100,
            _ => 200,
        };
        (at, weight)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_is_near_what_qwen_makes_of_usual_prompts() {
        // Words and commas, a token each; and the template.
        assert_eq!(estimate("a red apple, on a table"), 8 + 7);
        assert_eq!(estimate("一只猫坐在窗台上"), 8 + 6);
        assert_eq!(estimate(""), 8);
    }

    #[test]
    fn what_is_cut_begins_behind_the_last_token_that_fits() {
        let exact = |text: &str| text.chars().count();
        let counter = Counter { exact: Some(&exact) };
        assert_eq!(counter.cut("ab猫cd", 3).span(), 5..7);
        let prompt = "red ".repeat(600);
        let cut = Counter { exact: None }.cut(&prompt, 512).span();
        assert_eq!(cut, (512 - 8) * 4..prompt.len());
    }
}
