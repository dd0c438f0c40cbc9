//! A place that is said to have nothing on it, and to have something: nothing on the table, plates stacked on the table; 空空的书架，书架上摆满书.
//! It belongs to `contradiction`; vessels with something inside are judged by `contents`.

use std::ops::Range;

use super::Subject;
use super::characters::is_separator;
use super::edit::{About, Hit};
use super::totals::page;
use super::word::{follows, precedes};
use crate::Code;

/// Places that things stand, lie or hang on.
const PLACES: [&str; 24] = [
    "table",
    "tabletop",
    "desk",
    "desktop",
    "shelf",
    "shelves",
    "counter",
    "countertop",
    "plate",
    "tray",
    "basket",
    "windowsill",
    "mantelpiece",
    "bookcase",
    "bookshelf",
    "bookshelves",
    "cupboard",
    "fridge",
    "wardrobe",
    "drawer",
    "nightstand",
    "workbench",
    "sideboard",
    "clothesline",
];

/// What says that there is something on one, right behind its name.
const FULL: [&str; 22] = [
    "piled",
    "stacked",
    "covered",
    "laden",
    "crammed",
    "crowded",
    "filled",
    "packed",
    "strewn",
    "heaped",
    "loaded",
    "overflowing",
    "groaning",
    "full of",
    "is piled",
    "is stacked",
    "is covered",
    "is laden",
    "are packed",
    "are crammed",
    "are filled",
    "is crowded",
];

/// Verbs in front of `on the table`.
const THERE: [&str; 14] = [
    "stand", "stands", "standing", "lie", "lies", "lying", "sit", "sits", "sitting", "rest",
    "rests", "stacked", "piled", "arranged",
];

/// What says that only some of it is meant, or another place.
const OTHERS: [&str; 14] = [
    "half", "nearly", "almost", "other", "another", "next to", "beside", "one ", "except", "一半",
    "另一", "旁边", "其他", "隔壁",
];

/// Chinese places, each by the character that its names end with.
const PLACES_HAN: [char; 14] =
    ['桌', '柜', '架', '墙', '盘', '篮', '台', '床', '凳', '托', '几', '绳', '箱', '案'];

/// What says of one that nothing is there, behind 上 or 里.
const NOTHING: [&str; 13] = [
    "什么也没有",
    "什么都没有",
    "空无一物",
    "空空如也",
    "空空荡荡",
    "空荡荡",
    "空空的",
    "没有任何东西",
    "什么也没放",
    "什么都没放",
    "什么都没摆",
    "什么也没摆",
    "没放任何东西",
];

/// What says the same in front of one.
const EMPTY: [&str; 5] = ["空空的", "空荡荡的", "空空如也的", "空无一物的", "空着的"];

/// What says that something is there, behind 上, 里 or 面.
const SOMETHING: [&str; 17] = [
    "摆着",
    "摆满",
    "放着",
    "放满",
    "堆着",
    "堆满",
    "塞满",
    "摆了",
    "铺满",
    "码满",
    "插满",
    "散落着",
    "摊着",
    "躺着",
    "立着",
    "放了",
    "晾满",
];

/// One finding for each side at most.
pub(super) fn find(subject: &Subject<'_>) -> Vec<Hit> {
    let sides = subject.text.sides.iter();
    let found = sides.filter_map(|side| {
        let text = page(subject, side);
        let (first, second) = if side.is_chinese { chinese(text) } else { english(text) }?;
        let between = text.get(first.end..second.start)?;
        if OTHERS.iter().any(|other| between.contains(other)) {
            return None;
        }
        let shift =
            |range: Range<usize>| range.start + side.range.start..range.end + side.range.start;
        let (first, second) = (shift(first), shift(second));
        let span = first.start..second.end;
        Some(Hit::advice(Code::Contradiction, span, About::Both(first, second)))
    });
    found.collect()
}

fn english(text: &str) -> Option<(Range<usize>, Range<usize>)> {
    if !["nothing on", "nothing in", "empty", "bare"].iter().any(|none| text.contains(none)) {
        return None;
    }
    PLACES.iter().find_map(|place| {
        let (at, _) = text.match_indices(place).find(|(at, _)| is_bare(text, *at, place))?;
        let end = at + place.len();
        let mut again = text[end..].match_indices(place).map(|(there, _)| end + there);
        again.find_map(|there| has_something(text, there, place)).map(|second| (at..end, second))
    })
}

/// Whether nothing is on the place that is named here.
fn is_bare(text: &str, at: usize, place: &str) -> bool {
    let (before, behind) = (text[..at].trim_end(), text[at + place.len()..].trim_start());
    let is_whole = follows(&text[at..], place) && text[..at].ends_with([' ', '\n']);
    let is_in_front = ["nothing on the", "nothing in the", "empty", "bare", "nothing on a"]
        .iter()
        .any(|none| precedes(before, none));
    let is_behind = [
        "with nothing on it",
        "with nothing in it",
        "with nothing on",
        "is empty",
        "is bare",
        "are empty",
        "are bare",
        "stands empty",
        "left empty",
    ]
    .iter()
    .any(|none| behind.starts_with(none));
    let is_half = OTHERS[..3]
        .iter()
        .chain(&["an otherwise empty"])
        .any(|half| before.contains(&format!("{half} empty")));
    is_whole && (is_in_front || is_behind) && !is_half
}

/// What says that something is on the place that is named again.
fn has_something(text: &str, at: usize, place: &str) -> Option<Range<usize>> {
    let end = at + place.len();
    let behind = text[end..].trim_start();
    let before = text[..at].trim_end();
    if let Some(full) = FULL.iter().find(|full| follows(behind, full)) {
        return Some(at..text.len() - behind.len() + full.len());
    }
    let rest =
        ["on the", "on its", "in the"].iter().find_map(|on| before.strip_suffix(on))?.trim_end();
    let verb = THERE.iter().find(|verb| precedes(rest, verb))?;
    (behind.is_empty() || behind.starts_with(is_separator) || behind.starts_with("with"))
        .then(|| rest.len() - verb.len()..end)
}

fn chinese(text: &str) -> Option<(Range<usize>, Range<usize>)> {
    let (place, first) = nothing(text).or_else(|| empty(text))?;
    let mut again =
        text[first.end..].match_indices(place).map(|(at, it)| first.end + at + it.len());
    let second = again.find_map(|end| {
        let behind = &text[end..];
        let rest = behind.trim_start_matches(['子', '面', '上', '里', '中', '头']);
        let said =
            SOMETHING.iter().find(|said| rest.starts_with(**said) && rest.len() < behind.len())?;
        Some(end - place.len_utf8()..text.len() - rest.len() + said.len())
    })?;
    Some((first, second))
}

/// 桌上什么也没有.
fn nothing(text: &str) -> Option<(char, Range<usize>)> {
    NOTHING.iter().find_map(|none| {
        let at = text.find(none)?;
        let before = text[..at].trim_end_matches(['上', '里', '面', '中', '子']);
        let place =
            before.chars().next_back().filter(|c| before.len() < at && PLACES_HAN.contains(c))?;
        Some((place, before.len() - place.len_utf8()..at + none.len()))
    })
}

/// 空空的书架.
fn empty(text: &str) -> Option<(char, Range<usize>)> {
    EMPTY.iter().find_map(|none| {
        let at = text.find(none)?;
        let behind = &text[at + none.len()..];
        let (offset, place) =
            behind.char_indices().take(3).find(|(_, c)| PLACES_HAN.contains(c))?;
        Some((place, at..at + none.len() + offset + place.len_utf8()))
    })
}
