//! The settings line, `Name: value, Name: "quoted, value", ...`: splitting it and quoting values.
//! It does NOT know what the settings mean.

use super::Setting;

// Real lines have some tens; the bound is for files made of nothing but commas and colons.
const MAX_SETTINGS: usize = 1024;

/// Splits a settings line, up to [`MAX_SETTINGS`]. What is no `name: value` is passed over.
///
/// A value ends at the next comma, except that a JSON string is taken whole and unquoted (so the web
/// UI quotes values with commas) and a bracketed value is taken to its closing bracket (so Civitai
/// and stable-diffusion.cpp write lists without quotes). Takes time linear in the line.
pub(super) fn split(line: &str) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut rest = line;
    // A delimiter that never closes is an ordinary character. Looking for the end of each anew
    // would make hostile lines cost quadratic time.
    let mut delimiters_close = true;
    while settings.len() < MAX_SETTINGS {
        let Some(mark) = rest.find([',', ':']) else { break };
        let (name, tail) = (rest[..mark].trim(), &rest[mark + 1..]);
        if rest.as_bytes()[mark] == b',' {
            rest = tail;
            continue;
        }
        let tail = tail.trim_start();
        let delimited = if delimiters_close { delimited_len(tail) } else { Some(0) };
        delimiters_close &= delimited.is_some();
        let delimited = delimited.unwrap_or(0);
        let end = tail[delimited..].find(',').map_or(tail.len(), |comma| delimited + comma);
        if !name.is_empty() {
            settings.push(Setting { name: name.to_owned(), value: unquote(tail[..end].trim()) });
        }
        rest = tail.get(end + 1..).unwrap_or_default();
    }
    settings
}

/// Bytes of the JSON string, list or object that `text` starts with: 0 if it starts with something
/// else, `None` if the value never ends.
fn delimited_len(text: &str) -> Option<usize> {
    let first = text.bytes().next();
    if !matches!(first, Some(b'"' | b'[' | b'{')) {
        return Some(0);
    }
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && !in_string {
            return Some(at + 1);
        }
    }
    None
}

fn unquote(value: &str) -> String {
    let quoted = value.starts_with('"').then(|| serde_json::from_str(value).ok());
    quoted.flatten().unwrap_or_else(|| value.to_owned())
}

/// Quotes a value as a JSON string where it would not come back from [`split`] as it is.
///
/// The web UI quotes for commas, colons and newlines; the other cases are such that it reads them
/// the same.
pub(super) fn quote(value: &str) -> String {
    let plain = !value.is_empty()
        && value.trim() == value
        && !value.starts_with(['"', '[', '{'])
        && !value.contains([',', ':', '\n', '\r']);
    if plain { value.to_owned() } else { serde_json::Value::from(value).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(line: &str) -> Vec<(String, String)> {
        split(line).into_iter().map(|s| (s.name, s.value)).collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn commas_inside_strings_and_brackets_do_not_end_a_value() {
        let line = r#"Steps: 20, Lora hashes: "a: 1, b: \"2\"", R: [{"n":"x], y"},{"w":1}], S: [1, 2, ], V: z"#;
        assert_eq!(
            pairs(line),
            [
                pair("Steps", "20"),
                pair("Lora hashes", "a: 1, b: \"2\""),
                pair("R", r#"[{"n":"x], y"},{"w":1}]"#),
                pair("S", "[1, 2, ]"),
                pair("V", "z"),
            ]
        );
    }

    #[test]
    fn what_never_closes_is_ordinary_text() {
        assert_eq!(
            pairs("A: \"x, B: [y, C: z"),
            [pair("A", "\"x"), pair("B", "[y"), pair("C", "z")]
        );
    }

    #[test]
    fn text_behind_a_closed_delimiter_belongs_to_the_value() {
        assert_eq!(
            pairs(r#"A: "x, y" z, B: [1], C: {2}!"#),
            [pair("A", r#""x, y" z"#), pair("B", "[1]"), pair("C", "{2}!")]
        );
    }

    #[test]
    fn flags_and_empty_parts_are_passed_over() {
        assert_eq!(
            pairs(", Tiling, : 3, Steps: 8,, Date: 12:30,"),
            [pair("Steps", "8"), pair("Date", "12:30")]
        );
        assert_eq!(pairs(""), []);
        assert_eq!(pairs("Empty:"), [pair("Empty", "")]);
    }

    #[test]
    fn quoted_values_come_back_as_they_were() {
        let values = [
            "",
            " ",
            "plain",
            "a, b",
            "a: b",
            "a\nb",
            "a\r",
            "\"q\"",
            "\"",
            "[x",
            "{x}",
            " padded ",
            "back\\slash",
            "造, 🐈",
            "a\"b",
            "\u{a0}x",
            "\\",
            "x\\\",",
        ];
        for value in values {
            let line = format!("A: {}, B: end", quote(value));
            assert_eq!(pairs(&line), [pair("A", value), pair("B", "end")], "{line}");
            assert!(!line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn hostile_lines_take_linear_time() {
        for part in [":[,", ":\",", ":{\"", ":[]x,", ":\"\\\",", "a:[,"] {
            let line = part.repeat(1 << 18);
            let started = std::time::Instant::now();
            assert!(split(&line).len() <= MAX_SETTINGS);
            // Quadratic time would be hours.
            assert!(started.elapsed().as_secs() < 5, "{part}");
        }
    }
}
