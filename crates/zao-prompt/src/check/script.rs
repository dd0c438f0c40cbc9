//! `script`: traditional characters in a simplified prompt, or the other way. A prompt that is all of one is fine.

use std::ops::Range;

use super::Subject;
use super::characters::{KANA, SIMPLIFIED, TRADITIONAL};
use super::edit::{About, Hit};
use crate::Code;

pub(super) fn find(subject: &Subject<'_>, hits: &mut Vec<Hit>) {
    let rules = subject.rules;
    let text = &subject.text;
    if text.has(KANA) || !text.has(TRADITIONAL) || !text.has(SIMPLIFIED) {
        return;
    }
    let (simplified, traditional) = (text.count(SIMPLIFIED), text.count(TRADITIONAL));
    let is_mostly_simplified = traditional <= simplified;
    let wanted = if is_mostly_simplified { TRADITIONAL } else { SIMPLIFIED };
    // What a character should be; nothing where only the word tells (发 is 發 or 髮).
    let other = |c: char| match is_mostly_simplified {
        true => rules.simplified(c),
        false => rules.traditional(c),
    };
    let mut run: Option<(Range<usize>, Option<String>)> = None;
    let mut from = 0;
    while let Some(at) = text.next(wanted, from) {
        let Some(c) = text.prompt[at..].chars().next() else { break };
        let right = other(c);
        let end = at + c.len_utf8();
        from = end;
        match &mut run {
            Some((span, with)) if span.end == at => {
                span.end = end;
                *with = with
                    .take()
                    .zip(right)
                    .map(|(with, right)| with + right.encode_utf8(&mut [0; 4]));
            }
            _ => {
                let done = run.replace((at..end, right.map(String::from)));
                hits.extend(done.map(|(span, with)| hit(span, with)));
            }
        }
    }
    hits.extend(run.map(|(span, with)| hit(span, with)));
}

fn hit(span: Range<usize>, with: Option<String>) -> Hit {
    match with {
        Some(with) => Hit::replace(Code::Script, span, with, About::Itself),
        None => Hit::advice(Code::Script, span, About::Itself),
    }
}
