//! Throwing damaged files at the parsers, and mixed-up prompts at the rules, for as long as one likes. What is thrown is said in
//! `crates/zao-weights/tests/fuzz` and `crates/zao-prompt/tests/fuzz`; the tests do the same for a moment.

use anyhow::{Context, Result, bail};

use crate::{Project, cargo};

/// How long, when nobody says.
const MINUTES: &str = "1";

/// The name that stands for the rules of prompts.
const PROMPT: &str = "prompt";

/// Runs the parser named in `words`, or each of them, for so many minutes.
///
/// # Errors
/// Words that mean nothing here, or a parser that failed; where its input was kept is printed by then.
pub fn run(words: &[&str]) -> Result<()> {
    let (minutes, parser) = arguments(words)?;
    if parser != Some(PROMPT) {
        throw("zao-weights", minutes, parser)?;
    }
    if parser.is_none_or(|parser| parser == PROMPT) {
        throw("zao-prompt", minutes, None)?;
    }
    Ok(())
}

fn throw(package: &str, minutes: &str, parser: Option<&str>) -> Result<()> {
    let status = cargo::command()
        .args(["test", "--release", "--package", package, "--test", "fuzz"])
        // Sums that wrap around have to be noticed, which the usual release build would not do.
        .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true")
        .args(["--target-dir", "target/fuzz", "--", "--minutes", minutes])
        .args(parser)
        .current_dir(Project::folder())
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("a parser failed; the input that it failed at is named above");
    }
    Ok(())
}

fn arguments<'w>(words: &[&'w str]) -> Result<(&'w str, Option<&'w str>)> {
    let (minutes, rest) = match words {
        ["--minutes", minutes, rest @ ..] => (*minutes, rest),
        _ => (MINUTES, words),
    };
    if !minutes.parse::<u32>().is_ok_and(|minutes| minutes > 0) {
        bail!("--minutes wants a whole number, not `{minutes}`");
    }
    match rest {
        [] => Ok((minutes, None)),
        [parser] if !parser.starts_with('-') => Ok((minutes, Some(parser))),
        _ => bail!("`fuzz` takes [--minutes N] [PARSER], not `{}`", rest.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_come_before_the_parser() {
        assert_eq!(arguments(&[]).unwrap(), ("1", None));
        assert_eq!(arguments(&["gguf"]).unwrap(), ("1", Some("gguf")));
        assert_eq!(arguments(&["--minutes", "30", "gguf"]).unwrap(), ("30", Some("gguf")));
        for words in [&["--minutes"][..], &["--minutes", "0"], &["a", "b"], &["--seed"]] {
            assert!(arguments(words).is_err(), "{words:?}");
        }
    }
}
