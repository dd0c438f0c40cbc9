//! Whether an argument can have a value that was not typed: asked of clap itself, so that a file and a command line take the same.

use std::error::Error;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command};

/// Says why these cannot be the argument's values, if that is so.
pub(super) fn check(argument: &Arg, values: &[String]) -> Result<(), String> {
    let command = Command::new("setting")
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(argument.clone());
    let flag = argument.get_long().unwrap_or_default();
    let line = values.iter().map(|value| format!("--{flag}={value}"));
    match command.try_get_matches_from(line) {
        Ok(_) => Ok(()),
        Err(error) => Err(reason(&error)),
    }
}

fn reason(error: &clap::Error) -> String {
    if let Some(source) = error.source() {
        return source.to_string();
    }
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => {
            format!("there are {}", values.join(", "))
        }
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            first.trim_start_matches("error: ").to_owned()
        }
    }
}
