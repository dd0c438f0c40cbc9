//! `cargo xtask`: the project's chores by name. What a chore does lives in the library; here
//! only words become calls and results become an exit code.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to its terminal")]

use std::process::ExitCode;

use anyhow::{Result, bail};
use xtask::{ci, fuzz, kernels, openapi, tidy, web};

const USAGE: &str = "\
usage: cargo xtask <chore>

  ci [--skip STEP]...   everything CI checks, fastest first, up to the first failure
  tidy                  only the rules of the house, without compiling the project
  fuzz [--minutes N] [PARSER]
                        throw damaged files at the parsers and mixed-up prompts at their rules, a minute at each unless told otherwise
  kernels [NAME]...     compile the CUDA kernels whose sources changed, or those named (Linux, needs pip and zstd)
  kernels --check       compile them all and compare with what is committed
  openapi [--check]     write docs/openapi.json, which the routes of the server make, or only compare
  web [--check]         build the page anew, or only compare (needs Node)";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[&str]) -> Result<()> {
    match words {
        ["ci", rest @ ..] => ci::run(&skipped(rest)?),
        ["tidy"] => tidy::run(),
        ["fuzz", rest @ ..] => fuzz::run(rest),
        ["kernels", "--check"] => kernels::check(),
        ["kernels", names @ ..] => kernels::build(names),
        ["openapi"] => openapi::write(),
        ["openapi", "--check"] => openapi::check(),
        ["web"] => web::build(),
        ["web", "--check"] => web::check(),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        [unknown, ..] => bail!("no chore is called `{unknown}`\n\n{USAGE}"),
    }
}

fn skipped<'w>(words: &[&'w str]) -> Result<Vec<&'w str>> {
    words
        .chunks(2)
        .map(|pair| match pair {
            ["--skip", step] => Ok(*step),
            ["--skip"] => bail!("--skip wants the name of a step after it"),
            [other, ..] => bail!("`ci` takes only --skip STEP, not `{other}`"),
            [] => bail!("an empty argument"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_are_read_in_pairs() {
        assert_eq!(skipped(&["--skip", "tests", "--skip", "docs"]).unwrap(), ["tests", "docs"]);
        assert!(skipped(&["--skip"]).is_err());
        assert!(skipped(&["tests"]).is_err());
    }

    #[test]
    fn an_unknown_chore_is_named() {
        let message = dispatch(&["dance"]).unwrap_err().to_string();
        assert!(message.contains("`dance`"), "{message}");
    }
}
