//! What kind of character one is: Han, punctuation, a numeral. Nothing is looked for in a text here.

/// What kinds of character one is, a bit for each. A text is sorted by them once, so that a rule looks only at what it is about.
pub(crate) type Kinds = u16;

/// A part of a word that blanks separate.
pub(crate) const LATIN: Kinds = 1;
/// A part of a word that nothing separates.
pub(crate) const HAN: Kinds = 1 << 1;
/// Where a phrase ends. A full stop may also be a part of a number.
pub(crate) const SEPARATOR: Kinds = 1 << 2;
/// A digit, or a numeral of Chinese.
pub(crate) const NUMERAL: Kinds = 1 << 3;
/// 这, 那: points at a thing.
pub(crate) const POINTING: Kinds = 1 << 4;
/// Punctuation that comes in two widths.
pub(crate) const MARK: Kinds = 1 << 5;
/// A round bracket of either width.
pub(crate) const BRACKET: Kinds = 1 << 6;
/// A letter or a digit in full width.
pub(crate) const WIDE: Kinds = 1 << 7;
/// Neither a letter nor a usual mark: perhaps one that nobody sees.
pub(crate) const ODD: Kinds = 1 << 8;
/// Written so in traditional text only.
pub(crate) const TRADITIONAL: Kinds = 1 << 9;
/// Written so in simplified text only.
pub(crate) const SIMPLIFIED: Kinds = 1 << 10;
/// Japanese kana.
pub(crate) const KANA: Kinds = 1 << 11;
/// Not the first byte of its character.
pub(crate) const INSIDE: Kinds = 1 << 15;

/// The kinds of each character of ASCII.
const ASCII: [Kinds; 128] = {
    let mut table = [0; 128];
    let mut c = 0_u8;
    while c < 128 {
        table[c as usize] = match c {
            b'0'..=b'9' => LATIN | NUMERAL,
            b'A'..=b'Z' | b'a'..=b'z' => LATIN,
            b',' | b';' | b'.' | b'!' | b'?' => SEPARATOR | MARK,
            b'|' | b'\n' => SEPARATOR,
            b':' => MARK,
            b'(' | b')' => BRACKET,
            0..=31 | 127 => ODD,
            _ => 0,
        };
        c += 1;
    }
    table
};

/// The kinds of a character of one byte; none for a byte of a longer one.
pub(crate) fn of_byte(byte: u8) -> Kinds {
    ASCII.get(usize::from(byte)).copied().unwrap_or(0)
}

/// The kinds of a character, without what only the tables of scripts know.
pub(crate) fn kinds(c: char) -> Kinds {
    match c {
        '\0'..='\x7f' => ASCII[c as usize],
        '\u{4e00}'..='\u{9fff}' => HAN | han_kinds(c),
        '，' | '、' | '；' | '。' | '！' | '？' => SEPARATOR | MARK,
        '：' => MARK,
        '（' | '）' => BRACKET,
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => WIDE,
        '\u{c0}'..='\u{24f}' => LATIN,
        '\u{3041}'..='\u{30ff}' if is_kana(c) => KANA,
        '“' | '”' | '‘' | '’' | '…' | '—' | '–' | '·' | '\u{3001}'..='\u{3163}' => {
            if is_han(c) {
                HAN
            } else {
                0
            }
        }
        _ if is_han(c) => HAN,
        _ => ODD,
    }
}

fn han_kinds(c: char) -> Kinds {
    match c {
        '这' | '那' | '每' | '某' => POINTING,
        _ if is_numeral(c) => NUMERAL,
        _ => 0,
    }
}

/// Whether a character is written in Chinese (and in Japanese and Korean) text as a word or part of one.
pub(crate) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}' | '〇')
}

/// Whether a character is Japanese kana, where kanji follow rules of their own.
fn is_kana(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{30ff}') && c != '・'
}

/// Whether a character is a part of a word that blanks separate.
pub(crate) fn is_latin(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '\u{c0}'..='\u{24f}')
}

/// Whether a phrase ends with this character. A full stop may also be a part of a number.
pub(crate) fn is_separator(c: char) -> bool {
    matches!(c, ',' | '，' | '、' | ';' | '；' | '.' | '。' | '!' | '！' | '?' | '？' | '|' | '\n')
}

/// Whether a character is a Chinese numeral, or a digit.
pub(crate) fn is_numeral(c: char) -> bool {
    c.is_ascii_digit()
        || matches!(
            c,
            '一' | '二'
                | '两'
                | '三'
                | '四'
                | '五'
                | '六'
                | '七'
                | '八'
                | '九'
                | '十'
                | '几'
                | '百'
                | '千'
                | '万'
                | '亿'
                | '零'
                | '半'
                | '数'
                | '多'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_say_what_the_questions_say() {
        for c in ('\0'..='\u{ffff}').chain(['𠀀', '🐎']) {
            let is = |kind| kinds(c) & kind != 0;
            assert_eq!(is(LATIN), is_latin(c), "{c:?}");
            assert_eq!(is(HAN), is_han(c), "{c:?}");
            assert_eq!(is(SEPARATOR), is_separator(c), "{c:?}");
            assert_eq!(is(NUMERAL), is_numeral(c), "{c:?}");
            assert_eq!(is(KANA), is_kana(c), "{c:?}");
        }
    }
}
