//! The arguments of `zao prompt`.

use clap::{Args, Subcommand};

use crate::language::Language;

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
pub(crate) struct PromptTemplateArgs {
    /// A prompt to take apart, or - for standard input
    #[arg(value_name = "PROMPT")]
    pub(crate) prompt: Option<String>,

    /// Who or what
    #[arg(long, value_name = "TEXT")]
    pub(crate) subject: Option<String>,

    /// What the subject does, or how it is
    #[arg(long, value_name = "TEXT")]
    pub(crate) action: Option<String>,

    /// What else there is to see; may be given several times
    #[arg(long, value_name = "TEXT")]
    pub(crate) detail: Vec<String>,

    /// Where and when
    #[arg(long, value_name = "TEXT")]
    pub(crate) background: Option<String>,

    /// How the picture is made
    #[arg(long, value_name = "TEXT")]
    pub(crate) style: Option<String>,

    /// Language of the table [default: Chinese if LC_ALL, LC_MESSAGES or LANG say so, else English]
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub(crate) lang: Option<Language>,

    /// Print one JSON object: the slots, and the prompt that they make
    #[arg(long)]
    pub(crate) json: bool,
}
