//! A group that is counted twice and not the same: five friends, all seven laughing. It belongs to `contradiction`; what two words cannot
//! both be is not judged here.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Subject;
use super::characters::is_numeral;
use super::edit::{About, Hit};
use super::text::Side;
use crate::Code;

/// Who is counted in a group.
const GROUP: [&str; 34] = [
    "people",
    "persons",
    "friends",
    "men",
    "women",
    "girls",
    "boys",
    "children",
    "kids",
    "figures",
    "members",
    "players",
    "musicians",
    "dancers",
    "students",
    "soldiers",
    "sisters",
    "brothers",
    "siblings",
    "monks",
    "workers",
    "hikers",
    "riders",
    "runners",
    "guests",
    "tourists",
    "cats",
    "dogs",
    "kittens",
    "puppies",
    "birds",
    "horses",
    "robots",
    "animals",
];

/// The same in Chinese, the longer in front.
const GROUP_ZH: [&str; 22] = [
    "小朋友",
    "小女孩",
    "小男孩",
    "老人",
    "朋友",
    "好友",
    "孩子",
    "小孩",
    "女孩",
    "男孩",
    "姑娘",
    "少年",
    "学生",
    "同学",
    "士兵",
    "队员",
    "伙伴",
    "小猫",
    "小狗",
    "人",
    "猫",
    "狗",
];

/// What counts them.
const COUNTED_BY: [char; 4] = ['个', '位', '名', '只'];

/// A group, how many are in it and what it is called.
struct Count<'t> {
    value: u32,
    span: Range<usize>,
    of: &'t str,
}

/// The first group of each side that is counted again as another number of the same.
pub(super) fn find(subject: &Subject<'_>) -> Vec<Hit> {
    let sides = subject.text.sides.iter();
    let hits = sides.flat_map(|side| match side.is_chinese {
        true => [chinese(subject, side), lone(subject, side).or_else(|| alone(subject, side))],
        false => [english(subject, side), single(subject, side)],
    });
    hits.flatten().collect()
}

/// Bytes of a side that are looked at; who counts a group counts it again on the same page.
const PAGE: usize = 1 << 14;

/// The beginning of a side, which is all of any prompt that is meant as one.
pub(super) fn page<'t>(subject: &'t Subject<'_>, side: &Side) -> &'t str {
    let text = &subject.text.folded[side.range.clone()];
    let end = (0..=PAGE.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// A finding where `all` of them are neither the groups that were named nor some of them.
fn clash(counts: &[Count<'_>], singles: u32, all: &Count<'_>) -> Option<Hit> {
    let first = counts.first()?;
    let sum: u32 = counts.iter().map(|it| it.value).fold(0, u32::saturating_add);
    let fits = (sum..=sum.saturating_add(singles)).contains(&all.value);
    // Seven people, all three women: some of them are meant.
    let is_part =
        all.value < sum && (counts.len() > 1 || !(all.of.is_empty() || all.of == first.of));
    if fits || is_part || counts.iter().any(|it| it.value == all.value) {
        return None;
    }
    let about = About::Both(first.span.clone(), all.span.clone());
    Some(Hit::advice(Code::Contradiction, first.span.start..all.span.end, about))
}

fn english(subject: &Subject<'_>, side: &Side) -> Option<Hit> {
    let text = page(subject, side);
    if !text.contains("all ") {
        return None;
    }
    let numbers = &subject.rules.tables.bilingual.numbers;
    let value = |word: &str| numbers.get(word).copied().or_else(|| word.parse().ok());
    let mut counts: Vec<Count<'_>> = Vec::new();
    let mut singles = 0_u32;
    let words: Vec<(usize, &str)> = words(text);
    for (index, &(at, word)) in words.iter().enumerate() {
        let Some(number) = value(word).filter(|number| *number < 100) else { continue };
        if number < 2 {
            // A dog makes the group one more, a beach does not.
            let beings = &subject.rules.tables.contradiction.subjects;
            let mut near = words[index + 1..].iter().take(3).map(|(_, word)| *word);
            let is_being = near.any(|near| beings.iter().any(|being| being == near));
            singles += u32::from(is_being);
            continue;
        }
        let is_all = index > 0 && words[index - 1].1 == "all";
        let behind: Vec<(usize, &str)> = words[index + 1..].iter().take(3).copied().collect();
        let name = behind.iter().find(|(_, word)| GROUP.contains(word));
        let span = |end: usize| side.range.start + at..side.range.start + end;
        match (is_all, name) {
            (false, Some(&(from, of))) => {
                counts.push(Count { value: number, span: span(from + of.len()), of });
            }
            (true, _) => {
                // All four walls are no people.
                let &(from, next) = behind.first()?;
                let is_them = next.ends_with("ing") || (next == "of" && behind.get(1)?.1 == "them");
                if !is_them && !GROUP.contains(&next) {
                    continue;
                }
                let of = if is_them || next == "people" { "" } else { next };
                let all = Count { value: number, span: span(from + next.len()), of };
                if let Some(hit) = clash(&counts, singles, &all) {
                    return Some(hit);
                }
            }
            (false, None) => {}
        }
    }
    None
}

/// Words for more than one.
const MANY: [&str; 7] =
    ["dozens", "hundreds", "many", "countless", "several", "numerous", "thousands"];

/// A single apple, and three apples.
fn single(subject: &Subject<'_>, side: &Side) -> Option<Hit> {
    let text = page(subject, side);
    if !["single ", "lone ", "only one ", "just one ", "solitary "]
        .iter()
        .any(|it| text.contains(it))
    {
        return None;
    }
    let numbers = &subject.rules.tables.bilingual.numbers;
    let words = words(text);
    let (index, &(from, _)) = words.iter().enumerate().find(|(at, (_, word))| {
        let before = at.checked_sub(1).and_then(|at| words.get(at)).map_or("", |it| it.1);
        matches!(*word, "single" | "lone" | "solitary")
            || (*word == "one" && matches!(before, "only" | "just"))
    })?;
    let &(at, noun) = words.get(index + 1)?;
    if noun.len() < 3 || !text[from..at].trim_start_matches(char::is_alphabetic).trim().is_empty() {
        return None;
    }
    let first = side.range.start + from..side.range.start + at + noun.len();
    let is_noun =
        |word: &str| word.strip_prefix(noun).is_some_and(|rest| matches!(rest, "s" | "es"));
    let behind = &words[index + 2..];
    if let Some(second) = of_them(numbers, text, behind) {
        let second = second.start + side.range.start..second.end + side.range.start;
        let span = first.start..second.end;
        return Some(Hit::advice(Code::Contradiction, span, About::Both(first, second)));
    }
    let many = behind.windows(2).enumerate().find(|(at, pair)| {
        let value = numbers.get(pair[0].1).copied().or_else(|| pair[0].1.parse().ok());
        // Dozens of candles.
        let before = at.checked_sub(1).map_or("", |at| behind[at].1);
        let is_many = value.is_some_and(|value| (2..100).contains(&value))
            || MANY.contains(&pair[0].1)
            || (pair[0].1 == "of" && MANY.contains(&before));
        is_many && is_noun(pair[1].1)
    });
    let (_, many) = many?;
    let end = side.range.start + many[1].0 + many[1].1.len();
    let second = side.range.start + many[0].0..end;
    let about = About::Both(first.clone(), second);
    Some(Hit::advice(Code::Contradiction, first.start..end, about))
}

/// The five of them, both of them, behind a lone one.
fn of_them(
    numbers: &BTreeMap<String, u32>,
    text: &str,
    words: &[(usize, &str)],
) -> Option<Range<usize>> {
    let them = words.windows(3).find(|them| {
        let number = them[0].1;
        let is_many =
            number == "both" || numbers.get(number).is_some_and(|value| (2..100).contains(value));
        is_many && them[1].1 == "of" && them[2].1 == "them"
    })?;
    let (from, end) = (them[0].0, them[2].0 + "them".len());
    // Many things were named in between, of which there may be five: a lone tree, birds, five of them.
    let is_group = text[..from].ends_with("the ")
        || text[..from].trim_end().ends_with('.')
        || them[0].1 == "both";
    is_group.then_some(from..end)
}

/// The words of a text of Latin letters, and where they begin.
pub(super) fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find(|c: char| c.is_ascii_alphanumeric()) {
        let start = from + at;
        let length = text[start..].find(|c: char| !c.is_ascii_alphanumeric());
        from = start + length.unwrap_or(text.len() - start);
        words.push((start, &text[start..from]));
    }
    words
}

/// What says that there is one of something and no more, with the one.
const LONE: [&str; 8] =
    ["只有一", "仅有一", "唯一的一", "只剩一", "孤零零的一", "孤零零一", "就一", "只画一"];

/// 只有一只猫, and 五只猫 further on.
fn lone(subject: &Subject<'_>, side: &Side) -> Option<Hit> {
    let text = page(subject, side);
    let (at, only) = LONE.iter().filter_map(|only| text.find(only).map(|at| (at, *only))).min()?;
    let behind = &text[at + only.len()..];
    let measure = behind.chars().next()?;
    let name = &behind[measure.len_utf8()..];
    // The first two characters tell what it is; one, where it ends there.
    let ends = |c: char| {
        super::characters::is_separator(c)
            || matches!(c, '在' | '的' | '趴' | '坐' | '站' | '蹲' | '着' | '立' | '躺' | '飞')
    };
    let length = name.char_indices().take_while(|(_, c)| !ends(*c)).take(2).last();
    let length = length.map(|(at, c)| at + c.len_utf8())?;
    let name = &name[..length];
    let from = at + only.len() + measure.len_utf8() + length;
    let again = text[from..].match_indices(name).find_map(|(place, _)| {
        let counted = text[from..from + place].strip_suffix(measure)?;
        let number = counted.chars().next_back()?;
        let is_many = matches!(
            number,
            '二' | '两' | '三' | '四' | '五' | '六' | '七' | '八' | '九' | '十' | '几' | '2'..='9'
        );
        let start = from + counted.len() - number.len_utf8();
        is_many.then_some(start..from + place + name.len())
    })?;
    let shift = |range: Range<usize>| range.start + side.range.start..range.end + side.range.start;
    let (first, second) = (shift(at..from), shift(again));
    let span = first.start..second.end;
    Some(Hit::advice(Code::Contradiction, span, About::Both(first, second)))
}

/// What says that somebody is alone.
const ALONE: [&str; 7] = ["独自一人", "孤身一人", "只身一人", "独自", "孤身", "一个人", "唯一的"];

/// 孤身一人的登山者, and 五名登山者 further on.
fn alone(subject: &Subject<'_>, side: &Side) -> Option<Hit> {
    let text = page(subject, side);
    let (at, word) = ALONE.iter().filter_map(|it| text.find(it).map(|at| (at, *it))).min()?;
    let from = at + word.len();
    let many = text[from..]
        .match_indices(['名', '位', '个', '盏', '只', '座', '棵'])
        .take(16)
        .find_map(|(place, measure)| {
            let (start, end) = (from + place, from + place + measure.len());
            let number = text[..start].chars().next_back()?;
            if !matches!(
                number,
                '二' | '两' | '三' | '四' | '五' | '六' | '七' | '八' | '九' | '十' | '2'..='9'
            ) {
                return None;
            }
            let length = text[end..].char_indices().nth(1).map(|(at, c)| at + c.len_utf8())?;
            let name = &text[end..end + length];
            let is_named =
                name.chars().all(super::characters::is_han) && text[..start].contains(name);
            is_named.then(|| start - number.len_utf8()..end + length)
        })?;
    let shift = |range: Range<usize>| range.start + side.range.start..range.end + side.range.start;
    let (first, second) = (shift(at..from), shift(many));
    let span = first.start..second.end;
    Some(Hit::advice(Code::Contradiction, span, About::Both(first, second)))
}

fn chinese(subject: &Subject<'_>, side: &Side) -> Option<Hit> {
    let text = page(subject, side);
    if !text.contains('都') {
        return None;
    }
    let mut counts: Vec<Count<'_>> = Vec::new();
    let mut singles = 0_u32;
    let mut from = 0;
    while let Some(at) = text[from..].find(is_numeral) {
        let start = from + at;
        let end = start + text[start..].find(|c| !is_numeral(c)).unwrap_or(text.len() - start);
        from = end;
        let Some(value) = super::bilingual::chinese_number(&text[start..end]) else { continue };
        let Some(name) = text[end..].strip_prefix(COUNTED_BY) else {
            continue;
        };
        if text[..start].ends_with(['第', '每', '几', '数', '十', '多']) {
            continue;
        }
        if value < 2 {
            singles += 1;
            continue;
        }
        let of = GROUP_ZH.iter().find(|of| name.starts_with(**of)).copied();
        let rest = name.strip_prefix(of.unwrap_or_default()).unwrap_or(name);
        let span = side.range.start + start..side.range.start + text.len() - rest.len();
        let is_all = rest.trim_start_matches('全').starts_with('都');
        match (is_all, of) {
            // 五个人站着，两个人都戴帽子: fewer are some of them, since 都 does not say all.
            (true, _) if counts.iter().any(|it| it.value > value) => {}
            (true, of) => {
                let of = of.filter(|of| *of != "人").unwrap_or_default();
                if let Some(hit) = clash(&counts, singles, &Count { value, span, of }) {
                    return Some(hit);
                }
            }
            (false, Some(of)) => counts.push(Count { value, span, of }),
            (false, None) => {}
        }
    }
    None
}
