//! `quality-tags`: piles of words that praise the picture. One says all that there is to say; the others take the place of
//! words that could be drawn.

use super::edit::{About, Hit};
use super::{Subject, word};
use crate::Code;
use crate::rules::{Group, Match};

/// How far in front of a tag the same one is looked for, in bytes.
const FORMER: usize = 400;

/// Tags with nothing but commas between them, and what may stand inside a pile without being a part of it.
struct Pile {
    members: Vec<(Match, bool)>,
}

pub(super) fn find(subject: &Subject<'_>, hits: &mut Vec<Hit>) {
    let mut kept_on = None;
    for pile in piles(subject) {
        let side = subject.text.side_of(pile.members[0].0.start).range.start;
        let tags = pile.members.iter().filter(|(_, bridge)| !bridge).count();
        let is_first = kept_on != Some(side);
        if is_first && tags == 1 {
            // One tag of its own is no pile yet; inside of a phrase it is not even one.
            if is_phrase(subject, &pile) {
                kept_on = Some(side);
            }
            continue;
        }
        // The same tag a second time is a repetition, which another rule tells of.
        if !is_first && tags == 1 && (!is_phrase(subject, &pile) || pile.is_again(subject)) {
            continue;
        }
        kept_on = Some(side);
        hits.push(pile.hit(subject, is_first));
    }
}

/// Whether a pile is all that stands between two commas.
fn is_phrase(subject: &Subject<'_>, pile: &Pile) -> bool {
    let (first, last) = (pile.members[0].0, pile.members[pile.members.len() - 1].0);
    let segments = &subject.text.segments;
    let at = segments.partition_point(|segment| segment.start < first.start);
    let starts = segments.get(at).is_some_and(|segment| segment.start == first.start);
    let at = segments.partition_point(|segment| segment.end < last.end);
    starts && segments.get(at).is_some_and(|segment| segment.end == last.end)
}

fn piles(subject: &Subject<'_>) -> Vec<Pile> {
    let table = &subject.rules.tables.quality;
    let folded = &subject.text.folded;
    let mut piles: Vec<Pile> = Vec::new();
    for found in subject.matches.outside(Group::Tag, Group::TagKeep) {
        let entry = &table.entry[found.item];
        if !word::applies(entry, &table.sets, folded, &found) {
            continue;
        }
        let member = (found, entry.bridge);
        let joined = piles.last().and_then(|pile| pile.members.last()).is_some_and(|(last, _)| {
            let side = subject.text.side_of(last.start) == subject.text.side_of(found.start);
            side && is_joint(&folded[last.end..found.start])
        });
        match piles.last_mut() {
            Some(pile) if joined => pile.members.push(member),
            _ => piles.push(Pile { members: vec![member] }),
        }
    }
    piles.into_iter().filter_map(Pile::trimmed).collect()
}

/// Whether nothing but commas and `and` stands between two tags.
fn is_joint(between: &str) -> bool {
    let between = between.trim();
    let bare = between.trim_matches(|c: char| {
        matches!(c, ',' | '，' | '、' | ';' | '；' | '.' | '。' | '|' | '+' | '&' | ' ' | '\n')
            || is_weight(c)
    });
    matches!(bare, "" | "and" | "with" | "in" | "和" | "与" | "且" | "的" | "，的")
}

/// Whether a character belongs to the weight that older models read behind a tag: `(masterpiece:1.2)`.
fn is_weight(c: char) -> bool {
    matches!(c, '(' | ')' | '[' | ']' | ':' | '.') || c.is_ascii_digit()
}

/// A pile with the brackets and weights around it, if it has any inside: they would be left without their other halves.
fn with_brackets(folded: &str, pile: std::ops::Range<usize>) -> std::ops::Range<usize> {
    if !folded[pile.clone()].contains(['(', ')', '[', ']']) {
        return pile;
    }
    let start = folded[..pile.start].trim_end_matches(['(', '[']).len();
    let rest = &folded[pile.end..];
    let mut end = pile.end + (rest.len() - rest.trim_start_matches(is_weight).len());
    // A full stop behind the last bracket ends the sentence.
    end -= folded[pile.end..end].len() - folded[pile.end..end].trim_end_matches('.').len();
    start..end
}

impl Pile {
    /// The pile from its first tag to its last.
    fn trimmed(mut self) -> Option<Self> {
        let first = self.members.iter().position(|(_, bridge)| !bridge)?;
        let last = self.members.iter().rposition(|(_, bridge)| !bridge)?;
        self.members.truncate(last + 1);
        self.members.drain(..first);
        Some(self)
    }

    /// Whether what the pile says stands in front of it on its side, too.
    fn is_again(&self, subject: &Subject<'_>) -> bool {
        let (first, last) = (self.members[0].0, self.members[self.members.len() - 1].0);
        let side = subject.text.side_of(first.start).range.start;
        let near = first.start.saturating_sub(FORMER).max(side);
        let near = (near..=first.start).find(|at| subject.text.folded.is_char_boundary(*at));
        let before = &subject.text.folded[near.unwrap_or(first.start)..first.start];
        before.contains(&subject.text.folded[first.start..last.end])
    }

    /// The pile with one tag, or none, and what is not a tag.
    fn hit(&self, subject: &Subject<'_>, keeps_one: bool) -> Hit {
        let prompt = subject.text.prompt;
        let (first, last) = (self.members[0].0, self.members[self.members.len() - 1].0);
        let core = with_brackets(&subject.text.folded, first.start..last.end);
        let mut free = keeps_one;
        let stays = self.members.iter().filter(|(_, bridge)| *bridge || std::mem::take(&mut free));
        let stays: Vec<&str> = stays.map(|(it, _)| &prompt[it.span()]).collect();
        if stays.is_empty() {
            return Hit::remove(Code::QualityTags, core, &subject.text, About::Itself);
        }
        let comma = if prompt[core.clone()].contains('，') { "，" } else { ", " };
        Hit::replace(Code::QualityTags, core, stays.join(comma), About::Itself)
    }
}
