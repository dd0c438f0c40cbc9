//! One thing that is said to be two ways: the door is shut, and the open door. It belongs to `contradiction`; words that need no thing
//! beside them are judged there.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Subject;
use super::beings::{is_nobody, is_one_clause};
use super::characters::{is_han, is_separator};
use super::contradiction::{is_elsewhere, is_of_each};
use super::denial::is_denied;
use super::edit::{About, Hit};
use super::same::is_beside;
use crate::Code;
use crate::rules::{Axis, Group, Match, Scope};

/// How far from its thing a word may stand, in bytes.
const REACH: usize = 40;

/// Words beside a thing that are looked at, and findings of a side.
const NEAR: usize = 12;
const MOST: usize = 16;

/// Words between an adjective and its thing with which it belongs to another.
const PARTING: [&str; 24] = [
    "and", "or", "with", "on", "in", "of", "a", "an", "the", "to", "from", "by", "at", "under",
    "over", "but", "not", "than", "as", "her", "his", "its", "like", "behind",
];
const PARTING_HAN: [char; 30] = [
    '和', '与', '或', '跟', '及', '配', '在', '上', '下', '里', '着', '戴', '穿', '拿', '是', '有',
    '一', '两', '三', '几', '另', '不', '没', '旁', '前', '后', '间', '边', '中', '把',
];

/// What leads from a thing to what it is.
const LINKS: [&str; 27] = [
    "is",
    "are",
    "was",
    "were",
    "is a",
    "is all",
    "are all",
    "painted",
    "is painted",
    "dyed",
    "is dyed",
    "is in",
    "in",
    "stands",
    "looks",
    "stays",
    "is completely",
    "is entirely",
    "are completely",
    "is now",
    "is fully",
    "are fully",
    "is still",
    "is pure",
    "hanging",
    "is wide",
    "left",
];
const LINKS_HAN: [&str; 22] = [
    "",
    "是",
    "为",
    "呈",
    "全是",
    "都是",
    "颜色是",
    "的颜色是",
    "颜色为",
    "漆成",
    "染成",
    "涂成",
    "很",
    "都",
    "全",
    "却",
    "完全",
    "全部",
    "已经",
    "正",
    "是纯",
    "统一",
];

/// What stands behind a thing without a word between: both eyes wide open.
const STATES: [&str; 9] = [
    "open",
    "wide open",
    "ajar",
    "closed",
    "shut",
    "closed tight",
    "tightly shut",
    "locked",
    "empty",
];

/// What says that a thing was spoken of before.
const DEFINITE: [&str; 9] = ["the", "her", "his", "its", "their", "this", "that", "my", "with"];
const DEFINITE_HAN: [&str; 8] = ["这", "那", "该", "他的", "她的", "它的", "其", "整"];
const INDEFINITE: [&str; 10] =
    ["some", "other", "another", "one", "a", "an", "two", "three", "several", "many"];

/// Bytes of a side that are looked at; who says what a thing is like says it again on the same page.
pub(super) const PAGE: usize = 1 << 14;

/// A word of an axis with the thing that it belongs to.
struct Said {
    span: Range<usize>,
    /// Whether the thing is one that was there before.
    is_same: bool,
}

pub(super) fn find(subject: &Subject<'_>, values: &[Match], is_one: bool) -> Vec<Hit> {
    // A thing may be of several families.
    let owners = subject.matches.readings(Group::Owner, Group::PairKeep);
    let table = &subject.rules.tables.contradiction;
    if owners.len() < 2 || table.axis.iter().all(|axis| axis.of.is_empty()) {
        return Vec::new();
    }
    let families: Vec<&str> = table
        .nouns
        .iter()
        .flat_map(|(family, nouns)| nouns.iter().map(|_| family.as_str()))
        .collect();
    let mut hits = Vec::new();
    for side in &subject.text.sides {
        // What each thing was said to be, by its number and the axis'.
        let mut said: BTreeMap<(usize, usize), Vec<(usize, Said)>> = BTreeMap::new();
        let found = hits.len();
        for (at, owner) in owners.iter().enumerate() {
            if owner.start < side.range.start {
                continue;
            }
            if owner.start >= side.range.end.min(side.range.start + PAGE)
                || hits.len() > found + MOST
            {
                break;
            }
            let family = families.get(owner.item).copied().unwrap_or_default();
            let next = owners[at..].iter().find(|next| next.start > owner.start);
            let is_half = next.is_some_and(|next| next.start <= owner.end + 1);
            for value in beside(subject, values, owner) {
                let (number, value_at) = (value.item / Axis::VALUES, value.item % Axis::VALUES);
                let axis = &table.axis[number];
                if !axis.of.iter().any(|of| of == family) || (is_half && value.end <= owner.start) {
                    continue;
                }
                let Some(now) = said_of(subject, owner, &value) else { continue };
                let before = said.entry((owner.item, number)).or_default();
                let clash = before.iter().find(|(other, then)| {
                    axis.parts(*other, value_at) && clashes(subject, axis, then, &now, is_one)
                });
                if let Some((_, then)) = clash {
                    let about = About::Both(then.span.clone(), now.span.clone());
                    let span = then.span.start.min(now.span.start)..now.span.end;
                    hits.push(Hit::advice(Code::Contradiction, span, about));
                    before.clear();
                    break;
                }
                if before.iter().all(|(other, _)| *other != value_at) {
                    before.push((value_at, now));
                }
            }
        }
    }
    hits
}

/// Whether two things of a name are one, and here.
fn clashes(subject: &Subject<'_>, axis: &Axis, then: &Said, now: &Said, is_one: bool) -> bool {
    if now.span.start < then.span.end {
        // 白色的黑猫: both in front of one thing.
        let is_first = |it: &Said| it.span.start == then.span.start.min(now.span.start);
        let (far, near) = if is_first(then) { (then, now) } else { (now, then) };
        let between = &subject.text.folded[far.span.start..near.span.start];
        return far.span.end == near.span.end
            && far.span.start < near.span.start
            && between.ends_with('的');
    }
    let place = |it: &Said| Match { start: it.span.start, end: it.span.end, item: 0 };
    let (first, second) = (place(then), place(now));
    let is_one_thing = match axis.scope {
        // A cardigan of nobody, and the cardigan: one thing, whatever else is counted.
        Scope::Thing => {
            is_one || is_one_clause(subject, &first, &second) || (now.is_same && is_nobody(subject))
        }
        _ => now.is_same,
    };
    // What stands in clauses between the two is about something else.
    let is_apart = [first, second].iter().any(|it| is_elsewhere(subject, it, it));
    is_one_thing
        && !is_apart
        && !is_beside(subject, &second)
        && !is_of_each(subject, &first, &second, false)
}

/// Words of axes that stand near a thing, in front of it and behind it.
fn beside(subject: &Subject<'_>, values: &[Match], owner: &Match) -> Vec<Match> {
    let at = values.partition_point(|it| it.start < owner.start);
    let before = values[..at].iter().rev().take(NEAR);
    let before = before.filter(|it| it.end <= owner.start && owner.start - it.end <= REACH);
    let behind = values[at..].iter().skip_while(|it| it.start < owner.end).take(NEAR);
    let behind = behind.filter(|it| it.start - owner.end <= REACH);
    let mut near: Vec<Match> = before.chain(behind).copied().collect();
    near.retain(|it| !is_denied(subject, it));
    near
}

/// The thing with a word that belongs to it, if it does.
fn said_of(subject: &Subject<'_>, owner: &Match, value: &Match) -> Option<Said> {
    let folded = &subject.text.folded;
    if value.end <= owner.start {
        let between = folded[value.end..owner.start].trim();
        if !is_attribute(between) {
            return None;
        }
        let before = folded[..value.start].trim_end();
        return Some(Said { span: value.start..owner.end, is_same: is_definite(before) });
    }
    let between = folded[owner.end..value.start].trim();
    let is_linked = LINKS.contains(&between)
        || (between.is_empty() && STATES.contains(&&folded[value.span()]))
        || (folded[value.span()].starts_with(is_han) && LINKS_HAN.contains(&between));
    let behind = &folded[value.end..];
    // 头发黑色的眼睛 says it of the eyes.
    let is_other = behind.strip_prefix('的').is_some_and(|rest| rest.starts_with(is_han));
    if !is_linked || is_other {
        return None;
    }
    let before = folded[..owner.start].trim_end();
    let word = before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let is_same = !INDEFINITE.contains(&word) && !counts(before);
    Some(Said { span: owner.start..value.end, is_same })
}

/// Whether what stands between an adjective and a thing leaves it its own.
fn is_attribute(between: &str) -> bool {
    if between.contains(is_separator) {
        return false;
    }
    if between.contains(is_han) {
        return between.chars().count() <= 5 && !between.contains(PARTING_HAN);
    }
    let mut words = between.split_whitespace();
    words.clone().count() <= 2 && words.all(|word| !PARTING.contains(&word))
}

/// Whether a thing whose phrase begins behind `before` was spoken of already.
fn is_definite(before: &str) -> bool {
    let word = before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    DEFINITE.contains(&word) || DEFINITE_HAN.iter().any(|it| before.ends_with(it))
}

/// Whether a number and what it counts by end here: 一扇.
fn counts(before: &str) -> bool {
    let mut last = before.chars().rev();
    let is_number = |c: Option<char>| matches!(c, Some('一' | '两' | '几' | '三' | '另' | '些'));
    let near = last.next();
    is_number(near) || is_number(last.next())
}
