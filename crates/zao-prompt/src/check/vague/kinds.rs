//! Chinese words for an impression that anybody makes anew: 国际范, 热恋感, 节日氛围. What of it can be drawn (颗粒感, 金属质感) is in a set of
//! the table; words that the table has itself are not looked for here.

use crate::Code;
use crate::check::Subject;
use crate::check::characters::is_han;
use crate::check::edit::{About, Hit};
use crate::rules::{Group, Words};

/// No phrase that is only an impression is longer, in bytes.
const LONGEST: usize = 36;

/// How many characters say what the impression is of.
const FEWEST: usize = 2;
const MOST: usize = 4;

/// No such phrase is shorter, in bytes.
const SHORTEST: usize = (FEWEST + 1) * '感'.len_utf8();

/// Characters behind which what it is of begins: 很有国际范, 要有热恋感.
const LEADS: &str = "的很有足满出着显个要种了与和是够带来强更又透股些点";

/// How much of it there is.
const DEGREES: [&str; 14] = [
    "",
    "十足",
    "满满",
    "拉满",
    "爆棚",
    "满分",
    "很强",
    "很足",
    "强烈",
    "浓厚",
    "浓郁",
    "儿",
    "儿十足",
    "绝了",
];

pub(super) fn find(subject: &Subject<'_>, table: &Words, hits: &mut Vec<Hit>) {
    let set = |name: &str| table.sets.get(name).map(Vec::as_slice).unwrap_or_default();
    let (kinds, seen) = (set("kinds"), set("seen"));
    let text = &subject.text;
    let kept = subject.matches.of(Group::VagueKeep);
    let known = hits.len();
    for segment in text.segments.iter().filter(|it| (SHORTEST..=LONGEST).contains(&it.len())) {
        let phrase = &text.folded[segment.clone()];
        if !phrase.chars().all(is_han) {
            continue;
        }
        let ends = DEGREES.iter().filter_map(|degree| Some(phrase.strip_suffix(degree)?.len()));
        let found = ends.into_iter().find_map(|end| {
            let kind = kinds.iter().find(|kind| phrase[..end].ends_with(kind.as_str()))?;
            Some((end - kind.len(), end))
        });
        let Some((at, end)) = found else { continue };
        // 春天的气息 is as empty as 春天气息.
        let of = phrase[..at].strip_suffix('的').unwrap_or(&phrase[..at]);
        let start = of.rfind(|c| LEADS.contains(c)).map_or(0, |at| at + '的'.len_utf8());
        let count = of[start..].chars().count();
        let span = segment.start + start..segment.start + end;
        // Both lie in order, and no two of a list overlap.
        let is_kept = {
            let at = kept.partition_point(|keep| keep.end <= span.start);
            kept.get(at).is_some_and(|keep| keep.start < span.end)
        };
        let is_known = {
            let at = hits[..known].partition_point(|hit| hit.span().end <= span.start);
            hits[..known].get(at).is_some_and(|hit| hit.span().start < span.end)
        };
        let is_seen = seen.iter().any(|seen| phrase[..end].ends_with(seen.as_str()))
            || set("carriers").iter().any(|carrier| phrase.contains(carrier.as_str()));
        if (FEWEST..=MOST).contains(&count) && !is_seen && !is_known && !is_kept {
            hits.push(Hit::advice(Code::Abstract, span, About::Itself));
        }
    }
}
