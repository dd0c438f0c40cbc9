//! Who is in a picture: one being, of which two words cannot both be true, or several. What cannot be is `contradiction`'s.

use std::ops::Range;

use super::Subject;
use super::characters::is_separator;
use super::contradiction::clauses;
use super::word::follows;
use crate::rules::{Group, Match};

/// Whether there is only one being that can be young, stand or smile.
pub(super) fn is_one(subject: &Subject<'_>) -> bool {
    is_one_within(subject, &(0..subject.text.folded.len()))
}

/// Whether both words say something of the one being in their clauses, whoever else is in the picture.
pub(super) fn is_one_clause(subject: &Subject<'_>, first: &Match, second: &Match) -> bool {
    let range = clauses(subject, first, second);
    // Another sentence speaks of somebody else.
    let folded = &subject.text.folded[range.clone()];
    if folded.contains(". ") || folded.contains('。') {
        return false;
    }
    let has_being = beings(subject).iter().any(|it| range.contains(&it.start));
    has_being && is_one_within(subject, &range)
}

/// Whom a prompt names more often than this is nobody of whom it says one thing.
const MENTIONS: usize = 200;

/// Beings that wear no clothes of people, and may be beside who does.
const BEASTS: [&str; 28] = [
    "cat", "dog", "horse", "bird", "rabbit", "kitten", "puppy", "fox", "pony", "cow", "sheep",
    "parrot", "owl", "deer", "猫", "狗", "马", "鸟", "兔子", "小猫", "小狗", "鹿", "牛", "羊",
    "鹦鹉", "骏马", "猫咪", "狐狸",
];

/// Whether there is only one person that can wear a hat, whatever animals are there.
pub(super) fn is_one_person(subject: &Subject<'_>) -> bool {
    is_one_person_within(subject, &(0..subject.text.folded.len()))
}

/// The same within some clauses.
pub(super) fn is_one_person_within(subject: &Subject<'_>, range: &Range<usize>) -> bool {
    let mut persons = beings(subject);
    persons.retain(|it| !BEASTS.contains(&&subject.text.folded[it.span()]));
    is_one_of(subject, range, &persons)
}

fn is_one_within(subject: &Subject<'_>, range: &Range<usize>) -> bool {
    is_one_of(subject, range, &beings(subject))
}

fn is_one_of(subject: &Subject<'_>, range: &Range<usize>, beings: &[Match]) -> bool {
    let folded = &subject.text.folded;
    let first = beings.partition_point(|it| it.start < range.start);
    let behind = beings.partition_point(|it| it.start < range.end);
    if behind - first > MENTIONS {
        return false;
    }
    let mut being: Option<&str> = None;
    let mut is_introduced = false;
    let mut last_end = None;
    for it in &beings[first..behind] {
        // Another name may mean the same one, but nobody can tell; a second `a woman` is another one.
        let introduces = introduces(&folded[range.start..it.start]);
        let name = &folded[it.span()];
        // 一只猫，一只猫趴着: whoever is named twice without a word between is there once.
        let stutters = being == Some(name)
            && last_end.is_some_and(|end| {
                it.start < end + STUTTER && folded[end..].starts_with(is_separator)
            });
        let before_end = last_end;
        last_end = Some(it.end);
        if stutters {
            continue;
        }
        // Main guy is a teenage boy: two names of one.
        // So are a dwarf blacksmith and a girl knight, of which the first says what the second is.
        let is_same = being.is_some()
            && before_end.is_some_and(|end| {
                end < it.start
                    && (is_identity(&folded[end..it.start]) || &folded[end..it.start] == " ")
            });
        if is_same {
            being = Some(name);
            is_introduced = true;
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

/// Whether nobody is in the picture, so that a thing is nobody's.
pub(super) fn is_nobody(subject: &Subject<'_>) -> bool {
    beings(subject).is_empty()
}

/// Words that may stand between two names of which one says who the other is, and how many.
const IDENTITY: usize = 4;

/// Whether what stands between two beings says that they are one: is a teenage.
fn is_identity(between: &str) -> bool {
    let between = between.trim_start();
    let is = ["is a ", "is an ", "is the "].iter().any(|is| between.starts_with(is));
    is && !between.contains(is_separator) && between.split_whitespace().count() <= IDENTITY
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

/// How much of what stands in front of a being is looked at, in bytes.
const NEAR: usize = 64;

/// Whether what stands in front of a being says that it is new: `an old`, 一位年轻的.
fn introduces(before: &str) -> bool {
    let near = (before.len().saturating_sub(NEAR)..).find(|at| before.is_char_boundary(*at));
    let before = &before[near.unwrap_or(0)..];
    let from = before.rfind(is_separator).map_or(0, |at| at + 1);
    let before = before.get(from..).unwrap_or(before);
    let near = |count: usize| before.char_indices().rev().nth(count).map_or(0, |(at, _)| at);
    before[near(7)..].contains('一')
        || before.split_whitespace().rev().take(3).any(|word| matches!(word, "a" | "an"))
}

/// Verbs of how somebody is there, behind which 一只… brings in who it is.
const POSTURES: [char; 11] = ['站', '坐', '趴', '躺', '蹲', '卧', '跪', '立', '睡', '停', '伏'];

/// Whether a word of posture has its being behind it, which is another one then: 对面趴着一只虎.
pub(super) fn brings_another(subject: &Subject<'_>, found: &Match) -> bool {
    let folded = &subject.text.folded;
    let verb = folded[found.span()].trim_end_matches(['着', '了']);
    let behind = folded[found.end..].trim_start_matches(['着', '了']);
    verb.ends_with(POSTURES) && behind.starts_with(['一', '两', '三', '四', '五', '几', '个', '只'])
}
