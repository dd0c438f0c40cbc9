//! `contradiction`: what one picture cannot have both of. Two beings may differ, and who writes of a contrast means it.

use std::ops::Range;

use super::characters::is_separator;
use super::edit::{About, Hit};
use super::word::{follows, precedes};
use super::{Subject, background, totals};
use crate::Code;
use crate::rules::{Group, Match, Scope};

pub(super) fn find(subject: &Subject<'_>, negative: Option<&str>, hits: &mut Vec<Hit>) {
    hits.extend(negative.into_iter().flat_map(|negative| refused(subject, negative)));
    let contrasts = subject.matches.outside(Group::Contrast, Group::NoContrast);
    let excepts = |it: &Match| EXCEPTIONS.contains(&&subject.text.folded[it.span()]);
    if !contrasts.iter().all(excepts) {
        return;
    }
    let has_exception = !contrasts.is_empty();
    let mut told: Vec<Range<usize>> = Vec::new();
    if !has_exception {
        let found = totals::find(subject).into_iter().chain(background::find(subject));
        hits.extend(found.inspect(|hit| told.push(hit.span())));
    }
    // A word may be in several pairs, and a longer one in others.
    let left = subject.matches.all_outside(Group::PairLeft, Group::PairKeep);
    let right = subject.matches.all_outside(Group::PairRight, Group::PairKeep);
    if left.is_empty() || right.is_empty() {
        return;
    }
    let pairs = &subject.rules.tables.contradiction.pair;
    let is_one = is_one(subject);
    for side in &subject.text.sides {
        let lefts = firsts(subject, &left, &side.range, pairs.len(), &[]);
        let rights = firsts(subject, &right, &side.range, pairs.len(), &lefts);
        for (item, (left, right)) in lefts.iter().zip(&rights).enumerate() {
            let (Some(left), Some(right)) = (*left, *right) else { continue };
            let (first, second) =
                if left.start < right.start { (left, right) } else { (right, left) };
            let is_here = || !has_exception && !is_elsewhere(subject, &first, &second);
            let clash = match pairs[item].scope {
                Scope::Whole => !is_reflected(subject, &second),
                Scope::Scene => is_here(),
                Scope::None => !has_exception && !is_apart(subject, &first, &second, &DISTANCES),
                Scope::Thing => {
                    is_here()
                        && !brings_another(subject, &second)
                        && (is_one || is_one_clause(subject, &first, &second))
                }
                Scope::Beside => is_here() && is_beside(subject, &first, &second),
            };
            // Two pairs may know the same clash.
            let span = first.start..second.end;
            if !clash
                || told.iter().any(|it: &Range<usize>| {
                    it.start < span.end
                        && span.start < it.end
                        && (it.start == span.start || it.end == span.end)
                })
            {
                continue;
            }
            told.push(span);
            hits.push(Hit::advice(
                Code::Contradiction,
                first.start..second.end,
                About::Both(first.span(), second.span()),
            ));
        }
    }
}

/// Words of contrast that leave something out, which says nothing of what fills the rest: empty except for one man.
const EXCEPTIONS: [&str; 4] = ["except", "apart from", "除了", "only one"];

/// What denies the word behind it, so that it asks for nothing.
const DENIALS: [&str; 13] = [
    "no",
    "without",
    "without a",
    "without any",
    "no more",
    "never",
    "没有",
    "没有任何",
    "没",
    "不要",
    "无",
    "并非",
    "并不",
];

/// Whether what stands in front of a word denies it: no long shadows, 没有任何绿植.
fn is_denied(subject: &Subject<'_>, found: &Match) -> bool {
    let before = subject.text.folded[..found.start].trim_end_matches(' ');
    DENIALS.iter().any(|denial| precedes(before, denial))
}

/// Verbs of how somebody is there, behind which 一只… brings in who it is.
const POSTURES: [char; 11] = ['站', '坐', '趴', '躺', '蹲', '卧', '跪', '立', '睡', '停', '伏'];

/// Whether a word of posture has its being behind it, which is another one then: 对面趴着一只虎.
fn brings_another(subject: &Subject<'_>, found: &Match) -> bool {
    let folded = &subject.text.folded;
    let verb = folded[found.span()].trim_end_matches(['着', '了']);
    let behind = folded[found.end..].trim_start_matches(['着', '了']);
    verb.ends_with(POSTURES) && behind.starts_with(['一', '两', '三', '四', '五', '几', '个', '只'])
}

/// Whether something is only seen in an eye, a mirror or a drop.
fn is_reflected(subject: &Subject<'_>, found: &Match) -> bool {
    let clause = clauses(subject, found, found);
    let folded = &subject.text.folded[clause];
    ["reflect", "mirror", "倒映", "映着", "镜子", "镜中", "镜面"]
        .iter()
        .any(|word| folded.contains(word))
}

/// The first word of each pair within a range that nothing denies and that is no part of its pair's word in `others`, by the pair's number.
fn firsts(
    subject: &Subject<'_>,
    matches: &[Match],
    range: &Range<usize>,
    pairs: usize,
    others: &[Option<Match>],
) -> Vec<Option<Match>> {
    let mut firsts: Vec<Option<Match>> = vec![None; pairs];
    for it in matches.iter().filter(|it| range.contains(&it.start)) {
        let other = others.get(it.item).copied().flatten();
        let is_own = other.is_none_or(|other| other.end <= it.start || it.end <= other.start);
        if firsts[it.item].is_none() && is_own && !is_denied(subject, it) {
            firsts[it.item] = Some(*it);
        }
    }
    firsts
}

/// The clauses from the first word's to the second's.
fn clauses(subject: &Subject<'_>, first: &Match, second: &Match) -> Range<usize> {
    let segments = &subject.text.segments;
    let at = |end: usize| segments.partition_point(|segment| segment.end < end);
    let start = segments.get(at(first.end)).map_or(first.start, |it| it.start.min(first.start));
    let end = segments.get(at(second.end)).map_or(second.end, |it| it.end.max(second.end));
    start..end
}

/// Whether one of the two is seen through a window, on a screen, in the distance.
pub(super) fn is_elsewhere(subject: &Subject<'_>, first: &Match, second: &Match) -> bool {
    is_apart(subject, first, second, &[])
}

/// Places that are still in the picture.
const DISTANCES: [&str; 8] = [
    "in the distance",
    "foreground",
    "in the background",
    "前景",
    "远处",
    "远方",
    "背景里",
    "backdrop",
];

/// The same, where some places are no other ones.
fn is_apart(subject: &Subject<'_>, first: &Match, second: &Match, not: &[&str]) -> bool {
    let range = clauses(subject, first, second);
    let own = |it: &Match| [first, second].iter().any(|of| of.start < it.end && it.start < of.end);
    let places = subject.matches.of(Group::Elsewhere);
    let mut apart = places.iter().filter(|it| !not.contains(&&subject.text.folded[it.span()]));
    apart.any(|it| range.contains(&it.start) && !own(it))
}

/// Whether there is only one being that can be young, stand or smile.
fn is_one(subject: &Subject<'_>) -> bool {
    is_one_within(subject, &(0..subject.text.folded.len()))
}

/// Whether both words say something of the one being in their clauses, whoever else is in the picture.
fn is_one_clause(subject: &Subject<'_>, first: &Match, second: &Match) -> bool {
    let range = clauses(subject, first, second);
    // Another sentence speaks of somebody else.
    let folded = &subject.text.folded[range.clone()];
    if folded.contains(". ") || folded.contains('。') {
        return false;
    }
    let has_being = beings(subject).iter().any(|it| range.contains(&it.start));
    has_being && is_one_within(subject, &range)
}

fn is_one_within(subject: &Subject<'_>, range: &Range<usize>) -> bool {
    let folded = &subject.text.folded;
    let mut being: Option<&str> = None;
    let mut is_introduced = false;
    let mut last_end = None;
    for it in beings(subject) {
        if !range.contains(&it.start) {
            continue;
        }
        // Another name may mean the same one, but nobody can tell; a second `a woman` is another one.
        let introduces = introduces(&folded[range.start..it.start]);
        let name = &folded[it.span()];
        // 一只猫，一只猫趴着: whoever is named twice without a word between is there once.
        let stutters = being == Some(name)
            && last_end.is_some_and(|end| {
                it.start < end + STUTTER && folded[end..].starts_with(is_separator)
            });
        last_end = Some(it.end);
        if stutters {
            continue;
        }
        if being.is_some_and(|being| being != name) || (is_introduced && introduces) {
            return false;
        }
        being = Some(name);
        is_introduced |= introduces;
    }
    let several = subject.matches.of(Group::Several);
    !several.iter().any(|it| range.contains(&it.start) && !counts_parts(&folded[it.end..]))
}

/// What one being has two of.
const PARTS: [&str; 29] = [
    "hands",
    "arms",
    "eyes",
    "feet",
    "legs",
    "knees",
    "ears",
    "fists",
    "sides",
    "手",
    "眼",
    "脚",
    "腿",
    "臂",
    "耳",
    "拳",
    "肩",
    "边",
    "侧",
    "旁",
    "只手",
    "只眼",
    "只脚",
    "条腿",
    "只胳膊",
    "条手臂",
    "鬓",
    "颊",
    "腮",
];

/// Whether what follows a word for several says that they are of one being, or only places: both hands, 两侧.
fn counts_parts(behind: &str) -> bool {
    let behind = behind.trim_start_matches(' ');
    PARTS.iter().any(|part| follows(behind, part))
}

/// How far apart, in bytes, two names stand of which one only says the other again.
const STUTTER: usize = 14;

/// The beings of a prompt; none in 牛仔裤, nor in 虎背熊腰.
fn beings(subject: &Subject<'_>) -> Vec<Match> {
    let idioms = subject.matches.of(Group::Idiom);
    let mut beings = subject.matches.outside(Group::Subject, Group::NoSubject);
    beings.retain(|it| {
        let at = idioms.partition_point(|idiom| idiom.end <= it.start);
        idioms.get(at).is_none_or(|idiom| idiom.start >= it.end)
    });
    beings
}

/// Whether what stands in front of a being says that it is new: `an old`, 一位年轻的.
fn introduces(before: &str) -> bool {
    let from = before.rfind(is_separator).map_or(0, |at| at + 1);
    let before = before.get(from..).unwrap_or(before);
    let near = |count: usize| before.char_indices().rev().nth(count).map_or(0, |(at, _)| at);
    before[near(7)..].contains('一')
        || before.split_whitespace().rev().take(3).any(|word| matches!(word, "a" | "an"))
}

/// How far apart, in bytes, two adjectives of one thing may stand.
const BESIDE: usize = 14;

/// Whether two adjectives stand in front of the same thing, with no other thing between them.
fn is_beside(subject: &Subject<'_>, first: &Match, second: &Match) -> bool {
    let between = &subject.text.folded[first.end..second.start];
    let joins = ["and", "or", "to", "with", "on", "in", "of", "a", "the", "but", "not", "than"];
    between.len() <= BESIDE
        && !between.contains(|c| {
            is_separator(c) || matches!(c, '和' | '与' | '或' | '到' | '一' | '在' | '不' | '旁')
        })
        && !between.split_whitespace().any(|word| joins.contains(&word))
        && between.split_whitespace().count() < 2
}

/// Phrases that are asked for and refused at the same time.
fn refused(subject: &Subject<'_>, negative: &str) -> Vec<Hit> {
    let separators = [',', '，', '、', ';', '；', '.', '。', '\n'];
    let refused: std::collections::HashSet<String> = negative
        .split(separators)
        .map(|phrase| phrase.trim().to_lowercase())
        .filter(|phrase| phrase.chars().count() > 1)
        .collect();
    let segments = subject.text.segments.iter();
    let asked = segments.filter(|it| refused.contains(&subject.text.folded[(*it).clone()]));
    asked.map(|it| Hit::advice(Code::Contradiction, it.clone(), About::Negative)).collect()
}
