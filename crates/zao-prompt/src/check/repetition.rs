//! `repetition`: a word twice in a row, a phrase a second time. Chinese words that are doubled to mean something else (慢慢, 高高兴兴,
//! 一层一层), names and what stands in quotes stay.

use std::collections::HashMap;
use std::ops::Range;

use super::Subject;
use super::characters::{HAN, LATIN, is_han};
use super::distance;
use super::edit::{About, Hit};
use super::restated;
use super::text::{BLANK, Text};
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
    han(subject, &mut found);
    // A word that is a phrase of its own is seen as both.
    found.sort_by_key(|(again, _)| (again.start, again.end));
    found.dedup_by(|later, first| later.0 == first.0);
    // What is taken out already is not told again, and what it is compared with stays.
    for (again, before) in distance::find(subject).into_iter().chain(restated::find(subject)) {
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
        let phrase = phrase.strip_prefix("and ").unwrap_or(phrase);
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
    let bare = subject.rules.classifiers.longest(rest).map(|it| &rest[it.len()..]);
    bare.filter(|rest| rest.chars().count() > 1).unwrap_or(phrase)
}

/// The most words of an English phrase that is looked for twice in a row.
const LONGEST_STAMMER: usize = 4;

/// Words of Latin letters behind each other, also across a comma; and phrases of two and more with nothing but blanks between: `a chef
/// a chef`.
fn words(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let folded = &subject.text.folded;
    // The words since the last mark, oldest first.
    let mut run: Vec<Range<usize>> = Vec::new();
    let mut last: Option<Range<usize>> = None;
    for word in latin_words(&subject.text) {
        let is_next = last.as_ref().is_some_and(|last| {
            let between = &folded[last.end..word.start];
            between == " " || between.trim().is_empty()
        });
        if let Some(before) = &last
            && is_same(folded, before, &word)
            && is_repeated(subject, before, &word, is_next)
        {
            found.push((word.clone(), before.clone()));
        }
        if !is_next {
            run.clear();
        }
        run.push(word.clone());
        if let Some(again) = stammer(folded, &run) {
            found.push(again);
            run.clear();
        }
        last = Some(word);
    }
}

fn is_same(folded: &str, a: &Range<usize>, b: &Range<usize>) -> bool {
    a.len() == b.len() && folded.as_bytes()[a.clone()] == folded.as_bytes()[b.clone()]
}

/// Whether a word that is the same as the one before it says it again. Neither a number does, nor half of a name.
fn is_repeated(
    subject: &Subject<'_>,
    before: &Range<usize>,
    word: &Range<usize>,
    is_next: bool,
) -> bool {
    let (folded, prompt) = (&subject.text.folded, subject.text.prompt);
    let is_name = |it: &Range<usize>| {
        let mut letters = prompt[it.clone()].chars();
        letters.next().is_some_and(char::is_uppercase) && letters.all(char::is_lowercase)
    };
    // A single letter is a part of a name, but for the article: a a lake.
    let is_article = &prompt[before.start..word.end] == "a a";
    (is_next || folded[before.end..word.start].trim() == ",")
        && (is_article
            || folded[word.clone()].chars().filter(|c| c.is_alphabetic()).nth(1).is_some())
        && !(is_next && is_name(before) && is_name(word))
}

/// The last words of a run, where those in front of them are the same and not all one word.
fn stammer(folded: &str, run: &[Range<usize>]) -> Option<Again> {
    (2..=LONGEST_STAMMER.min(run.len() / 2)).rev().find_map(|length| {
        let (head, tail) = run[run.len() - 2 * length..].split_at(length);
        // Most differ in their last words.
        let same = head.iter().zip(tail).rev().all(|(a, b)| is_same(folded, a, b));
        let whole = |words: &[Range<usize>]| words[0].start..words[length - 1].end;
        (same && head.iter().any(|it| !is_same(folded, it, &head[0])))
            .then(|| (whole(tail), whole(head)))
    })
}

/// Where words of Latin letters stand, in order.
fn latin_words<'t>(text: &'t Text<'_>) -> impl Iterator<Item = Range<usize>> + 't {
    let bytes = text.folded.as_bytes();
    let kinds = text.kinds();
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = text.next(LATIN, from)?;
        let is_part = |at: usize| kinds[at] & LATIN != 0 || matches!(bytes[at], b'\'' | b'-');
        from = (start..bytes.len()).find(|at| !is_part(*at)).unwrap_or(bytes.len());
        Some(start..from)
    })
}

/// Chinese words of two characters and more behind each other; and 的的, 了了, a slip of the hand. Where one of the two belongs to a word
/// (目的的), the table keeps it.
fn han(subject: &Subject<'_>, found: &mut Vec<Again>) {
    let text = &subject.text;
    // The characters since the last mark and where they begin, oldest first; a comma between two words does not part them.
    let mut run: Vec<(usize, char)> = Vec::new();
    let mut last: Option<(usize, char)> = None;
    // How many of the last are the same and stand side by side.
    let mut alike = 0;
    let mut end = 0;
    while let Some(at) = text.next(HAN, end) {
        let Some(c) = text.at(at) else { break };
        if at > end && !is_parting_nothing(&text.folded[end..at]) {
            run.clear();
        }
        let before = last.filter(|(_, before)| at == end && *before == c);
        let slip = before.filter(|_| FUNCTION_WORDS.contains(&c));
        let is_same =
            run.last().is_some_and(|(start, same)| start + same.len_utf8() == at && *same == c);
        alike = if is_same { alike + 1 } else { 1 };
        if c == '的' {
            found.extend(said_again(&text.folded, at));
        }
        end = at + c.len_utf8();
        found.extend(slip.map(|(start, _)| (at..end, start..at)));
        last = slip.is_none().then_some((at, c));
        run.push((at, c));
        if let Some(again) = again(&text.folded, &run, alike) {
            found.push(again);
            run.clear();
        }
    }
}

/// Colours and shapes that a thing may have in its name as well: 红色的红裙子, 圆形的圆桌, 高高的高塔.
const NAMED_SO: &str = "红黄蓝绿白黑紫粉灰圆方高";

/// Names with such a character in them that say more than it.
const PROPER: [&str; 31] = [
    "白鹭",
    "白鹤",
    "白桦",
    "白玉",
    "白菜",
    "白鸽",
    "白云石",
    "黑板",
    "黑熊",
    "黑曜",
    "黑胶",
    "红木",
    "红豆",
    "红酒",
    "红薯",
    "红旗",
    "红绿灯",
    "蓝莓",
    "蓝天",
    "绿萝",
    "绿豆",
    "绿洲",
    "黄瓜",
    "黄金",
    "黄油",
    "粉笔",
    "紫薇",
    "紫藤",
    "灰烬",
    "白云",
    "高跟",
];

/// What is said twice around the 的 at `at`.
fn said_again(folded: &str, at: usize) -> Option<Again> {
    let behind = &folded[at + '的'.len_utf8()..];
    let again = behind.chars().next().filter(|c| NAMED_SO.contains(*c))?;
    let mut before = folded[..at].chars().rev();
    let (last, first) = (before.next()?, before.next()?);
    let is_same = first == again && (last == again || matches!(last, '色' | '形'));
    if !is_same || PROPER.iter().any(|name| behind.starts_with(name)) {
        return None;
    }
    let start = at - first.len_utf8() - last.len_utf8();
    let place = at + '的'.len_utf8();
    Some((place..place + again.len_utf8(), start..at))
}

/// Whether what stands between two characters is no more than a comma.
fn is_parting_nothing(between: &str) -> bool {
    let rest = between.strip_prefix(['，', ',', '、', ' ']);
    rest.is_some_and(|rest| rest.bytes().all(|byte| byte == b' '))
}

/// The last characters of a run, where those in front of them are the same word; the last `alike` are all one character.
fn again(folded: &str, run: &[(usize, char)], alike: usize) -> Option<Again> {
    let (_, last) = *run.last()?;
    (2..=LONGEST_WORD.min(run.len() / 2)).rev().find_map(|length| {
        // Most differ in their last characters. A word of one character only is none that says itself again.
        if alike >= 2 * length || run[run.len() - 1 - length].1 != last {
            return None;
        }
        let (head, tail) = run[run.len() - 2 * length..].split_at(length);
        if head.iter().zip(tail).any(|(a, b)| a.1 != b.1) {
            return None;
        }
        let end = |piece: &[(usize, char)]| piece.last().map_or(0, |(at, c)| at + c.len_utf8());
        let (before, again) = (head[0].0..end(head), tail[0].0..end(tail));
        let contiguous = |range: &Range<usize>| {
            range.len() == head.iter().map(|(_, c)| c.len_utf8()).sum::<usize>()
        };
        // Across a comma only a whole phrase repeats, or an adjective with 的: 一个女孩，一个女孩站着.
        let clear = if before.end < again.start {
            let is_whole = !folded[..before.start].chars().next_back().is_some_and(is_han);
            let is_kind = ["那种", "这种"].iter().any(|it| folded[again.end..].starts_with(it));
            (is_whole && (folded[again.end..].starts_with('的') || is_phrase(head)))
                || (is_kind && is_phrase(head))
        } else {
            !is_reduplication(head)
        };
        (contiguous(&before) && contiguous(&again) && clear).then_some((again, before))
    })
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
    // 鳞片一片一片 is 一片一片 behind a word that ends alike.
    let is_each = word.len() == 2 && word[1].1 == '一';
    // 好多好多 is many, and 好美好美 is said twice.
    let is_measure = word.get(1).is_some_and(|(_, c)| "多久几些大远长高小".contains(*c));
    same || is_each
        || (first == '好' && is_measure)
        || matches!(first, '一' | '很' | '许' | '越' | '又' | '半')
}
