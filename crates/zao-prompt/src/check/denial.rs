//! Whether a word is denied where it stands, and what is denied by its own name and there all the same: without a helmet, his helmet. It
//! belongs to `contradiction`; classes of things are judged by `absence`.

use super::Subject;
use super::attributes::PAGE;
use super::beings::is_one;
use super::characters::{is_han, is_separator};
use super::contradiction::{DISTANCES, is_apart};
use super::edit::{About, Hit};
use super::word::precedes;
use crate::Code;
use crate::rules::{Group, Match};

/// What denies the word behind it, so that it asks for nothing.
const DENIALS: [&str; 46] = [
    "no",
    "without",
    "without a",
    "without an",
    "without any",
    "no more",
    "never",
    "not",
    "not a",
    "not any",
    "not a single",
    "not one",
    "not wearing",
    "not wearing a",
    "not wearing any",
    "nor",
    "zero",
    "free of",
    "free of any",
    "devoid of",
    "devoid of any",
    "lacking",
    "lacking any",
    "absence of",
    "empty of",
    "isn't",
    "aren't",
    "没有",
    "没有任何",
    "没有什么",
    "没有丝毫",
    "没",
    "不要",
    "不要有",
    "不要出现",
    "不带",
    "不含",
    "不是",
    "无",
    "毫无",
    "全无",
    "并非",
    "并不",
    "看不到",
    "看不见",
    "不见",
];

/// How many denials are looked at.
const MOST: usize = 24;

/// Whether what stands in front of a word denies it: no long shadows, 没有任何绿植, 没有一个行人.
pub(super) fn is_denied(subject: &Subject<'_>, found: &Match) -> bool {
    let before = subject.text.folded[..found.start].trim_end_matches(' ');
    denies(before) || denies(without_count(before))
}

fn denies(before: &str) -> bool {
    DENIALS.iter().any(|denial| precedes(before, denial))
}

/// Without 一个, 一棵, 半点 at the end.
fn without_count(before: &str) -> &str {
    let mut places = before.char_indices().rev();
    let Some((_, measure)) = places.next() else { return before };
    match places.next() {
        Some((at, '一' | '半')) if !measure.is_ascii() => &before[..at],
        _ => before,
    }
}

/// Whether a class is denied by what stands around its name: no living plants, 一棵树都没有.
fn is_class_denied(subject: &Subject<'_>, name: &Match) -> bool {
    let folded = &subject.text.folded;
    let before = folded[..name.start].trim_end_matches(' ');
    // One adjective may stand between, which no denial ends with.
    let word = before.rfind(' ').map(|at| &before[..at]);
    let is_adjective = |rest: &str| before[rest.len()..].trim().chars().all(char::is_alphabetic);
    let behind = &folded[name.end..];
    let is_none_left = ["都没有", "也没有", "都没", "也没", "都不见", "也不见", "都看不到"]
        .iter()
        .any(|none| behind.starts_with(none));
    is_denied(subject, name)
        || word.is_some_and(|rest| is_adjective(rest) && denies(rest))
        || is_none_left
}

/// How far in front of a name its denial may begin, in bytes.
const DENIAL: usize = 28;

/// Where the denial of a name begins: its own words say nothing of another place.
fn denial_of(subject: &Subject<'_>, name: &Match) -> usize {
    let folded = &subject.text.folded;
    let from =
        (name.start.saturating_sub(DENIAL)..name.start).find(|at| folded.is_char_boundary(*at));
    let from = from.unwrap_or(name.start);
    let near = &folded[from..name.start];
    ["not ", "no ", "without ", "没", "无", "不"]
        .iter()
        .filter_map(|denial| near.rfind(denial))
        .max()
        .map_or(name.start, |at| from + at)
}

/// What says that a thing is one that belongs here.
const OWN: [&str; 4] = ["his", "her", "its", "the"];

/// A thing that is denied by its own name, and named as there: without a helmet, his helmet.
pub(super) fn find(subject: &Subject<'_>) -> Vec<Hit> {
    if !is_one(subject) {
        return Vec::new();
    }
    let owners = subject.matches.outside(Group::Owner, Group::PairKeep);
    // 没有书名 denies no book.
    let ends = |it: &&Match| {
        let behind = subject.text.folded[it.end..].trim_start_matches(' ');
        behind.is_empty() || behind.starts_with(is_separator) || behind.starts_with('的')
    };
    let page = owners.partition_point(|it| it.start < PAGE);
    let denied = owners[..page].iter().filter(ends).filter(|it| is_denied(subject, it)).take(MOST);
    let again = denied.filter_map(|none| {
        let mut behind = owners.iter().filter(|it| it.start >= none.end && it.item == none.item);
        let there = behind.find(|it| {
            let before = subject.text.folded[..it.start].trim_end_matches(' ');
            let is_own = OWN.iter().any(|own| precedes(before, own))
                || subject.text.folded[it.span()].starts_with(is_han);
            is_own && !is_class_denied(subject, it) && !is_listed(subject, it)
        })?;
        let is_one_side = subject.text.side_of(none.start) == subject.text.side_of(there.start);
        let start = denial_of(subject, none);
        let none = Match { start, ..*none };
        (is_one_side && !is_apart(subject, &none, there, &DISTANCES)).then(|| {
            let about = About::Both(none.span(), there.span());
            Hit::advice(Code::Contradiction, none.start..there.end, about)
        })
    });
    again.take(1).collect()
}

/// Whether a word is one of a list that is denied: no cars, trucks or buses.
fn is_listed(subject: &Subject<'_>, member: &Match) -> bool {
    let before = subject.text.folded[..member.start].trim_end_matches(' ');
    let joined = before
        .strip_suffix("or")
        .or_else(|| before.strip_suffix("nor"))
        .or_else(|| before.strip_suffix(['、', '和', '或', '与']));
    let Some(before) = joined else { return false };
    let from = before.rfind(['.', '。', '，', ';', '；']).unwrap_or(0);
    let piece = &before[from..];
    ["no ", "without ", "没有", "没", "不要", "无"].iter().any(|denial| piece.contains(denial))
}
