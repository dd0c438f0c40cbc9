//! The arguments of `zao generate` that draw a list of prompts.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Draw every prompt of a list, or of standard input (-): one prompt a line, CSV with a header, or JSON
    /// lines. Patterns such as {red|blue} and {2$$a|b|c} stand for many; other options count for all rows
    #[arg(long, value_name = "FILE")]
    #[arg(conflicts_with_all = ["prompt", "prompt_option", "from"])]
    pub(crate) prompts: Option<PathBuf>,

    /// Folder with lists of words: __colour__ in a prompt is a line of colour.txt in it. The prompt of the command line
    /// is a pattern then, too [default: wildcards beside the list, then wildcards where models are kept]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) wildcards: Option<PathBuf>,

    /// Say which pictures the list would give, and draw none
    #[arg(long, requires = "prompts")]
    pub(crate) dry_run: bool,

    /// Go on with a list that has changed since: draw what is new or different in it [default: go on if
    /// the list is the same]
    #[arg(long, requires = "prompts", conflicts_with = "fresh")]
    pub(crate) resume: bool,

    /// Draw all pictures of the list anew, also those that are there
    #[arg(long, requires = "prompts")]
    pub(crate) fresh: bool,
}

impl ListArgs {
    /// An option that says something of a list.
    pub(crate) fn option(&self) -> Option<&'static str> {
        let given =
            [("--dry-run", self.dry_run), ("--resume", self.resume), ("--fresh", self.fresh)];
        given.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }
}
