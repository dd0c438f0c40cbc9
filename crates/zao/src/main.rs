//! The `zao` command: arguments to settings, settings to work, work to an exit code.
//!
//! Exit codes: 0 done, 1 it failed, 2 it was asked wrongly. Results go to standard output, everything
//! else to standard error, one line each.

mod bench;
mod cli;
mod columns;
mod config;
mod console;
mod convert;
mod demo;
mod doctor;
mod failure;
mod generate;
mod info;
mod inspect;
mod interrupt;
mod language;
mod load;
mod log;
mod loras;
mod model;
mod models;
mod nearest;
mod panics;
mod places;
mod plan;
mod progress;
mod prompt;
mod pull;
mod screen;
mod serve;
mod units;
mod usage;
mod worker;

use std::process::ExitCode;

use cli::Command;
use config::Refused;

fn main() -> ExitCode {
    let cli = match config::command_line(std::env::args_os()) {
        Ok(cli) => cli,
        Err(Refused::CommandLine(error)) => return usage::answer(&error),
        Err(Refused::Settings(failure)) => return failure.report(),
    };
    let done = match cli.command {
        Command::Generate(args) => generate::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Load(args) => load::run(&args),
        Command::Loras(args) => loras::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Prompt(args) => prompt::run(&args),
        Command::Pull(args) => pull::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Worker(args) => worker::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
