//! `repetition` at a distance: a phrase between two commas that another clause says too, and a longer phrase word for word in two
//! clauses. Two things that look alike (a man in a black coat, a woman in a black coat) are not judged, nor are single words.

use std::collections::HashMap;
use std::ops::Range;

use super::Subject;
use super::characters::{is_han, is_latin};
use super::repetition::Again;
use super::text::BLANK;

/// The longest prompt, in bytes, that is looked at so; nobody writes longer ones by hand.
pub(super) const LONGEST_PROMPT: usize = 16 << 10;

/// The longest prompt of which each two clauses are compared.
const COMPARED_PROMPT: usize = 3000;

/// Other places of a phrase that are looked at, and the longest clause, in bytes, that a phrase is a part of.
const MOST_PLACES: usize = 64;
const LONGEST_CLAUSE: usize = 1000;

/// From so many characters, or words, on two clauses that say the same in the same words are no chance.
const HAN_SAME: usize = 6;
const SAME: usize = 3;

/// The same of what is said the other way around.
const HAN_TURNED: usize = 4;
const TURNED: usize = 2;

/// From so many characters on a Chinese phrase is no chance.
const HAN_TAG: usize = 3;
const HAN_PHRASE: usize = 7;

/// The same for English, in words, and how many of them have to say something.
const PHRASE: usize = 4;
const PHRASE_CONTENT: usize = 3;
const TAG_CONTENT: usize = 2;

/// Letters of a word that is a tag by itself, if it was said before; and the longest prompt, in bytes, in which that is no chance.
const WORD: usize = 4;
const SHORT_PROMPT: usize = 500;

/// The words with which two clauses may begin alike without being chance.
const HEAD: usize = 3;

/// Words that say nothing by themselves.
const EMPTY: [&str; 56] = [
    "a", "an", "the", "of", "in", "on", "at", "by", "to", "with", "without", "and", "or", "for",
    "from", "as", "is", "are", "was", "be", "has", "have", "its", "his", "her", "their", "it",
    "he", "she", "they", "this", "that", "these", "those", "which", "who", "into", "over", "under",
    "behind", "between", "near", "out", "up", "down", "one", "two", "three", "no", "not", "very",
    "there", "while", "next", "front", "each",
];

/// Words of a place in the picture, or of one of several: what they stand with is another thing each time.
const PLACES: [&str; 22] = [
    "left",
    "right",
    "upper",
    "lower",
    "corner",
    "side",
    "middle",
    "top",
    "bottom",
    "background",
    "foreground",
    "another",
    "other",
    "second",
    "first",
    "third",
    "same",
    "different",
    "half",
    "one",
    "both",
    "each",
];
pub(super) const HAN_PLACES: [&str; 22] = [
    "左", "右", "上方", "下方", "中间", "另", "第", "其中", "一", "两", "三", "四", "每", "同",
    "各", "有的", "前景", "背景", "画面", "中央", "角落", "边缘",
];

/// What follows a phrase that is complete.
const ENDS: [&str; 17] = [
    "in", "on", "at", "with", "and", "of", "under", "behind", "near", "by", "over", "beside", "is",
    "are", "from", "through", "against",
];

pub(super) fn find(subject: &Subject<'_>) -> Vec<Again> {
    let mut found = Vec::new();
    if subject.text.prompt.len() <= LONGEST_PROMPT {
        tags(subject, &mut found);
        phrases(subject, &mut found);
        heads(subject, &mut found);
        continued(subject, &mut found);
        if subject.text.prompt.len() <= COMPARED_PROMPT {
            same_words(subject, &mut found);
        }
        deeds(subject, &mut found);
    }
    found
}

/// Phrases between commas that another clause has as a part of it.
fn tags(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let text = &subject.text;
    let mut alone: HashMap<&str, usize> = HashMap::new();
    for segment in &text.segments {
        *alone.entry(&text.folded[segment.clone()]).or_default() += 1;
    }
    let is_part = |place: &Range<usize>| is_part(subject, &alone, place);
    for segment in &text.segments {
        let tag = bare(&text.folded, segment);
        let phrase = &text.folded[tag.clone()];
        let is_tag = if phrase.chars().all(is_han) {
            !HAN_PLACES.iter().any(|place| phrase.contains(place))
        } else {
            phrase.is_ascii() && !is_placed(phrase)
        };
        if !is_tag || phrase.contains(BLANK) {
            continue;
        }
        let side = text.side_of(segment.start).range.clone();
        let is_elsewhere = |it: &Range<usize>| it.end <= segment.start || it.start >= segment.end;
        let mut others = text.folded[side.clone()]
            .match_indices(phrase)
            .map(|(at, _)| side.start + at..side.start + at + phrase.len())
            .filter(is_elsewhere)
            .take(MOST_PLACES);
        let other = if is_style(subject, phrase) {
            others.find(|it| text.begins_whole(it.start) && is_longer(subject, it))
        } else if is_word(phrase) && text.prompt.len() <= SHORT_PROMPT {
            let is_smile = phrase.ends_with("ing");
            others.find(|it| {
                let gap = it.start.checked_sub(segment.end);
                gap.is_none_or(|gap| gap < 3)
                    && (is_part(it)
                        || (is_smile && text.begins_whole(it.start) && text.ends_whole(it.end)))
            })
        } else if is_long(phrase) {
            others.find(|it| is_part(it))
        } else {
            None
        };
        if let Some(other) = other {
            found.push((segment.clone(), other));
        }
    }
}

/// Whether a phrase is a style, whatever it stands in front of.
fn is_style(subject: &Subject<'_>, phrase: &str) -> bool {
    let styles = subject.rules.tables.repetition.sets.get("styles");
    styles.is_some_and(|styles| styles.iter().any(|style| style == phrase))
}

/// Whether a phrase is so short that only what stands before it, or at once behind, can say it too.
fn is_word(phrase: &str) -> bool {
    if phrase.starts_with(is_han) {
        return phrase.chars().count() == HAN_TAG - 1;
    }
    phrase.len() >= WORD
        && phrase.bytes().all(|byte| byte.is_ascii_lowercase())
        && content(phrase) == 1
}

fn is_long(phrase: &str) -> bool {
    match phrase.starts_with(is_han) {
        true => phrase.chars().count() >= HAN_TAG,
        false => content(phrase) >= TAG_CONTENT,
    }
}

/// Whether a place is in a phrase that says more.
fn is_longer(subject: &Subject<'_>, place: &Range<usize>) -> bool {
    let at = subject.text.segments.partition_point(|segment| segment.end < place.end);
    let segment = subject.text.segments.get(at);
    segment.is_some_and(|segment| bare(&subject.text.folded, segment).len() > place.len())
}

/// A segment without an article, `and` and `with`, and without `style`.
fn bare(folded: &str, segment: &Range<usize>) -> Range<usize> {
    let mut phrase = &folded[segment.clone()];
    for lead in ["and ", "with ", "a ", "an ", "the "] {
        phrase = phrase.strip_prefix(lead).unwrap_or(phrase).trim_start();
    }
    let start = segment.end - phrase.len();
    let tail = [" style", " photo", " picture", " image", "风格", "风"]
        .iter()
        .find_map(|tail| phrase.strip_suffix(tail));
    let phrase = tail.map(str::trim_end).filter(|it| it.len() > 3).unwrap_or(phrase);
    start..start + phrase.len()
}

/// Whether a place is a whole phrase within a longer one, which says nothing of a place or of another thing.
fn is_part(subject: &Subject<'_>, alone: &HashMap<&str, usize>, place: &Range<usize>) -> bool {
    let text = &subject.text;
    let at = text.segments.partition_point(|segment| segment.end < place.end);
    let Some(segment) = text.segments.get(at) else { return false };
    // Two clauses that are the same are seen elsewhere.
    let is_said_again = || alone.get(&text.folded[place.clone()]).is_some_and(|count| *count > 1);
    if segment.start > place.start
        || segment.len() > LONGEST_CLAUSE
        || (segment == place && is_said_again())
    {
        return false;
    }
    let (before, after) =
        (&text.folded[segment.start..place.start], &text.folded[place.end..segment.end]);
    let rest = format!("{before} {after}");
    if text.folded[place.clone()].starts_with(is_han) {
        let ends =
            after.is_empty() || after.starts_with('的') || subject.rules.followers.begin(after);
        let is_short = place.len() < HAN_TAG * '一'.len_utf8();
        // 云海在脚下翻涌，…，云海: a clause that begins with it and says where it is.
        let is_head = before.is_empty() && after.starts_with(['在', '从', '漫', '翻', '笼']);
        return (ends && !is_short || after.is_empty() || is_head)
            && !["左", "右", "另", "其中"].iter().any(|it| rest.contains(it));
    }
    let ends = after.trim().is_empty() || goes_on(after);
    let begins = !before.ends_with(|c| is_latin(c) || c == '-' || c == '\'');
    ends && begins && !is_placed(&rest)
}

/// Whether a noun is complete in front of what follows: `in`, `rising`, `curled`.
fn goes_on(after: &str) -> bool {
    let next = after.split_whitespace().next().unwrap_or_default();
    let does = |end: &str| next.len() > end.len() + 2 && next.ends_with(end);
    after.starts_with(' ') && (ENDS.contains(&next) || does("ing") || does("ed"))
}

/// Things of three words with which two clauses begin: `hot air balloons over …, hot air balloons drifting …`.
fn heads(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let text = &subject.text;
    let mut seen: HashMap<&str, Range<usize>> = HashMap::new();
    for segment in &text.segments {
        let clause = bare(&text.folded, segment);
        let phrase = &text.folded[clause.clone()];
        let starts = word_starts(phrase);
        // Of a thing with an article, two words will do: a medieval scribe.
        let has_article =
            ["a ", "an "].iter().any(|it| text.folded[segment.clone()].starts_with(it));
        let short = starts.get(HEAD - 1).filter(|end| {
            has_article
                && content(&phrase[..**end]) == HEAD - 1
                && goes_on(&phrase[phrase[..**end].trim_end().len()..])
        });
        let Some(end) = short.or_else(|| starts.get(HEAD)).copied() else { continue };
        let head = phrase[..end].trim_end();
        let least = if short.is_some() { HEAD - 1 } else { HEAD };
        if !head.is_ascii() || content(head) < least || is_placed(phrase) || head.contains(BLANK) {
            continue;
        }
        let rest = &phrase[head.len()..];
        if !(rest.is_empty() || goes_on(rest)) {
            continue;
        }
        let place = clause.start..clause.start + head.len();
        match seen.get(head) {
            Some(before) => found.push((place, before.clone())),
            None => {
                seen.insert(head, place);
            }
        }
    }
}

/// A clause that begins with all of the one before, or with its end: red vinyl, red vinyl seats.
fn continued(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let text = &subject.text;
    for pair in text.segments.windows(2) {
        let (before, now) = (pair[0].clone(), pair[1].clone());
        let (then, this) = (&text.folded[before.clone()], &text.folded[now.clone()]);
        let gap = &text.folded[before.end..now.start];
        if !then.is_ascii() || !this.is_ascii() || gap.trim() != "," || this.contains(BLANK) {
            continue;
        }
        let starts = word_starts(then);
        let heads = starts[..starts.len() - 1].iter().map(|start| &then[*start..]);
        let Some(same) = heads
            .into_iter()
            .find(|head| this.strip_prefix(head).is_some_and(|rest| rest.starts_with(' ')))
        else {
            continue;
        };
        let rest = &this[same.len()..];
        let is_whole = same.len() == then.len();
        let words = content(same);
        let is_article = ["a ", "an "].iter().any(|it| same.starts_with(it));
        let says_again = match words {
            0 => false,
            // Coffee, coffee beans are two things; so are a red apple and a red apple tree.
            1 => is_whole && same.len() >= WORD && goes_on(rest),
            _ => goes_on(rest) || !is_article || rest.trim().contains(' '),
        };
        if says_again && !is_elsewhere_named(rest) {
            found.push((now.start..now.start + same.len(), before.end - same.len()..before.end));
        }
    }
}

/// Whether what follows a phrase puts it on one side, where another of it may be on the other.
fn is_elsewhere_named(rest: &str) -> bool {
    ["left", "right", "another", "other", "second"].iter().any(|word| rest.contains(word))
}

/// Clauses that say with other endings, or in another order, what one before says: 少年骑着自行车 after 少年骑自行车穿过大道.
fn same_words(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let text = &subject.text;
    let words: Vec<Option<Vec<String>>> =
        text.segments.iter().map(|segment| stems(&text.folded[segment.clone()])).collect();
    for (at, segment) in text.segments.iter().enumerate() {
        let Some(these) = &words[at] else { continue };
        let before = words[..at].iter().zip(&text.segments).find(|(those, other)| {
            let Some(those) = those else { return false };
            let is_long = these.len() >= if these[0].starts_with(is_han) { HAN_SAME } else { SAME };
            let is_same = (is_long && (is_within(these, those) || is_shuffled(these, those)))
                || is_turned(these, those);
            is_same && text.folded[segment.clone()] != text.folded[(*other).clone()]
        });
        if let Some((_, other)) = before {
            found.push((segment.clone(), other.clone()));
        }
    }
}

/// The characters, or the beginnings of words, that say something in a clause; none if it says too little, or where.
fn stems(clause: &str) -> Option<Vec<String>> {
    if clause.contains(BLANK) {
        return None;
    }
    if clause.chars().all(is_han) {
        let is_empty = |c: &char| {
            matches!(c, '着' | '了' | '的' | '在' | '地' | '得' | '正' | '用' | '是' | '为' | '要')
        };
        let stems: Vec<String> =
            clause.chars().filter(|c| !is_empty(c)).map(all_over).map(String::from).collect();
        let is_placed = HAN_PLACES.iter().any(|place| clause.contains(place));
        return (stems.len() >= HAN_TURNED && (!is_placed || clause.contains("背景")))
            .then_some(stems);
    }
    // A background is a place, unless it is all that is spoken of.
    let is_ground = content(clause) <= SAME && clause.contains("background");
    if !clause.is_ascii() || (is_placed(clause) && !is_ground) {
        return None;
    }
    let words = clause.split(|c: char| !c.is_ascii_alphabetic());
    let stem = |word: &str| {
        let end = ["ing", "es", "ed", "s", "e"].iter().find_map(|end| word.strip_suffix(end));
        end.filter(|it| it.len() > 2).unwrap_or(word).to_owned()
    };
    let says = words.filter(|word| {
        word.len() > 2
            && !EMPTY.contains(word)
            && !matches!(*word, "should" | "must" | "has" | "all")
    });
    let stems: Vec<String> = says.map(stem).collect();
    (stems.len() >= TURNED).then_some(stems)
}

/// 漫山 is 满山.
fn all_over(c: char) -> char {
    if c == '漫' { '满' } else { c }
}

/// Whether the same is said the other way around: 汗水飞溅, 飞溅的汗水; white background, the background should be white.
fn is_turned(these: &[String], those: &[String]) -> bool {
    let half = these.len() / 2;
    these.len() == those.len()
        && these != those
        && (1..these.len()).any(|at| {
            (at == half || these.len() == TURNED)
                && these[at..] == those[..these.len() - at]
                && these[..at] == those[these.len() - at..]
        })
}

/// Whether all of these stand among those in their order.
fn is_within(these: &[String], those: &[String]) -> bool {
    let mut those = those.iter();
    these.iter().all(|it| those.any(|other| other == it))
}

/// Whether the same characters stand in another order.
fn is_shuffled(these: &[String], those: &[String]) -> bool {
    let sorted = |words: &[String]| {
        let mut words = words.to_vec();
        words.sort_unstable();
        words
    };
    these.len() == those.len() && these[0].starts_with(is_han) && sorted(these) == sorted(those)
}

/// The same deed twice in one clause: `playing chess alone in the park playing chess`.
fn deeds(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let text = &subject.text;
    for segment in &text.segments {
        let phrase = &text.folded[segment.clone()];
        if !phrase.contains("ing ") || phrase.contains(" and ") {
            continue;
        }
        let starts = word_starts(phrase);
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for window in starts.windows(3) {
            let deed = phrase[window[0]..window[2]].trim_end();
            let verb = deed.split(' ').next().unwrap_or_default();
            if !verb.ends_with("ing") || content(deed) < 2 {
                continue;
            }
            if let Some(before) = seen.insert(deed, window[0]) {
                let place = |at: usize| segment.start + at..segment.start + at + deed.len();
                found.push((place(window[0]), place(before)));
            }
        }
    }
}

/// Longer phrases that come again word for word in another clause.
fn phrases(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let text = &subject.text;
    let mut seen: HashMap<&str, (usize, usize)> = HashMap::new();
    let mut last_end = 0;
    for (number, segment) in text.segments.iter().enumerate() {
        let phrase = &text.folded[segment.clone()];
        let is_chinese = phrase.chars().filter(|c| is_han(*c)).count() * 3 > phrase.len() / 2;
        let starts = if is_chinese { han_starts(phrase) } else { word_starts(phrase) };
        let length = if is_chinese { HAN_PHRASE } else { PHRASE };
        let is_placed = !is_chinese && is_placed(phrase);
        for window in starts.windows(length + 1) {
            let (start, end) = (segment.start + window[0], segment.start + window[length]);
            let piece = text.folded[start..end].trim_end();
            let says = if is_chinese {
                piece.chars().all(is_han) && !HAN_PLACES.iter().any(|it| piece.contains(it))
            } else {
                piece.is_ascii() && !is_placed && content(piece) >= PHRASE_CONTENT
            };
            if !says || start < last_end {
                continue;
            }
            let end = start + piece.len();
            match seen.get(piece) {
                Some(&(earlier, at)) if earlier != number => {
                    let (again, before) = extended(&text.folded, start..end, at, segment.end);
                    last_end = again.end;
                    found.push((again, before));
                }
                Some(_) => {}
                None => {
                    seen.insert(piece, (number, start));
                }
            }
        }
    }
}

/// A repeated piece as far as it goes on alike, in whole words.
fn extended(folded: &str, again: Range<usize>, earlier: usize, limit: usize) -> Again {
    let length = again.len();
    let (now, then) = (&folded[again.end..limit], &folded[earlier + length..again.start]);
    let mut same = 0;
    for ((at, a), b) in now.char_indices().zip(then.chars()) {
        if a != b {
            break;
        }
        same = at + a.len_utf8();
    }
    let whole =
        |same: usize| !now[..same].ends_with(is_latin) || !now[same..].starts_with(is_latin);
    while same > 0 && !(now.is_char_boundary(same) && whole(same)) {
        same -= 1;
    }
    let same = now[..same].trim_end().len();
    (again.start..again.end + same, earlier..earlier + length + same)
}

/// Where words begin, and the end.
fn word_starts(phrase: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut inside = false;
    for (at, c) in phrase.char_indices() {
        if !inside && !c.is_whitespace() {
            starts.push(at);
        }
        inside = !c.is_whitespace();
    }
    starts.push(phrase.len());
    starts
}

fn han_starts(phrase: &str) -> Vec<usize> {
    phrase.char_indices().map(|(at, _)| at).chain([phrase.len()]).collect()
}

/// How many words of a phrase say something.
pub(super) fn content(phrase: &str) -> usize {
    let words = phrase.split(|c: char| !c.is_ascii_alphabetic());
    words.filter(|word| word.len() > 2 && !EMPTY.contains(word)).count()
}

/// Whether a phrase says where in the picture, or which of several. A top hat does neither.
pub(super) fn is_placed(phrase: &str) -> bool {
    let placed = phrase.replace("top hat", "hat");
    placed.split(|c: char| !c.is_ascii_alphabetic()).any(|word| PLACES.contains(&word))
}
