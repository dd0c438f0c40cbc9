//! `abstract`: words that nothing can be drawn from, with what could be written instead. Some always are; others are only where they stand
//! as what is to be drawn. What carries one (a smile of joy, 孤独的老人) is not judged.

mod kinds;

use std::ops::Range;

use super::edit::{About, Hit};
use super::text::BLANK;
use super::{Subject, word};
use crate::Code;
use crate::rules::{Around, Group, Match, Words};

/// How many words without a weight of their own are passed on the way to what leads to an abstract word.
const STEPS: usize = 6;

/// How far in front of an abstract word, in bytes, what carries it or leads to it is looked for: a clause may have no end.
const REACH: usize = 240;

pub(super) fn find(subject: &Subject<'_>, hits: &mut Vec<Hit>) {
    let table = &subject.rules.tables.vague;
    let folded = &subject.text.folded;
    let words = subject.matches.readings(Group::Vague, Group::VagueKeep);
    let mut last = None;
    for (at, found) in words.iter().copied().enumerate() {
        let entry = &table.entry[found.item];
        // The feeling of freedom is one fault, and freedom is what it is about.
        if last == Some(found.start) {
            continue;
        }
        let leads = folded[found.span()].ends_with(" of")
            && words[at..].iter().any(|next| next.start == found.end + 1);
        if leads {
            continue;
        }
        if word::applies(entry, &table.sets, folded, &found)
            && (!entry.alone || stands_alone(subject, table, &words, &found))
        {
            last = Some(found.start);
            hits.push(Hit::advice(Code::Abstract, found.span(), About::Entry(found.item)));
        }
    }
    kinds::find(subject, table, hits);
}

/// What a phrase may be wrapped in: (magical:1.2), - cosy.
const WRAPS: [char; 10] = ['(', '[', '（', '【', '*', '#', '-', '•', ' ', BLANK];

/// What leads to how something is to be: mood: serene.
const LABELS: [&str; 18] = [
    "mood",
    "vibe",
    "vibes",
    "feel",
    "feeling",
    "atmosphere",
    "tone",
    "emotion",
    "emotions",
    "theme",
    "aesthetic",
    "keywords",
    "氛围",
    "气氛",
    "情绪",
    "基调",
    "感觉",
    "气质",
];

/// Whether a word is what its phrase is about: nothing but words such as `the feeling of` in front, nothing that it describes behind.
fn stands_alone(subject: &Subject<'_>, table: &Words, words: &[Match], found: &Match) -> bool {
    let text = &subject.text;
    let at = text.segments.partition_point(|segment| segment.end < found.end);
    let Some(segment) = text.segments.get(at).filter(|it| it.start <= found.start) else {
        return false;
    };
    let mut from = segment.start.max(found.start.saturating_sub(REACH));
    while !text.folded.is_char_boundary(from) {
        from += 1;
    }
    let (from, to) = value_around(subject, found, from..segment.end);
    let (before, after) = (&text.folded[from..found.start], &text.folded[found.end..to]);
    let before = before.trim_start_matches(WRAPS);
    let label = before.trim_end().trim_end_matches([':', '：']);
    let is_labelled = label.len() < before.trim_end().len()
        && LABELS.iter().any(|name| word::precedes(label, name));
    // Joy and Hope are people, unless a phrase begins so.
    let is_name = text.prompt[found.start..].starts_with(|c: char| c.is_ascii_uppercase());
    if is_name && !before.is_empty() && !is_labelled {
        return false;
    }
    let set = |name: &str| table.sets.get(name).map(Vec::as_slice).unwrap_or_default();
    let behind = after.trim_start();
    let sets = &subject.rules.vague;
    let is_last = ends_phrase(behind);
    let is_bare = if sets.heads.begin_whole(behind) {
        // A nostalgic feel, 温馨的氛围: that says itself that nothing is seen.
        true
    } else if is_last || sets.trail.begin_whole(behind) {
        match led_to(subject, words, found.start - before.len(), before) {
            Led::On => true,
            Led::Nothing => {
                is_labelled
                    || (is_last || !is_half(sets, words, found, behind))
                        && !set("led").iter().any(|word| *word == text.folded[found.span()])
            }
            Led::Away => is_labelled,
        }
    } else {
        // 充满希望的清晨: who is led to it so does not see it either.
        sets.beyond.begin_whole(behind) && sets.lead.end_whole(before.trim_end()).is_some()
    };
    is_bare && !set("carriers").iter().any(|carrier| before.contains(carrier.as_str()))
}

/// What is longer, in bytes, is not read as JSON.
const LONGEST_JSON: usize = 1 << 15;

/// The range between what is protected around a word, where a prompt is JSON: one of its values.
fn value_around(subject: &Subject<'_>, found: &Match, within: Range<usize>) -> (usize, usize) {
    let folded = &subject.text.folded;
    if !subject.text.prompt.starts_with('{') || folded.len() > LONGEST_JSON {
        return (within.start, within.end);
    }
    let before = folded[within.start..found.start].rfind(BLANK);
    let behind = folded[found.end..within.end].find(BLANK);
    let start = before.map_or(within.start, |at| within.start + at + BLANK.len_utf8());
    (start, behind.map_or(within.end, |at| found.end + at))
}

/// Whether a phrase is over, but for a weight, brackets and flags: :1.2), --ar 4:5.
fn ends_phrase(behind: &str) -> bool {
    let is_weight = |c: char| c.is_ascii_digit() || matches!(c, '.' | ':' | ')' | ']' | '）');
    let rest = behind.trim_start_matches(is_weight).trim_start_matches(['*', '】', ' ', BLANK]);
    rest.is_empty() || rest.starts_with("--")
}

/// What joins two adjectives.
const JOINTS: [&str; 4] = ["and ", "& ", "but ", "yet "];

/// Whether a word is joined to another one that a thing follows, which both describe: lively and crowded market.
fn is_half(sets: &Around, words: &[Match], found: &Match, behind: &str) -> bool {
    let Some(rest) = JOINTS.iter().find_map(|joint| behind.strip_prefix(joint)) else {
        return false;
    };
    let next = found.end + 1 + behind.len() - rest.len();
    let rest = &rest[rest.find(' ').unwrap_or(rest.len())..];
    let rest = rest.trim_start();
    !ends_phrase(rest)
        && !sets.trail.begin_whole(rest)
        && words.binary_search_by_key(&next, |it| it.start).is_err()
}

/// What stands in front of an abstract word.
enum Led {
    /// Something that leads to it: make it look.
    On,
    /// Nothing with a weight of its own.
    Nothing,
    /// Something else.
    Away,
}

/// What a phrase that begins at `start` and ends at an abstract word does.
fn led_to(subject: &Subject<'_>, words: &[Match], start: usize, phrase: &str) -> Led {
    let sets = &subject.rules.vague;
    let entries = &subject.rules.tables.vague.entry;
    let mut before = phrase.trim_end();
    for _ in 0..STEPS {
        if before.is_empty() {
            return Led::Nothing;
        }
        if sets.lead.end_whole(before).is_some() {
            return Led::On;
        }
        let end = start + before.len();
        let at = words.partition_point(|it| it.start < end);
        let ends_here = |it: &&Match| it.end == end && it.start >= start;
        // Beautiful and magical: what is as empty is passed, and leads on where it always is.
        let passed = match words[..at].iter().rev().take(STEPS).find(ends_here) {
            Some(word) if !entries[word.item].alone => return Led::On,
            Some(word) => word.end - word.start,
            None => match sets.weak.end_whole(before) {
                Some(word) => word.len(),
                None => return Led::Away,
            },
        };
        before = before[..before.len() - passed].trim_end();
    }
    if before.is_empty() { Led::Nothing } else { Led::Away }
}
