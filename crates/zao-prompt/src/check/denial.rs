//! Whether a word is denied where it stands, so that it asks for nothing, or denies only a deed. What is denied and there all the same is `absence`'s.

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

/// Words for nobody, which deny only a deed in front of one: nobody looking at the camera.
const NOBODY: [&str; 7] =
    ["nobody", "no one", "no people", "no person", "nobody else", "no one else", "not a soul"];
const NOBODY_HAN: [&str; 6] = ["没有人", "没人", "无人", "没有一个人", "无一人", "没有一人"];

/// Verbs that say no more than that somebody is there.
const IS: [&str; 6] = ["being", "remaining", "existing", "showing", "appearing", "morning"];

/// What people do who are there.
const DEEDS: [&str; 13] = [
    "looks", "smiles", "notices", "watches", "speaks", "talks", "moves", "pays", "cares", "faces",
    "seems", "laughs", "blinks",
];
const DEEDS_HAN: [&str; 18] = [
    "看", "望", "注意", "说话", "笑", "理", "抬头", "发现", "在意", "盯", "回头", "面对", "察觉",
    "关心", "动", "低头", "留意", "闭眼",
];

/// Whether a word for nobody says only what none of those who are there does.
pub(super) fn denies_deed(subject: &Subject<'_>, found: &Match) -> bool {
    let (word, behind) = (&subject.text.folded[found.span()], &subject.text.folded[found.end..]);
    if NOBODY_HAN.contains(&word) {
        return DEEDS_HAN.iter().any(|deed| behind.starts_with(deed));
    }
    let Some(rest) = behind.strip_prefix(' ').filter(|_| NOBODY.contains(&word)) else {
        return false;
    };
    let mut words = rest.split(|c: char| !c.is_alphabetic());
    let mut next = words.next().unwrap_or_default();
    if next == "is" {
        next = words.next().unwrap_or_default();
    }
    (next.len() > 5 && next.ends_with("ing") && !IS.contains(&next)) || DEEDS.contains(&next)
}
