//! Prompts that are a JSON object, as people write them for other models: what their values say is read like any prompt, all the rest is
//! left as it is. Whether its keys mean anything is not asked.

use std::ops::Range;

use serde::de::IgnoredAny;

use super::quoted;

/// No prompt in JSON is longer, in bytes.
const LONGEST: usize = 1 << 15;

/// Keys whose values are names and texts to be seen, or what is not to be drawn.
const TEXTS: [&str; 20] = [
    "text",
    "title",
    "subtitle",
    "caption",
    "headline",
    "label",
    "labels",
    "slogan",
    "tagline",
    "quote",
    "lettering",
    "words",
    "name",
    "names",
    "sign",
    "inscription",
    "negative",
    "negative_prompt",
    "文字",
    "标题",
];

/// Whether a prompt is a JSON object.
pub(crate) fn is_json(prompt: &str) -> bool {
    let is_object = prompt.starts_with('{') && prompt.len() <= LONGEST && prompt.contains("\":");
    is_object && serde_json::from_str::<IgnoredAny>(prompt).is_ok()
}

/// Everything of a JSON object but what its values say.
pub(super) fn structure(prompt: &str) -> Option<Vec<Range<usize>>> {
    if !is_json(prompt) {
        return None;
    }
    let mut pieces = Vec::new();
    let mut protect = |range: Range<usize>| {
        if !range.is_empty() {
            pieces.push(range);
        }
    };
    let mut from = 0;
    let mut is_text = false;
    let mut at = 0;
    while let Some(open) = prompt[at..].find('"').map(|quote| at + quote + 1) {
        let close = string_end(prompt, open)?;
        at = close + 1;
        let inside = &prompt[open..close];
        if prompt[at..].trim_start().starts_with(':') {
            let key = inside.to_lowercase();
            is_text = TEXTS.contains(&key.as_str());
        } else if !is_text && !inside.contains('\\') {
            protect(from..open);
            quoted(inside).into_iter().for_each(|it| protect(open + it.start..open + it.end));
            from = close;
        }
    }
    protect(from..prompt.len());
    Some(pieces)
}

/// Where the string that begins at `open` ends.
fn string_end(prompt: &str, open: usize) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in prompt.as_bytes()[open..].iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(open + at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_values_say_is_free() {
        let free = |prompt: &str| -> Vec<String> {
            let pieces = structure(prompt).unwrap();
            let mut free = Vec::new();
            let mut from = 0;
            for piece in pieces {
                free.push(prompt[from..piece.start].to_owned());
                from = piece.end;
            }
            free.retain(|it| !it.is_empty());
            free
        };
        assert_eq!(free("{\"mood\": \"calm\", \"n\": [\"a <b> c\", 3]}"), ["calm", "a ", " c"]);
        assert_eq!(free("{\"title\": \"calm\", \"is\": {\"sky\": \"grey\"}}"), ["grey"]);
        assert_eq!(free("{\"sky\": \"a \\\"b\\\"\"}"), [""; 0]);
        assert_eq!(structure("{red|blue} car"), None);
    }
}
