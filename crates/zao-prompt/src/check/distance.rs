//! `repetition` at a distance: a phrase between two commas that another clause says too, and a longer phrase word for word in two
//! clauses. Two things that look alike (a man in a black coat, a woman in a black coat) are not judged, nor are single words.

use std::collections::HashMap;
use std::ops::Range;

use super::Subject;
use super::characters::{is_han, is_latin};
use super::repetition::Again;
use super::text::BLANK;

/// The longest prompt, in bytes, that is looked at so; nobody writes longer ones by hand.
const LONGEST_PROMPT: usize = 16 << 10;

/// From so many characters on a Chinese phrase is no chance.
const HAN_TAG: usize = 3;
const HAN_PHRASE: usize = 7;

/// The same for English, in words, and how many of them have to say something.
const PHRASE: usize = 4;
const PHRASE_CONTENT: usize = 3;
const TAG_CONTENT: usize = 2;

/// Words that say nothing by themselves.
const EMPTY: [&str; 56] = [
    "a", "an", "the", "of", "in", "on", "at", "by", "to", "with", "without", "and", "or", "for",
    "from", "as", "is", "are", "was", "be", "has", "have", "its", "his", "her", "their", "it",
    "he", "she", "they", "this", "that", "these", "those", "which", "who", "into", "over", "under",
    "behind", "between", "near", "out", "up", "down", "one", "two", "three", "no", "not", "very",
    "there", "while", "next", "front", "each",
];

/// Words of a place in the picture, or of one of several: what they stand with is another thing each time.
const PLACES: [&str; 22] = [
    "left",
    "right",
    "upper",
    "lower",
    "corner",
    "side",
    "middle",
    "top",
    "bottom",
    "background",
    "foreground",
    "another",
    "other",
    "second",
    "first",
    "third",
    "same",
    "different",
    "half",
    "one",
    "both",
    "each",
];
const HAN_PLACES: [&str; 22] = [
    "左", "右", "上方", "下方", "中间", "另", "第", "其中", "一", "两", "三", "四", "每", "同",
    "各", "有的", "前景", "背景", "画面", "中央", "角落", "边缘",
];

/// What follows a phrase that is complete.
const ENDS: [&str; 17] = [
    "in", "on", "at", "with", "and", "of", "under", "behind", "near", "by", "over", "beside", "is",
    "are", "from", "through", "against",
];

pub(super) fn find(subject: &Subject<'_>) -> Vec<Again> {
    let mut found = Vec::new();
    if subject.text.prompt.len() <= LONGEST_PROMPT {
        tags(subject, &mut found);
        phrases(subject, &mut found);
    }
    found
}

/// Phrases between commas that another clause has as a part of it.
fn tags(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let text = &subject.text;
    for segment in &text.segments {
        let tag = bare(&text.folded, segment);
        let phrase = &text.folded[tag.clone()];
        let is_tag = if phrase.chars().all(is_han) {
            phrase.chars().count() >= HAN_TAG
                && !HAN_PLACES.iter().any(|place| phrase.contains(place))
        } else {
            phrase.is_ascii() && content(phrase) >= TAG_CONTENT && !is_placed(phrase)
        };
        if !is_tag || phrase.contains(BLANK) {
            continue;
        }
        let side = text.side_of(segment.start).range.clone();
        let other = text.folded[side.clone()]
            .match_indices(phrase)
            .map(|(at, _)| side.start + at..side.start + at + phrase.len())
            .find(|it| {
                (it.end <= segment.start || it.start >= segment.end) && is_part(subject, it)
            });
        if let Some(other) = other {
            found.push((segment.clone(), other));
        }
    }
}

/// A segment without an article, `and` and `with`.
fn bare(folded: &str, segment: &Range<usize>) -> Range<usize> {
    let mut phrase = &folded[segment.clone()];
    for lead in ["and ", "with ", "a ", "an ", "the "] {
        phrase = phrase.strip_prefix(lead).unwrap_or(phrase).trim_start();
    }
    segment.end - phrase.len()..segment.end
}

/// Whether a place is a whole phrase within a longer one, which says nothing of a place or of another thing.
fn is_part(subject: &Subject<'_>, place: &Range<usize>) -> bool {
    let text = &subject.text;
    let at = text.segments.partition_point(|segment| segment.end < place.end);
    let Some(segment) = text.segments.get(at) else { return false };
    // Two clauses that are the same are seen elsewhere.
    if segment.start > place.start || bare(&text.folded, segment) == *place {
        return false;
    }
    let (before, after) =
        (&text.folded[segment.start..place.start], &text.folded[place.end..segment.end]);
    let rest = format!("{before} {after}");
    if text.folded[place.clone()].starts_with(is_han) {
        let ends = after.is_empty()
            || after.starts_with('的')
            || subject.rules.followers.begin(after);
        return ends && !["左", "右", "另", "其中"].iter().any(|it| rest.contains(it));
    }
    let next = after.split_whitespace().next();
    let ends = after.trim().is_empty()
        || (after.starts_with(' ') && next.is_some_and(|next| ENDS.contains(&next)));
    let begins = !before.ends_with(|c| is_latin(c) || c == '-' || c == '\'');
    ends && begins && !is_placed(&rest)
}

/// Longer phrases that come again word for word in another clause.
fn phrases(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let text = &subject.text;
    let mut seen: HashMap<&str, (usize, usize)> = HashMap::new();
    let mut last_end = 0;
    for (number, segment) in text.segments.iter().enumerate() {
        let phrase = &text.folded[segment.clone()];
        let is_chinese = phrase.chars().filter(|c| is_han(*c)).count() * 3 > phrase.len() / 2;
        let starts = if is_chinese { han_starts(phrase) } else { word_starts(phrase) };
        let length = if is_chinese { HAN_PHRASE } else { PHRASE };
        for window in starts.windows(length + 1) {
            let (start, end) = (segment.start + window[0], segment.start + window[length]);
            let piece = text.folded[start..end].trim_end();
            let says = if is_chinese {
                piece.chars().all(is_han) && !HAN_PLACES.iter().any(|it| piece.contains(it))
            } else {
                piece.is_ascii() && content(piece) >= PHRASE_CONTENT && !is_placed(phrase)
            };
            if !says || start < last_end {
                continue;
            }
            let end = start + piece.len();
            match seen.get(piece) {
                Some(&(earlier, at)) if earlier != number => {
                    let (again, before) = extended(&text.folded, start..end, at, segment.end);
                    last_end = again.end;
                    found.push((again, before));
                }
                Some(_) => {}
                None => {
                    seen.insert(piece, (number, start));
                }
            }
        }
    }
}

/// A repeated piece as far as it goes on alike, in whole words.
fn extended(folded: &str, again: Range<usize>, earlier: usize, limit: usize) -> Again {
    let length = again.len();
    let (now, then) = (&folded[again.end..limit], &folded[earlier + length..again.start]);
    let mut same = 0;
    for ((at, a), b) in now.char_indices().zip(then.chars()) {
        if a != b {
            break;
        }
        same = at + a.len_utf8();
    }
    let whole =
        |same: usize| !now[..same].ends_with(is_latin) || !now[same..].starts_with(is_latin);
    while same > 0 && !(now.is_char_boundary(same) && whole(same)) {
        same -= 1;
    }
    let same = now[..same].trim_end().len();
    (again.start..again.end + same, earlier..earlier + length + same)
}

/// Where words begin, and the end.
fn word_starts(phrase: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut inside = false;
    for (at, c) in phrase.char_indices() {
        if !inside && !c.is_whitespace() {
            starts.push(at);
        }
        inside = !c.is_whitespace();
    }
    starts.push(phrase.len());
    starts
}

fn han_starts(phrase: &str) -> Vec<usize> {
    phrase.char_indices().map(|(at, _)| at).chain([phrase.len()]).collect()
}

/// How many words of a phrase say something.
fn content(phrase: &str) -> usize {
    let words = phrase.split(|c: char| !c.is_ascii_alphabetic());
    words.filter(|word| word.len() > 2 && !EMPTY.contains(word)).count()
}

fn is_placed(phrase: &str) -> bool {
    phrase.split(|c: char| !c.is_ascii_alphabetic()).any(|word| PLACES.contains(&word))
}
