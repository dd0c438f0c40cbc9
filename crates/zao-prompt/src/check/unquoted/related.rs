//! English text by what relates it to its thing: embroidered with Wild Hearts Club, tagline at the bottom reads, its name Silver Heron painted
//! on the bow, an OPEN ALL NIGHT sign. Text behind a verb of saying is not looked for here.

use std::ops::Range;

use super::latin::titled;
use super::{MOST_WORDS, Words, english, has_carrier, is_shouted, words_from};
use crate::check::Subject;
use crate::check::characters::is_separator;
use crate::check::text::BLANK;
use crate::check::word::{follows, precedes};
use crate::rules::{Group, Match};

/// How far behind a kind of text its verb may stand, in bytes.
const WAY: usize = 44;

/// How far in front of a deed its thing may stand where a comma parts them, in bytes.
const APART: usize = 90;

/// What says where text stands, between its kind and its verb.
const PLACES: [&str; 24] = [
    "at",
    "on",
    "in",
    "below",
    "above",
    "under",
    "underneath",
    "beneath",
    "across",
    "along",
    "around",
    "over",
    "inside",
    "to the",
    "down",
    "near",
    "beside",
    "of",
    "up top",
    "text",
    "there",
    "simply",
    "just",
    "which",
];

/// Verbs behind a kind of text.
const VERBS: [&str; 28] = [
    " reads",
    " reading",
    " says",
    " saying",
    " read",
    " say",
    " spelling",
    " spells",
    " spelling out",
    " spells out",
    " states",
    " stating",
    " that reads",
    " that says",
    " which reads",
    " which says",
    " should read",
    " should say",
    " must read",
    " must say",
    " that read",
    " that say",
    " declares",
    " announces",
    " proclaims",
    " spell",
    " spell out",
    " proclaiming",
];

/// Weaker ones, behind which text has capitals.
const COPULAS: [&str; 6] = [" is", " are", ":", " -", " as", " –"];

/// With what the name of a thing is written on it.
const ITS_NAME: [&str; 12] = [
    "its name ",
    "her name ",
    "his name ",
    "their name ",
    "their names ",
    "its title ",
    "its number ",
    "ship's name ",
    "boat's name ",
    "whose name ",
    "the names ",
    "dog's name ",
];

/// What stands behind such a name.
const IS_WRITTEN: [&str; 26] = [
    "painted",
    "written",
    "printed",
    "carved",
    "engraved",
    "embroidered",
    "stitched",
    "stencilled",
    "stenciled",
    "lettered",
    "etched",
    "stamped",
    "spelled",
    "emblazoned",
    "in gold",
    "in white",
    "in big",
    "in bold",
    "in black",
    "in red",
    "across",
    "along",
    "scrawled",
    "on the",
    "on its",
    "on her",
];

/// Words that only somebody says to somebody, which no pattern is called: engraved with forever yours.
const SPOKEN: [&str; 24] = [
    "i", "you", "your", "yours", "my", "mine", "me", "we", "us", "our", "ours", "i'm", "i'll",
    "don't", "let's", "happy", "merry", "thank", "thanks", "please", "welcome", "forever",
    "always", "never",
];

/// Names of what is drawn, in capitals as well.
const PICTURED: [&str; 62] = [
    "mount",
    "mt",
    "hello kitty",
    "mickey",
    "minnie",
    "donald",
    "snoopy",
    "pikachu",
    "pokemon",
    "totoro",
    "disney",
    "batman",
    "superman",
    "spider",
    "santa",
    "jesus",
    "buddha",
    "virgin",
    "madonna",
    "saint",
    "st",
    "eiffel",
    "statue",
    "big ben",
    "taj",
    "great wave",
    "starry night",
    "mona lisa",
    "van gogh",
    "monet",
    "klimt",
    "celtic",
    "norse",
    "viking",
    "aztec",
    "maya",
    "mayan",
    "egyptian",
    "greek",
    "roman",
    "chinese",
    "japanese",
    "arabic",
    "persian",
    "islamic",
    "gothic",
    "art deco",
    "art nouveau",
    "victorian",
    "baroque",
    "moroccan",
    "indian",
    "hebrew",
    "latin",
    "sanskrit",
    "hindu",
    "tibetan",
    "union jack",
    "maple",
    "fleur",
    "paisley",
    "toile",
];

/// What is drawn behind the name of what it is like.
const PATTERNS: [&str; 34] = [
    "pattern",
    "patterns",
    "motif",
    "motifs",
    "design",
    "designs",
    "flower",
    "flowers",
    "rose",
    "roses",
    "knot",
    "knots",
    "symbols",
    "symbol",
    "runes",
    "crest",
    "logo",
    "logos",
    "emblem",
    "emblems",
    "hats",
    "style",
    "art",
    "scenes",
    "scene",
    "figures",
    "characters",
    "letters",
    "landscape",
    "landscapes",
    "imagery",
    "print",
    "prints",
    "stars",
];

/// What signs are called, behind words in capitals.
const SIGNS: [&str; 26] = [
    "sign",
    "signs",
    "banner",
    "banners",
    "button",
    "buttons",
    "sticker",
    "stickers",
    "stamp",
    "label",
    "labels",
    "tag",
    "tags",
    "placard",
    "placards",
    "billboard",
    "decal",
    "neon",
    "neon sign",
    "marquee",
    "signboard",
    "badge",
    "lettering",
    "light",
    "lights",
    "plaque",
];

/// Short forms in capitals that say what a sign is made of, or whose it is.
const SHORT: [&str; 22] = [
    "LED", "OLED", "LCD", "AMOLED", "NASA", "NATO", "VIP", "HDMI", "SWAT", "FBI", "IKEA", "RGB",
    "NEON", "BMW", "UNICEF", "UNESCO", "NASCAR", "RFID", "CMYK", "HDPE", "ASCII", "DSLR",
];

pub(super) fn find(subject: &Subject<'_>, carriers: &[Match], found: &mut Vec<Words>) {
    for deed in subject.matches.of(Group::Deed) {
        found.extend(done(subject, carriers, &deed).map(Words::known));
    }
    for noun in subject.matches.of(Group::TextNoun) {
        if subject.text.folded.as_bytes()[noun.start].is_ascii() {
            found.extend(of_kind(subject, &noun));
        }
    }
    let folded = &subject.text.folded;
    for its in ITS_NAME {
        for (at, its) in folded.match_indices(its) {
            if subject.text.begins_whole(at) {
                found.extend(named(subject, at + its.len()).map(Words::known));
            }
        }
    }
    for board in subject.matches.of(Group::Carrier) {
        found.extend(in_front_of_sign(subject, &board).map(Words::known));
    }
}

/// Whether a phrase ends at a place, or goes on with where its text stands.
fn ends(subject: &Subject<'_>, end: usize) -> bool {
    let rest = subject.text.folded[end..].trim_start_matches(' ');
    let stops = &subject.rules.tables.unquoted.stops;
    rest.is_empty()
        || rest.starts_with(is_separator)
        || rest.starts_with([':', '(', BLANK, ')'])
        || stops.iter().any(|stop| follows(rest, stop))
}

/// Text that a deed puts on a thing.
fn done(subject: &Subject<'_>, carriers: &[Match], deed: &Match) -> Option<Range<usize>> {
    let (folded, prompt) = (&subject.text.folded, subject.text.prompt);
    let rest = folded[deed.end..].trim_start_matches([' ', ':']);
    let start = folded.len() - rest.len();
    if start == deed.end {
        return None;
    }
    let is_with = folded[deed.span()].ends_with("with");
    let is_near = has_carrier(subject, carriers, deed) || is_apart(subject, carriers, deed);
    if let Some((span, big)) = titled(subject, start) {
        let text = &prompt[span.clone()];
        let shouts = is_shouted(text) || (big > 1 && !text.contains(char::is_lowercase));
        let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
        let is_drawn = PICTURED.iter().any(|it| follows(&folded[span.start..], it));
        // A single name is a pattern's as well; behind `with` it may be a maker's.
        let is_name = big > 1 || (!is_with && text.len() > 1);
        // Ethiopia Guji natural process, but not: Santa hats.
        let next = folded[span.end..].trim_start_matches(' ');
        let goes_on = big > 1 && is_near && !PATTERNS.iter().any(|it| follows(next, it));
        let is_text = (ends(subject, span.end) || goes_on)
            && !is_drawn
            && (shouts || (is_name && is_near) || big > 2 || (big > 1 && has_digit));
        return is_text.then_some(span);
    }
    let mut end = start;
    let mut is_spoken = false;
    let stops = &subject.rules.tables.unquoted.stops;
    for word in words_from(folded, start).iter().take(MOST_WORDS) {
        if end > start && stops.iter().any(|stop| follows(&folded[word.start..], stop)) {
            break;
        }
        is_spoken |= SPOKEN.contains(&&folded[word.clone()]);
        end = word.end;
    }
    (is_spoken && is_with && is_near && end > start).then_some(start..end)
}

/// Whether something that carries text was named in front, a comma or two before a deed: a cap, front view, embroidered with.
fn is_apart(subject: &Subject<'_>, carriers: &[Match], deed: &Match) -> bool {
    let before = subject.text.folded[..deed.start].trim_end_matches(' ');
    let at = carriers.partition_point(|carrier| carrier.end <= deed.start);
    let carrier = at.checked_sub(1).and_then(|at| carriers.get(at));
    before.ends_with([',', ';']) && carrier.is_some_and(|it| deed.start - it.end <= APART)
}

/// Text behind its kind, and where it stands: tagline at the bottom reads No one is coming.
fn of_kind(subject: &Subject<'_>, noun: &Match) -> Option<Words> {
    let folded = &subject.text.folded;
    let rest = &folded[noun.end..];
    let near = (0..=WAY.min(rest.len())).rev().find(|end| rest.is_char_boundary(*end))?;
    let near = &rest[..near];
    let near = &near[..near.find(|c: char| is_separator(c) || c == BLANK).unwrap_or(near.len())];
    let verb = |verbs: &[&str]| {
        let found = verbs.iter().filter_map(|verb| {
            let at = near.find(verb)?;
            let is_whole = verb.ends_with([':', '-', '–']) || follows(&near[at..], verb);
            is_whole.then_some((at, verb.len()))
        });
        found.min_by_key(|(at, length)| (*at, std::cmp::Reverse(*length)))
    };
    let is_place = |at: usize| {
        let way = near[..at].trim_start_matches(' ');
        way.is_empty() || PLACES.iter().any(|place| follows(way, place))
    };
    if let Some((at, length)) = verb(&VERBS).filter(|(at, _)| is_place(*at)) {
        return english(subject, noun.end + at + length, true);
    }
    let (at, length) = verb(&COPULAS).filter(|(at, _)| is_place(*at))?;
    let from = noun.end + at + length;
    english(subject, from, false)
        .filter(|words| ends(subject, words.span.end))
        .or_else(|| called_out(subject, from))
}

/// A sentence that ends with a shout or a question: Wait for me!
fn called_out(subject: &Subject<'_>, from: usize) -> Option<Words> {
    let folded = &subject.text.folded;
    let rest = folded[from..].trim_start_matches(' ');
    let start = folded.len() - rest.len();
    let end = rest.find(|c: char| is_separator(c) || c == BLANK)?;
    let is_called = rest[end..].starts_with(['!', '?'])
        && subject.text.prompt[start..].starts_with(|c: char| c.is_ascii_uppercase())
        && rest[..end].split(' ').count() <= MOST_WORDS;
    is_called.then(|| Words::known(start..start + end + 1))
}

/// The name of a thing that is written on it.
fn named(subject: &Subject<'_>, start: usize) -> Option<Range<usize>> {
    let (span, _) = titled(subject, start)?;
    let rest = subject.text.folded[span.end..].trim_start_matches([' ', ',']);
    IS_WRITTEN.iter().any(|it| follows(rest, it)).then_some(span)
}

/// Words in capitals in front of a sign in small letters: a red neon OPEN ALL NIGHT sign.
fn in_front_of_sign(subject: &Subject<'_>, board: &Match) -> Option<Range<usize>> {
    let (folded, prompt) = (&subject.text.folded, subject.text.prompt);
    let written = &prompt[board.span()];
    let last = written.rsplit(' ').next().unwrap_or_default();
    if !SIGNS.contains(&last) || written.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let before = prompt[..board.start].strip_suffix(' ')?;
    let mut start = before.len();
    let mut words = 0;
    for word in before.rsplit(' ').take(MOST_WORDS) {
        let is_part = !word.is_empty()
            && word.bytes().all(|it| {
                it.is_ascii_uppercase() || it.is_ascii_digit() || matches!(it, b'\'' | b'!' | b'&')
            });
        if !is_part {
            break;
        }
        start -= word.len() + usize::from(words > 0);
        words += 1;
    }
    let text = &before[start..];
    let is_short = SHORT.iter().any(|it| text.split(' ').any(|word| word == *it));
    let is_free = !folded[start..before.len()].contains(BLANK);
    let follows_word = precedes(folded[..start].trim_end(), "the") || start > 0;
    (words > 0 && is_shouted(text) && !is_short && is_free && follows_word)
        .then_some(start..before.len())
}
