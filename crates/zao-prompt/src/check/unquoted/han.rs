//! Chinese text by what stands around it: 加上新年快乐四个字, 站牌：青石镇, 把小雨写在书包上. Text behind a verb of writing is not looked for here.

use std::ops::Range;

use super::Words;
use crate::check::Subject;
use crate::check::characters::{is_han, is_separator};
use crate::check::text::BLANK;
use crate::rules::{Group, Match};

/// How far in front of its count text may begin, in characters; and how long it is at most.
const REACH: usize = 18;
const LONGEST: usize = 16;

/// Verbs that say where text goes, behind it: 把…写在.
const PLACED: [&str; 12] = [
    "写在", "印在", "刻在", "绣在", "喷在", "题在", "写到", "印到", "写上", "印上", "漆在", "刻上",
];

/// What points at text in front: 小雨这个名字.
const POINTERS: [&str; 8] =
    ["这个名字", "这几个字", "这句话", "这个字", "这两个字", "这四个字", "这三个字", "这行字"];

/// Words that are no text but what text is called.
const NAMES: [&str; 20] = [
    "名字", "字", "文字", "标题", "诗", "诗句", "图案", "照片", "logo", "标志", "日期", "内容",
    "对联", "它", "他", "她", "一行", "颜色", "签名", "这些",
];

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Words>) {
    for counted in subject.matches.of(Group::CountedText) {
        found.extend(in_front(subject, &counted).map(Words::known));
    }
    for board in subject.matches.of(Group::Board) {
        found.extend(behind_colon(subject, &board).map(Words::known));
    }
    for verb in ['把', '将'] {
        for (at, verb) in subject.text.folded.match_indices(verb) {
            found.extend(placed(subject, at + verb.len()).map(Words::known));
        }
    }
}

/// The last characters in front of `end`, as far as text may reach.
fn before(folded: &str, end: usize) -> &str {
    let start =
        folded[..end].char_indices().rev().nth(REACH).map_or(0, |(at, c)| at + c.len_utf8());
    &folded[start..end]
}

fn breaks(c: char) -> bool {
    is_separator(c)
        || matches!(
            c,
            BLANK | '"' | '“' | '”' | '「' | '」' | '：' | ':' | '（' | '）' | '(' | ')' | ' '
        )
}

/// Text in front of how many characters it has.
fn in_front(subject: &Subject<'_>, counted: &Match) -> Option<Range<usize>> {
    let folded = &subject.text.folded;
    let table = &subject.rules.tables.unquoted;
    let near = before(folded, counted.start);
    let near = &near[near
        .rfind(breaks)
        .map_or(0, |at| at + near[at..].chars().next().map_or(1, char::len_utf8))..];
    if let Some(text) = as_many(near, &folded[counted.span()]) {
        return Some(counted.start - text.len()..counted.start);
    }
    // The opener that leaves the shortest text, and the longest of those.
    let opener = table
        .openers
        .iter()
        .filter_map(|opener| near.rfind(opener.as_str()).map(|at| at + opener.len()))
        .max()?;
    let text = &near[opener..];
    let is_described =
        table.between.iter().chain(&table.described).any(|word| text.starts_with(word.as_str()))
            || NAMES.contains(&text)
            || text.ends_with(['的', '个', '几', '些', '行', '大', '小', '色', '了']);
    let count = text.chars().count();
    let is_text = (1..=LONGEST).contains(&count)
        && !is_described
        && text.chars().all(|c| is_han(c) || c.is_ascii_alphanumeric());
    let start = counted.start - text.len();
    is_text.then_some(start..counted.start)
}

/// Numbers of characters that a count may say, and how many these are.
const NUMBERS: [(char, usize); 7] =
    [('两', 2), ('二', 2), ('三', 3), ('四', 4), ('五', 5), ('六', 6), ('八', 8)];

/// A phrase that has as many characters as the count behind it says: 小纹身，平安喜乐四个字.
fn as_many<'t>(phrase: &'t str, counted: &str) -> Option<&'t str> {
    let number = counted.chars().next()?;
    let (_, many) = NUMBERS.iter().find(|(c, _)| *c == number)?;
    let is_writing = counted.ends_with('字');
    let is_text = is_writing
        && phrase.chars().count() == *many
        && phrase.chars().all(is_han)
        && !phrase.ends_with(['的', '有', '着', '是', '写', '上', '下', '为', '和'])
        && !phrase.contains(['写', '印', '刻', '绣', '共', '只', '仅', '几'])
        && !NAMES.contains(&phrase);
    is_text.then_some(phrase)
}

/// Text behind the colon of a board.
fn behind_colon(subject: &Subject<'_>, board: &Match) -> Option<Range<usize>> {
    let folded = &subject.text.folded;
    let rest = &folded[board.end..];
    let behind = rest
        .trim_start_matches(['上', '写', '为', '是', '内', '容', '字', '着', '有'])
        .strip_prefix(['：', ':'])
        .or_else(|| behind_way(rest))?;
    let behind = behind.trim_start_matches(' ');
    let start = folded.len() - behind.len();
    let text = &behind[..behind.find(breaks).unwrap_or(behind.len())];
    let table = &subject.rules.tables.unquoted;
    let count = text.chars().count();
    let is_described = table.described.iter().any(|word| text.starts_with(word.as_str()));
    let is_text = (1..=LONGEST).contains(&count) && text.starts_with(is_han) && !is_described;
    is_text.then_some(start..start + text.len())
}

/// How far in front of a colon a board may stand, in characters.
const WAY: usize = 12;

/// What says in which letters text is, or where.
const WAYS: [&str; 30] = [
    "字",
    "体",
    "书",
    "排",
    "居中",
    "顶部",
    "底部",
    "上方",
    "下方",
    "中间",
    "中央",
    "正中",
    "左侧",
    "右侧",
    "左边",
    "右边",
    "左上角",
    "右上角",
    "左下角",
    "右下角",
    "上面",
    "下面",
    "毛笔",
    "手写",
    "竖版",
    "横版",
    "加粗",
    "烫金",
    "内容",
    "如下",
];

/// What stands behind the colon of a board of which is said how it is written: 标题用毛笔字：端午安康.
fn behind_way(rest: &str) -> Option<&str> {
    let (at, _) = rest.char_indices().take(WAY).find(|(_, c)| matches!(c, '：' | ':'))?;
    let way = &rest[..at];
    let is_way = way.chars().all(is_han) && WAYS.iter().any(|it| way.ends_with(it));
    is_way.then(|| rest[at..].trim_start_matches(['：', ':']))
}

/// Text between 把 and where it is written.
fn placed(subject: &Subject<'_>, start: usize) -> Option<Range<usize>> {
    let folded = &subject.text.folded;
    let rest = &folded[start..];
    let end = rest.char_indices().nth(REACH + LONGEST).map_or(rest.len(), |(at, _)| at);
    let phrase = &rest[..rest[..end].find(breaks).unwrap_or(end)];
    let place = PLACED.iter().filter_map(|verb| phrase.find(verb)).min()?;
    let mut text = &phrase[..place];
    for pointer in POINTERS {
        text = text.strip_suffix(pointer).unwrap_or(text);
    }
    let is_other = NAMES.iter().any(|name| text.ends_with(name)) || text.contains('的');
    let count = text.chars().count();
    ((2..=LONGEST).contains(&count) && !is_other).then_some(start..start + text.len())
}
