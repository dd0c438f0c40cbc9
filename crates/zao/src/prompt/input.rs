//! The prompt that a command of `zao prompt` is about: as typed, or from standard input. What is in it is NOT looked at.

use std::io::{IsTerminal, Read};

use anyhow::Context;

use crate::failure::{Failure, Result};

/// Longer prompts are not read.
const MOST_BYTES: u64 = 16 << 20;

/// The prompt as typed, which more words must not follow; `-` is standard input.
pub(super) fn read(typed: &str, unquoted: &[String]) -> Result<String> {
    if let Some(second) = unquoted.first() {
        return Err(Failure::unquoted(typed, second));
    }
    match typed {
        "-" => from_input(),
        typed => Ok(typed.to_owned()),
    }
}

/// Standard input, where somebody leads something into it.
pub(super) fn piped() -> Result<String> {
    if std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "no prompt; give one, as in: zao prompt check \"a very red apple\"",
        ));
    }
    from_input()
}

/// Standard input without the line break at its end, and without the mark that some editors begin a file with.
fn from_input() -> Result<String> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.context("cannot read standard input")?;
    if bytes.len() as u64 > MOST_BYTES {
        let most = MOST_BYTES >> 20;
        return Err(Failure::usage(format!(
            "more than {most} MiB on standard input are no prompt"
        )));
    }
    let prompt = String::from_utf8(bytes);
    let mut prompt = prompt.map_err(|_| {
        Failure::usage("standard input is not UTF-8; convert it, for example with iconv")
    })?;
    let end = prompt.trim_end_matches(['\r', '\n']).len();
    prompt.truncate(end);
    Ok(prompt.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(prompt))
}
