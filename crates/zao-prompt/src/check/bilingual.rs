//! `bilingual`: `中文 // English` whose sides have other numbers, colours or things. A thing that only one side has is no fault: one may
//! say more than the other. Two of a kind that are not the same are one, as are two of any kinds at the same place. What things are
//! called, the dictionary knows; numbers are read in [`counts`].

mod counts;
mod held;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::Subject;
use super::edit::{About, Hit};
use crate::Code;
use crate::rules::{Dictionary, Meaning, Named};
pub(super) use counts::chinese_number;

pub(super) fn find(subject: &Subject<'_>, hits: &mut Vec<Hit>) {
    let [first, second] = &subject.text.sides[..] else { return };
    let (zh, en) = if first.is_chinese { (first, second) } else { (second, first) };
    let dictionary = subject.rules.dictionary();
    let [zh_named, en_named] =
        dictionary.named(&subject.text, subject.together, [&zh.range, &en.range]);
    let mut pairs = Pairs {
        zh: alone(dictionary, &zh_named, &en_named),
        en: alone(dictionary, &en_named, &zh_named),
        told: BTreeSet::new(),
    };
    pairs.of_a_kind(dictionary, hits);
    pairs.at_one_place(
        dictionary,
        [&clauses(subject, &zh.range), &clauses(subject, &en.range)],
        hits,
    );
    held::compare(subject, dictionary, &mut pairs, hits);
    counts::compare(subject, [(&zh.range, &zh_named), (&en.range, &en_named)], hits);
}

fn disagreement(zh: &Range<usize>, en: &Range<usize>) -> Hit {
    let (first, second) = if zh.start < en.start { (zh, en) } else { (en, zh) };
    let about = About::Both(first.clone(), second.clone());
    Hit::advice(Code::Bilingual, first.start..second.end, about)
}

/// Words of a side that mean nothing that the other one has.
fn alone<'n>(dictionary: &Dictionary, these: &'n [Named], those: &[Named]) -> Vec<&'n Named> {
    let (mine, other) = (dictionary.family(these), dictionary.family(those));
    // A prompt has few things and may name them often.
    let mut known: BTreeMap<usize, bool> = BTreeMap::new();
    let mut is_known = |meaning: &Meaning| {
        let is_in = || dictionary.is_in(meaning.thing, &mine, &other);
        *known.entry(meaning.thing).or_insert_with(is_in)
    };
    let is_alone = |it: &&Named| {
        it.meanings.iter().any(|meaning| meaning.is_sure) && !it.meanings.iter().any(&mut is_known)
    };
    these.iter().filter(is_alone).collect()
}

/// The phrases of a side.
fn clauses(subject: &Subject<'_>, side: &Range<usize>) -> Vec<Range<usize>> {
    let segments = subject.text.segments.iter();
    segments.filter(|it| side.contains(&it.start)).cloned().collect()
}

/// Words that only one side has.
struct Pairs<'n> {
    zh: Vec<&'n Named>,
    en: Vec<&'n Named>,
    /// Where those begin that are told of.
    told: BTreeSet<usize>,
}

impl Pairs<'_> {
    /// Things of one kind that are not the same on both sides, a pair of each kind.
    fn of_a_kind(&mut self, dictionary: &Dictionary, hits: &mut Vec<Hit>) {
        let firsts = |named: &[&Named]| {
            let mut firsts: Vec<Vec<Range<usize>>> = vec![Vec::new(); dictionary.kinds()];
            for it in named {
                for meaning in it.meanings.iter().filter(|meaning| meaning.is_sure) {
                    let first = &mut firsts[dictionary.kind(meaning.thing)];
                    // One that another kind has told of already is followed by the next.
                    if first.len() < 4 && first.last() != Some(&it.span) {
                        first.push(it.span.clone());
                    }
                }
            }
            firsts
        };
        let (zh, en) = (firsts(&self.zh), firsts(&self.en));
        for (kind, (zh, en)) in zh.iter().zip(&en).enumerate() {
            let untold = |these: &[Range<usize>]| {
                these.iter().find(|it| !self.told.contains(&it.start)).cloned()
            };
            if dictionary.is_loose(kind) {
                continue;
            }
            if let (Some(zh), Some(en)) = (untold(zh), untold(en)) {
                hits.push(disagreement(&zh, &en));
                self.told.extend([zh.start, en.start]);
            }
        }
    }

    /// Things at the same place, where nothing else there is on one side only: `法杖` in the third phrase, `a broom` in the third phrase.
    /// The whole of a side is such a place, too.
    fn at_one_place(
        &mut self,
        dictionary: &Dictionary,
        [zh, en]: [&[Range<usize>]; 2],
        hits: &mut Vec<Hit>,
    ) {
        let whole = |phrases: &[Range<usize>]| {
            let (first, last) = (phrases.first()?, phrases.last()?);
            Some(first.start..last.end)
        };
        if let (Some(zh), Some(en)) = (whole(zh), whole(en)) {
            self.at(dictionary, &zh, &en, hits);
        }
        if zh.len() == en.len() {
            zh.iter().zip(en).for_each(|(zh, en)| self.at(dictionary, zh, en, hits));
        }
    }

    fn at(
        &mut self,
        dictionary: &Dictionary,
        zh: &Range<usize>,
        en: &Range<usize>,
        hits: &mut Vec<Hit>,
    ) {
        let (zh, en) = (self.only(dictionary, &self.zh, zh), self.only(dictionary, &self.en, en));
        if let (Some((zh, one)), Some((en, other))) = (zh, en)
            && one == other
        {
            hits.push(disagreement(&zh, &en));
            self.told.extend([zh.start, en.start]);
        }
    }

    /// The one word in a phrase that only this side has, and what may stand in its place.
    fn only(
        &self,
        dictionary: &Dictionary,
        named: &[&Named],
        phrase: &Range<usize>,
    ) -> Option<(Range<usize>, usize)> {
        let from = named.partition_point(|it| it.span.start < phrase.start);
        let mut here = named[from..].iter().take_while(|it| it.span.start < phrase.end);
        let (first, second) = (here.next()?, here.next());
        let mut lists =
            first.meanings.iter().map(|it| dictionary.instead(dictionary.kind(it.thing)));
        let list = lists.next()??;
        let is_one = second.is_none()
            && lists.all(|it| it == Some(list))
            && !self.told.contains(&first.span.start);
        is_one.then(|| (first.span.clone(), list))
    }
}
