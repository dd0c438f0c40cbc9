//! What kind of character one is: Han, punctuation, a numeral. Nothing is looked for in a text here.

/// Whether a character is written in Chinese (and in Japanese and Korean) text as a word or part of one.
pub(crate) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}' | '〇')
}

/// Whether a character is Japanese kana, where kanji follow rules of their own.
pub(crate) fn is_kana(c: char) -> bool {
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
