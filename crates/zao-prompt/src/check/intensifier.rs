//! `intensifier`: words that only say "more". A model that draws has no more red than red.

use super::edit::{About, Hit};
use super::{Subject, word};
use crate::Code;
use crate::rules::{Group, Match};

pub(super) fn find(subject: &Subject<'_>, hits: &mut Vec<Hit>) {
    let table = &subject.rules.tables.intensifier;
    let text = &subject.text;
    let mut last = None;
    for found in subject.matches.readings(Group::Intensifier, Group::IntensifierKeep) {
        if last != Some(found.start)
            && word::applies(&table.entry[found.item], &table.sets, &text.folded, &found)
            && !is_name(text.prompt, &found)
            && !has_result(&text.folded, &found)
        {
            last = Some(found.start);
            hits.push(Hit::remove(Code::Intensifier, found.span(), text, About::Itself));
        }
    }
}

/// So big that it fills the room: what follows says how big.
fn has_result(folded: &str, found: &Match) -> bool {
    let behind = folded[found.end..].trim_start();
    let mut words = behind.split(' ').take(RESULT);
    matches!(&folded[found.span()], "so" | "such") && words.any(|word| word == "that")
}

/// How many words behind `so` its `that` may stand.
const RESULT: usize = 5;

/// The Very Large Array: who writes both words with big letters names something.
fn is_name(prompt: &str, found: &Match) -> bool {
    let is_title = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase)
            && letters.next().is_some_and(char::is_lowercase)
    };
    is_title(&prompt[found.span()]) && is_title(prompt[found.end..].trim_start())
}
