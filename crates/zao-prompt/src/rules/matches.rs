//! The words of all tables that are words of a text, by what they are to rules. What one means where it stands is for the rules.

use std::ops::Range;

use super::lexicon::{GROUPS, Group, Lexicon, Roles};
use crate::check::characters::{INSIDE, LATIN};
use crate::check::text::Text;
use crate::together::Together;

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

/// A [`Match`] in half of its bytes, which is how a megabyte's are kept; no longer text is read than its places fit into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Packed {
    start: u32,
    end: u32,
    item: u32,
}

impl Packed {
    fn of(start: usize, end: usize, item: usize) -> Self {
        Self { start: start as u32, end: end as u32, item: item as u32 }
    }

    fn whole(self) -> Match {
        Match { start: self.start as usize, end: self.end as usize, item: self.item as usize }
    }
}

/// All words of all tables in a prompt: those of a group by where they begin, the longer first.
pub(crate) struct Matches {
    /// One that was not looked for is empty.
    groups: Vec<Vec<Packed>>,
}

impl Matches {
    /// The words of a group, the longest where several begin, none that overlaps the one before.
    pub(crate) fn of(&self, group: Group) -> Vec<Match> {
        longest(self.all(group))
    }

    /// The same without those that overlap a word of `keep`.
    pub(crate) fn outside(&self, group: Group, keep: Group) -> Vec<Match> {
        longest(self.all_outside(group, keep))
    }

    /// All words of a group that do not overlap one of `keep`: a word with each thing that it is, and words within longer ones.
    pub(crate) fn all_outside(&self, group: Group, keep: Group) -> Vec<Match> {
        let kept = self.of(keep);
        if kept.is_empty() {
            return self.all(group).collect();
        }
        let mut next = 0;
        let free = self.all(group).filter(|it| {
            while kept.get(next).is_some_and(|keep| keep.end <= it.start) {
                next += 1;
            }
            // Kept words do not overlap each other, so those that begin inside of `it` follow at once.
            !kept[next..]
                .iter()
                .take_while(|keep| keep.start < it.end)
                .any(|keep| keep.overlaps(it))
        });
        free.collect()
    }

    /// All words of a group that no longer word of `keep` has in it.
    pub(crate) fn all_not_within(&self, group: Group, keep: Group) -> Vec<Match> {
        let kept = self.of(keep);
        let mut next = 0;
        let free = self.all(group).filter(|it| {
            while kept.get(next).is_some_and(|keep| keep.end <= it.start) {
                next += 1;
            }
            let length = |it: &Match| it.end - it.start;
            !kept.get(next).is_some_and(|keep| {
                keep.start <= it.start && it.end <= keep.end && length(it) < length(keep)
            })
        });
        free.collect()
    }

    /// All words of a group, those within longer ones too.
    pub(crate) fn each(&self, group: Group) -> Vec<Match> {
        self.all(group).collect()
    }

    fn all(&self, group: Group) -> impl Iterator<Item = Match> {
        self.groups[group as usize].iter().map(|it| it.whole())
    }

    /// The longest words of a group outside of `keep`, each with everything that it is.
    pub(crate) fn readings(&self, group: Group, keep: Group) -> Vec<Match> {
        readings(self.all_outside(group, keep))
    }

    /// The longest words of a group, each with everything that it is.
    pub(crate) fn all_readings(&self, group: Group) -> Vec<Match> {
        readings(self.all(group).collect())
    }
}

fn readings(mut all: Vec<Match>) -> Vec<Match> {
    let chosen = longest(all.iter().copied());
    let mut next = 0;
    all.retain(|it| {
        while chosen.get(next).is_some_and(|one| one.start < it.start) {
            next += 1;
        }
        chosen.get(next).is_some_and(|one| one.span() == it.span())
    });
    all
}

fn longest(matches: impl IntoIterator<Item = Match>) -> Vec<Match> {
    let mut free = 0;
    let fits = |it: &Match| {
        let fits = it.start >= free;
        if fits {
            free = it.end;
        }
        fits
    };
    matches.into_iter().filter(fits).collect()
}

impl Lexicon {
    /// All words of a text.
    pub(crate) fn matches(&self, text: &Text<'_>, together: Together<'_>) -> Matches {
        self.found(text, &self.all, together, together.threads(text.folded.len()))
    }

    /// Those that rules ask for which replace something.
    pub(crate) fn repairing(&self, text: &Text<'_>, together: Together<'_>) -> Matches {
        self.found(text, &self.repairs, together, together.threads(text.folded.len()))
    }

    /// By so many threads, each of which reads a piece.
    fn found(
        &self,
        text: &Text<'_>,
        wanted: &Roles,
        together: Together<'_>,
        threads: usize,
    ) -> Matches {
        let length = text.folded.len();
        let piece = length.div_ceil(threads).max(1);
        let mut pieces = together
            .each(threads, threads, |number| {
                let from = (number * piece).min(length);
                self.begun_in(from..(from + piece).min(length), text, wanted)
            })
            .into_iter();
        let mut groups = pieces.next().unwrap_or_else(|| vec![Vec::new(); GROUPS]);
        for piece in pieces {
            for (all, more) in groups.iter_mut().zip(piece) {
                all.extend(more);
            }
        }
        Matches { groups }
    }

    /// Those that begin in a piece of a text, wherever they end.
    fn begun_in(&self, piece: Range<usize>, text: &Text<'_>, wanted: &Roles) -> Vec<Vec<Packed>> {
        let mut groups = vec![Vec::new(); GROUPS];
        let bytes = text.folded.as_bytes();
        let mut here: Vec<(usize, usize)> = Vec::new();
        let mut before = piece.start.checked_sub(1).map_or(0, |before| text.kinds()[before]);
        for start in piece {
            let kinds = text.kinds()[start];
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
                        groups[group].push(Packed::of(start, end, item));
                    }
                }
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rules;

    #[test]
    fn pieces_that_are_cut_anywhere_have_the_words_of_the_whole() {
        let rules = Rules::builtin();
        let prompt = "一只猫坐在红木桌上，a very old lighthouse, 白天鹅 // at night, the light-house's \"door\" 写着欢迎光临";
        let text = Text::new(prompt, rules);
        let alone = Together::default();
        let whole = rules.lexicon.found(&text, &rules.lexicon.all, alone, 1).groups;
        assert!(whole.iter().map(Vec::len).sum::<usize>() > 20, "{whole:?}");
        for threads in 2..=prompt.len() + 1 {
            let pieces = rules.lexicon.found(&text, &rules.lexicon.all, alone, threads).groups;
            assert_eq!(pieces, whole, "{threads} pieces");
        }
    }
}
