//! What is said not to be there, and is: no plants, and a pot of ferns further on; a sleeveless dress with long sleeves; the only one in the
//! picture, and her friends. It belongs to `contradiction`; words that deny a value of an axis are judged there.

mod again;
mod grammar;
mod phrase;
mod place;

use std::ops::Range;

use super::Subject;
use super::attributes::PAGE;
use super::beings::{is_one_person, is_one_person_within};
use super::characters::is_han;
use super::contradiction::{DISTANCES, clauses, is_apart, is_of_partner};
use super::denial::{denies_deed, is_denied};
use super::edit::{About, Hit};
use super::text::{BLANK, Side};
use crate::Code;
use crate::rules::{Group, Kind, Match};
use grammar::{Stand, stand};
use phrase::{ends_phrase, is_thing_han};

/// How many words of a class are held against a denial, how many denials of it, and how many findings there are of a side.
const MOST: usize = 24;
const DENIALS: usize = 3;
const FINDINGS: usize = 8;

/// Words that say how colours, styles or times run into each other, which is no reason for a thing to be there that is denied.
pub(super) const NO_REASONS: [&str; 25] = [
    "渐变",
    "漫画",
    "挑染",
    "异色瞳",
    "异瞳",
    "冷暖",
    "碰撞",
    "交织",
    "融合",
    "超现实",
    "混合媒介",
    "gradient from",
    "comic",
    "highlights",
    "ombre",
    "two-tone",
    "split dye",
    "heterochromia",
    "surreal",
    "dreamlike",
    "infrared",
    "mixed media",
    "mixed-media",
    "blend of",
    "fusion",
];

/// Words that leave something out of what is denied.
const EXCEPTIONS: [&str; 7] =
    ["except", "apart from", "除了", "other than", "aside from", "save for", "besides"];

/// Words that tell of one of several, which a denial of others says itself.
const ONLY: [&str; 9] =
    ["only the", "only one", "only her", "only his", "只有", "唯一", "仅有", "唯独", "the only"];

/// Where somebody is who is not alone.
const BESIDE: [&str; 4] = ["beside him", "beside her", "身旁", "身边"];

/// Two distances, of which one is said of what is denied and one of what is there.
const NEAR_AND_FAR: [(&str, &str); 12] = [
    ("north", "south"),
    ("east", "west"),
    ("the front", "the back"),
    ("inside", "outside"),
    ("upstairs", "downstairs"),
    ("正面", "背面"),
    ("foreground", "distance"),
    ("foreground", "background"),
    ("前景", "远处"),
    ("前景", "背景"),
    ("近处", "远处"),
    ("眼前", "远处"),
];

/// What says in its clause that a thing is one of somebody or something else.
const OTHERS: [&str; 16] = [
    "opposite",
    "next door",
    "another",
    "the other",
    "neighbouring",
    "neighboring",
    "a second",
    "someone else",
    "对面",
    "隔壁",
    "另一",
    "旁边的",
    "别人的",
    "邻家",
    "其他的",
    "别家",
];

/// A class that is denied.
struct Denial {
    at: Match,
    /// The one thing of the class that is, where not all of it is.
    only: Option<Range<usize>>,
    /// Whether it is said by one word in front of a thing: windowless.
    is_adjective: bool,
}

/// A word of a class, with how it stands.
struct Word {
    at: Match,
    stand: Stand,
}

/// What is denied and there, a few for each side.
pub(super) fn find(subject: &Subject<'_>) -> Vec<Hit> {
    let near = |group: Group| {
        let mut found = subject.matches.all_not_within(group, Group::PairKeep);
        found.retain(|it| it.start < PAGE);
        found
    };
    let (names, things) = (near(Group::ClassName), near(Group::ClassThing));
    let none = near(Group::ClassNone);
    let told = |found: &[Match]| -> Vec<Word> {
        found.iter().map(|at| Word { at: *at, stand: stand(subject, at) }).collect()
    };
    let (names, things) = (told(&names), told(&things));
    let mut denials: Vec<Denial> = Vec::new();
    for at in none.iter().filter(|it| !is_denied(subject, it) && is_none(subject, it)) {
        if denies_deed(subject, at) {
            continue;
        }
        denials.push(Denial { at: *at, only: None, is_adjective: true });
    }
    for (words, is_narrow) in [(&names, false), (&things, true)] {
        for word in words {
            let Stand::Denied(start) = word.stand else { continue };
            if is_noun(subject, &word.at) {
                let only = is_narrow.then(|| word.at.span());
                let at = Match { start: start.min(word.at.start), ..word.at };
                denials.push(Denial { at, only, is_adjective: false });
            }
        }
    }
    if denials.is_empty() {
        return again::find(subject);
    }
    denials.sort_by_key(|it| (it.at.start, it.only.is_some()));
    let mut there: Vec<Match> =
        names.iter().chain(&things).filter(|it| is_there(subject, it)).map(|it| it.at).collect();
    let members = near(Group::ClassMember).into_iter();
    there.extend(
        members.filter(|it| stand(subject, it) == Stand::There && !place::is_shown(subject, it)),
    );
    let class = &subject.rules.tables.contradiction.class;
    if let Some(item) = class.iter().position(|class| class.name == TEXT) {
        there.extend(quoted(subject, item));
    }
    there.sort_by_key(|it| (it.start, std::cmp::Reverse(it.end)));
    let sides = subject.text.sides.iter();
    let mut hits: Vec<Hit> =
        sides.flat_map(|side| within(subject, side, &denials, &there)).collect();
    if hits.is_empty() {
        hits = again::find(subject);
    }
    hits
}

/// The class of what is written.
const TEXT: &str = "text";

/// Whether a word for nothing stands alone: 无角, and not 无角度.
fn is_none(subject: &Subject<'_>, at: &Match) -> bool {
    let behind = &subject.text.folded[at.end..];
    !subject.text.folded[at.span()].contains(is_han)
        || !behind.starts_with(['旁', '外', '边', '度', '际', '关', '论', '法', '线'])
}

/// Whether a name is a noun of its own where it stands.
fn is_noun(subject: &Subject<'_>, at: &Match) -> bool {
    let (name, behind) = (&subject.text.folded[at.span()], &subject.text.folded[at.end..]);
    match name.starts_with(is_han) {
        true => is_thing_han(name, behind),
        false => ends_phrase(name, behind),
    }
}

fn is_there(subject: &Subject<'_>, word: &Word) -> bool {
    let name = &subject.text.folded[word.at.span()];
    // Names of one character are parts of too many words.
    let is_long = name.chars().nth(1).is_some();
    is_long
        && word.stand == Stand::There
        && is_noun(subject, &word.at)
        && !place::is_shown(subject, &word.at)
}

/// What introduces text in quotes.
const INTRODUCES: [&str; 44] = [
    "says",
    "saying",
    "reads",
    "reading",
    "words",
    "word",
    "text",
    "title",
    "titled",
    "caption",
    "lettering",
    "letters",
    "slogan",
    "headline",
    "written",
    "spelling",
    "spells",
    "inscription",
    "inscribed",
    "lettered",
    "label",
    "labelled",
    "labeled",
    "printed",
    "logo",
    "写着",
    "写有",
    "标题",
    "标题为",
    "标题是",
    "文字",
    "文字为",
    "印着",
    "印有",
    "刻着",
    "刻有",
    "写上",
    "题为",
    "题着",
    "大字",
    "标语",
    "口号",
    "字样",
    "名为",
];

/// Text in quotes that is to be seen.
fn quoted(subject: &Subject<'_>, item: usize) -> Vec<Match> {
    let folded = &subject.text.folded;
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = folded[from..].find(BLANK).filter(|at| from + at < PAGE) {
        let start = from + at;
        let length = folded[start..].find(|c| c != BLANK).unwrap_or(folded.len() - start);
        from = start + length;
        let before = folded[..start].trim_end_matches([' ', ':', '：', '"', '“', '「', '\'', '‘']);
        let word = INTRODUCES.iter().find(|word| super::word::precedes(before, word));
        if let Some(word) = word {
            let at = Match { start: before.len() - word.len(), end: from, item };
            if stand(subject, &at) == Stand::There && !place::is_shown(subject, &at) {
                found.push(at);
            }
        }
        if found.len() > MOST {
            break;
        }
    }
    found
}

fn within(subject: &Subject<'_>, side: &Side, denials: &[Denial], there: &[Match]) -> Vec<Hit> {
    let classes = &subject.rules.tables.contradiction.class;
    let mut tried: Vec<usize> = Vec::new();
    let mut told: Vec<usize> = Vec::new();
    let mut hits = Vec::new();
    for denial in denials.iter().filter(|it| side.range.contains(&it.at.start)) {
        let item = denial.at.item;
        let count = tried.iter().filter(|it| **it == item).count();
        if count >= DENIALS || told.contains(&item) || hits.len() >= FINDINGS {
            continue;
        }
        tried.push(item);
        let of_class = there.iter().filter(|it| it.item == item && side.range.contains(&it.start));
        let of_class: Vec<Match> = of_class.take(MOST).copied().collect();
        let class = &classes[item];
        let judge = Judge { subject, kind: class.kind, here: &class.here, denial };
        if judge.is_of_rest(&of_class) {
            continue;
        }
        if let Some(it) = of_class.iter().find(|it| judge.clashes(it)) {
            let (first, second) =
                if denial.at.start < it.start { (denial.at, *it) } else { (*it, denial.at) };
            let about = About::Both(first.span(), second.span());
            hits.push(Hit::advice(Code::Contradiction, first.start..second.end, about));
            told.push(item);
        }
    }
    hits
}

/// Who says whether a thing is there that a denial denies.
struct Judge<'s, 'p> {
    subject: &'s Subject<'p>,
    kind: Kind,
    /// Words for another place that are none for what is judged.
    here: &'s [String],
    denial: &'s Denial,
}

impl Judge<'_, '_> {
    /// Whether the clause of a denial names what alone is there: a desk lamp is the only light.
    fn is_of_rest(&self, of_class: &[Match]) -> bool {
        let clause = clauses(self.subject, &self.denial.at, &self.denial.at);
        let own = |it: &&Match| it.end <= self.denial.at.start || self.denial.at.end <= it.start;
        self.kind == Kind::Rest && of_class.iter().filter(own).any(|it| clause.contains(&it.start))
    }

    fn clashes(&self, it: &Match) -> bool {
        let (subject, denial) = (self.subject, &self.denial.at);
        if it.start < denial.end && denial.start < it.end {
            return false;
        }
        let (first, second) = if denial.start < it.start { (denial, it) } else { (it, denial) };
        self.is_same(it)
            && !self.is_excepted(it)
            && !self.is_farther(first, second)
            && !is_apart(subject, first, second, &self.places())
            && match self.kind {
                // A picture that leans on the floor hangs nowhere.
                Kind::Scene => {
                    !self.is_of_another(it)
                        && (self.here.is_empty() || !place::is_aside(subject, it, self.here))
                }
                Kind::Rest | Kind::Company => true,
                Kind::Thing => !self.is_of_another(it) && !self.is_of_other(it),
                Kind::Worn if is_of_partner(subject, first, second) => false,
                Kind::Worn => {
                    let range = clauses(subject, first, second);
                    !place::is_aside(subject, it, self.here)
                        && !self.is_of_new(it)
                        && (is_one_person(subject) || is_one_person_within(subject, &range))
                        && !self.is_of_other(it)
                }
            }
    }

    /// Whether only one thing is denied and this is another one: no helmet, but a cap.
    fn is_same(&self, it: &Match) -> bool {
        let folded = &self.subject.text.folded;
        self.denial.only.as_ref().is_none_or(|only| {
            let (none, here) = (stem(&folded[only.clone()]), stem(&folded[it.span()]));
            here == none || (none.starts_with(is_han) && here.ends_with(none))
        })
    }

    /// Whether the one is near and the other far.
    fn is_farther(&self, first: &Match, second: &Match) -> bool {
        let text = &self.subject.text.folded[clauses(self.subject, first, second)];
        NEAR_AND_FAR.iter().any(|(near, far)| text.contains(near) && text.contains(far))
    }

    /// Whether it is what a denial leaves out: nobody except a guard.
    fn is_excepted(&self, it: &Match) -> bool {
        let folded = &self.subject.text.folded;
        let clause = clauses(self.subject, &self.denial.at, &self.denial.at);
        let text = &folded[clause.clone()];
        let name = stem(&folded[it.span()]);
        let last = name.rsplit(' ').next().unwrap_or(name);
        EXCEPTIONS.iter().any(|word| text.contains(word))
            && (clause.contains(&it.start) || text.contains(last))
    }

    /// Words for another place with which it is here all the same.
    fn places(&self) -> Vec<&str> {
        let mut places: Vec<&str> = NO_REASONS.iter().chain(&EXCEPTIONS).copied().collect();
        places.extend(self.here.iter().map(String::as_str));
        if self.kind != Kind::Company {
            places.extend(DISTANCES);
        }
        if matches!(self.kind, Kind::Company | Kind::Rest) {
            places.extend(ONLY);
            places.extend(BESIDE);
        }
        places
    }

    /// Whether somebody comes in with it who was not there before: faceless mannequins, a woman with red lips.
    fn is_of_new(&self, it: &Match) -> bool {
        let clause = clauses(self.subject, it, it);
        let folded = &self.subject.text.folded;
        let beings = self.subject.matches.of(Group::Subject);
        let first = beings.partition_point(|being| being.start < clause.start);
        let mut here = beings[first..].iter().take_while(|being| being.start < clause.end);
        self.denial.is_adjective
            && self.denial.at.end <= clause.start
            && here.any(|being| {
                let before = folded[clause.start..being.start].trim_end();
                super::word::precedes(before, "a") || before.ends_with(['位', '个', '名'])
            })
    }

    /// Whether it belongs to something that comes in behind the denial: a windowless van, a house with tall windows.
    fn is_of_another(&self, it: &Match) -> bool {
        self.denial.is_adjective && place::is_of_newcomer(self.subject, &self.denial.at, it)
    }

    fn is_of_other(&self, it: &Match) -> bool {
        let clause = clauses(self.subject, it, it);
        let folded = &self.subject.text.folded;
        // 没有花纹的瓷瓶里插着花纹斑斓的: in one clause of Chinese they are two things.
        let is_in_one =
            folded[it.span()].contains(is_han) && clause.contains(&self.denial.at.start);
        let none = clauses(self.subject, &self.denial.at, &self.denial.at);
        let tells = |other: &&str| {
            folded[clause.clone()].contains(*other) || folded[none.clone()].contains(*other)
        };
        if is_in_one || OTHERS.iter().any(tells) {
            return true;
        }
        let of = place::of_denial(self.subject, &self.denial.at, self.denial.is_adjective);
        of.is_some_and(|of| place::is_of_other(self.subject, of, it))
    }
}

/// A noun without what makes it several.
fn stem(noun: &str) -> &str {
    noun.strip_suffix('s').unwrap_or(noun)
}
