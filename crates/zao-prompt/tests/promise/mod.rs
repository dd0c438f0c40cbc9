//! What is promised of every prompt whatever it says, checked for one. Which prompts, is the caller's.

use zao_prompt::{Options, Report, check, fix};

/// Looks at a prompt, and panics where a promise is broken.
pub(crate) fn keep(prompt: &str) -> Report {
    let report = check(prompt, &Options::default());
    let mut last_start = 0;
    let mut free = 0;
    for finding in &report.findings {
        let span = finding.span.clone();
        assert_eq!(
            prompt.get(span.clone()),
            Some(finding.text.as_str()),
            "{finding:?} in {prompt:?}"
        );
        assert!(!span.is_empty() && !finding.message.is_empty(), "{finding:?} in {prompt:?}");
        assert!(span.start >= last_start, "not sorted: {finding:?} in {prompt:?}");
        last_start = span.start;
        if finding.replacement.is_some() {
            assert!(span.start >= free, "two replacements at {finding:?} in {prompt:?}");
            free = span.end;
        }
    }
    let again = check(&report.fixed, &Options::default());
    assert_eq!(again.fixed, report.fixed, "fixing twice changes more of {prompt:?}");
    assert_eq!(fix(prompt, &Options::default()), report.fixed, "{prompt:?}");
    assert!(prompt.trim().is_empty() || !report.fixed.trim().is_empty(), "{prompt:?}");
    report
}
