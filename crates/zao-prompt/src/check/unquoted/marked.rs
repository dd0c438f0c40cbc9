//! Whether what a thing is marked with in Chinese is text or a picture: 车身喷着甜筒先生, but 杯子上印着小熊. Where that begins and ends is
//! not looked for here.

use super::Words;
use crate::check::Subject;
use crate::check::characters::is_han;
use crate::rules::{Group, Match};

/// Text of a mark is no longer, in characters.
const LONGEST: usize = 16;

/// Verbs of marking, by a character in them: 印着, 绣有, 标注. What is drawn, hung or put together is no mark.
const MARKS: [char; 14] =
    ['印', '绣', '刻', '镌', '烫', '喷', '刷', '漆', '烙', '凿', '錾', '标', '注', '署'];

/// Verbs of screens and of what is put together of letters.
const SHOWS: [&str; 18] = [
    "显示",
    "滚动",
    "滚动播放",
    "投影",
    "投射",
    "弹出",
    "闪现",
    "浮现",
    "打出",
    "拼成",
    "拼出",
    "拼着",
    "摆出",
    "摆成",
    "挤出",
    "裱",
    "亮出",
    "跳出",
];

/// Measure words behind a number: 一只小熊, 几朵云.
const COUNTS: &str = "只条朵个张幅串行排圈对双棵座轮片枚组些颗把道匹头层点丝抹块面根株支束枝群种扇艘辆架栋件套副段句首团堆滴缕簇列队位名尊道环弯棵匹颗簇";

/// What mixed letters behind such a verb are that are a picture, or say what is drawn.
const PICTURED: [&str; 24] = [
    "hello kitty",
    "mickey",
    "minnie",
    "snoopy",
    "pikachu",
    "totoro",
    "doraemon",
    "disney",
    "pokemon",
    "miffy",
    "kitty",
    "batman",
    "spiderman",
    "spider-man",
    "superman",
    "iron man",
    "logo",
    "icon",
    "ip",
    "q",
    "led",
    "emoji",
    "app",
    "3d",
];

/// A character of Chinese, in bytes.
const HAN: usize = 3;

/// What is known of a prompt that marks are judged by.
pub(super) struct Things<'m> {
    pub(super) carriers: &'m [Match],
    /// Things that are drawn.
    pub(super) nouns: &'m [Match],
    pub(super) boards: &'m [Match],
}

impl<'m> Things<'m> {
    /// Whether one of a list ends at a place.
    fn ends_at(list: &[Match], end: usize) -> bool {
        let at = list.partition_point(|it| it.end < end);
        list.get(at).is_some_and(|it| it.end == end)
    }

    /// Whether one of a list of two characters or more begins at a place: 熊猫吃竹子.
    fn begins_at(list: &[Match], start: usize) -> bool {
        let at = list.partition_point(|it| it.start < start);
        list.get(at).is_some_and(|it| it.start == start && it.end - it.start > HAN)
    }

    /// Whether one of a list stands between two places.
    fn is_between(list: &'m [Match], start: usize, end: usize) -> bool {
        let at = list.partition_point(|it| it.start < start);
        list.get(at).is_some_and(|it| it.end <= end)
    }
}

/// The things of a prompt that its nouns are, where there is something to judge.
pub(super) fn nouns(subject: &Subject<'_>, is_asked: bool) -> Vec<Match> {
    if is_asked { subject.matches.of(Group::Noun) } else { Vec::new() }
}

/// Whether a phrase behind such a verb is text.
pub(super) fn is_text(
    subject: &Subject<'_>,
    things: &Things<'_>,
    introduction: &Match,
    phrase: &str,
    start: usize,
) -> bool {
    let folded = &subject.text.folded;
    let introduces = &folded[introduction.span()];
    let from = segment_start(subject, introduction.start);
    let has_board = Things::is_between(things.boards, from, introduction.start);
    let has_carrier = has_board || Things::is_between(things.carriers, from, introduction.start);
    let is_shown = SHOWS.iter().any(|it| introduces.contains(it));
    if !is_shown && !introduces.contains(MARKS) {
        return false;
    }
    let prompt = subject.text.prompt;
    if let Some(first) = prompt[start..].chars().next().filter(char::is_ascii_alphabetic) {
        return is_foreign(phrase) && first.is_ascii_uppercase();
    }
    let least = match (has_board, is_shown) {
        (_, true) => 4,
        (true, false) => 2,
        (false, false) => 3,
    };
    // Red paint is sprayed on anything; text on what carries it.
    let is_paint = introduces.contains(['喷', '刷', '漆']) && !introduces.contains('印');
    let needs_carrier = is_shown || is_paint;
    let count = phrase.chars().count();
    (least..=LONGEST).contains(&count)
        && (has_carrier || !needs_carrier)
        && phrase
            .chars()
            .all(|c| is_han(c) || c.is_ascii_alphanumeric() || matches!(c, ' ' | '·' | '・'))
        && !is_picture(subject, things, phrase, start)
}

/// Whether a phrase of Chinese names something that is drawn.
pub(super) fn is_picture(
    subject: &Subject<'_>,
    things: &Things<'_>,
    phrase: &str,
    start: usize,
) -> bool {
    let (rules, table) = (subject.rules, &subject.rules.tables.unquoted);
    if phrase.contains('的')
        || goes_on(phrase)
        || rules.drawn.begin(phrase)
        || counts_things(phrase)
        || table.inner.iter().any(|word| phrase.contains(word.as_str()))
    {
        return true;
    }
    let has_digit = phrase.bytes().any(|byte| byte.is_ascii_digit());
    !rules.marked_names.end(phrase)
        && !has_digit
        && (rules.pictures.end(phrase)
            || phrase.contains(['和', '与', '及'])
            || Things::ends_at(things.nouns, start + phrase.len())
            || Things::begins_at(things.nouns, start))
}

/// Whether something is being done in a phrase: 熊猫抱着竹子, but not: 向着顶峰.
fn goes_on(phrase: &str) -> bool {
    let mut doing = phrase.match_indices('着');
    doing.any(|(at, _)| !phrase[..at].ends_with(['向', '随', '沿', '朝', '趁', '有', '本']))
}

/// Whether a phrase begins with a number of things.
fn counts_things(phrase: &str) -> bool {
    let mut characters = phrase.chars();
    let number = characters.next();
    let is_number = number.is_some_and(|c| "一二两三四五六七八九十几数多半".contains(c));
    is_number && characters.next().is_some_and(|c| COUNTS.contains(c))
}

/// Whether a phrase is of letters that Chinese is not written in, and no name of a picture.
pub(super) fn is_foreign(phrase: &str) -> bool {
    let is_letters = |c: char| c.is_ascii() || super::is_latin(c) || c == '’';
    phrase.chars().all(is_letters)
        && phrase.bytes().filter(u8::is_ascii_alphanumeric).count() > 1
        && !PICTURED.iter().any(|it| {
            phrase.strip_prefix(it).is_some_and(|rest| !rest.starts_with(super::is_latin))
        })
}

/// Where the phrase begins that a place is in.
fn segment_start(subject: &Subject<'_>, place: usize) -> usize {
    let at = subject.text.segments.partition_point(|it| it.end < place);
    subject.text.segments.get(at).map_or(0, |it| it.start.min(place))
}

/// Text behind a board of which is said what is on it: 匾上是听雨轩.
pub(super) fn on_board(subject: &Subject<'_>, things: &Things<'_>, board: &Match) -> Option<Words> {
    let folded = &subject.text.folded;
    let rest = &folded[board.end..];
    let behind = ["上面是", "上是", "上的是"].iter().find_map(|it| rest.strip_prefix(it))?;
    let start = folded.len() - behind.len();
    let phrase = &behind[..behind.find(super::ends_phrase).unwrap_or(behind.len())];
    let is_short = (3..=LONGEST).contains(&phrase.chars().count());
    let is_text = is_short
        && phrase.chars().all(is_han)
        && !subject.rules.plain_ends.end(phrase)
        && !subject.rules.plain.begin(phrase)
        && !is_picture(subject, things, phrase, start);
    is_text.then(|| Words::known(start..start + phrase.len()))
}
