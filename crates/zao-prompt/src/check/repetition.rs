//! `repetition`: a word twice in a row, a phrase a second time. Chinese words that are doubled to mean something else (慢慢, 高高兴兴,
//! 一层一层), names and what stands in quotes stay.

use std::collections::HashMap;
use std::ops::Range;

use super::Subject;
use super::characters::{is_han, is_latin};
use super::distance;
use super::edit::{About, Hit};
use super::text::BLANK;
use crate::Code;
use crate::rules::{Group, Match};

/// The most characters of a Chinese word that is looked for twice in a row.
const LONGEST_WORD: usize = 6;

/// From so many characters on, a phrase that the next clause begins with again is no list of things alike.
const PHRASE: usize = 4;

/// Chinese words of grammar that nobody doubles.
const FUNCTION_WORDS: [char; 9] = ['的', '了', '在', '与', '和', '及', '着', '被', '把'];

/// Two places that are no further apart, in bytes, may be one name.
const NEAR: usize = 4;

pub(super) fn find(subject: &Subject<'_>, hits: &mut Vec<Hit>) {
    let kept = subject.matches.of(Group::RepetitionKeep);
    let mut found = Vec::new();
    phrases(subject, &mut found);
    words(subject, &mut found);
    stammer(subject, &mut found);
    han(subject, &mut found);
    function_words(subject, &mut found);
    // What is taken out already is not told again, and what it is compared with stays.
    for (again, before) in distance::find(subject) {
        let meets = |(it, _): &Again| {
            let touches = |piece: &Range<usize>| it.start < piece.end && piece.start < it.end;
            touches(&again) || touches(&before)
        };
        if !found.iter().any(meets) {
            found.push((again, before));
        }
    }
    let overlaps = |span: &Range<usize>| {
        let at = kept.partition_point(|keep: &Match| keep.end <= span.start);
        kept.get(at).is_some_and(|keep| keep.start < span.end)
    };
    found.retain(|(again, before)| {
        let is_near = again.start < before.end + NEAR;
        !overlaps(&if is_near { before.start..again.end } else { again.clone() })
    });
    hits.extend(found.into_iter().map(|(again, before)| hit(subject, again, before)));
}

/// What is taken out: the second, or, where a comma stands between a word and a phrase that begins with it, the first.
fn hit(subject: &Subject<'_>, again: Range<usize>, before: Range<usize>) -> Hit {
    let text = &subject.text;
    let at = text.segments.partition_point(|segment| segment.start < again.start);
    let is_phrase = text.segments.get(at) == Some(&again);
    if is_phrase {
        return Hit::remove(Code::Repetition, again, text, About::Other(before));
    }
    let between = text.folded.get(before.end..again.start).unwrap_or_default().trim();
    if between.chars().any(char::is_alphanumeric) {
        // Inside of another clause, only who wrote it knows what to leave out.
        return Hit::advice(Code::Repetition, again, About::Other(before));
    }
    if !between.is_empty() {
        let about = About::Other(again.clone());
        return Hit::replace(Code::Repetition, before.start..again.start, "", about);
    }
    Hit::remove(Code::Repetition, again, text, About::Other(before))
}

/// A place and another, mostly before it, that says the same.
pub(super) type Again = (Range<usize>, Range<usize>);

/// Phrases between commas that were there before.
fn phrases(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let folded = &subject.text.folded;
    let mut seen: HashMap<&str, Range<usize>> = HashMap::new();
    for segment in &subject.text.segments {
        let phrase = &folded[segment.clone()];
        let article = ["a ", "an ", "the "].iter().find_map(|article| phrase.strip_prefix(article));
        let phrase = without_count(subject, article.unwrap_or(phrase));
        let letters = phrase.chars().filter(|c| c.is_alphabetic()).take(3).count();
        if letters < 2 || phrase.contains(BLANK) || (letters < 3 && phrase.is_ascii()) {
            continue;
        }
        match seen.get(phrase) {
            Some(before) => found.push((segment.clone(), before.clone())),
            None => {
                seen.insert(phrase, segment.clone());
            }
        }
    }
}

/// A Chinese phrase without 一只, 一位 in front, which is its article.
fn without_count<'p>(subject: &Subject<'_>, phrase: &'p str) -> &'p str {
    let Some(rest) = phrase.strip_prefix('一') else { return phrase };
    let classifiers = &subject.rules.tables.measure.classifiers;
    let bare = classifiers.iter().filter_map(|it| rest.strip_prefix(it.as_str()));
    let bare = bare.min_by_key(|rest| rest.len());
    bare.filter(|rest| rest.chars().count() > 1).unwrap_or(phrase)
}

/// Words of Latin letters behind each other, also across a comma.
fn words(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let (folded, prompt) = (&subject.text.folded, subject.text.prompt);
    let mut last: Option<Range<usize>> = None;
    for word in latin_words(folded) {
        let same = |before: &&Range<usize>| folded[(*before).clone()] == folded[word.clone()];
        if let Some(before) = last.as_ref().filter(same) {
            let between = folded[before.end..word.start].trim();
            let touches = between.is_empty() || between == ",";
            // No number, which may well stand twice.
            let is_word = folded[word.clone()].chars().filter(|c| c.is_alphabetic()).count() > 1;
            let is_name = |it: &Range<usize>| {
                prompt[it.clone()].starts_with(char::is_uppercase)
                    && prompt[it.clone()].chars().skip(1).all(char::is_lowercase)
            };
            let names = is_name(before) && is_name(&word) && between.is_empty();
            if touches && is_word && !names {
                found.push((word.clone(), before.clone()));
            }
        }
        last = Some(word);
    }
}

/// Where words of Latin letters stand, in order.
fn latin_words(folded: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + folded[from..].find(is_latin)?;
        let is_part = |c: char| is_latin(c) || c == '\'' || c == '-';
        from = folded[start..].find(|c| !is_part(c)).map_or(folded.len(), |it| start + it);
        Some(start..from)
    })
}

/// The most words of an English phrase that is looked for twice in a row.
const LONGEST_STAMMER: usize = 4;

/// Two and more words behind each other again, with nothing but blanks between: `a chef a chef`. Single words are [`words`]' business.
fn stammer(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let folded = &subject.text.folded;
    // The last words, oldest first.
    let mut window: Vec<Range<usize>> = Vec::new();
    for word in latin_words(folded) {
        if window.last().is_some_and(|last| !folded[last.end..word.start].trim().is_empty()) {
            window.clear();
        }
        window.push(word);
        if window.len() > 2 * LONGEST_STAMMER {
            window.remove(0);
        }
        for length in (2..=window.len() / 2).rev() {
            let (head, tail) = window[window.len() - 2 * length..].split_at(length);
            let text = |it: &Range<usize>| &folded[it.clone()];
            let same = head.iter().zip(tail).all(|(a, b)| text(a) == text(b));
            if same && head.iter().any(|it| text(it) != text(&head[0])) {
                let whole = |words: &[Range<usize>]| words[0].start..words[length - 1].end;
                found.push((whole(tail), whole(head)));
                window.clear();
                break;
            }
        }
    }
}

/// 的的, 了了: a slip of the hand. Where one of the two belongs to a word (目的的), the table keeps it.
fn function_words(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let folded = &subject.text.folded;
    let mut last: Option<(usize, char)> = None;
    for (at, c) in folded.char_indices() {
        let end = at + c.len_utf8();
        if let Some((before, word)) = last
            && word == c
            && FUNCTION_WORDS.contains(&c)
        {
            found.push((at..end, before..at));
            last = None;
            continue;
        }
        last = Some((at, c));
    }
}

/// Chinese words of two characters and more behind each other.
fn han(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let folded = &subject.text.folded;
    // The last characters and where they begin, oldest first; a comma between two words does not part them.
    let mut window: Vec<(usize, char)> = Vec::new();
    let mut text = folded.char_indices().peekable();
    while let Some((at, c)) = text.next() {
        if !is_han(c) {
            let comma = matches!(c, '，' | ',' | '、' | ' ')
                && text.peek().is_some_and(|(_, c)| is_han(*c) || *c == ' ');
            if !comma {
                window.clear();
            }
            continue;
        }
        window.push((at, c));
        if window.len() > 2 * LONGEST_WORD {
            window.remove(0);
        }
        for length in (2..=window.len() / 2).rev() {
            let (head, tail) = window[window.len() - 2 * length..].split_at(length);
            if head.iter().zip(tail).any(|(a, b)| a.1 != b.1) {
                continue;
            }
            let end = |piece: &[(usize, char)]| piece.last().map_or(0, |(at, c)| at + c.len_utf8());
            let (before, again) = (head[0].0..end(head), tail[0].0..end(tail));
            let contiguous = |range: &Range<usize>| {
                range.len() == head.iter().map(|(_, c)| c.len_utf8()).sum::<usize>()
            };
            let apart = before.end < again.start;
            // Across a comma only a whole phrase repeats, or an adjective with 的: 一个女孩，一个女孩站着.
            let tail_end = folded[again.end..].chars().next();
            let whole = |at: usize| !folded[..at].chars().next_back().is_some_and(is_han);
            let clear = if apart {
                whole(before.start) && (tail_end == Some('的') || is_phrase(head))
            } else {
                !is_reduplication(head)
            };
            if contiguous(&before) && contiguous(&again) && clear {
                found.push((again, before));
                window.clear();
                break;
            }
        }
    }
}

/// Whether a piece is long enough to be no list of things alike, and no word that is doubled in itself: 一层一层.
fn is_phrase(piece: &[(usize, char)]) -> bool {
    let (head, tail) = piece.split_at(piece.len() / 2);
    let doubled = head.len() == tail.len() && head.iter().zip(tail).all(|(a, b)| a.1 == b.1);
    piece.len() >= PHRASE && !doubled
}

/// Whether doubling a word makes another one: 一层一层, 很多很多, 慢慢慢慢.
fn is_reduplication(word: &[(usize, char)]) -> bool {
    let first = word[0].1;
    let same = word.iter().all(|(_, c)| *c == first);
    same || matches!(first, '一' | '很' | '好' | '许' | '越' | '又' | '半')
}
