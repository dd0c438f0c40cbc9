//! `repetition` of what a clause has said in other words: a colour (a red truck, red color), an hour (夜晚的书桌，…，夜晚), a place, a thing where
//! it is. It does NOT compare phrases word for word; that is `distance`'s.

use std::ops::Range;

use super::Subject;
use super::characters::is_han;
use super::distance::{HAN_PLACES, LONGEST_PROMPT, content, is_placed};
use super::repetition::Again;
use super::text::BLANK;
use super::word::follows;

/// Colours that are said once more as `red color`.
const COLOURS: [&str; 18] = [
    "red",
    "blue",
    "green",
    "yellow",
    "black",
    "white",
    "pink",
    "purple",
    "orange",
    "gray",
    "grey",
    "brown",
    "gold",
    "golden",
    "silver",
    "teal",
    "turquoise",
    "beige",
];

/// Hours, seasons and weathers that a whole picture has.
const TIMES: [&str; 22] = [
    "夜晚", "夜里", "深夜", "雨夜", "雪夜", "清晨", "早晨", "清早", "凌晨", "黄昏", "傍晚", "午后",
    "正午", "秋天", "冬天", "春天", "夏天", "秋日", "冬日", "雨天", "雪天", "日落",
];

/// What a place ends with.
const WITHIN: [char; 7] = ['里', '上', '中', '下', '旁', '边', '内'];

/// The fewest and the most characters of such a place.
const PLACE: Range<usize> = 3..7;

/// What leads from a thing to where it is.
const PREPOSITIONS: [&str; 8] = ["in", "on", "at", "under", "over", "above", "across", "along"];

/// The most words of a thing with its place, and of what says both again.
const THERE: usize = 6;
const THERE_AGAIN: usize = 9;

/// Words of a clause behind `and` before its verb.
const SUBJECT: usize = 4;

/// How far in front of such a clause the same one may stand, in bytes.
const BEFORE: usize = 160;

pub(super) fn find(subject: &Subject<'_>) -> Vec<Again> {
    let mut found = Vec::new();
    if subject.text.prompt.len() > LONGEST_PROMPT {
        return found;
    }
    colours(subject, &mut found);
    hours(subject, &mut found);
    places(subject, &mut found);
    clauses(subject, &mut found);
    things(subject, &mut found);
    found
}

/// So many clauses are looked at; nobody writes more by hand.
const MOST: usize = 200;

fn first_segments<'s>(subject: &'s Subject<'_>) -> &'s [Range<usize>] {
    let segments = &subject.text.segments;
    &segments[..segments.len().min(MOST)]
}

/// A clause without its article, and where it stands.
fn bare<'t>(folded: &'t str, segment: &Range<usize>) -> (usize, &'t str) {
    let phrase = &folded[segment.clone()];
    let rest = ["a ", "an ", "the "].iter().find_map(|article| phrase.strip_prefix(article));
    let rest = rest.unwrap_or(phrase);
    (segment.end - rest.len(), rest)
}

/// A colour that a clause is about, of a thing that one before began with: a red truck, …, red color.
fn colours(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let (folded, segments) = (&subject.text.folded, first_segments(subject));
    for (at, segment) in segments.iter().enumerate() {
        let phrase = &folded[segment.clone()];
        let colour = [" color", " colour"].iter().find_map(|tail| phrase.strip_suffix(tail));
        let Some(colour) = colour.filter(|it| COLOURS.contains(it)) else { continue };
        let before = segments[..at].iter().map(|before| bare(folded, before));
        let said = before.into_iter().find(|(_, clause)| {
            clause.len() > colour.len() && follows(clause, colour) && *clause != phrase
        });
        if let Some((start, _)) = said {
            found.push((segment.clone(), start..start + colour.len()));
        }
    }
}

/// An hour by itself that another clause begins with: 夜晚的书桌，…，夜晚.
fn hours(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let (folded, segments) = (&subject.text.folded, first_segments(subject));
    for segment in segments {
        let hour = &folded[segment.clone()];
        if !TIMES.contains(&hour) {
            continue;
        }
        let is_of = |other: &&Range<usize>| {
            let rest = folded[(*other).clone()].strip_prefix(hour);
            rest.is_some_and(|rest| rest.starts_with('的'))
        };
        if let Some(other) = segments.iter().find(is_of) {
            found.push((segment.clone(), other.start..other.start + hour.len()));
        }
    }
}

/// A place that what is there was named by, and what is there again: 森林里的小木屋，森林里有两只鹿.
fn places(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let (folded, segments) = (&subject.text.folded, first_segments(subject));
    for pair in segments.windows(2) {
        let Some(of) = folded[pair[0].clone()].find('的') else { continue };
        let place = &folded[pair[0].start..pair[0].start + of];
        let is_place = place.ends_with(WITHIN)
            && place.chars().all(is_han)
            && PLACE.contains(&place.chars().count())
            && !HAN_PLACES.iter().any(|it| place.contains(it));
        let again = folded[pair[1].clone()].strip_prefix(place);
        if is_place && again.is_some_and(|rest| rest.starts_with(['有', '还'])) {
            let start = pair[1].start;
            found.push((start..start + place.len(), pair[0].start..pair[0].start + place.len()));
        }
    }
}

/// A sentence that begins anew with what the one before was about: the forest is dark and the forest is full of mushrooms.
fn clauses(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let folded = &subject.text.folded;
    for (at, and) in folded.match_indices(" and the ") {
        let start = at + " and ".len();
        let mut end = start + "the".len();
        let mut words = folded[end..].split(' ').skip(1).take(SUBJECT);
        let is_led_on = words.any(|word| {
            end += 1 + word.len();
            matches!(word, "is" | "are" | "has" | "have")
        });
        let near = (at.saturating_sub(BEFORE)..=at).find(|near| folded.is_char_boundary(*near));
        let Some(near) = near.filter(|_| is_led_on && end > start + and.len()) else { continue };
        let clause = &folded[start..end];
        if clause.contains(BLANK) || !clause.is_ascii() || is_placed(clause) {
            continue;
        }
        // In the sentence that it goes on with.
        let from = folded[near..at].rfind(['.', '\n', '!', '?']).map_or(near, |dot| near + dot);
        if let Some(before) = folded[from..at].find(clause).map(|found| from + found) {
            let is_whole = subject.text.begins_whole(before);
            if is_whole && folded[before + clause.len()..].starts_with(' ') {
                found.push((start..end, before..before + clause.len()));
            }
        }
    }
}

/// A thing where it is, and the same thing there doing something: dust in the air, dust particles floating in the air.
fn things(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let (folded, segments) = (&subject.text.folded, first_segments(subject));
    for pair in segments.windows(2) {
        let ((start, first), (_, second)) = (bare(folded, &pair[0]), bare(folded, &pair[1]));
        let is_plain =
            |clause: &str| clause.is_ascii() && !clause.contains(BLANK) && !is_placed(clause);
        let Some((thing, place)) = first.split_once(' ') else { continue };
        let count = first.split(' ').count();
        let is_there = PREPOSITIONS.iter().any(|it| follows(place, it)) && content(first) == 2;
        let rest = second.strip_prefix(thing).and_then(|rest| rest.strip_suffix(place));
        let says_again = rest.is_some_and(|rest| rest.starts_with(' ') && rest.ends_with(' '));
        if is_there
            && says_again
            && count <= THERE
            && second.split(' ').count() <= THERE_AGAIN
            && is_plain(first)
            && is_plain(second)
        {
            found.push((pair[1].clone(), start..start + first.len()));
        }
    }
}
