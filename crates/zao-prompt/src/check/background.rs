//! A background that is said to be two things: white, and deep blue further on. It belongs to `contradiction`; what stands in front of a
//! background is not judged here.

use super::Subject;
use super::contradiction::is_elsewhere;
use super::edit::{About, Hit};
use super::text::Side;
use super::word::{follows, precedes};
use crate::Code;
use crate::rules::Match;

const NAMES: [&str; 3] = ["背景", "background", "backdrop"];

/// Behind these it is a light or a sound.
const OTHERS: [&str; 10] = ["光", "灯", "音", "板", "布", "纸", "墙", "light", "music", "noise"];

/// What leads from a background to what it is.
const LINKS: [&str; 9] = ["是", "为", "用", "颜色是", "颜色为", "：", ":", "is", "should be"];

/// What may stand between that and the colour.
const FILLERS: [&str; 6] = ["一片", "纯", "全", "a", "plain", "solid"];

/// In front of a colour these make it one of several.
const MIXTURES: [&str; 9] = ["和", "与", "到", "、", "and", "to", "or", "&", "/"];

/// Backgrounds that are looked at; nobody who means a picture names more.
const MOST: usize = 32;

/// The first background of each side that is something else than the one before.
pub(super) fn find(subject: &Subject<'_>) -> Vec<Hit> {
    subject.text.sides.iter().filter_map(|side| clash(subject, side)).collect()
}

fn clash(subject: &Subject<'_>, side: &Side) -> Option<Hit> {
    let text = &subject.text.folded[..side.range.end];
    let mut first: Option<Match> = None;
    let mut places: Vec<(usize, usize)> = Vec::new();
    for name in NAMES {
        let found = text[side.range.start..].match_indices(name);
        places.extend(found.map(|(at, name)| {
            let start = side.range.start + at;
            (start, start + name.len())
        }));
    }
    places.sort_unstable();
    places.truncate(MOST);
    for (start, end) in places {
        let Some(ground) = ground(subject, text, start, end) else { continue };
        match &first {
            None => first = Some(ground),
            Some(first) if first.item != ground.item && !is_elsewhere(subject, first, &ground) => {
                let about = About::Both(first.span(), ground.span());
                let span = first.start..ground.end;
                return Some(Hit::advice(Code::Contradiction, span, about));
            }
            Some(_) => {}
        }
    }
    None
}

/// What a background is, with the number of its family; nothing where it is a mixture, or nothing is said.
fn ground(subject: &Subject<'_>, text: &str, start: usize, end: usize) -> Option<Match> {
    let behind = &text[end..];
    if OTHERS.iter().any(|word| behind.trim_start().starts_with(word)) {
        return None;
    }
    let families = || subject.rules.tables.contradiction.grounds.values().enumerate();
    let longest = |fits: &dyn Fn(&str) -> bool| {
        let words = families().flat_map(|(item, words)| words.iter().map(move |it| (item, it)));
        words.filter(|(_, word)| fits(word)).max_by_key(|(_, word)| word.len())
    };
    let before = text[..start].trim_end_matches(' ');
    let before = before.strip_suffix('的').unwrap_or(before);
    if let Some((item, word)) = longest(&|word| precedes(before, word)) {
        let rest = before[..before.len() - word.len()].trim_end_matches(' ');
        let is_mixed = MIXTURES.iter().any(|mixture| precedes(rest, mixture))
            || longest(&|word| precedes(rest, word)).is_some();
        return (!is_mixed).then_some(Match { start: before.len() - word.len(), end, item });
    }
    let rest = behind.trim_start_matches(' ');
    let link = LINKS.iter().filter(|link| follows(rest, link)).max_by_key(|link| link.len());
    let mut rest = rest[link?.len()..].trim_start_matches(' ');
    while let Some(filler) = FILLERS.iter().find(|filler| follows(rest, filler)) {
        // 纯白 is a word of its own.
        if longest(&|word| follows(rest, word)).is_some() {
            break;
        }
        rest = rest[filler.len()..].trim_start_matches(' ');
    }
    // A single character begins other words: 背景是白墙.
    let is_whole = |word: &str| word.chars().nth(1).is_some() && follows(rest, word);
    let (item, word) = longest(&is_whole)?;
    let to = text.len() - rest.len() + word.len();
    let tail = text[to..].trim_start_matches(' ');
    let is_mixed = MIXTURES.iter().any(|mixture| follows(tail, mixture));
    (!is_mixed).then_some(Match { start, end: to, item })
}
