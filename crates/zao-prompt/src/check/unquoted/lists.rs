//! Text in a list behind text that is sure: title: Winter Light, author: Ana Reyes; 书名冬日来信，作者：沈一鸣. Alone such words say what to
//! draw (location: a beach), so that nothing is looked for here unless text stands in front.

use super::Words;
use super::latin::titled;
use crate::check::Subject;
use crate::check::characters::{is_han, is_separator};
use crate::check::text::BLANK;
use crate::check::word::follows;

/// Lines of a list that are looked at behind one text.
const MOST_LINES: usize = 8;

/// The longest Chinese text of a line, in characters.
const LONGEST: usize = 16;

/// The texts of the lines behind a text that ends at `end`.
pub(super) fn behind(subject: &Subject<'_>, end: usize) -> Vec<Words> {
    let mut found = Vec::new();
    let mut from = end;
    while found.len() < MOST_LINES
        && let Some(words) = line(subject, from)
    {
        from = words.span.end;
        found.push(words);
    }
    found
}

/// The text of one line, behind what parts it from the line in front.
fn line(subject: &Subject<'_>, from: usize) -> Option<Words> {
    let (folded, prompt) = (&subject.text.folded, subject.text.prompt);
    let rest = folded[from..].trim_start_matches(BLANK);
    let behind = rest.trim_start_matches([' ', ',', '，', ';', '；', '。', '、', '\n', '.']);
    if behind.len() == rest.len() {
        return None;
    }
    let behind = behind.strip_prefix("and ").unwrap_or(behind);
    let label = subject.rules.lesser.all(behind).find(|it| follows(behind, it))?;
    let after = &behind[label.len()..];
    if label.starts_with(is_han) {
        let text = after.trim_start_matches(['：', ':', '是', '为', ' ']);
        let has_colon = after.starts_with(['：', ':', '是', '为']);
        let ends = |c: char| is_separator(c) || matches!(c, BLANK | '“' | '"' | '（' | '(' | '《');
        let text = text[..text.find(ends).unwrap_or(text.len())].trim_end();
        let start = folded.len() - after.len()
            + (after.len() - after.trim_start_matches(['：', ':', '是', '为', ' ']).len());
        let count = text.chars().count();
        let is_text = (2..=LONGEST).contains(&count)
            && (has_colon || !text.contains('的'))
            && !subject.rules.plain.begin(text)
            && !subject.rules.plain_ends.end(text);
        return is_text.then(|| Words::known(start..start + text.len()));
    }
    let text = after.trim_start_matches([':', ' ']);
    let has_colon = after.starts_with(':');
    let start = folded.len() - text.len();
    let (span, big) = titled(subject, start)?;
    let rest = folded[span.end..].trim_start_matches(' ');
    let ends = rest.is_empty() || rest.starts_with(is_separator);
    let has_digit = prompt[span.clone()].bytes().any(|byte| byte.is_ascii_digit());
    let is_text = ends && (has_colon || big > 1 || has_digit);
    is_text.then(|| Words::known(span))
}
