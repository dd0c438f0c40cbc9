//! `intensifier`: words that only say "more". A model that draws has no more red than red.

use super::edit::{About, Hit};
use super::{Subject, word};
use crate::Code;
use crate::rules::Group;

pub(super) fn find(subject: &Subject<'_>, hits: &mut Vec<Hit>) {
    let table = &subject.rules.tables.intensifier;
    let text = &subject.text;
    for found in subject.matches.outside(Group::Intensifier, Group::IntensifierKeep) {
        if word::applies(&table.entry[found.item], &table.sets, &text.folded, &found) {
            hits.push(Hit::remove(Code::Intensifier, found.span(), text, About::Itself));
        }
    }
}
