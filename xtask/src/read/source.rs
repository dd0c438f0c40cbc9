//! A Rust file seen three ways: as written, without comments, and without comments and literals.
//! Removed text becomes spaces, so that lines and offsets stay what they were. It knows just
//! enough of the language for that; it parses nothing.

use std::ops::Range;

/// The views of one Rust file.
pub(crate) struct Source {
    /// Comments are blank, literals are kept.
    pub(crate) code: String,
    /// Comments and the insides of literals are blank.
    pub(crate) bare: String,
}

impl Source {
    /// Reads a file's text.
    pub(crate) fn new(text: &str) -> Self {
        let mut code = text.to_owned();
        let mut bare = text.to_owned();
        let mut at = 0;
        while at < text.len() {
            let (piece, length) = piece(text, at);
            match piece {
                Piece::Code => {}
                Piece::Comment => {
                    blank(&mut code, at..at + length);
                    blank(&mut bare, at..at + length);
                }
                Piece::Literal => blank(&mut bare, at..at + length),
            }
            at += length;
        }
        Self { code, bare }
    }

    /// The same without the items marked `#[cfg(test)]`.
    pub(crate) fn without_tests(mut self) -> Self {
        const MARK: &str = "#[cfg(test)]";
        while let Some(start) = self.bare.find(MARK) {
            let end = start + item_length(&self.bare[start + MARK.len()..]) + MARK.len();
            blank(&mut self.code, start..end);
            blank(&mut self.bare, start..end);
        }
        self
    }
}

/// The 1-based line on which the byte at `offset` stands.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// The first place of `word` in `text` that is not part of a longer name.
pub(crate) fn find_word(text: &str, word: &str) -> Option<usize> {
    text.match_indices(word)
        .map(|(at, _)| at)
        .find(|&at| !text[..at].ends_with(is_name) && !text[at + word.len()..].starts_with(is_name))
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

enum Piece {
    Code,
    Comment,
    Literal,
}

/// What begins at `at`, and its length in bytes.
fn piece(text: &str, at: usize) -> (Piece, usize) {
    let rest = &text[at..];
    let one = rest.chars().next().map_or(1, char::len_utf8);
    if rest.starts_with("//") {
        (Piece::Comment, rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        (Piece::Comment, block_comment(rest))
    } else if rest.starts_with('"') {
        (Piece::Literal, string(rest))
    } else if rest.starts_with(['r', 'b', 'c']) && !text[..at].ends_with(is_name) {
        raw_string(rest).map_or((Piece::Code, one), |length| (Piece::Literal, length))
    } else if rest.starts_with('\'') {
        character(rest).map_or((Piece::Code, one), |length| (Piece::Literal, length))
    } else {
        (Piece::Code, one)
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(next) = rest[at..].find(['/', '*']) {
        at += next;
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn raw_string(rest: &str) -> Option<usize> {
    let marked = rest.trim_start_matches(['b', 'c']).strip_prefix('r')?;
    let body = marked.trim_start_matches('#');
    let hashes = "#".repeat(marked.len() - body.len());
    let start = rest.len() - body.strip_prefix('"')?.len();
    let closing = format!("\"{hashes}");
    Some(rest[start..].find(&closing).map_or(rest.len(), |end| start + end + closing.len()))
}

/// The length of a character literal; none for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    if inner.starts_with('\\') {
        // The escaped character itself may be a quote.
        return inner.get(2..)?.find('\'').map(|end| end + 4);
    }
    let length = inner.chars().next()?.len_utf8();
    inner[length..].starts_with('\'').then_some(length + 2)
}

/// How far the item at the head of `bare` reaches: to its closing brace or its semicolon.
fn item_length(bare: &str) -> usize {
    let mut braces = 0_usize;
    let mut brackets = 0_usize;
    for (at, byte) in bare.bytes().enumerate() {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b'{' => braces += 1,
            b'}' if braces <= 1 => return at + 1,
            b'}' => braces -= 1,
            b';' if braces == 0 && brackets == 0 => return at + 1,
            _ => {}
        }
    }
    bare.len()
}

fn blank(text: &mut String, range: Range<usize>) {
    let spaces: String =
        text[range.clone()].bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }).collect();
    text.replace_range(range, &spaces);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_become_blank() {
        let source =
            Source::new("let a = \"x // é\\\"\"; // b\n/* c /* d */ e */ f('\"', &'g h)\n");
        assert_eq!(
            source.code.trim_end(),
            "let a = \"x // é\\\"\";     \n                  f('\"', &'g h)"
        );
        assert!(!source.bare.contains(['x', 'é', 'b', 'd', '"']));
        assert!(source.bare.contains("&'g h"));
    }

    #[test]
    fn raw_and_byte_strings_end_where_they_end() {
        let source = Source::new(r####"(r#"A " B"#, br"C", b"D", b'\'', 'É', for_r) + e"####);
        assert!(!source.bare.contains(['A', 'B', 'C', 'D', 'É', '\\']), "{}", source.bare);
        assert!(source.bare.ends_with("for_r) + e"), "{}", source.bare);
    }

    #[test]
    fn blank_text_keeps_its_lines() {
        let text = "/* é\n */ x\n";
        let at = Source::new(text).bare.find('x').unwrap();
        assert_eq!(at, text.find('x').unwrap());
        assert_eq!(line_of(text, at), 2);
    }

    #[test]
    fn test_items_go_and_the_rest_stays() {
        let text = "#[cfg(test)]\nuse a::{b, c};\nfn kept() {}\n#[cfg(test)]\nmod tests { fn gone() { } }\nfn also() {}";
        let source = Source::new(text).without_tests();
        assert!(source.code.contains("kept") && source.code.contains("also"));
        assert!(!source.code.contains("gone") && !source.code.contains("a::"));
    }

    #[test]
    fn words_have_edges() {
        assert_eq!(find_word("unsafe_code unsafe {", "unsafe"), Some(12));
        assert_eq!(find_word("an_unsafe", "unsafe"), None);
    }
}
