//! `invisible`: characters that nobody sees and every tokenizer reads. Those that emoji and scripts from right to left are made with stay.

use super::Subject;
use super::characters::ODD;
use super::edit::{About, Hit};
use crate::Code;

/// What is done about an invisible character.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Blank(&'static [&'static str; 2]),
    Nothing(&'static [&'static str; 2]),
    /// Joins emoji and letters of some scripts.
    Joiner,
    Bidi,
    Tag,
}

fn kind(c: char) -> Option<Kind> {
    Some(match c {
        // Nearly all characters of a prompt.
        ' '..='~' | '\u{3001}'..='\u{3163}' | '\u{3165}'..='\u{ff9f}' => {
            return (c == '\u{feff}')
                .then_some(Kind::Nothing(&["byte order mark", "字节顺序标记"]));
        }
        '\u{a0}' | '\u{202f}' => Kind::Blank(&["no-break space", "不换行空格"]),
        '\u{2000}'..='\u{200a}' | '\u{205f}' | '\u{1680}' => {
            Kind::Blank(&["odd space", "特殊空格"])
        }
        '\u{2028}' | '\u{2029}' | '\u{85}' => Kind::Blank(&["odd line break", "特殊换行符"]),
        '\u{200b}' | '\u{2060}' => Kind::Nothing(&["zero-width space", "零宽空格"]),
        '\u{200c}' | '\u{200d}' => Kind::Joiner,
        '\u{ad}' => Kind::Nothing(&["soft hyphen", "软连字符"]),
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Kind::Bidi
        }
        '\u{e0000}'..='\u{e007f}' => Kind::Tag,
        '\t' | '\n' | '\r' => return None,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => {
            Kind::Nothing(&["control character", "控制字符"])
        }
        '\u{2061}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{180e}'
        | '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{3164}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' => Kind::Nothing(&["invisible character", "不可见字符"]),
        _ => return None,
    })
}

pub(super) fn find(subject: &Subject<'_>, hits: &mut Vec<Hit>) {
    let prompt = subject.text.prompt;
    if !subject.text.has(ODD) {
        return;
    }
    let is_bidi = prompt.chars().any(is_from_the_right);
    let mut run: Option<Run> = None;
    let mut from = 0;
    while let Some(at) = subject.text.next(ODD, from) {
        // What stands between two of them is seen.
        if at > from {
            finish(&mut run, from, prompt, hits);
        }
        let Some(c) = prompt[at..].chars().next() else { break };
        let end = at + c.len_utf8();
        let before = || prompt[..at].chars().next_back();
        let after = || prompt[end..].chars().next();
        let kind = kind(c).filter(|kind| match kind {
            Kind::Joiner => {
                let joined = |it: Option<char>| it.is_some_and(|c| is_emoji(c) || is_joined(c));
                !(joined(before()) && joined(after()))
            }
            Kind::Bidi => !is_bidi,
            Kind::Tag => !before()
                .is_some_and(|c| c == '\u{1f3f4}' || ('\u{e0000}'..='\u{e007f}').contains(&c)),
            Kind::Blank(_) | Kind::Nothing(_) => true,
        });
        match kind {
            Some(kind) => run.get_or_insert(Run { start: at, kind, blank: false }).take(kind),
            None => finish(&mut run, at, prompt, hits),
        }
        from = end;
    }
    finish(&mut run, from, prompt, hits);
}

/// Invisible characters behind each other.
struct Run {
    start: usize,
    kind: Kind,
    /// Whether one of them is a blank to the eye.
    blank: bool,
}

impl Run {
    fn take(&mut self, kind: Kind) {
        self.blank |= matches!(kind, Kind::Blank(_));
    }
}

fn finish(run: &mut Option<Run>, end: usize, prompt: &str, hits: &mut Vec<Hit>) {
    let Some(Run { start, kind, blank }) = run.take() else { return };
    let spaced = prompt[..start].chars().next_back().is_none_or(char::is_whitespace)
        || prompt[end..].chars().next().is_none_or(char::is_whitespace);
    let with = if blank && !spaced { " " } else { "" };
    let names = match kind {
        Kind::Blank(names) | Kind::Nothing(names) => names,
        Kind::Joiner => &["zero-width joiner", "零宽连接符"],
        Kind::Bidi => &["mark of writing direction", "书写方向标记"],
        Kind::Tag => &["invisible tag", "不可见标签字符"],
    };
    hits.push(Hit::replace(Code::Invisible, start..end, with, About::Kind(names)));
}

/// Hebrew, Arabic and their like.
fn is_from_the_right(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}

/// Scripts whose letters joiners shape.
fn is_joined(c: char) -> bool {
    is_from_the_right(c) || matches!(c, '\u{900}'..='\u{dff}' | '\u{1800}'..='\u{18af}')
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2190}'..='\u{2bff}' | '\u{fe0f}' | '\u{20e3}'
        | '\u{a9}' | '\u{ae}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::characters::kinds;

    #[test]
    fn whatever_nobody_sees_is_odd() {
        let unseen = ('\0'..=char::MAX).filter(|c| kind(*c).is_some());
        assert!(unseen.clone().count() > 100 && unseen.clone().all(|c| kinds(c) & ODD != 0));
    }
}
