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
    if !is_mostly_simplified {
        shared(subject, hits);
    }
}

/// A simplified character, its traditional one, and what stands in front of it or behind it where it is not a traditional one itself: 云霧.
const SHARED: [(&str, &str, &str, &str); 14] = [
    ("云", "雲", "白烏彩浮流祥", "霧海朵彩層端團影煙霄"),
    ("几", "幾", "", "個隻張條朵棵位顆輛艘座盞滴縷"),
    ("丰", "豐", "", "富盛滿收"),
    ("准", "準", "", "備時確"),
    ("松", "鬆", "蓬", "軟"),
    ("干", "乾", "", "淨燥枯涸"),
    ("卷", "捲", "", "髮"),
    ("胡", "鬍", "", "鬚"),
    ("郁", "鬱", "", "金"),
    ("谷", "穀", "稻", "物倉"),
    ("斗", "鬥", "", "爭毆"),
    ("余", "餘", "", "暉燼"),
    ("制", "製", "", "造"),
    ("征", "徵", "", "兆"),
];

/// Simplified characters that are traditional ones in other words.
fn shared(subject: &Subject<'_>, hits: &mut Vec<Hit>) {
    let prompt = subject.text.prompt;
    for (simple, full, before, behind) in SHARED {
        for (at, simple) in prompt.match_indices(simple) {
            let end = at + simple.len();
            let follows = prompt[end..].chars().next().is_some_and(|c| behind.contains(c));
            if follows || prompt[..at].chars().next_back().is_some_and(|c| before.contains(c)) {
                hits.push(hit(at..end, Some(full.to_owned())));
            }
        }
    }
}

fn hit(span: Range<usize>, with: Option<String>) -> Hit {
    match with {
        Some(with) => Hit::replace(Code::Script, span, with, About::Itself),
        None => Hit::advice(Code::Script, span, About::Itself),
    }
}
