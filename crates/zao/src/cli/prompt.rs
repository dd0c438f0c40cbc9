//! The arguments of `zao prompt`.

use clap::{Args, Subcommand};

/// What to do with a prompt.
#[derive(Args, Debug)]
pub(crate) struct PromptArgs {
    #[command(subcommand)]
    pub(crate) command: PromptCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum PromptCommand {
    /// Find what is wrong with a prompt, before a device works on it
    Check(PromptCheckArgs),
    /// Build a prompt from its parts, or take one apart
    Template(PromptTemplateArgs),
}

#[derive(Args, Debug)]
pub(crate) struct PromptCheckArgs {}

#[derive(Args, Debug)]
pub(crate) struct PromptTemplateArgs {}
