//! `script`: traditional characters in a simplified prompt, or the other way. A prompt that is all of one is fine.

use std::ops::Range;

use super::Subject;
use super::characters::is_kana;
use super::edit::{About, Hit};
use crate::Code;

pub(super) fn find(subject: &Subject<'_>, hits: &mut Vec<Hit>) {
    let rules = subject.rules;
    let (mut simplified, mut traditional) = (0_usize, 0_usize);
    for c in unprotected(subject).map(|(_, c)| c) {
        if is_kana(c) {
            return;
        }
        traditional += usize::from(rules.simplified(c).is_some());
        simplified += usize::from(rules.is_simplified(c));
    }
    if simplified == 0 || traditional == 0 {
        return;
    }
    // What a character should be; nothing where only the word tells (发 is 發 or 髮).
    let other = |c: char| match traditional <= simplified {
        true => rules.simplified(c).map(Some),
        false => rules.is_simplified(c).then(|| rules.traditional(c)),
    };
    let mut run: Option<(Range<usize>, Option<String>)> = None;
    for (at, c) in unprotected(subject) {
        let Some(right) = other(c) else { continue };
        let end = at + c.len_utf8();
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

/// The characters that may be changed, and where they stand.
fn unprotected<'s>(subject: &'s Subject<'_>) -> impl Iterator<Item = (usize, char)> + 's {
    let mut protected = subject.text.protected.iter().peekable();
    subject.text.prompt.char_indices().filter(move |(at, c)| {
        if c.is_ascii() {
            return false;
        }
        while protected.next_if(|piece| piece.end <= *at).is_some() {}
        !protected.peek().is_some_and(|piece| piece.contains(at))
    })
}
