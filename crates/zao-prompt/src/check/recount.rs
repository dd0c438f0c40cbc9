//! What is counted again as more than there is, or there although nothing else should be: three eggs, and all five eggs; no other puppets,
//! and a row of puppets. It belongs to `contradiction`; groups of people that `totals` knows are judged there.

use std::ops::Range;

use super::Subject;
use super::edit::{About, Hit};
use super::text::Side;
use super::totals::{page, words};
use crate::Code;

/// What points at all of the things that were counted before.
const ALL: [&str; 4] = ["all", "the", "those", "these"];

/// How many words behind a number its noun may stand.
const NEAR: usize = 3;

/// Words that no name of things goes over: three men in hats counts no hats.
const PARTING: [&str; 16] = [
    "in", "on", "of", "with", "and", "at", "by", "or", "for", "to", "from", "are", "is", "has",
    "have", "the",
];

/// One finding of each kind for each side at most.
pub(super) fn find(subject: &Subject<'_>) -> Vec<Hit> {
    let sides = subject.text.sides.iter();
    let hits = sides.flat_map(|side| match side.is_chinese {
        true => [chinese(subject, side), None],
        false => [english(subject, side), other(subject, side)],
    });
    hits.flatten().collect()
}

fn clash(first: Range<usize>, second: Range<usize>, side: &Side) -> Hit {
    let shift = |range: Range<usize>| range.start + side.range.start..range.end + side.range.start;
    let (first, second) = (shift(first), shift(second));
    let span = first.start..second.end;
    Hit::advice(Code::Contradiction, span, About::Both(first, second))
}

/// Whether a word is the name of several things.
fn is_many(word: &str) -> bool {
    word.len() > 3 && word.ends_with('s') && !word.ends_with("ss")
}

/// Three eggs, and all five eggs.
fn english(subject: &Subject<'_>, side: &Side) -> Option<Hit> {
    let text = page(subject, side);
    let numbers = &subject.rules.tables.bilingual.numbers;
    let value = |word: &str| numbers.get(word).copied().or_else(|| word.parse().ok());
    let words = words(text);
    let mut counts: Vec<(u32, Range<usize>, &str)> = Vec::new();
    for (index, &(at, word)) in words.iter().enumerate() {
        let Some(number) = value(word).filter(|number| (2..100).contains(number)) else { continue };
        let behind = words[index + 1..].iter().take(NEAR);
        let mut names = behind.take_while(|(_, word)| !PARTING.contains(word));
        let Some(&(from, name)) = names.find(|(_, word)| is_many(word)) else { continue };
        let end = from + name.len();
        if text[at..end].contains([',', '.', ';', ':', '\n']) {
            continue;
        }
        let is_all = index > 0 && ALL.contains(&words[index - 1].1);
        let mut same = counts.iter().filter(|(_, _, of)| *of == name);
        match (is_all, same.next()) {
            // The three of five are some of them; more than there are is what cannot be.
            (true, Some((before, span, _))) if same.next().is_none() && number > *before => {
                return Some(clash(span.clone(), at..end, side));
            }
            (true, _) => {}
            (false, _) => counts.push((number, at..end, name)),
        }
    }
    None
}

/// What denies everything else of its kind.
const NO_OTHER: [&str; 6] = [
    "no other ",
    "no more ",
    "no further ",
    "without any other ",
    "without other ",
    "not any other ",
];

/// What brings several of a kind in.
const SEVERAL: [&str; 16] = [
    "of",
    "two",
    "three",
    "four",
    "five",
    "six",
    "several",
    "many",
    "some",
    "dozens",
    "more",
    "other",
    "few",
    "countless",
    "numerous",
    "seven",
];

/// How many words in front of a noun say how many there are.
const BEFORE: usize = 3;

/// No other puppets, and a row of jester puppets.
fn other(subject: &Subject<'_>, side: &Side) -> Option<Hit> {
    let text = page(subject, side);
    let (at, none) =
        NO_OTHER.iter().filter_map(|none| text.find(none).map(|at| (at, *none))).min()?;
    let words = words(text);
    let from = at + none.len();
    let first = words.iter().position(|(start, _)| *start >= from)?;
    let &(start, name) =
        words.get(first).filter(|(start, word)| *start == from && is_many(word))?;
    let end = start + name.len();
    let again = words.iter().enumerate().skip(first + 1).find(|(index, (place, word))| {
        let before = &words[index.saturating_sub(BEFORE)..*index];
        let near =
            before.iter().filter(|(it, _)| *it > end && !text[*it..*place].contains([',', '.']));
        let mut near = near.map(|(_, word)| *word);
        *word == name && near.any(|word| SEVERAL.contains(&word))
    });
    let (_, &(place, word)) = again?;
    Some(clash(at..end, place..place + word.len(), side))
}

/// What points at all of those that were counted before.
const ALL_ZH: [&str; 8] = ["那", "这", "全部", "所有", "所有的", "全部的", "一共", "总共"];

/// What counts, of which the first two characters behind tell the thing.
const COUNTED_BY: [char; 14] =
    ['个', '位', '名', '只', '条', '颗', '朵', '盏', '本', '张', '辆', '把', '匹', '棵'];

/// How many characters behind what counts them say that all of them are meant.
const BEHIND: usize = 5;

/// 五个人站着, and 那七个人.
fn chinese(subject: &Subject<'_>, side: &Side) -> Option<Hit> {
    let text = page(subject, side);
    if !text.contains('都') && !ALL_ZH.iter().any(|all| text.contains(all)) {
        return None;
    }
    let mut counts: Vec<(u32, Range<usize>, &str)> = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find(super::characters::is_numeral) {
        let start = from + at;
        let rest = &text[start..];
        let end = rest.find(|c| !super::characters::is_numeral(c)).unwrap_or(rest.len()) + start;
        from = end;
        let Some(value) = super::bilingual::chinese_number(&text[start..end]) else { continue };
        let Some(thing) = text[end..].strip_prefix(COUNTED_BY) else { continue };
        let Some(name) = thing.chars().next().filter(|c| super::characters::is_han(*c)) else {
            continue;
        };
        let is_part = text[..start].ends_with(['第', '每', '几', '数', '十', '多', '另']);
        if value < 2 || is_part {
            continue;
        }
        let last = text.len() - thing.len() + name.len_utf8();
        let name = &text[end..last];
        // 四只小猪都戴着草帽.
        let mut near =
            thing.chars().take(BEHIND).take_while(|c| !super::characters::is_separator(*c));
        let is_all =
            near.any(|c| c == '都') || ALL_ZH.iter().any(|all| text[..start].ends_with(all));
        let mut same = counts.iter().filter(|(_, _, of)| *of == name);
        match (is_all, same.next()) {
            (true, Some((before, span, _))) if same.next().is_none() && value > *before => {
                return Some(clash(span.clone(), start..last, side));
            }
            (true, _) => {}
            (false, _) => counts.push((value, start..last, name)),
        }
    }
    None
}
