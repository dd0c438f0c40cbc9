//! What puts one of two words into another place or time, so that both can be: through the window, on a screen, years ago. It belongs to
//! `contradiction`.

use std::ops::Range;

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
    // 年轻时 begins with 年轻 and says when.
    let own = |it: &Match| {
        [first, second].iter().any(|of| {
            let is_longer = of.start == it.start
                && it.end > of.end
                && WHEN.iter().any(|when| subject.text.folded[it.span()].ends_with(when));
            of.start < it.end && it.start < of.end && !is_longer
        })
    };
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
    if is_in_and_out(&subject.text.folded, &range, [first, second])
        || [first, second]
            .iter()
            .any(|it| is_mirrored(&subject.text.folded[clauses(subject, it, it)]))
    {
        return true;
    }
    let here = [clauses(subject, first, first), clauses(subject, second, second)];
    let segments = &subject.text.segments;
    let number = |at: usize| segments.partition_point(|segment| segment.end <= at);
    let is_near = |it: &Match| {
        let (own, behind) = (number(it.start), !STAYS.contains(&word(it)));
        here.iter().any(|clause| clause.contains(&it.start))
            || (behind && here.iter().any(|clause| number(clause.start) == own + 1))
    };
    // Under a cloudless sky, which is what is said of the whole picture.
    let is_above = |it: &Match| {
        word(it) == "under a" && [first, second].iter().any(|of| of.start == it.end + 1)
    };
    // Seen from a low angle: that is no place of its own.
    let is_view = |it: &Match| {
        word(it).ends_with("from a") && {
            let behind = subject.text.folded[it.end..].trim_start();
            VIEWS.iter().any(|view| behind.starts_with(view))
        }
    };
    let mut apart = places
        .iter()
        .filter(|it| !(is_no_place(word(it)) || is_view(it) || is_above(it)) && is_near(it));
    apart.any(|it| {
        range.contains(&it.start) && !own(it) && !SHEETS.contains(&word(it)) && !is_middle(it)
    })
}

/// What ends a word for another time.
const WHEN: [&str; 3] = ["时", "时候", "时代"];

/// What a picture is seen from without being anywhere else.
const VIEWS: [&str; 13] = [
    "low", "high", "distance", "bird", "worm", "drone", "side", "first", "top", "three", "slight",
    "close", "steep",
];

/// How much of a clause may stand between `in the` and its mirror, in bytes.
const MIRROR: usize = 28;

/// Whether something is seen in the dressing room mirror, or in a mirror.
fn is_mirrored(clause: &str) -> bool {
    clause.match_indices(" mirror").any(|(at, _)| {
        let lead = ["in the", "in a", "in her", "in his", "in an"]
            .iter()
            .filter_map(|lead| clause[..at].rfind(lead));
        lead.max().is_some_and(|from| at - from <= MIRROR)
    })
}

/// Whether both the inside and the outside of a thing are spoken of, by words that are not the two themselves: 屋里亮着灯，屋外漆黑.
fn is_in_and_out(folded: &str, range: &Range<usize>, words: [&Match; 2]) -> bool {
    let text = &folded[range.clone()];
    let is_own = |at: usize| words.iter().any(|it| it.span().contains(&(range.start + at)));
    let is_said = |word: &str| text.match_indices(word).any(|(at, _)| !is_own(at));
    if is_said(" outside") && is_said(" inside") {
        return true;
    }
    let mut outside = text.match_indices('外').filter(|(at, _)| !is_own(*at)).take(4);
    outside.any(|(at, _)| {
        let Some(of) = text[..at].chars().next_back() else { return false };
        "屋门车房船窗城墙店帐殿楼舱".contains(of)
            && ["里", "内", "中"].iter().any(|within| is_said(&format!("{of}{within}")))
    })
}
