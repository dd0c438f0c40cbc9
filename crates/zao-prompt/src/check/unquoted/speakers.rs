//! Whether a verb of saying is a sign's or somebody's: a placard reading feed me, a girl reading comics. What is said is not looked at here.

use super::{REACH, has_carrier};
use crate::check::Subject;
use crate::rules::Match;

/// Whether what a verb of saying says is on something, and not said by somebody.
pub(super) fn is_said(
    subject: &Subject<'_>,
    carriers: &[Match],
    boards: &[Match],
    says: &Match,
) -> bool {
    let folded = &subject.text.folded;
    let starts_big = || {
        let rest = subject.text.prompt[says.end..].trim_start_matches([' ', ':']);
        rest.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit() || "$€£#@".contains(c))
    };
    let verb = &folded[says.span()];
    // Patterns are printed as well as text, which `related` tells apart.
    if DEEDS_WITH.contains(&verb) {
        return false;
    }
    if has_carrier(subject, carriers, says) {
        // A boat is listing to port.
        if verb == "listing" && !starts_big() {
            return false;
        }
        let is_reading = verb == "reading" || verb == "reads";
        return !is_reading
            || starts_big()
            || has_carrier(subject, boards, says)
            || !has_being(subject, says);
    }
    // Whatever spells something is made of letters.
    let spells = verb.contains("spell");
    let states =
        matches!(verb, "reads" | "that reads" | "which reads" | "that says" | "which says");
    (spells || (states && starts_big())) && !has_being(subject, says)
}

/// Of these, what is behind them is looked at by [`super::related`].
const DEEDS_WITH: [&str; 6] = [
    "printed with",
    "engraved with",
    "stamped with",
    "embroidered with",
    "stitched with",
    "emblazoned with",
];

/// Who reads and says something.
const BEINGS: [&str; 60] = [
    "man",
    "woman",
    "boy",
    "girl",
    "child",
    "children",
    "kid",
    "kids",
    "people",
    "person",
    "someone",
    "somebody",
    "everyone",
    "he",
    "she",
    "they",
    "who",
    "mother",
    "father",
    "mom",
    "dad",
    "grandmother",
    "grandfather",
    "grandma",
    "grandpa",
    "teacher",
    "student",
    "students",
    "lady",
    "guy",
    "men",
    "women",
    "friend",
    "friends",
    "couple",
    "parrot",
    "cat",
    "dog",
    "fox",
    "bear",
    "owl",
    "rabbit",
    "robot",
    "wizard",
    "witch",
    "king",
    "queen",
    "prince",
    "princess",
    "monk",
    "priest",
    "soldier",
    "sailor",
    "student's",
    "baby",
    "toddler",
    "teenager",
    "scholar",
    "poet",
    "librarian",
];

/// Whether somebody stands in front of a verb, in the same phrase.
fn has_being(subject: &Subject<'_>, says: &Match) -> bool {
    let at = subject.text.segments.partition_point(|it| it.end < says.start);
    let from = subject.text.segments.get(at).map_or(0, |it| it.start.min(says.start));
    let near = (says.start.saturating_sub(2 * REACH)..=says.start)
        .find(|at| subject.text.folded.is_char_boundary(*at));
    let before = &subject.text.folded[from.max(near.unwrap_or(from))..says.start];
    before.split([' ', '-', '(']).any(|word| BEINGS.contains(&word))
}
