//! The arguments of `zao doctor`.

use clap::Args;

use crate::language::Language;

#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    /// Language of the report [default: Chinese if LC_ALL, LC_MESSAGES or LANG say so, else English]
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub(crate) lang: Option<Language>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
