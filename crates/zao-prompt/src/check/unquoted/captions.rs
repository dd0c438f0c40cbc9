//! English captions that stand nowhere but in pictures: a press start line, a buy now button, since 2019 below. Names and sentences are not
//! looked for here.

use super::Words;
use crate::check::Subject;
use crate::check::characters::is_separator;
use crate::check::word::{follows, precedes};

/// What games, shops and pages say to whoever looks at them.
const CAPTIONS: [&str; 40] = [
    "press start",
    "press any key",
    "game over",
    "insert coin",
    "level up",
    "you win",
    "you died",
    "you lose",
    "new game",
    "start game",
    "play now",
    "try again",
    "high score",
    "buy now",
    "shop now",
    "book now",
    "order now",
    "download now",
    "join now",
    "apply now",
    "add to cart",
    "sign up",
    "sign in",
    "log in",
    "get started",
    "learn more",
    "read more",
    "subscribe",
    "follow us",
    "contact us",
    "call us",
    "open now",
    "now open",
    "sold out",
    "coming soon",
    "for sale",
    "on sale",
    "out of order",
    "do not disturb",
    "best seller",
];

/// What such a caption is, behind it.
const CARRIERS: [&str; 14] = [
    "line", "text", "button", "buttons", "prompt", "message", "label", "caption", "banner",
    "badge", "sticker", "tag", "sign", "popup",
];

/// What leads to the year in which something began.
const BEGAN: [&str; 6] = ["since ", "est. ", "est ", "established ", "established in ", "founded "];

/// Where such a year stands on a sign or a logo.
const PLACES: [&str; 14] = [
    "below",
    "underneath",
    "beneath",
    "above",
    "under it",
    "at the bottom",
    "at the top",
    "in small",
    "in tiny",
    "in the corner",
    "in smaller",
    "on the bottom",
    "along the bottom",
    "around the bottom",
];

/// A year has four digits.
const YEAR: usize = 4;

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Words>) {
    let folded = &subject.text.folded;
    for caption in CAPTIONS {
        for (at, caption) in folded.match_indices(caption) {
            let end = at + caption.len();
            let behind = folded[end..].strip_prefix(' ').unwrap_or_default();
            if subject.text.begins_whole(at) && CARRIERS.iter().any(|it| follows(behind, it)) {
                found.push(Words::known(at..end));
            }
        }
    }
    for began in BEGAN {
        for (at, began) in folded.match_indices(began) {
            let start = at + began.len();
            let year = folded[start..].bytes().take_while(u8::is_ascii_digit).count();
            let before = folded[..at].trim_end();
            let begins = before.ends_with(is_separator) || precedes(before, "and");
            let behind = folded[start + year..].trim_start_matches([' ', ',']);
            let is_placed = PLACES.iter().any(|place| follows(behind, place));
            if year == YEAR && begins && is_placed {
                found.push(Words::known(at..start + year));
            }
        }
    }
}
