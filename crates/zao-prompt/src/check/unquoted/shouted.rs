//! English text that its letters give away: VISIT ROMA at the bottom, a sign EAT HERE GET GAS, 42 printed on his bib; and captions in small
//! letters behind the word for them: caption underneath let's go. Text behind a verb of saying is not looked for here.

use std::ops::Range;

use super::latin::titled;
use super::{MOST_WORDS, Words, is_shouted, words_from};
use crate::check::Subject;
use crate::check::characters::{is_latin, is_separator};
use crate::check::text::BLANK;
use crate::check::word::{follows, precedes};
use crate::rules::{Group, Match};

/// Where a shouted phrase goes in the picture.
const PLACES: [&str; 20] = [
    "at the bottom",
    "at the top",
    "at top",
    "at bottom",
    "across the top",
    "across the bottom",
    "across the middle",
    "across the front",
    "across the chest",
    "along the top",
    "along the bottom",
    "around the edge",
    "in big",
    "in large",
    "in bold",
    "in huge",
    "in block",
    "in giant",
    "in neon",
    "underneath",
];

/// One word of a shouted phrase has as many letters: BMW M3 is the name of a car.
const LONG_WORD: usize = 4;

/// What puts a number on something.
const NUMBERED: [&str; 11] = [
    "printed",
    "painted",
    "stitched",
    "stamped",
    "embroidered",
    "stencilled",
    "stenciled",
    "engraved",
    "carved",
    "written",
    "pinned",
];

/// Deeds with a number behind them: stamped with 317.
const WITH_NUMBER: [&str; 16] = [
    "stamped with ",
    "engraved with ",
    "embossed with ",
    "marked with ",
    "printed with ",
    "painted with ",
    "embroidered with ",
    "etched with ",
    "inscribed with ",
    "stitched with ",
    "stenciled with ",
    "stencilled with ",
    "numbered ",
    "labelled with ",
    "labeled with ",
    "branded with ",
];

/// In front of a number these make it a year or an amount.
const OTHER_NUMBERS: [&str; 12] =
    ["in", "of", "from", "since", "circa", "by", "around", "about", "to", "and", "early", "late"];

/// What a caption in small letters is called, and where it is.
const CAPTIONS: [&str; 6] = ["caption", "tagline", "slogan", "headline", "subtitle", "text"];
const WHERE: [&str; 16] = [
    "underneath",
    "below",
    "beneath",
    "above",
    "at the bottom",
    "at the top",
    "across the top",
    "across the bottom",
    "on top",
    "on the front",
    "on the back",
    "on the chest",
    "on the side",
    "in the corner",
    "in the middle",
    "in the center",
];

/// How text looks, which is not quoted.
const LOOKS: [&str; 30] = [
    "bold",
    "white",
    "black",
    "red",
    "gold",
    "yellow",
    "blue",
    "large",
    "small",
    "big",
    "clean",
    "minimal",
    "none",
    "no",
    "serif",
    "sans",
    "handwritten",
    "elegant",
    "modern",
    "simple",
    "thin",
    "readable",
    "legible",
    "blank",
    "empty",
    "short",
    "placeholder",
    "only",
    "white-on-black",
    "neon",
];

pub(super) fn find(subject: &Subject<'_>, carriers: &[Match], found: &mut Vec<Words>) {
    for segment in &subject.text.segments {
        found.extend(placed(subject, segment).map(Words::known));
    }
    let boards = subject.matches.of(Group::Board);
    for thing in carriers.iter().chain(&boards) {
        found.extend(behind(subject, thing).map(Words::known));
    }
    numbers(subject, found);
    captions(subject, found);
}

/// Whether a phrase is shouted and no name of a thing or two: two words at least, a long one among them.
fn is_phrase(text: &str, words: usize) -> bool {
    let is_long = |word: &str| word.bytes().filter(u8::is_ascii_uppercase).count() >= LONG_WORD;
    words > 1 && is_shouted(text) && text.split(' ').any(is_long)
}

/// A phrase that begins with what is shouted and says where in the picture it goes.
fn placed(subject: &Subject<'_>, segment: &Range<usize>) -> Option<Range<usize>> {
    let (folded, prompt) = (&subject.text.folded, subject.text.prompt);
    let (span, words) = titled(subject, segment.start)?;
    let behind = folded[span.end..].strip_prefix(' ')?;
    let is_placed = PLACES.iter().any(|place| follows(behind, place));
    (is_placed && is_phrase(&prompt[span.clone()], words)).then_some(span)
}

/// A shouted phrase at once behind what carries text.
fn behind(subject: &Subject<'_>, thing: &Match) -> Option<Range<usize>> {
    let (folded, prompt) = (&subject.text.folded, subject.text.prompt);
    let start = thing.end + 1;
    let is_next = folded[thing.end..].starts_with(' ')
        && prompt[start..].starts_with(|c: char| c.is_ascii_uppercase());
    if !is_next || is_shouted(&prompt[thing.span()]) {
        return None;
    }
    let (span, words) = titled(subject, start)?;
    is_phrase(&prompt[span.clone()], words).then_some(span)
}

/// Numbers that are put on something.
fn numbers(subject: &Subject<'_>, found: &mut Vec<Words>) {
    let folded = &subject.text.folded;
    for deed in NUMBERED {
        for (at, deed) in folded.match_indices(deed) {
            let behind = &folded[at + deed.len()..];
            let is_on = [" on ", " across ", " onto "].iter().any(|on| behind.starts_with(on));
            let Some(before) = folded[..at].strip_suffix(' ').filter(|_| is_on) else { continue };
            let digits = before.bytes().rev().take_while(u8::is_ascii_digit).count();
            let start = before.len() - digits;
            let lead = before[..start].trim_end();
            let is_free = lead.len() < start || start == 0;
            let is_other = OTHER_NUMBERS.iter().any(|word| precedes(lead, word));
            if digits > 0 && is_free && !is_other {
                found.push(Words::known(start..before.len()));
            }
        }
    }
    for deed in WITH_NUMBER {
        for (at, deed) in folded.match_indices(deed) {
            let start = at + deed.len();
            let digits = folded[start..].bytes().take_while(u8::is_ascii_digit).count();
            let rest = &folded[start + digits..];
            let ends = rest.is_empty() || rest.starts_with(is_separator);
            if digits > 0 && ends && subject.text.begins_whole(at) {
                found.push(Words::known(start..start + digits));
            }
        }
    }
}

/// Captions in small letters: text on the chest: coffee first.
fn captions(subject: &Subject<'_>, found: &mut Vec<Words>) {
    let folded = &subject.text.folded;
    let stops = &subject.rules.tables.unquoted.stops;
    for caption in CAPTIONS {
        for (at, caption) in folded.match_indices(caption) {
            if !subject.text.begins_whole(at) {
                continue;
            }
            let behind = &folded[at + caption.len()..];
            let Some(behind) = behind.strip_prefix(' ') else { continue };
            let place = WHERE.iter().filter(|place| follows(behind, place));
            let Some(place) = place.max_by_key(|place| place.len()) else { continue };
            let rest = &behind[place.len()..];
            let text = rest.strip_prefix(": ").or_else(|| {
                // Without a colon only what people say to each other is text.
                let text = rest.strip_prefix(' ').filter(|_| caption != "text")?;
                SPOKEN.iter().any(|word| follows(text, word)).then_some(text)
            });
            let Some(text) = text else { continue };
            let ends = |c: char| is_separator(c) || matches!(c, BLANK | '"' | '(' | ':');
            let phrase = text[..text.find(ends).unwrap_or(text.len())].trim_end();
            let start = folded.len() - text.len();
            let count = words_from(folded, start).len();
            let is_look = LOOKS.iter().any(|look| follows(phrase, look))
                || stops.iter().any(|stop| follows(phrase, stop));
            let is_text = phrase.starts_with(is_latin)
                && !is_look
                && (1..=MOST_WORDS).contains(&count)
                && phrase.split(' ').count() <= MOST_WORDS;
            if is_text {
                found.push(Words::known(start..start + phrase.len()));
            }
        }
    }
}

/// With what only somebody speaks.
const SPOKEN: [&str; 26] = [
    "let's", "i'm", "i", "you", "you're", "we", "we're", "don't", "never", "always", "keep",
    "stay", "be", "live", "eat", "dream", "love", "just", "good", "happy", "thank", "thanks",
    "hello", "welcome", "what", "why",
];
