//! Whom a word of a person is said of: the only person in the picture, whatever animals there are, or the one that a pronoun takes up. It
//! belongs to `contradiction`, as does who is one being at all.

use std::ops::Range;

use super::Subject;
use super::characters::is_separator;
use super::contradiction::clauses;
use crate::rules::{Group, Match};

/// Pronouns with which a clause speaks of somebody who was named before.
const PRONOUNS: [&str; 3] = ["he ", "she ", "it "];
const PRONOUNS_HAN: [&str; 3] = ["它", "他", "她"];

/// Words that may stand in front of them.
const JOINTS: [&str; 5] = ["and ", "but ", "while ", "then ", "now "];

/// Behind these another being is only what somebody is after.
const AFTER: [&str; 9] =
    ["追着", "追逐", "追赶", "追", "扑", "chasing a ", "chases a ", "chasing the ", "chases the "];

/// Whoever is named more often is nobody of whom a prompt says one thing.
const MENTIONS: usize = 40;

/// The one who may be named by any of these, once somebody was.
const SAME_ONE: [&str; 6] = ["the man", "the woman", "the girl", "the boy", "the child", "人物"];

/// Whether there is one person, who alone can have a beard or sleeves. Cats and statues have none.
pub(super) fn is_one_person(subject: &Subject<'_>) -> bool {
    let persons = persons(subject, &(0..subject.text.folded.len()));
    !persons.is_empty()
        && persons.len() <= MENTIONS
        && are_one(subject, &persons)
        && !are_counted(subject)
}

/// Whether the second word stands in a clause that a pronoun begins, and the first speaks of the only being before it.
pub(super) fn is_taken_up(subject: &Subject<'_>, first: &Match, second: &Match) -> bool {
    let folded = &subject.text.folded;
    let clause = clauses(subject, second, second);
    if clause.start <= first.end {
        return false;
    }
    let mut lead = &folded[clause.clone()];
    for joint in JOINTS {
        lead = lead.strip_prefix(joint).unwrap_or(lead);
    }
    let is_led = PRONOUNS.iter().chain(&PRONOUNS_HAN).any(|it| lead.starts_with(it));
    let before = beings(subject, &(0..clause.start));
    let mut within = beings(subject, &(clause.start..second.end));
    within.retain(|it| !AFTER.iter().any(|after| folded[..it.start].ends_with(after)));
    is_led
        && within.is_empty()
        && !before.is_empty()
        && before.len() <= MENTIONS
        && are_one(subject, &before)
        && !are_counted(subject)
}

fn beings(subject: &Subject<'_>, range: &Range<usize>) -> Vec<Match> {
    let mut beings = subject.matches.outside(Group::Subject, Group::NoSubject);
    beings.retain(|it| range.contains(&it.start));
    beings
}

fn persons(subject: &Subject<'_>, range: &Range<usize>) -> Vec<Match> {
    let beasts = subject.matches.of(Group::Beast);
    let mut persons = beings(subject, range);
    persons.retain(|it| {
        let at = beasts.partition_point(|beast| beast.end <= it.start);
        beasts.get(at).is_none_or(|beast| beast.start >= it.end)
    });
    persons
}

/// Two names of one being, of which the first says how old it is.
const ALIKE: [(&str, &str); 8] = [
    ("newborn", "baby"),
    ("infant", "baby"),
    ("cat", "kitten"),
    ("dog", "puppy"),
    ("kitten", "cat"),
    ("puppy", "dog"),
    ("新生儿", "宝宝"),
    ("婴儿", "宝宝"),
];

/// Whether names are one's: the same each time, or beside each other, and none comes in a second time.
fn are_one(subject: &Subject<'_>, names: &[Match]) -> bool {
    let folded = &subject.text.folded;
    names.windows(2).all(|pair| {
        let between = &folded[pair[0].end..pair[1].start];
        let (then, now) = (&folded[pair[0].span()], &folded[pair[1].span()]);
        let is_beside = between.len() <= 1 && !between.contains(is_separator);
        let comes_in =
            [" a ", " an ", "另", "两", "another "].iter().any(|it| between.contains(it))
                && between.rsplit(is_separator).next().is_some_and(|it| it.len() < 24);
        is_beside
            || ((then == now || ALIKE.contains(&(then, now))) && !comes_in)
            || SAME_ONE.iter().any(|it| it.ends_with(now) && folded[..pair[1].end].ends_with(it))
    })
}

/// Numbers, which may count anything.
const NUMBERS: [&str; 15] = [
    "two", "three", "four", "five", "six", "seven", "eight", "several", "many", "some", "both",
    "pair", "两", "几个", "one of",
];

/// How far behind a number the people may stand that it counts, in bytes.
const COUNTED: usize = 24;

/// What a picture shows one being in more than once.
const VIEWS: [&str; 19] = [
    "poses",
    "expressions",
    "views",
    "versions",
    "stages",
    "scenes",
    "outfits",
    "moods",
    "emotions",
    "panels",
    "angles",
    "个姿势",
    "种姿势",
    "个表情",
    "种表情",
    "个动作",
    "种状态",
    "个阶段",
    "套",
];

/// Words for several that also say how something is held.
const NO_COUNT: [&str; 3] = ["together", "class", "family"];

/// Whether several people are spoken of.
fn are_counted(subject: &Subject<'_>) -> bool {
    let folded = &subject.text.folded;
    let several = subject.matches.of(Group::Several);
    let beings = subject.matches.outside(Group::Subject, Group::NoSubject);
    several.iter().any(|it| {
        let word = &folded[it.span()];
        if NO_COUNT.contains(&word) {
            return false;
        }
        let at = beings.partition_point(|being| being.start < it.end);
        let next = beings.get(at).filter(|being| being.start <= it.end + COUNTED);
        let is_far = next.is_none_or(|being| folded[it.end..being.start].contains(is_separator));
        let counts_people = folded[it.end..].starts_with(['个', '位', '名', '人'])
            && !folded[it.end..].starts_with("个月");
        let is_views = VIEWS.iter().any(|view| folded[it.end..].trim_start().starts_with(view));
        is_views || !NUMBERS.contains(&word) || !is_far || counts_people
    })
}

/// Whether all beings of a prompt are one.
pub(super) fn is_only_being(subject: &Subject<'_>) -> bool {
    let beings = beings(subject, &(0..subject.text.folded.len()));
    !beings.is_empty()
        && beings.len() <= MENTIONS
        && are_one(subject, &beings)
        && !are_counted(subject)
}

/// Whether a word is an animal's: 长胡须的猫, a cat with long whiskers.
pub(super) fn is_of_beast(subject: &Subject<'_>, word: &Match) -> bool {
    let folded = &subject.text.folded;
    let rest = &folded[word.end..];
    let gap = rest.len() - rest.trim_start_matches(['的', ' ']).len();
    let beasts = subject.matches.of(Group::Beast);
    let at = beasts.partition_point(|beast| beast.start < word.end + gap);
    let is_in_front = beasts.get(at).is_some_and(|beast| beast.start == word.end + gap);
    let before = beasts[..at].iter().rev().find(|beast| beast.end <= word.start);
    let has_it = before.is_some_and(|beast| {
        let between = &folded[beast.end..word.start];
        between.starts_with(" with ") && between.split_whitespace().count() <= 4
    });
    is_in_front || has_it
}

/// What says that clothes are not worn.
const LAID: [&str; 30] = [
    "carrying",
    "carries",
    "carried",
    "dangling",
    "by the laces",
    "by the straps",
    "tied around",
    "slung",
    "clutching",
    "放着",
    "摆着",
    "搁着",
    "挂着",
    "拎",
    "提着",
    "扔着",
    "摊着",
    "晾着",
    "lying beside",
    "lie beside",
    "lying next to",
    "hang on",
    "hanging on",
    "hangs on",
    "hangs from",
    "hanging from",
    "kicked off",
    "placed on",
    "lie on the",
    "in one hand",
];

/// Whether a clause speaks of clothes that lie or hang somewhere.
pub(super) fn is_laid(subject: &Subject<'_>, word: &Match) -> bool {
    let clause = &subject.text.folded[clauses(subject, word, word)];
    LAID.iter().any(|laid| clause.contains(laid))
}
