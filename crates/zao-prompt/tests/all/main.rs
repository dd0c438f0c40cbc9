//! Prompts as people write them, and what is said of them. Whether the rules hold for prompts that their authors have not seen is judged
//! by the corpus, not here.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy knows tests by their attribute, and these have helpers beside them"
)]

#[path = "../promise/mod.rs"]
mod promise;

mod absence;
mod axes;
mod carried;
mod chinese;
mod counter;
mod english;
mod good;
mod innocent;
mod long;
mod measures;
mod random;
mod report;
mod shrink;
mod sides;
mod strangers;
mod twins;

use zao_prompt::{Code, Options, check};

/// The pieces of a prompt that a rule finds.
fn found(code: Code, prompt: &str) -> Vec<String> {
    let report = promise::keep(prompt);
    let findings = report.findings.into_iter().filter(|finding| finding.code == code);
    findings.map(|finding| finding.text.trim().to_owned()).collect()
}

/// A rule finds these pieces in a prompt.
#[track_caller]
fn finds(code: Code, prompt: &str, pieces: &[&str]) {
    assert_eq!(found(code, prompt), pieces, "{code} in {prompt}");
}

/// A prompt becomes another.
#[track_caller]
fn becomes(prompt: &str, fixed: &str) {
    promise::keep(prompt);
    assert_eq!(check(prompt, &Options::default()).fixed, fixed, "{prompt}");
}
