//! Random prompts, of everything that characters can be and of what the rules look for: what is promised of every prompt holds.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::promise;

const PIECES: [&str; 64] = [
    "very",
    "extremely ",
    "a ",
    "an ",
    "red",
    "apple",
    ", ",
    "，",
    "。",
    ".",
    ",",
    "masterpiece",
    "8k",
    "best quality",
    "高清",
    "杰作",
    "非常",
    "超级",
    "特别",
    "很",
    "美丽的",
    "可爱",
    "一个",
    "两",
    "马",
    "白色的",
    "苹果",
    "在",
    "的",
    "写着",
    "欢迎",
    "牌子",
    "a sign that says ",
    "OPEN",
    "and ",
    "the words ",
    "\"",
    "“",
    "”",
    "'",
    "(",
    ")",
    "（",
    "）",
    "//",
    " // ",
    "a blue cat",
    "蓝色的猫",
    "三只狗",
    "two dogs",
    "发簪",
    "画龙点睛",
    "俺",
    "樹",
    "树",
    "\u{200b}",
    "\u{a0}",
    "🐎",
    "👨\u{200d}👩",
    "day",
    "at night",
    "\n",
    " ",
    "８Ｋ",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_keeps_the_promises(prompt in "\\PC{0,60}") {
        promise::keep(&prompt);
    }

    #[test]
    fn any_characters_keep_the_promises(characters in vec(any::<char>(), 0..40)) {
        promise::keep(&characters.into_iter().collect::<String>());
    }

    #[test]
    fn any_mixture_of_what_rules_look_for_keeps_the_promises(pieces in vec(prop::sample::select(&PIECES[..]), 0..24)) {
        promise::keep(&pieces.concat());
    }
}
