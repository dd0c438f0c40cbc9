//! `contradiction`: what one picture cannot have both of. Two beings may differ, and who writes of a contrast means it.

use std::ops::Range;

use super::Subject;
use super::edit::{About, Hit};
use crate::Code;
use crate::rules::{Group, Match, Scope};

pub(super) fn find(subject: &Subject<'_>, negative: Option<&str>, hits: &mut Vec<Hit>) {
    hits.extend(negative.into_iter().flat_map(|negative| refused(subject, negative)));
    if subject.matches.has(Group::Contrast) {
        return;
    }
    let left = subject.matches.outside(Group::PairLeft, Group::PairKeep);
    let right = subject.matches.outside(Group::PairRight, Group::PairKeep);
    if left.is_empty() || right.is_empty() {
        return;
    }
    let pairs = &subject.rules.tables.contradiction.pair;
    let is_one = is_one(subject);
    for side in &subject.text.sides {
        let firsts = firsts(&left, &side.range, pairs.len());
        for (item, right) in firsts_of(&right, &side.range, pairs.len()) {
            let Some(left) = firsts[item] else { continue };
            let overlap = left.start < right.end && right.start < left.end;
            if overlap || (pairs[item].scope == Scope::Thing && !is_one) {
                continue;
            }
            let (first, second) =
                if left.start < right.start { (left, right) } else { (right, left) };
            hits.push(Hit::advice(
                Code::Contradiction,
                first.start..second.end,
                About::Both(first.span(), second.span()),
            ));
        }
    }
}

/// The first word of each pair within a range, by the pair's number.
fn firsts(matches: &[Match], range: &Range<usize>, pairs: usize) -> Vec<Option<Match>> {
    let mut firsts = vec![None; pairs];
    for it in matches.iter().filter(|it| range.contains(&it.start)) {
        firsts[it.item].get_or_insert(*it);
    }
    firsts
}

/// The same without the pairs that have none.
fn firsts_of(
    matches: &[Match],
    range: &Range<usize>,
    pairs: usize,
) -> impl Iterator<Item = (usize, Match)> {
    let firsts = firsts(matches, range, pairs);
    firsts.into_iter().enumerate().filter_map(|(item, first)| Some((item, first?)))
}

/// Whether there is only one being that can be young, stand or smile.
fn is_one(subject: &Subject<'_>) -> bool {
    let folded = &subject.text.folded;
    let mut beings: Vec<&str> = Vec::new();
    for it in subject.matches.of(Group::Subject) {
        let being = &folded[it.span()];
        if !beings.contains(&being) {
            beings.push(being);
        }
        // Another name may mean the same one, but nobody can tell.
        if beings.len() > 1 {
            return false;
        }
    }
    !subject.matches.has(Group::Several)
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
