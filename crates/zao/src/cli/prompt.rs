//! The arguments of `zao prompt`.

use std::path::PathBuf;

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
pub(crate) struct PromptCheckArgs {
    /// The prompt, or - to read it from standard input [default: standard input]
    #[arg(value_name = "PROMPT", allow_hyphen_values = true)]
    pub(crate) prompt: Option<String>,

    /// The words behind the first of a prompt without quotes; never used, but worth a good answer.
    #[arg(hide = true)]
    pub(crate) unquoted: Vec<String>,

    /// Print the prompt after all replacements, and nothing else
    #[arg(long, conflicts_with = "json")]
    pub(crate) fix: bool,

    /// Fail if there is anything to find
    #[arg(long)]
    pub(crate) strict: bool,

    /// What is not to be drawn, to find what is asked for and refused
    #[arg(long, value_name = "PROMPT")]
    pub(crate) negative: Option<String>,

    /// Folder with tables of your own, which add to the built-in ones: intensifier.toml, idiom.toml ...
    #[arg(long, value_name = "FOLDER")]
    pub(crate) rules: Option<PathBuf>,

    /// Whose tokenizer counts: name of an installed model, or path of a model folder or file [default: the model that
    /// `zao generate` would draw with]
    #[arg(long, short, value_name = "NAME|PATH")]
    pub(crate) model: Option<String>,

    /// Language of the findings [default: Chinese if LC_ALL, LC_MESSAGES or LANG say so, else English]
    #[arg(long, visible_alias = "lang", value_enum, value_name = "LANGUAGE")]
    pub(crate) language: Option<Language>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct PromptTemplateArgs {
    /// A prompt to take apart, or - for standard input
    #[arg(value_name = "PROMPT", allow_hyphen_values = true)]
    pub(crate) prompt: Option<String>,

    /// The words behind the first of a prompt without quotes; never used, but worth a good answer.
    #[arg(hide = true)]
    pub(crate) unquoted: Vec<String>,

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
    #[arg(long, visible_alias = "lang", value_enum, value_name = "LANGUAGE")]
    pub(crate) language: Option<Language>,

    /// Print one JSON object: the slots, and the prompt that they make
    #[arg(long)]
    pub(crate) json: bool,
}
