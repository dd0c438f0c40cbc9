//! English text that is asked for in so many words: put X across the top, at the bottom: X, a logo for a bakery called X. Text that only
//! stands on something is not looked for here.

use std::ops::Range;

use super::latin::titled;
use super::{MOST_WORDS, Words, is_shouted};
use crate::check::Subject;
use crate::check::characters::is_separator;
use crate::check::text::BLANK;
use crate::check::word::{follows, precedes};

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Words>) {
    found.extend(written(subject).map(Words::known));
    found.extend(placed(subject).map(Words::known));
    found.extend(businesses(subject));
    for segment in &subject.text.segments {
        found.extend(requested(subject, segment).map(Words::known));
    }
}

/// What begins a request to put text somewhere.
const REQUESTS: [&str; 6] = ["put", "write", "print", "place", "add", "paint"];

/// What is written on something, in small letters: with happy birthday Anna written on it.
fn written<'s>(subject: &'s Subject<'_>) -> impl Iterator<Item = Range<usize>> + 's {
    let folded = &subject.text.folded;
    folded.match_indices(" written ").filter_map(move |(at, written)| {
        let behind = &folded[at + written.len()..];
        let is_on = ["on ", "in ", "across ", "along "].iter().any(|on| behind.starts_with(on));
        let near = (at.saturating_sub(WRITTEN)..=at).find(|near| folded.is_char_boundary(*near))?;
        let with = folded[near..at].rfind("with ")?;
        let start = near + with + "with ".len();
        let words = &folded[start..at];
        let first = words.split(' ').next().unwrap_or_default();
        let is_said = is_on
            && !words.contains(|c| is_separator(c) || c == BLANK)
            && words.split(' ').count() > 1
            && !DESCRIBED.contains(&first);
        is_said.then_some(start..at)
    })
}

/// Where text goes, in front of a colon: Across the top: Dig in!
const PLACES: [&str; 14] = [
    "across the top",
    "at the top",
    "across the bottom",
    "at the bottom",
    "on the back",
    "on the front",
    "in the middle",
    "in the centre",
    "in the center",
    "below",
    "underneath",
    "beneath",
    "on the spine",
    "in the corner",
];

/// A sentence behind such a colon that begins with a capital and describes nothing.
fn placed<'s>(subject: &'s Subject<'_>) -> impl Iterator<Item = Range<usize>> + 's {
    let (folded, prompt) = (&subject.text.folded, subject.text.prompt);
    folded.match_indices(": ").filter_map(move |(at, colon)| {
        let is_place = PLACES.iter().any(|place| precedes(&folded[..at], place));
        let start = at + colon.len();
        let rest = &prompt[start..];
        let end = rest.find(['.', '!', '?', '\n', ';']).unwrap_or(rest.len());
        let shout = rest[end..].bytes().take_while(|byte| matches!(byte, b'!' | b'?')).count();
        let text = &rest[..end + shout];
        let describes =
            ["A ", "An ", "The ", "Two ", "Some "].iter().any(|it| text.starts_with(it));
        let is_text = is_place
            && text.starts_with(|c: char| c.is_ascii_uppercase())
            && (!describes || is_shouted(text))
            && text.split(' ').count() <= MOST_WORDS
            && !folded[start..start + text.len()].contains(BLANK);
        is_text.then_some(start..start + text.len())
    })
}

/// Who has its name on what it makes.
const BUSINESSES: [&str; 28] = [
    "company",
    "brand",
    "shop",
    "store",
    "cafe",
    "café",
    "bakery",
    "restaurant",
    "bar",
    "brewery",
    "studio",
    "startup",
    "salon",
    "agency",
    "app",
    "game",
    "podcast",
    "magazine",
    "firm",
    "business",
    "truck",
    "festival",
    "diner",
    "barbershop",
    "bookshop",
    "bookstore",
    "winery",
    "label",
];

/// What shows such a name.
const SHOWN: [&str; 10] = [
    "logo",
    "poster",
    "label",
    "packaging",
    "storefront",
    "sign",
    "wordmark",
    "business card",
    "banner",
    "flyer",
];

/// The name of a business whose logo or sign is wanted: logo for a plumbing company called Drip Brothers.
fn businesses(subject: &Subject<'_>) -> Vec<Words> {
    let folded = &subject.text.folded;
    let mut found = Vec::new();
    for called in ["called ", "named "] {
        for (at, called) in folded.match_indices(called) {
            let before = folded[..at].trim_end();
            let near = (at.saturating_sub(CALLED)..=at).find(|near| folded.is_char_boundary(*near));
            let near = &folded[near.unwrap_or(at)..at];
            let is_business = BUSINESSES.iter().any(|it| precedes(before, it));
            if is_business && SHOWN.iter().any(|it| near.contains(it)) {
                found
                    .extend(titled(subject, at + called.len()).map(|(span, _)| Words::known(span)));
            }
        }
    }
    found
}

/// How far in front of a name what shows it may stand, in bytes.
const CALLED: usize = 80;

/// How far in front of `written` its `with` may stand, in bytes.
const WRITTEN: usize = 48;

/// What writing is described with, and not quoted.
const DESCRIBED: [&str; 22] = [
    "a",
    "an",
    "the",
    "something",
    "text",
    "words",
    "names",
    "his",
    "her",
    "their",
    "its",
    "poems",
    "letters",
    "small",
    "large",
    "strange",
    "ancient",
    "tiny",
    "chinese",
    "japanese",
    "arabic",
    "notes",
];

/// Put Leo turns six across the top: what a request names until it says where.
fn requested(subject: &Subject<'_>, segment: &Range<usize>) -> Option<Range<usize>> {
    let (folded, prompt) = (&subject.text.folded, subject.text.prompt);
    let phrase = &folded[segment.clone()];
    let phrase = phrase.strip_prefix("please ").unwrap_or(phrase);
    let verb = REQUESTS.iter().find(|verb| follows(phrase, verb))?;
    let rest = phrase[verb.len()..].strip_prefix(' ')?;
    let start = segment.end - rest.len();
    if !prompt[start..].starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let place = [" across ", " in ", " at the ", " on the ", " along ", " under ", " above "]
        .iter()
        .filter_map(|place| rest.find(place))
        .min()?;
    let says_letters = ["letter", "font", "type", "script", "handwriting", "capitals"]
        .iter()
        .any(|word| rest[place..].contains(word));
    let is_across = rest[place..].starts_with(" across ");
    let count = rest[..place].split(' ').count();
    let is_free = !rest[..place].contains(BLANK) && count <= MOST_WORDS;
    (is_free && (says_letters || is_across)).then_some(start..start + place)
}
