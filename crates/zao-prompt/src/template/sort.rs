//! From clauses to slots: the order of a prompt with bars is kept, any other is sorted by what its clauses say. How a clause of a
//! language is read is NOT known here.

use std::ops::Range;

use super::{Slot, Slots, chinese, english};
use crate::cut::{cut, is_chinese};

/// A piece of a clause, and where it belongs.
pub(super) type Chunk = (Slot, Range<usize>);

/// What a clause is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The subject is still to come.
    First,
    /// More about a subject that is there.
    Later,
}

/// The slots of a prompt in one language.
pub(super) fn slots(prompt: &str) -> Slots {
    let cut = cut(prompt);
    if cut.pieces.len() > 1 {
        barred(prompt, &cut.pieces)
    } else {
        free(prompt, &cut.pieces.into_iter().flatten().collect::<Vec<_>>())
    }
}

/// What a whole clause is about.
pub(super) fn of_clause(clause: &str) -> Slot {
    let chunks = chunks(clause, Role::Later);
    chunks.first().map_or(Slot::Detail, |(slot, _)| *slot)
}

fn chunks(clause: &str, role: Role) -> Vec<Chunk> {
    if let Some(slot) = label(clause) {
        return vec![(slot, 0..clause.len())];
    }
    if is_chinese(clause) { chinese::chunks(clause, role) } else { english::chunks(clause, role) }
}

/// How many clauses behind a place are looked at for somebody who is there.
const NEAR: usize = 6;

fn free(prompt: &str, clauses: &[Range<usize>]) -> Slots {
    let mut slots = Slots::default();
    let mut set_aside: Vec<(Slot, &str)> = Vec::new();
    for (index, clause) in clauses.iter().enumerate() {
        let clause = &prompt[clause.clone()];
        let role = if slots.lacks(Slot::Subject) { Role::First } else { Role::Later };
        let next = clauses[index + 1..].iter().take(NEAR).map(|clause| &prompt[clause.clone()]);
        let is_medium = |next: &str| !is_chinese(clause) && english::is_medium_of(clause, next);
        let chunks = if role == Role::First && next.clone().next().is_some_and(is_medium) {
            vec![(Slot::Style, 0..clause.len())]
        } else if role == Role::First && is_scene_of(clause, next) {
            vec![(Slot::Background, 0..clause.len())]
        } else {
            chunks(clause, role)
        };
        for (slot, span) in chunks {
            let piece = clause[span].trim();
            if piece.is_empty() {
                continue;
            }
            // Until a subject is there, anything may have to become it.
            if slots.lacks(Slot::Subject) && slot != Slot::Subject {
                set_aside.push((slot, piece));
            } else {
                slots.add(slot, piece);
            }
        }
    }
    let needed = slots.lacks(Slot::Subject);
    let best = [Slot::Action, Slot::Detail, Slot::Background, Slot::Style]
        .into_iter()
        .find_map(|slot| set_aside.iter().position(|(of, _)| needed && *of == slot));
    // What came before the subject stands before what came after it.
    let mut before = Slots::default();
    for (index, (slot, piece)) in set_aside.into_iter().enumerate() {
        before.add(if best == Some(index) { Slot::Subject } else { slot }, piece);
    }
    joined(before, slots)
}

/// Whether a clause is where somebody is whom one of the `next` ones brings: 老街上的茶馆，几位老人在下棋.
fn is_scene_of<'t>(clause: &str, mut next: impl Iterator<Item = &'t str>) -> bool {
    is_chinese(clause) && chinese::is_place(clause) && next.any(chinese::brings_somebody)
}

fn joined(mut before: Slots, after: Slots) -> Slots {
    let Slots { subject, action, details, background, style } = after;
    let texts = [
        (Slot::Subject, subject),
        (Slot::Action, action),
        (Slot::Background, background),
        (Slot::Style, style),
    ];
    for (slot, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        before.add(slot, &text);
    }
    before.details.extend(details);
    before
}

/// The pieces in their order: the first has the subject, the last may be the style, the one before it the background.
fn barred(prompt: &str, pieces: &[Vec<Range<usize>>]) -> Slots {
    let whole = |clauses: &Vec<Range<usize>>| {
        let (first, last) = (clauses.first(), clauses.last());
        first.zip(last).map_or("", |(first, last)| &prompt[first.start..last.end])
    };
    let mut slots = Slots::default();
    let Some((head, rest)) = pieces.split_first() else { return slots };
    let head = whole(head);
    let action = chunks(head, Role::First)
        .into_iter()
        .find(|(slot, span)| *slot == Slot::Action && span.start > 0);
    let split = action.map_or(head.len(), |(_, span)| span.start);
    slots.subject = head[..split].trim().into();
    slots.action = head[split..].trim().into();
    let mut rest: Vec<&str> = rest.iter().map(whole).collect();
    let full = rest.len() >= 4;
    if full || rest.last().is_some_and(|last| of_clause(last) == Slot::Style) {
        slots.style = rest.pop().unwrap_or_default().into();
    }
    if full || rest.last().is_some_and(|last| of_clause(last) == Slot::Background) {
        slots.background = rest.pop().unwrap_or_default().into();
    }
    slots.details = rest.into_iter().map(str::to_owned).collect();
    slots
}

/// The slot that a clause such as `Style: watercolor` names.
fn label(clause: &str) -> Option<Slot> {
    let (name, rest) = clause.split_once([':', '：'])?;
    if name.len() > 24 || rest.trim().is_empty() {
        return None;
    }
    Some(match name.trim().to_lowercase().as_str() {
        "subject" | "main subject" | "主体" | "主题" => Slot::Subject,
        "action" | "pose" | "动作" | "姿势" => Slot::Action,
        "detail" | "details" | "细节" => Slot::Detail,
        "background" | "setting" | "scene" | "environment" | "背景" | "场景" | "环境" => {
            Slot::Background
        }
        "style" | "lighting" | "mood" | "camera" | "风格" | "光线" | "画风" | "镜头" => {
            Slot::Style
        }
        _ => return None,
    })
}
