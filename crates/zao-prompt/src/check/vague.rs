//! `abstract`: words that nothing can be drawn from, with what could be written instead. Some always are; others are only where they stand
//! as what is to be drawn. What carries one (a smile of joy, 孤独的老人) is not judged.

use super::edit::{About, Hit};
use super::{Subject, word};
use crate::Code;
use crate::rules::{Group, Match, Suffixes, Words};

/// How many words without a weight of their own are passed on the way to what leads to an abstract word.
const STEPS: usize = 4;

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
            && (!entry.alone || stands_alone(subject, table, &found))
        {
            last = Some(found.start);
            hits.push(Hit::advice(Code::Abstract, found.span(), About::Entry(found.item)));
        }
    }
}

/// Whether a word is what its phrase is about: nothing but words such as `the feeling of` in front, nothing that it describes behind.
fn stands_alone(subject: &Subject<'_>, table: &Words, found: &Match) -> bool {
    let text = &subject.text;
    let at = text.segments.partition_point(|segment| segment.end < found.end);
    let Some(segment) = text.segments.get(at).filter(|it| it.start <= found.start) else {
        return false;
    };
    let mut from = segment.start.max(found.start.saturating_sub(REACH));
    while !text.folded.is_char_boundary(from) {
        from += 1;
    }
    let (before, after) = (&text.folded[from..found.start], &text.folded[found.end..segment.end]);
    // Joy and Hope are people, unless a phrase begins so.
    let is_name = text.prompt[found.start..].starts_with(|c: char| c.is_ascii_uppercase());
    if is_name && !before.is_empty() {
        return false;
    }
    let set = |name: &str| table.sets.get(name).map(Vec::as_slice).unwrap_or_default();
    let behind = after.trim_start();
    let sets = &subject.rules.vague;
    let is_bare = if sets.heads.begin_whole(behind) {
        // A nostalgic feel, 温馨的氛围: that says itself that nothing is seen.
        true
    } else if behind.is_empty() || sets.trail.begin_whole(behind) {
        is_led_to(before, &sets.lead, &sets.weak)
    } else {
        // 充满希望的清晨: who is led to it so does not see it either.
        sets.beyond.begin_whole(behind) && sets.lead.end_whole(before.trim_end()).is_some()
    };
    is_bare && !set("carriers").iter().any(|carrier| before.contains(carrier.as_str()))
}

/// Whether a phrase up to an abstract word is empty, or leads to it.
fn is_led_to(before: &str, lead: &Suffixes, weak: &Suffixes) -> bool {
    let mut before = before.trim_end();
    for _ in 0..STEPS {
        if before.is_empty() || lead.end_whole(before).is_some() {
            return true;
        }
        match weak.end_whole(before) {
            Some(word) => before = before[..before.len() - word.len()].trim_end(),
            None => return false,
        }
    }
    before.is_empty()
}
