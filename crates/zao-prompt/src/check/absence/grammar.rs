//! Whether what stands around a noun denies it: no hat, 没戴帽子, none of the flags or banners. What follows from that is not judged here.

use super::super::Subject;
use super::super::characters::is_han;
use super::super::word::{follows, precedes};
use crate::rules::Match;

/// How a noun stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// It is asked for.
    There,
    /// Some of its kind are denied, or it may be: no other people, no tall buildings, instead of a hat.
    Partly,
    /// It is denied, by what begins here.
    Denied(usize),
}

/// What denies the noun behind it, longer ones in front.
const DENIALS: [&str; 60] = [
    "without wearing",
    "not wearing",
    "never wearing",
    "not a single",
    "not even",
    "not one",
    "not any",
    "not a",
    "isn't wearing",
    "isn't any",
    "isn't a",
    "isn't",
    "aren't any",
    "aren't",
    "is not a",
    "doesn't have",
    "don't have",
    "does not have",
    "do not have",
    "doesn't wear",
    "does not wear",
    "never wears",
    "has not",
    "hasn't",
    "free of",
    "free from",
    "devoid of",
    "empty of",
    "bare of",
    "clear of",
    "void of",
    "stripped of",
    "absence of",
    "lack of",
    "lacking",
    "lacks",
    "none of",
    "no more",
    "without",
    "sans",
    "minus",
    "zero",
    "never",
    "neither",
    "nor",
    "no",
    "avoid",
    "avoiding",
    "exclude",
    "excluding",
    "omit",
    "omitting",
    "don't add",
    "don't draw",
    "don't include",
    "don't show",
    "do not add",
    "do not include",
    "do not show",
    "do not draw",
];

/// What denies it, or says something else of it.
const HALVES: [&str; 6] = ["not", "instead of", "rather than", "is no", "no longer a", "removed"];

/// Behind one of these it denies nothing of what follows: not only, no longer.
const NOT_DENIED: [&str; 9] =
    ["only", "longer", "just", "matter", "doubt", "less", "wonder", "too", "sooner"];

/// Adjectives with which the whole kind is denied all the same.
const FILLERS: [&str; 40] = [
    "any",
    "single",
    "visible",
    "a",
    "an",
    "one",
    "of",
    "sign",
    "signs",
    "trace",
    "traces",
    "hint",
    "hints",
    "kind",
    "sort",
    "form",
    "the",
    "living",
    "human",
    "real",
    "printed",
    "written",
    "actual",
    "readable",
    "legible",
    "recognisable",
    "recognizable",
    "discernible",
    "apparent",
    "obvious",
    "wild",
    "nearby",
    "whatsoever",
    "passing",
    "parked",
    "slightest",
    "her",
    "his",
    "its",
    "drop",
];

/// Words that no phrase of a noun goes over.
const STOPS: [&str; 44] = [
    "in", "on", "at", "with", "for", "to", "from", "by", "is", "are", "was", "were", "has", "have",
    "had", "that", "which", "who", "but", "into", "over", "under", "behind", "beside", "through",
    "across", "between", "near", "around", "above", "below", "as", "like", "while", "then", "so",
    "wears", "holds", "stands", "sits", "shows", "reads", "says", "there",
];

/// How many words in front of a noun are looked at, and how many bytes.
const WORDS: usize = 9;
const BYTES: usize = 96;

/// The end of a text, of so many bytes or some less.
fn tail(text: &str, bytes: usize) -> &str {
    let from = (text.len().saturating_sub(bytes)..).find(|at| text.is_char_boundary(*at));
    &text[from.unwrap_or(text.len())..]
}

/// How a noun stands in a prompt.
pub(super) fn stand(subject: &Subject<'_>, noun: &Match) -> Stand {
    let folded = &subject.text.folded;
    let before = tail(&folded[..noun.start], BYTES);
    let from = noun.start - before.len();
    let stand = match folded[noun.span()].starts_with(is_han) {
        true => chinese(before, &folded[noun.end..]),
        false => english(before, &folded[noun.end..]),
    };
    match stand {
        Stand::Denied(at) => Stand::Denied(from + at),
        other => other,
    }
}

/// What denies an English noun behind it.
const NONE_BEHIND: [&str; 9] = [
    "nowhere to be seen",
    "nowhere in sight",
    "is nowhere",
    "are nowhere",
    "is absent",
    "are absent",
    "is missing",
    "are missing",
    "left out",
];

/// What behind an English noun says that only some of them are denied: no people with hats, no cars except one.
const SOME_BEHIND: [&str; 17] = [
    "with", "who", "that", "which", "wearing", "holding", "carrying", "except", "but", "besides",
    "other", "outside", "beyond", "apart", "than", "save", "taller",
];

/// Whether a noun goes on with what it does, of which only that is denied: no guests dancing.
fn does(behind: &str) -> bool {
    let word = behind.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    word.len() > 5 && word.ends_with("ing") && !["showing", "appearing", "existing"].contains(&word)
}

fn english(before: &str, behind: &str) -> Stand {
    let behind = behind.trim_start();
    if NONE_BEHIND.iter().any(|none| behind.starts_with(none)) {
        return Stand::Denied(before.len());
    }
    let from =
        before.rfind(['.', ';', ':', '\n', '!', '?', '，', '。', '(', ')']).map_or(0, |at| at + 1);
    let clause = before.get(from..).unwrap_or_default();
    let mut rest = clause.trim_end();
    let (mut is_partly, mut is_joined, mut is_list) = (false, false, false);
    for _ in 0..WORDS {
        if let Some(denial) = DENIALS.iter().find(|denial| precedes(rest, denial)) {
            let at = rest.len() - denial.len();
            let word = clause[rest.len()..].split_whitespace().next().unwrap_or_default();
            if NOT_DENIED.contains(&word) {
                return Stand::There;
            }
            let is_some =
                is_partly || does(behind) || SOME_BEHIND.iter().any(|some| follows(behind, some));
            return if is_some {
                Stand::Partly
            } else {
                Stand::Denied(before.len() - clause.len() + at)
            };
        }
        if HALVES.iter().any(|half| precedes(rest, half)) {
            return Stand::Partly;
        }
        if let Some(piece) = rest.strip_suffix(',') {
            if !is_joined {
                return Stand::There;
            }
            rest = piece.trim_end();
            continue;
        }
        let Some(word) = rest.rsplit([' ', ',', '(']).next().filter(|word| !word.is_empty()) else {
            break;
        };
        match word {
            "or" | "nor" => (is_joined, is_list) = (true, true),
            "and" => (is_joined, is_list, is_partly) = (true, true, true),
            _ if FILLERS.contains(&word) => {}
            _ if STOPS.contains(&word) || word.ends_with("ing") => return Stand::There,
            // An adjective tells some of them; words in front of `or` are other nouns.
            _ => is_partly |= !is_list,
        }
        rest = rest[..rest.len() - word.len()].trim_end();
    }
    Stand::There
}

/// What denies the Chinese noun behind it.
const DENIALS_HAN: [&str; 76] = [
    "没有",
    "没",
    "没见",
    "不见",
    "看不到",
    "看不见",
    "见不到",
    "见不着",
    "找不到",
    "不要",
    "不要有",
    "不要出现",
    "不出现",
    "别出现",
    "禁止出现",
    "避免出现",
    "避免",
    "杜绝",
    "去掉",
    "去除",
    "移除",
    "删除",
    "不带",
    "未带",
    "没带",
    "不含",
    "不包含",
    "不戴",
    "未戴",
    "没戴",
    "不穿",
    "未穿",
    "没穿",
    "没有戴",
    "没有穿",
    "无",
    "毫无",
    "全无",
    "绝无",
    "并无",
    "皆无",
    "了无",
    "再无",
    "不设",
    "未设",
    "不留",
    "没留",
    "不画",
    "没画",
    "不加",
    "没加",
    "未加",
    "不放",
    "没放",
    "不摆",
    "没摆",
    "未见",
    "不长",
    "没长",
    "不生",
    "不打",
    "没打",
    "不撑",
    "没撑",
    "不系",
    "没系",
    "不涂",
    "没涂",
    "不插",
    "没插",
    "不写",
    "没写",
    "不印",
    "没印",
    "缺少",
    "零",
];

/// What may stand between a Chinese denial and its noun, and leaves the whole kind denied.
const FILLERS_HAN: [&str; 20] = [
    "任何的",
    "任何",
    "什么",
    "丝毫的",
    "丝毫",
    "一丝",
    "一点点",
    "一点",
    "半点",
    "半分",
    "一星半点",
    "哪怕",
    "可见的",
    "明显的",
    "多少",
    "出现",
    "有",
    "活着的",
    "真正的",
    "一切",
];

/// What makes it a denial of some of them.
const SOME_HAN: [&str; 16] = [
    "多余的",
    "多余",
    "其他的",
    "其他",
    "别的",
    "其它",
    "额外的",
    "更多",
    "更多的",
    "大片的",
    "太多",
    "太多的",
    "过多的",
    "过多",
    "第二个",
    "强烈的",
];

/// What denies a Chinese noun behind it.
const NONE_BEHIND_HAN: [&str; 19] = [
    "都没有",
    "也没有",
    "都没",
    "也没",
    "都不见",
    "也不见",
    "都看不到",
    "全无",
    "皆无",
    "全都没有",
    "完全没有",
    "均无",
    "一概没有",
    "不见踪影",
    "都不带",
    "不存在",
    "已被去掉",
    "都不要",
    "也不要",
];

/// How many bytes of a list may stand between a denial and the last that it denies.
const LIST: usize = 42;

fn chinese(before: &str, behind: &str) -> Stand {
    if NONE_BEHIND_HAN.iter().any(|none| behind.starts_with(none)) {
        return Stand::Denied(before.len());
    }
    let mut rest = before.trim_end();
    let mut is_partly = false;
    loop {
        if let Some(denial) =
            DENIALS_HAN.iter().filter(|it| rest.ends_with(**it)).max_by_key(|it| it.len())
        {
            let at = rest.len() - denial.len();
            return if is_partly { Stand::Partly } else { Stand::Denied(at) };
        }
        if ["不是", "并非", "并不", "而非", "并不是"].iter().any(|half| rest.ends_with(half))
        {
            return Stand::Partly;
        }
        if let Some(filler) = FILLERS_HAN.iter().find(|it| rest.ends_with(**it)) {
            rest = &rest[..rest.len() - filler.len()];
        } else if let Some(some) = SOME_HAN.iter().find(|it| rest.ends_with(**it)) {
            rest = &rest[..rest.len() - some.len()];
            is_partly = true;
        } else if let Some(shorter) = without_count(rest) {
            rest = shorter;
        } else {
            break;
        }
    }
    listed(before, rest)
}

/// Without 一个, 一棵, 半点 at the end.
fn without_count(before: &str) -> Option<&str> {
    let mut places = before.char_indices().rev();
    let (_, measure) = places.next()?;
    match places.next() {
        Some((at, '一' | '半')) if !measure.is_ascii() => Some(&before[..at]),
        _ => None,
    }
}

/// Whether a Chinese noun is one of a list that is denied: 没有文字、水印和边框.
fn listed(before: &str, rest: &str) -> Stand {
    let Some(list) = rest.strip_suffix(['、', '和', '或', '与', '及']) else {
        return Stand::There;
    };
    let from = list.rfind(['，', '。', '；', ',', '.', ';', '\n']).unwrap_or(0);
    let clause = &list[from..];
    let found = ["没有", "不要", "不带", "不含", "不戴", "没", "无"]
        .iter()
        .filter_map(|denial| clause.rfind(denial).map(|at| (at, at + denial.len())));
    match found.min() {
        Some((at, end)) if clause.len() - end <= LIST && !clause[end..].contains('的') => {
            Stand::Denied(before.len() - (rest.len() - from - at).min(before.len()))
        }
        _ => Stand::There,
    }
}
