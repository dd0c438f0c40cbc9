//! `homograph`, `idiom` and `dialect`: Chinese words that are written otherwise, or with their reading behind them.

use super::Subject;
use super::characters::is_han;
use super::edit::{About, Hit};
use crate::Code;
use crate::rules::{Group, Match};

pub(super) fn find(subject: &Subject<'_>, hits: &mut Vec<Hit>) {
    let tables = &subject.rules.tables;
    let text = &subject.text;
    let idioms = subject.matches.outside(Group::Idiom, Group::IdiomKeep);
    for found in subject.matches.outside(Group::Homograph, Group::HomographKeep) {
        let at = idioms.partition_point(|idiom| idiom.end <= found.start);
        // An idiom is written otherwise as a whole.
        if idioms.get(at).is_some_and(|idiom| idiom.start < found.end) {
            continue;
        }
        let written = &text.prompt[found.span()];
        let is_plain = written.contains(ONE_READING) && !written.contains(MORE_READINGS);
        if !is_plain && !is_read(&text.folded[found.end..]) {
            let (_, pinyin) = &tables.homograph.words[found.item];
            let with = format!("{written}({pinyin})");
            hits.push(Hit::replace(Code::Homograph, found.span(), with, About::Entry(found.item)));
        }
    }
    for found in idioms {
        let (_, plain) = &tables.idiom.words[found.item];
        hits.push(replaced(subject, Code::Idiom, &found, plain));
    }
    for found in subject.matches.outside(Group::Dialect, Group::DialectKeep) {
        let (_, standard) = &tables.dialect.words[found.item];
        hits.push(replaced(subject, Code::Dialect, &found, standard));
    }
}

/// Characters of traditional script that are read in one way, where the simplified one has two: 髮 is hair and nothing else.
const ONE_READING: [char; 3] = ['髮', '隻', '鬥'];

/// Characters of the same words that have two in either script.
const MORE_READINGS: [char; 5] = ['卡', '散', '冠', '結', '長'];

/// Whether a reading stands behind a word: (fā zān), but not （低机位）.
fn is_read(after: &str) -> bool {
    let rest = after.trim_start().strip_prefix(['(', '（']);
    rest.and_then(|rest| rest.trim_start().chars().next()).is_some_and(|c| !is_han(c))
}

/// The piece with what a table has for it, in the script that the piece is written in.
fn replaced(subject: &Subject<'_>, code: Code, found: &Match, with: &str) -> Hit {
    let written = &subject.text.prompt[found.span()];
    let is_traditional = written.chars().any(|c| subject.rules.simplified(c).is_some());
    let with = match is_traditional {
        true => with.chars().map(|c| subject.rules.traditional(c).unwrap_or(c)).collect(),
        false => with.to_owned(),
    };
    Hit::replace(code, found.span(), with, About::Entry(found.item))
}
