//! The pieces of a prompt that no rule may touch: quoted text, titles, tags of adapters, wildcards, addresses.
//! A quote that is never closed is none.

mod json;

use std::ops::Range;

pub(crate) use json::is_json;

/// No quoted text is longer, in bytes.
const LONGEST: usize = 1500;

/// A kind of quote.
struct Kind {
    open: char,
    close: char,
    /// The next place where one closes, from where it was looked for last.
    next: usize,
}

/// The protected pieces of `prompt`, marks included, in order. Of JSON the values are free.
pub(crate) fn protected(prompt: &str) -> Vec<Range<usize>> {
    json::structure(prompt).unwrap_or_else(|| quoted(prompt))
}

/// The same of what is no JSON.
fn quoted(prompt: &str) -> Vec<Range<usize>> {
    let pairs = [
        ('"', '"'),
        ('“', '”'),
        ('‘', '’'),
        ('「', '」'),
        ('『', '』'),
        ('《', '》'),
        ('〈', '〉'),
        ('«', '»'),
        ('„', '“'),
        ('`', '`'),
        ('\'', '\''),
        ('{', '}'),
        ('<', '>'),
        ('＂', '＂'),
        ('”', '”'),
    ];
    let mut kinds = pairs.map(|(open, close)| Kind { open, close, next: 0 });
    let mut pieces = Vec::new();
    let mut from = 0;
    while let Some(at) = next_opening(prompt, from) {
        let Some(c) = prompt[at..].chars().next() else { break };
        let inside = at + c.len_utf8();
        let before = prompt[..at].chars().next_back();
        let end = kinds
            .iter_mut()
            .find(|kind| kind.open == c)
            .filter(|_| opens(c, before, &prompt[inside..]))
            .and_then(|kind| kind.close_after(prompt, inside))
            .or_else(|| address_end(prompt, at, c));
        from = match end {
            Some(end) if end - at <= LONGEST => {
                pieces.push(at..end);
                end
            }
            _ => inside,
        };
    }
    pieces
}

/// The next place at which a character may begin that opens something: most open nothing, which their first bytes say.
fn next_opening(prompt: &str, from: usize) -> Option<usize> {
    let opens = |byte: &u8| {
        matches!(byte, b'"' | b'\'' | b'`' | b'{' | b'<' | b'h' | 0xc2 | 0xe2 | 0xe3 | 0xef)
    };
    Some(from + prompt.as_bytes()[from..].iter().position(opens)?)
}

impl Kind {
    /// The end of the first mark at or after `from` that closes, each byte looked at once in a whole prompt.
    fn close_after(&mut self, prompt: &str, from: usize) -> Option<usize> {
        if self.next < from {
            let closing = |&(at, _): &(usize, &str)| {
                let after = prompt[from + at + self.close.len_utf8()..].chars().next();
                self.close != '\'' || !after.is_some_and(char::is_alphanumeric)
            };
            let found = prompt[from..].match_indices(self.close).find(closing);
            self.next = found.map_or(usize::MAX, |(at, _)| from + at);
        }
        (self.next < usize::MAX && self.next >= from).then(|| self.next + self.close.len_utf8())
    }
}

/// Whether a mark opens a quote where it stands; apostrophes and inches do not.
fn opens(mark: char, before: Option<char>, after: &str) -> bool {
    let next = after.chars().next();
    match mark {
        '\'' => {
            !before.is_some_and(char::is_alphanumeric)
                && !next.is_some_and(char::is_whitespace)
                && next.is_some()
        }
        '"' => !before.is_some_and(|c| c.is_ascii_digit()),
        '<' => next.is_some_and(|c| c.is_ascii_alphabetic()),
        _ => true,
    }
}

/// The end of an address that begins at `from`.
fn address_end(prompt: &str, from: usize, first: char) -> Option<usize> {
    let rest = &prompt[from..];
    let is_address = first == 'h' && (rest.starts_with("http://") || rest.starts_with("https://"));
    is_address.then(|| {
        let end = |&(at, c): &(usize, char)| at > LONGEST || c.is_whitespace() || !c.is_ascii();
        // One that is too long is cut, and each part of it is an address again.
        from + rest.char_indices().find(end).map_or(rest.len(), |(at, _)| at.min(LONGEST))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(prompt: &str) -> Vec<&str> {
        protected(prompt).into_iter().map(|range| &prompt[range]).collect()
    }

    #[test]
    fn quotes_of_every_kind_are_found_and_apostrophes_are_none() {
        assert_eq!(
            pieces("a sign \"OPEN\", “很好”, 「好」《书》"),
            ["\"OPEN\"", "“很好”", "「好」", "《书》"]
        );
        assert_eq!(pieces("it's a dog's 'own' bone"), ["'own'"]);
        assert_eq!(pieces("a 5\" screen \"ok\""), ["\"ok\""]);
        assert_eq!(pieces("<lora:ink:1> {a|b} 1 < 2"), ["<lora:ink:1>", "{a|b}"]);
        assert_eq!(pieces("see https://a.example/b, c"), ["https://a.example/b,"]);
        assert_eq!(pieces("«a» „b“ ‘c’ 〈d〉 ＂e＂ ”f”").len(), 6);
        assert!(pieces("an open “quote and \"nothing").is_empty());
    }
}
