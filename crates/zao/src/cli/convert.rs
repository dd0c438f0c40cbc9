//! The arguments of `zao convert`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use zao_engine::COMPARED;

use super::{FileArgs, MOST_WORKERS, whole};

#[derive(Args, Debug)]
pub(crate) struct ConvertArgs {
    /// What to store the weights in (t_embedder, cap_embedder, adaLN, final layer and autoencoder
    /// stay in bf16)
    #[arg(long, value_enum, value_name = "FORM")]
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

    /// How many pictures to draw with the copy and with the model in bf16, on the same noise, to see how
    /// far apart they are [default: 8 for a small model, else 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 0..=COMPARED))]
    pub(crate) pictures: Option<usize>,

    /// File to write with what became of each layer and each picture, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,

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
    /// 8-bit integers as processors multiply them; the copy is for processors only
    Int8,
    /// 8-bit floats with a scale for each output
    Fp8,
    /// 4-bit integers with a scale for each 64 inputs
    Int4,
}
