//! `contradiction`: what one picture cannot have both of. Two beings may differ, and who writes of a contrast means it. The words stand in
//! axes, each a property with values that exclude each other; what grammar tells without them is in the files beside this one.

use std::collections::BTreeMap;
use std::ops::Range;

use super::beings::{brings_another, is_one, is_one_clause};
use super::characters::is_separator;
use super::denial::{denies_deed, is_denied};
use super::edit::{About, Hit};
use super::elsewhere::POSITIONS;
pub(super) use super::elsewhere::{DISTANCES, is_apart, is_elsewhere};
use super::people::{is_laid, is_of_beast, is_one_person, is_only_being, is_taken_up};
use super::pictured::is_pictured;
use super::same::Things;
use super::same_words::{BODY, PARTS, STOPS};
use super::text::BLANK;
use super::word::follows;
use super::{Subject, absence, attributes, background, bare, contents, parts, recount, totals};
use crate::Code;
use crate::rules::{Axis, Group, Match, Scope};

/// Words of one value of an axis that are looked at.
const KEPT: usize = 3;

pub(super) fn find(subject: &Subject<'_>, negative: Option<&str>, hits: &mut Vec<Hit>) {
    hits.extend(negative.into_iter().flat_map(|negative| refused(subject, negative)));
    let contrasts = subject.matches.outside(Group::Contrast, Group::NoContrast);
    let is_of = |list: &[&str], it: &Match| list.contains(&&subject.text.folded[it.span()]);
    let is_one_sided = !(contrasts.iter().any(|it| is_of(&LEFT, it))
        && contrasts.iter().any(|it| is_of(&RIGHT, it)));
    let is_mild = |it: &Match| {
        is_of(&EXCEPTIONS, it)
            || is_of(&SHEETS, it)
            || (is_one_sided && (is_of(&LEFT, it) || is_of(&RIGHT, it)))
    };
    let mut told = Told::default();
    if contrasts.iter().all(|it| is_mild(it) || is_of(&absence::NO_REASONS, it)) {
        absence::find(subject).into_iter().for_each(|hit| told.tell(hits, hit));
    }
    if !contrasts.iter().all(is_mild) {
        return;
    }
    let has_exception = contrasts.iter().any(|it| is_of(&EXCEPTIONS, it));
    let is_sheet = contrasts.iter().any(|it| is_of(&SHEETS, it));
    let values = subject.matches.all_outside(Group::Value, Group::PairKeep);
    let is_one = is_one(subject);
    let is_one_person = is_one || is_one_person(subject);
    let is_only = is_one || is_only_being(subject);
    let things = Things::new(subject);
    if !has_exception && !is_sheet {
        let found = totals::find(subject).into_iter().chain(background::find(subject));
        let found = found.chain(recount::find(subject));
        let found = found.chain(contents::find(subject)).chain(parts::find(subject));
        let found = found.chain(bare::find(subject));
        for hit in found.chain(attributes::find(subject, &values, is_one)) {
            told.tell(hits, hit);
        }
    }
    for side in &subject.text.sides {
        for (number, said) in said(subject, &values, &side.range) {
            let axis = &subject.rules.tables.contradiction.axis[number];
            if is_sheet && !TRAITS.contains(&axis.name.as_str()) {
                continue;
            }
            let judge = Judge {
                subject,
                axis,
                things: things.as_ref(),
                is_one,
                is_one_person,
                is_only,
                has_exception,
            };
            if let Some((first, second)) = judge.clash(&said) {
                let about = About::Both(first.span(), second.span());
                let span = first.start..second.end;
                told.tell(hits, Hit::advice(Code::Contradiction, span, about));
            }
        }
    }
}

/// What was found already: two axes may know the same clash.
#[derive(Default)]
struct Told {
    spans: Vec<Range<usize>>,
}

impl Told {
    fn tell(&mut self, hits: &mut Vec<Hit>, hit: Hit) {
        let span = hit.span();
        let is_known = self.spans.iter().any(|it| {
            let meets = it.start < span.end && span.start < it.end;
            meets && (it.start == span.start || it.end == span.end)
        });
        if !is_known {
            self.spans.push(span);
            hits.push(hit);
        }
    }
}

/// Words of contrast that leave something out, which says nothing of what fills the rest: empty except for one man.
const EXCEPTIONS: [&str; 3] = ["except", "apart from", "除了"];

/// Sides of a picture. Who names only one of them says where something is; both are a contrast.
const LEFT: [&str; 4] = ["on the left", "left side", "左边", "左侧"];
const RIGHT: [&str; 4] = ["on the right", "right side", "右边", "右侧"];

/// Sheets that show one figure more than once, with the same age and eyes each time.
pub(super) const SHEETS: [&str; 8] = [
    "character sheet",
    "reference sheet",
    "turnaround",
    "three views",
    "multiple views",
    "三视图",
    "设定图",
    "角色设定",
];

/// The axes of what does not change from one view of somebody to the next.
const TRAITS: [&str; 16] = [
    "age",
    "hair-length",
    "hair-colour",
    "eye-colour",
    "build",
    "gender",
    "line-weight",
    "medium",
    "flatness",
    "colour-mode",
    "saturation",
    "proportions",
    "painted or bare",
    "shading",
    "pixels",
    "facial-hair",
];

/// The words of each axis within a range, with the number of their value: the longest, none that is denied.
fn said(
    subject: &Subject<'_>,
    values: &[Match],
    range: &Range<usize>,
) -> BTreeMap<usize, Vec<(usize, Match)>> {
    let axes = &subject.rules.tables.contradiction.axis;
    let mut said: BTreeMap<usize, Vec<(usize, Match)>> = BTreeMap::new();
    // Where the last word of an axis ended, also of one that is not kept.
    let mut ends: BTreeMap<usize, usize> = BTreeMap::new();
    for it in values.iter().filter(|it| range.contains(&it.start)) {
        let (number, value) = (it.item / Axis::VALUES, it.item % Axis::VALUES);
        if !axes[number].of.is_empty() || ends.get(&number).is_some_and(|end| it.start < *end) {
            continue;
        }
        ends.insert(number, it.end);
        let of_axis = said.entry(number).or_default();
        let is_kept = of_axis.iter().filter(|(other, _)| *other == value).count() < KEPT;
        if is_kept && !is_denied(subject, it) && !denies_deed(subject, it) {
            of_axis.push((value, *it));
        }
    }
    said
}

/// Who says whether two words of an axis clash.
struct Judge<'s, 'p> {
    subject: &'s Subject<'p>,
    axis: &'s Axis,
    things: Option<&'s Things<'s, 'p>>,
    is_one: bool,
    is_one_person: bool,
    /// Whether all beings that are named are one, whatever numbers there are.
    is_only: bool,
    has_exception: bool,
}

impl Judge<'_, '_> {
    /// The first two words that do.
    fn clash(&self, said: &[(usize, Match)]) -> Option<(Match, Match)> {
        said.iter().enumerate().find_map(|(at, (value, second))| {
            let mut before = said[..at].iter();
            let first = before.find(|(other, first)| {
                self.axis.parts(*other, *value) && self.is_clash(first, second)
            });
            first.map(|(_, first)| (*first, *second))
        })
    }

    fn is_clash(&self, first: &Match, second: &Match) -> bool {
        let subject = self.subject;
        let is_thing = self.axis.scope.is_of_things();
        if OF_PEOPLE.contains(&self.axis.name.as_str())
            && self.axis.name != "riding"
            && [first, second].iter().any(|it| is_of_beast(subject, it))
        {
            return false;
        }
        let is_worn = OF_PEOPLE.contains(&self.axis.name.as_str()) || self.axis.name.is_empty();
        if self.axis.scope == Scope::Thing
            && is_worn
            && self.axis.name != "hands"
            && is_laid(subject, second)
        {
            return false;
        }
        if ON_PICTURES.contains(&self.axis.name.as_str())
            && [first, second].iter().any(|it| is_pictured(subject, it))
        {
            return false;
        }
        if (self.axis.scope == Scope::Near && have_own(subject, first, second))
            || (is_worn && is_of_partner(subject, first, second))
        {
            return false;
        }
        if (self.axis.scope != Scope::Thing && is_listed(subject, first, second))
            || is_of_each(subject, first, second, is_thing)
        {
            return false;
        }
        let is_here = || {
            let not: &[&str] = if self.is_told_by_name() { &POSITIONS } else { &[] };
            !self.has_exception && !is_apart(subject, first, second, not)
        };
        match self.axis.scope {
            Scope::Whole => !is_reflected(subject, second),
            Scope::Scene => {
                is_here() && !(self.is_beside(second) && is_in_clause(subject, first, second))
            }
            Scope::None => !self.has_exception && !is_apart(subject, first, second, &DISTANCES),
            Scope::Thing => {
                is_here()
                    && !brings_another(subject, second)
                    && !self.is_beside(second)
                    && !self.things.is_some_and(|things| things.is_another(first, second))
                    && (self.is_one_being() || is_one_clause(subject, first, second))
                    || is_taken_up(subject, first, second)
            }
            Scope::Beside => is_here() && is_beside(subject, first, second),
            Scope::Near => {
                let is_near = is_near(subject, first, second)
                    && !(is_parted(subject, first, second) && self.differ(first, second))
                    && !self.is_beside(second);
                is_here() && (is_near || self.is_one_thing(first, second))
            }
            Scope::One => is_here() && self.is_one_thing(first, second),
        }
    }
}

/// The axes of how a picture is made, of which a picture in the picture may be another kind.
const ON_PICTURES: [&str; 13] = [
    "colour-mode",
    "medium",
    "realism",
    "flatness",
    "saturation",
    "finish",
    "image-age",
    "image-quality",
    "brush-visibility",
    "time-of-day",
    "season",
    "",
    "stars",
];

/// The axis of materials, whose words are nouns as often.
const MADE_OF: &str = "what any thing is made of";

/// The axes of what only people have.
const OF_PEOPLE: [&str; 22] = [
    "hair-length",
    "hair-colour",
    "hair-texture",
    "hair-tied",
    "hair at all",
    "short or tied long",
    "facial-hair",
    "glasses",
    "headwear",
    "footwear",
    "sleeve-length",
    "skirt-length",
    "hands",
    "jewellery",
    "makeup",
    "tattoo-skin",
    "clothing-cover",
    "colour of all that one wears",
    "outfit",
    "kind of shoes",
    "riding",
    "eyes and lens",
];

impl Judge<'_, '_> {
    fn is_one_being(&self) -> bool {
        self.is_one
            || (self.is_one_person && OF_PEOPLE.contains(&self.axis.name.as_str()))
            || self.is_only
    }

    /// Whether it is known whom or what a word is said of, wherever that is in the picture.
    fn is_told_by_name(&self) -> bool {
        let name = self.axis.name.as_str();
        self.axis.scope == Scope::One
            || OF_PEOPLE.contains(&name)
            || name == "view-side"
            || name == "gaze"
            || name == "car roof"
    }

    fn is_beside(&self, word: &Match) -> bool {
        self.things.is_some_and(|things| things.is_beside(word))
    }

    fn differ(&self, first: &Match, second: &Match) -> bool {
        self.things.is_some_and(|things| things.differ(first, second))
    }

    fn is_one_thing(&self, first: &Match, second: &Match) -> bool {
        self.things.is_some_and(|things| match self.axis.name == MADE_OF {
            true => things.is_surely_one(first, second),
            false => things.is_one(first, second),
        })
    }
}

/// What joins two things that are named together by somebody who knows that they differ: a fisheye and a telephoto lens.
const JOINTS: [&str; 18] = [
    "and", "and a", "and an", "and the", "or", "or a", "to", "&", "/", "和", "与", "或", "及",
    "、", "到", "还是", "或者", "以及",
];

fn is_listed(subject: &Subject<'_>, first: &Match, second: &Match) -> bool {
    let between = subject.text.folded.get(first.end..second.start).unwrap_or_default();
    JOINTS.contains(&between.trim())
}

/// Whether one clause has both.
fn is_in_clause(subject: &Subject<'_>, first: &Match, second: &Match) -> bool {
    clauses(subject, first, first) == clauses(subject, second, second)
}

/// Words in front of somebody with whom the one that was named has to do.
const WITH_HAN: [char; 9] = ['给', '替', '帮', '和', '与', '跟', '对', '向', '为'];

/// Whether a word is said of somebody else, with whom who was named has to do: 教练在给长发学员缠绷带.
pub(super) fn is_of_partner(subject: &Subject<'_>, first: &Match, second: &Match) -> bool {
    let folded = &subject.text.folded;
    first.end <= second.start
        && is_in_clause(subject, first, second)
        && folded[first.end..second.start].ends_with(WITH_HAN)
}

/// Whether each of the two has a noun of its own, and `and` joins them: soft brie and hard parmesan.
fn have_own(subject: &Subject<'_>, first: &Match, second: &Match) -> bool {
    let folded = &subject.text.folded;
    let between = folded.get(first.end..second.start).and_then(|it| it.strip_suffix(" and "));
    let Some(own) = between.map(str::trim).filter(|it| !it.contains(is_separator)) else {
        return false;
    };
    let behind = folded[second.end..].strip_prefix(' ').unwrap_or_default();
    let next = behind.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let last = own.rsplit(' ').next().unwrap_or_default();
    let is_noun = |word: &str| {
        word.len() > 2 && !PARTS.contains(&word) && !STOPS.contains(&word) && !BODY.contains(&word)
    };
    is_noun(last) && is_noun(next) && last != next && own.split(' ').count() <= 2
}

/// What is said of one of several, and then of another of them.
const EACH: [&str; 8] = ["one ", "one's ", "一人", "一边", "一半", "一侧", "有的", "一面"];

/// The same of things: 一只鹤收翅，一只鹤展翅.
const EACH_THING: [&str; 8] = ["一只", "一辆", "一支", "一扇", "一棵", "一盏", "一座", "一匹"];

/// How far that reaches, in bytes.
const EACH_REACH: usize = 120;

/// Whether the two are told of one and another: one mask smiles, one cries; 一人站着，一人坐着.
pub(super) fn is_of_each(
    subject: &Subject<'_>,
    first: &Match,
    second: &Match,
    is_thing: bool,
) -> bool {
    let range = clauses(subject, first, second);
    let folded = &subject.text.folded[range];
    let is_twice = |each: &str| folded.match_indices(each).nth(1).is_some();
    folded.len() <= EACH_REACH
        && (EACH.iter().any(|each| is_twice(each))
            || (is_thing && EACH_THING.iter().any(|each| is_twice(each))))
}

/// Whether something is only seen in an eye, a mirror or a drop.
fn is_reflected(subject: &Subject<'_>, found: &Match) -> bool {
    let clause = clauses(subject, found, found);
    let folded = &subject.text.folded[clause];
    ["reflect", "mirror", "倒映", "映着", "镜子", "镜中", "镜面"]
        .iter()
        .any(|word| folded.contains(word))
}

/// The clauses from the first word's to the second's.
pub(super) fn clauses(subject: &Subject<'_>, first: &Match, second: &Match) -> Range<usize> {
    let segments = &subject.text.segments;
    let at = |end: usize| segments.partition_point(|segment| segment.end < end);
    let start = segments.get(at(first.end)).map_or(first.start, |it| it.start.min(first.start));
    let end = segments.get(at(second.end)).map_or(second.end, |it| it.end.max(second.end));
    start..end
}

/// How far apart, in bytes, two adjectives of one thing may stand.
const BESIDE: usize = 14;

/// Characters with which the second adjective is another thing's.
const NOT_BESIDE: [char; 19] = [
    '着', '和', '与', '或', '到', '一', '在', '不', '旁', '给', '抱', '牵', '对', '看', '被', '把',
    '跟', '替', '向',
];

/// Whether two adjectives stand in front of the same thing, with no other thing between them.
fn is_beside(subject: &Subject<'_>, first: &Match, second: &Match) -> bool {
    if second.start < first.end {
        return false;
    }
    let between = &subject.text.folded[first.end..second.start];
    let joins = ["and", "or", "to", "with", "on", "in", "of", "a", "the", "but", "not", "than"];
    between.len() <= BESIDE
        && !between.contains(|c| is_separator(c) || NOT_BESIDE.contains(&c))
        && !between.split_whitespace().any(|word| joins.contains(&word))
        && between.split_whitespace().count() < 2
}

/// How far apart, in bytes, two words of one thing may stand.
const NEAR: usize = 48;

/// Words with which another thing comes in, or a place.
const OTHERS: [&str; 37] = [
    "for", "among", "held", "a", "an", "another", "other", "or", "beside", "next", "near",
    "behind", "under", "by", "at", "in", "on", "from", "against", "while", "but", "than", "over",
    "around", "to", "into", "his", "her", "their", "its", "two", "three", "some", "between",
    "above", "below", "through",
];
const OTHERS_HAN: [char; 29] = [
    '配', '里', '而', '在', '旁', '和', '与', '跟', '另', '或', '把', '给', '对', '向', '从', '一',
    '两', '几', '将', '被', '着', '穿', '戴', '拿', '看', '前', '后', '边', '不',
];

/// Whether two words are said of one thing, before another is named.
fn is_near(subject: &Subject<'_>, first: &Match, second: &Match) -> bool {
    let Some(between) = subject.text.folded.get(first.end..second.start) else { return false };
    let marks = between.chars().filter(|c| is_separator(*c)).count();
    // A mug of tea, the door of a chapel: that names no other thing.
    let words = between.replace(" of a ", " ").replace(" of the ", " ");
    between.len() <= NEAR
        && (marks == 0
            || (marks == 1 && is_said(subject, second) && !names_other(subject, first, second)))
        && !between.contains(['.', '。', ';', '；', '、', '\n', BLANK])
        && !between.contains(OTHERS_HAN)
        && !words.split(|c: char| !c.is_alphanumeric()).any(|word| OTHERS.contains(&word))
}

/// Whether a comma stands between two words.
fn is_parted(subject: &Subject<'_>, first: &Match, second: &Match) -> bool {
    subject.text.folded.get(first.end..second.start).is_some_and(|it| it.contains(is_separator))
}

/// Whether the second clause is about something else: the door is shut, the window open.
fn names_other(subject: &Subject<'_>, first: &Match, second: &Match) -> bool {
    let owners = subject.matches.of(Group::Owner);
    let segments = &subject.text.segments;
    let clause = |at: usize| segments.partition_point(|segment| segment.end <= at);
    let (one, other) = (clause(first.start), clause(second.start));
    let of = |number: usize| {
        let within = move |it: &&Match| clause(it.start) == number;
        owners.iter().filter(within).map(|it| it.item).collect::<Vec<usize>>()
    };
    let (before, behind) = (of(one), of(other));
    behind.iter().any(|item| !before.contains(item))
}

/// Whether a word behind a comma says something of what was named, and is no part of the name of something else: square, with four corners,
/// but not: huge planet.
fn is_said(subject: &Subject<'_>, word: &Match) -> bool {
    let folded = &subject.text.folded;
    let behind = folded[word.end..].trim_start_matches(' ');
    let goes_on = ["with", "and", "but", "to", "of", "down", "up", "away"];
    let is_verb = folded[word.span()].ends_with(['满', '着', '了', '成', '出', '开']);
    behind.is_empty()
        || behind.starts_with(is_separator)
        || goes_on.iter().any(|next| follows(behind, next))
        || is_verb
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
