//! Reading the text form, as zao and as other tools write it. It does NOT judge the values.

use serde::de::IgnoredAny;

use super::{Parameters, Setting, settings};

const NEGATIVE: &str = "Negative prompt:";

impl Parameters {
    /// Reads a text; `None` if it is blank, or a JSON object as some tools (Fooocus, InvokeAI) put
    /// under the same keyword.
    ///
    /// A text without settings is a prompt. Lines behind the settings are passed over: old versions
    /// of the web UI put remarks there.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return None;
        }
        let Some((at, settings)) = last_line(text, settings_of) else {
            return (!is_json_object(text)).then(|| Self::from_prompts(text, Vec::new()));
        };
        Some(Self::from_prompts(before_line(text, at), settings))
    }

    fn from_prompts(text: &str, settings: Vec<Setting>) -> Self {
        let (prompt, negative_prompt) = match last_line(text, negative_opening) {
            Some((at, opening)) => (before_line(text, at), &text[at + opening..]),
            None => (text, ""),
        };
        Self { prompt: prompt.to_owned(), negative_prompt: negative_prompt.to_owned(), settings }
    }
}

/// The last line that `known` knows: the offset it starts at, and what it is known as.
fn last_line<T>(text: &str, known: impl Fn(&str) -> Option<T>) -> Option<(usize, T)> {
    let mut end = text.len();
    loop {
        let start = text[..end].rfind('\n').map_or(0, |newline| newline + 1);
        if let Some(found) = known(&text[start..end]) {
            return Some((start, found));
        }
        end = start.checked_sub(1)?;
    }
}

/// All lines before the one that starts at `at`.
fn before_line(text: &str, at: usize) -> &str {
    text[..at].strip_suffix('\n').unwrap_or_default()
}

/// The bytes of a line that open the negative prompt; the web UI looks past leading spaces too.
pub(super) fn negative_opening(line: &str) -> Option<usize> {
    let negative = line.trim_start().strip_prefix(NEGATIVE)?;
    // The one space belongs to the form; any other is the writer's.
    let negative = negative.strip_prefix(' ').unwrap_or(negative);
    Some(line.len() - negative.len())
}

/// The settings if the line looks like settings: it starts with a number of steps, or it has at
/// least three settings (the web UI's rule), one of them a seed.
fn settings_of(line: &str) -> Option<Vec<Setting>> {
    let settings = settings::split(line.trim());
    let first = settings.first()?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let has_seed = || settings.iter().any(|s| s.name.eq_ignore_ascii_case("seed"));
    let looks_right = (first.name.eq_ignore_ascii_case("steps") && is_number(&first.value))
        || (settings.len() >= 3 && has_seed());
    looks_right.then_some(settings)
}

fn is_json_object(text: &str) -> bool {
    text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (String, String, usize) {
        let parameters = Parameters::parse(text).unwrap();
        (parameters.prompt, parameters.negative_prompt, parameters.settings.len())
    }

    fn parts(prompt: &str, negative: &str, settings: usize) -> (String, String, usize) {
        (prompt.to_owned(), negative.to_owned(), settings)
    }

    #[test]
    fn prompts_of_several_lines_keep_them() {
        let text = "a cat\n\n  on a mat\nNegative prompt: dogs\nand birds\nSteps: 8, Seed: 1";
        assert_eq!(parse(text), parts("a cat\n\n  on a mat", "dogs\nand birds", 2));
    }

    #[test]
    fn lines_that_look_like_the_form_may_stand_in_the_prompt() {
        let text = "Steps: 3\nNegative prompt: no\nSteps: 4\nNegative prompt: dogs\nSteps: 8";
        assert_eq!(parse(text), parts("Steps: 3\nNegative prompt: no\nSteps: 4", "dogs", 1));
    }

    #[test]
    fn either_prompt_may_be_missing() {
        assert_eq!(parse("Steps: 8, Seed: 1"), parts("", "", 2));
        assert_eq!(parse("Negative prompt: dogs\nSteps: 8"), parts("", "dogs", 1));
        assert_eq!(parse("a cat\nNegative prompt:\nSteps: 8"), parts("a cat", "", 1));
        assert_eq!(parse("a cat"), parts("a cat", "", 0));
    }

    #[test]
    fn settings_in_another_order_are_known_by_their_seed() {
        assert_eq!(parse("a cat\nSize: 1x1, Seed: 3, Steps: 4"), parts("a cat", "", 3));
        assert_eq!(parse("a: b, c: d, e: f"), parts("a: b, c: d, e: f", "", 0));
    }

    #[test]
    fn remarks_behind_the_settings_and_carriage_returns_do_no_harm() {
        let parameters =
            Parameters::parse("a cat\r\nSteps: 8, Seed: 1\r\n\r\nWarning: too many tokens")
                .unwrap();
        assert_eq!(parameters.get("seed"), Some("1"));
        assert_eq!(parameters.prompt, "a cat\r");
    }

    #[test]
    fn blank_texts_and_json_objects_are_something_else() {
        assert_eq!(Parameters::parse(" \n"), None);
        assert_eq!(Parameters::parse(r#"{"prompt": "a cat", "seed": "1"}"#), None);
        assert_eq!(parse("{not json}"), parts("{not json}", "", 0));
        // A JSON prompt is a prompt as soon as settings follow it.
        assert_eq!(parse("{\"a\": 1}\nSteps: 8"), parts("{\"a\": 1}", "", 1));
    }
}
