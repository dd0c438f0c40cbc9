//! The arguments of `zao plan`.

use std::num::NonZeroUsize;

use clap::Args;
use zao_engine::MAX_STEPS;

use super::bench::{MOST_PICTURES, size};
use super::{FileArgs, MemoryArgs, whole};
use crate::language::Language;

#[derive(Args, Debug)]
pub(crate) struct PlanArgs {
    /// A card that is not here, as in "RTX 4060 Ti" or 3060; `list` names those that are known [default: the card of
    /// this machine]
    #[arg(long, value_name = "NAME")]
    pub(crate) card: Option<String>,

    #[command(flatten)]
    pub(crate) memory: MemoryArgs,

    /// Name of an installed model, or path of a model folder or file [default: z-image-turbo, whose sizes are
    /// known without its files]
    #[arg(long, short, value_name = "NAME|PATH")]
    pub(crate) model: Option<String>,

    #[command(flatten)]
    pub(crate) files: FileArgs,

    /// Width and height in pixels, as in 1024x768, or one number for both [default: the model's own]
    #[arg(long, value_name = "SIZE", value_parser = size, allow_hyphen_values = true)]
    pub(crate) size: Option<(u32, u32)>,

    /// How many pictures at once
    #[arg(long, value_name = "N", default_value = "1", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, NonZeroUsize::MIN..=MOST_PICTURES))]
    pub(crate) batch: NonZeroUsize,

    /// Denoising steps [default: 8; for z-image 50]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 1..=MAX_STEPS as u32))]
    pub(crate) steps: Option<u32>,

    /// Only this precision: f32, bf16, fp8 or int8 [default: all but f32]
    #[arg(long, value_name = "PRECISION")]
    pub(crate) precision: Option<zao_api::Precision>,

    /// Language of the table [default: Chinese if LC_ALL, LC_MESSAGES or LANG say so, else English]
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub(crate) lang: Option<Language>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
