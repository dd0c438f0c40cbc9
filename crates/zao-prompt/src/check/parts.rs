//! How many parts of a kind one thing has, said twice: a single-tier cake, its seven tiers; 单层蛋糕，一共七层. It belongs to `contradiction`;
//! groups that are counted twice are judged by `totals` and `recount`.

use std::ops::Range;

use super::Subject;
use super::characters::is_numeral;
use super::edit::{About, Hit};
use super::totals::{page, words};
use crate::Code;

/// Parts of things, each list of words for the same.
const PARTS: [&[&str]; 3] = [
    &["tier", "tiers", "tiered", "layer", "layers", "layered"],
    &["storey", "storeys", "story", "stories", "storied", "floor", "floors"],
    &["deck", "decks", "decker"],
];

/// In front of a number these tell that some of the parts are meant, or those of another thing.
const SOME: [&str; 12] = [
    "top", "bottom", "upper", "lower", "other", "first", "last", "middle", "next", "another", "a",
    "the",
];

/// One finding for each side at most.
pub(super) fn find(subject: &Subject<'_>) -> Vec<Hit> {
    let sides = subject.text.sides.iter();
    let found = sides.filter_map(|side| {
        let text = page(subject, side);
        let (first, second) = match side.is_chinese {
            true => chinese(text)?,
            false => english(subject, text)?,
        };
        let shift =
            |range: Range<usize>| range.start + side.range.start..range.end + side.range.start;
        Some(clash(shift(first), shift(second)))
    });
    found.collect()
}

fn clash(one: Range<usize>, other: Range<usize>) -> Hit {
    let (first, second) = if one.start < other.start { (one, other) } else { (other, one) };
    let span = first.start..second.end;
    Hit::advice(Code::Contradiction, span, About::Both(first, second))
}

fn english(subject: &Subject<'_>, text: &str) -> Option<(Range<usize>, Range<usize>)> {
    let numbers = &subject.rules.tables.bilingual.numbers;
    let value = |word: &str| match word {
        "single" => Some(1),
        "double" => Some(2),
        "triple" => Some(3),
        _ => numbers.get(word).copied().or_else(|| word.parse().ok()),
    };
    if !PARTS.iter().any(|parts| text.contains(parts[0])) {
        return None;
    }
    let words = words(text);
    let mut joined: Option<(u32, usize, Range<usize>)> = None;
    let mut counted: Option<(u32, usize, Range<usize>)> = None;
    for (index, pair) in words.windows(2).enumerate() {
        let ((at, number), (start, part)) = (pair[0], pair[1]);
        let Some(kind) = PARTS.iter().position(|parts| parts.contains(&part)) else { continue };
        let Some(number) = value(number).filter(|number| (1..200).contains(number)) else {
            continue;
        };
        let span = at..start + part.len();
        let before = index.checked_sub(1).map_or("", |before| words[before].1);
        if text[at..start].ends_with('-') {
            joined = joined.or(Some((number, kind, span)));
        } else if part.ends_with('s') && number > 1 && !SOME.contains(&before) {
            counted = counted.or(Some((number, kind, span)));
        }
    }
    let ((one, kind, first), (all, of, second)) = (joined?, counted?);
    let between = &text[first.end.min(second.end)..first.start.max(second.start)];
    let is_other = ["beside", "next to", "another", "other", "opposite", "behind", "between"];
    (kind == of && all > one && !is_other.iter().any(|word| between.contains(word)))
        .then_some((first, second))
}

/// What says in Chinese that all layers are counted.
const ALL: [&str; 8] = ["一共", "总共", "共有", "足足", "足有", "高达", "多达", "共"];

fn chinese(text: &str) -> Option<(Range<usize>, Range<usize>)> {
    heads(text).or_else(|| layers(text))
}

/// The numbers in front of a word, with where they begin and end.
fn numbers<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = (u32, Range<usize>)> + 't {
    text.match_indices(word).take(8).filter_map(move |(at, word)| {
        let before = &text[..at];
        if let Some(rest) = before.strip_suffix('单').or_else(|| before.strip_suffix('双')) {
            let value = if before.ends_with('单') { 1 } else { 2 };
            return Some((value, rest.len()..at + word.len()));
        }
        let number = before.trim_end_matches(is_numeral);
        let value = super::bilingual::chinese_number(&before[number.len()..])?;
        Some((value, number.len()..at + word.len()))
    })
}

/// A figure of three heads, and of nine.
fn heads(text: &str) -> Option<(Range<usize>, Range<usize>)> {
    let (first, one) = numbers(text, "头身").next()?;
    let (_, other) = numbers(text, "头身").find(|(number, _)| *number != first)?;
    Some((one, other))
}

/// A cake of one layer, and of seven in all.
fn layers(text: &str) -> Option<(Range<usize>, Range<usize>)> {
    let is_all = |it: &Range<usize>| {
        ALL.iter().any(|all| text[..it.start].ends_with(all)) || text[it.end..].starts_with('高')
    };
    let (all, second) = numbers(text, "层").find(|(_, it)| is_all(it))?;
    let (_, first) = numbers(text, "层")
        .find(|(number, it)| *it != second && *number < all && !text[..it.start].ends_with('第'))?;
    // 第一层 of a building of seven is no other one.
    let is_whole = text[first.clone()].starts_with(['单', '双']) || first.start < second.start;
    let is_floor = text[first.end..].starts_with(['阳', '窗', '是', '有', '的', '有', '：', ':']);
    let between = text.get(first.end.min(second.end)..first.start.max(second.start));
    let is_other = between.is_none_or(|it| it.contains(['旁', '后', '前', '另', '隔', '邻']));
    (is_whole && !is_floor && !is_other).then_some((first, second))
}
