//! English text by what stands around it: a sign, Fresh Eggs, … in bold capitals, with Santa Maria painted on the hull. Text behind a verb of
//! saying is not looked for here.

use std::ops::Range;

use super::{LINKS, MOST_WORDS, Words, has_carrier, is_shouted, words_from};
use crate::check::Subject;
use crate::check::characters::is_separator;
use crate::check::text::BLANK;
use crate::check::word::follows;
use crate::rules::{Group, Match};

/// How far behind a board a colon may stand, in bytes.
const COLON: usize = 40;

/// How far in front of `letters` its `in` may stand, in bytes.
const ADJECTIVES: usize = 48;

/// What leads from a board to what is on it.
const LEADS: [&str; 24] = [
    "for",
    "called",
    "named",
    "showing",
    "that shows",
    "displaying",
    "that displays",
    "which shows",
    "shows",
    "displays",
    "bearing",
    "carrying",
    "of",
    "inscribed",
    "marked",
    "embroidered",
    "lettered",
    "stencilled",
    "stenciled",
    "addressed to",
    "flashing",
    "announcing",
    "printed",
    "titled",
];

/// Of these, the ones that pictures and people follow as well.
const WEAK_LEADS: [&str; 9] = [
    "for",
    "of",
    "showing",
    "that shows",
    "displaying",
    "that displays",
    "which shows",
    "shows",
    "displays",
];

/// Deeds behind text, which put nothing but text on a thing.
const DEEDS: [&str; 17] = [
    "painted",
    "printed",
    "stamped",
    "written",
    "embroidered",
    "engraved",
    "stencilled",
    "stenciled",
    "lettered",
    "carved",
    "emblazoned",
    "sprayed",
    "scrawled",
    "spelled",
    "spray-painted",
    "stitched",
    "inscribed",
];

/// Ways of which a name in capitals goes over a thing.
const OVER: [&str; 12] = [
    "across the",
    "along the",
    "around the",
    "across its",
    "around its",
    "along its",
    "across her",
    "across his",
    "on the back",
    "on the front",
    "on the chest",
    "across it",
];

pub(super) fn find(subject: &Subject<'_>, carriers: &[Match], found: &mut Vec<Words>) {
    for board in subject.matches.of(Group::Board) {
        found.extend(on_board(subject, &board).map(Words::known));
    }
    for letters in subject.matches.of(Group::Letters) {
        found.extend(in_letters(subject, &letters).map(Words::known));
    }
    let prompt = subject.text.prompt;
    for (at, with) in subject.text.folded.match_indices("with ") {
        let start = at + with.len();
        let here = Match { start: at, end: at, item: 0 };
        if subject.text.begins_whole(at) && has_carrier(subject, carriers, &here) {
            // A banner with happy birthday Noor: nobody draws a wish.
            found.extend(wish(&subject.text.folded, start).map(Words::known));
        }
        if prompt[start..].starts_with(|c: char| c.is_ascii_uppercase())
            && subject.text.begins_whole(at)
        {
            found.extend(put_on(subject, carriers, at, start).map(Words::known));
        }
    }
}

/// Words that begin with capitals or digits from `start` on, small ones between them included, and how many there are.
pub(super) fn titled(subject: &Subject<'_>, start: usize) -> Option<(Range<usize>, usize)> {
    let (folded, prompt) = (&subject.text.folded, subject.text.prompt);
    let mut end = start;
    let mut big = 0;
    let mut linked = 0;
    for word in words_from(folded, start) {
        let written = &prompt[word.clone()];
        if written.starts_with(|c: char| {
            c.is_uppercase() || c.is_ascii_digit() || matches!(c, '$' | '#' | '@' | '€' | '£')
        }) {
            (end, big, linked) = (word.end, big + 1, 0);
        } else if big > 0 && linked < 2 && LINKS.contains(&written) {
            linked += 1;
        } else {
            break;
        }
    }
    let rest = &folded[end..];
    // 07:45, which is one word.
    let minutes = rest
        .strip_prefix(':')
        .map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let shout = rest.bytes().take_while(|byte| matches!(byte, b'!' | b'?')).count();
    let more = if minutes > 0 { minutes + 1 } else { shout };
    (big > 0 && big <= MOST_WORDS).then_some((start..end + more, big))
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether a phrase ends at `end`.
fn is_at_end(folded: &str, end: usize) -> bool {
    let rest = folded[end..].trim_start_matches(' ');
    rest.is_empty() || rest.starts_with(is_separator)
}

/// Text that a board has behind it: a colon, a comma, or a word that leads to it.
fn on_board(subject: &Subject<'_>, board: &Match) -> Option<Range<usize>> {
    let (folded, prompt) = (&subject.text.folded, subject.text.prompt);
    let rest = &folded[board.end..];
    let is_strong = |span: &Range<usize>, big: usize| {
        big > 1 || is_shouted(&prompt[span.clone()]) || has_digit(&prompt[span.clone()])
    };
    if let Some(behind) = rest.strip_prefix(", ") {
        let (span, big) = titled(subject, folded.len() - behind.len())?;
        return (big > 1 && is_at_end(folded, span.end)).then_some(span);
    }
    let colon = rest.find(|c| is_separator(c) || matches!(c, ':' | BLANK));
    if let Some(at) = colon.filter(|at| *at <= COLON && rest[*at..].starts_with(": ")) {
        let (span, big) = titled(subject, board.end + at + 2)?;
        // A sentence begins with a capital, too: a sign: The shop is closed.
        let is_text = is_strong(&span, big) && is_at_end(folded, span.end);
        return is_text.then_some(span);
    }
    let behind = rest.strip_prefix(' ')?;
    let lead = LEADS.iter().filter(|lead| follows(behind, lead)).max_by_key(|lead| lead.len())?;
    let start = board.end + 1 + lead.len() + 1;
    if !folded.is_char_boundary(start) || start >= folded.len() {
        return None;
    }
    let (span, big) = titled(subject, start)?;
    // A small word behind it goes on with something else: engraved with Celtic knots.
    let goes_on = !is_at_end(folded, span.end)
        && !subject
            .rules
            .tables
            .unquoted
            .stops
            .iter()
            .any(|stop| follows(folded[span.end..].trim_start_matches(' '), stop));
    let is_text = match WEAK_LEADS.contains(lead) {
        true => is_strong(&span, big) && !goes_on,
        false => !goes_on || big > 1 || is_shouted(&prompt[span.clone()]),
    };
    is_text.then_some(span)
}

/// Text in front of `in bold letters`, or behind it.
fn in_letters(subject: &Subject<'_>, letters: &Match) -> Option<Range<usize>> {
    let (folded, prompt) = (&subject.text.folded, subject.text.prompt);
    let near = (letters.start.saturating_sub(ADJECTIVES)..=letters.start)
        .find(|at| folded.is_char_boundary(*at))?;
    let is_word = |at: &usize| subject.text.begins_whole(near + at);
    let mut leads = folded[near..letters.start].rmatch_indices("in ").map(|(at, _)| at);
    let lead = leads.find(is_word)?;
    let between = &folded[near + lead..letters.start];
    if between.contains(is_separator) {
        return None;
    }
    let before = folded[..near + lead].trim_end_matches(' ');
    if let Some(span) = ends_big(subject, before.len()) {
        return Some(span);
    }
    let rest = &folded[letters.end..];
    let behind = rest.trim_start_matches([',', ':', ' ']);
    let start = folded.len() - behind.len();
    if let Some(span) = wish(folded, start) {
        return Some(span);
    }
    let is_parted = rest.len() - behind.len() > 1;
    let (span, big) = titled(subject, start)?;
    let ends = is_at_end(folded, span.end);
    let is_shout = is_shouted(&prompt[span.clone()]) && (is_parted || ends);
    (is_shout || (big > 1 && ends)).then_some(span)
}

/// With what people wish each other something, which nobody draws.
const WISHES: [&str; 27] = [
    "happy birthday",
    "happy anniversary",
    "happy new year",
    "happy holidays",
    "happy halloween",
    "happy easter",
    "happy mother's day",
    "happy father's day",
    "merry christmas",
    "congratulations",
    "congrats",
    "thank you",
    "get well soon",
    "good luck",
    "welcome home",
    "grand opening",
    "happy retirement",
    "happy graduation",
    "happy thanksgiving",
    "happy valentine's day",
    "be my valentine",
    "season's greetings",
    "just married",
    "bon voyage",
    "best wishes",
    "yard sale",
    "now hiring",
];

/// A wish from `start` on with the name of whom it is for, up to where it stands: happy birthday Tom at the top.
fn wish(folded: &str, start: usize) -> Option<Range<usize>> {
    let rest = &folded[start..];
    WISHES.iter().find(|wish| follows(rest, wish))?;
    let ends = |c: char| is_separator(c) || matches!(c, BLANK | '"' | '(');
    let phrase = &rest[..rest.find(ends).unwrap_or(rest.len())];
    let places = [" at the ", " on the ", " across ", " in the ", " along ", " above ", " below "];
    let end = places.iter().filter_map(|place| phrase.find(place)).min();
    let text = phrase[..end.unwrap_or(phrase.len())].trim_end();
    (text.split(' ').count() <= MOST_WORDS).then_some(start..start + text.len())
}

/// Big words that end at `end` behind a small one: with Vogue.
fn ends_big(subject: &Subject<'_>, end: usize) -> Option<Range<usize>> {
    let prompt = subject.text.prompt;
    let from = subject.text.segments.iter().rev().find(|it| it.start < end)?.start;
    let phrase = prompt.get(from..end)?;
    let mut start = phrase.len();
    let mut big = 0;
    let mut words = phrase.rsplit(' ').peekable();
    while let Some(word) = words.next() {
        let begins_big =
            |word: &str| word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit());
        let is_big = begins_big(word);
        // Nora and Elias, of which a name is on either side.
        let joins =
            matches!(word, "and" | "&") && words.peek().is_some_and(|next| begins_big(next));
        let is_link = joins || LINKS.contains(&word) && !matches!(word, "a" | "and" | "in" | "on");
        if !(is_big || (big > 0 && is_link)) {
            break;
        }
        big += usize::from(is_big);
        start = start.saturating_sub(word.len() + usize::from(start < phrase.len()));
    }
    let text = phrase[start..].trim_start();
    let span = end - text.len()..end;
    // A phrase begins with a capital itself: Storefront in bold letters.
    let is_text = big > 1 || (big == 1 && (start > 0 || is_shouted(text)));
    let is_free = !subject.text.folded[span.clone()].contains(BLANK);
    (is_text && is_free && big <= MOST_WORDS && !text.is_empty()).then_some(span)
}

/// What something has on it: with Santa Maria painted on the hull, with NASA across the chest.
fn put_on(
    subject: &Subject<'_>,
    carriers: &[Match],
    with: usize,
    start: usize,
) -> Option<Range<usize>> {
    let folded = &subject.text.folded;
    let (span, big) = titled(subject, start)?;
    let behind = folded[span.end..].trim_start_matches(' ');
    let shouts = is_shouted(&subject.text.prompt[span.clone()]);
    let is_text = DEEDS.iter().any(|deed| follows(behind, deed))
        || (OVER.iter().any(|over| follows(behind, over)) && (shouts || big > 1))
        || (behind.starts_with("on ") && big > 2 && {
            let here = Match { start: with, end: with, item: 0 };
            has_carrier(subject, carriers, &here)
        });
    is_text.then_some(span)
}
