//! A prompt cut into clauses at its own punctuation, in one pass. What a clause is about is NOT known here.
//!
//! Quotes and brackets stay whole: what is to be drawn as text is nobody's to take apart.

use std::ops::Range;

/// A quote longer than this, in bytes, is no text to be drawn but a mark that somebody forgot to close.
const LONGEST_QUOTE: usize = 600;

/// How deep brackets are followed.
const DEPTH: usize = 8;

/// A prompt's pieces between bars, each cut into clauses. What lies between clauses is punctuation and blanks alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Spans of bytes; more than one piece where the prompt has bars.
    pub(crate) pieces: Vec<Vec<Range<usize>>>,
    /// Quoted texts, without their marks.
    pub(crate) quotes: Vec<Range<usize>>,
}

/// Cuts `text`.
pub(crate) fn cut(text: &str) -> Cut {
    let (whole, quotes) = protected(text);
    let mut whole = whole.into_iter().peekable();
    let mut pieces = Vec::new();
    let mut clauses = Vec::new();
    let mut start = 0;
    let mut before = ' ';
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        while whole.next_if(|span| span.end <= at).is_some() {}
        let kept = whole.peek().is_some_and(|span| span.contains(&at));
        let after = chars.peek().map_or(' ', |&(_, c)| c);
        if !kept && separates(c, before, after, &text[start..at]) {
            clauses.extend(trimmed(text, start..at));
            start = at + c.len_utf8();
            if is_bar(c) {
                pieces.push(std::mem::take(&mut clauses));
            }
        }
        before = c;
    }
    clauses.extend(trimmed(text, start..text.len()));
    pieces.push(clauses);
    pieces.retain(|clauses| !clauses.is_empty());
    Cut { pieces, quotes }
}

/// Whether two characters can stand side by side without a blank: both of writing that has none.
pub(crate) fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3007}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// Whether a text is Chinese rather than a language of letters.
pub(crate) fn is_chinese(text: &str) -> bool {
    let (mut ideographs, mut letters) = (0, 0);
    for c in text.chars() {
        if is_ideograph(c) {
            ideographs += 1;
        } else if c.is_alphabetic() {
            letters += 1;
        }
    }
    3 * ideographs >= letters && ideographs > 0
}

fn is_bar(c: char) -> bool {
    matches!(c, '|' | '｜')
}

fn separates(c: char, before: char, after: char, clause: &str) -> bool {
    match c {
        '|' | '｜' | '\n' | '\r' | ';' | '；' | '，' | '。' => true,
        ',' => !(before.is_ascii_digit() && after.is_ascii_digit()),
        '.' => after.is_whitespace() && !is_abbreviated(clause),
        _ => false,
    }
}

/// Whether the point behind this text is part of its last word.
fn is_abbreviated(clause: &str) -> bool {
    let word = clause.rsplit(|c: char| c.is_whitespace()).next().unwrap_or_default();
    let known = ["mr", "mrs", "ms", "dr", "st", "vs", "no", "jr", "sr", "i.e", "e.g", "mt"];
    let letter = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    letter || known.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// The span without blanks around it and without the point that ends the prompt, unless that is all.
fn trimmed(text: &str, span: Range<usize>) -> Option<Range<usize>> {
    let clause = &text[span.clone()];
    let start = span.start + (clause.len() - clause.trim_start().len());
    let clause = clause.trim();
    let last = span.end == text.len() && clause.ends_with('.') && !clause.ends_with("..");
    let clause = if last { &clause[..clause.len() - 1] } else { clause };
    (!clause.is_empty()).then(|| start..start + clause.len())
}

/// The spans that stay whole, marks included, in order and apart; and the texts between quotation marks.
fn protected(text: &str) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut quotes: Vec<Range<usize>> = Vec::new();
    let mut before = ' ';
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let after = chars.peek().map_or(' ', |&(_, c)| c);
        let near = open.len().saturating_sub(DEPTH);
        let found = open[near..].iter().rposition(|&(start, opener)| {
            closes(opener, c, after) && (!is_quote(opener) || at - start <= LONGEST_QUOTE)
        });
        if let Some(index) = found {
            let (start, opener) = open[near + index];
            open.truncate(near + index);
            while spans.last().is_some_and(|last| last.start >= start) {
                spans.pop();
            }
            let end = at + c.len_utf8();
            spans.push(start..end);
            if is_quote(opener) {
                quotes.push(start + opener.len_utf8()..at);
            }
        } else if c == '\n' {
            open.clear();
        } else if opens(c, before, after) {
            open.push((at, c));
        }
        before = c;
    }
    (spans, quotes)
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '‘' | '\'' | '「' | '『' | '《' | '«')
}

fn opens(c: char, before: char, after: char) -> bool {
    match c {
        // Inches and minutes stand behind a number.
        '"' => !before.is_ascii_digit() && !after.is_whitespace(),
        '\'' => !before.is_alphanumeric() && after.is_alphanumeric(),
        '“' | '‘' | '「' | '『' | '《' | '«' | '(' | '（' | '[' | '【' | '{' => true,
        _ => false,
    }
}

fn closes(opener: char, c: char, after: char) -> bool {
    let closer = match opener {
        '"' => '"',
        '\'' => return c == '\'' && !after.is_alphanumeric(),
        '“' => '”',
        '‘' => '’',
        '「' => '」',
        '『' => '』',
        '《' => '》',
        '«' => '»',
        '(' => ')',
        '（' => '）',
        '[' => ']',
        '【' => '】',
        _ => '}',
    };
    c == closer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clauses(text: &str) -> Vec<&str> {
        cut(text).pieces.into_iter().flatten().map(|span| &text[span]).collect()
    }

    #[test]
    fn clauses_end_at_punctuation_but_not_within_numbers_quotes_and_brackets() {
        for (text, expected) in [
            ("a cat, a dog; a cow. A pig.", &["a cat", "a dog", "a cow", "A pig"][..]),
            ("1,000 cats at f/1.8, 3.5 m", &["1,000 cats at f/1.8", "3.5 m"]),
            ("a sign \"Open, now\", rain", &["a sign \"Open, now\"", "rain"]),
            ("(red, blue:1.2), x", &["(red, blue:1.2)", "x"]),
            ("一只猫，“你好，世界”。雨", &["一只猫", "“你好，世界”", "雨"]),
            ("Dr. Who, a 5\" doll, b", &["Dr. Who", "a 5\" doll", "b"]),
            ("it's a dog's life, so", &["it's a dog's life", "so"]),
            ("an open (bracket, x", &["an open (bracket", "x"]),
            ("", &[]),
            (" ,;| .", &[]),
        ] {
            assert_eq!(clauses(text), expected, "{text}");
        }
    }

    #[test]
    fn bars_part_pieces_and_quotes_are_known() {
        let text = "a \"b | c\" d | e, f | g";
        let cut = cut(text);
        assert_eq!(cut.pieces.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 1]);
        assert_eq!(cut.quotes.into_iter().map(|span| &text[span]).collect::<Vec<_>>(), ["b | c"]);
    }

    #[test]
    fn marks_that_nothing_closes_take_no_time() {
        for mark in ["(", "“", "\"", "'a ", ")", "({[", "“”", "a."] {
            let text = mark.repeat(1_000_000 / mark.len());
            let is_quick = || {
                let since = std::time::Instant::now();
                std::hint::black_box(cut(&text));
                since.elapsed().as_secs() < 5
            };
            assert!((0..3).any(|_| is_quick()), "{mark}");
        }
    }
}
