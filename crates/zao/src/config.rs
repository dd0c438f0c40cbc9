//! Settings from three places: flags count before variables, variables before one file, and that before defaults. What a setting is called in
//! each comes from one table, clap's own list of the arguments of `zao serve` ([`table`]). What a setting does is NOT known here.

mod check;
mod file;
mod init;
mod layers;
mod problem;
mod show;
mod table;
mod value;
mod words;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches, Parser};

use crate::cli::{Cli, ConfigArgs, ConfigCommand};
use crate::failure::{Failure, Result};
use layers::Layers;

/// Why there is no command.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The command line is none.
    CommandLine(clap::Error),
    /// A variable or the file cannot be used.
    Settings(Failure),
}

impl From<clap::Error> for Refused {
    fn from(error: clap::Error) -> Self {
        Self::CommandLine(error)
    }
}

/// Reads a command line, with what variables and the file say about settings that it leaves open.
///
/// # Errors
/// A command line that clap refuses; a variable or a file that cannot be used.
pub(crate) fn command_line(line: impl Iterator<Item = OsString>) -> Result<Cli, Refused> {
    let line: Vec<OsString> = line.collect();
    let command = Cli::command();
    let matches = command.clone().try_get_matches_from(&line)?;
    let Some((name, given)) = matches.subcommand() else {
        return Ok(Cli::from_arg_matches(&matches)?);
    };
    let wanted = table::wanted_by(name, given);
    let Some(subcommand) = command.find_subcommand(name).filter(|_| !wanted.is_empty()) else {
        return Ok(Cli::from_arg_matches(&matches)?);
    };
    let layers = Layers::load(given_file(given).as_deref()).map_err(Refused::Settings)?;
    let more = layers.fill(subcommand, given, &wanted).map_err(Refused::Settings)?;
    // As if they had been typed first, behind the program and the command.
    let typed = line.iter().skip(2);
    Ok(Cli::try_parse_from(line.iter().take(2).chain(&more).chain(typed))?)
}

/// The file that `--config` names.
fn given_file(given: &ArgMatches) -> Option<PathBuf> {
    let file = given.try_get_one::<PathBuf>("config");
    file.ok().flatten().cloned()
}

/// The values of an argument, if they were typed.
fn typed(command: &Command, given: &ArgMatches, flag: &str) -> Option<Vec<String>> {
    let argument = command.get_arguments().find(|argument| argument.get_long() == Some(flag))?;
    let id = argument.get_id().as_str();
    (given.value_source(id) == Some(ValueSource::CommandLine)).then(|| {
        let values = given.get_raw(id).into_iter().flatten();
        values.map(|value| value.to_string_lossy().into_owned()).collect()
    })
}

/// `zao config`.
pub(crate) fn run(args: &ConfigArgs) -> Result<()> {
    match &args.command {
        ConfigCommand::Show(args) => show::run(args),
        ConfigCommand::Init(args) => init::run(args),
        ConfigCommand::Check(args) => check::run(args),
    }
}
