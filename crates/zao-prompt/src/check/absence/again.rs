//! A thing that is denied by its own name and named again as there, whatever it is: a robot without antennas, its antennas blinking.
//! Things that have a class are judged there.

use super::super::Subject;
use super::super::attributes::PAGE;
use super::super::characters::{is_han, is_separator};
use super::super::edit::{About, Hit};
use super::super::text::Side;
use super::super::totals::{page, words};
use super::super::word::precedes;
use super::grammar::{Stand, stand};
use super::phrase::ends_phrase;
use super::place::is_shown;
use super::{Denial, Judge, stem};
use crate::Code;
use crate::rules::{Kind, Match};

/// Names that are denied in ways of speaking, or that a prompt has of several kinds.
const OTHER: [&str; 52] = [
    "people",
    "time",
    "place",
    "need",
    "sign",
    "trace",
    "hint",
    "more",
    "longer",
    "matter",
    "doubt",
    "idea",
    "effort",
    "limit",
    "other",
    "room",
    "space",
    "problem",
    "reason",
    "background",
    "light",
    "color",
    "colour",
    "colors",
    "colours",
    "style",
    "image",
    "picture",
    "scene",
    "part",
    "side",
    "thing",
    "kind",
    "world",
    "fear",
    "hurry",
    "question",
    "care",
    "rush",
    "wind",
    "style",
    "look",
    "view",
    "person",
    "hand",
    "hands",
    "being",
    "quality",
    "angle",
    "line",
    "lines",
    "photo",
];

/// Words with -less that deny nothing of what they are made of.
const WITHOUT_DENIAL: [&str; 40] = [
    "wireless",
    "homeless",
    "timeless",
    "endless",
    "seamless",
    "stainless",
    "careless",
    "restless",
    "breathless",
    "helpless",
    "lifeless",
    "worthless",
    "useless",
    "spotless",
    "priceless",
    "weightless",
    "bottomless",
    "faceless",
    "nameless",
    "speechless",
    "effortless",
    "harmless",
    "tireless",
    "flawless",
    "countless",
    "regardless",
    "nevertheless",
    "nonetheless",
    "boundless",
    "limitless",
    "fearless",
    "hopeless",
    "ruthless",
    "reckless",
    "relentless",
    "motionless",
    "ageless",
    "colourless",
    "colorless",
    "sunless",
];

/// What says that a thing belongs to who is there, whatever noun follows it: his helmet visor.
const OWN: [&str; 4] = ["his", "her", "its", "their"];

/// What may stand between a denial and its noun.
const FILLERS: [&str; 8] = ["any", "a", "an", "single", "visible", "one", "the", "even"];

/// How many things that are denied are looked at, and how many words of one are held against it.
const MOST: usize = 12;

/// The first of each side.
pub(super) fn find(subject: &Subject<'_>) -> Vec<Hit> {
    let sides = subject.text.sides.iter();
    sides
        .filter_map(|side| match side.is_chinese {
            true => chinese(subject, side),
            false => english(subject, side),
        })
        .collect()
}

fn hit(subject: &Subject<'_>, none: Match, is_adjective: bool, there: Match) -> Option<Hit> {
    let denial = Denial { at: none, only: None, is_adjective };
    let judge = Judge { subject, kind: Kind::Worn, here: &[], denial: &denial };
    let is_noun = stand(subject, &there) == Stand::There && !is_shown(subject, &there);
    (is_noun && judge.clashes(&there)).then(|| {
        let (first, second) = if none.start < there.start { (none, there) } else { (there, none) };
        let about = About::Both(first.span(), second.span());
        Hit::advice(Code::Contradiction, first.start..second.end, about)
    })
}

fn english(subject: &Subject<'_>, side: &Side) -> Option<Hit> {
    let text = page(subject, side);
    if !["no ", "without ", "less"].iter().any(|none| text.contains(none)) {
        return None;
    }
    let words = words(text);
    let from = side.range.start;
    let mut denied: Vec<(Match, &str, bool)> = Vec::new();
    for (index, &(at, word)) in words.iter().enumerate() {
        if denied.len() > MOST {
            break;
        }
        if matches!(word, "no" | "without") {
            let behind =
                words[index + 1..].iter().take(4).find(|(_, word)| !FILLERS.contains(word));
            let Some(&(start, noun)) = behind else { continue };
            let end = start + noun.len();
            let rest = text[end..].trim_start_matches(' ');
            let is_whole = rest.is_empty()
                || rest.starts_with(is_separator)
                || ["at all", "whatsoever", "of any", "anywhere", "on ", "in "]
                    .iter()
                    .any(|it| rest.starts_with(it));
            if is_whole && !text[at..end].contains(is_separator) {
                denied.push((Match { start: from + at, end: from + end, item: 0 }, noun, false));
            }
        } else if word.len() > 7 && word.ends_with("less") && !WITHOUT_DENIAL.contains(&word) {
            let noun = &word[..word.len() - 4];
            denied.push((
                Match { start: from + at, end: from + at + word.len(), item: 0 },
                noun,
                true,
            ));
        }
    }
    denied.retain(|(_, noun, _)| noun.len() > 3 && !OTHER.contains(noun) && !noun.ends_with("ing"));
    denied.into_iter().find_map(|(none, noun, is_adjective)| {
        let same = words
            .iter()
            .filter(|(at, word)| from + at >= none.end && stem(word) == stem(noun))
            .take(MOST);
        let mut same =
            same.map(|(at, word)| Match { start: from + at, end: from + at + word.len(), item: 0 });
        same.find_map(|there| {
            let behind = &subject.text.folded[there.end..];
            let is_noun = ends_phrase(&subject.text.folded[there.span()], behind);
            let before = subject.text.folded[..there.start].trim_end();
            let is_own = OWN.iter().any(|own| precedes(before, own));
            (is_noun || is_own).then(|| hit(subject, none, is_adjective, there)).flatten()
        })
    })
}

/// What denies the noun behind it, where that ends its clause or stands in front of 的.
const DENIALS_HAN: [&str; 12] = [
    "没有任何",
    "没有一丝",
    "没有一根",
    "没有一个",
    "没有一条",
    "没有一片",
    "没有",
    "毫无",
    "不带任何",
    "不带",
    "不含",
    "看不到",
];

/// What is denied in ways of speaking.
const OTHER_HAN: [&str; 20] = [
    "一样", "关系", "必要", "区别", "意义", "办法", "时间", "地方", "东西", "方向", "尽头", "边际",
    "声音", "目的", "生气", "生命", "灵魂", "规律", "距离", "保留",
];

/// How many characters such a noun has.
const NOUN: std::ops::RangeInclusive<usize> = 2..=4;

fn chinese(subject: &Subject<'_>, side: &Side) -> Option<Hit> {
    let text = page(subject, side);
    let from = side.range.start;
    let mut denied: Vec<(usize, usize, &str)> = Vec::new();
    for denial in DENIALS_HAN {
        for (at, it) in text.match_indices(denial).take(MOST) {
            let start = at + it.len();
            let length = text[start..].find(|c: char| !is_han(c) || c == '的');
            let noun = &text[start..start + length.unwrap_or(text.len() - start)];
            let is_known = denied.iter().any(|(known, _, _)| (*known..*known + 18).contains(&at));
            if !is_known && NOUN.contains(&noun.chars().count()) && !OTHER_HAN.contains(&noun) {
                denied.push((at, start + noun.len(), noun));
            }
        }
    }
    denied.into_iter().filter(|(at, _, _)| from + at < PAGE).find_map(|(at, end, noun)| {
        let none = Match { start: from + at, end: from + end, item: 0 };
        let same = text.match_indices(noun).filter(|(there, _)| {
            *there >= end && !text[..*there].ends_with(['不', '非', '无', '未'])
        });
        let mut same = same.take(MOST).map(|(there, it)| Match {
            start: from + there,
            end: from + there + it.len(),
            item: 0,
        });
        same.find_map(|there| hit(subject, none, false, there))
    })
}
