//! Of which thing something is said not to be there, and where something else is. What is denied is not judged here.

use super::super::Subject;
use super::super::characters::{is_han, is_separator};
use super::super::contradiction::clauses;
use super::super::word::precedes;
use super::phrase::ends_phrase;
use crate::rules::{Group, Match};

/// Words that say that a thing is only like another, shown by one, or not there yet; in front of it in its clause.
const SHOWN: [&str; 38] = [
    "wallpaper of",
    "print of",
    "pattern of",
    "map of",
    "statue of",
    "sculpture of",
    "painting of",
    "picture of",
    "photo of",
    "photograph of",
    "drawing of",
    "poster of",
    "image of",
    "figurine",
    "miniature",
    "toy ",
    "model of",
    "shape of",
    "shaped like",
    " like ",
    "as if",
    "room for",
    "space for",
    "area for",
    "place for",
    "reserved for",
    "ready for",
    "once had",
    "used to",
    "waiting for",
    "dreaming of",
    "memory of",
    "memories of",
    "carved into",
    "cosplay",
    "dressed as",
    "instead of",
    "where a",
];
const SHOWN_HAN: [&str; 24] = [
    "仿佛",
    "宛如",
    "犹如",
    "如同",
    "好似",
    "好像",
    "形如",
    "酷似",
    "形似",
    "就像",
    "像是",
    "留给",
    "预留",
    "留出",
    "用于",
    "等待",
    "等着",
    "曾经",
    "曾有",
    "原本",
    "本该",
    "想象",
    "梦见",
    "形状的",
];

/// What says of a thing that it is not worn where it is.
const ASIDE: [&str; 56] = [
    "carrying",
    "carries",
    "carried",
    "swinging",
    "dangling",
    "dangle",
    "by the laces",
    "by the straps",
    "tied around",
    "slung",
    "hung on",
    "clutching",
    "at the door",
    " over a ",
    " over her ",
    " over his ",
    "underneath",
    "beneath a",
    "slung over",
    "tucked under",
    "in his hand",
    "in her hand",
    "in one hand",
    "in its mouth",
    "on the table",
    "on the chair",
    "on a chair",
    "on the floor",
    "on a hook",
    "on the hook",
    "on a stand",
    "on the bed",
    "on the bench",
    "on the sand",
    "on the grass",
    "on the rock",
    "on the ground",
    "on the desk",
    "on the counter",
    "on the shelf",
    "next to",
    "beside",
    "held",
    "holding",
    "holds",
    "taken off",
    "takes off",
    "removed",
    "tossed",
    "discarded",
    "dropped",
    "hanging from",
    "lying",
    "under a",
    "worn over",
    "folded",
];
const ASIDE_HAN: [&str; 28] = [
    "套在",
    "提在",
    "手里",
    "手中",
    "拎着",
    "提着",
    "拿着",
    "放在",
    "摆在",
    "搁在",
    "挂在",
    "摘下",
    "脱下",
    "丢在",
    "扔在",
    "一旁",
    "旁边",
    "身旁",
    "脚边",
    "桌上",
    "地上",
    "衣架",
    "墙上",
    "身后的",
    "外套下",
    "内搭",
    "外搭",
    "打底",
];

/// The clause that a word stands in, up to it and behind it.
fn around<'t>(subject: &'t Subject<'_>, it: &Match) -> (&'t str, &'t str) {
    let clause = clauses(subject, it, it);
    (
        &subject.text.folded[clause.start..it.start],
        &subject.text.folded[it.end..clause.end.max(it.end)],
    )
}

/// Whether a thing is only spoken of: a statue of a woman, room for a title, 像云朵.
pub(super) fn is_shown(subject: &Subject<'_>, it: &Match) -> bool {
    let (before, behind) = around(subject, it);
    let is_like = before.match_indices('像').any(|(at, _)| {
        !before[..at].ends_with([
            '画', '头', '雕', '图', '肖', '影', '铜', '石', '佛', '神', '偶', '塑', '不',
        ]) && !before[at..].contains('的')
    });
    is_like
        || SHOWN.iter().any(|word| before.contains(word))
        || SHOWN_HAN.iter().any(|word| before.contains(word))
        || behind.starts_with("雕像")
        || behind.starts_with("塑像")
}

/// Whether a thing that is worn is not worn here.
pub(super) fn is_aside(subject: &Subject<'_>, it: &Match, here: &[String]) -> bool {
    let (before, behind) = around(subject, it);
    let is_here = |word: &str| here.iter().any(|here| here == word);
    let has = |words: &[&str]| {
        words.iter().any(|word| !is_here(word) && (before.contains(word) || behind.contains(word)))
    };
    has(&ASIDE) || has(&ASIDE_HAN)
}

/// Names of the whole picture, of which what is denied is denied everywhere.
const WHOLE: [&str; 26] = [
    "picture",
    "image",
    "scene",
    "frame",
    "photo",
    "view",
    "sight",
    "all",
    "it",
    "them",
    "kind",
    "sort",
    "composition",
    "shot",
    "poster",
    "design",
    "art",
    "illustration",
    "artwork",
    "logo",
    "画面",
    "整个",
    "图中",
    "画中",
    "全图",
    "场景",
];

/// Places of any thing, which tell no other one.
const RELATIVE: [&str; 55] = [
    "left",
    "right",
    "north",
    "south",
    "end",
    "distance",
    "left-hand",
    "right-hand",
    "far",
    "wall",
    "walls",
    "corner",
    "bottom",
    "top",
    "centre",
    "center",
    "middle",
    "edge",
    "edges",
    "side",
    "sides",
    "front",
    "back",
    "chest",
    "wrist",
    "wrists",
    "sky",
    "ground",
    "surface",
    "head",
    "face",
    "feet",
    "hand",
    "hands",
    "foreground",
    "background",
    "rim",
    "base",
    "body",
    "it",
    "him",
    "her",
    "them",
    "lid",
    "neck",
    "waist",
    "shoulders",
    "hem",
    "style",
    "light",
    "colour",
    "color",
    "font",
    "serif",
    "letters",
];

/// What leads to the place of a thing.
const AT: [&str; 11] = [
    " on the ",
    " on a ",
    " on an ",
    " on her ",
    " on his ",
    " on its ",
    " in the ",
    " of the ",
    " of a ",
    " around the ",
    " across the ",
];

/// How far behind a thing its place may be named, in bytes.
const NEAR: usize = 18;

/// Words at which the name of a place ends.
const ENDS: [&str; 14] = [
    "and", "with", "in", "on", "at", "of", "is", "are", "by", "from", "behind", "under", "while",
    "that",
];

/// The head of the place that a text begins with: the old wooden sign of a shop.
fn head(text: &str) -> Option<&str> {
    let end = text.find(is_separator).unwrap_or(text.len());
    let mut words = text[..end].split_whitespace().take(4).take_while(|word| !ENDS.contains(word));
    let first = words.next()?;
    Some(
        words
            .take_while(|word| !word.ends_with("ing") && !word.ends_with('s'))
            .last()
            .unwrap_or(first),
    )
}

/// The place that an English text leads to.
fn place_in(text: &str) -> Option<&str> {
    let found = AT.iter().filter_map(|at| text.find(at).map(|start| (start, start + at.len())));
    let found = found.filter(|(start, _)| *start <= NEAR);
    found.min().and_then(|(_, end)| head(&text[end..]))
}

/// Whose English thing it is, by what stands in front of it: a house with tall (windows).
fn owner(before: &str) -> Option<&str> {
    let (at, with) = [" with ", " has ", " in a ", " in an ", "'s "]
        .iter()
        .filter_map(|it| before.rfind(it).map(|at| (at, *it)))
        .max()?;
    let near = before[at + with.len()..].split_whitespace().count() <= 3;
    let word = before[..at].rsplit(' ').next();
    word.filter(|word| near && !word.is_empty())
}

/// Whether something that comes in behind a denial has it: a phone with a glowing screen.
pub(super) fn is_of_newcomer(subject: &Subject<'_>, denial: &Match, it: &Match) -> bool {
    let (before, _) = around(subject, it);
    let Some(owner) = owner(before) else { return false };
    let Some(at) = before.rfind(&format!(" {owner} ")) else { return false };
    let from = it.start - before.len();
    let clause = clauses(subject, denial, denial);
    let said = subject.text.folded.get(clause.start..clause.end.min(from + at));
    let lead = before[..at].split_whitespace().rev().take(3);
    denial.end <= from + at
        && lead.into_iter().any(|word| matches!(word, "a" | "an" | "another"))
        && !said.is_some_and(|said| said.contains(owner))
}

/// The thing that a denial is about, if it names one.
pub(super) fn of_denial<'t>(
    subject: &'t Subject<'_>,
    denial: &Match,
    is_adjective: bool,
) -> Option<&'t str> {
    let (before, behind) = around(subject, denial);
    let folded = &subject.text.folded[denial.span()];
    if folded.contains(is_han) {
        let of = behind.strip_prefix('的').map(|rest| rest.trim_end_matches(is_separator));
        let name = of.filter(|it| !it.is_empty()).unwrap_or(before);
        let name = name.trim_matches(|c: char| !is_han(c));
        return Some(name)
            .filter(|it| !it.is_empty() && !WHOLE.iter().any(|whole| it.contains(whole)));
    }
    let named = match is_adjective {
        true => behind.strip_prefix(' ').and_then(head),
        false => place_in(behind).or_else(|| {
            let owned = before.trim_end();
            let owned =
                owned.strip_suffix(" with").or_else(|| owned.strip_suffix(" has")).unwrap_or(owned);
            let is_owned = folded.starts_with("without") || owned.len() < before.trim_end().len();
            owned.rsplit(' ').next().filter(|word| is_owned && !word.is_empty())
        }),
    };
    named.filter(|it| !WHOLE.contains(it))
}

/// Whether a Chinese thing is said to be another one's: 牛仔裤的铜扣.
fn is_owned(subject: &Subject<'_>, of: &str, it: &Match) -> bool {
    let folded = &subject.text.folded;
    let Some(owner) = folded[..it.start].strip_suffix('的') else { return false };
    let owners = subject.matches.of(Group::Owner);
    let at = owners.partition_point(|it| it.end < owner.len());
    owners.get(at).is_some_and(|it| {
        it.end == owner.len() && !folded[it.span()].chars().any(|c| of.contains(c))
    })
}

/// Whether what is there belongs to another thing than the one a denial is about.
pub(super) fn is_of_other(subject: &Subject<'_>, of: &str, it: &Match) -> bool {
    let (before, behind) = around(subject, it);
    if subject.text.folded[it.span()].contains(is_han) || of.contains(is_han) {
        if is_owned(subject, of, it) {
            return true;
        }
        let Some(at) = before.rfind(['上', '里', '中', '面']).filter(|at| *at > 0) else {
            return false;
        };
        let place = &before[..at];
        let place = &place[place.rfind(|c: char| !is_han(c)).map_or(0, |at| at + 1)..];
        let is_relative = [
            "头", "脸", "手", "怀", "肩", "腰", "脚", "耳", "颈", "腕", "身", "顶", "底", "央",
            "周", "角", "胸", "背", "画", "墙", "口", "面", "边",
        ]
        .iter()
        .any(|end| place.ends_with(end));
        return !place.is_empty()
            && place.starts_with(is_han)
            && !is_relative
            && !place.chars().any(|c| of.contains(c));
    }
    let is_other = |place: &str| {
        let stem = |word: &'_ str| word.strip_suffix('s').unwrap_or(word).len();
        !RELATIVE.contains(&place) && place[..stem(place)] != of[..stem(of)]
    };
    // A rusty anvil is no rustless blade, and his helmet visor is his.
    let is_own = ["his", "her", "its", "their"].iter().any(|own| precedes(before.trim_end(), own));
    let told =
        behind.strip_prefix(' ').filter(|_| !ends_phrase(&subject.text.folded[it.span()], behind));
    let told = told.and_then(|rest| rest.split([' ', ',', '.']).next());
    (!is_own && told.is_some_and(is_other))
        || place_in(behind).is_some_and(is_other)
        || owner(before).is_some_and(is_other)
}
