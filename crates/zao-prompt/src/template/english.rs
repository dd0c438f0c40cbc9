//! How an English clause is read. What is done with its chunks is NOT decided here.

use super::Slot;
use super::sort::{Chunk, Role};
use crate::lexicon::{ENGLISH, Kind, Word};

/// How many words behind a preposition may belong to the place it leads to.
const NEAR: usize = 8;

/// The most words of a clause that only names a kind of picture.
const MEDIUM_WORDS: usize = 6;

/// Whether a clause names what kind of picture it is, and the `next` one begins with somebody or something: "street photography, a man".
pub(super) fn is_medium_of(clause: &str, next: &str) -> bool {
    let (clause, next) = (Clause(ENGLISH.words(clause)), Clause(ENGLISH.words(next)));
    clause.names_medium() && next.is(0, Kind::Determiner)
}

/// A clause by its words.
struct Clause(Vec<Word>);

/// The chunks of `clause`, which cover it.
pub(super) fn chunks(clause: &str, role: Role) -> Vec<Chunk> {
    let words = Clause(ENGLISH.words(clause));
    let marks = match role {
        Role::First => words.first(),
        Role::Later => words.later(),
    };
    let start = |at: usize| words.0.get(at).map_or(clause.len(), |word| word.whole.start);
    let ends = marks.iter().skip(1).map(|&(_, at)| start(at)).chain([clause.len()]);
    marks
        .iter()
        .zip(ends)
        .map(|(&(slot, at), end)| (slot, if at == 0 { 0 } else { start(at) }..end))
        .collect()
}

/// Where each chunk begins.
type Marks = Vec<(Slot, usize)>;

impl Clause {
    fn is(&self, at: usize, kind: Kind) -> bool {
        self.0.get(at).is_some_and(|word| word.reach.is(kind))
    }

    fn reach(&self, at: usize, kind: Kind) -> Option<usize> {
        self.0.get(at)?.reach.of(kind)
    }

    /// A clause in which the subject is still to come.
    fn first(&self) -> Marks {
        if self.is_all_style() || self.tail(0) {
            return vec![(Slot::Style, 0)];
        }
        if self.is(0, Kind::Detail) {
            return vec![(Slot::Detail, 0)];
        }
        let mut marks = Vec::new();
        let mut at = 0;
        if let Some(end) = self.medium() {
            marks.push((Slot::Style, 0));
            at = end;
        }
        let slot = if self.opens_background(at) { Slot::Background } else { Slot::Subject };
        marks.push((slot, at));
        self.follow(&mut marks, at);
        marks
    }

    /// A clause that says more of a subject that is there.
    fn later(&self) -> Marks {
        if self.says_style() {
            return vec![(Slot::Style, 0)];
        }
        let verb = self.verb();
        if self.is(0, Kind::Detail) || (verb > 0 && self.is(verb, Kind::Detail)) {
            return self.with_tail(if self.has(Kind::Trail) {
                Slot::Background
            } else {
                Slot::Detail
            });
        }
        if self.is(verb, Kind::Action) && !self.is_attribute(verb) {
            let mut marks = vec![(Slot::Action, 0)];
            self.follow(&mut marks, verb);
            return marks;
        }
        let background = self.has(Kind::Trail) || self.opens_background(0) || self.heads_place();
        self.with_tail(if background { Slot::Background } else { Slot::Detail })
    }

    /// Reads on behind the first word of the last chunk.
    fn follow(&self, marks: &mut Marks, from: usize) {
        let mut acted = false;
        let mut placed = false;
        // "There is a lighthouse", "a pair of shoes": what leads to the thing is read as a whole.
        let mut at = from + self.reach(from, Kind::Determiner).unwrap_or(1);
        while at < self.0.len() {
            let (slot, begun) = marks.last().copied().unwrap_or((Slot::Subject, 0));
            acted |= slot == Slot::Action;
            placed |= slot == Slot::Background && self.is(at - 1, Kind::Place);
            let next = if self.tail(at) {
                marks.push((Slot::Style, at));
                return;
            } else if slot == Slot::Background && self.is_said(begun, at) {
                // "At night with lanterns": the time is said, and more of the thing comes.
                self.is(at, Kind::Detail).then_some(Slot::Detail)
            } else if slot == Slot::Background {
                // "In the forest a knight stands": the place is said, and somebody comes.
                let comes = begun == 0
                    && placed
                    && self.is(at, Kind::Determiner)
                    && !self.is(at - 1, Kind::Preposition);
                comes.then_some(Slot::Subject)
            } else if self.opens_background(at) {
                Some(Slot::Background)
            } else if self.is(at, Kind::Detail) {
                let of_verb = slot == Slot::Action && self.is(at - 1, Kind::Action);
                let trails =
                    || (at..self.0.len().min(at + NEAR)).any(|it| self.is(it, Kind::Trail));
                (!of_verb).then(|| if trails() { Slot::Background } else { Slot::Detail })
            } else if self.is(at, Kind::Action)
                && slot != Slot::Action
                && !acted
                && !self.is_attribute(at)
            {
                Some(Slot::Action)
            } else {
                None
            };
            marks.extend(next.map(|slot| (slot, at)));
            // What opened a chunk is read as a whole.
            let phrase = next.and_then(|slot| self.phrase(at, slot)).unwrap_or(1);
            at += phrase;
        }
    }

    /// Whether a time or a place that says itself begins at one word and ends in front of another.
    fn is_said(&self, begun: usize, at: usize) -> bool {
        self.reach(begun, Kind::Setting).is_some_and(|words| begun + words == at)
    }

    fn phrase(&self, at: usize, slot: Slot) -> Option<usize> {
        match slot {
            Slot::Background => self.reach(at, Kind::Setting).or(self.reach(at, Kind::Preposition)),
            Slot::Detail => self.reach(at, Kind::Detail),
            Slot::Action => self.reach(at, Kind::Action),
            Slot::Subject | Slot::Style => None,
        }
    }

    /// The slot, and the style that the end of the clause may say.
    fn with_tail(&self, slot: Slot) -> Marks {
        let tail = (1..self.0.len()).find(|&at| self.tail(at));
        std::iter::once((slot, 0)).chain(tail.map(|at| (Slot::Style, at))).collect()
    }

    /// Where a clause about how it is made begins: "in the style of", "in watercolor style", "as an oil painting".
    fn tail(&self, at: usize) -> bool {
        if self.is(at, Kind::Tail) {
            return true;
        }
        let plain = |it: usize| !self.is(it, Kind::Preposition) && !self.is(it, Kind::Detail);
        let near = at + 1..self.0.len().min(at + 6);
        let says = near.take_while(|&it| plain(it)).any(|it| self.is(it, Kind::Style));
        // A preposition of place that leads to a style leads to no place.
        says && self.reach(at, Kind::Preposition) == Some(1) && !self.leads_to_place(at)
    }

    /// Where "an oil painting of" ends, at the beginning of a prompt.
    fn medium(&self) -> Option<usize> {
        let of = self.0.iter().take(10).position(|word| word.of)?;
        let before = 0..of;
        let medium = before.clone().any(|at| self.is(at, Kind::Medium) || self.is(at, Kind::Style));
        let plain =
            before.clone().all(|at| !self.is(at, Kind::Preposition) && !self.is(at, Kind::Detail));
        (medium && plain && of + 1 < self.0.len()).then_some(of + 1)
    }

    fn has(&self, kind: Kind) -> bool {
        self.0.iter().any(|word| word.reach.is(kind))
    }

    /// Whether every word is about how the picture is made.
    fn is_all_style(&self) -> bool {
        let mut at = 0;
        while at < self.0.len() {
            let reach = [Kind::Style, Kind::WeakStyle]
                .into_iter()
                .filter_map(|kind| self.reach(at, kind))
                .max();
            match reach {
                Some(words) => at += words,
                None if self.is_small(at) => at += 1,
                None => return false,
            }
        }
        !self.0.is_empty()
            && self
                .0
                .iter()
                .any(|word| word.reach.is(Kind::Style) || word.reach.is(Kind::WeakStyle))
    }

    fn says_style(&self) -> bool {
        if self.is_all_style() || self.tail(0) || self.names_medium() {
            return true;
        }
        let begins_other = self.is(0, Kind::Detail)
            || self.is(self.verb(), Kind::Action) && !self.is(0, Kind::Style);
        // Style behind a preposition is what something there is like: "a lamp in art deco style".
        let before = (0..self.0.len()).take_while(|&at| at == 0 || !self.is(at, Kind::Preposition));
        !begins_other && before.into_iter().any(|at| self.is(at, Kind::Style))
    }

    /// Whether a few words name what kind of picture it is: "epic fantasy painting".
    fn names_medium(&self) -> bool {
        let others = [Kind::Determiner, Kind::Preposition, Kind::Detail, Kind::Action];
        let is_plain = |at: usize| others.iter().all(|kind| !self.is(at, *kind)) && !self.0[at].of;
        let last = self.0.len().saturating_sub(1);
        let says = self.is(last, Kind::Medium) || self.is(last, Kind::Style);
        says && (1..MEDIUM_WORDS).contains(&last) && (0..=last).all(is_plain)
    }

    /// Words that say nothing by themselves.
    fn is_small(&self, at: usize) -> bool {
        self.0[at].core.len() <= 3
            && (self.0[at].of || self.0[at].and || self.is(at, Kind::Determiner))
    }

    /// Where the verb would stand: behind a pronoun, or behind "the cat", which was named before.
    fn verb(&self) -> usize {
        if self.is(0, Kind::Pronoun) {
            return 1;
        }
        let named = self.0.first().is_some_and(|word| word.the)
            && self.is(2, Kind::Action)
            && !self.is(1, Kind::Adjective)
            && !self.is(1, Kind::Place);
        if named { 2 } else { 0 }
    }

    /// Whether a place, a time or the weather begins here.
    fn opens_background(&self, at: usize) -> bool {
        self.is(at, Kind::Setting)
            || self.is(at, Kind::Trail)
            || (self.is(at, Kind::Preposition) && self.leads_to_place(at))
    }

    fn leads_to_place(&self, at: usize) -> bool {
        let from = at + self.reach(at, Kind::Preposition).unwrap_or(1);
        let to = self.0.len().min(from + NEAR);
        let stops = |it: usize| {
            self.is(it, Kind::Preposition)
                || self.is(it, Kind::Detail)
                || (self.is(it, Kind::Action) && !self.is_attribute(it))
        };
        (from..to).take_while(|&it| !stops(it)).any(|it| self.is(it, Kind::Place))
    }

    /// Whether the clause names a place: the last word before anything that is said of it is one.
    fn heads_place(&self) -> bool {
        let ends = |at: &usize| {
            self.0[*at].of
                || self.is(*at, Kind::Preposition)
                || self.is(*at, Kind::Detail)
                || (self.is(*at, Kind::Action) && !self.is_attribute(*at))
        };
        let head = (1..self.0.len()).find(ends).unwrap_or(self.0.len()) - 1;
        self.is(head, Kind::Place)
    }

    /// Whether an -ing stands before what it says something of, as in "a sleeping cat".
    fn is_attribute(&self, at: usize) -> bool {
        let verb = self.0[at].reach.of(Kind::Action) == Some(1);
        let before = at.checked_sub(1);
        let leads = before.is_some_and(|at| {
            self.is(at, Kind::Determiner)
                || self.is(at, Kind::Adjective)
                || self.is(at, Kind::Preposition)
                || self.0[at].of
        });
        let begins = at == 0 && self.0.len() > 1 && self.0[0].ing && self.bare_noun(1);
        verb && (leads || begins)
    }

    /// Whether a word stands alone as nouns do: nothing is known of it.
    fn bare_noun(&self, at: usize) -> bool {
        let kinds = [
            Kind::Determiner,
            Kind::Preposition,
            Kind::Adjective,
            Kind::Detail,
            Kind::Action,
            Kind::Setting,
        ];
        self.0.get(at).is_some_and(|word| {
            !word.of && !word.and && kinds.iter().all(|&kind| !word.reach.is(kind))
        }) && self.0.len() == at + 1
    }
}
