//! What somebody holds on either side of a prompt: 手持折扇, a lute in her hand. What is not held may well be on one side only.

use std::ops::Range;

use super::super::Subject;
use super::super::characters::is_separator;
use super::super::edit::Hit;
use super::{Pairs, disagreement};
use crate::rules::{Dictionary, Named};

/// How far in front of a thing the verb may stand, in bytes: 举着一把旧的.
const REACH: usize = 24;

/// Verbs of holding in Chinese.
const HOLDS: [&str; 24] = [
    "手持",
    "手拿",
    "拿着",
    "手握",
    "握着",
    "紧握",
    "手捧",
    "捧着",
    "端着",
    "手执",
    "执着",
    "举着",
    "高举",
    "手举",
    "抱着",
    "怀抱",
    "提着",
    "手提",
    "拎着",
    "扛着",
    "挥舞着",
    "挥着",
    "攥着",
    "托着",
];

/// And in English.
const HOLDING: [&str; 14] = [
    "holding ",
    "holds ",
    "carrying ",
    "carries ",
    "clutching ",
    "gripping ",
    "raising ",
    "raises ",
    "wielding ",
    "cradling ",
    "waving ",
    "hugging ",
    "brandishing ",
    "lifting ",
];

/// What says behind a thing that it is held.
const IN_HAND: [&str; 8] = [
    " in her hand",
    " in his hand",
    " in their hand",
    " in its hand",
    " in hand",
    " in one hand",
    " in both hands",
    " in its paw",
];

/// The one thing that is held on each side, where the other one does not have it.
pub(super) fn compare(
    subject: &Subject<'_>,
    dictionary: &Dictionary,
    pairs: &mut Pairs<'_>,
    hits: &mut Vec<Hit>,
) {
    let folded = subject.text.folded.as_str();
    let near = |it: &Named| {
        let from = it.span.start.saturating_sub(REACH);
        let from = (from..=it.span.start).find(|at| folded.is_char_boundary(*at));
        let before = &folded[from.unwrap_or(it.span.start)..it.span.start];
        before.rsplit(is_separator).next().unwrap_or_default()
    };
    let zh = |it: &Named| HOLDS.iter().any(|verb| near(it).contains(verb));
    let en = |it: &Named| {
        HOLDING.iter().any(|verb| near(it).contains(verb))
            || IN_HAND.iter().any(|hand| folded[it.span.end..].starts_with(hand))
    };
    let one = only(dictionary, pairs.zh.iter().copied().filter(|it| zh(it)));
    let other = only(dictionary, pairs.en.iter().copied().filter(|it| en(it)));
    if let (Some((zh, one)), Some((en, other))) = (one, other)
        && one == other
        && !pairs.told.contains(&zh.start)
        && !pairs.told.contains(&en.start)
    {
        hits.push(disagreement(&zh, &en));
        pairs.told.extend([zh.start, en.start]);
    }
}

/// The one of these, if there is one alone, and what may stand in its place.
fn only<'n>(
    dictionary: &Dictionary,
    mut held: impl Iterator<Item = &'n Named>,
) -> Option<(Range<usize>, usize)> {
    let (first, second) = (held.next()?, held.next());
    let meaning = first.meanings.first()?;
    let list = dictionary.instead(dictionary.kind(meaning.thing))?;
    second.is_none().then(|| (first.span.clone(), list))
}
