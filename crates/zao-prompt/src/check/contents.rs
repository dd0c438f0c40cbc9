//! One vessel that is said to be empty and to have something in it: a mug, completely empty, with cocoa inside. It belongs to
//! `contradiction`; what is said of a vessel without a word of its contents is an axis.

use std::ops::Range;

use super::Subject;
use super::attributes::PAGE;
use super::characters::{is_han, is_separator};
use super::edit::{About, Hit};
use super::word::precedes;
use crate::Code;
use crate::rules::{Group, Match};

/// What says that nothing is in it.
const EMPTY: [&str; 4] = ["empty", "空空的", "空空", "空的"];

/// How far an empty vessel and what is in it stand apart at most, in bytes.
const REACH: usize = 160;

/// How far from its vessel `empty` may stand, in bytes.
const NEAR: usize = 48;

/// What says that something is in a thing, behind its name or without it.
const INSIDE: [&str; 7] = [
    "inside it",
    "filled with",
    "brimming",
    "full to the brim",
    "overflowing",
    "to the brim",
    "bubbling inside",
];
const INSIDE_HAN: [&str; 8] =
    ["里的", "里装着", "里盛着", "里泡着", "里面装着", "里面盛着", "中盛着", "里塞着"];

/// The first empty vessel with something in it of each side, where only one is spoken of.
pub(super) fn find(subject: &Subject<'_>) -> Vec<Hit> {
    let folded = &subject.text.folded;
    let places = |side: &Range<usize>| {
        EMPTY
            .iter()
            .filter_map(|word| folded[side.clone()].find(word).map(|at| (at, word.len())))
            .min()
    };
    let found = subject.text.sides.iter().filter_map(|side| {
        let (at, length) = places(&side.range).filter(|(at, _)| *at < PAGE)?;
        let empty = side.range.start + at..side.range.start + at + length;
        let vessel = only_vessel(subject, &side.range)?;
        let is_its = vessel.start.abs_diff(empty.start) <= NEAR && !is_half(folded, &empty);
        let inside = is_its.then(|| inside(folded, &empty, &vessel, side.range.end)).flatten()?;
        let about = About::Both(empty.clone(), inside.clone());
        Some(Hit::advice(Code::Contradiction, empty.start..inside.end, about))
    });
    found.collect()
}

/// Half-empty, nearly empty, not empty, 一半是空的.
fn is_half(folded: &str, empty: &Range<usize>) -> bool {
    let before = folded[..empty.start].trim_end_matches([' ', '-']);
    ["half", "nearly", "almost", "not", "never", "one", "other", "前", "半", "不", "天", "夜", "高"]
        .iter()
        .any(|word| precedes(before, word))
}

/// The vessel of a side, if all that hold something there go by one name.
fn only_vessel(subject: &Subject<'_>, side: &Range<usize>) -> Option<Match> {
    let nouns = &subject.rules.tables.contradiction.nouns;
    let families = nouns.iter().flat_map(|(family, nouns)| nouns.iter().map(move |_| family));
    let is_vessel: Vec<bool> = families.map(|family| family == "vessels").collect();
    let owners = subject.matches.readings(Group::Owner, Group::PairKeep);
    let mut vessels = owners.iter().filter(|it| {
        side.contains(&it.start) && is_vessel.get(it.item) == Some(&true) && holds(subject, it)
    });
    let first = *vessels.next()?;
    vessels.all(|it| it.item == first.item).then_some(first)
}

/// Furniture and rooms, which are of the same family, hold what nobody means by `inside`.
fn holds(subject: &Subject<'_>, vessel: &Match) -> bool {
    let name = &subject.text.folded[vessel.span()];
    !["table", "desk", "桌", "chair", "椅", "hands", "双手", "bench", "座位", "seats"]
        .iter()
        .any(|word| name.contains(word))
}

/// What says that something lies in the vessel, behind `empty` and not far from it.
fn inside(folded: &str, empty: &Range<usize>, vessel: &Match, side: usize) -> Option<Range<usize>> {
    let end = (0..=REACH).map(|less| empty.end + REACH - less);
    let end = end.filter(|end| *end <= side).find(|end| folded.is_char_boundary(*end))?;
    let rest = &folded[empty.end..end];
    // 袋里的银元: the last character of its name will do, as people shorten it.
    if let Some(last) = folded[vessel.span()].chars().next_back().filter(|c| is_han(*c)) {
        let places = rest.match_indices(last).map(|(at, it)| at + it.len());
        let mut within = places.filter_map(|at| {
            let word = INSIDE_HAN.iter().find(|word| rest[at..].starts_with(**word))?;
            Some(empty.end + at - last.len_utf8()..empty.end + at + word.len())
        });
        return within.next();
    }
    let known = INSIDE.iter().filter_map(|word| {
        let mut places = rest.match_indices(word).map(|(at, _)| at);
        places.next().map(|at| empty.end + at..empty.end + at + word.len())
    });
    let bare = rest.match_indices("inside").filter_map(|(at, inside)| {
        let behind = rest[at + inside.len()..].trim_start();
        let ends = behind.is_empty() || behind.starts_with(is_separator);
        let denies =
            ["nothing", "empty", "is", "the"].iter().any(|it| precedes(rest[..at].trim_end(), it));
        (ends && !denies).then(|| empty.end + at..empty.end + at + inside.len())
    });
    known.chain(bare).min_by_key(|it| it.start)
}
