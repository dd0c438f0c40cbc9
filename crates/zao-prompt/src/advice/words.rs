//! The table by which prompts are weighed, and what is said of the result. Nothing is counted here.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde::Deserialize;

use super::Counts;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) steps: Steps,
    pub(super) weights: Weights,
    pub(super) size: Size,
    pub(super) words: Words,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Steps {
    pub(super) simple: u32,
    pub(super) usual: u32,
    pub(super) complex: u32,
    pub(super) simple_up_to: usize,
    pub(super) complex_from: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Weights {
    things: usize,
    relations: usize,
    details: usize,
    faces: usize,
    texts: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Size {
    pub(super) draft_below: usize,
    pub(super) standard_below: usize,
    pub(super) faces: usize,
    pub(super) texts: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    pub(super) group: usize,
    pub(super) faces: HashSet<String>,
    pub(super) groups: HashSet<String>,
    pub(super) relations: HashSet<String>,
    pub(super) writing: HashSet<String>,
}

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../../data/advice.toml"))
        .expect("the tables that are compiled in are well formed")
});

impl Weights {
    pub(super) fn score(&self, counts: &Counts) -> usize {
        let Counts { words: _, things, relations, texts, faces, details } = *counts;
        self.things * things
            + self.relations * relations
            + self.details * details
            + self.faces * faces
            + self.texts * texts
    }
}

/// Why, in English and in Chinese.
pub(super) fn reason(
    counts: &Counts,
    (word, word_zh): (&str, &str),
    raised: bool,
) -> (String, String) {
    let Counts { words, things, relations, texts, faces, details } = *counts;
    let all = [
        (things, ("thing", "things"), "个事物"),
        (relations, ("relation", "relations"), "处关系"),
        (details, ("detail", "details"), "处细节"),
        (texts, ("text to draw", "texts to draw"), "段文字"),
        (faces, ("face", "faces"), "张脸"),
    ];
    let there = || all.iter().filter(|(count, ..)| *count > 0);
    let english = there()
        .map(|&(count, (one, many), _)| format!("{count} {}", if count == 1 { one } else { many }));
    let chinese = there().map(|&(count, _, name)| format!("{count} {name}"));
    let (english, chinese) =
        (english.collect::<Vec<_>>().join(", "), chinese.collect::<Vec<_>>().join("、"));
    let article = if word.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    let (room, room_zh) = if raised {
        ("; text and faces need room", "；文字和人脸需要更大的画面")
    } else {
        ("", "")
    };
    let unit = if words == 1 { "word" } else { "words" };
    let separator = if english.is_empty() { "" } else { ", " };
    let separator_zh = if chinese.is_empty() { "" } else { "，" };
    (
        format!("{article} {word} prompt: {english}{separator}{words} {unit}{room}"),
        format!("{word_zh}的提示词：{chinese}{separator_zh}共 {words} 词{room_zh}"),
    )
}
