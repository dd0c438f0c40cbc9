//! The arguments of `zao config`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::language::Language;

#[derive(Args, Debug)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Show every setting as `zao serve` would have it now
    Show(ShowArgs),
    /// Write a file with every setting at its default, to be changed
    Init(InitArgs),
    /// Say whether the file and the variables can be used
    Check(CheckArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// Say where each comes from, and what it counts before
    #[arg(long)]
    pub(crate) origin: bool,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) which: WhichArgs,
}

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) which: WhichArgs,
}

/// What is looked at.
#[derive(Args, Debug)]
pub(crate) struct WhichArgs {
    /// File with settings [default: ZAO_CONFIG, else config.yaml in zao's home, if it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Language of the report [default: Chinese if LC_ALL, LC_MESSAGES or LANG say so, else English]
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub(crate) lang: Option<Language>,

    /// Flags of `zao serve`, to see what they would change
    #[arg(last = true, value_name = "FLAGS")]
    pub(crate) flags: Vec<OsString>,
}

#[derive(Args, Debug)]
pub(crate) struct InitArgs {
    /// File to write, or - for standard output [default: config.yaml in zao's home]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Write it although there is one
    #[arg(long)]
    pub(crate) force: bool,
}
