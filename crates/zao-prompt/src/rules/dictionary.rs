//! What things are called in two languages, what kinds they are of and which of them are the same. What follows from that is decided
//! by the rule that compares two sides.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::lexicon::{Group, Lexicon};
use super::matches::Match;
use super::tables::Things;
use crate::check::text::Text;
use crate::together::Together;

/// How far up names of things are followed: a corgi, a dog, a pet, an animal.
const GENERATIONS: usize = 5;

/// A meaning of a word: a thing, and whether the word cannot but mean it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meaning {
    pub(crate) thing: usize,
    pub(crate) is_sure: bool,
}

/// A word of one side with all that it may mean.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) span: Range<usize>,
    pub(crate) meanings: Vec<Meaning>,
}

/// A kind of things.
#[derive(Debug, Default)]
struct Kind {
    is_loose: bool,
    is_uncounted: bool,
    /// Which kinds it may stand in the place of, by the number of their list.
    instead: Option<usize>,
}

/// The dictionary.
pub(crate) struct Dictionary {
    words: Lexicon,
    kinds: Vec<Kind>,
    /// The kind of each thing, and the things that it is a kind of.
    kind: Vec<usize>,
    parents: Vec<Vec<usize>>,
}

/// Things that one side names, and what they may be called besides.
pub(crate) struct Family {
    /// The things themselves and all that they are kinds of.
    above: BTreeSet<usize>,
    own: BTreeSet<usize>,
    /// What those among them are kinds of that are between several.
    between: BTreeSet<usize>,
}

impl Dictionary {
    /// The dictionary of these things and of the tree of their names.
    pub(super) fn of(words: Lexicon, things: &Things) -> Self {
        let mut numbers: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut kind = Vec::new();
        for (at, names) in things.kinds.values().enumerate() {
            for name in names {
                for word in name.zh.iter().chain(&name.also) {
                    numbers.entry(word).or_default().push(kind.len());
                }
                kind.push(at);
            }
        }
        let parents = |(number, names): (usize, &super::tables::Names)| {
            let known = names.under.iter().filter_map(|name| numbers.get(name.as_str()));
            // A word with several meanings is one of the same kind first.
            let of = |all: &Vec<usize>| {
                let same = all.iter().find(|it| kind[**it] == kind[number] && **it != number);
                same.or(all.iter().find(|it| **it != number)).copied()
            };
            known.filter_map(of).collect()
        };
        let parents = things.kinds.values().flatten().enumerate().map(parents).collect();
        let of = |name: &String| Kind {
            is_loose: things.loose.contains(name),
            is_uncounted: things.uncounted.contains(name),
            instead: things.instead.iter().position(|list| list.contains(name)),
        };
        Self { words, kinds: things.kinds.keys().map(of).collect(), kind, parents }
    }

    /// The things that are named in a text, on its Chinese and its English side.
    pub(crate) fn named(
        &self,
        text: &Text<'_>,
        together: Together<'_>,
        [zh, en]: [&Range<usize>; 2],
    ) -> [Vec<Named>; 2] {
        let matches = self.words.matches(text, together);
        let side = |group, range: &Range<usize>| {
            let mut all: Vec<Named> = Vec::new();
            // A word that is kept means nothing.
            let is_thing = |it: &Match| range.contains(&it.start) && it.item / 2 < self.kind.len();
            for it in matches.all_readings(group).into_iter().filter(is_thing) {
                let meaning = Self::meaning(&it);
                match all.last_mut().filter(|last| last.span == it.span()) {
                    Some(last) => last.meanings.push(meaning),
                    None => all.push(Named { span: it.span(), meanings: vec![meaning] }),
                }
            }
            all
        };
        [side(Group::ThingZh, zh), side(Group::ThingEn, en)]
    }

    fn meaning(found: &Match) -> Meaning {
        Meaning { thing: found.item / 2, is_sure: found.item.is_multiple_of(2) }
    }

    /// The kind of a thing, by its number.
    pub(crate) fn kind(&self, thing: usize) -> usize {
        self.kind[thing]
    }

    /// How many kinds there are.
    pub(crate) fn kinds(&self) -> usize {
        self.kinds.len()
    }

    /// Whether one side may well name others of a kind than the other.
    pub(crate) fn is_loose(&self, kind: usize) -> bool {
        self.kinds[kind].is_loose
    }

    /// Whether numbers count such a thing.
    pub(crate) fn is_counted(&self, thing: usize) -> bool {
        !self.kinds[self.kind[thing]].is_uncounted
    }

    /// The kinds that may stand in the place of this one, by the number of their list.
    pub(crate) fn instead(&self, kind: usize) -> Option<usize> {
        self.kinds[kind].instead
    }

    /// All that a thing is, and itself.
    fn above(&self, thing: usize, into: &mut BTreeSet<usize>) {
        let mut next = vec![thing];
        for _ in 0..=GENERATIONS {
            let known = next.into_iter().filter(|it| into.insert(*it));
            next = known.flat_map(|it| self.parents[it].iter().copied()).collect();
        }
    }

    /// What a side names.
    pub(crate) fn family(&self, named: &[Named]) -> Family {
        let own: BTreeSet<usize> =
            named.iter().flat_map(|it| &it.meanings).map(|it| it.thing).collect();
        let (mut above, mut between) = (BTreeSet::new(), BTreeSet::new());
        for &thing in &own {
            self.above(thing, &mut above);
            if let parents @ [_, _, ..] = &self.parents[thing][..] {
                between.extend(parents.iter().copied());
            }
        }
        Family { above, own, between }
    }

    /// Whether a thing of `mine` is in the other family: the same, or one a kind of the other, or both between the same. A kind that is
    /// named on both sides is no name of this thing: beside pets and pets, a corgi is no poodle.
    pub(crate) fn is_in(&self, thing: usize, mine: &Family, other: &Family) -> bool {
        let mut above = BTreeSet::new();
        self.above(thing, &mut above);
        let parents = &self.parents[thing];
        let is_kind = |it: &usize| other.own.contains(it) && !mine.own.contains(it);
        other.above.contains(&thing)
            || above.iter().any(is_kind)
            || (parents.len() > 1 && parents.iter().any(|it| other.between.contains(it)))
    }
}
