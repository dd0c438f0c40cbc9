//! Findings on a terminal: each under the piece of the prompt that it is about, in either language. Nothing is judged here.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;
use zao_prompt::{Finding, Report, Severity};

use crate::language::{Language, Text, both};

/// Characters of the prompt that are shown on each side of a finding.
const AROUND: usize = 24;

/// The most characters of a finding itself.
const LONGEST: usize = 56;

/// A report as lines; `counter` is the model whose tokenizer counted.
pub(super) fn lines(
    prompt: &str,
    report: &Report,
    counter: Option<&str>,
    language: Language,
) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in &report.findings {
        lines.extend(shown(prompt, finding, language));
        lines.push(String::new());
    }
    if report.left_out > 0 {
        let more = report.left_out;
        lines.push(both!("and {more} more", "另有 {more} 处").say(language).to_owned());
    }
    if report.findings.is_empty() {
        lines.push(both!("nothing to find", "没有发现问题").say(language).to_owned());
    }
    lines.push(tokens(report, counter).say(language).to_owned());
    if report.fixed != prompt {
        let fixed = visible(&report.fixed);
        lines.push(both!("fixed: {fixed}", "修正后：{fixed}").say(language).to_owned());
    }
    lines
}

fn shown(prompt: &str, finding: &Finding, language: Language) -> Vec<String> {
    let code = finding.code;
    let head = match code.severity() {
        Severity::Warning => both!("warning {code}", "警告 {code}"),
        Severity::Hint => both!("hint {code}", "提示 {code}"),
    };
    let mut lines = vec![format!("{}: {}", head.say(language), visible(&finding.message))];
    lines.extend(underlined(prompt, &finding.span));
    let with = finding.replacement.as_deref().map(visible);
    let instead = match with.as_deref() {
        None => None,
        Some("") => Some(both!("leave it out", "删去即可")),
        Some(with) => Some(both!("write: {with}", "改为：{with}")),
    };
    lines.extend(instead.map(|text| format!("  = {}", text.say(language))));
    lines.extend(finding.note.as_deref().map(|note| format!("  = {}", visible(note))));
    lines
}

/// The line of the prompt around a place, and marks below it.
fn underlined(prompt: &str, span: &Range<usize>) -> [String; 2] {
    let before: Vec<char> = prompt[..span.start].chars().rev().take(AROUND + 1).collect();
    let mut head: String = before.iter().take(AROUND).rev().map(|c| visible_char(*c)).collect();
    if before.len() > AROUND {
        head.insert(0, '…');
    }
    let mut piece: String = prompt[span.clone()].chars().take(LONGEST).map(visible_char).collect();
    if prompt[span.clone()].chars().nth(LONGEST).is_some() {
        piece.push('…');
    }
    let after: Vec<char> = prompt[span.end..].chars().take(AROUND + 1).collect();
    let mut tail: String = after.iter().take(AROUND).map(|c| visible_char(*c)).collect();
    if after.len() > AROUND {
        tail.push('…');
    }
    let marks = "^".repeat(cells(&piece).max(1));
    [format!("  {head}{piece}{tail}"), format!("  {}{marks}", " ".repeat(cells(&head)))]
}

/// What a terminal shows of a text, which must not steer it.
fn visible(text: &str) -> String {
    text.chars().map(visible_char).collect()
}

/// A character as one that is seen, and that takes as many cells as it says.
fn visible_char(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' => ' ',
        _ if c.width().unwrap_or(0) == 0 && !is_mark(c) => '·',
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' => '·',
        _ => c,
    }
}

/// Accents and what emoji are made of are seen as a part of the character in front.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{fe0e}' | '\u{fe0f}')
}

fn cells(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

fn tokens(report: &Report, counter: Option<&str>) -> Text {
    let zao_prompt::Tokens { count, limit, estimated, fixed_count } = report.tokens;
    let after = match fixed_count == count {
        true => Text::same(""),
        false => both!(", {fixed_count} when fixed", "，修正后 {fixed_count}"),
    };
    let by = match counter.filter(|_| !estimated) {
        None => both!(" (estimated)", "（估计值）"),
        Some(model) => both!(" ({model})", "（{model}）"),
    };
    both!("tokens: {count} of {limit}", "token：{count} / {limit}").then(&after).then(&by)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zao_prompt::{Options, check};

    #[test]
    fn marks_stand_below_what_is_meant_in_cells() {
        let shown = underlined("红苹果very红", &(9..13));
        assert_eq!(shown, ["  红苹果very红".to_owned(), format!("  {}^^^^", " ".repeat(6))]);
        let long = "a".repeat(100);
        let [text, marks] = underlined(&long, &(50..52));
        assert!(text.starts_with("  …a") && text.ends_with("a…"), "{text}");
        assert_eq!(marks.find('^'), Some(2 + 1 + AROUND));
        let [text, marks] = underlined("a\u{200b}b\u{1b}", &(1..4));
        assert_eq!((text.as_str(), marks.as_str()), ("  a·b·", "   ^"));
    }

    #[test]
    fn both_languages_say_all_of_a_report() {
        let prompt = "a very red apple";
        let report = check(prompt, &Options::default());
        let english = lines(prompt, &report, Some("demo"), Language::En).join("\n");
        for part in [
            "warning intensifier: ",
            "^^^^^",
            "leave it out",
            "tokens: ",
            "(estimated)",
            "fixed: a red apple",
        ] {
            assert!(english.contains(part), "no {part} in {english}");
        }
        let chinese = lines(prompt, &report, None, Language::Zh).join("\n");
        assert!(chinese.contains("警告 intensifier") && chinese.contains("修正后：a red apple"));
        let many = "a very red apple, ".repeat(1100);
        let report = check(&many, &Options::default());
        let told = lines(&many, &report, None, Language::En);
        assert!(report.left_out > 99 && told.contains(&format!("and {} more", report.left_out)));
        let none = check("a red apple", &Options::default());
        assert!(lines("a red apple", &none, None, Language::En)[0].contains("nothing to find"));
        crate::language::tests::check_pairs(include_str!("show.rs"));
    }
}
