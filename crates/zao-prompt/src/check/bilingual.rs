//! `bilingual`: `中文 // English` whose sides have other numbers, colours or things. A thing that only one side has is no fault: one may
//! say more than the other. Two of a kind that are not the same are one.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::Subject;
use super::characters::{is_numeral, is_separator};
use super::edit::{About, Hit};
use crate::Code;
use crate::rules::{Group, Match, Names};

/// How far behind a number its thing may stand, in bytes.
const REACH: usize = 36;

/// What an hour of the clock counts, which is no thing of the table.
const HOUR: usize = usize::MAX;

/// A number, what it counts and where.
struct Count {
    value: u32,
    span: Range<usize>,
    thing: Option<usize>,
}

pub(super) fn find(subject: &Subject<'_>, hits: &mut Vec<Hit>) {
    let [first, second] = &subject.text.sides[..] else { return };
    let (zh, en) = if first.is_chinese { (first, second) } else { (second, first) };
    let things = |group, range: &Range<usize>| {
        let mut things = subject.matches.outside(group, Group::ThingKeep);
        things.retain(|it| range.contains(&it.start));
        things
    };
    let (zh_things, en_things) =
        (things(Group::ThingZh, &zh.range), things(Group::ThingEn, &en.range));
    kinds(subject, &zh_things, &en_things, hits);
    let zh_counts = chinese_counts(subject, &zh.range, &zh_things);
    let en_counts = english_counts(subject, &en.range, &en_things);
    numbers(&zh_counts, &en_counts, hits);
}

fn disagreement(zh: &Range<usize>, en: &Range<usize>) -> Hit {
    let (first, second) = if zh.start < en.start { (zh, en) } else { (en, zh) };
    let about = About::Both(first.clone(), second.clone());
    Hit::advice(Code::Bilingual, first.start..second.end, about)
}

/// Kinds of things that are only counted: one side may well name another of them.
const COUNTED: &str = "counted";

/// How far up names of things are followed: a puppy, a dog, an animal.
const GENERATIONS: usize = 4;

/// What each thing is a kind of, by its number.
struct Families {
    parents: Vec<Option<usize>>,
}

impl Families {
    fn of(kinds: &BTreeMap<String, Vec<Names>>) -> Self {
        let names: Vec<&Names> = kinds.values().flatten().collect();
        let numbers: HashMap<&str, usize> = names
            .iter()
            .enumerate()
            .rev()
            .flat_map(|(number, names)| names.zh.iter().map(move |name| (name.as_str(), number)))
            .collect();
        let parent = |names: &&Names| numbers.get(names.under.as_deref()?).copied();
        Self { parents: names.iter().map(parent).collect() }
    }

    /// Whether two things are the same, or one a kind of the other.
    fn are_one(&self, one: usize, other: usize) -> bool {
        self.is_under(one, other) || self.is_under(other, one)
    }

    fn is_under(&self, mut one: usize, other: usize) -> bool {
        for _ in 0..GENERATIONS {
            if one == other {
                return true;
            }
            match self.parents.get(one).copied().flatten() {
                Some(parent) => one = parent,
                None => return false,
            }
        }
        one == other
    }
}

/// Things of one kind that are not the same on both sides.
fn kinds(subject: &Subject<'_>, zh: &[Match], en: &[Match], hits: &mut Vec<Hit>) {
    let families = Families::of(&subject.rules.tables.bilingual.kinds);
    let mut number = 0;
    for (kind, rows) in &subject.rules.tables.bilingual.kinds {
        let range = number..number + rows.len();
        number += Vec::<Names>::len(rows);
        if kind.starts_with(COUNTED) {
            continue;
        }
        let only = |these: &[Match], those: &[Match]| {
            let mut these = these.iter().filter(|it| range.contains(&it.item));
            let is_alone =
                |it: &&Match| !those.iter().any(|that| families.are_one(it.item, that.item));
            these.find(is_alone).map(Match::span)
        };
        if let (Some(zh), Some(en)) = (only(zh, en), only(en, zh)) {
            hits.push(disagreement(&zh, &en));
        }
    }
}

/// Numbers of the same thing that differ; or numbers that only one side has, on both.
fn numbers(zh: &[Count], en: &[Count], hits: &mut Vec<Hit>) {
    let mut by_thing: BTreeMap<usize, &Count> = BTreeMap::new();
    for count in zh {
        if let Some(thing) = count.thing {
            by_thing.entry(thing).or_insert(count);
        }
    }
    for count in en {
        let same = count.thing.and_then(|thing| by_thing.get(&thing));
        if let Some(same) = same.filter(|same| same.value != count.value) {
            hits.push(disagreement(&same.span, &count.span));
            return;
        }
    }
    let only = |these: &[Count], those: &[Count]| {
        let mut many = these.iter().filter(|count| count.value > 1);
        let lone = many.find(|count| those.iter().all(|that| that.value != count.value));
        lone.map(|count| count.span.clone())
    };
    if let (Some(zh), Some(en)) = (only(zh, en), only(en, zh)) {
        hits.push(disagreement(&zh, &en));
    }
}

/// The thing that a number which ends at `end` counts.
fn thing_behind(subject: &Subject<'_>, things: &[Match], end: usize) -> Option<Match> {
    let at = things.partition_point(|thing| thing.start < end);
    // A colour stands between a number and its thing.
    let countable = |thing: &&Match| !is_colour(subject, thing.item);
    let thing = things[at..].iter().take(3).find(countable)?;
    let between = &subject.text.folded[end..thing.start];
    // Behind `and`, another number may count it.
    let is_near = between.len() <= REACH && !between.contains(is_separator);
    (is_near && !between.contains(" and ")).then_some(*thing)
}

fn is_colour(subject: &Subject<'_>, item: usize) -> bool {
    let mut number = 0;
    for (kind, rows) in &subject.rules.tables.bilingual.kinds {
        if (number..number + rows.len()).contains(&item) {
            return kind == "colour";
        }
        number += rows.len();
    }
    false
}

fn chinese_counts(subject: &Subject<'_>, range: &Range<usize>, things: &[Match]) -> Vec<Count> {
    let folded = &subject.text.folded[..range.end];
    let mut counts = Vec::new();
    let mut from = range.start;
    while let Some(at) = folded[from..].find(is_numeral) {
        let start = from + at;
        let end = start + folded[start..].find(|c| !is_numeral(c)).unwrap_or(range.end - start);
        from = end;
        let Some(value) = chinese_number(&folded[start..end]) else { continue };
        // 一双, 一对 are a pair; 三双 are three pairs in either language. 一打 is a dozen.
        let is_pair = value == 1 && folded[end..].starts_with(['双', '对']);
        let is_dozen = folded[end..].starts_with('打');
        let value = value.saturating_mul(if is_dozen { 12 } else { 1 + u32::from(is_pair) });
        if folded[end..].starts_with('点') && !folded[end..].starts_with("点缀") {
            counts.push(Count { value: value % 12, span: start..end, thing: Some(HOUR) });
            continue;
        }
        if WHEELED.iter().any(|name| folded[start..].starts_with(name)) {
            continue;
        }
        let counts_things = subject.rules.classifiers.begin(&folded[end..]);
        let is_number = folded[start..end].bytes().all(|byte| byte.is_ascii_digit());
        if counts_things || is_dozen || is_number {
            let thing = thing_behind(subject, things, end).map(|thing| thing.item);
            counts.push(Count { value, span: start..end, thing });
        }
    }
    counts
}

/// Things with a number in their names.
const WHEELED: [&str; 12] = [
    "三轮车",
    "三轮摩托",
    "三轮自行车",
    "两轮车",
    "四轮车",
    "四轮马车",
    "三角",
    "四合院",
    "五角星",
    "八角",
    "三件套",
    "一次性",
];

/// What a number in digits or Chinese numerals is.
pub(super) fn chinese_number(text: &str) -> Option<u32> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let (mut total, mut digit) = (0_u32, None);
    for c in text.chars() {
        let value = match c {
            '零' => 0,
            '一' => 1,
            '二' | '两' => 2,
            '三' => 3,
            '四' => 4,
            '五' => 5,
            '六' => 6,
            '七' => 7,
            '八' => 8,
            '九' => 9,
            '十' | '百' | '千' => {
                let unit = match c {
                    '十' => 10,
                    '百' => 100,
                    _ => 1000,
                };
                total += digit.take().unwrap_or(1) * unit;
                continue;
            }
            _ => return None,
        };
        // 三四只 is about so many.
        if digit.is_some_and(|digit| digit > 0) {
            return None;
        }
        digit = Some(value);
    }
    total.checked_add(digit.unwrap_or(0)).filter(|_| text.chars().count() <= 8)
}

fn english_counts(subject: &Subject<'_>, range: &Range<usize>, things: &[Match]) -> Vec<Count> {
    let folded = &subject.text.folded;
    let words = &subject.rules.tables.bilingual.numbers;
    let mut counts = Vec::new();
    let mut from = range.start;
    let side = &folded[..range.end];
    while let Some(at) = side[from..].find(|c: char| c.is_ascii_alphanumeric()) {
        let start = from + at;
        let length = side[start..].find(|c: char| !c.is_ascii_alphanumeric());
        let end = start + length.unwrap_or(range.end - start);
        from = end;
        let number = |word: &str| words.get(word).copied().or_else(|| word.parse().ok());
        if let Some(mut value) = number(&side[start..end]) {
            // A dozen, two hundred, a pair.
            let rest = side[end..].trim_start();
            let next = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            if side[end..].starts_with(' ')
                && let Some(unit) = words.get(next).filter(|_| !next.is_empty())
            {
                value = value.saturating_mul(*unit);
                from = side.len() - rest.len() + next.len();
            }
            // Half a dozen.
            if side[..start].ends_with("half a ") || side[..start].ends_with("half ") {
                value /= 2;
            }
            let is_hour = ["o'clock", "o’clock", "am", "pm", "a.m", "p.m"]
                .iter()
                .any(|hour| super::word::follows(side[from..].trim_start(), hour));
            if is_hour {
                counts.push(Count { value: value % 12, span: start..from, thing: Some(HOUR) });
                continue;
            }
            // One thing with two halves: a pair of glasses.
            let halves = side[from..].trim_start().strip_prefix("of ").unwrap_or_default();
            if rest.starts_with("pair") && HALVES.iter().any(|thing| halves.starts_with(thing)) {
                value /= 2;
            }
            let thing = thing_behind(subject, things, from).map(|thing| thing.item);
            counts.push(Count { value, span: start..from, thing });
        }
    }
    counts
}

/// Things that English counts in pairs and Chinese does not.
const HALVES: [&str; 16] = [
    "glasses",
    "sunglasses",
    "spectacles",
    "reading glasses",
    "round glasses",
    "trousers",
    "jeans",
    "pants",
    "shorts",
    "scissors",
    "headphones",
    "binoculars",
    "pliers",
    "goggles",
    "tweezers",
    "earphones",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_numbers_are_read() {
        let read = |text| chinese_number(text);
        assert_eq!(
            (read("两"), read("十二"), read("二十"), read("35")),
            (Some(2), Some(12), Some(20), Some(35))
        );
        assert_eq!((read("三百零五"), read("几"), read("数")), (Some(305), None, None));
    }
}
