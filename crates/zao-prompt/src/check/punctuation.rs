//! `punctuation`: full and half width mixed, marks doubled, letters and digits in full width. A Chinese prompt with commas of half width
//! throughout is fine, and so are ellipses, dashes and weights.

use std::ops::Range;

use super::Subject;
use super::characters::{BRACKET, Kinds, MARK, WIDE, is_han, is_latin};
use super::edit::{About, Hit};
use super::text::{BLANK, Side, Text, is_inside_number};
use crate::Code;

const PAIRS: [(char, char); 7] =
    [(',', '，'), ('.', '。'), (';', '；'), (':', '：'), ('!', '！'), ('?', '？'), (',', '、')];

const MIXED: About = About::Kind(&["full and half width are mixed", "全角和半角混用"]);
const DOUBLED: About = About::Kind(&["the mark is doubled", "标点重复"]);
const WIDTH: About = About::Kind(&["letters and digits are in full width", "字母或数字用了全角"]);
const BRACKETS: About = About::Kind(&["the brackets are of different width", "括号全角半角不一致"]);

pub(super) fn find(subject: &Subject<'_>, hits: &mut Vec<Hit>) {
    for side in &subject.text.sides {
        marks(&subject.text, side, hits);
        wide(&subject.text, &side.range, hits);
        brackets(&subject.text, side, hits);
    }
}

/// The half-width form of a mark.
fn half(c: char) -> Option<char> {
    Some(match c {
        ',' | '，' | '、' => ',',
        '.' | '。' => '.',
        ';' | '；' => ';',
        ':' | '：' => ':',
        '!' | '！' => '!',
        '?' | '？' => '?',
        _ => return None,
    })
}

fn is_full(c: char) -> bool {
    !c.is_ascii() && half(c).is_some()
}

/// The characters of some kinds on a side, and where they begin.
fn places<'t>(
    text: &'t Text<'_>,
    range: &Range<usize>,
    wanted: Kinds,
) -> impl Iterator<Item = (usize, char)> + 't {
    let Range { start: mut from, end } = *range;
    std::iter::from_fn(move || {
        let at = text.next(wanted, from).filter(|at| *at < end)?;
        let c = text.at(at)?;
        from = at + c.len_utf8();
        Some((at, c))
    })
}

/// Runs of marks, each seen with what stands on both sides.
fn marks(text: &Text<'_>, side: &Side, hits: &mut Vec<Hit>) {
    let has_full = places(text, &side.range, MARK).any(|(_, c)| is_full(c));
    let folded = &text.folded[..side.range.end];
    let mut from = side.range.start;
    while let Some((start, mark)) = places(text, &(from..side.range.end), MARK).next() {
        let end = run_end(folded, start);
        from = end;
        let span = start..end;
        let run = &folded[span.clone()];
        if run.len() > mark.len_utf8() {
            let marks: Vec<char> = run.chars().filter(|c| !c.is_whitespace()).take(8).collect();
            if is_doubled(&marks, &folded[side.range.start..start]) {
                // What ends a sentence says more than a comma.
                let strongest = marks.iter().find(|c| !matches!(half(**c), Some(',' | ';')));
                let mark = in_width(*strongest.unwrap_or(&marks[0]), side, has_full);
                let with = spaced(mark, folded, end, run);
                hits.push(Hit::replace(Code::Punctuation, span, with, DOUBLED));
            }
            continue;
        }
        let before = folded[side.range.start..start].chars().rev().find(|c| !c.is_whitespace());
        let after = folded[end..].chars().find(|c| !c.is_whitespace());
        if is_inside_number(folded, text.kinds(), start)
            || !is_misplaced(mark, before, after, side, has_full)
        {
            continue;
        }
        let right = in_width(mark, side, true);
        if right != mark {
            // A blank behind a half-width mark goes with it.
            let blanks = folded[end..].len() - folded[end..].trim_start_matches(' ').len();
            let span = if is_full(right) { span.start..span.end + blanks } else { span };
            let with = spaced(right, folded, end, run);
            hits.push(Hit::replace(Code::Punctuation, span, with, MIXED));
        }
    }
}

/// The end of marks that begin at `start`, with blanks between them.
fn run_end(text: &str, start: usize) -> usize {
    let mut end = start;
    let mut last = start;
    for c in text[start..].chars() {
        end += c.len_utf8();
        if half(c).is_some() {
            last = end;
        } else if c != ' ' {
            break;
        }
    }
    last
}

/// Abbreviations that keep their full stop in front of another mark.
const ABBREVIATIONS: [&str; 21] = [
    "etc", "inc", "ltd", "corp", "dept", "mrs", "esq", "approx", "est", "vol", "fig", "ave",
    "blvd", "capt", "col", "gen", "prof", "rev", "sgt", "dept", "bros",
];

/// Whether a full stop behind `before` belongs to an abbreviation: etc., Ph.D., Mr., J.
fn is_abbreviated(before: &str) -> bool {
    let from = before
        .rfind(|c: char| !(is_latin(c) || c == '.'))
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let word = &before[from..];
    (1..3).contains(&word.len()) || word.contains('.') || ABBREVIATIONS.contains(&word)
}

/// Whether marks behind `before` stand behind each other that make no other one: not `...`, `?!`, `::`.
fn is_doubled(marks: &[char], before: &str) -> bool {
    let halves: Vec<char> = marks.iter().filter_map(|c| half(*c)).collect();
    match halves[..] {
        // Three are an ellipsis.
        ['.', '.', ..] => halves.len() == 2 && (marks[0] == marks[1] || marks[0] == '。'),
        [':', ..] | ['!' | '?', '?' | '!', ..] if halves[0] != halves[1] => false,
        [':', ':', ..] => false,
        [a, b, ..] if a == b => true,
        // Two that separate: the first is kept.
        [',' | ';' | '.' | '!' | '?', ',' | ';' | '.', ..] => {
            // An abbreviation ends with a full stop of its own: etc.,
            !(marks[0] == '.' && is_abbreviated(before))
        }
        _ => false,
    }
}

/// Whether a mark is of the wrong width where it stands.
fn is_misplaced(
    mark: char,
    before: Option<char>,
    after: Option<char>,
    side: &Side,
    has_full: bool,
) -> bool {
    let is = |c: Option<char>, kind: fn(char) -> bool| c.is_some_and(kind);
    if is_full(mark) {
        // In English only between words of English, and the enumeration comma of Chinese is none.
        return !side.is_chinese
            && mark != '、'
            && is(before, is_latin)
            && after.is_none_or(is_latin);
    }
    let chinese = side.is_chinese && has_full;
    match mark {
        '.' => chinese && is(before, is_han) && after.is_none_or(is_han),
        ':' => chinese && is(before, is_han) && is(after, is_han),
        _ => {
            let mixed = is(before, is_han) || is(after, is_han);
            let quoted = before == Some(BLANK) && is(after, is_han);
            chinese && (mixed || quoted)
        }
    }
}

/// A mark as wide as its side has it.
fn in_width(mark: char, side: &Side, full: bool) -> char {
    let pair = PAIRS.iter().find(|&&(half, full)| mark == half || mark == full);
    match pair {
        Some(&(_, full_mark)) if side.is_chinese && full => {
            if mark == '、' {
                mark
            } else {
                full_mark
            }
        }
        Some(&(half_mark, _)) if !side.is_chinese => half_mark,
        _ => mark,
    }
}

/// A mark with a blank behind it where it is of half width and stood in front of a word.
fn spaced(mark: char, text: &str, end: usize, run: &str) -> String {
    let needs = mark.is_ascii() && text[end..].chars().next().is_some_and(|c| !c.is_whitespace());
    let had = run.contains(' ') || run.chars().any(is_full);
    if needs && had { format!("{mark} ") } else { mark.to_string() }
}

/// Letters and digits in full width.
fn wide(text: &Text<'_>, range: &Range<usize>, hits: &mut Vec<Hit>) {
    let mut from = range.start;
    while let Some(start) = text.next(WIDE, from).filter(|at| *at < range.end) {
        let end = text.end_of(WIDE, start).min(range.end);
        let letters = text.folded[start..end].chars();
        let narrow = letters.filter_map(|c| char::from_u32(c as u32 - 0xfee0));
        let with = narrow.collect::<String>();
        hits.push(Hit::replace(Code::Punctuation, start..end, with, WIDTH));
        from = end;
    }
}

/// Both brackets of full width around words of English.
fn wide_brackets(text: &Text<'_>, from: usize, to: usize, hits: &mut Vec<Hit>) {
    let width = '（'.len_utf8();
    let inside = &text.folded[from + width..to];
    if inside.contains(is_han) || !inside.contains(is_latin) {
        return;
    }
    let is_close = text.before(from).is_some_and(|c| !c.is_whitespace());
    let open = if is_close { " (" } else { "(" };
    hits.push(Hit::replace(Code::Punctuation, from..from + width, open, BRACKETS));
    hits.push(Hit::replace(Code::Punctuation, to..to + width, ")", BRACKETS));
}

/// Pairs of brackets of which one is wide.
fn brackets(text: &Text<'_>, side: &Side, hits: &mut Vec<Hit>) {
    let mut open: Vec<(usize, char)> = Vec::new();
    // Between weights of half width, (best quality:1.2), the wide one is the slip.
    let is_wide = |c: char| matches!(c, '（' | '）');
    let wide = places(text, &side.range, BRACKET).filter(|(_, c)| is_wide(*c)).count();
    let all = places(text, &side.range, BRACKET).count();
    let wants_wide = side.is_chinese && 2 * wide >= all;
    for (at, c) in places(text, &side.range, BRACKET) {
        if matches!(c, '(' | '（') {
            open.push((at, c));
            continue;
        }
        let Some((from, opening)) = open.pop() else { continue };
        if opening == '（' && c == '）' && !side.is_chinese {
            wide_brackets(text, from, at, hits);
            continue;
        }
        if (opening == '（') == (c == '）') {
            continue;
        }
        let (start, length, with) = match (wants_wide, c) {
            (true, ')') => (at, c.len_utf8(), "）"),
            (true, _) => (from, opening.len_utf8(), "（"),
            (false, '）') => (at, c.len_utf8(), ")"),
            (false, _) => (from, opening.len_utf8(), "("),
        };
        hits.push(Hit::replace(Code::Punctuation, start..start + length, with, BRACKETS));
    }
}
