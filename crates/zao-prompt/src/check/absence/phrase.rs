//! Whether a noun is a thing of its own where it stands: a straw hat, and not a hat rack; 帽子, and not 帽子店. Whether it is denied is not
//! judged here.

use super::super::characters::{is_han, is_latin};

/// What a noun of one character ends with: 没有花的, and not 没有花纹.
const BEHIND_ONE: [char; 21] = [
    '的', '在', '和', '与', '也', '都', '或', '、', '走', '来', '坐', '站', '经', '能', '住', '出',
    '可', '，', '。', '；', '且',
];

/// Behind a noun of one thing these are of another phrase, and no noun that it tells more of: a hat rack.
const NEXT: [&str; 137] = [
    "and",
    "or",
    "with",
    "without",
    "in",
    "on",
    "at",
    "of",
    "under",
    "over",
    "above",
    "below",
    "behind",
    "beside",
    "near",
    "by",
    "from",
    "to",
    "into",
    "through",
    "across",
    "along",
    "around",
    "against",
    "down",
    "up",
    "out",
    "off",
    "that",
    "which",
    "who",
    "is",
    "are",
    "was",
    "were",
    "has",
    "have",
    "all",
    "everywhere",
    "between",
    "among",
    "as",
    "while",
    "for",
    "like",
    "reads",
    "says",
    "glows",
    "hangs",
    "lies",
    "sits",
    "stands",
    "shines",
    "covers",
    "fills",
    "stretches",
    "rises",
    "grows",
    "wraps",
    "shows",
    "waits",
    "runs",
    "spread",
    "held",
    "hung",
    "set",
    "cut",
    "laid",
    "lit",
    "bent",
    "drawn",
    "thrown",
    "cast",
    "swept",
    "made",
    "half",
    "wide",
    "open",
    "closed",
    "high",
    "low",
    "full",
    "deep",
    "visible",
    "casts",
    "catches",
    "leads",
    "hides",
    "flutters",
    "flies",
    "curls",
    "falls",
    "drifts",
    "moves",
    "blows",
    "gleams",
    "glints",
    "shimmers",
    "sparkles",
    "spans",
    "towers",
    "dominates",
    "overlooks",
    "surrounds",
    "follows",
    "leans",
    "peeks",
    "watches",
    "sleeps",
    "walks",
    "sings",
    "swims",
    "frames",
    "crowns",
    "carries",
    "pours",
    "streams",
    "throws",
    "climbs",
    "blazes",
    "burns",
    "crosses",
    "cuts",
    "rests",
    "roams",
    "grazes",
    "steers",
    "rows",
    "paddles",
    "strolls",
    "smiles",
    "grips",
    "adorns",
    "circles",
    "dances",
    "spills",
    "goes",
];

/// Behind a noun of several these tell that another one is meant: glasses case.
const CASES: [&str; 14] = [
    "case", "rack", "shop", "store", "shelf", "area", "box", "car", "bar", "club", "field", "bag",
    "sign", "brush",
];

/// Words that end like verbs and are nouns: colour grading.
const NOT_VERBS: [&str; 13] = [
    "grading", "blocking", "painting", "printing", "parking", "lighting", "building", "ceiling",
    "evening", "morning", "string", "crossing", "wedding",
];

/// Whether an English noun is the last of its phrase: a straw hat, and not a hat rack.
pub(super) fn ends_phrase(noun: &str, behind: &str) -> bool {
    let Some(next) = behind.strip_prefix(' ') else { return !behind.starts_with(['-', '\'']) };
    let word = next.split(|c: char| !is_latin(c)).next().unwrap_or_default();
    let is_verb = word.len() > 4
        && (word.ends_with("ing") || word.ends_with("ed"))
        && !NOT_VERBS.contains(&word);
    let is_several = noun.ends_with('s') && !noun.ends_with("ss") && !CASES.contains(&word);
    word.is_empty() || NEXT.contains(&word) || is_verb || (is_several && !NOT_VERBS.contains(&word))
}

/// Behind a Chinese noun these make it the name of another thing: 帽子店.
const OTHER_HAN: [char; 22] = [
    '店', '架', '柜', '匠', '厂', '商', '形', '状', '型', '盒', '袋', '铺', '筒', '箱', '模', '棚',
    '馆', '画', '像', '雕', '味', '园',
];

/// Whether a Chinese noun is a thing of its own; one of one character has to end there.
pub(super) fn is_thing_han(name: &str, behind: &str) -> bool {
    let mut letters = name.chars();
    let is_one = letters.next().is_some() && letters.next().is_none();
    if behind.starts_with(OTHER_HAN) {
        return false;
    }
    !is_one || behind.starts_with(BEHIND_ONE) || !behind.starts_with(is_han)
}
