//! `--fix-prompt`: the prompt that is drawn in place of the one that was typed, and what is said of that.

use zao_api::Request;
use zao_prompt::{Finding, Options};

/// Mends the prompt of `request`; says in lines what was changed.
pub(super) fn prompt(request: &mut Request) -> Vec<String> {
    let negative = request.negative_prompt.as_deref();
    let options = Options { negative, helpers: Some(&zao_request::Threads), ..Options::default() };
    let report = zao_prompt::check(&request.prompt, &options);
    if report.fixed == request.prompt {
        return Vec::new();
    }
    let mut lines: Vec<String> = report.findings.iter().filter_map(changed).collect();
    lines.push(format!("prompt drawn: {}", one_line(&report.fixed)));
    request.prompt = report.fixed;
    lines
}

fn changed(finding: &Finding) -> Option<String> {
    let (code, text) = (finding.code, one_line(finding.text.trim()));
    Some(match finding.replacement.as_deref()?.trim() {
        "" => format!("prompt: {text:?} is left out ({code})"),
        with => format!("prompt: {text:?} becomes {:?} ({code})", one_line(with)),
    })
}

/// The text for a message, which has one line.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_gets_the_mended_prompt_and_each_change_is_said() {
        let mut request = Request {
            prompt: "a very red apple, a sign that says OPEN".into(),
            ..Request::default()
        };
        let lines = prompt(&mut request);
        assert_eq!(request.prompt, "a red apple, a sign that says \"OPEN\"");
        assert_eq!(lines[0], "prompt: \"very\" is left out (intensifier)");
        assert_eq!(lines.len(), 3);
        assert!(prompt(&mut request).is_empty());
    }
}
