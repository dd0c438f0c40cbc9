//! Numbers of the two sides of a prompt, and what they count. Which of them disagree is told here, what things are called is not.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::Subject;
use super::super::characters::{is_numeral, is_separator};
use super::super::edit::Hit;
use super::super::word::{follows, precedes};
use super::disagreement;
use crate::rules::Named;

/// How far behind a number its thing may stand, in bytes.
const REACH: usize = 36;

/// What an hour of the clock counts, which is no thing of the table.
const HOUR: usize = usize::MAX;

/// What somebody's years count, and what comes behind `No.`.
const AGE: usize = usize::MAX - 1;
const LABEL: usize = usize::MAX - 2;

/// A number, what it counts and where.
struct Count {
    value: u32,
    span: Range<usize>,
    thing: Option<usize>,
}

/// Compares the numbers of both sides, each with the things that are named there.
pub(super) fn compare(
    subject: &Subject<'_>,
    [(zh, zh_named), (en, en_named)]: [(&Range<usize>, &[Named]); 2],
    hits: &mut Vec<Hit>,
) {
    numbers(&chinese_counts(subject, zh, zh_named), &english_counts(subject, en, en_named), hits);
}

/// Numbers of the same thing that differ; or numbers that only one side has, on both.
fn numbers(zh: &[Count], en: &[Count], hits: &mut Vec<Hit>) {
    let mut by_thing: BTreeMap<usize, Vec<&Count>> = BTreeMap::new();
    for count in zh {
        if let Some(thing) = count.thing {
            by_thing.entry(thing).or_default().push(count);
        }
    }
    for count in en {
        let same = count.thing.and_then(|thing| by_thing.get(&thing));
        // Two cats on one chair and one cat below it are counted twice.
        let other = same.filter(|same| same.iter().all(|it| it.value != count.value));
        if let Some(other) = other.and_then(|same| same.first()) {
            hits.push(disagreement(&other.span, &count.span));
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

/// What stands between a number and a thing that it does not count, in either language.
const BETWEEN: [&str; 17] = [
    " and ", " in ", " on ", " with ", " by ", " at ", " from ", " under ", " a ", " an ", " the ",
    " beside ", " having ", "在", "和", "与", "从",
];

/// The thing that a number which ends at `end` counts.
fn thing_behind(subject: &Subject<'_>, things: &[Named], end: usize) -> Option<usize> {
    let dictionary = subject.rules.dictionary();
    let at = things.partition_point(|thing| thing.span.start < end);
    // A colour stands between a number and its thing.
    let counted = |thing: &Named| {
        let mut sure = thing.meanings.iter().filter(|it| it.is_sure).map(|it| it.thing);
        let thing_itself = sure.find(|it| dictionary.is_counted(*it))?;
        Some((thing.span.start, thing_itself))
    };
    let (start, thing) = things[at..].iter().take(3).find_map(counted)?;
    let between = &subject.text.folded[end..start];
    let is_near = between.len() <= REACH && !between.contains(is_separator);
    // Behind another number or a place, something else counts it or it is not counted.
    let is_apart = || BETWEEN.iter().any(|word| between.contains(word));
    (is_near && !is_apart()).then_some(thing)
}

fn chinese_counts(subject: &Subject<'_>, range: &Range<usize>, things: &[Named]) -> Vec<Count> {
    let folded = &subject.text.folded[..range.end];
    let mut counts = Vec::new();
    let mut from = range.start;
    while let Some(at) = folded[from..].find(is_numeral) {
        let start = from + at;
        let end = start + folded[start..].find(|c| !is_numeral(c)).unwrap_or(range.end - start);
        from = end;
        let (rest, before) = (&folded[end..], &folded[range.start..start]);
        let is_half_dozen = &folded[start..end] == "半" && rest.starts_with('打');
        let value = if is_half_dozen { Some(6) } else { chinese_number(&folded[start..end]) };
        let Some(value) = value else { continue };
        // 一双, 一对 are a pair; 三双 are three pairs in either language. 一打 is a dozen.
        let is_pair = value == 1 && rest.starts_with(['双', '对']);
        let is_dozen = rest.starts_with('打');
        let unit = if is_dozen && !is_half_dozen { 12 } else { 1 + u32::from(is_pair) };
        let value = value.saturating_mul(unit);
        if rest.starts_with('点') && !rest.starts_with("点缀") {
            counts.push(Count { value: value % 12, span: start..end, thing: Some(HOUR) });
            continue;
        }
        let is_name = WHEELED.iter().any(|name| folded[start..].starts_with(name));
        let is_date = DATES.iter().any(|date| rest.starts_with(date));
        if is_name || is_date || before.ends_with(['第', '周', '期', '拜', '初']) {
            continue;
        }
        let special = match rest.chars().next() {
            Some('岁') => Some(AGE),
            Some('号') => Some(LABEL),
            _ => None,
        };
        let counts_things = subject.rules.classifiers.begin(rest);
        let is_number = folded[start..end].bytes().all(|byte| byte.is_ascii_digit());
        if counts_things || is_dozen || is_number || special.is_some() {
            let thing = special.or_else(|| thing_behind(subject, things, end));
            counts.push(Count { value, span: start..end, thing });
        }
    }
    counts
}

/// What a number in front of it counts no things with.
const DATES: [&str; 6] = ["年代", "世纪", "月", "分之", "维", "分钟"];

/// Things with a number in their names.
const WHEELED: [&str; 20] = [
    "三人称",
    "一人称",
    "三明治",
    "三文鱼",
    "千层",
    "百叶",
    "九尾",
    "七星瓢虫",
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
pub(in crate::check) fn chinese_number(text: &str) -> Option<u32> {
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

/// Units that are written at a number.
const UNITS: [&str; 8] = ["mm", "cm", "km", "kg", "m", "k", "d", "l"];

/// What a word of English counts.
fn english_number(subject: &Subject<'_>, word: &str) -> Option<u32> {
    let known = subject.rules.tables.bilingual.numbers.get(word).copied();
    let digits = || UNITS.iter().find_map(|unit| word.strip_suffix(unit)).unwrap_or(word).parse();
    known.or_else(|| digits().ok())
}

fn english_counts(subject: &Subject<'_>, range: &Range<usize>, things: &[Named]) -> Vec<Count> {
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
        let Some(mut value) = english_number(subject, &side[start..end]) else { continue };
        let before = &side[range.start..start];
        // A dozen, two hundred, a pair, twenty-three, a score of.
        let rest = side[end..].trim_start();
        let next_of = |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric());
        let next = &rest[..next_of(rest).unwrap_or(rest.len())];
        if side[end..].starts_with(' ') {
            let unit = match next {
                "score" if rest.starts_with("score of ") => Some(20),
                "" => None,
                next => words.get(next).copied(),
            };
            if let Some(unit) = unit {
                value = value.saturating_mul(unit);
                from = side.len() - rest.len() + next.len();
            }
        } else if let Some(rest) = side[end..].strip_prefix('-') {
            let next = &rest[..next_of(rest).unwrap_or(rest.len())];
            if ["quarter", "quarters", "third", "thirds", "fifths"].contains(&next) {
                continue;
            }
            let ones = words.get(next).filter(|ones| value >= 20 && **ones < 10);
            if let Some(ones) = ones {
                value += ones;
                from = end + 1 + next.len();
            }
        }
        // Half a dozen.
        if before.ends_with("half a ") || before.ends_with("half ") {
            value /= 2;
        }
        let behind = side[from..].trim_start();
        let is_hour = ["o'clock", "o’clock", "am", "pm", "a.m", "p.m"];
        if is_hour.iter().any(|hour| follows(behind, hour)) {
            counts.push(Count { value: value % 12, span: start..from, thing: Some(HOUR) });
            continue;
        }
        // One thing with two halves: a pair of glasses.
        let halves = behind.strip_prefix("of ").unwrap_or_default();
        if rest.starts_with("pair") && HALVES.iter().any(|thing| halves.starts_with(thing)) {
            value /= 2;
        }
        let is_age = ["-year", "years old", "year old", "years of age"];
        let is_label = ["number", "no.", "no", "#"];
        let thing = if is_age.iter().any(|age| behind.starts_with(age)) {
            Some(AGE)
        } else if is_label.iter().any(|label| precedes(before.trim_end(), label)) {
            Some(LABEL)
        } else {
            thing_behind(subject, things, from)
        };
        counts.push(Count { value, span: start..from, thing });
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
