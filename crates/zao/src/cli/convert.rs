//! The arguments of `zao convert`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{FileArgs, MOST_WORKERS, whole};

#[derive(Args, Debug)]
pub(crate) struct ConvertArgs {
    /// What to store the weights in: int8 (t_embedder, cap_embedder, adaLN, final layer and
    /// autoencoder stay in bf16)
    #[arg(long, value_enum, value_name = "PRECISION")]
    pub(crate) to: Target,

    /// Name of an installed model, or path of a model folder, or of a file with one part or all
    /// [default: z-image-turbo, else any other that is installed, else the built-in demo model]
    #[arg(long, short, value_name = "NAME|PATH")]
    pub(crate) model: Option<String>,

    #[command(flatten)]
    pub(crate) files: FileArgs,

    /// Folder to write, which must not exist yet; draw with it as in: zao generate --model FOLDER
    #[arg(long, short, value_name = "FOLDER")]
    pub(crate) output: PathBuf,

    /// Threads to compute with [default: one a core]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, NonZeroUsize::MIN..=MOST_WORKERS))]
    pub(crate) threads: Option<NonZeroUsize>,

    /// Say nothing but errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// What weights can be converted to.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Int8,
}
