//! Whether a word is denied where it stands, so that it asks for nothing. What is denied and there all the same is `absence`'s.

use super::Subject;
use super::word::precedes;
use crate::rules::Match;

/// What denies the word behind it, so that it asks for nothing.
const DENIALS: [&str; 46] = [
    "no",
    "without",
    "without a",
    "without an",
    "without any",
    "no more",
    "never",
    "not",
    "not a",
    "not any",
    "not a single",
    "not one",
    "not wearing",
    "not wearing a",
    "not wearing any",
    "nor",
    "zero",
    "free of",
    "free of any",
    "devoid of",
    "devoid of any",
    "lacking",
    "lacking any",
    "absence of",
    "empty of",
    "isn't",
    "aren't",
    "没有",
    "没有任何",
    "没有什么",
    "没有丝毫",
    "没",
    "不要",
    "不要有",
    "不要出现",
    "不带",
    "不含",
    "不是",
    "无",
    "毫无",
    "全无",
    "并非",
    "并不",
    "看不到",
    "看不见",
    "不见",
];

/// Whether what stands in front of a word denies it: no long shadows, 没有任何绿植, 没有一个行人.
pub(super) fn is_denied(subject: &Subject<'_>, found: &Match) -> bool {
    let before = subject.text.folded[..found.start].trim_end_matches(' ');
    denies(before) || denies(without_count(before))
}

fn denies(before: &str) -> bool {
    DENIALS.iter().any(|denial| precedes(before, denial))
}

/// Without 一个, 一棵, 半点 at the end.
fn without_count(before: &str) -> &str {
    let mut places = before.char_indices().rev();
    let Some((_, measure)) = places.next() else { return before };
    match places.next() {
        Some((at, '一' | '半')) if !measure.is_ascii() => &before[..at],
        _ => before,
    }
}
