//! `abstract`: words that nothing can be drawn from, with what could be written instead.

use super::edit::{About, Hit};
use super::{Subject, word};
use crate::Code;
use crate::rules::Group;

pub(super) fn find(subject: &Subject<'_>, hits: &mut Vec<Hit>) {
    let table = &subject.rules.tables.vague;
    for found in subject.matches.outside(Group::Vague, Group::VagueKeep) {
        if word::applies(&table.entry[found.item], &table.sets, &subject.text.folded, &found) {
            hits.push(Hit::advice(Code::Abstract, found.span(), About::Entry(found.item)));
        }
    }
}
