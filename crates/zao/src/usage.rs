//! Wrong use of the command line, told in one line where clap takes several.

use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::failure::Failure;

/// Answers arguments that are no command: with the help that was asked for, or with what is wrong.
pub(crate) fn answer(error: &clap::Error) -> ExitCode {
    let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !asked_for && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Failure::usage(line(&error.render().to_string())).report();
    }
    // A reader that has gone has read enough.
    let _ = error.print();
    if asked_for { ExitCode::SUCCESS } else { ExitCode::from(2) }
}

/// The message and the tips of what clap prints, without the synopsis.
///
/// clap writes `error: MESSAGE`, then paragraphs of `  tip: TIP`, of `Usage:` and where to find
/// help.
fn line(rendered: &str) -> String {
    let said = rendered.split("\n\n").take_while(|text| {
        !text.starts_with("Usage:") && !text.starts_with("For more information")
    });
    let parts = said.flat_map(|text| text.split("\n  tip: ")).map(|text| {
        let text = text.trim();
        let text = text.strip_prefix("error: ").or(text.strip_prefix("tip: ")).unwrap_or(text);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    // What starts with two dashes is a misspelt option; nobody wants to draw it.
    let mut parts: Vec<String> = parts.filter(|text| !text.starts_with("to pass '--")).collect();
    if parts.len() == 1 && rendered.contains("\n\nUsage:") {
        parts.push("`--help` shows what there is".into());
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn refusal(arguments: &[&str]) -> String {
        let error = Cli::try_parse_from([&["zao"], arguments].concat()).unwrap_err();
        line(&error.render().to_string())
    }

    #[test]
    fn misspelt_words_are_corrected_in_one_line() {
        assert_eq!(
            refusal(&["generate", "x", "--sead", "3"]),
            "unexpected argument '--sead' found; a similar argument exists: '--seed'"
        );
        assert_eq!(
            refusal(&["genrate", "x"]),
            "unrecognized subcommand 'genrate'; a similar subcommand exists: 'generate'"
        );
    }

    #[test]
    fn what_has_no_tip_points_to_the_help() {
        assert_eq!(
            refusal(&["--bogus"]),
            "unexpected argument '--bogus' found; `--help` shows what there is"
        );
        assert_eq!(
            refusal(&["info"]),
            "the following required arguments were not provided: <FILE.png>; `--help` shows what \
             there is"
        );
    }

    #[test]
    fn only_what_may_be_a_prompt_is_taken_for_one() {
        assert_eq!(
            refusal(&["generate", "-x"]),
            "unexpected argument '-x' found; to pass '-x' as a value, use '-- -x'"
        );
        assert_eq!(
            refusal(&["generate", "x", "--bogus"]),
            "unexpected argument '--bogus' found; `--help` shows what there is"
        );
    }

    #[test]
    fn bad_values_say_what_is_good() {
        assert_eq!(
            refusal(&["generate", "x", "--steps", "0"]),
            "invalid value '0' for '--steps <N|auto>': use a whole number from 1 to 1000, or auto"
        );
        assert_eq!(
            refusal(&["generate", "x", "--seed", "-1"]),
            "invalid value '-1' for '--seed <N>': use a whole number from 0 to \
             18446744073709551615"
        );
    }
}
