//! A picture within the picture: an old woman holds a black-and-white wedding photo, a cartoon mural hangs in the hall. What it is like says
//! nothing of the picture that is asked for. It belongs to `contradiction`.

use super::Subject;
use super::characters::is_han;
use super::contradiction::clauses;
use super::word::precedes;
use crate::rules::Match;

/// What pictures are called that may hang or be held in one.
const PICTURES: [&str; 27] = [
    "photo",
    "photos",
    "photograph",
    "photographs",
    "picture",
    "pictures",
    "portrait",
    "portraits",
    "print",
    "prints",
    "postcard",
    "postcards",
    "poster",
    "posters",
    "mural",
    "murals",
    "painting",
    "paintings",
    "drawing",
    "drawings",
    "sketch",
    "sketches",
    "snapshot",
    "snapshots",
    "image",
    "images",
    "fresco",
];
const PICTURES_HAN: [&str; 20] = [
    "照片",
    "相片",
    "壁画",
    "海报",
    "油画",
    "画作",
    "插画",
    "挂画",
    "年画",
    "国画",
    "水墨画",
    "肖像画",
    "画像",
    "明信片",
    "漫画",
    "贴纸",
    "涂鸦",
    "影像",
    "画面",
    "素描",
];

/// Words behind which a picture is what the prompt asks for.
const ASKED: [&str; 22] = [
    "in", "as", "is", "like", "make", "draw", "create", "generate", "want", "need", "render",
    "produce", "style", "paint", "be", "into", "of", "do", "me", "design", "give", "photo",
];

/// What one does with a picture that is there.
const HELD: [&str; 24] = [
    "拿着", "举着", "捧着", "看着", "望着", "盯着", "端详", "欣赏", "挂着", "挂满", "贴着", "贴满",
    "摆着", "放着", "画着", "印着", "抱着", "那张", "那幅", "手里", "手中", "墙上", "桌上", "旁边",
];

/// How many words may stand between an adjective and the picture.
const BETWEEN: usize = 3;

/// Whether a word says what a picture is like that is held, or hangs, in the one that is asked for.
pub(super) fn is_pictured(subject: &Subject<'_>, word: &Match) -> bool {
    let folded = &subject.text.folded;
    let clause = clauses(subject, word, word);
    let before = folded[clause.start..word.start].trim_end();
    if folded[word.span()].starts_with(is_han) {
        let behind: String = folded[word.end..clause.end].chars().take(6).collect();
        let is_picture =
            PICTURES_HAN.iter().any(|it| behind.contains(it) || folded[word.span()].ends_with(it));
        return is_picture && HELD.iter().any(|held| before.contains(held));
    }
    let mut behind = folded[word.end..clause.end].split_whitespace().take(BETWEEN);
    let own = folded[word.span()].rsplit([' ', '-']).next().unwrap_or_default();
    let is_picture = PICTURES.contains(&own) || behind.any(|it| PICTURES.contains(&it));
    let article = ["a", "an", "the", "his", "her", "their", "some", "huge", "large", "old", "two"];
    let lead = without(
        before,
        &["flat", "huge", "large", "small", "old", "framed", "faded", "giant", "tiny", "big"],
    );
    let Some(rest) =
        article.iter().find(|it| precedes(lead, it)).map(|it| &lead[..lead.len() - it.len()])
    else {
        return false;
    };
    let rest = rest.trim_end();
    is_picture && rest.ends_with(char::is_alphabetic) && !ASKED.iter().any(|it| precedes(rest, it))
}

/// Without adjectives at the end.
fn without<'t>(mut text: &'t str, words: &[&str]) -> &'t str {
    while let Some(word) = words.iter().find(|word| precedes(text, word)) {
        text = text[..text.len() - word.len()].trim_end();
    }
    text
}
