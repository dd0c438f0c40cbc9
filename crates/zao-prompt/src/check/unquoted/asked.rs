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

/// What puts text on something, and nothing but text.
const WRITES: [&str; 8] = [
    " written ",
    " handwritten ",
    " scrawled ",
    " scribbled ",
    " lettered ",
    " spelled out ",
    " hand-lettered ",
    " typed ",
];

/// Where it is then.
const ON: [&str; 17] = [
    "on ",
    "in ",
    "across ",
    "along ",
    "under ",
    "below ",
    "beneath ",
    "underneath",
    "above ",
    "over ",
    "around ",
    "inside ",
    "at the ",
    "beside ",
    "next to ",
    "down ",
    "through ",
];

/// What is written on something, in small letters: with happy birthday Anna written on it.
fn written<'s>(subject: &'s Subject<'_>) -> impl Iterator<Item = Range<usize>> + 's {
    let folded = &subject.text.folded;
    let deeds = WRITES.iter().flat_map(|deed| folded.match_indices(deed));
    deeds.filter_map(move |(at, written)| {
        let behind = &folded[at + written.len()..];
        let is_on = ON.iter().any(|on| behind.starts_with(on));
        let near = (at.saturating_sub(WRITTEN)..=at).find(|near| folded.is_char_boundary(*near))?;
        let with = folded[near..at].rfind("with ")?;
        let start = near + with + "with ".len();
        let words = &folded[start..at];
        let first = words.split(' ').next().unwrap_or_default();
        let last = words.rsplit(' ').next().unwrap_or_default();
        let is_said = is_on
            && !words.contains(|c| is_separator(c) || c == BLANK)
            && words.split(' ').count() > 1
            && !DESCRIBED.contains(&first)
            && !NAMES_OF_TEXT.contains(&last);
        is_said.then_some(start..at)
    })
}

/// What text is called, behind which nothing is quoted: with long letters written in ink.
const NAMES_OF_TEXT: [&str; 28] = [
    "name",
    "names",
    "letters",
    "words",
    "text",
    "notes",
    "note",
    "runes",
    "poem",
    "poems",
    "verses",
    "message",
    "messages",
    "numbers",
    "symbols",
    "equations",
    "formulas",
    "recipes",
    "signatures",
    "signature",
    "characters",
    "date",
    "dates",
    "initials",
    "lyrics",
    "prices",
    "instructions",
    "spells",
];

/// How far behind one text another may begin, in bytes.
const SECOND: usize = 60;

/// Where a second text stands.
const SECOND_PLACES: [&str; 20] = [
    "at the bottom",
    "at the top",
    "at bottom",
    "at top",
    "below",
    "underneath",
    "beneath",
    "above",
    "under it",
    "in the corner",
    "in the bottom",
    "in the top",
    "in small",
    "in smaller",
    "in tiny",
    "in the middle",
    "along the bottom",
    "along the top",
    "across the bottom",
    "on the back",
];

/// A second text behind one that was found: Friday Night Blues at the top and Doors 8pm at the bottom.
pub(super) fn another(subject: &Subject<'_>, first: &Range<usize>) -> Option<Words> {
    let folded = &subject.text.folded;
    let rest = &folded[first.end..];
    let near = (0..=SECOND.min(rest.len())).rev().find(|end| rest.is_char_boundary(*end))?;
    let (at, joint) = [", and ", " and ", ", then ", ", with "]
        .iter()
        .filter_map(|joint| rest[..near].find(joint).map(|at| (at, *joint)))
        .min_by_key(|(at, joint)| (*at, std::cmp::Reverse(joint.len())))?;
    if rest[..at].contains(|c| is_separator(c) || c == BLANK) {
        return None;
    }
    let (span, big) = titled(subject, first.end + at + joint.len())?;
    let behind = folded[span.end..].trim_start_matches(' ');
    let is_placed = SECOND_PLACES.iter().any(|place| follows(behind, place));
    let text = &subject.text.prompt[span.clone()];
    let is_text = big > 1 || is_shouted(text) || text.bytes().any(|it| it.is_ascii_digit());
    (is_placed && is_text).then(|| Words::known(span))
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
const BUSINESSES: [&str; 70] = [
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
    "channel",
    "twitch channel",
    "band",
    "team",
    "club",
    "blog",
    "newsletter",
    "zine",
    "duo",
    "clan",
    "guild",
    "server",
    "stream",
    "gym",
    "hotel",
    "school",
    "cidery",
    "distillery",
    "farm",
    "vineyard",
    "boutique",
    "pizzeria",
    "bistro",
    "roastery",
    "collective",
    "charity",
    "event",
    "conference",
    "album",
    "single",
    "book",
    "novel",
    "film",
    "movie",
    "play",
    "musical",
    "show",
    "series",
    "market",
    "museum",
    "exhibition",
    "record",
];

/// What shows such a name.
const SHOWN: [&str; 24] = [
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
    "cover",
    "thumbnail",
    "intro screen",
    "overlay",
    "t-shirt",
    "shirt",
    "sticker",
    "flag",
    "jersey",
    "title card",
    "menu",
    "invitation",
    "ticket",
    "badge",
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
const DESCRIBED: [&str; 46] = [
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
    "old",
    "long",
    "many",
    "some",
    "several",
    "two",
    "three",
    "faded",
    "illegible",
    "handwritten",
    "neat",
    "no",
    "runes",
    "mathematical",
    "complex",
    "endless",
    "lines",
    "equations",
    "code",
    "what",
    "one",
    "latin",
    "english",
    "more",
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
