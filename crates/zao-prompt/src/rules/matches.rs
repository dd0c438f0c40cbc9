//! The words of all tables that are words of a text, by what they are to rules. What one means where it stands is for the rules.

use std::ops::Range;

use super::lexicon::{GROUPS, Group, Lexicon, Roles};
use crate::check::characters::{INSIDE, LATIN};
use crate::check::text::Text;

/// A word of a table in a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Which of its table.
    pub(crate) item: usize,
}

impl Match {
    pub(crate) fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// All words of all tables in a prompt: those of a group by where they begin, the longer first.
pub(crate) struct Matches {
    /// One that was not looked for is empty.
    groups: Vec<Vec<Match>>,
}

impl Matches {
    /// The words of a group, the longest where several begin, none that overlaps the one before.
    pub(crate) fn of(&self, group: Group) -> Vec<Match> {
        longest(&self.groups[group as usize])
    }

    /// The same without those that overlap a word of `keep`.
    pub(crate) fn outside(&self, group: Group, keep: Group) -> Vec<Match> {
        longest(&self.all_outside(group, keep))
    }

    /// All words of a group that do not overlap one of `keep`: a word with each thing that it is, and words within longer ones.
    pub(crate) fn all_outside(&self, group: Group, keep: Group) -> Vec<Match> {
        let kept = self.of(keep);
        if kept.is_empty() {
            return self.groups[group as usize].clone();
        }
        let mut next = 0;
        let mut free = self.groups[group as usize].clone();
        free.retain(|it| {
            while kept.get(next).is_some_and(|keep| keep.end <= it.start) {
                next += 1;
            }
            // Kept words do not overlap each other, so those that begin inside of `it` follow at once.
            !kept[next..]
                .iter()
                .take_while(|keep| keep.start < it.end)
                .any(|keep| keep.overlaps(it))
        });
        free
    }

    /// The longest words of a group outside of `keep`, each with everything that it is.
    pub(crate) fn readings(&self, group: Group, keep: Group) -> Vec<Match> {
        let mut all = self.all_outside(group, keep);
        let chosen = longest(&all);
        let mut next = 0;
        all.retain(|it| {
            while chosen.get(next).is_some_and(|one| one.start < it.start) {
                next += 1;
            }
            chosen.get(next).is_some_and(|one| one.span() == it.span())
        });
        all
    }
}

fn longest(matches: &[Match]) -> Vec<Match> {
    let mut free = 0;
    let fits = |it: &&Match| {
        let fits = it.start >= free;
        if fits {
            free = it.end;
        }
        fits
    };
    matches.iter().filter(fits).copied().collect()
}

impl Lexicon {
    /// All words of a text.
    pub(crate) fn matches(&self, text: &Text<'_>) -> Matches {
        self.found(text, &self.all)
    }

    /// Those that rules ask for which replace something.
    pub(crate) fn repairing(&self, text: &Text<'_>) -> Matches {
        self.found(text, &self.repairs)
    }

    fn found(&self, text: &Text<'_>, wanted: &Roles) -> Matches {
        let mut groups = vec![Vec::new(); GROUPS];
        let bytes = text.folded.as_bytes();
        let mut here: Vec<(usize, usize)> = Vec::new();
        let mut before = 0;
        for (start, &kinds) in text.kinds().iter().enumerate() {
            // Most bytes are inside of a character or of a word.
            let goes_on = kinds & INSIDE != 0 || kinds & before & LATIN != 0;
            before = kinds;
            if goes_on || !wanted.begin.may_be_at(bytes, start) || !text.begins_whole(start) {
                continue;
            }
            here.clear();
            self.words.at(&bytes[start..], |length, number| here.push((start + length, number)));
            for &(end, number) in here.iter().rev() {
                if text.ends_whole(end) {
                    for (group, item) in wanted.of_word(number) {
                        groups[group].push(Match { start, end, item });
                    }
                }
            }
        }
        Matches { groups }
    }
}
