//! What puts one of two words into another place or time, so that both can be: through the window, on a screen, years ago. It belongs to
//! `contradiction`.

use super::Subject;
use super::contradiction::{SHEETS, clauses};
use crate::rules::{Group, Match};

/// Whether one of the two is seen through a window, on a screen, in the distance.
pub(super) fn is_elsewhere(subject: &Subject<'_>, first: &Match, second: &Match) -> bool {
    is_apart(subject, first, second, &[])
}

/// Places that are still in the picture.
pub(super) const DISTANCES: [&str; 18] = [
    "in the distance",
    "foreground",
    "in the background",
    "前景",
    "远处",
    "远方",
    "背景里",
    "backdrop",
    "beside him",
    "beside her",
    "on the left",
    "left side",
    "左边",
    "左侧",
    "on the right",
    "right side",
    "右边",
    "右侧",
];

/// Words of places in the picture, and of what is seen of somebody, which leave one thing what it is.
pub(super) const POSITIONS: [&str; 41] = [
    "in the distance",
    "foreground",
    "in the background",
    "backdrop",
    "beside him",
    "beside her",
    "on the left",
    "left side",
    "on the right",
    "right side",
    "on the wall",
    "on a wall",
    "reflection",
    "reflected",
    "layered",
    "in hand",
    "one hand",
    "前景",
    "远处",
    "远方",
    "背景里",
    "左边",
    "左侧",
    "右边",
    "右侧",
    "墙上",
    "屏幕",
    "倒影",
    "脚边",
    "点缀",
    "窗外",
    "相框",
    "画框",
    "只有",
    "唯一",
    "仅有",
    "only one",
    "only her",
    "only his",
    "through the window",
    "outside the window",
];

/// When the rain is over, which tells two words of weather apart and nothing else.
const AFTER_RAIN: [&str; 8] = [
    "after the rain",
    "after rain",
    "rain has stopped",
    "rain stops",
    "雨后",
    "雨停",
    "刚下过雨",
    "雨过",
];

/// What words of weather have in them.
const WEATHER: [&str; 21] = [
    "rain", "wet", "dry", "sun", "cloud", "clear", "fog", "mist", "storm", "puddle", "drizzl",
    "downpour", "雨", "湿", "干", "晴", "阳光", "云", "雾", "虹", "sky",
];

/// What words of seasons have in them, which surround all that is in a picture.
const SEASONS: [&str; 6] = ["summer", "winter", "snow", "夏", "冬", "雪"];

/// Where one thing is on, under or in the hand of another, which says nothing of the air around both: a pug under a sunshade.
const LAYERS: [&str; 9] = [
    "under a",
    "worn over",
    "one hand",
    "in hand",
    "in her hand",
    "in his hand",
    "一手",
    "单手",
    "拎着",
];

/// Words that put only what their own clause speaks of into another place: what stands in clauses between the two is somewhere else, and
/// they are not.
const STAYS: [&str; 46] = [
    "reflection",
    "reflected",
    "in hand",
    "in her hand",
    "in his hand",
    "one hand",
    "other hand",
    "figurine",
    "model of",
    "scale model",
    "tattoo of",
    "on the wall",
    "on a wall",
    "on a mug",
    "on a vase",
    "on a t-shirt",
    "on the cover",
    "painted on",
    "printed on",
    "a touch of",
    "accents of",
    "pops of",
    "in a frame",
    "television",
    "backdrop",
    "in the distance",
    "foreground",
    "in the background",
    "costume",
    "mask of",
    "layered",
    "one hand",
    "倒影",
    "墙上",
    "手办",
    "模型",
    "面具",
    "远处",
    "远方",
    "前景",
    "背景里",
    "一手",
    "单手",
    "一只手",
    "点缀",
    "脚边",
];

/// The same, where some places are no other ones.
pub(super) fn is_apart(subject: &Subject<'_>, first: &Match, second: &Match, not: &[&str]) -> bool {
    let range = clauses(subject, first, second);
    let own = |it: &Match| [first, second].iter().any(|of| of.start < it.end && it.start < of.end);
    let mut places = subject.matches.of(Group::Elsewhere);
    places.extend(subject.matches.outside(Group::Contrast, Group::NoContrast));
    let word = |it: &Match| &subject.text.folded[it.span()];
    let says = |words: &[&str]| {
        [first, second].iter().any(|of| words.iter().any(|it| word(of).contains(it)))
    };
    let (is_weather, is_season) = (says(&WEATHER), says(&SEASONS));
    // The rain is over only for the weather, and a sunshade covers no season.
    let is_no_place = |word: &str| {
        not.contains(&word)
            || (!is_weather && AFTER_RAIN.contains(&word))
            || (is_season && LAYERS.contains(&word))
    };
    // 画中央 is a place in the picture, and no picture in it.
    let is_middle = |it: &Match| {
        word(it) == "画中" && subject.text.folded[it.end..].starts_with(['央', '心', '间'])
    };
    let here = [clauses(subject, first, first), clauses(subject, second, second)];
    let segments = &subject.text.segments;
    let number = |at: usize| segments.partition_point(|segment| segment.end <= at);
    let is_near = |it: &Match| {
        let (own, behind) = (number(it.start), !STAYS.contains(&word(it)));
        here.iter().any(|clause| clause.contains(&it.start))
            || (behind && here.iter().any(|clause| number(clause.start) == own + 1))
    };
    let mut apart = places.iter().filter(|it| !is_no_place(word(it)) && is_near(it));
    apart.any(|it| {
        range.contains(&it.start) && !own(it) && !SHEETS.contains(&word(it)) && !is_middle(it)
    })
}
