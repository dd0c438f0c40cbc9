//! A background that is said to be two things: white, and deep blue further on. It belongs to `contradiction`; what stands in front of a
//! background is not judged here.

use super::Subject;
use super::contradiction::is_elsewhere;
use super::edit::{About, Hit};
use super::text::Side;
use super::word::{follows, precedes};
use crate::Code;
use crate::rules::Match;

const NAMES: [&str; 3] = ["背景", "background", "backdrop"];

/// Behind these it is a light or a sound.
const OTHERS: [&str; 10] = ["光", "灯", "音", "板", "布", "纸", "墙", "light", "music", "noise"];

/// What leads from a background to what it is.
const LINKS: [&str; 9] = ["是", "为", "用", "颜色是", "颜色为", "：", ":", "is", "should be"];

/// What may stand between that and the colour.
const FILLERS: [&str; 6] = ["一片", "纯", "全", "a", "plain", "solid"];

/// Words of a background in which nothing is, as they stand in front of its name.
const PLAIN: [&str; 30] = [
    "plain white",
    "plain",
    "pure white",
    "solid white",
    "seamless white",
    "seamless",
    "white seamless",
    "plain grey",
    "plain gray",
    "plain black",
    "pure black",
    "solid",
    "solid color",
    "solid colour",
    "blank",
    "empty",
    "transparent",
    "white studio",
    "white",
    "纯白",
    "纯色",
    "纯黑",
    "纯灰",
    "空白",
    "白色",
    "纯白色",
    "透明",
    "单色",
    "纯蓝",
    "纯红",
];

/// Places with which a background is none of those, where somebody stands in front of them.
const PLACES: [&str; 43] = [
    "street",
    "crossing",
    "market",
    "city",
    "skyline",
    "forest",
    "beach",
    "mountain",
    "mountains",
    "crowd",
    "traffic",
    "harbour",
    "harbor",
    "garden",
    "park",
    "sea",
    "ocean",
    "river",
    "lake",
    "village",
    "castle",
    "station",
    "shelves",
    "library",
    "kitchen",
    "office",
    "stadium",
    "temple",
    "bridge",
    "desert",
    "waterfall",
    "field",
    "sunset",
    "alley",
    "square",
    "bookshelf",
    "jungle",
    "cafe",
    "café",
    "bar",
    "shop",
    "buildings",
    "skyscrapers",
];
const BEHIND: [&str; 4] = ["behind her", "behind him", "behind it", "behind them"];
const PLACES_HAN: [&str; 62] = [
    "雨林",
    "森林",
    "丛林",
    "树林",
    "竹林",
    "草原",
    "雪山",
    "群山",
    "山脉",
    "大海",
    "海滩",
    "沙滩",
    "沙漠",
    "城市",
    "街道",
    "街头",
    "夜市",
    "市场",
    "集市",
    "花园",
    "花海",
    "花田",
    "公园",
    "校园",
    "教室",
    "图书馆",
    "书架",
    "厨房",
    "办公室",
    "咖啡馆",
    "咖啡厅",
    "车站",
    "港口",
    "湖",
    "河",
    "瀑布",
    "星空",
    "夜空",
    "银河",
    "宇宙",
    "城堡",
    "宫殿",
    "寺庙",
    "古镇",
    "村庄",
    "田野",
    "麦田",
    "稻田",
    "废墟",
    "霓虹",
    "高楼",
    "摩天大楼",
    "天际线",
    "人群",
    "舞台",
    "体育场",
    "球场",
    "夕阳",
    "日落",
    "晚霞",
    "樱花",
    "枫林",
];

/// How far behind the name of a background the place may stand, in bytes.
const REACH: usize = 60;

/// In front of a colour these make it one of several.
const MIXTURES: [&str; 9] = ["和", "与", "到", "、", "and", "to", "or", "&", "/"];

/// Backgrounds that are looked at; nobody who means a picture names more.
const MOST: usize = 32;

/// The first background of each side that is something else than the one before.
pub(super) fn find(subject: &Subject<'_>) -> Vec<Hit> {
    let clashes = |side| clash(subject, side).or_else(|| place(subject, side));
    subject.text.sides.iter().filter_map(clashes).collect()
}

/// A background in which nothing is, and a place that is behind somebody all the same: plain white, and a street behind her.
fn place(subject: &Subject<'_>, side: &Side) -> Option<Hit> {
    let text = &subject.text.folded[side.range.clone()];
    let plain = NAMES.iter().find_map(|name| {
        text.match_indices(name).take(MOST).find_map(|(at, name)| {
            let before = text[..at].trim_end_matches(' ');
            let before = before.strip_suffix('的').unwrap_or(before);
            let word =
                PLAIN.iter().filter(|word| precedes(before, word)).max_by_key(|word| word.len())?;
            Some((before.len() - word.len(), at + name.len()))
        })
    })?;
    let (start, end) = (side.range.start + plain.0, side.range.start + plain.1);
    let segments =
        subject.text.segments.iter().filter(|it| it.start >= end && it.end <= side.range.end);
    let there = segments.take(MOST).find_map(|segment| {
        let clause = &subject.text.folded[segment.clone()];
        let is_place = match clause.strip_prefix("背景是").or_else(|| clause.strip_prefix("背景为"))
        {
            Some(rest) => {
                rest.len() <= REACH && PLACES_HAN.iter().any(|place| rest.contains(place))
            }
            None => BEHIND.iter().any(|behind| {
                clause
                    .strip_suffix(behind)
                    .is_some_and(|rest| rest.split_whitespace().any(|word| PLACES.contains(&word)))
            }),
        };
        is_place.then_some(Match { start: segment.start, end: segment.end, item: 0 })
    })?;
    let plain = Match { start, end, item: 0 };
    (!is_elsewhere(subject, &plain, &there)).then(|| {
        Hit::advice(Code::Contradiction, start..there.end, About::Both(plain.span(), there.span()))
    })
}

fn clash(subject: &Subject<'_>, side: &Side) -> Option<Hit> {
    let text = &subject.text.folded[..side.range.end];
    let mut first: Option<Match> = None;
    let mut places: Vec<(usize, usize)> = Vec::new();
    for name in NAMES {
        let found = text[side.range.start..].match_indices(name);
        places.extend(found.map(|(at, name)| {
            let start = side.range.start + at;
            (start, start + name.len())
        }));
    }
    places.sort_unstable();
    places.truncate(MOST);
    for (start, end) in places {
        let Some(ground) = ground(subject, text, start, end) else { continue };
        match &first {
            None => first = Some(ground),
            Some(first) if first.item != ground.item && !is_elsewhere(subject, first, &ground) => {
                let about = About::Both(first.span(), ground.span());
                let span = first.start..ground.end;
                return Some(Hit::advice(Code::Contradiction, span, about));
            }
            Some(_) => {}
        }
    }
    None
}

/// What a background is, with the number of its family; nothing where it is a mixture, or nothing is said.
fn ground(subject: &Subject<'_>, text: &str, start: usize, end: usize) -> Option<Match> {
    let behind = &text[end..];
    if OTHERS.iter().any(|word| behind.trim_start().starts_with(word)) {
        return None;
    }
    let families = || subject.rules.tables.contradiction.grounds.values().enumerate();
    let longest = |fits: &dyn Fn(&str) -> bool| {
        let words = families().flat_map(|(item, words)| words.iter().map(move |it| (item, it)));
        words.filter(|(_, word)| fits(word)).max_by_key(|(_, word)| word.len())
    };
    let before = text[..start].trim_end_matches(' ');
    let before = before.strip_suffix('的').unwrap_or(before);
    if let Some((item, word)) = longest(&|word| precedes(before, word)) {
        let rest = before[..before.len() - word.len()].trim_end_matches(' ');
        let is_mixed = MIXTURES.iter().any(|mixture| precedes(rest, mixture))
            || longest(&|word| precedes(rest, word)).is_some();
        return (!is_mixed).then_some(Match { start: before.len() - word.len(), end, item });
    }
    let rest = behind.trim_start_matches(' ');
    let link = LINKS.iter().filter(|link| follows(rest, link)).max_by_key(|link| link.len());
    let mut rest = rest[link?.len()..].trim_start_matches(' ');
    while let Some(filler) = FILLERS.iter().find(|filler| follows(rest, filler)) {
        // 纯白 is a word of its own.
        if longest(&|word| follows(rest, word)).is_some() {
            break;
        }
        rest = rest[filler.len()..].trim_start_matches(' ');
    }
    // A single character begins other words: 背景是白墙.
    let is_whole = |word: &str| word.chars().nth(1).is_some() && follows(rest, word);
    let (item, word) = longest(&is_whole)?;
    let to = text.len() - rest.len() + word.len();
    let tail = text[to..].trim_start_matches(' ');
    let is_mixed = MIXTURES.iter().any(|mixture| follows(tail, mixture));
    (!is_mixed).then_some(Match { start, end: to, item })
}
